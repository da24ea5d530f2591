//! Which curves the pictures over time have, on which axes.

use crate::report::html::markup::Markup;
use crate::report::html::scale::{Scale, milliseconds_tick, number_tick};
use crate::report::html::trials::Scenario;
use crate::series::SeriesRow;

/// One pair of axes with its curves.
pub(in crate::report::html) struct Panel {
    pub(in crate::report::html) title: &'static str,
    /// In pixels.
    pub(in crate::report::html) height: f64,
    pub(in crate::report::html) scale: Scale,
    /// The most texts beside the vertical axis.
    pub(in crate::report::html) ticks: usize,
    pub(in crate::report::html) text: fn(f64) -> String,
    /// A value that is to be kept.
    pub(in crate::report::html) objective: Option<f64>,
    pub(in crate::report::html) curves: Vec<Curve>,
}

/// One curve.
pub(in crate::report::html) struct Curve {
    /// The style sheet's class.
    pub(in crate::report::html) class: &'static str,
    pub(in crate::report::html) shape: Shape,
    /// Whether a band shows what all trials cover.
    pub(in crate::report::html) banded: bool,
    pub(in crate::report::html) of: fn(&SeriesRow) -> Option<f64>,
}

/// What a row's figure is about.
#[derive(Clone, Copy)]
pub(in crate::report::html) enum Shape {
    /// The whole interval.
    Interval,
    /// The interval's end.
    Gauge,
    /// The interval's end, and every moment until the next one.
    Steps,
}

fn lag(row: &SeriesRow) -> Option<f64> {
    row.lag_records.map(|lag| lag as f64)
}

/// The panels, with the axes that hold every trial of the scenario.
pub(super) fn all(scenario: &Scenario<'_>) -> Vec<Panel> {
    let curve = |class, shape, banded, of| Curve { class, shape, banded, of };
    let values = |of: fn(&SeriesRow) -> Option<f64>| scenario.seconds().filter_map(of);
    let rates = values(|row| Some(row.offered)).chain(values(|row| Some(row.achieved)));
    vec![
        Panel {
            title: "Rate, messages a second",
            height: 76.0,
            scale: Scale::linear(rates, 3),
            ticks: 4,
            text: number_tick,
            objective: None,
            curves: vec![
                curve("solid", Shape::Interval, true, |row| Some(row.achieved)),
                curve("reference", Shape::Interval, false, |row| Some(row.offered)),
            ],
        },
        Panel {
            title: "Response p99, log axis",
            height: 104.0,
            scale: Scale::logarithmic(
                values(|row| row.response_p99_ms).chain(scenario.objective_ms),
            ),
            ticks: 5,
            text: milliseconds_tick,
            objective: scenario.objective_ms,
            curves: vec![curve("solid", Shape::Interval, true, |row| row.response_p99_ms)],
        },
        Panel {
            title: "Lag, records",
            height: 76.0,
            scale: Scale::whole(values(lag), 3),
            ticks: 4,
            text: number_tick,
            objective: None,
            curves: vec![curve("solid", Shape::Gauge, true, lag)],
        },
        Panel {
            title: "Replicas",
            height: 76.0,
            scale: replicas_scale(scenario),
            ticks: 4,
            text: number_tick,
            objective: None,
            curves: vec![
                curve("solid", Shape::Steps, true, |row| Some(f64::from(row.ready_replicas))),
                curve("reference", Shape::Steps, false, |row| {
                    Some(f64::from(row.desired_replicas))
                }),
            ],
        },
    ]
}

/// The axis of replicas.
pub(in crate::report::html) fn replicas_scale(scenario: &Scenario<'_>) -> Scale {
    let most = scenario.seconds().map(|row| row.ready_replicas.max(row.desired_replicas));
    Scale::whole(most.map(f64::from), 3)
}

/// What the lines mean.
pub(super) fn legend(markup: &mut Markup, scenario: &Scenario<'_>) {
    let mut entries = vec![
        ("line solid", "M0 6H30", "achieved rate; ready replicas"),
        ("line reference", "M0 6H30", "offered rate; replicas that the strategy wants"),
    ];
    if scenario.objective_ms.is_some() {
        entries.push(("line objective", "M0 6H30", "objective for the response p99"));
    }
    if scenario.records().any(|record| !record.faults.is_empty()) {
        entries.push((
            "fault-bar",
            "M0 1H30V11H0Z",
            "a fault, from landing to healing; numbers as in the table of faults",
        ));
        entries.push((
            "recovery",
            "M0 6H28M28 1V11",
            "until the system had recovered; dashed: it never had",
        ));
    }
    if scenario.trials_max() > 1 {
        entries.push(("band", "M0 0H30V12H0Z", "least to greatest over all trials"));
    }
    key(markup, &entries);
}

/// A list of samples of what is drawn, each with its meaning.
pub(in crate::report::html) fn key(markup: &mut Markup, entries: &[(&str, &str, &str)]) {
    markup.element("ul", &[("class", &"key")], |markup| {
        for (class, d, meaning) in entries {
            markup.element("li", &[], |markup| {
                let attributes: [(&str, &dyn std::fmt::Display); 5] = [
                    ("class", &"sample"),
                    ("viewBox", &"0 0 30 12"),
                    ("width", &30),
                    ("height", &12),
                    ("aria-hidden", &"true"),
                ];
                markup.element("svg", &attributes, |markup| {
                    markup.empty("path", &[("class", class), ("d", d)]);
                });
                markup.text(meaning);
            });
        }
    });
}
