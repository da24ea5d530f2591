//! Consumer groups by KIP-848: the coordinator computes the assignment, and each member is led to
//! it by its own heartbeats. Nobody waits for anybody, except for a partition to be given up.
//!
//! A change of members, subscriptions or topics raises the group's *epoch*. The next heartbeat
//! computes a *target* assignment for it, whose epoch follows. Each *member epoch* then follows
//! as the member reaches its target (`reconcile`). `heartbeat` is the whole of a member's life,
//! `fence` its end; `subscriptions` says what the group wants, `target` and `assignor` who gets
//! it; `describe` reads.
//!
//! After Kafka's `GroupMetadataManager` and `ConsumerGroup` (4.1).

mod assignor;
mod classic;
mod describe;
mod fence;
mod heartbeat;
mod member;
mod reconcile;
mod requests;
mod subscriptions;
mod target;
mod timers;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kafka_protocol::ResponseError;
use kafka_protocol::protocol::StrBytes;

pub(super) use heartbeat::validate;
pub(super) use member::{ClassicTerms, ConsumerMember, Partitions};

use super::{Context, GroupConfig, GroupState};
use reconcile::Held;
use subscriptions::Subscriptions;
pub(crate) use subscriptions::compile;
use timers::{Timers, Wait};

/// The first version of OffsetCommit that knows member epochs.
const VERSION_MEMBER_EPOCHS: i16 = 9;

/// An error with the message for the client.
pub(super) type Refusal = (ResponseError, String);

/// The error of a group that is not there, or of the other type.
fn not_found(group: &str) -> Refusal {
    (ResponseError::GroupIdNotFound, format!("Consumer group {group} not found."))
}

/// The members of a consumer group and how far they are.
#[derive(Debug, Default)]
pub(super) struct ConsumerGroup {
    pub(super) epoch: i32,
    /// The epoch of the members' targets.
    pub(super) target_epoch: i32,
    pub(super) members: BTreeMap<StrBytes, ConsumerMember>,
    /// Group instance id → member id.
    pub(super) static_members: BTreeMap<StrBytes, StrBytes>,
    /// What the members have or still have to give up.
    held: Held,
    subscriptions: Subscriptions,
    timers: Timers,
}

impl ConsumerGroup {
    pub(super) fn state(&self) -> GroupState {
        let is_done = |member: &ConsumerMember| member.is_reconciled(self.target_epoch);
        if self.members.is_empty() {
            GroupState::Empty
        } else if self.epoch > self.target_epoch {
            GroupState::Assigning
        } else if self.members.values().all(is_done) {
            GroupState::Stable
        } else {
            GroupState::Reconciling
        }
    }

    /// A group without members at an epoch.
    pub(super) fn at_epoch(epoch: i32) -> Self {
        Self { epoch, target_epoch: epoch, ..Self::default() }
    }

    /// Takes a member of a classic group over. False if another has one of its partitions.
    pub(super) fn take_over(
        &mut self,
        cx: &Context<'_>,
        id: StrBytes,
        member: ConsumerMember,
    ) -> bool {
        let mut partitions = member.assigned.iter().flat_map(|(topic, partitions)| {
            partitions.iter().map(|partition| (*topic, *partition))
        });
        if partitions.any(|partition| self.held.contains(&partition)) {
            return false;
        }
        if let Some(terms) = &member.classic {
            let session = cx.now.saturating_add(terms.session_timeout);
            self.timers.start(&id, Wait::Session, session);
        }
        self.insert(id, member);
        true
    }

    /// Takes the topics as they are for those of the group's epoch.
    pub(super) fn look_at_topics(&mut self, cx: &Context<'_>) {
        self.subscriptions.refresh(cx.catalog);
    }

    /// True if there are members and all of them speak the classic protocol.
    pub(super) fn is_all_classic(&self) -> bool {
        !self.members.is_empty() && self.members.values().all(|member| member.classic.is_some())
    }

    pub(super) fn next_deadline(&self) -> Option<Duration> {
        self.timers.next()
    }

    /// The topics that members are subscribed to, by name or by a regular expression.
    pub(super) fn subscribed_topics(&self) -> BTreeSet<StrBytes> {
        self.subscriptions.topics()
    }

