//! A member of a consumer group by KIP-848: one heartbeat after another says what it owns, and is
//! told what it may own. It commits, sometimes leaves or falls silent; as a static member it
//! leaves for a while and comes back under another member id.

use std::time::Duration;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::consumer_group_heartbeat_request::TopicPartitions;
use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopics,
};
use kafka_protocol::messages::*;
use kafka_protocol::protocol::StrBytes;
use rand::RngExt;
use uuid::Uuid;

use super::super::context::Context;
use super::super::invariant::{Beaten, Committed, Note};
use super::super::links::Token;
use super::super::wire::Reply;
use super::{Client, is, topic};

const GROUP: &str = "consuming";

/// What a heartbeat says of a member that leaves, for good or as a static member for a while.
const LEAVES: i32 = -1;
const LEAVES_FOR_A_WHILE: i32 = -2;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Find,
    Beat,
    /// It has partitions whose positions it does not know.
    Resume,
    Leave,
    /// It is away and comes back.
    Away,
}

/// The member's state; it has one request under way at a time.
#[derive(Debug)]
pub(crate) struct Consuming {
    number: u64,
    step: Step,
    waiting: Option<Token>,
    coordinator: Option<i32>,
    instance: Option<StrBytes>,
    member_id: StrBytes,
    /// How many member ids it has had.
    incarnation: u32,
    epoch: i32,
    topic_id: Uuid,
    /// What it owns and how far it has got there.
    owned: Vec<(i32, Option<i64>)>,
    finishing: bool,
    /// Heartbeats answered well since the faults ended.
    steady: u32,
}

impl Consuming {
    pub(crate) fn new(number: u64, is_static: bool) -> Self {
        let instance = is_static.then(|| StrBytes::from_string(format!("instance-{number}")));
        let mut member = Self {
            number,
            step: Step::Find,
            waiting: None,
            coordinator: None,
            instance,
            member_id: StrBytes::new(),
            incarnation: 0,
            epoch: 0,
            topic_id: Uuid::nil(),
            owned: Vec::new(),
            finishing: false,
            steady: 0,
        };
        member.begin_anew();
        member
    }

    /// Another process with nothing of the one before but its instance id.
    fn begin_anew(&mut self) {
        self.incarnation += 1;
        let id = format!("member-{}-{}", self.number, self.incarnation);
        self.member_id = StrBytes::from_string(id);
        self.reset();
    }

    fn reset(&mut self) {
        self.epoch = 0;
        self.owned.clear();
        self.steady = 0;
    }

