//! What a condition is held against: the run as it is seen at one moment.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A stretch of the load. In records and scenario files it has the same name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// The first part, which counts in no figure.
    WarmUp,
    /// Nothing out of the ordinary has happened yet.
    #[default]
    Steady,
    /// More is offered.
    Burst,
    /// A fault is in force.
    Fault,
    /// After a fault or a burst.
    Recovery,
}

impl Phase {
    /// Every phase, in the order of a run.
    pub const ALL: [Self; 5] =
        [Self::WarmUp, Self::Steady, Self::Burst, Self::Fault, Self::Recovery];

    /// The name in records and scenario files.
    pub fn name(self) -> &'static str {
        match self {
            Self::WarmUp => "warm-up",
            Self::Steady => "steady",
            Self::Burst => "burst",
            Self::Fault => "fault",
            Self::Recovery => "recovery",
        }
    }

    /// What becomes of this phase of the load alone where faults are in force now or were before.
    fn among_faults(self, now: bool, before: bool) -> Self {
        match self {
            Self::WarmUp => self,
            _ if now => Self::Fault,
            Self::Steady if before => Self::Recovery,
            _ => self,
        }
    }
}

/// What an environment and its load show at one moment. What is not known is `None`, and no
/// condition on it holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reading {
    /// The phase as the load alone has it, as if there were no faults.
    pub phase: Phase,
    /// Records of the source topic that the job has not committed.
    pub lag_records: Option<u64>,
    /// How long the oldest of them has waited.
    pub lag_time: Option<Duration>,
    /// Workers that exist.
    pub replicas: Option<u32>,
}

/// The run at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct View {
    /// Since the start of the load.
    pub time: Duration,
    /// What is known about it.
    pub reading: Reading,
    /// Names of the faults in force, from installed to healed.
    pub faults: BTreeSet<String>,
    /// Whether any fault was in force before.
    pub disturbed: bool,
}

impl View {
    /// The phase, faults included: in force they outrank a burst, and nothing is steady after
    /// them.
    pub fn phase(&self) -> Phase {
        self.reading.phase.among_faults(!self.faults.is_empty(), self.disturbed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_change_every_phase_but_the_warm_up() {
        use Phase::{Burst, Fault, Recovery, Steady, WarmUp};
        let phase = |load: Phase, faults: &[&str], disturbed: bool| {
            let faults = faults.iter().map(|name| (*name).to_owned()).collect();
            let reading = Reading { phase: load, ..Reading::default() };
            View { reading, faults, disturbed, ..View::default() }.phase()
        };
        assert_eq!(phase(WarmUp, &["a"], true), WarmUp);
        assert_eq!(phase(Burst, &["a"], false), Fault);
        assert_eq!(phase(Burst, &[], true), Burst);
        assert_eq!(phase(Steady, &[], false), Steady);
        assert_eq!(phase(Steady, &[], true), Recovery);
        assert_eq!(phase(Recovery, &[], false), Recovery);
    }

    #[test]
    fn a_phase_has_one_name() {
        for phase in Phase::ALL {
            assert_eq!(serde_json::to_value(phase).unwrap(), phase.name());
        }
    }
}
