//! The faults in one table, a row each: what shows that it landed, and what became of the system,
//! with columns for each strategy.

mod columns;

use std::fmt::Display;

use crate::comparison::median_of_trials;
use crate::record::{FaultSpan, FaultState};
use crate::report::format;

use super::escape::{clipped, with_units};
use super::markup::Markup;
use super::tables::{Cell, ROWS_MAX, framed};
use super::trials::Scenario;

use columns::{ALONE, Column, Effects, SHARED};

/// The longest evidence that is shown, in characters.
const EVIDENCE_CHARACTERS: usize = 600;
/// The headings of what a fault was, whatever it did, with the style sheet's classes.
const HEADINGS: [(&str, &str); 5] =
    [("fault", "first"), ("evidence", "text"), ("landed", ""), ("at", ""), ("for", "")];

/// A fault of the scenario file, which may come in every trial.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Named<'a> {
    pub(super) name: &'a str,
    kind: &'a str,
}

impl<'a> Named<'a> {
    /// The faults of the scenario, in the order in which they were due.
    pub(super) fn all(scenario: &Scenario<'a>) -> Vec<Named<'a>> {
        let mut spans: Vec<&FaultSpan> =
            scenario.records().flat_map(|record| &record.faults).collect();
        spans.sort_by(|a, b| a.due_s.total_cmp(&b.due_s));
        let mut all: Vec<Named<'a>> = Vec::new();
        for span in spans {
            let named = Named { name: &span.name, kind: &span.kind };
            if !all.contains(&named) {
                all.push(named);
            }
        }
        all
    }

    /// Whether it is this one.
    pub(super) fn is(&self, span: &FaultSpan) -> bool {
        self.name == span.name && self.kind == span.kind
    }
}

/// The table, and what its figures mean.
pub(super) fn write(markup: &mut Markup, scenario: &Scenario<'_>) {
    let mut faults = Named::all(scenario);
    if faults.is_empty() {
        return markup.leaf("p", &[], "No faults were scheduled.");
    }
    let left_out = faults.len().saturating_sub(ROWS_MAX);
    faults.truncate(ROWS_MAX);
    let several = scenario.strategies.len() > 1;
    let columns: &[Column] = if several { &SHARED } else { &ALONE };
    let effects: Vec<Vec<Effects<'_>>> =
        scenario.strategies.iter().map(|strategy| Effects::all(strategy, &faults)).collect();
    let id = format!("{}-faults-table", scenario.id);
    framed(markup, &id, caption(scenario), |markup| {
        markup.element("thead", &[("role", &"rowgroup")], |markup| {
            headings(markup, scenario, columns);
        });
        markup.element("tbody", &[("role", &"rowgroup")], |markup| {
            for (index, fault) in faults.iter().enumerate() {
                let id = format!("{}-fault-{}", scenario.id, index + 1);
                markup.element("tr", &[("role", &"row"), ("id", &id)], |markup| {
                    schedule(markup, scenario, index + 1, fault);
                    for (strategy, effects) in scenario.strategies.iter().zip(&effects) {
                        for (heading, cell) in columns {
                            let heading = match several {
                                true => format!("{}: {heading}", strategy.name()),
                                false => (*heading).to_owned(),
                            };
                            cell(&effects[index]).write(markup, &heading);
                        }
                    }
                });
            }
        });
    });
    if left_out > 0 {
        markup.leaf(
            "p",
            &[],
            format_args!("{} in faults.csv only.", format::counted(left_out, "more fault")),
        );
    }
}

fn caption(scenario: &Scenario<'_>) -> &'static str {
    if scenario.trials_max() > 1 {
        "Times from the installation of the fault until it was detected, until the operator raised \
         an alarm and until the system had recovered, and how long it was in force, are medians \
         over the trials, with least to greatest below. The worst p99, and the share of the \
         fault's time in which no result came, are those of the worst trial; evidence is that of \
         the first trial in which it landed. faults.csv has each trial, with the times until the \
         objective was restored and the backlog drained."
    } else {
        "Detected, alarm and recovered are times from the installation of the fault; an alarm is \
         a condition or an event by which the operator showed it. No progress is the share of the \
         fault's time in which no result came. faults.csv has the times until the objective was \
         restored and the backlog drained, too."
    }
}

/// One row of headings; with several strategies, a second one below the strategies' names.
fn headings(markup: &mut Markup, scenario: &Scenario<'_>, columns: &[Column]) {
    let several = scenario.strategies.len() > 1;
    let own = |markup: &mut Markup| {
        columns.iter().for_each(|(text, _)| heading(markup, text, "figure", 1));
    };
    markup.element("tr", &[("role", &"row")], |markup| {
        let rows = if several { 2 } else { 1 };
        HEADINGS.iter().for_each(|(text, class)| heading(markup, text, class, rows));
        if !several {
            return own(markup);
        }
        for strategy in &scenario.strategies {
            let attributes: [(&str, &dyn Display); 4] = [
                ("class", &"group"),
                ("scope", &"colgroup"),
                ("role", &"columnheader"),
                ("colspan", &columns.len()),
            ];
            markup.element("th", &attributes, |markup| {
                strategy.look.swatch(markup);
                markup.name(&strategy.name());
            });
        }
    });
    if several {
        markup.element("tr", &[("role", &"row")], |markup| {
            scenario.strategies.iter().for_each(|_| own(markup));
        });
    }
}

fn heading(markup: &mut Markup, text: &str, class: &str, rows: u32) {
    let attributes: [(&str, &dyn Display); 4] =
        [("scope", &"col"), ("role", &"columnheader"), ("class", &class), ("rowspan", &rows)];
    markup.leaf("th", &attributes, text);
}

/// The cells about the fault itself: name and kind, evidence, whether it landed, and its time.
fn schedule(markup: &mut Markup, scenario: &Scenario<'_>, number: usize, fault: &Named<'_>) {
    let spans: Vec<&FaultSpan> = scenario
        .records()
        .flat_map(|record| &record.faults)
        .filter(|span| fault.is(span))
        .collect();
    let heading: [(&str, &dyn Display); 2] = [("scope", &"row"), ("role", &"rowheader")];
    markup.element("th", &heading, |markup| {
        markup.leaf("span", &[("class", &"number")], number);
        markup.name(&clipped(fault.name, 80));
        markup.element("small", &[], |markup| markup.name(&clipped(fault.kind, 60)));
    });
    Cell::prose(evidence(&spans)).write(markup, HEADINGS[1].0);
    landed(&spans).write(markup, HEADINGS[2].0);
    let due_s = spans.first().map_or(0.0, |span| span.due_s);
    Cell::from(format!("{due_s:.1} s")).write(markup, HEADINGS[3].0);
    in_force(&spans).write(markup, HEADINGS[4].0);
}

/// The evidence of the first trial in which it landed, and every reason why it did not.
fn evidence(spans: &[&FaultSpan]) -> String {
    let mut texts: Vec<String> = Vec::new();
    if let Some(span) = spans.iter().find(|span| span.state == FaultState::Landed) {
        texts.push(clipped(&span.evidence, EVIDENCE_CHARACTERS));
    }
    for span in spans.iter().filter(|span| span.state != FaultState::Landed) {
        let text =
            format!("{}: {}", span.state.word(), clipped(&span.evidence, EVIDENCE_CHARACTERS));
        if !texts.contains(&text) && texts.len() < 5 {
            texts.push(text);
        }
    }
    with_units(&texts.join("; "))
}

/// Whether it landed; in how many trials, where it did not in all.
fn landed(spans: &[&FaultSpan]) -> Cell {
    let landed = spans.iter().filter(|span| span.state == FaultState::Landed).count();
    match spans {
        _ if landed == spans.len() => "yes".into(),
        [span] => Cell::marked(span.state.word(), true),
        _ => Cell::marked(format!("{landed} of {}", spans.len()), true),
    }
}

/// How long it was in force.
fn in_force(spans: &[&FaultSpan]) -> Cell {
    let landed = spans.iter().filter(|span| span.state == FaultState::Landed);
    let times: Vec<Option<f64>> =
        landed.map(|span| Some(span.healed_s? - span.landed_s.or(span.installed_s)?)).collect();
    match median_of_trials(&times) {
        _ if times.is_empty() => format::ABSENT.into(),
        Some(in_force_s) => format::seconds(in_force_s).into(),
        None => "to the end".into(),
    }
}
