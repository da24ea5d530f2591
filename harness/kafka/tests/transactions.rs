//! Exactly-once processing by real clients (librdkafka): what is consumed, processed and produced
//! in transactions, with aborts, a zombie and a crash on the way, comes out once.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

#[path = "clients/support.rs"]
#[expect(dead_code, reason = "shared with other tests")]
mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use embedded_kafka::{ClusterConfig, EmbeddedKafka, TransactionState};
use rdkafka::Message;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use rdkafka::{Offset, TopicPartitionList};

use support::{poll_until, produce, settings, within};

const PATIENCE: Duration = Duration::from_secs(20);
const PARTITIONS: i32 = 3;

type Transactional = ThreadedProducer<DefaultProducerContext>;

fn transactional_producer(servers: &str, id: &str) -> Transactional {
    let mut settings = settings(servers);
    settings.set("transactional.id", id).set("transaction.timeout.ms", "20000");
    settings.set("linger.ms", "1").create().unwrap()
}

/// A consumer in the group of the worker, which assigns itself all partitions.
fn input(servers: &str) -> BaseConsumer {
    let consumer: BaseConsumer = settings(servers)
        .set("group.id", "worker")
        .set("isolation.level", "read_committed")
        .set("fetch.wait.max.ms", "20")
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "false")
        .create()
        .unwrap();
    let mut assignment = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        assignment.add_partition("in", partition);
    }
    // Offsets that are not committed yet are waited for.
    let committed = consumer.committed_offsets(assignment, PATIENCE).unwrap();
    let mut from = TopicPartitionList::new();
    for known in committed.elements() {
        let offset = match known.offset() {
            Offset::Invalid => Offset::Beginning,
            offset => offset,
        };
        from.add_partition_offset("in", known.partition(), offset).unwrap();
    }
    consumer.assign(&from).unwrap();
    consumer
}

/// One step of a worker: 25 messages are consumed and passed on in one transaction, with the
/// offsets after them.
fn pass_on(consumer: &BaseConsumer, producer: &Transactional, commit: bool) {
    let mut next = BTreeMap::new();
    let mut count = 0;
    producer.begin_transaction().unwrap();
    within(PATIENCE, || {
        let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) else { return false };
        let payload = message.payload().unwrap();
        let record = BaseRecord::<(), [u8]>::to("out").payload(payload);
        producer.send(record).map_err(|(error, _)| error).unwrap();
        next.insert(message.partition(), message.offset() + 1);
        count += 1;
        count == 25
    });
    let mut offsets = TopicPartitionList::new();
    for (&partition, &offset) in &next {
        offsets.add_partition_offset("in", partition, Offset::Offset(offset)).unwrap();
    }
    let group = consumer.group_metadata().unwrap();
    producer.send_offsets_to_transaction(&offsets, &group, PATIENCE).unwrap();
    match commit {
        true => producer.commit_transaction(PATIENCE).unwrap(),
        false => producer.abort_transaction(PATIENCE).unwrap(),
    }
}

