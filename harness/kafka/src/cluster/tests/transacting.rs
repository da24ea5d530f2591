//! Transactions from end to end: what producers, consumers and groups see of them.

use kafka_protocol::messages::add_partitions_to_txn_request::{
    AddPartitionsToTxnTopic, AddPartitionsToTxnTransaction,
};
use kafka_protocol::messages::describe_producers_request::TopicRequest;
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopics,
};
use kafka_protocol::messages::txn_offset_commit_request::{
    TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic,
};
use kafka_protocol::messages::write_txn_markers_request::{
    WritableTxnMarker, WritableTxnMarkerTopic,
};
use kafka_protocol::messages::*;

use super::conversation::{converse, text};
use super::*;
use crate::log::batch::tests::transactional;
use crate::transactions::TransactionState::{CompleteAbort, CompleteCommit, Ongoing};
use crate::transactions::{TransactionState, TransactionView};

mod failures;
mod offsets;
mod produce;

/// A producer with the transactional id "x".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Me {
    id: i64,
    epoch: i16,
}

fn x() -> TransactionalId {
    TransactionalId(text("x"))
}

impl World {
    /// The broker that coordinates "x".
    fn coordinator(&self) -> i32 {
        self.cluster.transactions.coordinates("x").unwrap()
    }

    fn init(&mut self) -> Result<Me, i16> {
        let request = InitProducerIdRequest::default()
            .with_transactional_id(Some(x()))
            .with_transaction_timeout_ms(60_000)
            .with_producer_id(ProducerId(-1))
            .with_producer_epoch(-1);
        let answer = self.ask(self.coordinator(), 5, &request);
        match answer.error_code {
            0 => Ok(Me { id: answer.producer_id.0, epoch: answer.producer_epoch }),
            code => Err(code),
        }
    }

    /// AddPartitionsToTxn as clients before Kafka 4 ask.
    fn add(&mut self, me: Me, partition: i32) -> i16 {
        let topic = AddPartitionsToTxnTopic::default().with_name(name("t"));
        let request = AddPartitionsToTxnRequest::default()
            .with_v3_and_below_transactional_id(x())
            .with_v3_and_below_producer_id(ProducerId(me.id))
            .with_v3_and_below_producer_epoch(me.epoch)
            .with_v3_and_below_topics(vec![topic.with_partitions(vec![partition])]);
        let answer = self.ask(self.coordinator(), 3, &request);
        answer.results_by_topic_v3_and_below[0].results_by_partition[0].partition_error_code
    }

    fn end_in(&mut self, version: i16, me: Me, commit: bool) -> Result<Me, i16> {
        let request = EndTxnRequest::default()
            .with_transactional_id(x())
            .with_producer_id(ProducerId(me.id))
            .with_producer_epoch(me.epoch)
            .with_committed(commit);
        let answer = self.ask(self.coordinator(), version, &request);
        match (answer.error_code, version) {
            (0, 5) => Ok(Me { id: answer.producer_id.0, epoch: answer.producer_epoch }),
            (0, _) => Ok(me),
            (code, _) => Err(code),
        }
    }

    fn end(&mut self, me: Me, commit: bool) -> Result<Me, i16> {
        self.end_in(5, me, commit)
    }

    /// Two records to a partition, at the broker that led it first.
    fn write(&mut self, version: i16, me: Me, partition: i32, sequence: i32) -> (u64, Option<i16>) {
        self.write_at(partition + 1, version, me, partition, sequence)
    }

    fn write_at(
        &mut self,
        broker: i32,
        version: i16,
        me: Me,
        partition: i32,
        sequence: i32,
    ) -> (u64, Option<i16>) {
        let records = transactional(2, (me.id, me.epoch, sequence));
        let mut request = produce_request(partition, -1, records);
        request.transactional_id = Some(x());
        let (ticket, answer) = self.send(broker, version, &request);
        let code = |answer: ProduceResponse| answer.responses[0].partition_responses[0].error_code;
        (ticket, answer.map(code))
    }

    /// The batches of partition 0 that a reader of committed records gets, and what it must leave
    /// out.
    fn read_committed(&mut self, broker: i32) -> (Vec<i64>, Vec<(i64, i64)>) {
        let request = fetch_request(0, 0, 0, 0).with_isolation_level(1);
        let answer = self.ask(broker, 12, &request);
        let aborted = answer.responses[0].partitions[0].aborted_transactions.clone();
        let aborted = aborted.unwrap_or_default();
        let aborted = aborted.iter().map(|aborted| (aborted.producer_id.0, aborted.first_offset));
        (bases(&answer), aborted.collect())
    }

    fn stable(&mut self, broker: i32) -> (i64, i64) {
        let answer = self.fetch(broker, 0, 0);
        let partition = &answer.responses[0].partitions[0];
        assert_eq!(partition.aborted_transactions, None, "a reader of all is told nothing");
        (partition.last_stable_offset, partition.high_watermark)
    }

