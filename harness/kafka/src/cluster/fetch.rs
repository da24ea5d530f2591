//! Fetch: answered when there is enough to read, when something is wrong, or when its time is up.

use std::time::Duration;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::FetchRequest;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};

use super::fetch_sessions::{Context, FetchSessions};
use super::partition::replica::Replica;
use super::{Answer, Cluster, Origin, Timer};
use crate::coordinator::Ticket;
use crate::wire::{FetchAnswer, FetchedPartition, FetchedTopic, Response};

/// The isolation level of a client that reads committed records only.
pub(super) const READ_COMMITTED: i8 = 1;

/// From this version on a consumer's fetch is served by followers too (KIP-392).
const FOLLOWERS_SERVE: i16 = 11;

/// From this version on a replica says who it is in a tag (KIP-903).
const REPLICA_STATE: i16 = 15;

/// The default of `fetch.max.bytes`, which bounds every answer but for its first batch.
const FETCH_BYTES_MAX: usize = 55 << 20;

/// Errors of a session, which have no partition.
const OF_SESSIONS: [ResponseError; 3] = [
    ResponseError::FetchSessionIdNotFound,
    ResponseError::InvalidFetchSessionEpoch,
    ResponseError::FetchSessionTopicIdError,
];

/// A copy to read from, and where the reader's log leaves it: the last common epoch and its end.
type Readable<'a> = (&'a Replica, Option<(i32, i64)>);

/// A Fetch that waits for records.
#[derive(Debug)]
pub(super) struct ParkedFetch {
    pub(super) broker: i32,
    origin: Origin,
    request: FetchRequest,
    context: Context,
    deadline: Duration,
    bytes_missing: usize,
}

impl ParkedFetch {
    /// So many bytes more can be read, and so many of committed records; whether that is enough.
    pub(super) fn gained(&mut self, visible: usize, stable: usize) -> bool {
        let committed = self.request.isolation_level == READ_COMMITTED;
        let bytes = if committed { stable } else { visible };
        self.bytes_missing = self.bytes_missing.saturating_sub(bytes);
        self.bytes_missing == 0
    }
}

impl Cluster {
    pub(super) fn fetch(
        &mut self,
        now: Duration,
        origin: &Origin,
        mut request: FetchRequest,
        answers: &mut Vec<Answer>,
    ) {
        let context = match self.sessions(origin.broker).open(now, origin.version, &mut request) {
            Ok(context) => context,
            Err(error) => {
                let response = Response::Fetch(FetchAnswer::refused(error));
                answers.push(Answer { ticket: origin.ticket, response });
                return;
            }
        };
        let mut answer = self.read(origin, &request);
        let enough = usize::try_from(request.min_bytes).unwrap_or(0);
        let bytes = answer.bytes();
        let complete =
            bytes >= enough || answer.failed() || answer.diverges() || answer.topics.is_empty();
        if complete || request.max_wait_ms <= 0 {
            self.finish(origin, context, &request, &mut answer);
            let response = Response::Fetch(answer);
            answers.push(Answer { ticket: origin.ticket, response });
            return;
        }
        let deadline = now + Duration::from_millis(request.max_wait_ms as u64);
        self.timers.insert((deadline, Timer::Fetch(origin.ticket)));
        self.each_partition(origin.version, &request, |parked| parked.push(origin.ticket));
        let parked = ParkedFetch {
            broker: origin.broker,
            origin: origin.clone(),
            request,
            context,
            deadline,
            bytes_missing: enough - bytes,
        };
        self.fetches.insert(origin.ticket, parked);
    }

