//! Which broker answers for which group, and the way to the coordinator.

use std::time::Duration;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::delete_groups_response::DeletableGroupResult;
use kafka_protocol::messages::describe_groups_response::DescribedGroup;
use kafka_protocol::messages::find_coordinator_response::Coordinator as Found;
use kafka_protocol::messages::leave_group_response::LeaveGroupResponse;
use kafka_protocol::messages::offset_fetch_response::{
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponseTopic,
};
use kafka_protocol::messages::{
    BrokerId, ConsumerGroupHeartbeatResponse, DeleteGroupsRequest, DescribeGroupsRequest,
    FindCoordinatorRequest, FindCoordinatorResponse, HeartbeatResponse, JoinGroupResponse,
    ListGroupsRequest, OffsetDeleteResponse, OffsetFetchRequest, OffsetFetchResponse,
    SyncGroupResponse,
};
use kafka_protocol::protocol::StrBytes;

use super::internal::Coordination;
use super::{Answer, COORDINATOR_SLOTS, Cluster, Origin};
use crate::coordinator::{ClientInfo, GroupView, Reply, ReplyBody};
use crate::wire::{Request, Response};

const KEY_TYPE_GROUP: i8 = 0;
const KEY_TYPE_TRANSACTION: i8 = 1;

impl Cluster {
    /// A group as it stands.
    pub(crate) fn group(&self, id: &str) -> Option<GroupView> {
        self.coordinator.view(id)
    }

    /// The offset that a group has committed for a partition.
    pub(crate) fn committed_offset(&self, group: &str, topic: &str, partition: i32) -> Option<i64> {
        self.coordinator.committed(group, topic, partition)
    }

    pub(super) fn find_coordinator(
        &mut self,
        origin: &Origin,
        request: FindCoordinatorRequest,
    ) -> Response {
        match request.key_type {
            KEY_TYPE_GROUP => self.create_internal(origin.broker, Coordination::Groups),
            KEY_TYPE_TRANSACTION => self.create_internal(origin.broker, Coordination::Transactions),
            _ => {}
        }
        let find = |key: &StrBytes| self.find_one(origin, request.key_type, key);
        if origin.version >= 4 {
            let coordinators = request.coordinator_keys.iter().map(find).collect();
            let response = FindCoordinatorResponse::default().with_coordinators(coordinators);
            return Response::FindCoordinator(response);
        }
        let found = find(&request.key);
        let response = FindCoordinatorResponse::default()
            .with_error_code(found.error_code)
            .with_error_message(found.error_message)
            .with_node_id(found.node_id)
            .with_host(found.host)
            .with_port(found.port);
        Response::FindCoordinator(response)
    }

