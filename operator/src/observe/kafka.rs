//! Offsets from Kafka brokers. The client's calls block, so they run on blocking threads, each
//! with a short time limit and never two for one job at once. A client belongs to a bootstrap
//! address and a group, because it reads the offsets of the group it is configured with.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tokio::sync::Semaphore;

use super::offsets::{OffsetSource, Offsets, OffsetsError, PartitionOffsets};
use crate::crd::KafkaSource;

/// The `client.id` of the operator's clients of brokers.
pub const CLIENT_ID: &str = "operator/lag";

/// Limit for each of the at most four questions of one look.
const TIMEOUT: Duration = Duration::from_millis(1500);
/// Limit for the whole look, after which the job goes on without.
const PATIENCE: Duration = Duration::from_secs(4);
/// Clients kept.
const CLIENTS_MAX: usize = 256;
/// Events taken from a client at each look, so that they do not pile up in it.
const EVENTS_MAX: usize = 64;

/// Offsets from Kafka brokers, with one client for each bootstrap address and group.
#[derive(Default)]
pub struct KafkaOffsets {
    clients: Mutex<Clients>,
}

#[derive(Default)]
struct Clients {
    kept: HashMap<(String, String), Kept>,
    uses: u64,
}

struct Kept {
    client: Arc<GroupClient>,
    last_use: u64,
}

struct GroupClient {
    consumer: BaseConsumer,
    /// One permit: the question that is open.
    open: Arc<Semaphore>,
}

impl OffsetSource for KafkaOffsets {
    fn offsets<'a>(
        &'a self,
        source: &'a KafkaSource,
    ) -> BoxFuture<'a, Result<Offsets, OffsetsError>> {
        async move {
            let client = self.client(source)?;
            let permit = client.open.clone().try_acquire_owned().map_err(|_| OffsetsError::Busy)?;
            let source = source.clone();
            let question = tokio::task::spawn_blocking(move || {
                let answer = client.ask(&source);
                drop(permit);
                answer
            });
            match tokio::time::timeout(PATIENCE, question).await {
                Ok(Ok(answer)) => answer,
                Ok(Err(_)) | Err(_) => Err(OffsetsError::Busy),
            }
        }
        .boxed()
    }
}

impl KafkaOffsets {
    fn client(&self, source: &KafkaSource) -> Result<Arc<GroupClient>, OffsetsError> {
        let key = (source.bootstrap_servers.clone(), source.group.clone());
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        clients.uses += 1;
        let last_use = clients.uses;
        if let Some(kept) = clients.kept.get_mut(&key) {
            kept.last_use = last_use;
            return Ok(kept.client.clone());
        }
        let client = Arc::new(GroupClient::new(source)?);
        if clients.kept.len() >= CLIENTS_MAX {
            let oldest = clients.kept.iter().min_by_key(|(_, kept)| kept.last_use);
            if let Some(key) = oldest.map(|(key, _)| key.clone()) {
                let dropped = clients.kept.remove(&key);
                // Closing a client waits for its threads.
                tokio::task::spawn_blocking(move || drop(dropped));
            }
        }
        clients.kept.insert(key, Kept { client: client.clone(), last_use });
        Ok(client)
    }
}

impl GroupClient {
    fn new(source: &KafkaSource) -> Result<Self, OffsetsError> {
        let consumer = ClientConfig::new()
            .set("bootstrap.servers", &source.bootstrap_servers)
            .set("group.id", &source.group)
            .set("client.id", CLIENT_ID)
            .set("enable.auto.commit", "false")
            .set("allow.auto.create.topics", "false")
            // The end of a partition is its high watermark, whatever transactions are open.
            .set("isolation.level", "read_uncommitted")
            .set("socket.timeout.ms", "1500")
            .set("socket.connection.setup.timeout.ms", "1500")
            .set("reconnect.backoff.ms", "50")
            .set("reconnect.backoff.max.ms", "1000")
            .create()
            .map_err(|error: rdkafka::error::KafkaError| OffsetsError::Client {
                bootstrap: source.bootstrap_servers.clone(),
                reason: error.to_string(),
            })?;
        Ok(Self { consumer, open: Arc::new(Semaphore::new(1)) })
    }

