//! Produce: appended at the leader, acknowledged when the in-sync replicas have it.

use std::time::Duration;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::BrokerId;
use kafka_protocol::messages::produce_response::{
    LeaderIdAndEpoch, NodeEndpoint, PartitionProduceResponse, ProduceResponse, TopicProduceResponse,
};
use kafka_protocol::protocol::StrBytes;

use super::partition::Placed;
use super::{Answer, Cluster, Origin, PartitionKey, Timer};
use crate::coordinator::Ticket;
use crate::wire::{ProducePartition, ProduceTopic, ProduceWork, Response};

/// A Produce whose batches are appended but not yet on all in-sync replicas.
#[derive(Debug)]
pub(super) struct ParkedProduce {
    pub(super) broker: i32,
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

impl Cluster {
    pub(super) fn produce(
        &mut self,
        now: Duration,
        origin: &Origin,
        work: ProduceWork,
        answers: &mut Vec<Answer>,
    ) {
        let mut response = ProduceResponse::default();
        let mut waits = Vec::new();
        let (acks, transactional) = (work.acks, work.transactional);
        for topic in work.topics {
            let place = response.responses.len();
            let topic =
                self.produce_topic(now, origin, acks, transactional, topic, place, &mut waits);
            response.responses.push(topic);
        }
        self.add_endpoints(origin, &mut response);
        let deadline = now + Duration::from_millis(work.timeout_ms.max(0) as u64);
        let ticket = origin.ticket;
        if acks == 0 {
            let failed = errors(&response).any(|code| code != 0);
            let response = if failed { Response::Close } else { Response::Nothing };
            answers.push(Answer { ticket, response });
        } else if acks == 1 || waits.is_empty() {
            answers.push(Answer { ticket, response: Response::Produce(response) });
        } else {
            for wait in &waits {
                if let Some(partition) = self.topics.partition_mut(wait.key.0, wait.key.1) {
                    partition.produces.push(ticket);
                }
            }
            self.timers.insert((deadline, Timer::Produce(ticket)));
            let parked = ParkedProduce { broker: origin.broker, deadline, response, waits };
            self.produces.insert(ticket, parked);
        }
        self.settle(answers);
    }