    fn find_one(&self, origin: &Origin, key_type: i8, key: &StrBytes) -> Found {
        let nowhere =
            Found::default().with_key(key.clone()).with_node_id(BrokerId(-1)).with_port(-1);
        let refuse = |error: ResponseError, message: &'static str| {
            let message = StrBytes::from_static_str(message);
            nowhere.clone().with_error_code(error.code()).with_error_message(Some(message))
        };
        let slot = match key_type {
            KEY_TYPE_GROUP => self.coordinator_slots[slot(key)],
            KEY_TYPE_TRANSACTION => self.transactions.coordinates(key),
            _ => return refuse(ResponseError::InvalidRequest, "no such kind of coordinator here"),
        };
        let found = slot.and_then(|id| Some((id, self.endpoint(id, origin.listener)?)));
        match found {
            Some((id, (host, port))) => nowhere
                .with_node_id(BrokerId(id))
                .with_host(StrBytes::from_string(host))
                .with_port(port),
            None => refuse(ResponseError::CoordinatorNotAvailable, "no broker is available"),
        }
    }

    /// The broker that coordinates a group; `None` while none can.
    pub(crate) fn coordinator_of(&self, group: &str) -> Option<i32> {
        self.coordinator_slots[slot(group)]
    }

    /// The partition of the internal topic whose leader coordinates a group.
    pub(crate) fn partition_of(group: &str) -> (&'static str, i32) {
        (Coordination::Groups.topic(), slot(group) as i32)
    }

    /// Lets a group rebalance, though nothing has changed.
    pub(crate) fn unsettle(
        &mut self,
        now: Duration,
        group: &str,
        answers: &mut Vec<Answer>,
    ) -> bool {
        let mut replies = Vec::new();
        let begun = self.coordinator.unsettle(now, group, &mut replies);
        self.pass_replies(replies, answers);
        begun
    }

    /// Whether `broker` answers for the group.
    pub(super) fn coordinates(&self, broker: i32, group: &str) -> Result<(), ResponseError> {
        match self.coordinator_of(group) {
            Some(coordinator) if coordinator == broker => Ok(()),
            Some(_) => Err(ResponseError::NotCoordinator),
            None => Err(ResponseError::CoordinatorNotAvailable),
        }
    }

    /// The broker that coordinates a slot.
    pub(super) fn group_coordinator(&self, slot: usize) -> Option<i32> {
        self.coordinator_slots.get(slot).copied().flatten()
    }

    /// Another broker takes over the groups that `broker` coordinated; their members and offsets
    /// survive.
    pub(super) fn move_groups(&mut self, now: Duration, broker: i32, answers: &mut Vec<Answer>) {
        self.follow_leaders(answers);
        if self.has_internal(Coordination::Groups) {
            return self.move_transactions(broker);
        }
        let next = self.next_running(broker);
        let mut moved = [false; COORDINATOR_SLOTS];
        for (coordinator, moved) in self.coordinator_slots.iter_mut().zip(&mut moved) {
            if *coordinator == Some(broker) {
                (*coordinator, *moved) = (next, true);
            }
        }
        self.move_transactions(broker);
        let mut replies = Vec::new();
        self.coordinator.on_failover(now, |group| moved[slot(group)], &mut replies);
        self.pass_replies(replies, answers);
    }

    /// Passes a group request on to the coordinator, if it came to the right broker.
    pub(super) fn group_request(
        &mut self,
        now: Duration,
        origin: &Origin,
        client: &ClientInfo,
        request: Request,
        answers: &mut Vec<Answer>,
    ) {
        let ticket = origin.ticket;
        self.tell_topics();
        if let Some(group) = group_of(&request, origin.version)
            && !self.coordinator.refuses_anywhere(origin.version, client, &request)
            && let Err(error) = self.coordinates(origin.broker, group)
        {
            if let Some(response) = refusal(&request, origin.version, error) {
                answers.push(Answer { ticket, response });
            }
            return;
        }
        self.group_tickets.insert(ticket, origin.broker);
        let mut replies = Vec::new();
        let version = origin.version;
        let groups = &mut self.coordinator;
        match request {
            Request::JoinGroup(request) => {
                groups.join_group(now, ticket, version, client, *request, &mut replies);
            }
            Request::SyncGroup(request) => {
                groups.sync_group(now, ticket, version, *request, &mut replies);
            }
            Request::Heartbeat(request) => {
                groups.heartbeat(now, ticket, version, request, &mut replies);
            }
            Request::LeaveGroup(request) => {
                groups.leave_group(now, ticket, version, request, &mut replies);
            }
            Request::OffsetCommit(request) => self.commit(now, origin, *request, &mut replies),
            Request::OffsetFetch(request) => self.committed(now, origin, request, &mut replies),
            Request::DescribeGroups(request) => {
                self.describe_some(now, origin, request, &mut replies)
            }
            Request::ListGroups(request) => self.list_groups(now, origin, request, &mut replies),
            Request::DeleteGroups(request) => self.delete_some(now, origin, request, &mut replies),
            Request::ConsumerGroupHeartbeat(request) => {
                groups.consumer_heartbeat(now, ticket, version, client, *request, &mut replies);
            }
            Request::OffsetDelete(request) => self.delete_offsets(origin, request, &mut replies),
            Request::ConsumerGroupDescribe(request) => {
                self.describe_consumer_groups(origin, request, &mut replies);
            }
            _ => {}
        }
        self.pass_replies(replies, answers);
    }

    /// From version 8 on one request asks for several groups; each is routed by itself.
    fn committed(
        &mut self,
        now: Duration,
        origin: &Origin,
        mut request: OffsetFetchRequest,
        replies: &mut Vec<Reply>,
    ) {
        let mut refused = Vec::new();
        request.groups.retain(|group| match self.coordinates(origin.broker, &group.group_id) {
            Ok(()) => true,
            Err(error) => {
                let result = OffsetFetchResponseGroup::default();
                let result = result.with_group_id(group.group_id.clone());
                refused.push(result.with_error_code(error.code()));
                false
            }
        });
        self.coordinator.offset_fetch(now, origin.ticket, origin.version, request, replies);
        if let Some(ReplyBody::OffsetFetch(response)) = body_of(replies, origin.ticket) {
            response.groups.extend(refused);
        }
    }

    fn describe_some(
        &mut self,
        now: Duration,
        origin: &Origin,
        mut request: DescribeGroupsRequest,
        replies: &mut Vec<Reply>,
    ) {
        let mut refused = Vec::new();
        request.groups.retain(|group| match self.coordinates(origin.broker, group) {
            Ok(()) => true,
            Err(error) => {
                let result = DescribedGroup::default().with_group_id(group.clone());
                refused.push(result.with_error_code(error.code()));
                false
            }
        });
        self.coordinator.describe_groups(now, origin.ticket, origin.version, request, replies);
        if let Some(ReplyBody::DescribeGroups(response)) = body_of(replies, origin.ticket) {
            response.groups.extend(refused);
        }
    }

    /// A broker lists the groups that it coordinates; clients ask all brokers.
    fn list_groups(
        &mut self,
        now: Duration,
        origin: &Origin,
        request: ListGroupsRequest,
        replies: &mut Vec<Reply>,
    ) {
        self.coordinator.list_groups(now, origin.ticket, origin.version, request, replies);
        if let Some(ReplyBody::ListGroups(response)) = body_of(replies, origin.ticket) {
            response
                .groups
                .retain(|group| self.coordinates(origin.broker, &group.group_id).is_ok());
        }
    }

    fn delete_some(
        &mut self,
        now: Duration,
        origin: &Origin,
        mut request: DeleteGroupsRequest,
        replies: &mut Vec<Reply>,
    ) {
        let mut refused = Vec::new();
        request.groups_names.retain(|group| match self.coordinates(origin.broker, group) {
            Ok(()) => true,
            Err(error) => {
                let result = DeletableGroupResult::default().with_group_id(group.clone());
                refused.push(result.with_error_code(error.code()));
                false
            }
        });
        self.coordinator.delete_groups(now, origin.ticket, origin.version, request, replies);
        if let Some(ReplyBody::DeleteGroups(response)) = body_of(replies, origin.ticket) {
            response.results.extend(refused);
        }
    }
}

