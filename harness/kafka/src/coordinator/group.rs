//! A group: its members, its state and its way from one generation to the next.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::ResponseError;
use kafka_protocol::protocol::StrBytes;

use super::consumer::ConsumerGroup;
use super::context::Context;
use super::member::{Member, Protocol};
use super::offsets::Offsets;
use super::view::CONSUMER_PROTOCOL_TYPE;
use super::{GroupKind, GroupState, ReplyBody, join, sync};

/// The shortest rebalance timeout in effect. A barrier without any time would be passed, found
/// incomplete and set up again within one instant, for ever.
const REBALANCE_TIMEOUT_MIN: Duration = Duration::from_millis(1);

/// What ends the wait for members to join.
#[derive(Debug, Clone, Copy)]
pub(super) enum JoinTimer {
    /// The first rebalance of an empty group: waits out `delay`, again while members keep coming
    /// and something `remaining` of the rebalance timeout is left.
    Initial { deadline: Duration, delay: Duration, remaining: Duration },
    /// Any other rebalance: over when all have joined, or at the deadline.
    Barrier { deadline: Duration },
}

/// A consumer group.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) state: GroupState,
    pub(super) generation: i32,
    pub(super) protocol_type: Option<StrBytes>,
    pub(super) protocol: Option<StrBytes>,
    pub(super) leader: Option<StrBytes>,
    pub(super) members: BTreeMap<StrBytes, Member>,
    /// Group instance id → member id.
    pub(super) static_members: BTreeMap<StrBytes, StrBytes>,
    /// Ids given out with MEMBER_ID_REQUIRED → when they are forgotten.
    pub(super) pending: BTreeMap<StrBytes, Duration>,
    /// Members that have not sent SyncGroup in this generation.
    pub(super) pending_sync: BTreeSet<StrBytes>,
    pub(super) join_timer: Option<JoinTimer>,
    pub(super) sync_deadline: Option<Duration>,
    pub(super) new_member_added: bool,
    /// The members under KIP-848's protocol. If it is there, the classic fields are at rest.
    pub(super) consumer: Option<Box<ConsumerGroup>>,
    /// When the group lost its last member.
    pub(super) empty_since: Duration,
    pub(super) offsets: Offsets,
    /// The deadline under which the coordinator has this group on its list.
    pub(super) listed_deadline: Option<Duration>,
}

impl Group {
    pub(super) fn new() -> Self {
        Self {
            state: GroupState::Empty,
            generation: 0,
            protocol_type: None,
            protocol: None,
            leader: None,
            members: BTreeMap::new(),
            static_members: BTreeMap::new(),
            pending: BTreeMap::new(),
            pending_sync: BTreeSet::new(),
            join_timer: None,
            sync_deadline: None,
            new_member_added: false,
            consumer: None,
            empty_since: Duration::ZERO,
            offsets: Offsets::default(),
            listed_deadline: None,
        }
    }

    /// True if nothing would be lost by forgetting the group.
    pub(super) fn is_disposable(&self) -> bool {
        self.state() == GroupState::Empty && self.pending.is_empty() && self.offsets.is_empty()
    }

    /// Where the group stands, of whichever type it is.
    pub(super) fn state(&self) -> GroupState {
        self.consumer.as_ref().map_or(self.state, |consumer| consumer.state())
    }

    pub(super) fn kind(&self) -> GroupKind {
        if self.consumer.is_some() { GroupKind::Consumer } else { GroupKind::Classic }
    }

    /// The protocol type as ListGroups tells it.
    pub(super) fn protocol_type(&self) -> Option<StrBytes> {
        match self.kind() {
            GroupKind::Consumer => Some(StrBytes::from_static_str(CONSUMER_PROTOCOL_TYPE)),
            GroupKind::Classic => self.protocol_type.clone(),
        }
    }

    /// Makes an empty group one of the classic type; the offsets stay.
    pub(super) fn become_classic(&mut self) {
        if self.consumer.as_ref().is_some_and(|consumer| consumer.members.is_empty()) {
            self.reset();
        }
    }

