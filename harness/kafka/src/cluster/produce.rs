//! Produce: appended at the leader, acknowledged when the in-sync replicas have it.

use std::time::Duration;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::BrokerId;
use kafka_protocol::messages::produce_response::{
    LeaderIdAndEpoch, NodeEndpoint, PartitionProduceResponse, ProduceResponse, TopicProduceResponse,
};
use kafka_protocol::protocol::StrBytes;

use super::partition::Placed;
use super::topics::Topics;
use super::{Answer, Cluster, Origin, PartitionKey, Timer};
use crate::coordinator::Ticket;
use crate::fault::Disk;
use crate::log::{Batch, Unfit};
use crate::wire::{ProducePartition, ProduceTopic, ProduceWork, Response};

mod rejection;

use rejection::Rejection;

/// A Produce whose batches are appended but not yet on all in-sync replicas.
#[derive(Debug)]
pub(super) struct ParkedProduce {
    pub(super) broker: i32,
    /// A slow disk is done with the append only then.
    not_before: Duration,
    deadline: Duration,
    response: ProduceResponse,
    waits: Vec<Wait>,
}

/// One partition of a parked Produce.
#[derive(Debug)]
struct Wait {
    key: PartitionKey,
    end: i64,
    /// Its place in the response: topic, partition.
    place: (usize, usize),
}

impl Wait {
    /// How the wait at `broker` ended, if it did.
    fn outcome(&self, broker: i32, topics: &Topics) -> Option<Result<(), ResponseError>> {
        let topic = topics.get(self.key.0);
        let position = usize::try_from(self.key.1).unwrap_or(usize::MAX);
        let found = topic.and_then(|topic| {
            let partition = topic.partitions.get(position)?;
            Some((
                partition.replica(broker)?,
                partition.registration.replicas.len(),
                &topic.settings,
            ))
        });
        let Some((replica, replicas, settings)) = found else {
            return Some(Err(ResponseError::UnknownTopicOrPartition));
        };
        if replica.high_watermark() < self.end {
            return None;
        }
        match replica.stays_in_sync(settings.min_insync_replicas.min(replicas)) {
            true => Some(Ok(())),
            false => Some(Err(ResponseError::NotEnoughReplicasAfterAppend)),
        }
    }
}

impl Cluster {
    pub(super) fn produce(
        &mut self,
        now: Duration,
        origin: &Origin,
        work: ProduceWork,
        answers: &mut Vec<Answer>,
    ) {
        if self.breaks(origin, &work) {
            return;
        }
        if let Some(work) = self.admit(origin, work) {
            self.produce_admitted(now, origin, work, answers);
            self.settle(answers);
        }
    }

    /// Whether nothing at all is sent for a partition that there is. Kafka's handler fails on it,
    /// and the client never hears of its request again.
    fn breaks(&self, origin: &Origin, work: &ProduceWork) -> bool {
        let missing = |part: &&ProducePartition| matches!(part.batches, Err(Unfit::Missing));
        work.topics.iter().any(|topic| {
            topic.partitions.iter().find(missing).is_some_and(|part| {
                let index = self.produce_topic_index(origin, topic);
                let known = index.and_then(|index| self.topics.get(index));
                known.is_some_and(|known| (0..known.partitions.len() as i32).contains(&part.index))
            })
        })
    }

    /// Produces what belongs to no transaction or to one that is under way.
    pub(super) fn produce_admitted(
        &mut self,
        now: Duration,
        origin: &Origin,
        work: ProduceWork,
        answers: &mut Vec<Answer>,
    ) {
        let mut response = ProduceResponse::default();
        let mut waits = Vec::new();
        let acks = work.acks;
        for topic in work.topics {
            let place = response.responses.len();
            let topic = self.produce_topic(now, origin, acks, topic, place, &mut waits);
            response.responses.push(topic);
        }
        self.add_endpoints(origin, &mut response);
        let deadline = now + Duration::from_millis(work.timeout_ms.max(0) as u64);
        let ticket = origin.ticket;
        let slow = self.brokers.get(&origin.broker).map(super::brokers::Broker::append_delay);
        let not_before = now + slow.unwrap_or_default();
        if acks == 0 {
            let failed = errors(&response).any(|code| code != 0);
            let response = if failed { Response::Close } else { Response::Nothing };
            answers.push(Answer { ticket, response });
        } else if acks == 1 || waits.is_empty() {
            let response = Response::Produce(response);
            self.hold(not_before, (ticket, origin.broker), response, answers);
        } else {
            for wait in &waits {
                if let Some(partition) = self.topics.partition_mut(wait.key.0, wait.key.1) {
                    partition.produces.push(ticket);
                }
            }
            self.timers.insert((deadline, Timer::Produce(ticket)));
            let broker = origin.broker;
            let parked = ParkedProduce { broker, not_before, deadline, response, waits };
            self.produces.insert(ticket, parked);
        }
    }

