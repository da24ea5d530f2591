//! Prints one line a target of the embedded Kafka cluster. Exits 0 whether or not they are met.

use ci::broker::clients::create_topic;
use ci::broker::memory::resident_bytes;
use ci::broker::{backlog, consumer_group, group, round_trip, through};
use ci::target::{
    Wanted::{AtLeast, AtMost},
    report,
};
use clap::Parser;
use embedded_kafka::{ClusterConfig, EmbeddedKafka};
use krafka::testing::FakeBroker;
use std::io::Write;
use std::time::Duration;

const PARTITIONS: i32 = 24;
const MESSAGES: u64 = 4_000_000;
const BACKLOG: u64 = 10_000_000;
const SINGLE_MESSAGES: u64 = 1_000_000;
const ROUNDS: usize = 3;

/// Measures the embedded Kafka cluster, beside krafka's test broker and Apache Kafka.
#[derive(Debug, Parser)]
struct Args {
    /// Bootstrap servers of an Apache Kafka of one broker; without it that comparison is left out
    #[arg(long)]
    apache: Option<String>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    start_up().await?;
    // First of all that hold messages: memory that others freed would hide what these take.
    memory_of_single_messages().await?;
    backlog_and_memory().await?;
    round_trips().await?;
    rebalance().await?;
    in_and_out(args.apache.as_deref()).await
}

async fn start_up() -> anyhow::Result<()> {
    let mut slowest_ms: f64 = 0.0;
    for _ in 0..5 {
        let start = ci::micro::now();
        let kafka = EmbeddedKafka::start(3).await?;
        slowest_ms = slowest_ms.max(start.elapsed().as_secs_f64() * 1e3);
        kafka.shutdown().await;
    }
    Ok(report("kafka_start_slowest_of_5", slowest_ms, AtMost, 50.0, "ms")?)
}

/// One broker each, rounds in turn, so that what the machine does besides meets all alike.
async fn in_and_out(apache: Option<&str>) -> anyhow::Result<()> {
    let mut figures = Figures::default();
    if let Some(apache) = apache {
        // Its code is compiled as it runs; what comes first would count against it.
        create_topic(apache, "warm-up", PARTITIONS).await?;
        through(apache.to_owned(), "warm-up".to_owned()).await?;
    }
    for round in 0..ROUNDS {
        let kafka = EmbeddedKafka::start(1).await?;
        kafka.create_topic("t", PARTITIONS)?;
        figures.ours.push(through(kafka.bootstrap_servers(), "t".to_owned()).await?);
        kafka.shutdown().await;

        let krafka = FakeBroker::start().await?;
        krafka.create_topic("t", PARTITIONS);
        match through(krafka.bootstrap_servers(), "t".to_owned()).await {
            Ok(per_s) => figures.krafka.push(per_s),
            Err(error) => writeln!(std::io::stdout(), "# a round of krafka failed: {error}")?,
        }
        drop(krafka);

        if let Some(apache) = apache {
            let topic = format!("round-{round}");
            create_topic(apache, &topic, PARTITIONS).await?;
            figures.apache.push(through(apache.to_owned(), topic).await?);
        }
    }
    figures.report(apache.is_some())
}

async fn through(bootstrap: String, topic: String) -> anyhow::Result<f64> {
    blocking(move || through::per_s(&bootstrap, &topic, PARTITIONS, MESSAGES)).await
}

/// Messages a second of each subject, a figure a round.
#[derive(Debug, Default)]
struct Figures {
    ours: Vec<f64>,
    krafka: Vec<f64>,
    apache: Vec<f64>,
}

impl Figures {
    fn report(self, with_apache: bool) -> anyhow::Result<()> {
        let [ours, krafka, apache] = [self.ours, self.krafka, self.apache].map(median);
        let all = format!("embedded {ours:.0}/s, krafka {krafka:.0}/s, Apache Kafka {apache:.0}/s");
        writeln!(std::io::stdout(), "# in and out at once, medians of {ROUNDS}: {all}")?;
        report("kafka_in_and_out", ours, AtLeast, 6e5, "/s")?;
        report("kafka_over_krafka", ours / krafka, AtLeast, 1.0, "")?;
        if with_apache {
            report("kafka_over_apache", ours / apache, AtLeast, 2.0, "")?;
        }
        Ok(())
    }
}