    /// Makes an empty group a consumer group; the offsets stay.
    pub(super) fn become_consumer(&mut self) {
        if self.consumer.is_none() && self.state == GroupState::Empty {
            self.reset();
            self.consumer = Some(Box::default());
        }
    }

    /// Forgets everything but the offsets.
    pub(super) fn reset(&mut self) {
        let offsets = std::mem::take(&mut self.offsets);
        *self = Self { offsets, listed_deadline: self.listed_deadline, ..Self::new() };
    }

    pub(super) fn is_leader(&self, member_id: &StrBytes) -> bool {
        self.leader.as_ref() == Some(member_id)
    }

    pub(super) fn awaiting_join_count(&self) -> usize {
        self.members.values().filter(|member| member.awaiting_join.is_some()).count()
    }

    /// Checks that a request may speak for `member_id`.
    pub(super) fn validate_member(
        &self,
        member_id: &StrBytes,
        instance: Option<&StrBytes>,
    ) -> Result<(), ResponseError> {
        if let Some(instance) = instance {
            match self.static_members.get(instance) {
                None => return Err(ResponseError::UnknownMemberId),
                Some(owner) if owner != member_id => return Err(ResponseError::FencedInstanceId),
                Some(_) => {}
            }
        }
        let known = self.members.contains_key(member_id);
        if known { Ok(()) } else { Err(ResponseError::UnknownMemberId) }
    }

    /// True if a member offering `protocols` could join: some protocol must suit everybody.
    pub(super) fn supports(&self, protocol_type: &StrBytes, protocols: &[Protocol]) -> bool {
        if self.state == GroupState::Empty {
            return !protocol_type.is_empty() && !protocols.is_empty();
        }
        self.protocol_type.as_ref() == Some(protocol_type)
            && protocols
                .iter()
                .any(|offered| self.members.values().all(|member| member.offers(&offered.name)))
    }

    /// The protocol with the most votes among those all members offer; each member votes for the
    /// first of its list. Ties go to the first by name.
    pub(super) fn select_protocol(&self) -> Option<StrBytes> {
        let mut offers: BTreeMap<&StrBytes, usize> = BTreeMap::new();
        for offered in self.members.values().flat_map(|member| &member.membership.protocols) {
            *offers.entry(&offered.name).or_default() += 1;
        }
        let suits_all = |name| offers.get(name) == Some(&self.members.len());
        let mut votes: BTreeMap<&StrBytes, usize> = BTreeMap::new();
        for member in self.members.values() {
            let mut protocols = member.membership.protocols.iter();
            let vote = protocols.find(|offered| suits_all(&offered.name));
            if let Some(vote) = vote {
                *votes.entry(&vote.name).or_default() += 1;
            }
        }
        let most = votes.values().copied().max()?;
        votes.into_iter().find(|(_, count)| *count == most).map(|(name, _)| name.clone())
    }

    pub(super) fn rebalance_timeout(&self) -> Duration {
        let timeouts = self.members.values().map(|member| member.membership.rebalance_timeout);
        timeouts.max().unwrap_or_default().max(REBALANCE_TIMEOUT_MIN)
    }

    /// Begins a rebalance, or moves the one in progress on.
    pub(super) fn rebalance(&mut self, cx: &mut Context<'_>) {
        if self.state == GroupState::PreparingRebalance {
            self.maybe_complete_join(cx);
        } else {
            self.prepare_rebalance(cx);
        }
    }

    /// Begins a rebalance that nothing asks for, unless there are no members or one is under way.
    pub(super) fn unsettle(&mut self, cx: &mut Context<'_>) -> bool {
        let settled = self.state() == GroupState::Stable;
        match &mut self.consumer {
            Some(consumer) if settled => consumer.move_on(cx, true),
            None if settled => self.prepare_rebalance(cx),
            _ => {}
        }
        settled
    }