    fn produce_topic(
        &mut self,
        now: Duration,
        origin: &Origin,
        acks: i16,
        topic: ProduceTopic,
        place: usize,
        waits: &mut Vec<Wait>,
    ) -> TopicProduceResponse {
        let by_id = origin.version >= 13;
        let index = self.produce_topic_index(origin, &topic);
        let mut answer = TopicProduceResponse::default().with_name(topic.name);
        answer.topic_id = topic.id;
        for ProducePartition { index: partition, batches } in topic.partitions {
            let appended = match index {
                _ if !matches!(acks, -1..=1) => Err(ResponseError::InvalidRequiredAcks.into()),
                None if by_id => Err(ResponseError::UnknownTopicId.into()),
                None => Err(ResponseError::UnknownTopicOrPartition.into()),
                Some(topic) => self.append(now, origin.broker, (topic, partition), acks, batches),
            };
            let mut part = PartitionProduceResponse::default().with_index(partition);
            part.base_offset = -1;
            part.log_append_time_ms = -1;
            part.log_start_offset = -1;
            match appended {
                Ok((placed, log_start, committed)) => {
                    part.base_offset = placed.base_offset;
                    part.log_append_time_ms = placed.stamped_ms;
                    part.log_start_offset = log_start;
                    if !committed {
                        let key = (index.unwrap_or_default(), partition);
                        let place = (place, answer.partition_responses.len());
                        waits.push(Wait { key, end: placed.end, place });
                    }
                }
                Err(rejection) => {
                    part.current_leader = self.hint(rejection.error, origin, index, partition);
                    rejection.tell(&mut part);
                }
            }
            answer.partition_responses.push(part);
        }
        answer
    }

    /// Appends to one partition. Gives where, the log's start, and whether all in-sync replicas
    /// have it.
    fn append(
        &mut self,
        now: Duration,
        broker: i32,
        key: PartitionKey,
        acks: i16,
        batches: Result<Vec<Batch>, Unfit>,
    ) -> Result<(Placed, i64, bool), Rejection> {
        let unix_ms = self.told_unix_ms(now);
        let unknown = ResponseError::UnknownTopicOrPartition;
        let stale = self.brokers.get(&broker).is_some_and(|broker| broker.stale.is_some());
        let topic = self.topics.get(key.0).ok_or(unknown)?;
        if stale && !self.topic_seen(broker, topic.id) {
            return Err(unknown.into());
        }
        let topic = self.topics.get_mut(key.0).ok_or(unknown)?;
        let settings = &topic.settings;
        let position = usize::try_from(key.1).map_err(|_| unknown)?;
        let partition = topic.partitions.get_mut(position).ok_or(unknown)?;
        let replicas = partition.registration.replicas.len();
        if let Err(Unfit::Sent(error)) = batches {
            return Err(error.into());
        }
        Self::refuse_internal(&topic.name)?;
        let replica = partition.led_mut(broker)?;
        if self.brokers.get(&broker).is_some_and(|broker| broker.disk == Disk::Full) {
            self.fail_directory(broker);
            return Err(ResponseError::KafkaStorageError.into());
        }
        let start = replica.log.start();
        let refuse = |error| Rejection::from_log(start, error);
        if acks == -1 && !replica.enough_in_sync(settings.min_insync_replicas.min(replicas)) {
            return Err(refuse(ResponseError::NotEnoughReplicas));
        }
        let mut batches = batches.map_err(|unfit| refuse(unfit.error()))?;
        if batches.iter().any(|batch| batch.len() > settings.message_bytes_max) {
            return Err(refuse(ResponseError::MessageTooLarge));
        }
        for batch in &mut batches {
            let fits = settings.rules.check(batch, unix_ms);
            fits.map_err(|refused| Rejection::of_records(start, refused))?;
            if settings.rules.stamps {
                batch.stamp(unix_ms.unwrap_or_else(|| millis(now)));
            }
        }
        let (bytes_max, kept) = (settings.retention_bytes, settings.retention);
        let appended = super::traffic::measure(&batches);
        let placed = replica.append(batches, now);
        self.replicated(key, broker);
        let placed = placed.map_err(refuse)?;
        self.count_in(broker, key, appended);
        let partition = self.topics.partition_mut(key.0, key.1).ok_or(unknown)?;
        partition.retain(bytes_max, now.saturating_sub(kept));
        let replica = partition.replica(broker).ok_or(unknown)?;
        let committed = acks != -1 || replica.high_watermark() >= placed.end;
        Ok((placed, replica.log.start(), committed))
    }

