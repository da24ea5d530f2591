//! What became of the system after a fault, figure by figure, under one strategy.

use crate::comparison::median_of_trials;
use crate::detection::{Alarm, Detection};
use crate::record::FaultState;
use crate::recovery::{Recovery, SignKind};
use crate::report::{format, range};

use super::super::tables::Cell;
use super::super::trials::Strategy;
use super::Named;

/// What a time is when it was not seen to end.
const NEVER: &str = "never";

/// A column of the table: its heading and its cells.
pub(super) type Column = (&'static str, fn(&Effects<'_>) -> Cell);

/// The columns of a strategy that has the table to itself.
pub(super) const ALONE: [Column; 5] = [
    ("detected", detected_by),
    ("alarm", alarm),
    ("recovered", recovered),
    ("worst p99", worst_p99),
    ("no progress", no_progress),
];

/// The columns of each of several strategies.
pub(super) const SHARED: [Column; 3] =
    [("detected", detected), ("recovered", recovered), ("no progress", no_progress)];

/// What a fault did in the trials of one strategy in which it landed.
pub(super) struct Effects<'a> {
    recoveries: Vec<&'a Recovery>,
    /// The operator's first alarm in each, and the seconds until then.
    alarms: Vec<Option<(&'a Alarm, f64)>>,
}

impl<'a> Effects<'a> {
    /// The effects of each of `faults`, in their order.
    pub(super) fn all(strategy: &Strategy<'a>, faults: &[Named<'a>]) -> Vec<Effects<'a>> {
        let none = || Effects { recoveries: Vec::new(), alarms: Vec::new() };
        let mut all: Vec<Effects<'a>> = faults.iter().map(|_| none()).collect();
        for trial in &strategy.trials {
            let detection = Detection::of(&trial.faults, &trial.alarms);
            for span in trial.faults.iter().filter(|span| span.state == FaultState::Landed) {
                let Some(index) = faults.iter().position(|fault| fault.is(span)) else { continue };
                all[index].recoveries.extend(&span.recovery);
                all[index].alarms.push(detection.first(span));
            }
        }
        all
    }

    /// The first sign by which it was detected.
    fn sign(&self) -> Option<SignKind> {
        self.recoveries.iter().find_map(|recovery| recovery.detected_by)
    }

    fn times(&self, of: fn(&Recovery) -> Option<f64>) -> (String, Option<String>) {
        times(&self.recoveries.iter().map(|recovery| of(recovery)).collect::<Vec<_>>())
    }

    fn greatest(&self, of: fn(&Recovery) -> Option<f64>) -> Option<f64> {
        self.recoveries.iter().filter_map(|recovery| of(recovery)).reduce(f64::max)
    }
}

fn detected(effects: &Effects<'_>) -> Cell {
    match effects.sign() {
        _ if effects.recoveries.is_empty() => format::ABSENT.into(),
        None => "no sign".into(),
        Some(_) => effects.times(|recovery| recovery.detect_s).0.into(),
    }
}

fn detected_by(effects: &Effects<'_>) -> Cell {
    detected(effects).with_note(effects.sign().map(|sign| sign.words().to_owned()))
}

fn alarm(effects: &Effects<'_>) -> Cell {
    if effects.alarms.iter().flatten().next().is_none() {
        return format::ABSENT.into();
    }
    let after_s: Vec<Option<f64>> =
        effects.alarms.iter().map(|alarm| alarm.map(|(_, after_s)| after_s)).collect();
    let (median, range) = times(&after_s);
    Cell::from(median).with_note(range)
}

fn recovered(effects: &Effects<'_>) -> Cell {
    if effects.recoveries.is_empty() {
        return format::ABSENT.into();
    }
    let (median, range) = effects.times(|recovery| recovery.total_s);
    let alarming = effects.recoveries.iter().any(|recovery| recovery.total_s.is_none());
    Cell::from(median).with_note(range).alarming(alarming)
}

fn worst_p99(effects: &Effects<'_>) -> Cell {
    let worst = effects.greatest(|recovery| recovery.worst_p99_ms);
    worst.map_or(format::ABSENT.to_owned(), format::milliseconds).into()
}

fn no_progress(effects: &Effects<'_>) -> Cell {
    let most = effects.greatest(|recovery| Some(recovery.no_progress_share));
    most.map_or(format::ABSENT.to_owned(), format::share).into()
}

/// The median of a time over trials, of which an absent one is longer than any, and the least to
/// the greatest where they differ.
fn times(values: &[Option<f64>]) -> (String, Option<String>) {
    let shown = |value: Option<f64>| value.map_or(NEVER.to_owned(), format::seconds);
    let median = shown(median_of_trials(values));
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
        let spread = |median: &str, range: &str| (median.to_owned(), Some(range.to_owned()));
        assert_eq!(times(&[Some(4.0)]), ("4.00 s".to_owned(), None));
        assert_eq!(times(&[Some(4.0), Some(6.0), Some(5.0)]), spread("5.00 s", "4.00–6.00 s"));
        assert_eq!(times(&[Some(4.0), None, Some(5.0)]), spread("5.00 s", "4.00 s – never"));
        assert_eq!(times(&[None, None, Some(5.0)]), spread("never", "5.00 s – never"));
        assert_eq!(times(&[None]), ("never".to_owned(), None));
    }
}
