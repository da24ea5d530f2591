//! The consumer-group coordinator: Kafka's classic group protocol as a pure state machine.
//!
//! Time comes in with every call, identifiers come from the seed, and answers go out into a list:
//! there is no clock, no socket and no task here. A request whose answer must wait (a JoinGroup
//! before the barrier, a SyncGroup before the leader's assignment) is *parked* under its ticket
//! and answered by a later call, at the latest by [`Coordinator::advance`].
//!
//! The behaviour is that of Apache Kafka's `GroupMetadataManager` and `ClassicGroup` (4.x).

use std::collections::BTreeMap;
use std::time::Duration;

use kafka_protocol::messages::{
    ApiKey, DeleteGroupsRequest, DeleteGroupsResponse, DescribeGroupsRequest,
    DescribeGroupsResponse, HeartbeatRequest, HeartbeatResponse, JoinGroupRequest,
    JoinGroupResponse, LeaveGroupRequest, LeaveGroupResponse, ListGroupsRequest,
    ListGroupsResponse, OffsetCommitRequest, OffsetCommitResponse, OffsetFetchRequest,
    OffsetFetchResponse, SyncGroupRequest, SyncGroupResponse,
};

/// The group requests served, each with its lowest and highest version.
///
/// OffsetCommit and OffsetFetch stop at 9 because 10 names topics by id.
pub const VERSIONS: [(ApiKey, i16, i16); 9] = [
    (ApiKey::OffsetCommit, 2, 9),
    (ApiKey::OffsetFetch, 1, 9),
    (ApiKey::JoinGroup, 0, 9),
    (ApiKey::Heartbeat, 0, 4),
    (ApiKey::LeaveGroup, 0, 5),
    (ApiKey::SyncGroup, 0, 5),
    (ApiKey::DescribeGroups, 0, 6),
    (ApiKey::ListGroups, 0, 5),
    (ApiKey::DeleteGroups, 0, 2),
];

/// Names a request whose answer may come later. Unique among the requests in flight.
pub type Ticket = u64;

/// An answer to the request that came with `ticket`.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// The ticket of the request.
    pub ticket: Ticket,
    /// The response, ready to be encoded in the version of the request.
    pub body: ReplyBody,
}

/// The response to a group request.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "each variant is the message it is named after")]
pub enum ReplyBody {
    JoinGroup(JoinGroupResponse),
    SyncGroup(SyncGroupResponse),
    Heartbeat(HeartbeatResponse),
    LeaveGroup(LeaveGroupResponse),
    OffsetCommit(OffsetCommitResponse),
    OffsetFetch(OffsetFetchResponse),
    DescribeGroups(DescribeGroupsResponse),
    ListGroups(ListGroupsResponse),
    DeleteGroups(DeleteGroupsResponse),
}

/// Who sent a request: the client id of its header and the address of its connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientInfo {
    /// The `client.id`; empty if the header has none.
    pub client_id: String,
    /// The address without the port.
    pub host: String,
}

/// Timing and bounds of the coordinator. A request over a bound is refused with an error code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupConfig {
    /// How long the first rebalance of an empty group waits for more members.
    pub initial_rebalance_delay: Duration,
    /// The shortest session timeout a member may ask for.
    pub session_timeout_min: Duration,
    /// The longest session timeout a member may ask for.
    pub session_timeout_max: Duration,
    /// Groups known at once.
    pub groups_max: usize,
    /// Members of one group, those told to come back with a member id included.
    pub members_max: usize,
    /// Protocols (assignors) one member may offer.
    pub protocols_max: usize,
    /// Bytes of all protocol metadata of one member.
    pub protocol_metadata_bytes_max: usize,
    /// Bytes of one member's assignment.
    pub assignment_bytes_max: usize,
    /// Partitions with a committed offset in one group.
    pub offsets_max: usize,
    /// Bytes of the metadata committed with one offset.
    pub offset_metadata_bytes_max: usize,
    /// Bytes of a group id, a group instance id, a client id or a topic name.
    pub name_bytes_max: usize,
}

impl Default for GroupConfig {
    fn default() -> Self {
        Self {
            initial_rebalance_delay: Duration::from_secs(3),
            session_timeout_min: Duration::from_secs(6),
            session_timeout_max: Duration::from_secs(30 * 60),
            groups_max: 10_000,
            members_max: 1_000,
            protocols_max: 32,
            protocol_metadata_bytes_max: 1 << 20,
            assignment_bytes_max: 1 << 20,
            offsets_max: 100_000,
            offset_metadata_bytes_max: 4_096,
            name_bytes_max: 1_024,
        }
    }
}

