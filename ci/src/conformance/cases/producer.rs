//! A transactional producer that says each request of a transaction by itself.

use kafka_protocol::messages::add_partitions_to_txn_request::AddPartitionsToTxnTopic;
use kafka_protocol::messages::txn_offset_commit_request::{
    TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic,
};
use kafka_protocol::messages::*;

use crate::conformance::batch::Batch;
use crate::conformance::context::{Context, TRANSACTION};
use crate::conformance::names::{error, group_id, text, topic_name};

/// A transactional producer: its id, its coordinator, its producer id and epoch.
pub(super) struct Producer {
    pub(super) id: String,
    pub(super) coordinator: i32,
    pub(super) producer: (i64, i16),
}

pub(super) fn init_request(id: &str, timeout_ms: i32) -> InitProducerIdRequest {
    InitProducerIdRequest::default()
        .with_transactional_id(Some(TransactionalId(text(id))))
        .with_transaction_timeout_ms(timeout_ms)
        .with_producer_id(ProducerId(-1))
        .with_producer_epoch(-1)
}

/// The answer, once the coordinator is not at work on an earlier transaction.
pub(super) fn init(
    c: &mut Context<'_>,
    broker: i32,
    request: &InitProducerIdRequest,
) -> anyhow::Result<InitProducerIdResponse> {
    c.until("InitProducerId", |c| {
        let answer = c.ask(broker, 4, request)?;
        let passing = ["CONCURRENT_TRANSACTIONS", "COORDINATOR_LOAD_IN_PROGRESS"];
        Ok((!passing.contains(&&*error(answer.error_code))).then_some(answer))
    })
}

impl Producer {
    pub(super) fn new(c: &mut Context<'_>) -> anyhow::Result<Self> {
        Self::with_timeout(c, 60_000)
    }

    pub(super) fn with_timeout(c: &mut Context<'_>, timeout_ms: i32) -> anyhow::Result<Self> {
        let id = c.name("x");
        let coordinator = c.coordinator(TRANSACTION, &id)?;
        let answer = init(c, coordinator, &init_request(&id, timeout_ms))?;
        let producer = (answer.producer_id.0, answer.producer_epoch);
        Ok(Self { id, coordinator, producer })
    }

    /// Adds partition 0 of a topic to the transaction, as clients of before KIP-890 do.
    pub(super) fn add(
        &self,
        c: &mut Context<'_>,
        topic: &str,
        partition: i32,
    ) -> anyhow::Result<String> {
        let topic = AddPartitionsToTxnTopic::default()
            .with_name(topic_name(topic))
            .with_partitions(vec![partition]);
        let request = AddPartitionsToTxnRequest::default()
            .with_v3_and_below_transactional_id(TransactionalId(text(&self.id)))
            .with_v3_and_below_producer_id(ProducerId(self.producer.0))
            .with_v3_and_below_producer_epoch(self.producer.1)
            .with_v3_and_below_topics(vec![topic]);
        c.until("AddPartitionsToTxn", |c| {
            let answer = c.ask(self.coordinator, 3, &request)?;
            let topic = &answer.results_by_topic_v3_and_below[0];
            let code = error(topic.results_by_partition[0].partition_error_code);
            Ok((code != "CONCURRENT_TRANSACTIONS").then_some(code))
        })
    }

    /// Writes records of the transaction, with these sequences.
    pub(super) fn write(
        &self,
        c: &mut Context<'_>,
        topic: &str,
        sequence: i32,
        records: usize,
    ) -> anyhow::Result<String> {
        let batch = Batch::idempotent(self.producer, sequence, records).transactional();
        c.write_transactional(11, &self.id, topic, batch.bytes())
    }

    pub(super) fn end(
        &self,
        c: &mut Context<'_>,
        version: i16,
        commit: bool,
    ) -> anyhow::Result<EndTxnResponse> {
        let request = EndTxnRequest::default()
            .with_transactional_id(TransactionalId(text(&self.id)))
            .with_producer_id(ProducerId(self.producer.0))
            .with_producer_epoch(self.producer.1)
            .with_committed(commit);
        c.until("EndTxn", |c| {
            let answer = c.ask(self.coordinator, version, &request)?;
            Ok((error(answer.error_code) != "CONCURRENT_TRANSACTIONS").then_some(answer))
        })
    }

    /// Ends the transaction as clients of before KIP-890 do, and notes the answer.
    pub(super) fn finish(&self, c: &mut Context<'_>, commit: bool) -> anyhow::Result<()> {
        let answer = self.end(c, 3, commit)?;
        let word = if commit { "commit" } else { "abort" };
        c.see(format!("{word} {}", error(answer.error_code)));
        Ok(())
    }

