//! ConsumerGroupHeartbeat: a member joins, says what it wants and owns, and is told what it gets.

use std::collections::BTreeSet;
use std::time::Duration;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::consumer_group_heartbeat_request::TopicPartitions as OwnedPartitions;
use kafka_protocol::messages::consumer_group_heartbeat_response::{Assignment, TopicPartitions};
use kafka_protocol::messages::{ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse};
use kafka_protocol::protocol::StrBytes;

use super::assignor::Assignor;
use super::member::{ConsumerMember, MemberState, Partitions, owns_only};
use super::timers::Wait;
use super::{ConsumerGroup, Refusal, reconcile};
use crate::coordinator::context::{Context, detached};
use crate::coordinator::{ClientInfo, GroupConfig};

/// The member epoch of a member that leaves.
const LEAVES: i32 = -1;
/// The member epoch of a static member that leaves and will be back.
const LEAVES_FOR_A_WHILE: i32 = -2;
/// The first version in which members make their own ids.
const VERSION_OWN_MEMBER_ID: i16 = 1;

/// Checks what can be checked without the group.
pub(in crate::coordinator) fn validate(
    config: &GroupConfig,
    version: i16,
    client: &ClientInfo,
    request: &ConsumerGroupHeartbeatRequest,
) -> Result<(), Refusal> {
    let invalid = |message: &str| Err((ResponseError::InvalidRequest, message.to_owned()));
    let epoch = request.member_epoch;
    let blank = |text: &Option<StrBytes>| text.as_ref().is_some_and(|text| text.trim().is_empty());
    let needs_id = version >= VERSION_OWN_MEMBER_ID || epoch > 0 || epoch == LEAVES;
    if needs_id && request.member_id.trim().is_empty() {
        return invalid("MemberId can't be empty.");
    } else if request.group_id.trim().is_empty() {
        return invalid("GroupId can't be empty.");
    } else if blank(&request.instance_id) {
        return invalid("InstanceId can't be empty.");
    } else if blank(&request.rack_id) {
        return invalid("RackId can't be empty.");
    }
    if epoch == 0 {
        if request.rebalance_timeout_ms == -1 {
            return invalid("RebalanceTimeoutMs must be provided in first request.");
        } else if request.topic_partitions.as_ref().is_none_or(|owned| !owned.is_empty()) {
            return invalid("TopicPartitions must be empty when (re-)joining.");
        } else if request.subscribed_topic_names.is_none()
            && request.subscribed_topic_regex.is_none()
        {
            return invalid("A subscription must be provided when (re-)joining.");
        }
    } else if epoch == LEAVES_FOR_A_WHILE && request.instance_id.is_none() {
        return invalid("InstanceId can't be null.");
    } else if epoch < LEAVES_FOR_A_WHILE {
        return invalid("MemberEpoch is invalid.");
    }
    if let Some(name) = &request.server_assignor
        && Assignor::named(name).is_none()
    {
        let known = Assignor::ALL.map(Assignor::name).join(", ");
        let message =
            format!("ServerAssignor {name} is not supported. Supported assignors: {known}.");
        return Err((ResponseError::UnsupportedAssignor, message));
    }
    within_bounds(config, client, request)
}

/// The bounds on what is kept of a member.
fn within_bounds(
    config: &GroupConfig,
    client: &ClientInfo,
    request: &ConsumerGroupHeartbeatRequest,
) -> Result<(), Refusal> {
    let texts = [&request.instance_id, &request.rack_id].into_iter().flatten();
    let lengths = [request.member_id.len(), client.client_id.len(), client.host.len()];
    let longest = texts.map(|text| text.len()).chain(lengths).max();
    let names = request.subscribed_topic_names.iter().flatten();
    let subscription_bytes: usize = names.map(|name| name.len() + size_of::<StrBytes>()).sum();
    if longest.is_some_and(|longest| longest > config.name_bytes_max)
        || subscription_bytes > config.protocol_metadata_bytes_max
    {
        let message = "A name or the subscription is too long.".to_owned();
        return Err((ResponseError::PolicyViolation, message));
    }
    Ok(())
}