    /// Answers the parked Produces whose last wait is over.
    pub(super) fn settle_produces(&mut self, answers: &mut Vec<Answer>) {
        for ticket in std::mem::take(&mut self.acknowledged) {
            let Some(parked) = self.produces.get_mut(&ticket) else { continue };
            let ParkedProduce { broker, response, waits, .. } = parked;
            let topics = &mut self.topics;
            waits.retain(|wait| match wait.outcome(*broker, topics) {
                None => true,
                Some(outcome) => {
                    if let Err(error) = outcome {
                        refuse(response, wait, error);
                    }
                    if let Some(partition) = topics.partition_mut(wait.key.0, wait.key.1) {
                        partition.produces.retain(|&waiting| waiting != ticket);
                    }
                    false
                }
            });
            if waits.is_empty()
                && let Some(parked) = self.unpark_produce(ticket)
            {
                let response = Response::Produce(parked.response);
                self.hold(parked.not_before, (ticket, parked.broker), response, answers);
            }
        }
    }

    /// Leadership of a partition ended where `waiting` wait: what they wrote is not known to be
    /// kept.
    pub(super) fn fail_produces(
        &mut self,
        key: PartitionKey,
        waiting: Vec<Ticket>,
        error: ResponseError,
    ) {
        for ticket in waiting {
            let Some(parked) = self.produces.get_mut(&ticket) else { continue };
            let ParkedProduce { response, waits, .. } = parked;
            waits.retain(|wait| {
                let failed = wait.key == key;
                if failed {
                    refuse(response, wait, error);
                }
                !failed
            });
            if let Some(partition) = self.topics.partition_mut(key.0, key.1) {
                partition.produces.retain(|&other| other != ticket);
            }
            self.acknowledged.push(ticket);
        }
    }

    pub(super) fn expire_produce(&mut self, ticket: Ticket, answers: &mut Vec<Answer>) {
        if let Some(mut parked) = self.unpark_produce(ticket) {
            for wait in &parked.waits {
                refuse(&mut parked.response, wait, ResponseError::RequestTimedOut);
            }
            answers.push(Answer { ticket, response: Response::Produce(parked.response) });
        }
    }

    pub(super) fn unpark_produce(&mut self, ticket: Ticket) -> Option<ParkedProduce> {
        let parked = self.produces.remove(&ticket)?;
        self.timers.remove(&(parked.deadline, Timer::Produce(ticket)));
        for wait in &parked.waits {
            if let Some(partition) = self.topics.partition_mut(wait.key.0, wait.key.1) {
                partition.produces.retain(|&waiting| waiting != ticket);
            }
        }
        Some(parked)
    }

    fn hint(
        &self,
        error: ResponseError,
        origin: &Origin,
        topic: Option<u32>,
        partition: i32,
    ) -> LeaderIdAndEpoch {
        let hint = self.current_leader(error, origin, topic, partition);
        hint.map_or_else(LeaderIdAndEpoch::default, |(id, epoch)| {
            LeaderIdAndEpoch::default().with_leader_id(BrokerId(id)).with_leader_epoch(epoch)
        })
    }

    /// The leader to tell a client that asked the wrong broker (KIP-951).
    pub(super) fn current_leader(
        &self,
        error: ResponseError,
        origin: &Origin,
        topic: Option<u32>,
        partition: i32,
    ) -> Option<(i32, i32)> {
        use ResponseError::{FencedLeaderEpoch, NotLeaderOrFollower};
        if !matches!(error, NotLeaderOrFollower | FencedLeaderEpoch) {
            return None;
        }
        let topic = self.topics.get(topic?)?;
        let state = topic.partitions.get(usize::try_from(partition).ok()?)?;
        let record = self.record_seen(origin.broker, topic.id, partition, state)?;
        Some((record.leader?, record.leader_epoch))
    }

    fn add_endpoints(&self, origin: &Origin, response: &mut ProduceResponse) {
        if origin.version < 10 {
            return;
        }
        let parts = response.responses.iter().flat_map(|topic| &topic.partition_responses);
        let mut leaders: Vec<i32> =
            parts.map(|part| part.current_leader.leader_id.0).filter(|&id| id >= 0).collect();
        leaders.sort_unstable();
        leaders.dedup();
        response.node_endpoints = leaders
            .into_iter()
            .filter_map(|id| Some((id, self.endpoint(id, origin.listener)?)))
            .map(|(id, (host, port))| {
                NodeEndpoint::default()
                    .with_node_id(BrokerId(id))
                    .with_host(StrBytes::from_string(host))
                    .with_port(port)
            })
            .collect();
    }
}

/// The append is there, whatever becomes of it: its offsets are told with the error, as in Kafka.
fn refuse(response: &mut ProduceResponse, wait: &Wait, error: ResponseError) {
    let topic = response.responses.get_mut(wait.place.0);
    if let Some(part) = topic.and_then(|topic| topic.partition_responses.get_mut(wait.place.1)) {
        part.error_code = error.code();
    }
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

fn errors(response: &ProduceResponse) -> impl Iterator<Item = i16> {
    let topics = response.responses.iter();
    topics.flat_map(|topic| &topic.partition_responses).map(|part| part.error_code)
}