    /// Blocks for at most four times the limit.
    fn ask(&self, source: &KafkaSource) -> Result<Offsets, OffsetsError> {
        let answer = self.read(source);
        for _ in 0..EVENTS_MAX {
            if self.consumer.poll(Duration::ZERO).is_none() {
                break;
            }
        }
        answer
    }

    fn read(&self, source: &KafkaSource) -> Result<Offsets, OffsetsError> {
        let count = self.partitions(source)?;
        let blank = || {
            let mut list = TopicPartitionList::with_capacity(count);
            for partition in 0..count {
                // Counts come from an i32 in the protocol.
                list.add_partition(&source.topic, partition as i32);
            }
            list
        };
        let committed = self
            .consumer
            .committed_offsets(blank(), TIMEOUT)
            .map_err(|error| refused(source, "committed offsets", &error))?;
        let committed = positions(&committed, count);
        let ends = self.bounds(source, blank(), Offset::End, "end offsets")?;
        let starts = if committed.contains(&None) {
            self.bounds(source, blank(), Offset::Beginning, "start offsets")?
        } else {
            vec![None; count]
        };
        let mut partitions = Vec::with_capacity(count);
        for ((end, committed), start) in ends.into_iter().zip(committed).zip(starts) {
            let end = end.ok_or_else(|| OffsetsError::Brokers {
                bootstrap: source.bootstrap_servers.clone(),
                what: "end offsets",
                reason: "a partition has no leader".to_owned(),
            })?;
            partitions.push(PartitionOffsets { end, next: committed.or(start).unwrap_or(end) });
        }
        Ok(Offsets { partitions })
    }

    fn partitions(&self, source: &KafkaSource) -> Result<usize, OffsetsError> {
        let metadata = self
            .consumer
            .fetch_metadata(Some(&source.topic), TIMEOUT)
            .map_err(|error| refused(source, "metadata", &error))?;
        let unknown = |reason: &str| OffsetsError::Topic {
            topic: source.topic.clone(),
            reason: reason.to_owned(),
        };
        let topic = metadata.topics().first().ok_or_else(|| unknown("is not known"))?;
        if let Some(error) = topic.error() {
            return Err(unknown(&rdkafka::types::RDKafkaErrorCode::from(error).to_string()));
        }
        match topic.partitions().len() {
            0 => Err(unknown("has no partitions")),
            count => Ok(count),
        }
    }

    /// Asks every leader once for the first or last offset of its partitions: the wire format
    /// marks both by the same special numbers that stand for them in a list.
    fn bounds(
        &self,
        source: &KafkaSource,
        mut list: TopicPartitionList,
        bound: Offset,
        what: &'static str,
    ) -> Result<Vec<Option<i64>>, OffsetsError> {
        let count = list.count();
        let answer = list
            .set_all_offsets(bound)
            .and_then(|()| self.consumer.offsets_for_times(list, TIMEOUT))
            .map_err(|error| refused(source, what, &error))?;
        Ok(positions(&answer, count))
    }
}

fn refused(
    source: &KafkaSource,
    what: &'static str,
    error: &rdkafka::error::KafkaError,
) -> OffsetsError {
    let reason =
        error.rdkafka_error_code().map_or_else(|| error.to_string(), |code| code.to_string());
    OffsetsError::Brokers { bootstrap: source.bootstrap_servers.clone(), what, reason }
}

/// Offsets by partition number; `None` where the answer has none.
fn positions(list: &TopicPartitionList, count: usize) -> Vec<Option<i64>> {
    let mut positions = vec![None; count];
    for element in list.elements() {
        let place = usize::try_from(element.partition()).ok().and_then(|p| positions.get_mut(p));
        let Some(place) = place else { continue };
        if let (Ok(()), Offset::Offset(offset)) = (element.error(), element.offset()) {
            *place = Some(offset);
        }
    }
    positions
}
