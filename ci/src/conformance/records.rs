//! Writing and reading records in one line each.

use bytes::Bytes;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::fetch_response::PartitionData;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::produce_response::PartitionProduceResponse;
use kafka_protocol::messages::{BrokerId, FetchRequest, ProduceRequest, TransactionalId};

use super::batch::summary;
use super::context::Context;
use super::names::{error, text, topic_name};

/// A produce request for one partition.
pub(crate) fn produce_request(
    acks: i16,
    topic: &str,
    partition: i32,
    records: Bytes,
) -> ProduceRequest {
    let data = PartitionProduceData::default().with_index(partition).with_records(Some(records));
    let topic =
        TopicProduceData::default().with_name(topic_name(topic)).with_partition_data(vec![data]);
    ProduceRequest::default()
        .with_transactional_id(None)
        .with_acks(acks)
        .with_timeout_ms(10_000)
        .with_topic_data(vec![topic])
}

/// A fetch request for one partition, outside of any session, that does not wait.
pub(crate) fn fetch_request(topic: &str, partition: i32, offset: i64) -> FetchRequest {
    let wanted = FetchPartition::default()
        .with_partition(partition)
        .with_fetch_offset(offset)
        .with_current_leader_epoch(-1)
        .with_partition_max_bytes(1 << 20);
    let topic = FetchTopic::default().with_topic(topic_name(topic)).with_partitions(vec![wanted]);
    FetchRequest::default()
        .with_min_bytes(0)
        .with_max_wait_ms(0)
        .with_max_bytes(50 << 20)
        .with_session_epoch(-1)
        .with_replica_id(BrokerId(-1))
        .with_topics(vec![topic])
}

/// The answer for a produced partition in words.
pub(crate) fn produced(answer: &PartitionProduceResponse) -> String {
    let places = answer.record_errors.iter().map(|error| error.batch_index.to_string());
    let places = places.collect::<Vec<_>>().join(" ");
    let places = if places.is_empty() { places } else { format!(", records {places}") };
    let stamped = if answer.log_append_time_ms == -1 { "" } else { ", stamped by the broker" };
    let (base, start) = (answer.base_offset, answer.log_start_offset);
    format!("{} at {base}, log from {start}{places}{stamped}", error(answer.error_code))
}

/// The answer for a fetched partition in words.
pub(crate) fn fetched(answer: &PartitionData) -> String {
    let (high, stable) = (answer.high_watermark, answer.last_stable_offset);
    let aborted = answer.aborted_transactions.as_ref().map_or(String::new(), |aborted| {
        let firsts = aborted.iter().map(|one| one.first_offset.to_string());
        format!(", aborted from [{}]", firsts.collect::<Vec<_>>().join(", "))
    });
    let diverging = match answer.diverging_epoch.epoch {
        -1 => String::new(),
        epoch => format!(", diverging {epoch} at {}", answer.diverging_epoch.end_offset),
    };
    let records = summary(answer.records.clone());
    format!(
        "{} {records} up to {stable}/{high}, log from {}{aborted}{diverging}",
        error(answer.error_code),
        answer.log_start_offset
    )
}

impl Context<'_> {
    /// Produces to the partition's leader with `acks=all`.
    pub(crate) fn write(
        &mut self,
        topic: &str,
        partition: i32,
        records: Bytes,
    ) -> anyhow::Result<String> {
        let leader = self.leader(topic, partition)?;
        self.produce(leader, -1, topic, partition, records)
    }

    /// Produces to this broker.
    pub(crate) fn produce(
        &mut self,
        broker: i32,
        acks: i16,
        topic: &str,
        partition: i32,
        records: Bytes,
    ) -> anyhow::Result<String> {
        let request = produce_request(acks, topic, partition, records);
        let answer = self.ask(broker, 11, &request)?;
        Ok(produced(&answer.responses[0].partition_responses[0]))
    }

    /// Produces a batch of a transaction to the partition's leader.
    pub(crate) fn write_transactional(
        &mut self,
        version: i16,
        transactional_id: &str,
        topic: &str,
        records: Bytes,
    ) -> anyhow::Result<String> {
        let leader = self.leader(topic, 0)?;
        let request = produce_request(-1, topic, 0, records)
            .with_transactional_id(Some(TransactionalId(text(transactional_id))));
        let answer = self.ask(leader, version, &request)?;
        Ok(produced(&answer.responses[0].partition_responses[0]))
    }

    /// Fetches from the partition's leader, at once, uncommitted records too.
    pub(crate) fn read(
        &mut self,
        topic: &str,
        partition: i32,
        offset: i64,
    ) -> anyhow::Result<String> {
        let leader = self.leader(topic, partition)?;
        self.fetch(leader, &fetch_request(topic, partition, offset))
    }

    /// The answer for the first partition of a fetch request, or the whole request's error.
    pub(crate) fn fetch(&mut self, broker: i32, request: &FetchRequest) -> anyhow::Result<String> {
        let answer = self.ask(broker, 12, request)?;
        let first = answer.responses.first().and_then(|topic| topic.partitions.first());
        Ok(first.map_or_else(|| format!("all: {}", error(answer.error_code)), fetched))
    }

    /// Fetches as a reader of committed records does, from the leader.
    pub(crate) fn read_committed(&mut self, topic: &str, offset: i64) -> anyhow::Result<String> {
        let leader = self.leader(topic, 0)?;
        self.fetch(leader, &fetch_request(topic, 0, offset).with_isolation_level(1))
    }
}
