//! JoinGroup: who is in the next generation.

use std::time::Duration;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::join_group_response::JoinGroupResponseMember;
use kafka_protocol::messages::{JoinGroupRequest, JoinGroupResponse};
use kafka_protocol::protocol::StrBytes;

use super::context::{Context, detached, detached_bytes};
use super::group::Group;
use super::member::{Member, Membership, Protocol};
use super::{ClientInfo, GroupConfig, GroupState, ReplyBody, Ticket};

/// How long a new member's JoinGroup may stay parked. It has no id to send heartbeats with, so
/// its session says nothing about it.
const NEW_MEMBER_JOIN_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// The first version in which a member without an id must come back with the one it is given.
const VERSION_KNOWN_ID_REQUIRED: i16 = 4;
/// The first version in which the protocol name may be null.
const VERSION_NULL_PROTOCOL: i16 = 7;
/// The first version in which a leader can be told to leave the assignment as it is.
const VERSION_SKIP_ASSIGNMENT: i16 = 9;

/// A JoinGroup request within the bounds, with copies of what is kept.
#[derive(Debug)]
pub(super) struct Join {
    pub(super) ticket: Ticket,
    pub(super) version: i16,
    pub(super) member_id: StrBytes,
    protocol_type: StrBytes,
    pub(super) membership: Membership,
}

impl Join {
    /// Takes a request, or says which error refuses it.
    pub(super) fn new(
        config: &GroupConfig,
        ticket: Ticket,
        version: i16,
        client: &ClientInfo,
        request: &JoinGroupRequest,
    ) -> Result<Self, ResponseError> {
        let group_id_len = request.group_id.len();
        if group_id_len == 0 || group_id_len > config.name_bytes_max {
            return Err(ResponseError::InvalidGroupId);
        }
        valid_session(config, request.session_timeout_ms)?;
        let session_timeout = milliseconds(request.session_timeout_ms);
        let instance = request.group_instance_id.as_ref();
        let names = [client.client_id.len(), client.host.len(), request.protocol_type.len()];
        let longest = names.into_iter().chain(instance.map(|id| id.len())).max();
        let metadata_bytes: usize =
            request.protocols.iter().map(|offered| offered.metadata.len()).sum();
        if longest.is_some_and(|length| length > config.name_bytes_max)
            || request.protocols.len() > config.protocols_max
            || request.protocols.iter().any(|offered| offered.name.len() > config.name_bytes_max)
            || metadata_bytes > config.protocol_metadata_bytes_max
        {
            return Err(ResponseError::PolicyViolation);
        }
        // Version 0 has one timeout for both.
        let rebalance_timeout =
            if version == 0 { session_timeout } else { milliseconds(request.rebalance_timeout_ms) };
        Ok(Self {
            ticket,
            version,
            member_id: request.member_id.clone(),
            protocol_type: detached(&request.protocol_type),
            membership: Membership {
                instance: instance.map(detached),
                client_id: StrBytes::from_string(client.client_id.clone()),
                client_host: StrBytes::from_string(client.host.clone()),
                rebalance_timeout,
                session_timeout,
                protocols: offered_protocols(request),
            },
        })
    }
}

impl Join {
    pub(super) fn protocol_type(&self) -> &str {
        &self.protocol_type
    }

    pub(super) fn membership(&self) -> &Membership {
        &self.membership
    }

    /// Whether the member has to come back with the id that it is given.
    pub(super) fn requires_known_id(&self) -> bool {
        self.version >= VERSION_KNOWN_ID_REQUIRED
            && self.member_id.is_empty()
            && self.membership.instance.is_none()
    }
}

/// Checks that a session timeout is within the bounds that Kafka sets.
pub(super) fn valid_session(config: &GroupConfig, timeout_ms: i32) -> Result<(), ResponseError> {
    let sessions = config.session_timeout_min..=config.session_timeout_max;
    match timeout_ms >= 0 && sessions.contains(&milliseconds(timeout_ms)) {
        true => Ok(()),
        false => Err(ResponseError::InvalidSessionTimeout),
    }
}

fn offered_protocols(request: &JoinGroupRequest) -> Vec<Protocol> {
    let mut protocols: Vec<Protocol> = Vec::with_capacity(request.protocols.len());
    for offered in &request.protocols {
        if protocols.iter().all(|known| known.name != offered.name) {
            protocols.push(Protocol {
                name: detached(&offered.name),
                metadata: detached_bytes(&offered.metadata),
            });
        }
    }
    protocols
}

fn milliseconds(value: i32) -> Duration {
    Duration::from_millis(u64::try_from(value).unwrap_or(0))
}

