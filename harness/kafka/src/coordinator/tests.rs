//! The coordinator under virtual time, driven by scripted clients.
//!
//! | Property | Module |
//! |---|---|
//! | joiners get one generation with one leader, nobody before the barrier | `barrier` |
//! | protocol votes, member ids, initial delay, bounds | `barrier` |
//! | crash, slow rejoiner, silent leader, leaving, failover | `sessions` |
//! | static members | `statics` |
//! | commits, fetches, zombies | `committed` |
//! | describe, list, delete | `admin` |
//! | consumer groups (KIP-848) | `consumers` |
//! | offsets end by age, request and topic | `retention` |
//! | groups that change their protocol | `online` |
//! | any interleaving of a consumer group | `ownership` |
//! | any interleaving keeps the invariants | `interleavings` |

mod admin;
mod barrier;
mod committed;
mod consumers;
mod interleavings;
mod online;
mod ownership;
mod retention;
mod sessions;
mod statics;

use std::collections::BTreeMap;

use bytes::{BufMut as _, Bytes};
use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::leave_group_request::MemberIdentity;
use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::sync_group_request::SyncGroupRequestAssignment;

use super::*;

pub(super) const GROUP: &str = "workers";
pub(super) const SESSION: Duration = Duration::from_secs(10);
pub(super) const REBALANCE: Duration = Duration::from_secs(60);
pub(super) const DELAY: Duration = Duration::from_secs(3);
pub(super) const SECOND: Duration = Duration::from_secs(1);

pub(super) const UNKNOWN_SERVER_ERROR: i16 = -1;
pub(super) const NONE: i16 = 0;
pub(super) const ILLEGAL_GENERATION: i16 = 22;
pub(super) const INCONSISTENT_GROUP_PROTOCOL: i16 = 23;
pub(super) const INVALID_GROUP_ID: i16 = 24;
pub(super) const UNKNOWN_MEMBER_ID: i16 = 25;
pub(super) const INVALID_SESSION_TIMEOUT: i16 = 26;
pub(super) const REBALANCE_IN_PROGRESS: i16 = 27;
pub(super) const NOT_COORDINATOR: i16 = 16;
pub(super) const MEMBER_ID_REQUIRED: i16 = 79;
pub(super) const GROUP_MAX_SIZE_REACHED: i16 = 81;
pub(super) const FENCED_INSTANCE_ID: i16 = 82;

pub(super) fn text(value: &str) -> StrBytes {
    StrBytes::from_string(value.to_owned())
}

/// A client as the coordinator sees it.
#[derive(Debug, Clone, Default)]
pub(super) struct Client {
    pub(super) name: String,
    pub(super) member_id: StrBytes,
    pub(super) generation: i32,
    pub(super) instance: Option<StrBytes>,
    pub(super) protocols: Vec<(&'static str, &'static str)>,
}

impl Client {
    pub(super) fn new(name: &str) -> Self {
        let protocols = vec![("range", "topics")];
        Self { name: name.to_owned(), protocols, ..Self::default() }
    }

    pub(super) fn with_instance(name: &str) -> Self {
        Self { instance: Some(text(name)), ..Self::new(name) }
    }

    pub(super) fn join_request(&self) -> JoinGroupRequest {
        let offer = |(name, metadata): &(&'static str, &'static str)| {
            JoinGroupRequestProtocol::default()
                .with_name(text(name))
                .with_metadata(Bytes::from_static(metadata.as_bytes()))
        };
        JoinGroupRequest::default()
            .with_group_id(text(GROUP).into())
            .with_session_timeout_ms(SESSION.as_millis() as i32)
            .with_rebalance_timeout_ms(REBALANCE.as_millis() as i32)
            .with_member_id(self.member_id.clone())
            .with_group_instance_id(self.instance.clone())
            .with_protocol_type(text("consumer"))
            .with_protocols(self.protocols.iter().map(offer).collect())
    }

    pub(super) fn commit_request(&self, offset: i64) -> OffsetCommitRequest {
        let partition = OffsetCommitRequestPartition::default().with_committed_offset(offset);
        let topic = OffsetCommitRequestTopic::default()
            .with_name(text("orders").into())
            .with_partitions(vec![partition]);
        OffsetCommitRequest::default()
            .with_group_id(text(GROUP).into())
            .with_member_id(self.member_id.clone())
            .with_group_instance_id(self.instance.clone())
            .with_generation_id_or_member_epoch(self.generation)
            .with_topics(vec![topic])
    }
}

