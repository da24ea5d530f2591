//! What applications on librdkafka get, whose client decides what to ask.

pub(super) mod groups;
pub(super) mod producing;
pub(super) mod transactions;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{bail, ensure};
use rdkafka::client::ClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::{BaseRecord, ProducerContext, ThreadedProducer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::conformance::context::Context;
use crate::conformance::records::fetch_request;
use crate::micro::now;

/// How long a client may take for anything.
const LIMIT: Duration = Duration::from_secs(60);

/// Counts what became of messages.
#[derive(Debug, Default)]
struct Deliveries {
    acknowledged: AtomicUsize,
    refused: AtomicUsize,
}

impl Deliveries {
    fn words(&self) -> String {
        let (acknowledged, refused) = (&self.acknowledged, &self.refused);
        let count = |of: &AtomicUsize| of.load(Ordering::Relaxed);
        format!("acknowledged {} refused {}", count(acknowledged), count(refused))
    }
}

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let counter = if result.is_ok() { &self.acknowledged } else { &self.refused };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// It takes its reports in a thread of its own, as `abort_transaction` needs.
type Producer = ThreadedProducer<Deliveries>;

fn client(c: &Context<'_>, settings: &[(&str, &str)]) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", c.subject.bootstrap());
    for (name, value) in settings {
        config.set(*name, *value);
    }
    config
}

fn producer(c: &Context<'_>, settings: &[(&str, &str)]) -> anyhow::Result<Producer> {
    Ok(client(c, settings).create_with_context(Deliveries::default())?)
}

/// Sends these numbers, each to the partition of its remainder.
fn send(
    producer: &Producer,
    topic: &str,
    partitions: i32,
    numbers: std::ops::Range<i32>,
) -> anyhow::Result<()> {
    for number in numbers {
        let value = number.to_string();
        let record: BaseRecord<'_, (), str> = BaseRecord::to(topic).payload(&*value);
        producer.send(record.partition(number % partitions)).map_err(|(error, _)| error)?;
    }
    Ok(())
}

fn number(message: &impl Message) -> i32 {
    let text = String::from_utf8_lossy(message.payload().unwrap_or_default()).into_owned();
    text.parse().unwrap_or(-1)
}

/// What a reader of committed records finds in each partition, once no transaction is open.
fn committed(
    c: &mut Context<'_>,
    topic: &str,
    partitions: i32,
) -> anyhow::Result<BTreeMap<i32, Vec<i32>>> {
    for partition in 0..partitions {
        c.until("no open transaction", |c| {
            let leader = c.ready(topic, partition)?;
            let request = fetch_request(topic, partition, 0).with_isolation_level(1);
            let answer = c.fetch(leader, &request)?;
            let ends = answer.split("up to ").nth(1).and_then(|rest| rest.split(',').next());
            let even = ends.and_then(|ends| ends.split_once('/')).is_some_and(|(a, b)| a == b);
            Ok(even.then_some(()))
        })?;
    }
    let settings =
        [("group.id", "none"), ("enable.partition.eof", "true"), ("enable.auto.commit", "false")];
    let consumer: BaseConsumer = client(c, &settings).create()?;
    let mut all = TopicPartitionList::new();
    for partition in 0..partitions {
        all.add_partition_offset(topic, partition, Offset::Beginning)?;
    }
    consumer.assign(&all)?;
    let mut read: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
    let mut ends = 0;
    let start = now();
    while ends < partitions {
        ensure!(start.elapsed() < LIMIT, "{topic} was not read to its end");
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => {
                read.entry(message.partition()).or_default().push(number(&message));
            }
            Some(Err(KafkaError::PartitionEOF(_))) => ends += 1,
            Some(Err(KafkaError::MessageConsumption(code))) => bail!("reading {topic}: {code}"),
            _ => {}
        }
    }
    Ok(read)
}

/// Notes how many messages a topic has, and whether they are the first numbers, each once and in
/// the order of sending.
fn see_first_numbers(c: &mut Context<'_>, topic: &str, partitions: i32) -> anyhow::Result<()> {
    let read = committed(c, topic, partitions)?;
    let count: usize = read.values().map(Vec::len).sum();
    let due = |partition: i32| (partition..count as i32).step_by(partitions as usize);
    let once = read.iter().all(|(&partition, numbers)| numbers.iter().copied().eq(due(partition)));
    c.see(format!("{count} messages, each once and in order: {once}"));
    Ok(())
}