/// An answer that gives no generation.
pub(super) fn refusal(
    version: i16,
    error: ResponseError,
    member_id: StrBytes,
) -> JoinGroupResponse {
    JoinGroupResponse::default()
        .with_error_code(error.code())
        .with_generation_id(-1)
        .with_protocol_name((version < VERSION_NULL_PROTOCOL).then(StrBytes::new))
        .with_member_id(member_id)
}

/// The answer that puts `member_id` into the current generation. The leader gets the metadata of
/// every member, the others get none.
pub(super) fn current_generation(
    group: &Group,
    version: i16,
    member_id: &StrBytes,
) -> JoinGroupResponse {
    let members = if group.is_leader(member_id) { member_metadata(group) } else { Vec::new() };
    let unnamed = (version < VERSION_NULL_PROTOCOL).then(StrBytes::new);
    JoinGroupResponse::default()
        .with_generation_id(group.generation)
        .with_protocol_type(group.protocol_type.clone())
        .with_protocol_name(group.protocol.clone().or(unnamed))
        .with_leader(group.leader.clone().unwrap_or_default())
        .with_member_id(member_id.clone())
        .with_members(members)
}

fn member_metadata(group: &Group) -> Vec<JoinGroupResponseMember> {
    let protocol = group.protocol.clone().unwrap_or_default();
    let describe = |(id, member): (&StrBytes, &Member)| {
        JoinGroupResponseMember::default()
            .with_member_id(id.clone())
            .with_group_instance_id(member.membership.instance.clone())
            .with_metadata(member.metadata(&protocol))
    };
    group.members.iter().map(describe).collect()
}

impl Group {
    pub(super) fn join(&mut self, cx: &mut Context<'_>, join: Join) {
        if let Some(consumer) = &mut self.consumer {
            let (ticket, version) = (join.ticket, join.version);
            let response = consumer.classic_join(cx, join);
            let response = response.unwrap_or_else(|(error, id)| refusal(version, error, id));
            // The last member of the consumer protocol may have been replaced by this one.
            self.maybe_downgrade(cx, false);
            return cx.reply(ticket, ReplyBody::JoinGroup(response));
        }
        if !self.has_room_for(cx.config, &join) {
            self.expel(cx, &join.member_id);
            self.refuse_join(cx, &join, ResponseError::GroupMaxSizeReached, StrBytes::new());
            self.maybe_complete_join(cx);
        } else if !self.supports(&join.protocol_type, &join.membership.protocols) {
            let member_id = join.member_id.clone();
            self.refuse_join(cx, &join, ResponseError::InconsistentGroupProtocol, member_id);
        } else if join.member_id.is_empty() {
            self.join_unknown(cx, join);
        } else if self.pending.contains_key(&join.member_id) {
            self.join_pending(cx, join);
        } else {
            self.join_known(cx, join);
        }
    }

    /// The bound on members. While members join, those waiting are counted, so that the last to
    /// come back is the one turned away; otherwise all are.
    fn has_room_for(&self, config: &GroupConfig, join: &Join) -> bool {
        let member = self.members.get(&join.member_id);
        match self.state {
            _ if join.member_id.is_empty() && self.pending.len() >= config.members_max => false,
            GroupState::PreparingRebalance => {
                member.is_some_and(|member| member.awaiting_join.is_some())
                    || self.awaiting_join_count() < config.members_max
            }
            GroupState::CompletingRebalance | GroupState::Stable => {
                member.is_some() || self.members.len() < config.members_max
            }
            _ => true,
        }
    }

    fn refuse_join(
        &self,
        cx: &mut Context<'_>,
        join: &Join,
        error: ResponseError,
        member_id: StrBytes,
    ) {
        let response = refusal(join.version, error, detached(&member_id));
        cx.reply(join.ticket, ReplyBody::JoinGroup(response));
    }

    fn join_unknown(&mut self, cx: &mut Context<'_>, join: Join) {
        if let Some(instance) = &join.membership.instance {
            let new_id = cx.member_ids.next(instance);
            match self.static_members.get(instance).cloned() {
                Some(old_id) => self.replace_static_member(cx, join, &old_id, new_id),
                None => self.add_member(cx, join, new_id),
            }
            return;
        }
        let new_id = cx.member_ids.next(&join.membership.client_id);
        if join.version < VERSION_KNOWN_ID_REQUIRED {
            self.add_member(cx, join, new_id);
        } else {
            let deadline = cx.now.saturating_add(join.membership.session_timeout);
            self.pending.insert(new_id.clone(), deadline);
            self.refuse_join(cx, &join, ResponseError::MemberIdRequired, new_id);
        }
    }

