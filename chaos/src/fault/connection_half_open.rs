//! Connections between two groups are half open: one side is gone, and the other does not know.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Aim, Definition, FaultKind, Lot, is_server};
use crate::proxy::{Cut, Effect, Keeps};
use crate::selector::Group;

pub(super) const KIND: FaultKind = FaultKind {
    kind: "connection_half_open",
    description: "connections between two groups end on one side, as when its machine loses \
                  power, and the other keeps them; new ones work",
    evidence: "how many connections only one side has, and the bytes it sent to nobody",
    heal: "the side that has kept them is told by a reset",
};

/// Connections of two groups end on one side only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConnectionHalfOpen {
    /// The two groups: nodes or the operator and brokers, or the operator and the API server.
    pub between: (Group, Group),
    /// Which of them keeps its connections.
    #[serde(default)]
    pub kept_by: Keeper,
}

/// One group of a pair.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Keeper {
    /// The first group.
    #[default]
    First,
    /// The second group.
    Second,
}

impl ConnectionHalfOpen {
    /// What the proxies do.
    pub fn effect(&self) -> Effect {
        let keeper = match self.kept_by {
            Keeper::First => &self.between.0,
            Keeper::Second => &self.between.1,
        };
        let keeps = if is_server(keeper) { Keeps::Server } else { Keeps::Client };
        Effect::Cut(Cut { after: Duration::ZERO, keeps, newcomers: false })
    }
}

impl Definition for ConnectionHalfOpen {
    fn kind(&self) -> FaultKind {
        KIND
    }

    fn aim(&self) -> Aim<'_> {
        Aim::Between(&self.between)
    }

    fn draw(lot: &mut Lot<'_>) -> Option<Self> {
        let kept_by = lot.one_of(&[Keeper::First, Keeper::Second])?;
        Some(Self { between: lot.between()?, kept_by })
    }
}
