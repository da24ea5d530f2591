//! Which faults the operator's own conditions and events showed, how fast, and how often they
//! cried wolf.
//!
//! **The law.** An alarm is raised when a condition of the job turns bad, or when a warning event
//! about it is written. It *shows* the fault in whose time it falls: from the installation to 5 s
//! after the healing, or to the next fault's installation if that comes earlier. Of several faults
//! in force at that time it shows the one installed last. An alarm in no fault's time is *false*;
//! one in the time of a fault that nobody knows to have landed counts for nothing.
//!
//! Recall is the share of landed faults that were shown, precision the share of counted alarms
//! that showed one.

use serde::{Deserialize, Serialize};

use crate::record::{FaultSpan, FaultState};
use crate::statistics::median;

/// How long after its healing an alarm still belongs to a fault, in seconds.
const AFTER_S: f64 = 5.0;

/// Something that the operator said was wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alarm {
    /// When it was seen, seconds from load start.
    pub at_s: f64,
    /// The condition or event and its reason, such as `Ready=False WorkersNotReady`.
    pub what: String,
}

/// How well the operator noticed faults.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Detection<'a> {
    /// Each fault that landed, with the first alarm that showed it and the seconds until then.
    pub faults: Vec<(&'a FaultSpan, Option<(&'a Alarm, f64)>)>,
    /// The alarms that showed a fault.
    pub shown: u64,
    /// The alarms in no fault's time.
    pub false_alarms: Vec<&'a Alarm>,
}

impl<'a> Detection<'a> {
    /// Sorts alarms by faults, by the law of this module.
    pub fn of(faults: &'a [FaultSpan], alarms: &'a [Alarm]) -> Detection<'a> {
        let mut detection = Detection::default();
        let landed = faults.iter().filter(|fault| fault.state == FaultState::Landed);
        detection.faults = landed.map(|fault| (fault, None)).collect();
        for alarm in alarms {
            let Some((fault, after_s)) = shown(faults, alarm) else {
                detection.false_alarms.push(alarm);
                continue;
            };
            let row = detection.faults.iter_mut().find(|(landed, _)| std::ptr::eq(*landed, fault));
            if let Some((_, first)) = row {
                detection.shown += 1;
                if first.is_none_or(|(_, first_s)| after_s < first_s) {
                    *first = Some((alarm, after_s));
                }
            }
        }
        detection
    }

    /// The first alarm that showed a fault, and the seconds until then.
    pub fn first(&self, fault: &FaultSpan) -> Option<(&'a Alarm, f64)> {
        self.faults.iter().find(|(landed, _)| std::ptr::eq(*landed, fault))?.1
    }

    /// The faults that were shown.
    pub fn detected(&self) -> usize {
        self.faults.iter().filter(|(_, first)| first.is_some()).count()
    }

    /// Share of the landed faults that were shown, 0 to 1; absent when none landed.
    pub fn recall(&self) -> Option<f64> {
        share(self.detected() as f64, self.faults.len() as f64)
    }

    /// Share of the counted alarms that showed a fault, 0 to 1; absent without alarms.
    pub fn precision(&self) -> Option<f64> {
        let shown = self.shown as f64;
        share(shown, shown + self.false_alarms.len() as f64)
    }

    /// Median time from installation to alarm of the faults that were shown, in seconds.
    pub fn detect_s(&self) -> Option<f64> {
        let times: Vec<f64> =
            self.faults.iter().filter_map(|(_, first)| first.map(|(_, after_s)| after_s)).collect();
        median(&times)
    }
}

fn share(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}

/// The fault that an alarm falls into, and the seconds since its installation.
fn shown<'a>(faults: &'a [FaultSpan], alarm: &Alarm) -> Option<(&'a FaultSpan, f64)> {
    let installed = faults.iter().filter_map(|fault| {
        let after_s = alarm.at_s - fault.installed_s?;
        (after_s >= 0.0).then_some((fault, after_s))
    });
    let in_time = installed.filter(|(fault, after_s)| {
        let lasted_s =
            fault.healed_s.zip(fault.installed_s).map(|(end_s, start_s)| end_s - start_s);
        lasted_s.is_none_or(|lasted_s| *after_s < lasted_s + AFTER_S)
    });
    in_time.min_by(|(_, left_s), (_, right_s)| left_s.total_cmp(right_s))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(name: &str, state: FaultState, from_s: f64, to_s: f64) -> FaultSpan {
        FaultSpan {
            name: name.to_owned(),
            kind: "node_crash".to_owned(),
            targets: Vec::new(),
            due_s: from_s,
            installed_s: Some(from_s),
            landed_s: Some(from_s),
            healed_s: Some(to_s),
            state,
            evidence: "3 killed".to_owned(),
            recovery: None,
        }
    }

    fn alarms(times: &[f64]) -> Vec<Alarm> {
        times.iter().map(|at_s| Alarm { at_s: *at_s, what: format!("at {at_s}") }).collect()
    }

    #[test]
    fn alarms_show_the_fault_in_whose_time_they_fall() {
        let faults = [
            fault("a", FaultState::Landed, 10.0, 12.0),
            fault("b", FaultState::Landed, 14.0, 16.0),
            fault("c", FaultState::Landed, 30.0, 31.0),
            fault("d", FaultState::Indeterminate, 50.0, 51.0),
        ];
        // Before all; a's, twice; b's though a's five seconds are not over; long after; d's.
        let alarms = alarms(&[9.0, 11.5, 13.0, 15.0, 28.0, 52.0]);
        let detection = Detection::of(&faults, &alarms);
        let first: Vec<_> =
            detection.faults.iter().map(|(_, first)| first.map(|(_, after_s)| after_s)).collect();
        assert_eq!(first, [Some(1.5), Some(1.0), None]);
        assert_eq!(detection.false_alarms, [&alarms[0], &alarms[4]]);
        assert_eq!((detection.recall(), detection.precision()), (Some(2.0 / 3.0), Some(0.6)));
        assert_eq!((detection.detected(), detection.detect_s()), (2, Some(1.25)));
    }

    #[test]
    fn a_fault_that_never_healed_is_shown_for_ever_and_nothing_gives_no_shares() {
        let mut faults = [fault("a", FaultState::Landed, 10.0, 12.0)];
        faults[0].healed_s = None;
        let late = alarms(&[1000.0]);
        assert_eq!(Detection::of(&faults, &late).detected(), 1);
        let nothing = Detection::of(&[], &[]);
        assert_eq!((nothing.recall(), nothing.precision(), nothing.detect_s()), (None, None, None));
    }
}
