//! The faults of a scenario: what was injected, what shows it, how long it was felt.

use crate::comparison::{StrategyRow, Summary};
use crate::objectives::IndicatorName;
use crate::record::{FaultSpan, FaultState, RunRecord};
use crate::report::format;
use crate::report::markdown::table::Table;

/// The table of faults, a row a fault, a column a strategy.
pub(super) fn table(rows: &[&StrategyRow], trials: &[&RunRecord]) -> String {
    let mut names: Vec<(&str, &str)> = Vec::new();
    for fault in trials.iter().flat_map(|trial| &trial.faults) {
        if !names.contains(&(&fault.name, &fault.kind)) {
            names.push((&fault.name, &fault.kind));
        }
    }
    if names.is_empty() {
        return "No faults were scheduled.\n".to_owned();
    }
    let mut headings: Vec<String> =
        ["fault", "targets", "landed", "evidence"].map(str::to_owned).to_vec();
    headings.extend(rows.iter().map(|row| format!("recovery under {}", row.strategy)));
    let mut table = Table::new(headings);
    for (name, kind) in names {
        let spans: Vec<&FaultSpan> = trials
            .iter()
            .flat_map(|trial| &trial.faults)
            .filter(|fault| fault.name == name && fault.kind == kind)
            .collect();
        let mut cells =
            vec![format!("{name} ({kind})"), targets(&spans), landed(&spans), evidence(&spans)];
        cells.extend(rows.iter().map(|row| recovery(trials, &row.strategy, name, kind)));
        table.row(cells);
    }
    table.render()
}

fn targets(spans: &[&FaultSpan]) -> String {
    let mut targets: Vec<String> = spans.iter().map(|span| span.targets.join(", ")).collect();
    targets.dedup();
    targets.sort_unstable();
    targets.dedup();
    targets.join(" or ")
}

fn landed(spans: &[&FaultSpan]) -> String {
    let landed = spans.iter().filter(|span| span.state == FaultState::Landed).count();
    format!("{landed} of {}", spans.len())
}

/// The evidence of the first trial in which the fault landed, and every reason why it did not.
fn evidence(spans: &[&FaultSpan]) -> String {
    let mut texts: Vec<String> = Vec::new();
    if let Some(span) = spans.iter().find(|span| span.state == FaultState::Landed) {
        texts.push(match span.landed_s {
            Some(landed_s) => format!("{} (at {landed_s:.2} s)", span.evidence),
            None => span.evidence.clone(),
        });
    }
    for span in spans.iter().filter(|span| span.state != FaultState::Landed) {
        let text = format!("{}: {}", span.state.word(), span.evidence);
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    texts.join("; ")
}

fn recovery(trials: &[&RunRecord], strategy: &str, name: &str, kind: &str) -> String {
    let of_strategy = trials.iter().filter(|trial| trial.strategy == strategy);
    let values: Vec<Option<f64>> = of_strategy
        .flat_map(|trial| &trial.faults)
        .filter(|fault| fault.name == name && fault.kind == kind)
        .filter(|fault| fault.state == FaultState::Landed)
        .map(FaultSpan::recovery_s)
        .collect();
    if values.is_empty() {
        return format::ABSENT.to_owned();
    }
    let shown = |value: Option<f64>| value.map_or("never".to_owned(), format::seconds);
    let median = shown(Summary::new(IndicatorName::Recovery, values.clone()).value);
    if values.len() == 1 {
        return median;
    }
    let each: Vec<String> = values.into_iter().map(shown).collect();
    format!("{median} ({})", each.join(", "))
}
