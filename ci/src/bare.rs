//! The bare pipeline: one producer at a fixed rate, echoing consumers with static assignments,
//! one reader. The same brokers and clients as a trial, without generator, stamps or checks.

use crate::broker::clients::{PAYLOAD, from_start};
use crate::micro::now;
use embedded_kafka::EmbeddedKafka;
use harness::trial::BATCH_BYTES;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::BaseConsumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

const PARTITIONS: i32 = 24;
const ECHOES: i32 = 4;
const LIMIT: Duration = Duration::from_secs(60);

/// Messages a second from the first send to the last result, offered at `rate_per_s`.
///
/// # Errors
/// When brokers or clients cannot be started, or results are missing after a minute.
pub async fn throughput_per_s(rate_per_s: u64, messages: u64) -> anyhow::Result<f64> {
    let kafka = Arc::new(EmbeddedKafka::start(3).await?);
    for topic in ["in", "out"] {
        kafka.create_topic(topic, PARTITIONS)?;
    }
    let bootstrap = kafka.bootstrap_servers();
    let stop = Arc::new(AtomicBool::new(false));
    let seen = Arc::new(AtomicU64::new(0));
    let mut threads = Vec::new();
    for echo in 0..ECHOES {
        let (bootstrap, stop) = (bootstrap.clone(), Arc::clone(&stop));
        threads.push(thread::spawn(move || run_echo(&bootstrap, echo, &stop)));
    }
    let (servers, stopped, count) = (bootstrap.clone(), Arc::clone(&stop), Arc::clone(&seen));
    threads.push(thread::spawn(move || read(&servers, &stopped, &count)));
    // Clients connect and fetch first, as a trial's workers have before its load starts.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let start = now();
    threads.push(thread::spawn(move || produce(&bootstrap, rate_per_s, messages)));
    while seen.load(Ordering::Relaxed) < messages && start.elapsed() < LIMIT {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let took = start.elapsed();
    stop.store(true, Ordering::Relaxed);
    for thread in threads {
        let ended = tokio::task::spawn_blocking(move || thread.join()).await?;
        ended.map_err(|_| anyhow::anyhow!("a client's thread panicked"))??;
    }
    let seen = seen.load(Ordering::Relaxed);
    anyhow::ensure!(seen >= messages, "the bare pipeline returned {seen} of {messages} messages");
    Ok(messages as f64 / took.as_secs_f64())
}

/// The driver's settings for the source, and those that High Throughput gives to workers.
fn producer(
    bootstrap: &str,
    linger_ms: &str,
    batch_bytes: &str,
) -> Result<BaseProducer, KafkaError> {
    ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("acks", "all")
        .set("enable.idempotence", "true")
        .set("linger.ms", linger_ms)
        .set("batch.size", batch_bytes)
        .set("queue.buffering.max.messages", "500000")
        .set("socket.nagle.disable", "true")
        .create()
}

fn consumer(
    bootstrap: &str,
    topic: &str,
    fetch_min_bytes: &str,
    own: impl Fn(i32) -> bool,
) -> Result<BaseConsumer, KafkaError> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", "bare")
        .set("enable.auto.commit", "false")
        .set("fetch.min.bytes", fetch_min_bytes)
        .set("fetch.wait.max.ms", "100")
        .set("fetch.message.max.bytes", "4194304")
        // With librdkafka's second of pause, a full queue would decide the throughput.
        .set("fetch.queue.backoff.ms", "10")
        .set("check.crcs", "false")
        .create()?;
    from_start(&consumer, topic, (0..PARTITIONS).filter(|partition| own(*partition)))?;
    Ok(consumer)
}

fn send(producer: &BaseProducer, topic: &str, key: &[u8], payload: &[u8]) {
    let mut record = BaseRecord::to(topic).key(key).payload(payload);
    while let Err((error, back)) = producer.send(record) {
        if error != KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull) {
            return;
        }
        record = back;
        producer.poll(Duration::from_millis(1));
    }
}

fn produce(bootstrap: &str, rate_per_s: u64, messages: u64) -> anyhow::Result<()> {
    let producer = producer(bootstrap, "5", BATCH_BYTES)?;
    let start = now();
    for position in 0..messages {
        let due = Duration::from_nanos(position * 1_000_000_000 / rate_per_s);
        while start.elapsed() < due {
            producer.poll(Duration::ZERO);
            thread::sleep(Duration::from_micros(500));
        }
        send(&producer, "in", &(position % 200).to_be_bytes(), &PAYLOAD);
        if position % 64 == 0 {
            producer.poll(Duration::ZERO);
        }
    }
    producer.flush(LIMIT)?;
    Ok(())
}

fn run_echo(bootstrap: &str, echo: i32, stop: &AtomicBool) -> anyhow::Result<()> {
    let own = |partition: i32| partition % ECHOES == echo;
    let consumer = consumer(bootstrap, "in", "65536", own)?;
    let producer = producer(bootstrap, "20", "1000000")?;
    let mut handled = 0u64;
    while !stop.load(Ordering::Relaxed) {
        if let Some(Ok(message)) = consumer.poll(Duration::from_millis(20)) {
            let (key, payload) = (message.key().unwrap_or(b""), message.payload().unwrap_or(b""));
            send(&producer, "out", key, payload);
            handled += 1;
        }
        if handled.is_multiple_of(64) {
            producer.poll(Duration::ZERO);
        }
    }
    Ok(())
}

fn read(bootstrap: &str, stop: &AtomicBool, seen: &AtomicU64) -> anyhow::Result<()> {
    let consumer = consumer(bootstrap, "out", "1", |_| true)?;
    while !stop.load(Ordering::Relaxed) {
        if let Some(Ok(_)) = consumer.poll(Duration::from_millis(20)) {
            seen.fetch_add(1, Ordering::Relaxed);
        }
    }
    Ok(())
}
