//! Members of a consumer group that speak the classic protocol: JoinGroup is a heartbeat that
//! brings the subscription, SyncGroup fetches what the coordinator assigned, and Heartbeat says
//! when to join again. There is no barrier and no leader.

use std::time::Duration;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::consumer_group_heartbeat_request::TopicPartitions;
use kafka_protocol::messages::leave_group_request::MemberIdentity;
use kafka_protocol::messages::{
    HeartbeatRequest, JoinGroupResponse, SyncGroupRequest, SyncGroupResponse,
};
use kafka_protocol::protocol::StrBytes;

use super::ConsumerGroup;
use super::member::{ClassicTerms, ConsumerMember, MemberState};
use super::timers::Wait;
use crate::coordinator::assignment::encode_assignment;
use crate::coordinator::context::{Context, detached};
use crate::coordinator::join::Join;
use crate::coordinator::member::Membership;
use crate::coordinator::subscription::{Subscription, decode_subscription};
use crate::coordinator::view::CONSUMER_PROTOCOL_TYPE;

impl ConsumerGroup {
    /// Takes a JoinGroup. An error comes with the member id to answer it with.
    pub(in crate::coordinator) fn classic_join(
        &mut self,
        cx: &mut Context<'_>,
        join: Join,
    ) -> Result<JoinGroupResponse, (ResponseError, StrBytes)> {
        let plain = |error| (error, StrBytes::new());
        let is_unknown = join.member_id.is_empty();
        let id = if is_unknown { cx.member_ids.next_uuid() } else { detached(&join.member_id) };
        if self.members.len() >= cx.config.members_max && !self.members.contains_key(&id) {
            return Err(plain(ResponseError::GroupMaxSizeReached));
        }
        if !self.supports(&join) {
            return Err(plain(ResponseError::InconsistentGroupProtocol));
        }
        if join.requires_known_id() {
            return Err((ResponseError::MemberIdRequired, id));
        }
        let instance = join.membership().instance.clone();
        if instance.is_some() && !is_unknown {
            self.speaker(&id, instance.as_ref()).map_err(|(error, _)| plain(error))?;
        }
        let Join { membership, .. } = join;
        let first = membership.protocols.first().cloned();
        let first = first.ok_or_else(|| plain(ResponseError::InconsistentGroupProtocol))?;
        let subscription = decode_subscription(&first.metadata)
            .ok_or_else(|| plain(ResponseError::UnknownServerError))?;
        self.admit(&id, instance.as_ref(), is_unknown);
        let owned = owned(cx, &subscription);
        let (session, rebalance) = (membership.session_timeout, membership.rebalance_timeout);
        let bump = self.take_classic_terms(&id, membership, subscription);
        self.move_on(cx, bump);
        self.reconcile(cx, &id, Some(&owned));
        self.timers.stop(&id, Wait::Join);
        self.timers.start(&id, Wait::Session, cx.now.saturating_add(session));
        self.timers.start(&id, Wait::Sync, cx.now.saturating_add(rebalance));
        let epoch = self.members.get(&id).map_or(0, |member| member.epoch);
        Ok(JoinGroupResponse::default()
            .with_member_id(id)
            .with_generation_id(epoch)
            .with_protocol_type(Some(StrBytes::from_static_str(CONSUMER_PROTOCOL_TYPE)))
            .with_protocol_name(Some(first.name)))
    }

    /// True if some protocol that the member offers is offered by all who speak the classic one.
    fn supports(&self, join: &Join) -> bool {
        let terms = || self.members.values().filter_map(|member| member.classic.as_ref());
        let common = |name: &StrBytes| {
            terms().all(|terms| terms.protocols.iter().any(|offered| offered.name == *name))
        };
        join.protocol_type() == CONSUMER_PROTOCOL_TYPE
            && join.membership().protocols.iter().any(|offered| common(&offered.name))
    }

    /// Takes what the member says about itself. True if it is subscribed to other topics now.
    fn take_classic_terms(
        &mut self,
        id: &StrBytes,
        membership: Membership,
        subscription: Subscription,
    ) -> bool {
        let Some(member) = self.members.get_mut(id) else { return false };
        let before = member.clone();
        member.instance = membership.instance.or_else(|| before.instance.clone());
        member.rack = subscription.rack.or_else(|| before.rack.clone());
        member.rebalance_timeout = membership.rebalance_timeout;
        member.topics = subscription.topics.into_iter().collect();
        member.client_id = membership.client_id;
        member.client_host = membership.client_host;
        member.classic = Some(ClassicTerms {
            session_timeout: membership.session_timeout,
            protocols: membership.protocols,
        });
        self.subscriptions.add(member);
        self.subscriptions.remove(&before);
        if let Some(instance) = &member.instance {
            self.static_members.insert(instance.clone(), id.clone());
        }
        before.topics != member.topics
    }

