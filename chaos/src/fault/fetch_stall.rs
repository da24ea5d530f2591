//! A broker lets workers wait for what they want to read.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Check, Claim, Definition, Draw, FaultKind};
use crate::injector::Action;
use crate::selector::{Pool, Selector, TopicRole};

pub(super) const KIND: FaultKind = FaultKind {
    kind: "fetch_stall",
    description: "workers' fetch requests are not answered, while what they write and their groups \
                  are served; so is whoever else reads",
    evidence: "how many fetch requests of workers each broker has held back",
    heal: "the requests held back are answered, and later ones do not wait",
};

/// Brokers hold back what workers want to read. The harness's own readers do not wait.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FetchStall {
    /// Which brokers.
    pub brokers: Selector,
}

impl Definition for FetchStall {
    fn kind(&self) -> FaultKind {
        KIND
    }

    fn check(&self, check: &mut Check<'_>) {
        check.selector("brokers", &self.brokers, Pool::Brokers);
    }

    fn claim(&self) -> Option<Claim<'_>> {
        Some(Claim::Only("lets fetch requests wait".to_owned()))
    }

    fn leader(&self) -> Option<(TopicRole, i32)> {
        self.brokers.leader()
    }

    fn action(&self, draw: &mut Draw<'_>) -> Action {
        Action::FetchStall { brokers: draw.names(&self.brokers, Pool::Brokers) }
    }
}
