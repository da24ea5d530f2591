//! Three brokers in this process, a producer and a consumer on them, and a crash in between.
//!
//! `cargo run --release -p embedded-kafka --example three_brokers [messages]`

use std::io::Write;
use std::time::{Duration, Instant};

use embedded_kafka::EmbeddedKafka;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{Message, Offset, TopicPartitionList};

const PARTITIONS: i32 = 24;

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let messages: u64 = std::env::args().nth(1).map_or(Ok(200_000), |count| count.parse())?;
    let kafka = EmbeddedKafka::start(3).await?;
    kafka.create_topic("events", PARTITIONS)?;
    let servers = kafka.bootstrap_servers();
    let mut out = std::io::stdout();
    writeln!(out, "brokers at {servers}")?;

    let (elapsed, bytes) = pipe(&servers, messages).await?;
    let rate = messages as f64 / elapsed.as_secs_f64();
    writeln!(out, "{messages} messages in and out in {elapsed:.1?}: {rate:.0} a second")?;
    writeln!(out, "{bytes} bytes read")?;

    let report = kafka.crash_broker(1).await?;
    writeln!(
        out,
        "broker 1 crashed: {} connections cut, {} leaderships lost",
        report.connections_cut, report.leaderships_lost
    )?;
    tokio::time::sleep(Duration::from_millis(600)).await;
    for view in kafka.partitions("events").unwrap_or_default().iter().take(3) {
        writeln!(
            out,
            "partition {}: leader {:?}, isr {:?}",
            view.partition, view.leader, view.isr
        )?;
    }
    kafka.restart_broker(1).await?;
    kafka.shutdown().await;
    Ok(())
}

/// Sends messages of 200 bytes from one thread while another reads them.
async fn pipe(servers: &str, messages: u64) -> Result<(Duration, usize), Failure> {
    #[expect(clippy::disallowed_methods, reason = "an example that measures real time")]
    let start = Instant::now();
    let (to, from) = (servers.to_owned(), servers.to_owned());
    let sending = tokio::task::spawn_blocking(move || send(&to, messages));
    let reading = tokio::task::spawn_blocking(move || read(&from, messages));
    sending.await??;
    let bytes = reading.await??;
    Ok((start.elapsed(), bytes))
}

fn send(servers: &str, messages: u64) -> Result<(), Failure> {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", servers)
        .set("linger.ms", "5")
        .set("queue.buffering.max.messages", "500000")
        .create()?;
    let payload = [7u8; 200];
    for number in 0..messages {
        let key = number.to_be_bytes();
        let mut record = BaseRecord::to("events").key(&key).payload(&payload);
        while let Err((error, back)) = producer.send(record) {
            if error != KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull) {
                return Err(error.into());
            }
            producer.poll(Duration::from_millis(5));
            record = back;
        }
        if number % 1_000 == 0 {
            producer.poll(Duration::ZERO);
        }
    }
    Ok(producer.flush(Duration::from_secs(60))?)
}

fn read(servers: &str, messages: u64) -> Result<usize, Failure> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", servers)
        .set("group.id", "example")
        .set("enable.auto.commit", "false")
        .create()?;
    let mut assignment = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        assignment.add_partition_offset("events", partition, Offset::Beginning)?;
    }
    consumer.assign(&assignment)?;
    let mut bytes = 0;
    for _ in 0..messages {
        let message = consumer.poll(Duration::from_secs(10)).ok_or("no message for 10 s")??;
        bytes += message.payload().map_or(0, <[u8]>::len);
    }
    Ok(bytes)
}
