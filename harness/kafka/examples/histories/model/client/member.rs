//! A member of a classic consumer group: finds its coordinator, joins, syncs, beats, commits,
//! sometimes leaves or falls silent.

use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_protocol::ResponseError;
use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::leave_group_request::MemberIdentity;
use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopics,
};
use kafka_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use kafka_protocol::messages::*;
use kafka_protocol::protocol::StrBytes;
use rand::RngExt;

use super::super::context::Context;
use super::super::invariant::{Committed, Note, Synced};
use super::super::links::Token;
use super::super::wire::Reply;
use super::{Client, is, topic};

const GROUP: &str = "g";

/// What a member does next, or waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Find,
    Join,
    Sync,
    Resume,
    Steady,
    Leave,
    /// It is away and comes back.
    Away,
}

/// The member's state; it has one request under way at a time.
#[derive(Debug)]
pub(crate) struct Member {
    partitions: i32,
    step: Step,
    waiting: Option<Token>,
    coordinator: Option<i32>,
    member_id: StrBytes,
    generation: i32,
    session: Duration,
    /// As the group's leader: the members, in order.
    members: Vec<StrBytes>,
    leads: bool,
    /// What it owns and how far it has got.
    owned: Vec<(i32, i64)>,
    finishing: bool,
    /// Heartbeats answered well since the faults ended.
    steady: u32,
}

impl Member {
    pub(crate) fn new(partitions: i32) -> Self {
        Self {
            partitions,
            step: Step::Find,
            waiting: None,
            coordinator: None,
            member_id: StrBytes::new(),
            generation: -1,
            session: Duration::from_millis(600),
            members: Vec::new(),
            leads: false,
            owned: Vec::new(),
            finishing: false,
            steady: 0,
        }
    }

    fn ask(&mut self, context: &mut Context) {
        let Some(coordinator) = self.coordinator.filter(|_| self.step != Step::Find) else {
            return self.find(context);
        };
        let token = match self.step {
            Step::Find | Step::Away => return,
            Step::Join => self.join(context, coordinator),
            Step::Sync => self.sync(context, coordinator),
            Step::Resume => self.fetch_offsets(context, coordinator),
            Step::Steady if !self.owned.is_empty() && context.chance(3) => {
                self.commit(context, coordinator)
            }
            Step::Steady => self.beat(context, coordinator),
            Step::Leave => self.leave(context, coordinator),
        };
        self.waiting = Some(token);
    }

    fn find(&mut self, context: &mut Context) {
        let request = FindCoordinatorRequest::default();
        let request = request.with_coordinator_keys(vec![StrBytes::from_static_str(GROUP)]);
        let broker = context.any_broker();
        let timeout = Duration::from_millis(400);
        self.waiting = Some(context.ask(broker, 4, &request, Note::Find, timeout));
    }

    fn join(&mut self, context: &mut Context, coordinator: i32) -> Token {
        let protocol = JoinGroupRequestProtocol::default()
            .with_name(StrBytes::from_static_str("range"))
            .with_metadata(Bytes::from_static(b"m"));
        let request = JoinGroupRequest::default()
            .with_group_id(GroupId(StrBytes::from_static_str(GROUP)))
            .with_session_timeout_ms(self.session.as_millis() as i32)
            .with_rebalance_timeout_ms(800)
            .with_protocol_type(StrBytes::from_static_str("model"))
            .with_member_id(self.member_id.clone())
            .with_protocols(vec![protocol]);
        context.ask(coordinator, 7, &request, Note::Join, Duration::from_secs(2))
    }

    fn sync(&mut self, context: &mut Context, coordinator: i32) -> Token {
        let mut shares = Vec::new();
        if self.leads {
            let all: Vec<i32> = (0..self.partitions).collect();
            for (position, member) in self.members.iter().enumerate() {
                let share = all.iter().skip(position).step_by(self.members.len()).copied();
                shares.push((member.clone(), share.collect::<Vec<i32>>()));
            }
        }
        let assignments = shares.iter().map(|(member, share)| {
            let assignment = SyncGroupRequestAssignment::default().with_member_id(member.clone());
            assignment.with_assignment(write_share(share))
        });
        let request = SyncGroupRequest::default()
            .with_group_id(GroupId(StrBytes::from_static_str(GROUP)))
            .with_generation_id(self.generation)
            .with_member_id(self.member_id.clone())
            .with_protocol_type(Some(StrBytes::from_static_str("model")))
            .with_protocol_name(Some(StrBytes::from_static_str("range")))
            .with_assignments(assignments.collect());
        let (generation, member) = (self.generation, self.member_id.clone());
        let note = Note::Sync(Synced { generation, member, shares });
        context.ask(coordinator, 5, &request, note, Duration::from_secs(2))
    }

