//! SyncGroup and Heartbeat: a generation under way.

use std::collections::BTreeMap;

use bytes::Bytes;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::{
    HeartbeatRequest, HeartbeatResponse, SyncGroupRequest, SyncGroupResponse,
};
use kafka_protocol::protocol::StrBytes;

use super::context::{Context, detached_bytes};
use super::group::Group;
use super::{GroupState, ReplyBody, Ticket};

/// An answer without an assignment.
pub(super) fn refusal(error: ResponseError) -> SyncGroupResponse {
    SyncGroupResponse::default()
        .with_error_code(error.code())
        .with_protocol_type(None)
        .with_protocol_name(None)
}

impl Group {
    pub(super) fn sync(
        &mut self,
        cx: &mut Context<'_>,
        ticket: Ticket,
        version: i16,
        request: &SyncGroupRequest,
    ) {
        if let Some(consumer) = &mut self.consumer {
            let response = consumer.classic_sync(cx, request).unwrap_or_else(refusal);
            return cx.reply(ticket, ReplyBody::SyncGroup(response));
        }
        if let Err(error) = self.validate_sync(cx, request) {
            return cx.reply(ticket, ReplyBody::SyncGroup(refusal(error)));
        }
        let id = &request.member_id;
        self.pending_sync.remove(id);
        if self.pending_sync.is_empty() {
            self.sync_deadline = None;
        }
        let answers_early = cx.config.sync_before_assignment && !self.is_leader(id);
        if self.state == GroupState::CompletingRebalance && !answers_early {
            self.park_sync(cx, ticket, version, id);
            if self.is_leader(id) {
                self.assign(cx, request);
            }
        } else {
            let response = self.assignment(id);
            cx.reply(ticket, ReplyBody::SyncGroup(response));
        }
    }

    fn validate_sync(
        &self,
        cx: &Context<'_>,
        request: &SyncGroupRequest,
    ) -> Result<(), ResponseError> {
        self.validate_member(&request.member_id, request.group_instance_id.as_ref())?;
        if request.generation_id != self.generation {
            return Err(ResponseError::IllegalGeneration);
        }
        let differs = |said: &Option<StrBytes>, is: &Option<StrBytes>| said.is_some() && said != is;
        if differs(&request.protocol_type, &self.protocol_type)
            || differs(&request.protocol_name, &self.protocol)
        {
            return Err(ResponseError::InconsistentGroupProtocol);
        }
        let assignment_bytes: usize =
            request.assignments.iter().map(|assigned| assigned.assignment.len()).sum();
        if assignment_bytes > cx.config.assignment_bytes_max {
            return Err(ResponseError::PolicyViolation);
        }
        match self.state {
            GroupState::PreparingRebalance => Err(ResponseError::RebalanceInProgress),
            GroupState::CompletingRebalance | GroupState::Stable => Ok(()),
            _ => Err(ResponseError::UnknownMemberId),
        }
    }

    fn park_sync(&mut self, cx: &mut Context<'_>, ticket: Ticket, version: i16, id: &StrBytes) {
        let Some(member) = self.members.get_mut(id) else { return };
        let parked = cx.park(ticket, version);
        if let Some(earlier) = member.awaiting_sync.replace(parked) {
            let response = refusal(ResponseError::RebalanceInProgress);
            cx.reply_parked(earlier, ReplyBody::SyncGroup(response));
        }
    }

    /// Takes the leader's assignment and hands it out. Who is not in it gets an empty one.
    fn assign(&mut self, cx: &mut Context<'_>, request: &SyncGroupRequest) {
        let assignments: BTreeMap<&StrBytes, &Bytes> = request
            .assignments
            .iter()
            .map(|assigned| (&assigned.member_id, &assigned.assignment))
            .collect();
        for (id, member) in &mut self.members {
            let assigned = assignments.get(id).copied().map(detached_bytes);
            member.assignment = assigned.unwrap_or_default();
        }
        self.state = GroupState::Stable;
        let ids: Vec<StrBytes> = self.members.keys().cloned().collect();
        for id in ids {
            let Some(member) = self.members.get_mut(&id) else { continue };
            if let Some(parked) = member.awaiting_sync.take() {
                member.keep_alive(cx.now);
                let response = self.assignment(&id);
                cx.reply_parked(parked, ReplyBody::SyncGroup(response));
            }
        }
    }

    fn assignment(&self, id: &StrBytes) -> SyncGroupResponse {
        let assignment = self.members.get(id).map(|member| member.assignment.clone());
        SyncGroupResponse::default()
            .with_protocol_type(self.protocol_type.clone())
            .with_protocol_name(self.protocol.clone())
            .with_assignment(assignment.unwrap_or_default())
    }

    pub(super) fn heartbeat(
        &mut self,
        cx: &Context<'_>,
        request: &HeartbeatRequest,
    ) -> Result<(), ResponseError> {
        if let Some(consumer) = &mut self.consumer {
            return consumer.classic_heartbeat(cx, request);
        }
        self.validate_member(&request.member_id, request.group_instance_id.as_ref())?;
        if request.generation_id != self.generation {
            return Err(ResponseError::IllegalGeneration);
        }
        if let Some(member) = self.members.get_mut(&request.member_id) {
            member.keep_alive(cx.now);
        }
        match self.state {
            GroupState::PreparingRebalance => Err(ResponseError::RebalanceInProgress),
            // Members send heartbeats as soon as they have joined, before the assignment is there.
            GroupState::CompletingRebalance | GroupState::Stable => Ok(()),
            _ => Err(ResponseError::UnknownMemberId),
        }
    }
}

/// The answer to a heartbeat.
pub(super) fn heartbeat_response(outcome: Result<(), ResponseError>) -> HeartbeatResponse {
    HeartbeatResponse::default().with_error_code(outcome.err().map_or(0, |error| error.code()))
}
