//! Offsets read from brokers that librdkafka itself mocks.

#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::time::Duration;

use operator::crd::KafkaSource;
use operator::observe::{KafkaOffsets, OffsetSource, OffsetsError, PartitionOffsets};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

fn source(bootstrap_servers: String, topic: &str) -> KafkaSource {
    KafkaSource { bootstrap_servers, topic: topic.to_owned(), group: "workers".to_owned() }
}

fn produce(bootstrap: &str, topic: &str, partition: i32, count: usize) {
    let producer: BaseProducer =
        ClientConfig::new().set("bootstrap.servers", bootstrap).create().unwrap();
    for _ in 0..count {
        let record = BaseRecord::<str, str>::to(topic).partition(partition).payload("x");
        producer.send(record).unwrap();
    }
    producer.flush(Duration::from_secs(10)).unwrap();
}

fn commit(bootstrap: &str, topic: &str, partition: i32, offset: i64) {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", "workers")
        .create()
        .unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, partition, Offset::Offset(offset)).unwrap();
    consumer.commit(&list, CommitMode::Sync).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lag_is_the_end_less_what_is_committed_and_uncommitted_partitions_count_whole() {
    let cluster = MockCluster::new(3).unwrap();
    cluster.create_topic("in", 2, 1).unwrap();
    let bootstrap = cluster.bootstrap_servers();
    tokio::task::block_in_place(|| {
        produce(&bootstrap, "in", 0, 10);
        produce(&bootstrap, "in", 1, 7);
        commit(&bootstrap, "in", 0, 4);
    });
    let offsets = KafkaOffsets::default().offsets(&source(bootstrap, "in")).await.unwrap();
    let expected = [PartitionOffsets { end: 10, next: 4 }, PartitionOffsets { end: 7, next: 0 }];
    assert_eq!(offsets.partitions, expected);
    assert_eq!(offsets.lag_records(), 13);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn brokers_that_do_not_answer_are_given_up_in_time() {
    let gone = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().to_string()
    };
    let kafka = KafkaOffsets::default();
    let source = source(gone, "in");
    let answer = tokio::time::timeout(Duration::from_secs(5), kafka.offsets(&source)).await;
    let error = answer.expect("within the limit").unwrap_err();
    assert!(matches!(error, OffsetsError::Brokers { what: "metadata", .. }), "{error}");
}
