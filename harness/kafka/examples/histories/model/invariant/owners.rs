//! (g) In a group by KIP-848 a partition has one owner at any time: nobody is given what another
//! still has, who beats and has not said that it gave it up.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kafka_protocol::messages::ConsumerGroupHeartbeatResponse;
use kafka_protocol::protocol::StrBytes;

use super::{Beaten, Verdict};
use crate::model::plan::CONSUMER_SESSION;

/// What each member has, as far as the coordinator can know.
#[derive(Debug, Default)]
pub(super) struct Owners {
    members: BTreeMap<StrBytes, Holding>,
}

#[derive(Debug, Default)]
struct Holding {
    partitions: BTreeSet<i32>,
    /// When it was last answered well: its session lasts from then on at least.
    alive_at: Duration,
}

impl Owners {
    /// What a member does not name it has given up, whoever gets to know.
    pub(super) fn arrived(&mut self, beaten: &Beaten) {
        if let Some(holding) = self.members.get_mut(&beaten.member) {
            let leaves = beaten.epoch <= 0;
            let keeps = |partition: &i32| !leaves && beaten.owned.contains(partition);
            holding.partitions.retain(keeps);
        }
    }

    pub(super) fn answered(
        &mut self,
        now: Duration,
        beaten: &Beaten,
        response: &ConsumerGroupHeartbeatResponse,
    ) -> Verdict {
        let member = &beaten.member;
        let topics = response.assignment.iter().flat_map(|given| &given.topic_partitions);
        let given: BTreeSet<i32> =
            topics.flat_map(|topic| topic.partitions.iter().copied()).collect();
        for (other, holding) in &self.members {
            let alive = now < holding.alive_at + CONSUMER_SESSION;
            let both = holding.partitions.intersection(&given).next();
            if let Some(partition) = both.filter(|_| alive && other != member) {
                let epoch = response.member_epoch;
                return Err(format!(
                    "member {member} is given partition {partition} at epoch {epoch} while \
                     {other} has not given it up"
                ));
            }
        }
        let holding = self.members.entry(member.clone()).or_default();
        holding.alive_at = now;
        if beaten.epoch >= 0 {
            holding.partitions.extend(given);
        }
        Ok(())
    }
}
