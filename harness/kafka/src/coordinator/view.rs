//! A group as observers see it.

use std::collections::BTreeMap;

use kafka_protocol::protocol::StrBytes;

use super::Coordinator;
use super::assignment::decode_assignment;
use super::group::Group;
use super::member::Member;

/// Where a group stands between rebalances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum GroupState {
    /// No members; committed offsets may remain.
    Empty,
    /// Collecting the JoinGroup requests of the next generation.
    PreparingRebalance,
    /// The generation has begun; its leader has not sent the assignment yet.
    CompletingRebalance,
    /// Every member can have its assignment.
    Stable,
    /// The group does not exist.
    Dead,
}

impl GroupState {
    /// The name used in DescribeGroups and ListGroups.
    pub fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::PreparingRebalance => "PreparingRebalance",
            Self::CompletingRebalance => "CompletingRebalance",
            Self::Stable => "Stable",
            Self::Dead => "Dead",
        }
    }
}

impl Coordinator {
    /// Every group and its state, by id.
    pub(crate) fn states(&self) -> impl Iterator<Item = (&str, GroupState)> {
        self.groups.iter().map(|(id, group)| (id.as_str(), group.state))
    }
}

/// A group as it stands, for observers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupView {
    /// Where the group stands.
    pub state: GroupState,
    /// The number of the current generation; 0 before the first.
    pub generation: i32,
    /// The assignor all members agreed on, if a generation has begun.
    pub protocol: Option<String>,
    /// The members, ordered by member id.
    pub members: Vec<MemberView>,
    /// The committed offset of each topic and partition.
    pub committed: BTreeMap<(String, i32), i64>,
}

/// A member of a group, for observers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberView {
    /// The id the coordinator gave the member.
    pub member_id: String,
    /// The `client.id` it joined with.
    pub client_id: String,
    /// The address it joined from.
    pub client_host: String,
    /// The topics and partitions it was assigned; empty unless it speaks the consumer protocol.
    pub partitions: Vec<(String, i32)>,
}

/// The protocol type of consumers; assignments of other types are opaque.
const CONSUMER_PROTOCOL_TYPE: &str = "consumer";

pub(super) fn view(group: &Group) -> GroupView {
    let speaks_consumer = group.protocol_type.as_deref() == Some(CONSUMER_PROTOCOL_TYPE);
    let view_member = |(id, member): (&StrBytes, &Member)| MemberView {
        member_id: id.to_string(),
        client_id: member.membership.client_id.to_string(),
        client_host: member.membership.client_host.to_string(),
        partitions: if speaks_consumer {
            decode_assignment(&member.assignment)
        } else {
            Vec::new()
        },
    };
    let mut committed = BTreeMap::new();
    for (topic, offsets) in group.offsets.topics() {
        let entries = offsets.iter().map(|(index, at)| ((topic.to_string(), *index), at.offset));
        committed.extend(entries);
    }
    GroupView {
        state: group.state,
        generation: group.generation,
        protocol: group.protocol.as_ref().map(ToString::to_string),
        members: group.members.iter().map(view_member).collect(),
        committed,
    }
}
