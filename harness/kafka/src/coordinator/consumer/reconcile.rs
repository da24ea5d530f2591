//! A member's way from what it has to what it is to have: first it gives up what is not its own
//! any more, then it gets what others have given up. So a partition has one owner at any moment.
//!
//! After Kafka's `CurrentAssignmentBuilder`.

use std::collections::BTreeSet;

use kafka_protocol::messages::consumer_group_heartbeat_request::TopicPartitions;
use uuid::Uuid;

use super::member::{ConsumerMember, MemberState, Partitions, owns_any};

/// Partitions that some member has or still has to give up.
pub(in crate::coordinator) type Held = BTreeSet<(Uuid, i32)>;

/// Takes one step towards the member's target of `target_epoch`, if it can. `owned` is what the
/// member says it has, `held` what all members have now.
pub(super) fn step(
    member: &mut ConsumerMember,
    target_epoch: i32,
    held: &Held,
    owned: Option<&[TopicPartitions]>,
) {
    let epoch = match member.state {
        MemberState::Stable if member.epoch == target_epoch => return,
        MemberState::UnrevokedPartitions if owns_any(owned, &member.revoking) => return,
        MemberState::UnrevokedPartitions => member.epoch + 1,
        MemberState::Stable | MemberState::UnreleasedPartitions => member.epoch,
    };
    let parts = split(member, held);
    let mut assigned = parts.kept;
    let must_revoke = !parts.revoking.is_empty() && owns_any(owned, &parts.revoking);
    let (state, epoch, revoking) = if must_revoke {
        (MemberState::UnrevokedPartitions, epoch, parts.revoking)
    } else {
        for (topic, partitions) in parts.free {
            assigned.entry(topic).or_default().extend(partitions);
        }
        let waits = parts.some_unreleased;
        let state = if waits { MemberState::UnreleasedPartitions } else { MemberState::Stable };
        (state, target_epoch, Partitions::new())
    };
    member.previous_epoch = member.epoch;
    member.epoch = epoch;
    member.state = state;
    member.assigned = assigned;
    member.revoking = revoking;
}

struct Parts {
    /// What it has and keeps.
    kept: Partitions,
    /// What it has and must give up.
    revoking: Partitions,
    /// What it is to get and nobody has.
    free: Partitions,
    /// Whether it is to get something that somebody still has.
    some_unreleased: bool,
}

fn split(member: &ConsumerMember, held: &Held) -> Parts {
    let mut parts = Parts {
        kept: Partitions::new(),
        revoking: Partitions::new(),
        free: Partitions::new(),
        some_unreleased: false,
    };
    let none = BTreeSet::new();
    for (topic, has) in &member.assigned {
        let target = member.target.get(topic).unwrap_or(&none);
        insert(&mut parts.kept, *topic, has.intersection(target));
        insert(&mut parts.revoking, *topic, has.difference(target));
    }
    for (topic, target) in &member.target {
        let has = member.assigned.get(topic).unwrap_or(&none);
        let missing: BTreeSet<i32> = target.difference(has).copied().collect();
        let free = missing.iter().filter(|&&partition| !held.contains(&(*topic, partition)));
        let free: Vec<&i32> = free.collect();
        parts.some_unreleased |= free.len() < missing.len();
        insert(&mut parts.free, *topic, free.into_iter());
    }
    parts
}

fn insert<'a>(into: &mut Partitions, topic: Uuid, partitions: impl Iterator<Item = &'a i32>) {
    let partitions: BTreeSet<i32> = partitions.copied().collect();
    if !partitions.is_empty() {
        into.insert(topic, partitions);
    }
}
