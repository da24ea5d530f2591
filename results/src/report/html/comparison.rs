//! Strategies side by side: every indicator with what its trials lay between, numbers and picture.

use std::fmt::Display;

use crate::objectives::IndicatorName;
use crate::report::markdown::differences;
use crate::report::{cell_spread, cell_value};

use super::escape::{clipped, with_units};
use super::markup::Markup;
use super::plot::segment;
use super::scale::Scale;
use super::standing::{Standing, Standings, standings};
use super::tables::framed;
use super::trace::Coordinate;
use super::trials::{Scenario, Strategy};

/// An indicator with its heading.
type Row = (IndicatorName, &'static str);

/// The rows of the table, in groups that belong together.
const GROUPS: [&[Row]; 4] = [
    &[
        (IndicatorName::P50Response, "Response p50"),
        (IndicatorName::P99Response, "Response p99"),
        (IndicatorName::P999Response, "Response p99.9"),
        (IndicatorName::SteadyP99Response, "Steady-phase p99"),
        (IndicatorName::OutOfObjective, "Out of objective"),
        (IndicatorName::Throughput, "Throughput, /s"),
    ],
    &[
        (IndicatorName::Recovery, "Longest recovery"),
        (IndicatorName::WorstDetection, "Longest detection"),
        (IndicatorName::WorstDrain, "Longest drain"),
    ],
    &[
        (IndicatorName::Lost, "Lost"),
        (IndicatorName::Duplicated, "Duplicated"),
        (IndicatorName::Reordered, "Reordered"),
        (IndicatorName::Unexpected, "Unexpected"),
    ],
    &[
        (IndicatorName::Cost, "Cost per hour"),
        (IndicatorName::WorkerSeconds, "Worker-seconds"),
        (IndicatorName::UnderProvisioned, "Time with too few"),
        (IndicatorName::OverProvisioned, "Time with too many"),
        (IndicatorName::ScaleActions, "Scale actions"),
    ],
];

/// Height of one strategy's line in the picture of a row, in pixels.
const LINE: f64 = 12.0;

/// The table and the sentences about it.
pub(super) fn write(markup: &mut Markup, scenario: &Scenario<'_>) {
    let id = format!("{}-indicators", scenario.id);
    framed(markup, &id, &caption(scenario), |markup| {
        markup.element("thead", &[], |markup| {
            markup.element("tr", &[], |markup| headings(markup, scenario));
        });
        for group in GROUPS {
            markup.element("tbody", &[], |markup| {
                for (indicator, heading) in group {
                    row(markup, scenario, *indicator, heading);
                }
            });
        }
    });
    let rows: Vec<_> = scenario.strategies.iter().map(|strategy| strategy.row).collect();
    let trials: Vec<_> = scenario.records().collect();
    markup.element("ul", &[("class", &"sentences")], |markup| {
        for sentence in differences::sentences(&scenario.ranking, &rows, &trials) {
            markup.leaf("li", &[], with_units(&clipped(&sentence, 2_000)));
        }
    });
}

fn caption(scenario: &Scenario<'_>) -> String {
    let mut text = if scenario.trials_max() > 1 {
        "Median over the trials, with the least and the greatest value below it; of lost, \
         duplicated, reordered and unexpected messages, the worst trial. By response p99, \
         recovery, cost and throughput, “best” is better than each that is not marked by more \
         than noise (95 % over all comparisons), and “≈ best” is not told from it."
            .to_owned()
    } else {
        "One trial a strategy: nothing is known of the spread between trials, so none is called \
         better than another."
            .to_owned()
    };
    if scenario.ranking.contestants.iter().any(|contestant| contestant.invalid > 0) {
        text.push_str(" Invalid trials are shown, and in no comparison.");
    }
    let currency = scenario.strategies.iter().map(|s| &s.row.currency).find(|c| !c.is_empty());
    if let Some(currency) = currency {
        text.push_str(&format!(" Cost is in {} per hour of load.", clipped(currency, 20)));
    }
    text
}

fn headings(markup: &mut Markup, scenario: &Scenario<'_>) {
    markup.leaf("th", &[("scope", &"col")], "indicator");
    for strategy in &scenario.strategies {
        markup.element("th", &[("scope", &"col")], |markup| {
            strategy.look.swatch(markup);
            markup.element("span", &[("class", &"name")], |m| m.name(&strategy.name()));
            let kind = strategy.row.verdict.kind;
            let class = format!("verdict {}", kind.word());
            markup.leaf("span", &[("class", &class)], kind.word());
        });
    }
    if scenario.strategies.len() > 1 {
        let text = match scenario.trials_max() {
            1 => "from zero",
            _ => "from zero, a tick for each trial",
        };
        markup.leaf("th", &[("scope", &"col"), ("class", &"picture")], text);
    }
}

fn row(markup: &mut Markup, scenario: &Scenario<'_>, indicator: IndicatorName, heading: &str) {
    let strategies: Vec<&str> =
        scenario.strategies.iter().map(|strategy| strategy.row.strategy.as_str()).collect();
    let Standings { each, note } = standings(&scenario.ranking, &strategies, indicator);
    markup.element("tr", &[], |markup| {
        markup.element("th", &[("scope", &"row")], |markup| {
            markup.text(heading);
            if !note.is_empty() {
                markup.leaf("small", &[], note);
            }
        });
        for (strategy, standing) in scenario.strategies.iter().zip(each) {
            cell(markup, strategy, indicator, standing);
        }
        if strategies.len() > 1 {
            markup.element("td", &[("class", &"picture")], |markup| {
                intervals(markup, scenario, indicator);
            });
        }
    });
}

fn cell(
    markup: &mut Markup,
    strategy: &Strategy<'_>,
    indicator: IndicatorName,
    standing: Standing,
) {
    let mark = match standing {
        Standing::Best => "best",
        Standing::Alike => "≈ best",
        Standing::Other => "",
    };
    let class = if standing == Standing::Best { "best" } else { "" };
    markup.element("td", &[("class", &class)], |markup| {
        let value = cell_value(strategy.row, indicator);
        let alarming = indicator == IndicatorName::Recovery && strategy.row.never_recovered > 0;
        let class = if alarming { "value alarm" } else { "value" };
        markup.leaf("span", &[("class", &class)], value);
        if let Some(spread) = cell_spread(strategy.row, indicator) {
            markup.leaf("small", &[], unbroken(&spread));
        }
        if !mark.is_empty() {
            markup.leaf("small", &[("class", &"mark")], mark);
        }
    });
}

/// The text of a range, which may break around its dash and nowhere else.
fn unbroken(range: &str) -> String {
    range.replace(' ', "\u{a0}").replace("\u{a0}–\u{a0}", " – ")
}

/// Each strategy's least to greatest value as a line, a tick for each trial and its shape at the
/// median, on one axis from zero.
fn intervals(markup: &mut Markup, scenario: &Scenario<'_>, indicator: IndicatorName) {
    let values = || {
        scenario.strategies.iter().flat_map(|s| &s.row.summary(indicator).values).flatten().copied()
    };
    if !values().any(|value| value > 0.0) {
        return;
    }
    let scale = Scale::between(0.0, values().filter(|v| v.is_finite()).fold(0.0, f64::max));
    let height = LINE * scenario.strategies.len() as f64;
    let attributes: [(&str, &dyn Display); 4] = [
        ("class", &"intervals"),
        ("width", &"100%"),
        ("height", &Coordinate(height)),
        ("aria-hidden", &"true"),
    ];
    markup.element("svg", &attributes, |markup| {
        segment(markup, "axis", (0.0, 0.0), (0.0, height));
        for (index, strategy) in scenario.strategies.iter().enumerate() {
            interval(markup, strategy, indicator, &scale, (index as f64 + 0.5) * LINE);
        }
    });
}

fn interval(
    markup: &mut Markup,
    strategy: &Strategy<'_>,
    indicator: IndicatorName,
    scale: &Scale,
    y: f64,
) {
    let summary = strategy.row.summary(indicator);
    let class = strategy.look.class();
    let share = |value: Option<f64>| scale.share(value?);
    if let (Some(min), Some(max)) = (share(summary.min), share(summary.max)) {
        segment(markup, &format!("interval {class}"), (min, y), (max, y));
    }
    for value in summary.values.iter().take(40) {
        if let Some(x) = share(*value) {
            segment(markup, &format!("interval {class}"), (x, y - 3.5), (x, y + 3.5));
        }
    }
    if let Some(x) = share(summary.value) {
        super::plot::at(markup, x, y, |markup| strategy.look.marker(markup, ""));
    }
}