/// Who coordinates the group, or the transactions, "worker": the leader of the partition of this
/// internal topic that Java's hash of the name says.
fn coordinator(kafka: &EmbeddedKafka, internal_topic: &str) -> i32 {
    let partitions = kafka.partitions(internal_topic).unwrap();
    let hash =
        "worker".bytes().fold(0i32, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
    partitions[(hash & i32::MAX) as usize % partitions.len()].leader.unwrap()
}

/// All numbers in "out" as a reader of this isolation sees them, up to its end of the log.
fn read_out(servers: &str, isolation: &str) -> Vec<u64> {
    let consumer: BaseConsumer = settings(servers)
        .set("group.id", "reader")
        .set("isolation.level", isolation)
        .set("fetch.wait.max.ms", "20")
        .set("enable.partition.eof", "true")
        .set("enable.auto.commit", "false")
        .create()
        .unwrap();
    let mut assignment = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        assignment.add_partition_offset("out", partition, Offset::Beginning).unwrap();
    }
    consumer.assign(&assignment).unwrap();
    let (mut numbers, mut ended) = (Vec::new(), 0);
    within(PATIENCE, || {
        match consumer.poll(Duration::from_millis(50)) {
            Some(Ok(message)) => {
                let number = message.payload().unwrap()[..8].try_into().unwrap();
                numbers.push(u64::from_be_bytes(number));
            }
            Some(Err(_)) => ended += 1,
            None => {}
        }
        ended == PARTITIONS
    });
    numbers.sort_unstable();
    numbers
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_passed_on_in_transactions_comes_out_once() {
    let config =
        ClusterConfig { detection: Duration::from_millis(200), ..ClusterConfig::with_brokers(3) };
    let kafka = EmbeddedKafka::start_with(config).await.unwrap();
    kafka.create_topic("in", PARTITIONS).unwrap();
    kafka.create_topic("out", PARTITIONS).unwrap();
    let servers = kafka.bootstrap_servers();
    assert_eq!(produce(&servers, "in", 0..200, &[]).len(), 200);

    let zombie = transactional_producer(&servers, "worker");
    zombie.init_transactions(PATIENCE).unwrap();
    zombie.begin_transaction().unwrap();
    let garbage = 9_999u64.to_be_bytes();
    zombie.send(BaseRecord::<(), [u8]>::to("out").payload(&garbage)).unwrap();
    zombie.flush(PATIENCE).unwrap();
    assert_eq!(kafka.transactions()[0].state, TransactionState::Ongoing);

    // The next one with the same id fences it, and what it left open is aborted.
    let worker = transactional_producer(&servers, "worker");
    worker.init_transactions(PATIENCE).unwrap();
    let fenced = zombie.commit_transaction(PATIENCE).unwrap_err();
    assert_eq!(fenced.rdkafka_error_code(), Some(RDKafkaErrorCode::Fenced), "{fenced}");

    let consumer = input(&servers);
    pass_on(&consumer, &worker, true);
    pass_on(&consumer, &worker, false);
    drop(consumer);
    // What was aborted is consumed again, from the offsets that were committed.
    let consumer = input(&servers);
    pass_on(&consumer, &worker, true);
    // librdkafka 2.12 waits for ever, now and then, for a coordinator that was away: it asks anew for
    // one that it remembers only when some connection comes or goes.
    let coordinators =
        [coordinator(&kafka, "__transaction_state"), coordinator(&kafka, "__consumer_offsets")];
    let leaders = kafka.partitions("out").unwrap().into_iter().filter_map(|view| view.leader);
    let leader = leaders.into_iter().find(|leader| !coordinators.contains(leader)).unwrap();
    kafka.crash_broker(leader).await.unwrap();
    let runtime = tokio::runtime::Handle::current();
    std::thread::scope(|scope| {
        // It comes back meanwhile.
        scope.spawn(|| {
            std::thread::sleep(Duration::from_secs(1));
            runtime.block_on(kafka.restart_broker(leader)).unwrap();
        });
        (2..8).for_each(|_| pass_on(&consumer, &worker, true));
    });

    assert_eq!(read_out(&servers, "read_committed"), (0..200).collect::<Vec<_>>());
    let all = read_out(&servers, "read_uncommitted");
    assert!(all.len() > 200 && all.contains(&9_999), "the log keeps what was aborted");
    let transaction = kafka.transactions().remove(0);
    assert_eq!((&*transaction.id, transaction.partitions.len()), ("worker", 0));
    let views = kafka.partitions("in").unwrap();
    for view in &views {
        let committed = kafka.committed("worker", "in", view.partition);
        assert_eq!(committed, Some(view.high_watermark), "partition {}", view.partition);
    }
    drop((consumer, worker, zombie));
    kafka.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_of_committed_records_waits_behind_an_open_transaction() {
    let kafka = EmbeddedKafka::start(1).await.unwrap();
    kafka.create_topic("out", PARTITIONS).unwrap();
    let servers = kafka.bootstrap_servers();
    let producer = transactional_producer(&servers, "slow");
    producer.init_transactions(PATIENCE).unwrap();
    producer.begin_transaction().unwrap();
    let send = |number: u64| {
        let payload = number.to_be_bytes();
        let record = BaseRecord::<(), [u8]>::to("out").partition(0).payload(&payload);
        producer.send(record).map_err(|(error, _)| error).unwrap();
    };
    send(1);
    producer.flush(PATIENCE).unwrap();
    assert!(read_out(&servers, "read_committed").is_empty());
    assert_eq!(read_out(&servers, "read_uncommitted"), [1]);
    let view = kafka.partitions("out").unwrap().remove(0);
    assert_eq!((view.last_stable, view.high_watermark), (0, 1));

    let reader = support::consumer(&servers, "out", PARTITIONS);
    let committing = std::thread::scope(|scope| {
        let seen = scope.spawn(|| poll_until(&reader, |message| message.offset() == 0));
        producer.commit_transaction(PATIENCE).unwrap();
        seen.join().is_ok()
    });
    assert!(committing);
    assert_eq!(read_out(&servers, "read_committed"), [1]);
    drop(producer);
    kafka.shutdown().await;
}
