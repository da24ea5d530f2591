//! Each fault: what shows that it landed, and what became of the system under each strategy.

use crate::record::{FaultSpan, FaultState};
use crate::recovery::Recovery;
use crate::report::{format, range};

use super::escape::{clipped, with_units};
use super::markup::Markup;
use super::tables::{Cell, Table};
use super::trials::{Scenario, Strategy};

/// The most faults that are shown.
const FAULTS_MAX: usize = 80;
/// The longest evidence that is shown, in characters.
const EVIDENCE_CHARACTERS: usize = 600;

const HEADINGS: [&str; 8] = [
    "strategy",
    "detected",
    "objective restored",
    "backlog drained",
    "recovered",
    "late results",
    "worst p99",
    "without progress",
];

/// A block for each fault of the scenario.
pub(super) fn write(markup: &mut Markup, scenario: &Scenario<'_>) {
    let mut names: Vec<(&str, &str)> = Vec::new();
    for fault in scenario.records().flat_map(|record| &record.faults) {
        if !names.contains(&(&fault.name, &fault.kind)) && names.len() <= FAULTS_MAX {
            names.push((&fault.name, &fault.kind));
        }
    }
    if names.is_empty() {
        return markup.leaf("p", &[], "No faults were scheduled.");
    }
    let note = if scenario.trials_max() > 1 {
        "Times run from the installation of the fault and are medians over the trials, with least \
         to greatest below."
    } else {
        "Times run from the installation of the fault."
    };
    markup.leaf("p", &[("class", &"note")], note);
    for (index, (name, kind)) in names.iter().take(FAULTS_MAX).enumerate() {
        fault(markup, scenario, index, name, kind);
    }
    if names.len() > FAULTS_MAX {
        markup.leaf("p", &[], "Further faults are left out here.");
    }
}

fn fault(markup: &mut Markup, scenario: &Scenario<'_>, index: usize, name: &str, kind: &str) {
    let is = |fault: &&FaultSpan| fault.name == name && fault.kind == kind;
    let spans: Vec<&FaultSpan> =
        scenario.records().flat_map(|record| &record.faults).filter(is).collect();
    let landed = spans.iter().filter(|span| span.state == FaultState::Landed).count();
    let id = format!("{}-fault-{}", scenario.id, index + 1);
    markup.element("section", &[("class", &"fault"), ("id", &id)], |markup| {
        markup.element("h4", &[], |markup| {
            markup.text(clipped(name, 80));
            let due_s = spans.first().map_or(0.0, |span| span.due_s);
            let when = format!("{} at {}", clipped(kind, 60), format::seconds(due_s));
            markup.leaf(
                "small",
                &[],
                format_args!("{when} · landed in {landed} of {}", spans.len()),
            );
        });
        markup.leaf("p", &[], evidence(&spans));
        let caption = format!("What became of the system under {}", clipped(name, 80));
        let rows = scenario.strategies.iter().filter_map(|s| row(s, name, kind)).collect();
        let id = format!("{id}-table");
        Table { id: &id, caption: &caption, headings: &HEADINGS, rows }.write(markup);
    });
}

/// The evidence of the first trial in which it landed, and every reason why it did not.
fn evidence(spans: &[&FaultSpan]) -> String {
    let mut texts: Vec<String> = Vec::new();
    if let Some(span) = spans.iter().find(|span| span.state == FaultState::Landed) {
        let evidence = clipped(&span.evidence, EVIDENCE_CHARACTERS);
        let at = span.landed_s.map_or_else(String::new, |at_s| format!(" (at {at_s:.2} s)"));
        texts.push(format!("Evidence: {evidence}{at}."));
    }
    for span in spans.iter().filter(|span| span.state != FaultState::Landed) {
        let reason = clipped(&span.evidence, EVIDENCE_CHARACTERS);
        let text = format!("{}: {reason}.", format::capitalized(span.state.word()));
        if !texts.contains(&text) && texts.len() < 5 {
            texts.push(text);
        }
    }
    with_units(&texts.join(" "))
}