    /// Every partition that the request or its session names is answered with an error; one that
    /// is about sessions is the error of the whole.
    pub(super) fn refuse_fetch(
        &mut self,
        origin: &Origin,
        mut request: FetchRequest,
        error: ResponseError,
    ) -> Response {
        if OF_SESSIONS.contains(&error) {
            return Response::Fetch(FetchAnswer::refused(error));
        }
        let now = self.now;
        let context = match self.sessions(origin.broker).open(now, origin.version, &mut request) {
            Ok(context) => context,
            Err(error) => return Response::Fetch(FetchAnswer::refused(error)),
        };
        let mut answer = FetchAnswer::default();
        for topic in &request.topics {
            let partitions = topic.partitions.iter().map(|wanted| FetchedPartition {
                error_code: error.code(),
                ..FetchedPartition::nothing(wanted.partition)
            });
            let partitions = partitions.collect();
            let (name, id) = (topic.topic.clone(), topic.topic_id);
            answer.topics.push(FetchedTopic { name, id, partitions });
        }
        self.finish(origin, context, &request, &mut answer);
        Response::Fetch(answer)
    }

    /// Answers a parked fetch with what there is.
    pub(super) fn answer_fetch(&mut self, ticket: Ticket, answers: &mut Vec<Answer>) {
        if let Some(parked) = self.unpark_fetch(ticket) {
            let ParkedFetch { origin, request, context, .. } = &parked;
            let mut answer = self.read(origin, request);
            self.finish(origin, *context, request, &mut answer);
            let response = Response::Fetch(answer);
            answers.push(Answer { ticket, response });
        }
    }

    pub(super) fn unpark_fetch(&mut self, ticket: Ticket) -> Option<ParkedFetch> {
        let parked = self.fetches.remove(&ticket)?;
        self.timers.remove(&(parked.deadline, Timer::Fetch(ticket)));
        self.each_partition(parked.origin.version, &parked.request, |waiting| {
            waiting.retain(|&other| other != ticket);
        });
        Some(parked)
    }

    fn each_partition(
        &mut self,
        version: i16,
        request: &FetchRequest,
        change: impl Fn(&mut Vec<Ticket>),
    ) {
        for topic in &request.topics {
            let Some(index) = self.fetch_topic(version, topic) else { continue };
            for wanted in &topic.partitions {
                if let Some(partition) = self.topics.partition_mut(index, wanted.partition) {
                    change(&mut partition.fetches);
                }
            }
        }
    }

    fn fetch_topic(&self, version: i16, topic: &FetchTopic) -> Option<u32> {
        match version {
            13.. => self.topics.index_of_id(&topic.topic_id),
            _ => self.topics.index(&topic.topic),
        }
    }

    /// Counts an answer and makes it one of its session.
    fn finish(
        &mut self,
        origin: &Origin,
        context: Context,
        request: &FetchRequest,
        answer: &mut FetchAnswer,
    ) {
        self.count_out(origin, answer);
        let (now, version) = (self.now, origin.version);
        self.sessions(origin.broker).close(now, version, context, request, answer);
        self.add_fetch_endpoints(origin, answer);
    }

    /// The fetch sessions of a broker.
    fn sessions(&mut self, broker: i32) -> &mut FetchSessions {
        let seed = self.config.seed;
        self.fetch_sessions.entry(broker).or_insert_with(|| FetchSessions::new(seed, broker))
    }

    /// Reads all partitions of a request as they are now.
    fn read(&self, origin: &Origin, request: &FetchRequest) -> FetchAnswer {
        let mut answer = FetchAnswer::default();
        let mut left = usize::try_from(request.max_bytes).unwrap_or(0).min(FETCH_BYTES_MAX);
        let mut nothing_yet = true;
        let committed = request.isolation_level == READ_COMMITTED;
        let replica = match origin.version {
            REPLICA_STATE.. => request.replica_state.replica_id.0,
            _ => request.replica_id.0,
        };
        for topic in &request.topics {
            let index = self.fetch_topic(origin.version, topic);
            let partitions = topic.partitions.iter().map(|wanted| {
                let bounds = (left, nothing_yet);
                let who = (replica, committed);
                let read = self.read_partition(origin, index, wanted, bounds, who);
                let bytes = read.bytes();
                left = left.saturating_sub(bytes);
                nothing_yet &= bytes == 0;
                read
            });
            let partitions = partitions.collect();
            let (name, id) = (topic.topic.clone(), topic.topic_id);
            answer.topics.push(FetchedTopic { name, id, partitions });
        }
        answer
    }

