//! A member of a consumer group (KIP-848).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kafka_protocol::messages::consumer_group_heartbeat_request::TopicPartitions;
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use super::assignor::Assignor;
use crate::coordinator::member::Protocol;

/// Partitions by topic id. No set in it is empty.
pub(in crate::coordinator) type Partitions = BTreeMap<Uuid, BTreeSet<i32>>;

/// Where a member stands on its way to its target assignment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::coordinator) enum MemberState {
    /// It has what it is to have at its epoch.
    Stable,
    /// It still has to give partitions up.
    UnrevokedPartitions,
    /// It waits for partitions that others still have.
    UnreleasedPartitions,
}

/// What a member that speaks the classic protocol said when it joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::coordinator) struct ClassicTerms {
    pub(in crate::coordinator) session_timeout: Duration,
    /// In the order of preference.
    pub(in crate::coordinator) protocols: Vec<Protocol>,
}

/// A member.
#[derive(Debug, Clone)]
pub(in crate::coordinator) struct ConsumerMember {
    pub(in crate::coordinator) instance: Option<StrBytes>,
    pub(in crate::coordinator) rack: Option<StrBytes>,
    pub(in crate::coordinator) client_id: StrBytes,
    pub(in crate::coordinator) client_host: StrBytes,
    pub(in crate::coordinator) rebalance_timeout: Duration,
    pub(in crate::coordinator) assignor: Option<Assignor>,
    pub(in crate::coordinator) topics: BTreeSet<StrBytes>,
    pub(in crate::coordinator) regex: Option<StrBytes>,
    pub(in crate::coordinator) epoch: i32,
    pub(in crate::coordinator) previous_epoch: i32,
    pub(in crate::coordinator) state: MemberState,
    /// What it may consume.
    pub(in crate::coordinator) assigned: Partitions,
    /// What it was asked to give up and has not.
    pub(in crate::coordinator) revoking: Partitions,
    /// What it is to have at the group's assignment epoch.
    pub(in crate::coordinator) target: Partitions,
    /// There if it speaks the classic protocol.
    pub(in crate::coordinator) classic: Option<ClassicTerms>,
}

impl ConsumerMember {
    pub(in crate::coordinator) fn new() -> Self {
        Self {
            instance: None,
            rack: None,
            client_id: StrBytes::new(),
            client_host: StrBytes::new(),
            rebalance_timeout: Duration::ZERO,
            assignor: None,
            topics: BTreeSet::new(),
            regex: None,
            epoch: 0,
            previous_epoch: 0,
            state: MemberState::Stable,
            assigned: Partitions::new(),
            revoking: Partitions::new(),
            target: Partitions::new(),
            classic: None,
        }
    }

    /// The regular expression it is subscribed to; an empty one is none.
    pub(in crate::coordinator) fn subscribed_regex(&self) -> Option<&StrBytes> {
        self.regex.as_ref().filter(|regex| !regex.is_empty())
    }

    /// True if it has all of its target at `epoch`.
    pub(in crate::coordinator) fn is_reconciled(&self, epoch: i32) -> bool {
        self.state == MemberState::Stable && self.epoch == epoch
    }
}

/// True if a member says what it owns and all of it is in `allowed`.
pub(super) fn owns_only(owned: Option<&[TopicPartitions]>, allowed: &Partitions) -> bool {
    owned.is_some_and(|owned| {
        owned.iter().all(|topic| {
            let allowed = allowed.get(&topic.topic_id);
            let within = |partition| allowed.is_some_and(|allowed| allowed.contains(partition));
            topic.partitions.iter().all(within)
        })
    })
}

/// True if a member has any of `partitions`. One that does not say counts as having them.
pub(super) fn owns_any(owned: Option<&[TopicPartitions]>, partitions: &Partitions) -> bool {
    owned.is_none_or(|owned| {
        owned.iter().any(|topic| {
            let those = partitions.get(&topic.topic_id);
            let among = |partition| those.is_some_and(|those| those.contains(partition));
            topic.partitions.iter().any(among)
        })
    })
}
