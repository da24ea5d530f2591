//! The faults of a scenario: what was injected, what shows it, how the system came back.

mod detection;
mod recovery;

use crate::comparison::StrategyRow;
use crate::record::{FaultSpan, FaultState, RunRecord};
use crate::report::markdown::table::Table;

/// The table of faults, a row a fault, and below it how the system came back under each strategy.
pub(super) fn tables(rows: &[&StrategyRow], trials: &[&RunRecord]) -> String {
    let mut names: Vec<(&str, &str)> = Vec::new();
    for fault in trials.iter().flat_map(|trial| &trial.faults) {
        if !names.contains(&(&fault.name, &fault.kind)) {
            names.push((&fault.name, &fault.kind));
        }
    }
    if names.is_empty() {
        return "No faults were scheduled.\n".to_owned();
    }
    let mut table = Table::new(["fault", "targets", "landed", "evidence"]);
    for &(name, kind) in &names {
        let spans: Vec<&FaultSpan> = trials
            .iter()
            .flat_map(|trial| &trial.faults)
            .filter(|fault| fault.name == name && fault.kind == kind)
            .collect();
        table.row(vec![
            format!("{name} ({kind})"),
            targets(&spans),
            landed(&spans),
            evidence(&spans),
        ]);
    }
    let tables =
        [table.render(), recovery::table(&names, rows, trials), detection::table(rows, trials)];
    tables.into_iter().filter(|table| !table.is_empty()).collect::<Vec<_>>().join("\n")
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