    /// Takes a SyncGroup: the assignment is there already.
    pub(in crate::coordinator) fn classic_sync(
        &mut self,
        cx: &Context<'_>,
        request: &SyncGroupRequest,
    ) -> Result<SyncGroupResponse, ResponseError> {
        let id = detached(&request.member_id);
        let (member, terms) = self.classic_speaker(&id, request.group_instance_id.as_ref())?;
        if member.epoch != request.generation_id {
            return Err(ResponseError::IllegalGeneration);
        }
        let first = terms.protocols.first().ok_or(ResponseError::InconsistentGroupProtocol)?;
        let other_type = request.protocol_type.as_deref() != Some(CONSUMER_PROTOCOL_TYPE);
        let other_name = request.protocol_name.as_ref() != Some(&first.name);
        if request.protocol_type.is_some() && other_type
            || request.protocol_name.is_some() && other_name
        {
            return Err(ResponseError::InconsistentGroupProtocol);
        }
        if self.epoch > member.epoch && member.state != MemberState::UnrevokedPartitions {
            self.expect_join(cx, &id);
            return Err(ResponseError::RebalanceInProgress);
        }
        let version = decode_subscription(&first.metadata).map_or(0, |known| known.version);
        let assignment = encode_assignment(version, &member.assigned, cx.catalog);
        let session = cx.now.saturating_add(terms.session_timeout);
        self.timers.stop(&id, Wait::Sync);
        self.timers.start(&id, Wait::Session, session);
        Ok(SyncGroupResponse::default()
            .with_protocol_type(request.protocol_type.clone())
            .with_protocol_name(request.protocol_name.clone())
            .with_assignment(assignment))
    }

    /// Takes a Heartbeat, which says when to join again: the epoch has risen, there is something
    /// to give up, or something to get.
    pub(in crate::coordinator) fn classic_heartbeat(
        &mut self,
        cx: &Context<'_>,
        request: &HeartbeatRequest,
    ) -> Result<(), ResponseError> {
        let id = detached(&request.member_id);
        let (member, terms) = self.classic_speaker(&id, request.group_instance_id.as_ref())?;
        if member.epoch != request.generation_id {
            return Err(ResponseError::IllegalGeneration);
        }
        let session = cx.now.saturating_add(terms.session_timeout);
        let joins = member.epoch < self.epoch
            || member.state == MemberState::UnrevokedPartitions
            || member.state == MemberState::UnreleasedPartitions && !self.waits(member);
        self.timers.start(&id, Wait::Session, session);
        if joins {
            self.expect_join(cx, &id);
            return Err(ResponseError::RebalanceInProgress);
        }
        Ok(())
    }

    /// Takes a LeaveGroup for several members at once.
    pub(in crate::coordinator) fn classic_leave(
        &mut self,
        cx: &Context<'_>,
        leaving: &[MemberIdentity],
    ) -> Vec<Result<(), ResponseError>> {
        let mut gone = Vec::new();
        let outcomes = leaving.iter().map(|member| {
            let instance = member.group_instance_id.as_ref();
            let owner = instance.and_then(|instance| self.static_members.get(instance)).cloned();
            // Administrators remove static members by their instance id alone.
            let id = match owner {
                Some(owner) if member.member_id.is_empty() => owner,
                _ => detached(&member.member_id),
            };
            self.speaker(&id, instance).map_err(|(error, _)| error)?;
            gone.push(id);
            Ok(())
        });
        let outcomes = outcomes.collect();
        self.fence(cx, &gone);
        outcomes
    }

    fn classic_speaker(
        &self,
        id: &StrBytes,
        instance: Option<&StrBytes>,
    ) -> Result<(&ConsumerMember, &ClassicTerms), ResponseError> {
        let member = self.speaker(id, instance).map_err(|(error, _)| error)?;
        let terms = member.classic.as_ref().ok_or(ResponseError::UnknownMemberId)?;
        Ok((member, terms))
    }

    /// A member that was told to join has its rebalance timeout for it.
    fn expect_join(&mut self, cx: &Context<'_>, id: &StrBytes) {
        let timeout =
            self.members.get(id).map_or(Duration::ZERO, |member| member.rebalance_timeout);
        self.timers.start_if_absent(id, Wait::Join, cx.now.saturating_add(timeout));
    }

    /// True if others still have something that the member is to get.
    fn waits(&self, member: &ConsumerMember) -> bool {
        let missing = |(topic, partitions): (&uuid::Uuid, &std::collections::BTreeSet<i32>)| {
            let has = member.assigned.get(topic);
            partitions.iter().any(|partition| {
                !has.is_some_and(|has| has.contains(partition))
                    && self.held.contains(&(*topic, *partition))
            })
        };
        member.target.iter().any(missing)
    }
}

/// What the member says it has, by topic id.
fn owned(cx: &Context<'_>, subscription: &Subscription) -> Vec<TopicPartitions> {
    let topics = subscription.owned.iter().filter_map(|(name, partitions)| {
        let topic = cx.catalog.topic(name)?;
        let owned = TopicPartitions::default().with_topic_id(topic.id);
        Some(owned.with_partitions(partitions.clone()))
    });
    topics.collect()
}
