//! Faults as a record keeps them.

use serde::{Deserialize, Serialize};

use crate::recovery::Recovery;

/// One fault of the trial's schedule, with what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultSpan {
    /// The fault's name in the scenario.
    pub name: String,
    /// What was injected, such as `node_crash`.
    pub kind: String,
    /// The concrete targets, such as `node-2`.
    pub targets: Vec<String>,
    /// When it was due, seconds from load start.
    pub due_s: f64,
    /// When it was installed, seconds from load start.
    pub installed_s: Option<f64>,
    /// When there was evidence that it had landed, seconds from load start.
    pub landed_s: Option<f64>,
    /// When it was healed, seconds from load start.
    pub healed_s: Option<f64>,
    /// Whether it landed.
    pub state: FaultState,
    /// The evidence that it landed, or the reason why it did not.
    pub evidence: String,
    /// What became of the system and of users, by the law of [`crate::recovery`]. Absent when the
    /// fault did not land.
    pub recovery: Option<Recovery>,
}

impl FaultSpan {
    /// How long the fault was felt, in seconds: [`Recovery::total_s`]. `None` when the system did
    /// not recover before the trial's end, or when the fault did not land.
    pub fn recovery_s(&self) -> Option<f64> {
        self.recovery.as_ref()?.total_s
    }

    /// Whether it had landed and was not yet healed at some time between two, in seconds from load
    /// start.
    pub fn was_in_place(&self, from_s: f64, to_s: f64) -> bool {
        self.state == FaultState::Landed
            && self.landed_s.is_some_and(|landed_s| landed_s < to_s)
            && self.healed_s.is_none_or(|healed_s| healed_s > from_s)
    }
}

/// Whether a fault landed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultState {
    /// There is evidence that the fault took effect.
    Landed,
    /// It was not injected, for a stated reason.
    Skipped,
    /// It was injected, but nothing shows that it took effect.
    Indeterminate,
}

impl FaultState {
    /// The word for it in reports.
    pub fn word(self) -> &'static str {
        match self {
            FaultState::Landed => "landed",
            FaultState::Skipped => "skipped",
            FaultState::Indeterminate => "indeterminate",
        }
    }
}