/// An answer that refuses.
pub(in crate::coordinator) fn refusal((error, message): Refusal) -> ConsumerGroupHeartbeatResponse {
    ConsumerGroupHeartbeatResponse::default()
        .with_error_code(error.code())
        .with_error_message(Some(StrBytes::from_string(message)))
}

impl ConsumerGroup {
    /// Takes the heartbeat of a member, of one that joins (epoch 0) or of one that leaves.
    pub(in crate::coordinator) fn heartbeat(
        &mut self,
        cx: &mut Context<'_>,
        client: &ClientInfo,
        request: &ConsumerGroupHeartbeatRequest,
    ) -> Result<ConsumerGroupHeartbeatResponse, Refusal> {
        if request.member_epoch < 0 {
            return self.leave(cx, request);
        }
        let known = self.members.contains_key(&request.member_id);
        if !known && self.members.len() >= cx.config.members_max {
            let max = cx.config.members_max;
            let message =
                format!("The consumer group has reached its maximum capacity of {max} members.");
            return Err((ResponseError::GroupMaxSizeReached, message));
        }
        self.check_epoch(request)?;
        self.check_regex(cx.config, request.subscribed_topic_regex.as_ref())?;
        let id = match request.member_id.is_empty() {
            true => cx.member_ids.next_uuid(),
            false => detached(&request.member_id),
        };
        self.admit(&id, request.instance_id.as_ref(), request.member_epoch == 0);
        let assigned_before = self.members.get(&id).map(|member| member.assigned.clone());
        let resolves = self.update(cx, client, &id, request);
        let owned = request.topic_partitions.as_deref();
        self.reconcile(cx, &id, owned);
        let session = cx.now.saturating_add(cx.config.consumer_session_timeout);
        self.timers.start(&id, Wait::Session, session);
        let response = self.answer(cx, &id, request, assigned_before);
        if resolves {
            self.resolve(cx);
        }
        Ok(response)
    }

    /// Checks who speaks, and that it speaks of the epoch that it has.
    fn check_epoch(&self, request: &ConsumerGroupHeartbeatRequest) -> Result<(), Refusal> {
        let (id, received) = (&request.member_id, request.member_epoch);
        let instance = request.instance_id.as_ref();
        if received == 0 {
            if let Some(instance) = instance {
                return self.check_instance(id, instance);
            } else if !self.members.contains_key(id) {
                return Ok(());
            }
        }
        let member = self.speaker(id, instance)?;
        let current = member.epoch;
        // The answer with the epoch that it has may have been lost.
        let answer_lost = received == member.previous_epoch
            && owns_only(request.topic_partitions.as_deref(), &member.assigned);
        if received == current || received < current && answer_lost {
            return Ok(());
        }
        let compared = if received > current { "greater" } else { "smaller" };
        let message = format!(
            "The consumer group member has a {compared} member epoch ({received}) than the one \
             known by the group coordinator ({current}). The member must abandon all its \
             partitions and rejoin."
        );
        Err((ResponseError::FencedMemberEpoch, message))
    }

    /// A static member may join in the place of one that left for a while, or of one that speaks
    /// the classic protocol.
    fn check_instance(&self, id: &StrBytes, instance: &StrBytes) -> Result<(), Refusal> {
        let Some(owner) = self.static_members.get(instance) else { return Ok(()) };
        let released = |member: &ConsumerMember| {
            member.epoch == LEAVES_FOR_A_WHILE || member.classic.is_some()
        };
        if self.members.get(owner).is_none_or(released) {
            return Ok(());
        }
        let message = format!(
            "Static member {id} with instance id {instance} cannot join the group because the \
             instance id is owned by {owner} member."
        );
        Err((ResponseError::UnreleasedInstanceId, message))
    }

