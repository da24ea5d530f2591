//! A group as observers see it.

use std::collections::BTreeMap;

use kafka_protocol::protocol::StrBytes;

use super::Coordinator;
use super::assignment::decode_assignment;
use super::catalog::Catalog;
use super::consumer::ConsumerMember;
use super::group::Group;
use super::member::Member;

/// Where a group stands between rebalances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum GroupState {
    /// No members; committed offsets may remain.
    Empty,
    /// Collecting the JoinGroup requests of the next generation.
    PreparingRebalance,
    /// A consumer group's epoch has risen and its assignment is not computed yet.
    Assigning,
    /// The assignment of a consumer group is there, and some members are on their way to it.
    Reconciling,
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
            Self::Assigning => "Assigning",
            Self::Reconciling => "Reconciling",
            Self::CompletingRebalance => "CompletingRebalance",
            Self::Stable => "Stable",
            Self::Dead => "Dead",
        }
    }
}

impl Coordinator {
    /// Every group, its type and its state, by id.
    pub(crate) fn states(&self) -> impl Iterator<Item = (&str, GroupKind, GroupState)> {
        self.groups.iter().map(|(id, group)| (id.as_str(), group.kind(), group.state()))
    }
}

/// Which protocol a group speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum GroupKind {
    /// The classic protocol: members meet at a barrier, and one of them assigns.
    Classic,
    /// KIP-848's: the coordinator assigns, and each member follows at its own pace.
    Consumer,
}

impl GroupKind {
    /// The name used in ListGroups.
    pub fn name(self) -> &'static str {
        match self {
            Self::Classic => "classic",
            Self::Consumer => "consumer",
        }
    }
}

/// A group as it stands, for observers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupView {
    /// Which protocol the group speaks.
    pub kind: GroupKind,
    /// Where the group stands.
    pub state: GroupState,
    /// The number of the current generation, 0 before the first; of a consumer group its epoch.
    pub generation: i32,
    /// The epoch of a consumer group's assignment; of a classic group the generation.
    pub assignment_epoch: i32,
    /// The assignor all members agreed on, if a generation has begun; of a consumer group the
    /// server's.
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
    /// Its group instance id, if it is a static member.
    pub instance_id: Option<String>,
    /// The epoch of a member of a consumer group; of a classic group the generation.
    pub epoch: i32,
    /// The `client.id` it joined with.
    pub client_id: String,
    /// The address it joined from.
    pub client_host: String,
    /// The topics and partitions it was assigned; empty unless it speaks the consumer protocol.
    pub partitions: Vec<(String, i32)>,
}

/// The protocol type of consumers; assignments of other types are opaque.
pub(super) const CONSUMER_PROTOCOL_TYPE: &str = "consumer";

pub(super) fn view(group: &Group, catalog: &Catalog) -> GroupView {
    let mut committed = BTreeMap::new();
    for (topic, offsets) in group.offsets.topics() {
        let entries = offsets.iter().map(|(index, at)| ((topic.to_string(), *index), at.offset));
        committed.extend(entries);
    }
    match &group.consumer {
        Some(consumer) => GroupView {
            kind: GroupKind::Consumer,
            state: consumer.state(),
            generation: consumer.epoch,
            assignment_epoch: consumer.target_epoch,
            protocol: Some(consumer.assignor().name().to_owned()),
            members: consumer
                .members
                .iter()
                .map(|member| consumer_member(catalog, member))
                .collect(),
            committed,
        },
        None => GroupView {
            kind: GroupKind::Classic,
            state: group.state,
            generation: group.generation,
            assignment_epoch: group.generation,
            protocol: group.protocol.as_ref().map(ToString::to_string),
            members: group.members.iter().map(|member| classic_member(group, member)).collect(),
            committed,
        },
    }
}

fn classic_member(group: &Group, (id, member): (&StrBytes, &Member)) -> MemberView {
    let speaks_consumer = group.protocol_type.as_deref() == Some(CONSUMER_PROTOCOL_TYPE);
    MemberView {
        member_id: id.to_string(),
        instance_id: member.membership.instance.as_ref().map(ToString::to_string),
        epoch: group.generation,
        client_id: member.membership.client_id.to_string(),
        client_host: member.membership.client_host.to_string(),
        partitions: if speaks_consumer {
            decode_assignment(&member.assignment)
        } else {
            Vec::new()
        },
    }
}

fn consumer_member(catalog: &Catalog, (id, member): (&StrBytes, &ConsumerMember)) -> MemberView {
    let mut partitions = Vec::new();
    for (topic, assigned) in &member.assigned {
        let Some(name) = catalog.name(topic) else { continue };
        partitions.extend(assigned.iter().map(|partition| (name.to_string(), *partition)));
    }
    partitions.sort_unstable();
    MemberView {
        member_id: id.to_string(),
        instance_id: member.instance.as_ref().map(ToString::to_string),
        epoch: member.epoch,
        client_id: member.client_id.to_string(),
        client_host: member.client_host.to_string(),
        partitions,
    }
}