    fn fetch_offsets(&mut self, context: &mut Context, coordinator: i32) -> Token {
        let topic = OffsetFetchRequestTopics::default()
            .with_name(topic())
            .with_partition_indexes((0..self.partitions).collect());
        let group = OffsetFetchRequestGroup::default()
            .with_group_id(GroupId(StrBytes::from_static_str(GROUP)))
            .with_topics(Some(vec![topic]));
        let request = OffsetFetchRequest::default().with_groups(vec![group]);
        context.ask(coordinator, 8, &request, Note::FetchOffsets, Duration::from_millis(600))
    }

    fn commit(&mut self, context: &mut Context, coordinator: i32) -> Token {
        for (_, position) in &mut self.owned {
            *position += context.random.random_range(0..3);
        }
        let partitions = self.owned.iter().map(|&(partition, position)| {
            OffsetCommitRequestPartition::default()
                .with_partition_index(partition)
                .with_committed_offset(position)
                .with_committed_leader_epoch(-1)
        });
        let offsets = OffsetCommitRequestTopic::default().with_name(topic());
        let request = OffsetCommitRequest::default()
            .with_group_id(GroupId(StrBytes::from_static_str(GROUP)))
            .with_generation_id_or_member_epoch(self.generation)
            .with_member_id(self.member_id.clone())
            .with_topics(vec![offsets.with_partitions(partitions.collect())]);
        let offsets = self.owned.clone();
        let note = Note::Commit(Committed { generation: self.generation, offsets });
        context.ask(coordinator, 8, &request, note, Duration::from_millis(600))
    }

    fn beat(&mut self, context: &mut Context, coordinator: i32) -> Token {
        let request = HeartbeatRequest::default()
            .with_group_id(GroupId(StrBytes::from_static_str(GROUP)))
            .with_generation_id(self.generation)
            .with_member_id(self.member_id.clone());
        context.ask(coordinator, 4, &request, Note::Beat, Duration::from_millis(600))
    }

    fn leave(&mut self, context: &mut Context, coordinator: i32) -> Token {
        let identity = MemberIdentity::default().with_member_id(self.member_id.clone());
        let request = LeaveGroupRequest::default()
            .with_group_id(GroupId(StrBytes::from_static_str(GROUP)))
            .with_members(vec![identity]);
        context.ask(coordinator, 5, &request, Note::Leave, Duration::from_millis(600))
    }

    /// Takes a refusal: where to go on.
    fn refused(&mut self, code: i16) {
        use ResponseError::{FencedInstanceId, MemberIdRequired, UnknownMemberId};
        use ResponseError::{IllegalGeneration, RebalanceInProgress};
        self.steady = 0;
        if is(code, MemberIdRequired) {
            self.step = Step::Join;
        } else if is(code, UnknownMemberId) || is(code, FencedInstanceId) {
            self.member_id = StrBytes::new();
            (self.step, self.generation) = (Step::Join, -1);
            self.owned.clear();
        } else if is(code, RebalanceInProgress) || is(code, IllegalGeneration) {
            self.step = Step::Join;
        } else {
            self.coordinator = None;
        }
    }

    fn joined(&mut self, response: &JoinGroupResponse) {
        if !response.member_id.is_empty() {
            self.member_id = response.member_id.clone();
        }
        if response.error_code != 0 {
            return self.refused(response.error_code);
        }
        self.generation = response.generation_id;
        self.leads = response.leader == response.member_id;
        self.members = response.members.iter().map(|member| member.member_id.clone()).collect();
        self.members.sort_unstable_by(|one, other| one.as_bytes().cmp(other.as_bytes()));
        self.owned.clear();
        self.step = Step::Sync;
    }