    pub(super) fn describe(&self, c: &mut Context<'_>) -> anyhow::Result<()> {
        let ids = vec![TransactionalId(text(&self.id))];
        let request = DescribeTransactionsRequest::default().with_transactional_ids(ids);
        let answer = c.until("markers written", |c| {
            let answer = c.ask(self.coordinator, 0, &request)?;
            let under_way = answer.transaction_states[0].transaction_state.starts_with("Prepare");
            Ok((!under_way).then_some(answer))
        })?;
        let one = &answer.transaction_states[0];
        let topics = one.topics.iter().map(|t| format!("{} {:?}", &*t.topic.0, t.partitions));
        let topics: Vec<String> = topics.collect();
        let (state, timeout) = (&*one.transaction_state, one.transaction_timeout_ms);
        let (code, epoch) = (error(one.error_code), one.producer_epoch);
        c.see(format!("{code} {state} {timeout} epoch {epoch} {topics:?}"));
        Ok(())
    }

    pub(super) fn commit_offset(
        &self,
        c: &mut Context<'_>,
        (group, member, generation): (&str, &str, i32),
        topic: &str,
        offset: i64,
    ) -> anyhow::Result<()> {
        let coordinator = c.coordinator(0, group)?;
        let partition = TxnOffsetCommitRequestPartition::default()
            .with_partition_index(0)
            .with_committed_offset(offset)
            .with_committed_metadata(None);
        let topic = TxnOffsetCommitRequestTopic::default()
            .with_name(topic_name(topic))
            .with_partitions(vec![partition]);
        let request = TxnOffsetCommitRequest::default()
            .with_transactional_id(TransactionalId(text(&self.id)))
            .with_group_id(group_id(group))
            .with_producer_id(ProducerId(self.producer.0))
            .with_producer_epoch(self.producer.1)
            .with_member_id(text(member))
            .with_generation_id(generation)
            .with_topics(vec![topic]);
        let answer = c.ask(coordinator, 3, &request)?;
        c.see(format!("offset {offset} {}", error(answer.topics[0].partitions[0].error_code)));
        Ok(())
    }

    pub(super) fn add_group(&self, c: &mut Context<'_>, group: &str) -> anyhow::Result<()> {
        let request = AddOffsetsToTxnRequest::default()
            .with_transactional_id(TransactionalId(text(&self.id)))
            .with_producer_id(ProducerId(self.producer.0))
            .with_producer_epoch(self.producer.1)
            .with_group_id(group_id(group));
        let code = c.until("AddOffsetsToTxn", |c| {
            let code = error(c.ask(self.coordinator, 3, &request)?.error_code);
            Ok((code != "CONCURRENT_TRANSACTIONS").then_some(code))
        })?;
        c.see(format!("group {code}"));
        Ok(())
    }
}

/// Waits until nothing of a transaction is open on a partition, and notes what readers see.
pub(super) fn readers(c: &mut Context<'_>, topic: &str) -> anyhow::Result<()> {
    let settled = c.until("no open transaction", |c| {
        let all = c.read(topic, 0, 0)?;
        let ends = all.split("up to ").nth(1).and_then(|rest| rest.split(',').next());
        let even = ends.and_then(|ends| ends.split_once('/')).is_some_and(|(a, b)| a == b);
        Ok(even.then_some(all))
    })?;
    c.see(format!("all {settled}"));
    let committed = c.read_committed(topic, 0)?;
    c.see(format!("committed {committed}"));
    Ok(())
}

/// Something once a fetch of stable offsets is answered.
pub(super) fn stable(
    c: &mut Context<'_>,
    broker: i32,
    group: &str,
    topic: &str,
) -> anyhow::Result<Option<()>> {
    let topic = offset_fetch_request::OffsetFetchRequestTopics::default()
        .with_name(topic_name(topic))
        .with_partition_indexes(vec![0]);
    let asked = offset_fetch_request::OffsetFetchRequestGroup::default()
        .with_group_id(group_id(group))
        .with_topics(Some(vec![topic]));
    let request = OffsetFetchRequest::default().with_groups(vec![asked]).with_require_stable(true);
    let answer = c.ask(broker, 9, &request)?;
    let code = error(answer.groups[0].topics[0].partitions[0].error_code);
    Ok((code != "UNSTABLE_OFFSET_COMMIT").then_some(()))
}
