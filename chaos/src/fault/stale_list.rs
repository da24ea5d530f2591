//! Reads get an older state.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Aim, Definition, FaultKind, Lot, Sole};
use crate::selector::API_SERVER;

pub(super) const KIND: FaultKind = FaultKind {
    kind: "stale_list",
    description: "gets and lists of the operator and of users are answered with the state of the \
                  time when the fault began",
    evidence: "how many reads got an older state, and by how many versions it was old at most",
    heal: "reads are answered with the latest state",
};

/// Reads get the state of when the fault began.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StaleList {
    /// Which reads; all by default.
    #[serde(default)]
    pub reads: StaleReads,
}

impl Definition for StaleList {
    fn kind(&self) -> FaultKind {
        KIND
    }

    fn aim(&self) -> Aim<'_> {
        Aim::Named(API_SERVER)
    }

    fn sole(&self) -> Option<Sole> {
        Some(Sole::of("answers reads with an older state"))
    }

    fn draw(_lot: &mut Lot<'_>) -> Option<Self> {
        // An API server that answers every read with an older state is no correct one.
        Some(Self { reads: StaleReads::Allowing })
    }
}

/// Which reads get an older state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StaleReads {
    /// Every one, also those that ask for the latest state: no correct API server does that.
    #[default]
    All,
    /// Those that allow it with `resourceVersion=0`, as from a cache that trails.
    Allowing,
}