/// A coordinator, the virtual time and the answers that have come.
pub(super) struct Jig {
    pub(super) coordinator: Coordinator,
    pub(super) now: Duration,
    pub(super) tickets: Ticket,
    pub(super) answers: BTreeMap<Ticket, ReplyBody>,
    pub(super) replies: Vec<Reply>,
}

impl Jig {
    pub(super) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(super) fn with(adjust: impl FnOnce(&mut GroupConfig)) -> Self {
        let mut config = GroupConfig { initial_rebalance_delay: DELAY, ..GroupConfig::default() };
        adjust(&mut config);
        Self {
            coordinator: Coordinator::new(config, 7),
            now: Duration::ZERO,
            tickets: 0,
            answers: BTreeMap::new(),
            replies: Vec::new(),
        }
    }

    /// Hands a request in under a new ticket.
    pub(super) fn submit(
        &mut self,
        send: impl FnOnce(&mut Coordinator, Duration, Ticket, &mut Vec<Reply>),
    ) -> Ticket {
        self.tickets += 1;
        send(&mut self.coordinator, self.now, self.tickets, &mut self.replies);
        self.collect();
        self.tickets
    }

    /// Moves every group to another coordinator.
    pub(super) fn fail_over(&mut self) {
        self.coordinator.on_failover(self.now, |_| true, &mut self.replies);
        self.collect();
    }

    fn collect(&mut self) {
        for reply in self.replies.drain(..) {
            let earlier = self.answers.insert(reply.ticket, reply.body);
            assert!(earlier.is_none(), "ticket {} was answered twice", reply.ticket);
        }
    }