    fn ask(&mut self, context: &mut Context) {
        let Some(coordinator) = self.coordinator.filter(|_| self.step != Step::Find) else {
            return self.find(context);
        };
        let known = self.owned.iter().any(|(_, position)| position.is_some());
        let token = match self.step {
            Step::Find | Step::Away => return,
            Step::Resume => self.fetch_offsets(context, coordinator),
            Step::Beat if self.epoch > 0 && known && context.chance(3) => {
                self.commit(context, coordinator)
            }
            Step::Beat => self.beat(context, coordinator, self.epoch),
            Step::Leave => {
                let for_a_while = self.instance.is_some();
                let epoch = if for_a_while { LEAVES_FOR_A_WHILE } else { LEAVES };
                self.beat(context, coordinator, epoch)
            }
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

    /// A heartbeat that says everything, so that every answer says everything, too.
    fn beat(&self, context: &mut Context, coordinator: i32, epoch: i32) -> Token {
        let owned: Vec<i32> = self.owned.iter().map(|owned| owned.0).collect();
        let mut partitions = Vec::new();
        if !owned.is_empty() {
            let of_topic = TopicPartitions::default().with_topic_id(self.topic_id);
            partitions.push(of_topic.with_partitions(owned.clone()));
        }
        let request = ConsumerGroupHeartbeatRequest::default()
            .with_group_id(GroupId(StrBytes::from_static_str(GROUP)))
            .with_member_id(self.member_id.clone())
            .with_member_epoch(epoch)
            .with_instance_id(self.instance.clone())
            .with_rebalance_timeout_ms(60_000)
            .with_subscribed_topic_names(Some(vec![topic()]))
            .with_topic_partitions(Some(partitions));
        let note = Note::ConsumerBeat(Beaten { member: self.member_id.clone(), epoch, owned });
        context.ask(coordinator, 1, &request, note, Duration::from_millis(600))
    }

    fn fetch_offsets(&self, context: &mut Context, coordinator: i32) -> Token {
        let owned = self.owned.iter().map(|owned| owned.0).collect();
        let topic = OffsetFetchRequestTopics::default().with_name(topic());
        let group = OffsetFetchRequestGroup::default()
            .with_group_id(GroupId(StrBytes::from_static_str(GROUP)))
            .with_topics(Some(vec![topic.with_partition_indexes(owned)]));
        let request = OffsetFetchRequest::default().with_groups(vec![group]);
        context.ask(coordinator, 9, &request, Note::FetchOffsets, Duration::from_millis(600))
    }

    fn commit(&mut self, context: &mut Context, coordinator: i32) -> Token {
        let mut offsets = Vec::new();
        for (partition, position) in &mut self.owned {
            if let Some(position) = position {
                *position += context.random.random_range(0..3);
                offsets.push((*partition, *position));
            }
        }
        let partitions = offsets.iter().map(|&(partition, position)| {
            OffsetCommitRequestPartition::default()
                .with_partition_index(partition)
                .with_committed_offset(position)
                .with_committed_leader_epoch(-1)
        });
        let of_topic = OffsetCommitRequestTopic::default().with_name(topic());
        let request = OffsetCommitRequest::default()
            .with_group_id(GroupId(StrBytes::from_static_str(GROUP)))
            .with_generation_id_or_member_epoch(self.epoch)
            .with_member_id(self.member_id.clone())
            .with_group_instance_id(self.instance.clone())
            .with_topics(vec![of_topic.with_partitions(partitions.collect())]);
        let note = Note::Commit(Committed { generation: self.epoch, offsets });
        context.ask(coordinator, 9, &request, note, Duration::from_millis(600))
    }

    fn refused(&mut self, code: i16) {
        use ResponseError::{FencedInstanceId, FencedMemberEpoch, UnknownMemberId};
        use ResponseError::{StaleMemberEpoch, UnreleasedInstanceId, UnstableOffsetCommit};
        self.steady = 0;
        let again = [StaleMemberEpoch, UnreleasedInstanceId, UnstableOffsetCommit];
        if self.step == Step::Leave && is(code, UnknownMemberId) {
            self.begin_anew();
            self.step = Step::Away;
        } else if is(code, UnknownMemberId) || is(code, FencedMemberEpoch) {
            self.reset();
            self.step = Step::Beat;
        } else if is(code, FencedInstanceId) {
            self.begin_anew();
            self.step = Step::Beat;
        } else if again.into_iter().any(|error| is(code, error)) {
            self.step = Step::Beat;
        } else {
            self.coordinator = None;
        }
    }

    fn beaten(&mut self, context: &mut Context, response: &ConsumerGroupHeartbeatResponse) {
        if response.error_code != 0 {
            return self.refused(response.error_code);
        }
        if self.step == Step::Leave {
            self.begin_anew();
            self.step = Step::Away;
            return;
        }
        self.epoch = response.member_epoch;
        if let Some(assignment) = &response.assignment {
            self.assigned(context, assignment.topic_partitions.iter());
        }
        self.steadily(context);
    }

    /// Takes what it may own. What it must give up it sometimes keeps until it is told again.
    fn assigned<'a>(
        &mut self,
        context: &mut Context,
        topics: impl Iterator<Item = &'a consumer_group_heartbeat_response::TopicPartitions>,
    ) {
        let mut wanted = Vec::new();
        for topic in topics {
            self.topic_id = topic.topic_id;
            wanted.extend_from_slice(&topic.partitions);
        }
        if self.owned.iter().any(|(owned, _)| !wanted.contains(owned)) && context.chance(3) {
            return;
        }
        let position = |partition: &i32| {
            let mut owned = self.owned.iter();
            owned.find(|owned| owned.0 == *partition).and_then(|owned| owned.1)
        };
        self.owned = wanted.iter().map(|partition| (*partition, position(partition))).collect();
    }

    fn steadily(&mut self, context: &mut Context) {
        self.steady += u32::from(self.finishing);
        self.step = match self.owned.iter().any(|(_, position)| position.is_none()) {
            true => Step::Resume,
            false => Step::Beat,
        };
        if !self.finishing && context.chance(12) {
            self.step = if context.chance(2) { Step::Leave } else { Step::Away };
        }
    }

    fn resumed(&mut self, response: &OffsetFetchResponse) {
        let group = response.groups.first();
        let code = group.map_or(0, |group| group.error_code);
        let parts: Vec<_> = group.iter().flat_map(|group| &group.topics).collect();
        let parts: Vec<_> = parts.into_iter().flat_map(|topic| &topic.partitions).collect();
        let code = parts.iter().map(|part| part.error_code).find(|&code| code != 0).unwrap_or(code);
        if code != 0 {
            return self.refused(code);
        }
        for (partition, position) in &mut self.owned {
            let part = parts.iter().find(|part| part.partition_index == *partition);
            *position = position.or(part.map(|part| part.committed_offset.max(0)));
        }
        self.step = Step::Beat;
    }

    fn take(&mut self, context: &mut Context, reply: &Reply) {
        match reply {
            Reply::FindCoordinator(response) => {
                let found = response.coordinators.first().filter(|found| found.error_code == 0);
                self.coordinator = found.map(|found| found.node_id.0);
                if self.coordinator.is_some() && self.step == Step::Find {
                    self.step = Step::Beat;
                }
            }
            Reply::ConsumerGroupHeartbeat(response) => self.beaten(context, response),
            Reply::OffsetFetch(response) => self.resumed(response),
            Reply::OffsetCommit(response) => {
                let mut parts = response.topics.iter().flat_map(|topic| &topic.partitions);
                match parts.find(|part| part.error_code != 0) {
                    Some(part) => self.refused(part.error_code),
                    None => self.steadily(context),
                }
            }
            _ => {}
        }
    }
}

impl Client for Consuming {
    fn wake(&mut self, context: &mut Context) {
        if self.waiting.is_some() {
            return;
        }
        if self.step == Step::Away {
            self.step = Step::Beat;
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
            Step::Beat => context.milliseconds(30..160),
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
