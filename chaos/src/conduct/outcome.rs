//! What became of each fault, and the events on the way there.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::schedule::PlannedFault;

/// What became of one fault. Times are from the start of the load.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultOutcome {
    /// Its name in the plan.
    pub name: String,
    /// Its kind, as in the catalogue.
    pub kind: String,
    /// Who was hit, or was to be hit.
    pub targets: Vec<String>,
    /// When it was due, or might have been for the first time if it never was.
    #[serde(with = "humantime_serde")]
    pub due: Duration,
    /// When it was installed.
    #[serde(with = "humantime_serde")]
    pub installed: Option<Duration>,
    /// When there was evidence that it landed.
    #[serde(with = "humantime_serde")]
    pub landed: Option<Duration>,
    /// When it was healed.
    #[serde(with = "humantime_serde")]
    pub healed: Option<Duration>,
    /// Whether it counts.
    pub state: FaultState,
    /// What was measured on healing.
    pub healing: Option<String>,
    /// Why it could not be healed; its own time limit is what remained.
    pub heal_error: Option<String>,
}

/// Whether a fault counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultState {
    /// There is evidence.
    Landed {
        /// What was measured.
        evidence: String,
    },
    /// It was not installed.
    Skipped {
        /// Why not.
        reason: String,
    },
    /// It may have been installed, but nothing proves that it landed.
    Indeterminate {
        /// Why it is not known.
        reason: String,
    },
}

/// Something to show while a trial runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultEvent {
    /// Name of the fault.
    pub name: String,
    /// Its kind, as in the catalogue.
    pub kind: String,
    /// When, from the start of the load.
    pub at: Duration,
    /// What happened.
    pub step: FaultStep,
}

/// The steps of a fault's life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaultStep {
    /// It is due and about to be installed on these targets.
    Installing(Vec<String>),
    /// It is in force, not yet proven.
    Installed,
    /// There is evidence.
    Landed(String),
    /// It was not installed, for this reason.
    Skipped(String),
    /// Nothing proves that it landed, for this reason.
    Indeterminate(String),
    /// It is over; this was measured.
    Healed(String),
    /// It could not be ended, for this reason.
    HealFailed(String),
}

impl FaultOutcome {
    /// Nothing has become of it yet that is due now.
    pub(super) fn due(fault: &PlannedFault, now: Duration) -> Self {
        Self { due: fault.cue.time().unwrap_or(now), ..Self::planned(fault) }
    }

    /// Nothing has become of it yet.
    pub(super) fn planned(fault: &PlannedFault) -> Self {
        Self {
            name: fault.name.clone(),
            kind: fault.action.fault.kind().kind.to_owned(),
            targets: fault.action.targets(),
            due: fault.cue.earliest(),
            installed: None,
            landed: None,
            healed: None,
            state: FaultState::Skipped { reason: "not due".to_owned() },
            healing: None,
            heal_error: None,
        }
    }
}