    fn transaction(&self) -> TransactionView {
        self.cluster.transactions().remove(0)
    }

    fn state(&self) -> TransactionState {
        self.transaction().state
    }
}

#[test]
fn transaction_requests() {
    converse(|_| {
        let request = InitProducerIdRequest::default().with_transactional_id(Some(x()));
        let request = request.with_transaction_timeout_ms(1_000);
        request.with_producer_id(ProducerId(-1)).with_producer_epoch(-1)
    });
    converse(|version| {
        let request = FindCoordinatorRequest::default();
        let request = if version >= 1 { request.with_key_type(1) } else { request };
        match version {
            4.. => request.with_coordinator_keys(vec![text("x"), text("y")]),
            _ => request.with_key(text("x")),
        }
    });
    converse(|version| {
        let topic = AddPartitionsToTxnTopic::default().with_name(name("t"));
        let topics = vec![topic.with_partitions(vec![0, 9])];
        let request = AddPartitionsToTxnRequest::default();
        match version {
            4.. => {
                let wanted = AddPartitionsToTxnTransaction::default().with_transactional_id(x());
                request.with_transactions(vec![wanted.with_topics(topics)])
            }
            _ => request.with_v3_and_below_transactional_id(x()).with_v3_and_below_topics(topics),
        }
    });
    converse(|_| AddOffsetsToTxnRequest::default().with_group_id(GroupId(text("g"))));
    converse(|_| EndTxnRequest::default().with_transactional_id(x()));
    converse(|_| {
        let partition = TxnOffsetCommitRequestPartition::default();
        let topic = |topic| TxnOffsetCommitRequestTopic::default().with_name(name(topic));
        let topics =
            ["t", "absent"].map(|name| topic(name).with_partitions(vec![partition.clone()]));
        let request = TxnOffsetCommitRequest::default().with_group_id(GroupId(text("g")));
        request.with_transactional_id(x()).with_topics(topics.to_vec())
    });
    converse(|_| {
        let topic = |topic| WritableTxnMarkerTopic::default().with_name(name(topic));
        let topics = ["t", "absent"].map(|name| topic(name).with_partition_indexes(vec![0, 9]));
        let marker = WritableTxnMarker::default().with_topics(topics.to_vec());
        WriteTxnMarkersRequest::default().with_markers(vec![marker])
    });
    converse(|_| DescribeTransactionsRequest::default().with_transactional_ids(vec![x()]));
    converse(|_| ListTransactionsRequest::default().with_state_filters(vec![text("Empty")]));
    converse(|_| {
        let topic = |topic| TopicRequest::default().with_name(name(topic));
        let topics =
            ["t", "absent", "bad name"].map(|name| topic(name).with_partition_indexes(vec![0, 9]));
        DescribeProducersRequest::default().with_topics(topics.to_vec())
    });
}

#[test]
fn only_committed_records_are_seen_by_who_asks_for_them() {
    let mut world = World::with_topic();
    let me = world.init().unwrap();
    assert_eq!(world.write(12, me, 0, 0).1, Some(0));
    assert_eq!(world.write(12, me, 0, 2).1, Some(0));
    assert_eq!(world.transaction().partitions, [("t".to_owned(), 0)]);
    assert_eq!(world.stable(1), (0, 4));
    assert_eq!(world.read_committed(1), (vec![], vec![]));
    let me = world.end(me, true).unwrap();
    assert_eq!((me.epoch, world.state()), (1, CompleteCommit));
    assert_eq!(world.stable(1), (5, 5));
    assert_eq!(world.read_committed(1), (vec![0, 2, 4], vec![]));

    assert_eq!(world.write(12, me, 0, 0).1, Some(0));
    assert_eq!(world.read_committed(1).0, [0, 2, 4]);
    world.end(me, false).unwrap();
    assert_eq!(world.state(), CompleteAbort);
    let aborted = vec![(me.id, 5)];
    assert_eq!(world.read_committed(1), (vec![0, 2, 4, 5, 7], aborted));
    let view = world.cluster.partitions("t").unwrap().remove(0);
    assert_eq!((view.last_stable, view.high_watermark), (8, 8));
}

#[test]
fn offsets_are_listed_up_to_where_the_isolation_lets_see() {
    let mut world = World::with_topic();
    world.produce(1, -1, sample(1, None, 5));
    let me = world.init().unwrap();
    world.write(12, me, 0, 0);
    let mut latest = |isolation| {
        let wanted = ListOffsetsPartition::default().with_timestamp(-1);
        let topic = ListOffsetsTopic::default().with_name(name("t"));
        let request = ListOffsetsRequest::default()
            .with_isolation_level(isolation)
            .with_topics(vec![topic.with_partitions(vec![wanted.with_current_leader_epoch(-1)])]);
        world.ask(1, 7, &request).topics[0].partitions[0].offset
    };
    assert_eq!((latest(0), latest(1)), (3, 1));
}