    #[expect(clippy::too_many_arguments, reason = "a request's fields and where it came from")]
    fn produce_topic(
        &mut self,
        now: Duration,
        origin: &Origin,
        acks: i16,
        transactional: bool,
        topic: ProduceTopic,
        place: usize,
        waits: &mut Vec<Wait>,
    ) -> TopicProduceResponse {
        let by_id = origin.version >= 13;
        let index = match by_id {
            true => self.topics.index_of_id(&topic.id),
            false => self.topics.index(&topic.name),
        };
        let mut answer = TopicProduceResponse::default().with_name(topic.name);
        answer.topic_id = topic.id;
        for ProducePartition { index: partition, batches } in topic.partitions {
            let appended = match (index, batches) {
                _ if !matches!(acks, -1..=1) => Err(ResponseError::InvalidRequiredAcks),
                _ if transactional => Err(ResponseError::InvalidTxnState),
                (None, _) if by_id => Err(ResponseError::UnknownTopicId),
                (None, _) => Err(ResponseError::UnknownTopicOrPartition),
                (Some(_), Err(error)) => Err(error),
                (Some(topic), Ok(batches)) => {
                    self.append(now, origin.broker, (topic, partition), acks, batches)
                }
            };
            let mut part = PartitionProduceResponse::default().with_index(partition);
            part.base_offset = -1;
            part.log_append_time_ms = -1;
            part.log_start_offset = -1;
            match appended {
                Ok((placed, log_start, committed)) => {
                    part.base_offset = placed.base_offset;
                    part.log_start_offset = log_start;
                    if !committed {
                        let key = (index.unwrap_or_default(), partition);
                        let place = (place, answer.partition_responses.len());
                        waits.push(Wait { key, end: placed.end, place });
                    }
                }
                Err(error) => {
                    part.error_code = error.code();
                    part.current_leader = self.hint(error, index, partition);
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
        batches: Vec<crate::log::Batch>,
    ) -> Result<(Placed, i64, bool), ResponseError> {
        let unknown = ResponseError::UnknownTopicOrPartition;
        let topic = self.topics.get_mut(key.0).ok_or(unknown)?;
        let settings = &topic.settings;
        let position = usize::try_from(key.1).map_err(|_| unknown)?;
        let partition = topic.partitions.get_mut(position).ok_or(unknown)?;
        partition.check_leader(broker, -1)?;
        if batches.iter().any(|batch| batch.len() > settings.message_bytes_max) {
            return Err(ResponseError::MessageTooLarge);
        }
        if acks == -1 && !partition.enough_in_sync(settings.min_insync_replicas) {
            return Err(ResponseError::NotEnoughReplicas);
        }
        let appended = super::traffic::measure(&batches);
        let placed = partition.append(batches, now);
        self.replicated(key);
        let placed = placed?;
        self.count_in(broker, key, appended);
        let topic = self.topics.get_mut(key.0).ok_or(unknown)?;
        let (bytes_max, kept) = (topic.settings.retention_bytes, topic.settings.retention);
        let partition = topic.partitions.get_mut(position).ok_or(unknown)?;
        partition.retain(bytes_max, now.saturating_sub(kept));
        let committed = acks != -1 || partition.high_watermark() >= placed.end;
        Ok((placed, partition.log.start(), committed))
    }

    /// Runs replication for a partition and wakes who waited for what became visible.
    pub(super) fn replicated(&mut self, key: PartitionKey) {
        let brokers = &self.brokers;
        let alive = |id: i32| brokers.get(&id).is_some_and(super::brokers::Broker::is_alive);
        let Some(partition) = self.topics.partition_mut(key.0, key.1) else { return };
        let Some((from, to)) = partition.replicate(alive) else { return };
        let (stable_from, stable) = partition.stabilise();
        if partition.fetches.is_empty() {
            return;
        }
        let bytes = partition.log.bytes_between(from, to);
        let stable_bytes = match (stable_from, stable) == (from, to) {
            true => bytes,
            false => partition.log.bytes_between(stable_from, stable),
        };
        for ticket in &partition.fetches {
            if let Some(parked) = self.fetches.get_mut(ticket)
                && parked.gained(bytes, stable_bytes)
            {
                self.woken.push(*ticket);
            }
        }
    }

    /// Answers the parked Produces whose last wait is over.
    pub(super) fn settle_produces(&mut self, answers: &mut Vec<Answer>) {
        if self.produces.is_empty() {
            return;
        }
        let topics = &mut self.topics;
        let mut complete = Vec::new();
        for (&ticket, parked) in &mut self.produces {
            let response = &mut parked.response;
            parked.waits.retain(|wait| {
                let position = usize::try_from(wait.key.1).unwrap_or(usize::MAX);
                let topic = topics.get_mut(wait.key.0);
                let found = topic.and_then(|topic| {
                    let min_insync_replicas = topic.settings.min_insync_replicas;
                    Some((topic.partitions.get_mut(position)?, min_insync_replicas))
                });
                let Some((partition, min_insync_replicas)) = found else {
                    refuse(response, wait, ResponseError::UnknownTopicOrPartition);
                    return false;
                };
                if partition.high_watermark() < wait.end {
                    return true;
                }
                if !partition.enough_in_sync(min_insync_replicas) {
                    refuse(response, wait, ResponseError::NotEnoughReplicasAfterAppend);
                }
                partition.produces.retain(|&waiting| waiting != ticket);
                false
            });
            if parked.waits.is_empty() {
                complete.push(ticket);
            }
        }
        for ticket in complete {
            if let Some(parked) = self.unpark_produce(ticket) {
                answers.push(Answer { ticket, response: Response::Produce(parked.response) });
            }
        }
    }

    /// Leadership of a partition changed: what waits there is not known to be kept.
    pub(super) fn fail_produces(&mut self, key: PartitionKey, waiting: Vec<Ticket>) {
        for ticket in waiting {
            let Some(parked) = self.produces.get_mut(&ticket) else { continue };
            let ParkedProduce { response, waits, .. } = parked;
            waits.retain(|wait| {
                let failed = wait.key == key;
                if failed {
                    refuse(response, wait, ResponseError::NotLeaderOrFollower);
                }
                !failed
            });
        }
        if let Some(partition) = self.topics.partition_mut(key.0, key.1) {
            partition.produces.clear();
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

    fn hint(&self, error: ResponseError, topic: Option<u32>, partition: i32) -> LeaderIdAndEpoch {
        let hint = self.current_leader(error, topic, partition);
        hint.map_or_else(LeaderIdAndEpoch::default, |(id, epoch)| {
            LeaderIdAndEpoch::default().with_leader_id(BrokerId(id)).with_leader_epoch(epoch)
        })
    }

    /// The leader to tell a client that asked the wrong broker (KIP-951).
    pub(super) fn current_leader(
        &self,
        error: ResponseError,
        topic: Option<u32>,
        partition: i32,
    ) -> Option<(i32, i32)> {
        use ResponseError::{FencedLeaderEpoch, NotLeaderOrFollower};
        if !matches!(error, NotLeaderOrFollower | FencedLeaderEpoch) {
            return None;
        }
        let topic = self.topics.get(topic?)?;
        let partition = topic.partitions.get(usize::try_from(partition).ok()?)?;
        Some((partition.leader()?, partition.leader_epoch()))
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

fn refuse(response: &mut ProduceResponse, wait: &Wait, error: ResponseError) {
    let topic = response.responses.get_mut(wait.place.0);
    if let Some(part) = topic.and_then(|topic| topic.partition_responses.get_mut(wait.place.1)) {
        part.error_code = error.code();
        part.base_offset = -1;
        part.log_start_offset = -1;
    }
}

fn errors(response: &ProduceResponse) -> impl Iterator<Item = i16> {
    let topics = response.responses.iter();
    topics.flat_map(|topic| &topic.partition_responses).map(|part| part.error_code)
}