    /// Lets time pass, every deadline at its moment.
    pub(super) fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(deadline) = self.coordinator.next_deadline().filter(|at| *at <= until) {
            self.now = self.now.max(deadline);
            self.coordinator.advance(self.now, &mut self.replies);
            self.collect();
        }
        self.now = until;
    }

    /// Lets time pass while `clients` send a heartbeat each second.
    pub(super) fn pass_beating(&mut self, time: Duration, clients: &[&Client]) {
        let until = self.now + time;
        while self.now < until {
            self.pass(SECOND);
            for client in clients {
                self.heartbeat(client);
            }
        }
    }

    pub(super) fn join_version(&mut self, version: i16, client: &Client) -> Ticket {
        let info = ClientInfo { client_id: client.name.clone(), host: "127.0.0.1".to_owned() };
        let request = client.join_request();
        self.submit(|coordinator, now, ticket, replies| {
            coordinator.join_group(now, ticket, version, &info, request, replies);
        })
    }

    pub(super) fn join(&mut self, client: &Client) -> Ticket {
        self.join_version(9, client)
    }

    /// Joins with the id the coordinator gives, as clients do: returns the parked request.
    pub(super) fn enter(&mut self, client: &mut Client) -> Ticket {
        let ticket = self.join(client);
        let told = self.joined(ticket);
        assert_eq!(told.error_code, MEMBER_ID_REQUIRED);
        client.member_id = told.member_id;
        self.join(client)
    }

    pub(super) fn is_answered(&self, ticket: Ticket) -> bool {
        self.answers.contains_key(&ticket)
    }

    pub(super) fn joined(&self, ticket: Ticket) -> JoinGroupResponse {
        match self.answers.get(&ticket) {
            Some(ReplyBody::JoinGroup(response)) => response.clone(),
            other => panic!("ticket {ticket} awaits a JoinGroup answer, has {other:?}"),
        }
    }

    pub(super) fn synced(&self, ticket: Ticket) -> SyncGroupResponse {
        match self.answers.get(&ticket) {
            Some(ReplyBody::SyncGroup(response)) => response.clone(),
            other => panic!("ticket {ticket} awaits a SyncGroup answer, has {other:?}"),
        }
    }

    /// Takes the generation of an answer over into the client.
    pub(super) fn take(&self, client: &mut Client, ticket: Ticket) -> JoinGroupResponse {
        let response = self.joined(ticket);
        assert_eq!(response.error_code, NONE, "{client:?}");
        client.member_id = response.member_id.clone();
        client.generation = response.generation_id;
        response
    }

    pub(super) fn sync(&mut self, client: &Client, assignments: &[(&Client, Bytes)]) -> Ticket {
        let assign = |(to, assignment): &(&Client, Bytes)| {
            SyncGroupRequestAssignment::default()
                .with_member_id(to.member_id.clone())
                .with_assignment(assignment.clone())
        };
        let request = SyncGroupRequest::default()
            .with_group_id(text(GROUP).into())
            .with_generation_id(client.generation)
            .with_member_id(client.member_id.clone())
            .with_group_instance_id(client.instance.clone())
            .with_assignments(assignments.iter().map(assign).collect());
        self.submit(|coordinator, now, ticket, replies| {
            coordinator.sync_group(now, ticket, 5, request, replies);
        })
    }

    pub(super) fn heartbeat(&mut self, client: &Client) -> i16 {
        let request = HeartbeatRequest::default()
            .with_group_id(text(GROUP).into())
            .with_generation_id(client.generation)
            .with_member_id(client.member_id.clone())
            .with_group_instance_id(client.instance.clone());
        let ticket = self.submit(|coordinator, now, ticket, replies| {
            coordinator.heartbeat(now, ticket, 4, request, replies);
        });
        match self.answers.get(&ticket) {
            Some(ReplyBody::Heartbeat(response)) => response.error_code,
            other => panic!("a heartbeat is answered at once, got {other:?}"),
        }
    }

    pub(super) fn leave(&mut self, clients: &[&Client]) -> LeaveGroupResponse {
        let identify = |client: &&Client| {
            MemberIdentity::default()
                .with_member_id(client.member_id.clone())
                .with_group_instance_id(client.instance.clone())
        };
        let request = LeaveGroupRequest::default()
            .with_group_id(text(GROUP).into())
            .with_members(clients.iter().map(identify).collect());
        let ticket = self.submit(|coordinator, now, ticket, replies| {
            coordinator.leave_group(now, ticket, 5, request, replies);
        });
        match self.answers.get(&ticket) {
            Some(ReplyBody::LeaveGroup(response)) => response.clone(),
            other => panic!("a leave is answered at once, got {other:?}"),
        }
    }

    pub(super) fn commit(&mut self, client: &Client, offset: i64) -> i16 {
        let request = client.commit_request(offset);
        let ticket = self.submit(|coordinator, now, ticket, replies| {
            coordinator.offset_commit(now, ticket, 9, request, replies);
        });
        match self.answers.get(&ticket) {
            Some(ReplyBody::OffsetCommit(answer)) => answer.topics[0].partitions[0].error_code,
            other => panic!("a commit is answered at once, got {other:?}"),
        }
    }

    pub(super) fn view(&self) -> GroupView {
        self.coordinator.view(GROUP).expect("the group exists")
    }

    /// Brings clients into one stable generation; client 0 gets partition 0 and so on. The first
    /// client is the leader.
    pub(super) fn settle(&mut self, clients: &mut [&mut Client]) {
        let tickets: Vec<Ticket> = clients
            .iter_mut()
            .map(|client| match client.instance {
                Some(_) => self.join(client),
                None => self.enter(client),
            })
            .collect();
        self.pass(2 * DELAY);
        for (client, ticket) in clients.iter_mut().zip(&tickets) {
            let response = self.take(client, *ticket);
            assert_eq!(response.leader == response.member_id, *ticket == tickets[0]);
        }
        self.assign(clients);
    }

    /// Lets the first client hand out the assignment of its generation.
    pub(super) fn assign(&mut self, clients: &mut [&mut Client]) {
        let assignments: Vec<(&Client, Bytes)> = clients
            .iter()
            .enumerate()
            .map(|(index, client)| (&**client, assignment(index as i32)))
            .collect();
        let tickets: Vec<Ticket> =
            clients.iter().map(|client| self.sync(client, &assignments)).collect();
        for (index, ticket) in tickets.into_iter().enumerate() {
            let response = self.synced(ticket);
            assert_eq!(response.error_code, NONE);
            assert_eq!(response.assignment, assignment(index as i32));
        }
        assert_eq!(self.view().state, GroupState::Stable);
    }
}

/// One partition of one topic in the consumer protocol.
pub(super) fn assignment(partition: i32) -> Bytes {
    let mut bytes = Vec::new();
    bytes.put_i16(1);
    bytes.put_i32(1);
    bytes.put_i16(6);
    bytes.put_slice(b"orders");
    bytes.put_i32(1);
    bytes.put_i32(partition);
    bytes.put_i32(-1);
    bytes.into()
}