    fn resumed(&mut self, response: &OffsetFetchResponse) {
        let group = response.groups.first();
        let code = group.map_or(0, |group| group.error_code);
        let parts = group.iter().flat_map(|group| &group.topics);
        let parts: Vec<_> = parts.flat_map(|topic| &topic.partitions).collect();
        let code = parts.iter().map(|part| part.error_code).find(|&code| code != 0).unwrap_or(code);
        if code != 0 {
            return self.refused(code);
        }
        for part in parts {
            let owned = self.owned.iter_mut().find(|owned| owned.0 == part.partition_index);
            if let Some((_, position)) = owned {
                *position = part.committed_offset.max(0);
            }
        }
        self.step = Step::Steady;
    }

    fn steadily(&mut self, context: &mut Context, code: i16) {
        if code != 0 {
            return self.refused(code);
        }
        self.steady += u32::from(self.finishing);
        if !self.finishing && context.chance(12) {
            self.step = if context.chance(2) { Step::Leave } else { Step::Away };
        }
    }

    fn take(&mut self, context: &mut Context, reply: &Reply) {
        match reply {
            Reply::FindCoordinator(response) => {
                let found = response.coordinators.first().filter(|found| found.error_code == 0);
                self.coordinator = found.map(|found| found.node_id.0);
                if self.coordinator.is_some() && self.step == Step::Find {
                    self.step = Step::Join;
                }
            }
            Reply::JoinGroup(response) => self.joined(response),
            Reply::SyncGroup(response) if response.error_code != 0 => {
                self.refused(response.error_code);
            }
            Reply::SyncGroup(response) => {
                let share = read_share(&response.assignment);
                self.owned = share.into_iter().map(|partition| (partition, 0)).collect();
                self.step = Step::Resume;
            }
            Reply::OffsetFetch(response) => self.resumed(response),
            Reply::Heartbeat(response) => self.steadily(context, response.error_code),
            Reply::OffsetCommit(response) => {
                let parts = response.topics.iter().flat_map(|topic| &topic.partitions);
                let code = parts.map(|part| part.error_code).find(|&code| code != 0);
                self.steadily(context, code.unwrap_or(0));
            }
            Reply::LeaveGroup(response) if response.error_code != 0 => {
                self.refused(response.error_code);
            }
            Reply::LeaveGroup(_) => {
                self.member_id = StrBytes::new();
                self.step = Step::Away;
            }
            _ => {}
        }
    }
}

impl Client for Member {
    fn wake(&mut self, context: &mut Context) {
        if self.waiting.is_some() {
            return;
        }
        if self.step == Step::Away {
            self.step = Step::Join;
        }
        self.ask(context);
    }

    fn answered(&mut self, context: &mut Context, token: Token, reply: Reply) {
        if self.waiting != Some(token) {
            return;
        }
        self.waiting = None;
        self.take(context, &reply);
        let pause = match self.step {
            Step::Away => context.milliseconds(50..1_500),
            Step::Steady => context.milliseconds(40..180),
            _ if self.coordinator.is_none() => context.milliseconds(20..60),
            _ => context.milliseconds(1..10),
        };
        context.wake_in(pause);
    }

    fn lost(&mut self, context: &mut Context, token: Token) {
        if self.waiting == Some(token) {
            self.waiting = None;
            self.coordinator = None;
            context.wake_in(Duration::from_millis(30));
        }
    }

    fn finish(&mut self) {
        self.finishing = true;
    }

    fn is_done(&self) -> bool {
        self.finishing && self.steady >= 3
    }

    fn describe(&self) -> String {
        format!("{self:?}")
    }
}

fn write_share(share: &[i32]) -> Bytes {
    let mut bytes = BytesMut::with_capacity(1 + share.len() * 4);
    bytes.put_u8(share.len() as u8);
    share.iter().for_each(|&partition| bytes.put_i32(partition));
    bytes.freeze()
}

/// The partitions of an assignment; none of an empty one.
pub(crate) fn read_share(mut bytes: &[u8]) -> Vec<i32> {
    let count = bytes.try_get_u8().unwrap_or(0);
    (0..count).map_while(|_| bytes.try_get_i32().ok()).collect()
}
