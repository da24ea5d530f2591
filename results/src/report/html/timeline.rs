//! What happened second by second: a column of pictures for each strategy, all with the same axes,
//! with the faults through all of them.

mod faults;
pub(super) mod panels;

use std::fmt::Display;

use crate::report::format;
use crate::series::{SeriesRow, intervals};

use super::markup::Markup;
use super::plot::{Across, Area, Picture, line, path};
use super::scale::{Scale, time_tick};
use super::trace::{Coordinate, Envelope, Trace, WIDTH};
use super::trials::{Scenario, Strategy};

use faults::Lanes;
use panels::{Curve, Panel, Shape};

/// Room above a panel for its title.
const TITLE: f64 = 30.0;
/// Room below the last panel for the time.
const FOOT: f64 = 28.0;

/// The columns, and what their lines mean.
pub(super) fn write(markup: &mut Markup, scenario: &Scenario<'_>) {
    if scenario.seconds().next().is_none() {
        return markup.leaf("p", &[], "The records hold no series.");
    }
    let time = Scale::time(scenario.end_s(), 4);
    let panels = panels::all(scenario);
    let lanes = Lanes::of(scenario, &time);
    panels::legend(markup, scenario);
    markup.element("div", &[("class", &"multiples")], |markup| {
        for (index, strategy) in scenario.strategies.iter().enumerate() {
            let id = format!("{}-timeline-{}", scenario.id, index + 1);
            column(markup, strategy, &id, |markup| {
                picture(markup, strategy, &id, &time, &lanes, &panels);
            });
        }
    });
}

/// A strategy's figure, with its name above and what is drawn boldly below.
pub(super) fn column(
    markup: &mut Markup,
    strategy: &Strategy<'_>,
    id: &str,
    inside: impl FnOnce(&mut Markup),
) {
    let caption = format!("{id}-of");
    markup.element("figure", &[("aria-labelledby", &caption)], |markup| {
        markup.element("figcaption", &[("id", &caption)], |markup| {
            strategy.look.swatch(markup);
            markup.leaf("strong", &[], strategy.name());
            let trials = strategy.trials.len();
            if trials > 1 {
                let repetition = strategy.median_trial().repetition;
                let text = format!("bold: repetition {repetition}; band: all {trials}");
                markup.leaf("small", &[], text);
            }
        });
        inside(markup);
    });
}

fn picture(
    markup: &mut Markup,
    strategy: &Strategy<'_>,
    id: &str,
    time: &Scale,
    lanes: &Lanes<'_>,
    panels: &[Panel],
) {
    let first_top = if lanes.is_empty() { 0.0 } else { TITLE + lanes.height() };
    let height = first_top + panels.iter().map(|panel| TITLE + panel.height).sum::<f64>();
    let picture = Picture {
        id,
        title: &format!("{} over time", strategy.name()),
        description: &description(strategy),
        height: height + FOOT,
        labelled: false,
    };
    picture.write(markup, |markup| {
        let frame = |top, height, y| Area { top, height, x: time, y };
        let nothing = Scale::between(0.0, 1.0);
        if !lanes.is_empty() {
            frame(TITLE, height - TITLE, &nothing).write(markup, |markup| {
                title(markup, "Faults");
                let below = (lanes.height(), height - first_top);
                faults::shades(markup, strategy.median_trial(), time, below);
                lanes.write(markup, strategy.median_trial(), time);
            });
        }
        let mut top = first_top;
        for (index, panel) in panels.iter().enumerate() {
            let area = frame(top + TITLE, panel.height, &panel.scale);
            top += TITLE + panel.height;
            area.write(markup, |markup| {
                let last = index + 1 == panels.len();
                title(markup, panel.title);
                area.grid(markup, panel.ticks, panel.text);
                area.uprights(markup, &time.ticks(5), last.then_some(&time_tick));
                if let Some(objective) = panel.objective {
                    area.level(markup, "line objective", objective);
                }
                area.lines(markup, |markup| curves(markup, strategy, panel, &area));
            });
        }
    });
}

/// A panel's title, above its area.
fn title(markup: &mut Markup, text: &str) {
    let place: [(&str, &dyn Display); 3] = [("class", &"label"), ("x", &0), ("y", &-10)];
    markup.leaf("text", &place, text);
}

/// The bands of all trials, and the lines of the median trial over them.
pub(super) fn curves(markup: &mut Markup, strategy: &Strategy<'_>, panel: &Panel, area: &Area<'_>) {
    let class = strategy.look.class();
    if strategy.trials.len() > 1 {
        for curve in panel.curves.iter().filter(|curve| curve.banded) {
            let mut envelope = Envelope::new();
            strategy.trials.iter().for_each(|t| envelope.add(&trace(&t.series, curve, area)));
            path(markup, format_args!("band {class}"), &envelope.path());
        }
    }
    for curve in &panel.curves {
        let trace = trace(&strategy.median_trial().series, curve, area);
        line(markup, format_args!("{} {class}", curve.class), &trace);
    }
}

/// The trace of one curve: rates and quantiles in the middle of their interval, gauges held from
/// the moment at which they were read.
fn trace(series: &[SeriesRow], curve: &Curve, area: &Area<'_>) -> Trace {
    let rows = intervals(series);
    match curve.shape {
        Shape::Interval => Trace::new(
            rows.map(|(start_s, row)| area.point((start_s + row.t_s) / 2.0, (curve.of)(row)?)),
        ),
        Shape::Gauge => Trace::new(rows.map(|(_, row)| area.point(row.t_s, (curve.of)(row)?))),
        Shape::Steps => Trace::steps(
            rows.map(|(_, row)| area.point(row.t_s, (curve.of)(row)?)),
            series.last().and_then(|row| area.x.share(row.t_s)).unwrap_or(0.0) * WIDTH,
        ),
    }
}

fn description(strategy: &Strategy<'_>) -> String {
    let trial = strategy.median_trial();
    let greatest = |of: fn(&SeriesRow) -> Option<f64>| {
        trial.series.iter().filter_map(of).filter(|value| value.is_finite()).reduce(f64::max)
    };
    let p99 = greatest(|row| row.response_p99_ms).map(format::milliseconds);
    let lag = greatest(|row| row.lag_records.map(|lag| lag as f64)).map(|lag| lag as u64);
    let replicas = greatest(|row| Some(f64::from(row.replicas))).map(|most| most as u64);
    let shown = |count: Option<u64>| count.map_or("unknown".to_owned(), format::count);
    format!(
        "Repetition {}. Highest response p99 of a second: {}. Highest lag: {} records. Most \
         replicas: {}. {}",
        trial.repetition,
        p99.unwrap_or("unknown".to_owned()),
        shown(lag),
        shown(replicas),
        faults::description(trial),
    )
}

/// A stretch from one time to another, over an area's height from its top on; pointing at it shows
/// the title.
fn stretch(
    markup: &mut Markup,
    class: &str,
    (from, to): (f64, f64),
    (top, height): (f64, f64),
    title: &str,
) {
    let attributes: [(&str, &dyn Display); 5] = [
        ("class", &class),
        ("x", &Across(from)),
        ("width", &Across(to - from)),
        ("y", &Coordinate(top)),
        ("height", &Coordinate(height)),
    ];
    markup.element("rect", &attributes, |markup| {
        if !title.is_empty() {
            markup.leaf("title", &[], title);
        }
    });
}
