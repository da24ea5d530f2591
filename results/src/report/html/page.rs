//! The page around the scenarios: head, verdict, contents.

use std::fmt::Display;

use crate::comparison::Comparison;
use crate::report::format;
use crate::verdict::{Verdict, VerdictKind};

use super::escape::{clipped, with_units};
use super::markup::Markup;
use super::trials::Scenario;

const STYLE: &str = include_str!("style.css");
/// The most reasons that are listed, and the longest one in characters.
const REASONS_MAX: usize = 40;
const REASON_CHARACTERS: usize = 600;

/// The parts of a scenario's section, each with its id's ending, its title and its writer.
type Part = (&'static str, &'static str, fn(&mut Markup, &Scenario<'_>));

const PARTS: [Part; 11] = [
    ("comparison", "Comparison", super::comparison::write),
    ("response", "Response times", super::percentiles::section),
    ("time", "Over time", super::timeline::write),
    ("demand", "Replicas against demand", super::demand::write),
    ("cost", "Cost against response time", super::frontier::write),
    ("faults", "Faults", super::faults::write),
    ("delivery", "Delivery check", super::accounts::delivery),
    ("health", "Health of the harness", super::accounts::health),
    ("environment", "Emulated and real", super::origin::environment),
    ("replay", "Replay", super::origin::replay),
    ("origin", "What made the numbers", super::origin::made_by),
];

/// The whole document.
pub(super) fn write(
    comparison: &Comparison,
    scenarios: &[Scenario<'_>],
    left_out: usize,
) -> String {
    let kind = comparison.verdict.kind;
    let names: Vec<String> = scenarios.iter().map(|s| clipped(s.name, 60)).collect();
    let title = clipped(&names.join(", "), 120);
    let mut markup = Markup::new();
    markup.constant("<!DOCTYPE html>\n");
    markup.element("html", &[("lang", &"en")], |markup| {
        markup.element("head", &[], |markup| {
            markup.empty("meta", &[("charset", &"utf-8")]);
            let width: (&str, &dyn Display) = ("content", &"width=device-width, initial-scale=1");
            markup.empty("meta", &[("name", &"viewport"), width]);
            let schemes: (&str, &dyn Display) = ("content", &"light dark");
            markup.empty("meta", &[("name", &"color-scheme"), schemes]);
            markup.leaf("title", &[], format_args!("{}: {title}", kind.word().to_uppercase()));
            markup.element("style", &[], |markup| markup.constant(STYLE));
        });
        markup.element("body", &[], |markup| {
            markup.element("main", &[], |markup| {
                header(markup, comparison, &title);
                if scenarios.len() > 1 {
                    contents(markup, comparison, scenarios);
                }
                scenarios.iter().for_each(|scenario| {
                    section(markup, comparison, scenario, scenarios.len() > 1);
                });
                if left_out > 0 {
                    let text =
                        format!("{} left out here.", format::counted(left_out, "more scenario"));
                    markup.leaf("p", &[], text);
                }
            });
            footer(markup);
        });
    });
    markup.finish()
}

fn header(markup: &mut Markup, comparison: &Comparison, title: &str) {
    let trials: usize = comparison.rows.iter().map(|row| row.trials.len()).sum();
    let mut strategies: Vec<&str> =
        comparison.rows.iter().map(|row| row.strategy.as_str()).collect();
    strategies.sort_unstable();
    strategies.dedup();
    markup.element("header", &[], |markup| {
        markup.element("p", &[("class", &"eyebrow")], |markup| {
            markup.text("Stormgauge report · ");
            markup.text(format::counted(strategies.len(), "strategy"));
            markup.text(" · ");
            markup.text(format::counted(trials, "trial"));
        });
        markup.leaf("h1", &[], title);
        verdict(markup, "verdict", &comparison.verdict);
    });
}

/// A verdict with its sign, its word and its reasons.
fn verdict(markup: &mut Markup, id: &str, verdict: &Verdict) {
    let kind = verdict.kind;
    let class = format!("judged {}", kind.word());
    markup.element("div", &[("class", &class), ("id", &id)], |markup| {
        sign(markup, kind);
        markup.element("div", &[], |markup| {
            markup.element("p", &[("class", &"word")], |markup| {
                markup.leaf("strong", &[], format::capitalized(kind.word()));
                markup.text(format_args!(" – {}", meaning(kind)));
            });
            reasons(markup, &verdict.reasons);
        });
    });
}

fn reasons(markup: &mut Markup, reasons: &[String]) {
    if reasons.is_empty() {
        return;
    }
    markup.element("ul", &[], |markup| {
        for reason in reasons.iter().take(REASONS_MAX) {
            markup.leaf("li", &[], with_units(&clipped(reason, REASON_CHARACTERS)));
        }
        if reasons.len() > REASONS_MAX {
            let more = format!("{} more reasons are in report.md.", reasons.len() - REASONS_MAX);
            markup.leaf("li", &[], more);
        }
    });
}

fn meaning(kind: VerdictKind) -> &'static str {
    match kind {
        VerdictKind::Pass => "every bound was kept.",
        VerdictKind::Inconclusive => "the trials are too noisy to say.",
        VerdictKind::Invalid => {
            "a trial did not test what it claims to, so nothing follows from it."
        }
        VerdictKind::Fail => "a bound was exceeded.",
    }
}

/// A sign of its own shape for each verdict.
fn sign(markup: &mut Markup, kind: VerdictKind) {
    let (around, within) = match kind {
        VerdictKind::Pass => ("M16 2a14 14 0 1 0 .01 0Z", "M9.5 16.5L14 21L22.5 11.5"),
        VerdictKind::Fail => ("M10 2H22L30 10V22L22 30H10L2 22V10Z", "M11 11L21 21M21 11L11 21"),
        VerdictKind::Invalid => ("M16 2L31 29H1Z", "M16 11V20M16 24.4V25"),
        VerdictKind::Inconclusive => ("M3 3H29V29H3Z", "M8 16q4 -5 8 0t8 0"),
    };
    let attributes: [(&str, &dyn Display); 5] = [
        ("class", &"sign"),
        ("viewBox", &"0 0 32 32"),
        ("width", &36),
        ("height", &36),
        ("aria-hidden", &"true"),
    ];
    markup.element("svg", &attributes, |markup| {
        markup.empty("path", &[("class", &"around"), ("d", &around)]);
        markup.empty("path", &[("class", &"within"), ("d", &within)]);
    });
}

fn contents(markup: &mut Markup, comparison: &Comparison, scenarios: &[Scenario<'_>]) {
    markup.element("nav", &[("aria-label", &"Scenarios")], |markup| {
        markup.element("ol", &[], |markup| {
            for scenario in scenarios {
                markup.element("li", &[], |markup| {
                    let target = format!("#{}", scenario.id);
                    markup.leaf("a", &[("href", &target)], clipped(scenario.name, 80));
                    let kind = verdict_of(comparison, scenario).kind;
                    let class = format!("verdict {}", kind.word());
                    markup.leaf("span", &[("class", &class)], kind.word());
                });
            }
        });
    });
}

/// The worst verdict of the scenario's strategies, with the reasons of all that are not passes.
fn verdict_of(comparison: &Comparison, scenario: &Scenario<'_>) -> Verdict {
    let rows = || comparison.rows.iter().filter(|row| row.scenario == scenario.name);
    let kind = rows().map(|row| row.verdict.kind).max().unwrap_or(VerdictKind::Invalid);
    let told =
        rows().filter(|row| kind == VerdictKind::Pass || row.verdict.kind != VerdictKind::Pass);
    let reasons = told.flat_map(|row| {
        row.verdict.reasons.iter().map(|reason| format!("{}: {reason}", clipped(&row.strategy, 60)))
    });
    Verdict { kind, reasons: reasons.collect() }
}

fn section(
    markup: &mut Markup,
    comparison: &Comparison,
    scenario: &Scenario<'_>,
    of_several: bool,
) {
    markup.element("section", &[("id", &scenario.id), ("class", &"scenario")], |markup| {
        if of_several {
            markup.leaf("h2", &[], clipped(scenario.name, 120));
            let id = format!("{}-verdict", scenario.id);
            verdict(markup, &id, &verdict_of(comparison, scenario));
        }
        if scenario.left_out > 0 {
            let left_out = scenario.left_out;
            let text =
                format!("{} in summary.csv only.", format::counted(left_out, "more strategy"));
            markup.leaf("p", &[], text);
        }
        for (ending, title, part) in PARTS {
            let id = format!("{}-{ending}", scenario.id);
            markup.element("section", &[("id", &id), ("class", &"part")], |markup| {
                if of_several {
                    markup.leaf("h3", &[], title);
                } else {
                    markup.leaf("h2", &[("class", &"part-title")], title);
                }
                part(markup, scenario);
            });
        }
    });
}

fn footer(markup: &mut Markup) {
    markup.element("footer", &[], |markup| {
        let text = "Every figure is from the records beside this page: records/ has everything a \
                    trial found, trials.csv a row a trial.";
        markup.leaf("p", &[], text);
    });
}