    /// Finds the member a place: its own, a new one, or, if it joins with the instance id of
    /// another, that one's with everything in it.
    pub(in crate::coordinator) fn admit(
        &mut self,
        id: &StrBytes,
        instance: Option<&StrBytes>,
        joins: bool,
    ) {
        let owner = instance.and_then(|instance| self.static_members.get(instance)).cloned();
        match owner {
            Some(owner) if joins => {
                let Some(mut member) = self.members.remove(&owner) else { return };
                self.timers.stop_all(&owner);
                if let Some(instance) = &member.instance {
                    self.static_members.insert(instance.clone(), id.clone());
                }
                (member.epoch, member.previous_epoch) = (0, 0);
                self.members.insert(id.clone(), member);
            }
            None if !self.members.contains_key(id) => {
                self.insert(id.clone(), ConsumerMember::new());
            }
            _ => {}
        }
    }

    /// Takes what the member says about itself, and raises epochs where that or the topics have
    /// changed. True if regular expressions are to be resolved.
    fn update(
        &mut self,
        cx: &Context<'_>,
        client: &ClientInfo,
        id: &StrBytes,
        request: &ConsumerGroupHeartbeatRequest,
    ) -> bool {
        let Some(member) = self.members.get_mut(id) else { return false };
        let last_resolved = self.subscriptions.last_resolved();
        let brings = member_regex(request).filter(|new| Some(*new) != member.regex.as_ref());
        let resolved = brings.is_some_and(|new| self.subscriptions.matches(new).is_some());
        let brings_new = brings.is_some() && !resolved;
        let before = member.clone();
        take_terms(member, client, request);
        if (&before.topics, &before.regex) != (&member.topics, &member.regex) {
            // In this order, so that an expression that stays is not forgotten in between.
            self.subscriptions.add(member);
            self.subscriptions.remove(&before);
        }
        if let Some(instance) = &member.instance {
            self.static_members.insert(instance.clone(), id.clone());
        }
        let bump = self.epoch == 0 || before.topics != member.topics || resolved;
        self.move_on(cx, bump);
        self.subscriptions.wants_resolution(cx, last_resolved, brings_new)
    }

    /// Raises the group's epoch if asked to or if its topics have changed, and computes the
    /// targets that are due.
    pub(in crate::coordinator) fn move_on(&mut self, cx: &Context<'_>, bump: bool) {
        let looks = bump || self.subscriptions.may_have_changed(cx.catalog);
        let changed = looks && self.subscriptions.refresh(cx.catalog);
        if bump || changed {
            self.epoch = self.epoch.saturating_add(1);
        }
        if self.epoch > self.target_epoch {
            self.update_targets(cx.catalog);
        }
    }

    /// Takes a step towards the member's target.
    pub(in crate::coordinator) fn reconcile(
        &mut self,
        cx: &Context<'_>,
        id: &StrBytes,
        owned: Option<&[OwnedPartitions]>,
    ) {
        let Some(mut member) = self.members.remove(id) else { return };
        if member.is_reconciled(self.target_epoch) {
            self.members.insert(id.clone(), member);
            return;
        }
        let before = member.clone();
        let nothing = reconcile::Held::new();
        let held = if cx.config.release_not_awaited { &nothing } else { &self.held };
        reconcile::step(&mut member, self.target_epoch, held, owned);
        let stepped = (member.epoch, member.previous_epoch, member.state)
            != (before.epoch, before.previous_epoch, before.state)
            || (&member.assigned, &member.revoking) != (&before.assigned, &before.revoking);
        if stepped {
            self.release(&before);
            self.hold(&member);
            // Members that speak the classic protocol have other timers.
            if member.classic.is_none() {
                let wait = Wait::Revocation(member.epoch);
                match member.state {
                    MemberState::UnrevokedPartitions => {
                        let deadline = cx.now.saturating_add(member.rebalance_timeout);
                        self.timers.start(id, wait, deadline);
                    }
                    _ => self.timers.stop(id, wait),
                }
            }
        }
        self.members.insert(id.clone(), member);
    }

    fn resolve(&mut self, cx: &Context<'_>) {
        let resolved = self.subscriptions.resolve(cx);
        let changed = self.subscriptions.refresh(cx.catalog);
        if resolved || changed {
            self.epoch = self.epoch.saturating_add(1);
        }
    }