    fn read_partition(
        &self,
        origin: &Origin,
        topic: Option<u32>,
        wanted: &FetchPartition,
        (left, first_whole): (usize, bool),
        (replica, committed): (i32, bool),
    ) -> FetchedPartition {
        let mut read = FetchedPartition::nothing(wanted.partition);
        let readable = self.readable(origin, topic, wanted, replica);
        let refused = match readable {
            Ok((partition, diverging)) => {
                read.high_watermark = partition.high_watermark();
                read.last_stable = partition.last_stable();
                read.log_start = partition.log.start();
                if diverging.is_some() {
                    read.diverging = diverging;
                    return read;
                }
                let bytes_max = usize::try_from(wanted.partition_max_bytes).unwrap_or(0).min(left);
                let until = if committed { read.last_stable } else { read.high_watermark };
                let from = wanted.fetch_offset;
                if from < until && (left > 0 || first_whole) {
                    let batches = partition.log.read(from, until, bytes_max, first_whole);
                    read.batches = batches.cloned().collect();
                    read.torn = partition.log.torn(&read.batches, until, bytes_max);
                }
                if committed {
                    let end = read.batches.last().map_or(from, |batch| batch.last_offset() + 1);
                    read.aborted = Some(partition.log.aborted(from, end));
                }
                return read;
            }
            Err(error) => error,
        };
        // What the metadata does not know is answered before any log is read: with an empty list.
        let unknown = [ResponseError::UnknownTopicId, ResponseError::UnknownTopicOrPartition];
        read.aborted = unknown.contains(&refused).then(Vec::new);
        read.error_code = refused.code();
        read.current_leader = self.current_leader(refused, origin, topic, wanted.partition);
        read
    }

    fn readable(
        &self,
        origin: &Origin,
        topic: Option<u32>,
        wanted: &FetchPartition,
        reader: i32,
    ) -> Result<Readable<'_>, ResponseError> {
        let unknown = match origin.version {
            13.. if topic.is_none() => ResponseError::UnknownTopicId,
            _ => ResponseError::UnknownTopicOrPartition,
        };
        let topic = topic.and_then(|topic| self.topics.get(topic)).ok_or(unknown)?;
        let position = usize::try_from(wanted.partition).map_err(|_| unknown)?;
        let partition = topic.partitions.get(position).ok_or(unknown)?;
        if !self.topic_seen(origin.broker, topic.id) {
            return Err(unknown);
        }
        let epoch = wanted.current_leader_epoch;
        let replica = match origin.version >= FOLLOWERS_SERVE && reader < 0 {
            true => partition.kept(origin.broker, epoch)?,
            false => partition.led(origin.broker, epoch)?,
        };
        if reader >= 0 && partition.replica(reader).is_none() {
            return Err(ResponseError::NotLeaderOrFollower);
        }
        let diverges = wanted.last_fetched_epoch >= 0 && wanted.fetch_offset >= replica.log.start();
        let known = replica.log.start()..=replica.log.end();
        if !known.contains(&wanted.fetch_offset) && !diverges {
            return Err(ResponseError::OffsetOutOfRange);
        }
        let diverging = replica.divergence(wanted.last_fetched_epoch, wanted.fetch_offset)?;
        Ok((replica, diverging))
    }

    fn add_fetch_endpoints(&self, origin: &Origin, answer: &mut FetchAnswer) {
        if origin.version < 16 {
            return;
        }
        let parts = answer.topics.iter().flat_map(|topic| &topic.partitions);
        let mut leaders: Vec<i32> =
            parts.filter_map(|part| part.current_leader.map(|(id, _)| id)).collect();
        leaders.sort_unstable();
        leaders.dedup();
        answer.endpoints = leaders
            .into_iter()
            .filter_map(|id| {
                let (host, port) = self.endpoint(id, origin.listener)?;
                Some((id, host, port))
            })
            .collect();
    }
}