    pub(super) fn prepare_rebalance(&mut self, cx: &mut Context<'_>) {
        if self.state == GroupState::CompletingRebalance {
            self.drop_assignments(cx);
        }
        self.pending_sync.clear();
        self.sync_deadline = None;
        let initial = self.state == GroupState::Empty;
        self.state = GroupState::PreparingRebalance;
        if initial {
            // Each member that comes in later costs everybody a rebalance: give them time.
            let delay = cx.config.initial_rebalance_delay;
            let remaining = self.rebalance_timeout().saturating_sub(delay);
            let deadline = cx.now.saturating_add(delay);
            self.new_member_added = false;
            self.join_timer = Some(JoinTimer::Initial { deadline, delay, remaining });
        } else {
            self.start_barrier(cx);
            self.maybe_complete_join(cx);
        }
    }

    fn start_barrier(&mut self, cx: &Context<'_>) {
        let deadline = cx.now.saturating_add(self.rebalance_timeout());
        self.join_timer = Some(JoinTimer::Barrier { deadline });
    }

    /// Passes the barrier if everybody is there. The initial delay is never cut short.
    pub(super) fn maybe_complete_join(&mut self, cx: &mut Context<'_>) {
        let waits_for_all = matches!(self.join_timer, Some(JoinTimer::Barrier { .. }));
        let all = self.members.values().all(|member| member.awaiting_join.is_some());
        if waits_for_all && all && self.pending.is_empty() {
            self.complete_join(cx);
        }
    }

    /// Passes the barrier with those who are there: the next generation begins.
    fn complete_join(&mut self, cx: &mut Context<'_>) {
        self.join_timer = None;
        let late: Vec<StrBytes> = self
            .members
            .iter()
            .filter(|(_, member)| member.awaiting_join.is_none() && !member.is_static())
            .map(|(id, _)| id.clone())
            .collect();
        for id in late {
            self.remove(&id);
        }
        if !self.elect_joined_leader() && !self.members.is_empty() {
            // Only static members are left and none has come back: their sessions decide.
            self.start_barrier(cx);
            return;
        }
        self.generation = self.generation.saturating_add(1);
        self.pending_sync.clear();
        self.protocol = self.select_protocol();
        if self.members.is_empty() {
            self.state = GroupState::Empty;
            self.empty_since = cx.now;
            return;
        }
        self.state = GroupState::CompletingRebalance;
        self.pending_sync.extend(self.members.keys().cloned());
        self.sync_deadline = Some(cx.now.saturating_add(self.rebalance_timeout()));
        let ids: Vec<StrBytes> = self.members.keys().cloned().collect();
        for id in ids {
            self.answer_join(cx, &id);
        }
    }

    fn answer_join(&mut self, cx: &mut Context<'_>, id: &StrBytes) {
        let Some(member) = self.members.get_mut(id) else { return };
        member.keep_alive(cx.now);
        member.is_new = false;
        if let Some(parked) = member.awaiting_join.take() {
            let response = join::current_generation(self, parked.version, id);
            cx.reply_parked(parked, ReplyBody::JoinGroup(response));
        }
    }

    /// Hands leadership to a member that has joined if the leader has not. False if nobody has.
    fn elect_joined_leader(&mut self) -> bool {
        let joined = |member: &Member| member.awaiting_join.is_some();
        let leader = self.leader.as_ref().and_then(|leader| self.members.get(leader));
        if leader.is_some_and(joined) {
            return true;
        }
        let successor = self.members.iter().find(|(_, member)| joined(member));
        let Some((successor, _)) = successor else { return false };
        self.leader = Some(successor.clone());
        true
    }

    /// Removes a member, answering what it was waiting for. The caller moves the group on.
    pub(super) fn expel(&mut self, cx: &mut Context<'_>, member_id: &StrBytes) {
        let Some(mut member) = self.remove(member_id) else { return };
        member.refuse_waiting(cx, &StrBytes::new(), ResponseError::UnknownMemberId);
    }

