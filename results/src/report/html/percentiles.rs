//! Response time by percentile: every strategy in one picture, on HdrHistogram's axis, on which
//! each further nine takes the same width.

use crate::latencies::Latencies;
use crate::report::format::milliseconds;

use super::escape::with_units;
use super::look::label;
use super::markup::Markup;
use super::plot::{Area, Picture, at, line, path, spread};
use super::scale::{Scale, milliseconds_tick};
use super::trace::{Envelope, Trace, WIDTH};
use super::trials::{Scenario, Strategy};

const HEIGHT: f64 = 300.0;
const TOP: f64 = 14.0;
/// Quantiles that carry a marker.
const MARKED: [f64; 4] = [0.5, 0.9, 0.99, 0.999];

/// The picture, and how to read it.
pub(super) fn section(markup: &mut Markup, scenario: &Scenario<'_>) {
    let mut note = "From the intended time of sending to the result. Both axes are logarithmic: \
                    across, each further nine takes the same width."
        .to_owned();
    if scenario.trials_max() > 1 {
        note.push_str(" Bold: the median trial by p99; bands: least to greatest over all trials.");
    }
    if let Some(objective_ms) = scenario.objective_ms {
        let objective = milliseconds(objective_ms);
        note.push_str(&format!(" The level line is the objective for the p99, {objective}."));
    }
    markup.leaf("p", &[("class", &"note")], with_units(&note));
    write(markup, scenario);
}

fn write(markup: &mut Markup, scenario: &Scenario<'_>) {
    let responses = || scenario.strategies.iter().flat_map(|strategy| &strategy.responses);
    let most = responses().map(Latencies::count).max().unwrap_or(0);
    if most == 0 {
        return markup.leaf("p", &[], "No response was observed.");
    }
    let extremes = responses()
        .flat_map(|response| [response.min_us(), response.max_us()])
        .flatten()
        .map(|us| us as f64 / 1e3)
        .chain(scenario.objective_ms);
    let y = Scale::logarithmic(extremes);
    let x = Scale::between(0.0, (most as f64).log10().max(1.0));
    let area = Area { top: TOP, height: HEIGHT, x: &x, y: &y };
    let id = format!("{}-percentiles", scenario.id);
    let picture = Picture {
        id: &id,
        title: "Response time by percentile",
        description: &description(scenario),
        height: HEIGHT + TOP + 44.0,
        labelled: true,
    };
    picture.write(markup, |markup| {
        area.write(markup, |markup| {
            area.grid(markup, 12, milliseconds_tick);
            // At the very end, a text would reach over the edge of a telephone.
            let nines = (x.high() - 0.25).floor() as i32;
            let ticks: Vec<f64> =
                [2f64.log10()].into_iter().chain((1..=nines).map(f64::from)).collect();
            area.uprights(markup, &ticks, Some(&percent));
            let title: [(&str, &dyn std::fmt::Display); 3] =
                [("class", &"tick"), ("x", &0), ("y", &(HEIGHT + 38.0))];
            markup.leaf("text", &title, "share of responses that are at most as slow");
            if let Some(objective_ms) = scenario.objective_ms {
                area.level(markup, "line objective", objective_ms);
            }
            let traces: Vec<Vec<Trace>> =
                scenario.strategies.iter().map(|strategy| traces(strategy, &area)).collect();
            area.lines(markup, |markup| {
                for (strategy, traces) in scenario.strategies.iter().zip(&traces) {
                    band(markup, strategy, traces);
                }
                for (strategy, traces) in scenario.strategies.iter().zip(&traces) {
                    line(markup, strategy.look.class(), &traces[strategy.median]);
                }
            });
            scenario.strategies.iter().for_each(|strategy| markers(markup, strategy, &area));
            labels(markup, scenario, &area);
        });
    });
}

/// `99.9 %` of 3.
fn percent(nines: f64) -> String {
    match nines {
        _ if nines < 1.0 => "50 %".to_owned(),
        _ if nines < 3.0 => format!("{} %", 100.0 - 100.0 * 10f64.powf(-nines)),
        _ => format!("99.{} %", "9".repeat((nines as usize).saturating_sub(2))),
    }
}

fn description(scenario: &Scenario<'_>) -> String {
    let of = |strategy: &Strategy<'_>| {
        let response = &strategy.responses[strategy.median];
        let shown = MARKED.map(|quantile| {
            let value = response.quantile_ms(quantile).map_or("none".to_owned(), milliseconds);
            format!("p{} {value}", quantile * 100.0)
        });
        format!("{}: {}", strategy.name(), shown.join(", "))
    };
    scenario.strategies.iter().map(of).collect::<Vec<_>>().join(". ")
}

/// The curve of each trial: at each value, the share of responses that are faster.
fn traces(strategy: &Strategy<'_>, area: &Area<'_>) -> Vec<Trace> {
    let curve = |response: &Latencies| {
        let total = response.count() as f64;
        let mut faster = 0.0;
        let histogram = response.histogram();
        let points = histogram.iter_recorded().map(|step| {
            let nines = (total / (total - faster)).log10();
            faster += step.count_at_value() as f64;
            area.point(nines, step.value_iterated_to() as f64 / 1e3)
        });
        Trace::new(points)
    };
    strategy.responses.iter().map(curve).collect()
}

fn band(markup: &mut Markup, strategy: &Strategy<'_>, traces: &[Trace]) {
    if traces.len() > 1 {
        let mut envelope = Envelope::new();
        traces.iter().for_each(|trace| envelope.add(trace));
        path(markup, format_args!("band {}", strategy.look.class()), &envelope.path());
    }
}

fn markers(markup: &mut Markup, strategy: &Strategy<'_>, area: &Area<'_>) {
    let response = &strategy.responses[strategy.median];
    for quantile in MARKED {
        let nines = -(1.0 - quantile).log10();
        if nines > (response.count() as f64).log10() {
            continue;
        }
        let value = response.quantile_ms(quantile);
        if let Some((x, y)) = value.and_then(|value| area.point(nines, value)) {
            at(markup, x / WIDTH, y, |markup| strategy.look.marker(markup, ""));
        }
    }
}

/// Each strategy's name where its curve ends.
fn labels(markup: &mut Markup, scenario: &Scenario<'_>, area: &Area<'_>) {
    let ends: Vec<(&Strategy<'_>, f64)> = scenario
        .strategies
        .iter()
        .filter_map(|strategy| {
            let response = &strategy.responses[strategy.median];
            Some((strategy, area.y_of(response.max_us()? as f64 / 1e3)?))
        })
        .collect();
    let wanted: Vec<f64> = ends.iter().map(|(_, y)| *y).collect();
    for ((strategy, _), y) in ends.iter().zip(spread(&wanted, area.height)) {
        let class = format!("label name {}", strategy.look.class());
        let place: [(&str, &dyn std::fmt::Display); 5] = [
            ("class", &class),
            ("x", &"100%"),
            ("dx", &10),
            ("y", &super::trace::Coordinate(y)),
            ("dy", &".32em"),
        ];
        markup.leaf("text", &place, label(&strategy.name()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_nine_is_named() {
        let shown = [2f64.log10(), 1.0, 2.0, 3.0, 5.0].map(percent);
        assert_eq!(shown, ["50 %", "90 %", "99 %", "99.9 %", "99.999 %"]);
    }
}
