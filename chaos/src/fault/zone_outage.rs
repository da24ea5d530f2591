//! A zone loses its power, with all that is in it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Aim, Definition, FaultKind, Lot};
use crate::selector::Selector;

pub(super) const KIND: FaultKind = FaultKind {
    kind: "zone_outage",
    description: "every node of a zone is killed with all its processes, and every broker there \
                  dies with what it had not flushed",
    evidence: "the killed process ids are gone, the brokers' connections are cut and others lead",
    heal: "nodes and brokers come back with what was on their disks",
};

/// A zone loses its power.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ZoneOutage {
    /// The zone's name.
    #[schemars(with = "String")]
    pub zone: Zone,
}

/// A zone by its name, as the choice of all that is in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Zone {
    name: String,
    members: Selector,
}

impl From<String> for Zone {
    fn from(name: String) -> Self {
        Self { members: Selector::Zone(name.clone()), name }
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> Self {
        zone.name
    }
}

impl Definition for ZoneOutage {
    fn kind(&self) -> FaultKind {
        KIND
    }

    fn aim(&self) -> Aim<'_> {
        Aim::Zone(&self.zone.members)
    }

    fn takes_down(&self) -> bool {
        true
    }

    fn draw(lot: &mut Lot<'_>) -> Option<Self> {
        Some(Self { zone: Zone::from(lot.zone()?) })
    }
}
