//! LeaveGroup, and what a failover of the coordinator does to a group.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::leave_group_request::MemberIdentity;
use kafka_protocol::messages::leave_group_response::MemberResponse;
use kafka_protocol::messages::{LeaveGroupRequest, LeaveGroupResponse};
use kafka_protocol::protocol::StrBytes;

use super::GroupState;
use super::context::{Context, detached};
use super::group::Group;

/// The first version that names several members.
const VERSION_BATCH: i16 = 3;

/// Who wants to leave, in the form of the batched versions.
pub(super) fn leaving_members(version: i16, request: LeaveGroupRequest) -> Vec<MemberIdentity> {
    if version >= VERSION_BATCH {
        return request.members;
    }
    vec![MemberIdentity::default().with_member_id(request.member_id)]
}

/// The answer in the form of `version`: before the batches, the one outcome is the error code.
pub(super) fn leave_response(
    version: i16,
    leaving: &[MemberIdentity],
    outcomes: &[Result<(), ResponseError>],
) -> LeaveGroupResponse {
    let code = |outcome: &Result<(), ResponseError>| outcome.err().map_or(0, |error| error.code());
    if version < VERSION_BATCH {
        return LeaveGroupResponse::default().with_error_code(outcomes.first().map_or(0, code));
    }
    let describe = |(member, outcome): (&MemberIdentity, &Result<(), ResponseError>)| {
        MemberResponse::default()
            .with_member_id(detached(&member.member_id))
            .with_group_instance_id(member.group_instance_id.as_ref().map(detached))
            .with_error_code(code(outcome))
    };
    let members = leaving.iter().zip(outcomes).map(describe).collect();
    LeaveGroupResponse::default().with_members(members)
}

impl Group {
    /// Lets members go, then moves the group on once for all of them.
    pub(super) fn leave(
        &mut self,
        cx: &mut Context<'_>,
        leaving: &[MemberIdentity],
    ) -> Vec<Result<(), ResponseError>> {
        if let Some(consumer) = &mut self.consumer {
            let outcomes = consumer.classic_leave(cx, leaving);
            self.maybe_downgrade(cx, true);
            return outcomes;
        }
        let leave = |member| self.leave_one(cx, member);
        let outcomes: Vec<Result<(), ResponseError>> = leaving.iter().map(leave).collect();
        match self.state {
            // Nobody left.
            _ if !outcomes.iter().any(Result::is_ok) => {}
            // As in Kafka also for one that was about to join only.
            GroupState::Stable | GroupState::CompletingRebalance => self.prepare_rebalance(cx),
            // The barrier may have waited for who left.
            GroupState::PreparingRebalance => self.maybe_complete_join(cx),
            _ => {}
        }
        outcomes
    }

    fn leave_one(
        &mut self,
        cx: &mut Context<'_>,
        member: &MemberIdentity,
    ) -> Result<(), ResponseError> {
        let instance = member.group_instance_id.as_ref();
        if member.member_id.is_empty() {
            // Administrators remove static members by their instance id alone.
            let owner = instance.and_then(|instance| self.static_members.get(instance)).cloned();
            let owner = owner.ok_or(ResponseError::UnknownMemberId)?;
            self.expel(cx, &owner);
        } else if self.pending.remove(&member.member_id).is_none() {
            self.validate_member(&member.member_id, instance)?;
            self.expel(cx, &member.member_id);
        }
        Ok(())
    }

    /// Moves to another coordinator, which knows what was written to the log: the members of the
    /// last generation and their assignments, but neither parked requests nor newcomers.
    pub(super) fn fail_over(&mut self, cx: &mut Context<'_>) {
        if let Some(consumer) = &mut self.consumer {
            return consumer.fail_over(cx);
        }
        self.refuse_waiting(cx, ResponseError::NotCoordinator);
        for member in self.members.values_mut() {
            member.keep_alive(cx.now);
        }
        let newcomers = self.members.iter().filter(|(_, member)| member.is_new);
        let newcomers: Vec<StrBytes> = newcomers.map(|(id, _)| id.clone()).collect();
        for id in newcomers {
            self.remove(&id);
        }
        self.pending.clear();
        self.pending_sync.clear();
        self.sync_deadline = None;
        self.join_timer = None;
        if self.members.is_empty() {
            self.state = GroupState::Empty;
            self.empty_since = cx.now;
            self.protocol = None;
        } else if self.state != GroupState::Stable {
            // Leaves no request parked, so the barrier cannot be passed at once.
            self.prepare_rebalance(cx);
        }
    }
}