    /// Checks a regular expression that the group may not know yet.
    pub(super) fn check_regex(
        &self,
        config: &GroupConfig,
        regex: Option<&StrBytes>,
    ) -> Result<(), Refusal> {
        regex.map_or(Ok(()), |regex| self.subscriptions.check_regex(config, regex))
    }

    /// The member that a request speaks for, by its instance id if it has one.
    pub(super) fn speaker(
        &self,
        member_id: &StrBytes,
        instance: Option<&StrBytes>,
    ) -> Result<&ConsumerMember, Refusal> {
        if let Some(instance) = instance {
            let owner = self.static_members.get(instance).ok_or_else(|| {
                let message = format!("Instance id {instance} is unknown.");
                (ResponseError::UnknownMemberId, message)
            })?;
            if owner != member_id {
                let message = format!(
                    "Static member {member_id} with instance id {instance} was fenced by member \
                     {owner}."
                );
                return Err((ResponseError::FencedInstanceId, message));
            }
        }
        self.members.get(member_id).ok_or_else(|| {
            let message = format!("Member {member_id} is not a member of the group.");
            (ResponseError::UnknownMemberId, message)
        })
    }

    /// Checks that a member may commit offsets, or anybody (epoch −1) if there are none.
    pub(super) fn validate_commit(
        &self,
        version: i16,
        member_id: &StrBytes,
        epoch: i32,
    ) -> Result<(), ResponseError> {
        if epoch < 0 && self.members.is_empty() {
            return Ok(());
        }
        let member = self.members.get(member_id).ok_or(ResponseError::UnknownMemberId)?;
        if member.classic.is_none() && version < VERSION_MEMBER_EPOCHS {
            return Err(ResponseError::UnsupportedVersion);
        }
        check_epoch(member, epoch)
    }

    /// Checks that offsets may be read for a member, or for anybody who does not say.
    pub(super) fn validate_fetch(
        &self,
        member_id: Option<&StrBytes>,
        epoch: i32,
    ) -> Result<(), ResponseError> {
        match member_id {
            None if epoch < 0 => Ok(()),
            None => Err(ResponseError::UnknownMemberId),
            Some(id) => {
                let member = self.members.get(id).ok_or(ResponseError::UnknownMemberId)?;
                check_epoch(member, epoch)
            }
        }
    }

    fn insert(&mut self, id: StrBytes, member: ConsumerMember) {
        self.subscriptions.add(&member);
        self.hold(&member);
        if let Some(instance) = &member.instance {
            self.static_members.insert(instance.clone(), id.clone());
        }
        self.members.insert(id, member);
    }

    /// Forgets a member and its timers. The caller raises the epoch.
    fn remove(&mut self, id: &StrBytes) -> Option<ConsumerMember> {
        let member = self.members.remove(id)?;
        self.timers.stop_all(id);
        self.subscriptions.remove(&member);
        self.release(&member);
        if let Some(instance) = &member.instance {
            self.static_members.remove(instance);
        }
        Some(member)
    }

    fn hold(&mut self, member: &ConsumerMember) {
        for (topic, partitions) in member.assigned.iter().chain(&member.revoking) {
            self.held.extend(partitions.iter().map(|partition| (*topic, *partition)));
        }
    }

    fn release(&mut self, member: &ConsumerMember) {
        for (topic, partitions) in member.assigned.iter().chain(&member.revoking) {
            for partition in partitions {
                self.held.remove(&(*topic, *partition));
            }
        }
    }

    /// The coordinator moved: everything was in its log but the timers.
    pub(super) fn fail_over(&mut self, cx: &Context<'_>) {
        self.timers.clear();
        self.subscriptions.expect_changes();
        for (id, member) in &self.members {
            let session = cx.now.saturating_add(cx.config.consumer_session_timeout);
            self.timers.start(id, Wait::Session, session);
            if !member.revoking.is_empty() {
                let deadline = cx.now.saturating_add(member.rebalance_timeout);
                self.timers.start(id, Wait::Revocation(member.epoch), deadline);
            }
        }
    }
}

fn check_epoch(member: &ConsumerMember, epoch: i32) -> Result<(), ResponseError> {
    match (epoch == member.epoch, &member.classic) {
        (true, _) => Ok(()),
        (false, Some(_)) => Err(ResponseError::IllegalGeneration),
        (false, None) => Err(ResponseError::StaleMemberEpoch),
    }
}