async fn backlog_and_memory() -> anyhow::Result<()> {
    let before = resident_bytes()?;
    let config = ClusterConfig { retention_bytes: 1 << 30, ..ClusterConfig::with_brokers(1) };
    let kafka = EmbeddedKafka::start_with(config).await?;
    kafka.create_topic("t", PARTITIONS)?;
    let servers = kafka.bootstrap_servers();
    let produce = servers.clone();
    blocking(move || {
        let producer = ci::broker::clients::producer(&produce, &[("linger.ms", "5")])?;
        ci::broker::clients::send_all(&producer, "t", BACKLOG)
    })
    .await?;
    let kept: u64 = kafka.partitions("t").into_iter().flatten().map(|part| part.bytes).sum();
    let grown = resident_bytes()?.saturating_sub(before);
    let share = grown as f64 / kept as f64;
    let read = blocking(move || backlog::per_s(&servers, "t", PARTITIONS, BACKLOG)).await?;
    report("kafka_backlog_fetch", read, AtLeast, 1e6, "/s")?;
    report("kafka_memory_over_log", share, AtMost, 1.1, "")?;
    kafka.shutdown().await;
    Ok(())
}

/// Batches of one message, at three brokers, more than are kept.
async fn memory_of_single_messages() -> anyhow::Result<()> {
    let before = resident_bytes()?;
    let config = ClusterConfig { retention_bytes: 16 << 20, ..ClusterConfig::with_brokers(3) };
    let retention = config.retention_bytes * PARTITIONS as u64;
    let kafka = EmbeddedKafka::start_with(config).await?;
    kafka.create_topic("t", PARTITIONS)?;
    let servers = kafka.bootstrap_servers();
    blocking(move || {
        // The client's own memory stays small.
        let settings = [("batch.num.messages", "1"), ("queue.buffering.max.messages", "1000")];
        let producer = ci::broker::clients::producer(&servers, &settings)?;
        ci::broker::clients::send_all(&producer, "t", SINGLE_MESSAGES)
    })
    .await?;
    let grown = resident_bytes()?.saturating_sub(before);
    report("kafka_memory_of_single_messages", grown as f64 / retention as f64, AtMost, 1.1, "")?;
    kafka.shutdown().await;
    Ok(())
}

async fn round_trips() -> anyhow::Result<()> {
    let kafka = EmbeddedKafka::start(1).await?;
    kafka.create_topic("t", 1)?;
    let servers = kafka.bootstrap_servers();
    let trips = blocking(move || round_trip::latencies(&servers, "t", 1, 10_000, 200_000)).await?;
    let us = |quantile| trips.quantile_us(quantile).map_or(f64::INFINITY, |us| us as f64);
    report("kafka_round_trip_p50", us(0.5), AtMost, 150.0, "us")?;
    report("kafka_round_trip_p99", us(0.99), AtMost, 1_000.0, "us")?;
    kafka.shutdown().await;
    Ok(())
}

/// Members: 200, partitions: 1,000.
async fn rebalance() -> anyhow::Result<()> {
    let config = ClusterConfig {
        group_initial_rebalance_delay: Duration::ZERO,
        ..ClusterConfig::with_brokers(1)
    };
    let kafka = EmbeddedKafka::start_with(config).await?;
    kafka.create_topic("t", 1_000)?;
    let took = group::rebalance(&kafka.bootstrap_servers(), 200, 1_000).await?;
    report("kafka_rebalance_200_members", took.as_secs_f64() * 1e3, AtMost, 1_000.0, "ms")?;
    kafka.shutdown().await;

    // A member hears of a change with its next heartbeat, so that the interval between them is not
    // the cluster's to save.
    let interval = ClusterConfig::default().consumer_heartbeat_interval;
    let kafka = EmbeddedKafka::start(1).await?;
    kafka.create_topic("t", 1_000)?;
    let took = consumer_group::settle(&kafka.bootstrap_servers(), 200, 1_000).await?;
    let beyond_ms = took.saturating_sub(interval).as_secs_f64() * 1e3;
    report("kafka_consumer_rebalance_200_members", beyond_ms, AtMost, 1_000.0, "ms")?;
    kafka.shutdown().await;
    Ok(())
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    tokio::task::spawn_blocking(work).await?
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}
