//! How the system came back from each fault, under each strategy.

use crate::comparison::{StrategyRow, Summary};
use crate::objectives::IndicatorName;
use crate::record::{FaultState, RunRecord};
use crate::recovery::{Recovery, SignKind};
use crate::report::format::{self, count, milliseconds, share};
use crate::report::markdown::line;
use crate::report::markdown::table::Table;

/// A row for each fault and strategy in which it landed.
pub(super) fn table(
    names: &[(&str, &str)],
    rows: &[&StrategyRow],
    trials: &[&RunRecord],
) -> String {
    let mut table = Table::new([
        "fault",
        "strategy",
        "detected after",
        "objective restored after",
        "backlog drained after",
        "recovery",
        "out of objective",
        "worst p99",
        "without progress",
    ]);
    let mut is_empty = true;
    for &(name, kind) in names {
        for row in rows {
            let recoveries = recoveries(trials, &row.strategy, name, kind);
            if !recoveries.is_empty() {
                is_empty = false;
                table.row(cells(name, &row.strategy, &recoveries));
            }
        }
    }
    if is_empty {
        return String::new();
    }
    let mut text = table.render();
    line(
        &mut text,
        "\nMedian over the trials, and the recovery of each in parentheses; results out of \
         objective, the worst p99 and the share without progress are those of the worst trial. \
         Times are read off a series of seconds, detection off looks every 0.1 s.",
    );
    text
}

fn recoveries<'a>(
    trials: &[&'a RunRecord],
    strategy: &str,
    name: &str,
    kind: &str,
) -> Vec<&'a Recovery> {
    let of_strategy = trials.iter().filter(|trial| trial.strategy == strategy);
    of_strategy
        .flat_map(|trial| &trial.faults)
        .filter(|fault| fault.name == name && fault.kind == kind)
        .filter(|fault| fault.state == FaultState::Landed)
        .filter_map(|fault| fault.recovery.as_ref())
        .collect()
}

fn cells(name: &str, strategy: &str, recoveries: &[&Recovery]) -> Vec<String> {
    let median = |of: fn(&Recovery) -> Option<f64>| {
        let values = recoveries.iter().map(|recovery| of(recovery)).collect();
        Summary::new(IndicatorName::Recovery, values).value
    };
    let time = |of, none: &str| median(of).map_or(none.to_owned(), format::seconds);
    let worst = |of: fn(&Recovery) -> Option<f64>| {
        recoveries.iter().filter_map(|recovery| of(recovery)).reduce(f64::max)
    };
    let late = recoveries.iter().map(|recovery| recovery.out_of_objective).max().unwrap_or(0);
    let mut recovery = time(|recovery| recovery.total_s, "never");
    if recoveries.len() > 1 {
        let each = recoveries
            .iter()
            .map(|recovery| recovery.total_s.map_or("never".to_owned(), format::seconds));
        recovery = format!("{recovery} ({})", each.collect::<Vec<_>>().join(", "));
    }
    let mut detected = time(|recovery| recovery.detect_s, "no sign");
    if let Some(words) = signs(recoveries) {
        detected = format!("{detected} ({words})");
    }
    vec![
        name.to_owned(),
        strategy.to_owned(),
        detected,
        time(|recovery| recovery.restore_s, "never"),
        time(|recovery| recovery.drain_s, "never"),
        recovery,
        count(late),
        worst(|recovery| recovery.worst_p99_ms).map_or(format::ABSENT.to_owned(), milliseconds),
        worst(|recovery| Some(recovery.no_progress_share)).map_or("0 %".to_owned(), share),
    ]
}

/// What the first signs were, each once.
fn signs(recoveries: &[&Recovery]) -> Option<String> {
    let mut kinds: Vec<SignKind> = Vec::new();
    for kind in recoveries.iter().filter_map(|recovery| recovery.detected_by) {
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    let words: Vec<&str> = kinds.into_iter().map(SignKind::words).collect();
    (!words.is_empty()).then(|| words.join(" or "))
}