    /// The member's assignment is told when it changed, and to who asks for everything.
    fn answer(
        &self,
        cx: &Context<'_>,
        id: &StrBytes,
        request: &ConsumerGroupHeartbeatRequest,
        assigned_before: Option<Partitions>,
    ) -> ConsumerGroupHeartbeatResponse {
        let interval = cx.config.consumer_heartbeat_interval.as_millis();
        let response = ConsumerGroupHeartbeatResponse::default()
            .with_member_id(Some(id.clone()))
            .with_heartbeat_interval_ms(i32::try_from(interval).unwrap_or(i32::MAX));
        let Some(member) = self.members.get(id) else { return response };
        let says_all = request.rebalance_timeout_ms != -1
            && (request.subscribed_topic_names.is_some()
                || request.subscribed_topic_regex.is_some())
            && request.topic_partitions.is_some();
        let changed = assigned_before.is_none_or(|before| before != member.assigned);
        let tells = request.member_epoch == 0 || says_all || changed;
        response
            .with_member_epoch(member.epoch)
            .with_assignment(tells.then(|| assignment(&member.assigned)))
    }

    /// A member leaves for ever, or a static one for a while: it keeps its place and partitions
    /// until its session ends.
    fn leave(
        &mut self,
        cx: &mut Context<'_>,
        request: &ConsumerGroupHeartbeatRequest,
    ) -> Result<ConsumerGroupHeartbeatResponse, Refusal> {
        self.speaker(&request.member_id, request.instance_id.as_ref())?;
        let id = detached(&request.member_id);
        let for_a_while = request.member_epoch == LEAVES_FOR_A_WHILE;
        if !for_a_while {
            self.fence(cx, std::slice::from_ref(&id));
        } else if let Some(mut member) = self.members.remove(&id) {
            self.release(&member);
            member.epoch = LEAVES_FOR_A_WHILE;
            member.revoking.clear();
            self.hold(&member);
            self.members.insert(id.clone(), member);
        }
        Ok(ConsumerGroupHeartbeatResponse::default()
            .with_member_id(Some(id))
            .with_member_epoch(request.member_epoch))
    }
}

/// The regular expression that a request brings; an empty one is none.
fn member_regex(request: &ConsumerGroupHeartbeatRequest) -> Option<&StrBytes> {
    request.subscribed_topic_regex.as_ref().filter(|regex| !regex.is_empty())
}

/// What a request leaves out stays as it was.
fn take_terms(
    member: &mut ConsumerMember,
    client: &ClientInfo,
    request: &ConsumerGroupHeartbeatRequest,
) {
    if let Some(instance) = &request.instance_id {
        member.instance = Some(detached(instance));
    }
    if let Some(rack) = &request.rack_id {
        member.rack = Some(detached(rack));
    }
    if request.rebalance_timeout_ms != -1 {
        let milliseconds = u64::try_from(request.rebalance_timeout_ms).unwrap_or(0);
        member.rebalance_timeout = Duration::from_millis(milliseconds);
    }
    if let Some(name) = &request.server_assignor {
        member.assignor = Assignor::named(name);
    }
    if let Some(topics) = &request.subscribed_topic_names {
        let known: BTreeSet<StrBytes> = topics.iter().map(|name| name.0.clone()).collect();
        if known != member.topics {
            member.topics = topics.iter().map(|name| detached(name)).collect();
        }
    }
    if let Some(regex) = &request.subscribed_topic_regex {
        member.regex = Some(detached(regex));
    }
    member.client_id = StrBytes::from_string(client.client_id.clone());
    member.client_host = StrBytes::from_string(client.host.clone());
    member.classic = None;
}

fn assignment(partitions: &Partitions) -> Assignment {
    let topics = partitions.iter().map(|(topic, partitions)| {
        TopicPartitions::default()
            .with_topic_id(*topic)
            .with_partitions(partitions.iter().copied().collect())
    });
    Assignment::default().with_topic_partitions(topics.collect())
}