#[test]
fn a_reader_of_committed_records_waits_for_the_commit() {
    let mut world = World::with_topic();
    let me = world.init().unwrap();
    let wanted = fetch_request(0, 0, 1, 5_000).with_isolation_level(1);
    let (ticket, answer) = world.send(1, 12, &wanted);
    assert!(answer.is_none());
    world.write(12, me, 0, 0);
    assert!(world.take(ticket).is_none(), "open records wake nobody");
    world.end(me, true).unwrap();
    let answer = read_answer::<FetchRequest>(world.take(ticket).unwrap(), 12);
    assert_eq!(bases(&answer), [0, 2]);
}

#[test]
fn a_transaction_is_aborted_by_its_timeout_and_its_producer_fenced() {
    let mut world = World::with_topic();
    let me = world.init().unwrap();
    world.write(12, me, 0, 0);
    world.pass(59 * SECOND);
    assert_eq!(world.state(), Ongoing);
    world.pass(SECOND);
    assert_eq!(world.state(), CompleteAbort);
    assert_eq!(world.read_committed(1), (vec![0, 2], vec![(me.id, 0)]));
    let fenced = ResponseError::InvalidProducerEpoch.code();
    assert_eq!(world.write(12, me, 0, 2).1, Some(fenced));
    assert_eq!(world.end(me, true), Err(ResponseError::InvalidTxnState.code()));
}

#[test]
fn transactions_and_producers_are_described() {
    let mut world = World::with_topic();
    world.cluster.set_started_at(Duration::from_secs(1_000));
    let me = world.init().unwrap();
    world.now += 5 * SECOND;
    world.write(12, me, 0, 0);
    world.write(12, me, 2, 0);
    let request = DescribeTransactionsRequest::default();
    let request = request.with_transactional_ids(vec![
        x(),
        TransactionalId(text("")),
        TransactionalId(text("x1")),
    ]);
    let coordinator = world.coordinator();
    let answer = world.ask(coordinator, 0, &request).transaction_states;
    assert_eq!(&*answer[0].transaction_state, "Ongoing");
    assert_eq!(answer[0].transaction_start_time_ms, 1_005_000);
    assert_eq!(answer[0].topics[0].partitions, [0, 2]);
    assert_eq!(answer[1].error_code, ResponseError::InvalidRequest.code());
    assert_ne!(answer[2].error_code, 0);
    let listed = world.ask(coordinator, 1, &ListTransactionsRequest::default());
    assert_eq!(listed.transaction_states[0].transactional_id, x());

    let mut producers = |broker| {
        let topic = TopicRequest::default().with_name(name("t")).with_partition_indexes(vec![0]);
        let request = DescribeProducersRequest::default().with_topics(vec![topic]);
        world.ask(broker, 0, &request).topics[0].partitions[0].active_producers.clone()
    };
    let known = producers(1);
    assert_eq!((known[0].producer_id.0, known[0].producer_epoch), (me.id, 0));
    assert_eq!((known[0].last_sequence, known[0].current_txn_start_offset), (1, 0));
    assert_eq!(known[0].coordinator_epoch, -1);
    assert_eq!(producers(2), known, "a follower knows as much");
}

#[test]
fn features_are_final_at_the_levels_of_kafka() {
    let mut world = World::with_topic();
    let request = ApiVersionsRequest::default().with_client_software_name(text("a-client"));
    let request = request.with_client_software_version(text("1.0"));
    let answer = world.ask(1, 4, &request);
    let levels = answer.finalized_features.iter();
    let levels: Vec<_> =
        levels.map(|feature| (&*feature.name, feature.max_version_level)).collect();
    assert_eq!(levels, [("group.version", 1), ("transaction.version", 2)]);
    assert_eq!((answer.finalized_features_epoch, answer.supported_features.len()), (0, 2));
    assert!(world.ask(1, 3, &request).supported_features.is_empty());
    let nameless = world.ask(1, 3, &ApiVersionsRequest::default());
    let refused = ResponseError::InvalidRequest.code();
    assert_eq!((nameless.error_code, nameless.api_keys.len()), (refused, 0));
    let keys: Vec<i16> = answer.api_keys.iter().map(|api| api.api_key).collect();
    assert!(keys.is_sorted());
    assert_eq!(answer.api_keys[0].min_version, 0, "of Produce, though 3 is the first served");
}

#[test]
fn any_broker_refuses_a_timeout_that_cannot_be() {
    let mut world = World::with_topic();
    let coordinator = world.coordinator();
    for broker in 1..=3 {
        let request = InitProducerIdRequest::default()
            .with_transactional_id(Some(x()))
            .with_producer_id(ProducerId(-1))
            .with_producer_epoch(-1);
        let mut init = |timeout_ms| {
            let request = request.clone().with_transaction_timeout_ms(timeout_ms);
            world.ask(broker, 5, &request).error_code
        };
        assert_eq!(init(0), ResponseError::InvalidTransactionTimeout.code());
        let led = if broker == coordinator { 0 } else { ResponseError::NotCoordinator.code() };
        assert_eq!(init(1_000), led);
    }
}