    /// Answers what its members wait for with an error.
    pub(super) fn refuse_waiting(&mut self, cx: &mut Context<'_>, error: ResponseError) {
        for (id, member) in &mut self.members {
            member.refuse_waiting(cx, id, error);
        }
    }

    /// Forgets a member, known or pending.
    pub(super) fn remove(&mut self, member_id: &StrBytes) -> Option<Member> {
        self.pending.remove(member_id);
        self.pending_sync.remove(member_id);
        let member = self.members.remove(member_id)?;
        if let Some(instance) = &member.membership.instance {
            self.static_members.remove(instance);
        }
        if self.is_leader(member_id) {
            self.leader = self.members.keys().next().cloned();
        }
        Some(member)
    }

    /// Takes the assignments back before the generation became stable: everybody has to rejoin.
    fn drop_assignments(&mut self, cx: &mut Context<'_>) {
        for member in self.members.values_mut() {
            member.assignment = Bytes::new();
            if let Some(parked) = member.awaiting_sync.take() {
                member.keep_alive(cx.now);
                let response = sync::refusal(ResponseError::RebalanceInProgress);
                cx.reply_parked(parked, ReplyBody::SyncGroup(response));
            }
        }
    }

    /// When [`Self::run_due`] has something to do next.
    pub(super) fn next_deadline(&self) -> Option<Duration> {
        if let Some(consumer) = &self.consumer {
            return consumer.next_deadline();
        }
        let sessions = self.members.values().filter_map(Member::deadline);
        let join = self.join_timer.map(|timer| match timer {
            JoinTimer::Initial { deadline, .. } | JoinTimer::Barrier { deadline } => deadline,
        });
        let pending = self.pending.values().copied();
        sessions.chain(pending).chain(join).chain(self.sync_deadline).min()
    }

    /// Ends the sessions and waits that are over.
    pub(super) fn run_due(&mut self, cx: &mut Context<'_>) {
        if let Some(consumer) = &mut self.consumer {
            consumer.run_due(cx);
            return self.maybe_downgrade(cx, true);
        }
        let pending_before = self.pending.len();
        self.pending.retain(|_, deadline| *deadline > cx.now);
        if self.pending.len() < pending_before {
            self.maybe_complete_join(cx);
        }
        self.expire_sessions(cx);
        match self.join_timer {
            Some(JoinTimer::Barrier { deadline }) if deadline <= cx.now => self.complete_join(cx),
            Some(JoinTimer::Initial { deadline, delay, remaining }) if deadline <= cx.now => {
                self.end_initial_delay(cx, delay, remaining);
            }
            _ => {}
        }
        if self.sync_deadline.is_some_and(|deadline| deadline <= cx.now) {
            self.expire_sync(cx);
        }
    }

    fn expire_sessions(&mut self, cx: &mut Context<'_>) {
        let is_over = |member: &Member| member.deadline().is_some_and(|at| at <= cx.now);
        let over = self.members.iter().filter(|(_, member)| is_over(member));
        let over: Vec<StrBytes> = over.map(|(id, _)| id.clone()).collect();
        if over.is_empty() {
            return;
        }
        for id in &over {
            self.expel(cx, id);
        }
        self.rebalance(cx);
    }

    fn end_initial_delay(&mut self, cx: &mut Context<'_>, delay: Duration, remaining: Duration) {
        if !self.new_member_added || remaining.is_zero() {
            self.complete_join(cx);
            return;
        }
        self.new_member_added = false;
        let next = cx.config.initial_rebalance_delay.min(remaining);
        self.join_timer = Some(JoinTimer::Initial {
            deadline: cx.now.saturating_add(next),
            delay: next,
            remaining: remaining.saturating_sub(delay),
        });
    }

    /// Removes the members that took part in the join but never asked for their assignment.
    fn expire_sync(&mut self, cx: &mut Context<'_>) {
        self.sync_deadline = None;
        let silent = std::mem::take(&mut self.pending_sync);
        if silent.is_empty() {
            return;
        }
        for id in &silent {
            self.expel(cx, id);
        }
        self.prepare_rebalance(cx);
    }
}