/// The slot of a group: FNV-1a, so that it is the same in every run.
pub(super) fn slot(group: &str) -> usize {
    let hash = group.bytes().fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    (hash % COORDINATOR_SLOTS as u64) as usize
}

pub(super) fn body_of(replies: &mut [Reply], ticket: u64) -> Option<&mut ReplyBody> {
    replies.iter_mut().find(|reply| reply.ticket == ticket).map(|reply| &mut reply.body)
}

/// The one group that a request is about, if it is about one and goes to its coordinator as a
/// whole.
fn group_of(request: &Request, version: i16) -> Option<&str> {
    match request {
        Request::JoinGroup(request) => Some(&request.group_id),
        Request::SyncGroup(request) => Some(&request.group_id),
        Request::Heartbeat(request) => Some(&request.group_id),
        Request::LeaveGroup(request) => Some(&request.group_id),
        Request::OffsetFetch(request) if version < 8 => Some(&request.group_id),
        Request::ConsumerGroupHeartbeat(request) => Some(&request.group_id),
        Request::OffsetDelete(request) => Some(&request.group_id),
        _ => None,
    }
}

/// The answer to a request about groups that says nothing but an error.
pub(super) fn refusal(request: &Request, version: i16, error: ResponseError) -> Option<Response> {
    let code = error.code();
    Some(match request {
        Request::JoinGroup(_) => {
            let response = JoinGroupResponse::default().with_error_code(code);
            // Null is allowed for the protocol only from version 7 on.
            let name = (version < 7).then(StrBytes::default);
            Response::JoinGroup(response.with_generation_id(-1).with_protocol_name(name))
        }
        Request::SyncGroup(_) => {
            Response::SyncGroup(SyncGroupResponse::default().with_error_code(code))
        }
        Request::Heartbeat(_) => {
            Response::Heartbeat(HeartbeatResponse::default().with_error_code(code))
        }
        Request::OffsetDelete(_) => {
            Response::OffsetDelete(OffsetDeleteResponse::default().with_error_code(code))
        }
        Request::ConsumerGroupHeartbeat(_) => Response::ConsumerGroupHeartbeat(
            ConsumerGroupHeartbeatResponse::default().with_error_code(code),
        ),
        Request::LeaveGroup(_) => {
            Response::LeaveGroup(LeaveGroupResponse::default().with_error_code(code))
        }
        Request::OffsetFetch(request) => {
            Response::OffsetFetch(fetch_refused(request, version, error))
        }
        _ => return None,
    })
}

fn fetch_refused(
    request: &OffsetFetchRequest,
    version: i16,
    error: ResponseError,
) -> OffsetFetchResponse {
    if version >= 8 {
        let groups = request.groups.iter().map(|group| {
            let result = OffsetFetchResponseGroup::default();
            result.with_group_id(group.group_id.clone()).with_error_code(error.code())
        });
        return OffsetFetchResponse::default().with_groups(groups.collect());
    } else if version >= 2 {
        return OffsetFetchResponse::default().with_error_code(error.code());
    }
    let topics = request.topics.iter().flatten().map(|topic| {
        let partitions = topic.partition_indexes.iter().map(|&index| {
            OffsetFetchResponsePartition::default()
                .with_partition_index(index)
                .with_committed_offset(-1)
                .with_metadata(Some(StrBytes::default()))
                .with_error_code(error.code())
        });
        let partitions = partitions.collect();
        OffsetFetchResponseTopic::default()
            .with_name(topic.name.clone())
            .with_partitions(partitions)
    });
    OffsetFetchResponse::default().with_topics(topics.collect())
}