/// Where a group stands between rebalances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum GroupState {
    /// No members; committed offsets may remain.
    Empty,
    /// Collecting the JoinGroup requests of the next generation.
    PreparingRebalance,
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
            Self::CompletingRebalance => "CompletingRebalance",
            Self::Stable => "Stable",
            Self::Dead => "Dead",
        }
    }
}

/// A group as it stands, for observers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupView {
    /// Where the group stands.
    pub state: GroupState,
    /// The number of the current generation; 0 before the first.
    pub generation: i32,
    /// The assignor all members agreed on, if a generation has begun.
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
    /// The `client.id` it joined with.
    pub client_id: String,
    /// The address it joined from.
    pub client_host: String,
    /// The topics and partitions it was assigned; empty unless it speaks the consumer protocol.
    pub partitions: Vec<(String, i32)>,
}

/// The coordinator of every classic consumer group of a cluster.
#[derive(Debug)]
pub struct Coordinator {}

#[expect(unused_variables, reason = "signatures only")]
impl Coordinator {
    /// A coordinator without groups; `seed` decides the member ids it gives out.
    pub fn new(config: GroupConfig, seed: u64) -> Self {
        Self {}
    }
    /// Joins a group.
    #[expect(clippy::too_many_arguments, reason = "a request and where it came from")]
    pub fn join_group(
        &mut self,
        now: Duration,
        ticket: Ticket,
        version: i16,
        client: &ClientInfo,
        request: JoinGroupRequest,
        replies: &mut Vec<Reply>,
    ) {
    }
    /// Hands in or asks for the assignment.
    pub fn sync_group(
        &mut self,
        now: Duration,
        ticket: Ticket,
        version: i16,
        request: SyncGroupRequest,
        replies: &mut Vec<Reply>,
    ) {
    }
    /// Keeps a session.
    pub fn heartbeat(
        &mut self,
        now: Duration,
        ticket: Ticket,
        version: i16,
        request: HeartbeatRequest,
        replies: &mut Vec<Reply>,
    ) {
    }
    /// Leaves a group.
    pub fn leave_group(
        &mut self,
        now: Duration,
        ticket: Ticket,
        version: i16,
        request: LeaveGroupRequest,
        replies: &mut Vec<Reply>,
    ) {
    }
    /// Commits offsets.
    pub fn offset_commit(
        &mut self,
        now: Duration,
        ticket: Ticket,
        version: i16,
        request: OffsetCommitRequest,
        replies: &mut Vec<Reply>,
    ) {
    }
    /// Reads committed offsets.
    pub fn offset_fetch(
        &mut self,
        now: Duration,
        ticket: Ticket,
        version: i16,
        request: OffsetFetchRequest,
        replies: &mut Vec<Reply>,
    ) {
    }
    /// Describes groups.
    pub fn describe_groups(
        &mut self,
        now: Duration,
        ticket: Ticket,
        version: i16,
        request: DescribeGroupsRequest,
        replies: &mut Vec<Reply>,
    ) {
    }
    /// Lists groups.
    pub fn list_groups(
        &mut self,
        now: Duration,
        ticket: Ticket,
        version: i16,
        request: ListGroupsRequest,
        replies: &mut Vec<Reply>,
    ) {
    }
    /// Deletes empty groups.
    pub fn delete_groups(
        &mut self,
        now: Duration,
        ticket: Ticket,
        version: i16,
        request: DeleteGroupsRequest,
        replies: &mut Vec<Reply>,
    ) {
    }
    /// When [`Self::advance`] has something to do next.
    pub fn next_deadline(&self) -> Option<Duration> {
        None
    }
    /// Does what is due at `now`.
    pub fn advance(&mut self, now: Duration, replies: &mut Vec<Reply>) {}
    /// Forgets the ticket of a connection that went away.
    pub fn abandon(&mut self, ticket: Ticket) {}
    /// Moves the groups for which `moved` says so to another broker: parked requests are answered
    /// with NOT_COORDINATOR, members get a fresh session, an unfinished rebalance starts over.
    pub fn on_failover(
        &mut self,
        now: Duration,
        moved: impl Fn(&str) -> bool,
        replies: &mut Vec<Reply>,
    ) {
    }
    /// Drops the committed offsets of deleted topics, as Kafka does.
    pub fn on_topic_deleted(&mut self, topic: &str) {}
    /// A group as it stands.
    pub fn view(&self, group: &str) -> Option<GroupView> {
        None
    }
    /// The committed offset of one partition.
    pub fn committed(&self, group: &str, topic: &str, partition: i32) -> Option<i64> {
        None
    }
}
