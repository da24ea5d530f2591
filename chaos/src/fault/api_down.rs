//! The API server is gone for a while.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Aim, Definition, FaultKind, Lot, Sole};
use crate::selector::API_SERVER;

pub(super) const KIND: FaultKind = FaultKind {
    kind: "api_down",
    description: "the API server cuts the connections of the operator and of users and its port \
                  refuses new ones; controllers and kubelets go on",
    evidence: "how many connections were cut, and that a new one is refused",
    heal: "the port accepts connections again",
};

/// The API server is gone, for the operator and whoever else comes from outside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiDown {}

impl Definition for ApiDown {
    fn kind(&self) -> FaultKind {
        KIND
    }

    fn aim(&self) -> Aim<'_> {
        Aim::Named(API_SERVER)
    }

    fn sole(&self) -> Option<Sole> {
        Some(Sole::of("takes the API server away"))
    }

    fn draw(_lot: &mut Lot<'_>) -> Option<Self> {
        Some(Self {})
    }
}