    fn join_pending(&mut self, cx: &mut Context<'_>, join: Join) {
        if join.membership.instance.is_some() {
            // Ids that must be confirmed are only given to members without an instance id.
            let member_id = join.member_id.clone();
            self.refuse_join(cx, &join, ResponseError::UnknownMemberId, member_id);
        } else {
            let member_id = detached(&join.member_id);
            self.add_member(cx, join, member_id);
        }
    }

    fn join_known(&mut self, cx: &mut Context<'_>, join: Join) {
        let instance = join.membership.instance.as_ref();
        if let Err(error) = self.validate_member(&join.member_id, instance) {
            let member_id = join.member_id.clone();
            return self.refuse_join(cx, &join, error, member_id);
        }
        let Some((id, member)) = self.members.get_key_value(&join.member_id) else { return };
        let unchanged = member.membership.protocols == join.membership.protocols;
        let answer_now = match self.state {
            // It may not have received the answer to its first request.
            GroupState::CompletingRebalance => unchanged,
            // A leader that joins asks for a rebalance: the topics may have changed.
            GroupState::Stable => unchanged && !self.is_leader(id),
            _ => false,
        };
        if answer_now {
            let response = current_generation(self, join.version, id);
            cx.reply(join.ticket, ReplyBody::JoinGroup(response));
        } else {
            let id = id.clone();
            self.update_member(cx, join, &id);
            self.rebalance(cx);
        }
    }

    fn add_member(&mut self, cx: &mut Context<'_>, join: Join, member_id: StrBytes) {
        self.pending.remove(&member_id);
        if self.members.is_empty() {
            self.protocol_type = Some(join.protocol_type);
        }
        if let Some(instance) = &join.membership.instance {
            self.static_members.insert(instance.clone(), member_id.clone());
        }
        // Only the initial delay looks at this.
        self.new_member_added = true;
        self.leader.get_or_insert_with(|| member_id.clone());
        let mut member = Member::new(join.membership);
        member.awaiting_join = Some(cx.park(join.ticket, join.version));
        member.keep_alive_for(cx.now, NEW_MEMBER_JOIN_TIMEOUT);
        self.members.insert(member_id, member);
        self.rebalance(cx);
    }

    /// Takes the member's new terms and parks its request. A request it sent before is given up:
    /// the member no longer waits for that answer.
    fn update_member(&mut self, cx: &mut Context<'_>, join: Join, member_id: &StrBytes) {
        let Some(member) = self.members.get_mut(member_id) else { return };
        member.membership = join.membership;
        let parked = cx.park(join.ticket, join.version);
        if let Some(earlier) = member.awaiting_join.replace(parked) {
            let error = ResponseError::RebalanceInProgress;
            let response = refusal(earlier.version, error, member_id.clone());
            cx.reply_parked(earlier, ReplyBody::JoinGroup(response));
        }
    }

    /// A static member came back without its id, as after a restart: it gets a new id and keeps
    /// everything else, and who still uses the old id is fenced.
    fn replace_static_member(
        &mut self,
        cx: &mut Context<'_>,
        mut join: Join,
        old_id: &StrBytes,
        new_id: StrBytes,
    ) {
        let Some(mut member) = self.members.remove(old_id) else { return };
        member.refuse_waiting(cx, old_id, ResponseError::FencedInstanceId);
        member.membership.session_timeout = join.membership.session_timeout;
        member.is_new = false;
        member.keep_alive(cx.now);
        let was_leader = self.is_leader(old_id);
        if was_leader {
            self.leader = Some(new_id.clone());
        }
        if self.pending_sync.remove(old_id) {
            self.pending_sync.insert(new_id.clone());
        }
        if let Some(instance) = &join.membership.instance {
            self.static_members.insert(instance.clone(), new_id.clone());
        }
        self.members.insert(new_id.clone(), member);
        join.member_id = new_id.clone();
        let version = join.version;
        self.update_member(cx, join, &new_id);
        if self.state != GroupState::Stable || self.select_protocol() != self.protocol {
            return self.rebalance(cx);
        }
        let mut response = current_generation(self, version, &new_id);
        if version >= VERSION_SKIP_ASSIGNMENT {
            response.skip_assignment = was_leader;
        } else if was_leader {
            // An old client that reads its own id as the leader's would send an assignment which
            // a stable group does not hand out.
            response.leader = old_id.clone();
            response.members = Vec::new();
        }
        let parked = self.members.get_mut(&new_id).and_then(|member| member.awaiting_join.take());
        if let Some(parked) = parked {
            cx.reply_parked(parked, ReplyBody::JoinGroup(response));
        }
    }
}