/// What a fault did under one strategy; `None` where it landed in no trial.
fn row(strategy: &Strategy<'_>, name: &str, kind: &str) -> Option<Vec<Cell>> {
    let all: Vec<&Recovery> = strategy
        .trials
        .iter()
        .flat_map(|trial| &trial.faults)
        .filter(|fault| fault.name == name && fault.kind == kind)
        .filter(|fault| fault.state == FaultState::Landed)
        .filter_map(|fault| fault.recovery.as_ref())
        .collect();
    all.first()?;
    let detected = match all.iter().any(|recovery| recovery.detect_s.is_some()) {
        true => {
            let sign = all.iter().find_map(|recovery| recovery.detected_by);
            let (median, _) = times(&all, |recovery| recovery.detect_s);
            Cell::noted(median, sign.map(|kind| kind.words().to_owned()))
        }
        false => "no sign".into(),
    };
    let time = |of: fn(&Recovery) -> Option<f64>| {
        let (median, range) = times(&all, of);
        let alarming = median == NEVER || range.as_ref().is_some_and(|text| text.contains(NEVER));
        Cell::noted(median, range).alarming(alarming)
    };
    let late = all.iter().map(|recovery| recovery.out_of_objective).max().unwrap_or(0);
    let still = all.iter().map(|recovery| recovery.no_progress_share).reduce(f64::max);
    let worst = all.iter().filter_map(|recovery| recovery.worst_p99_ms).reduce(f64::max);
    Some(vec![
        strategy.name().into(),
        detected,
        time(|recovery| recovery.restore_s),
        time(|recovery| recovery.drain_s),
        time(|recovery| recovery.total_s),
        format::count(late).into(),
        worst.map_or(format::ABSENT.to_owned(), format::milliseconds).into(),
        still.map_or(format::ABSENT.to_owned(), format::share).into(),
    ])
}

const NEVER: &str = "never";

/// The median of a time over trials, of which an absent one is longer than any, and the least to
/// the greatest where they differ.
fn times(all: &[&Recovery], of: fn(&Recovery) -> Option<f64>) -> (String, Option<String>) {
    let values: Vec<Option<f64>> = all.iter().map(|recovery| of(recovery)).collect();
    let shown = |value: Option<f64>| value.map_or(NEVER.to_owned(), format::seconds);
    let median = shown(crate::comparison::median_of_trials(&values));
    let least = values.iter().flatten().copied().reduce(f64::min);
    let greatest = match values.iter().any(Option::is_none) {
        true => None,
        false => values.iter().flatten().copied().reduce(f64::max),
    };
    let (least, greatest) = (shown(least), shown(greatest));
    let between = (least != greatest).then(|| range(&least, &greatest));
    (median, between)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_that_never_came_is_longer_than_any() {
        let recovery = |total_s| Recovery { total_s, ..Recovery::default() };
        let of = |totals: &[Option<f64>]| {
            let all: Vec<Recovery> = totals.iter().copied().map(recovery).collect();
            times(&all.iter().collect::<Vec<_>>(), |recovery| recovery.total_s)
        };
        let spread = |median: &str, range: &str| (median.to_owned(), Some(range.to_owned()));
        assert_eq!(of(&[Some(4.0)]), ("4.00 s".to_owned(), None));
        assert_eq!(of(&[Some(4.0), Some(6.0), Some(5.0)]), spread("5.00 s", "4.00–6.00 s"));
        assert_eq!(of(&[Some(4.0), None, Some(5.0)]), spread("5.00 s", "4.00 s – never"));
        assert_eq!(of(&[None, None, Some(5.0)]), spread("never", "5.00 s – never"));
        assert_eq!(of(&[None]), ("never".to_owned(), None));
    }
}
