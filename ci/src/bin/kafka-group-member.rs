//! One member of a consumer group, for tests that kill it: prints `read PARTITION VALUE` for each
//! message and `own PARTITIONS` whenever it owns others than before, and leaves the group when its
//! standard input ends.

use std::io::{Read as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Parser;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;

/// A member of a consumer group on librdkafka.
#[derive(Debug, Parser)]
struct Args {
    /// Bootstrap servers
    servers: String,
    /// The topic to read
    topic: String,
    /// The group's id
    group: String,
    /// `range` or `cooperative-sticky` of the classic protocol, or `consumer` for KIP-848
    kind: String,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &args.servers).set("group.id", &args.group);
    config.set("auto.offset.reset", "earliest");
    // An offset may be committed only when its message was printed.
    config.set("enable.auto.offset.store", "false").set("auto.commit.interval.ms", "200");
    if args.kind == "consumer" {
        config.set("group.protocol", "consumer");
    } else {
        config.set("partition.assignment.strategy", &args.kind);
        config.set("session.timeout.ms", "3000").set("heartbeat.interval.ms", "500");
    }
    let consumer: BaseConsumer = config.create()?;
    consumer.subscribe(&[&args.topic])?;
    let ended = Arc::new(AtomicBool::new(false));
    let end = ended.clone();
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        end.store(true, Ordering::Relaxed);
    });
    let mut out = std::io::stdout().lock();
    let mut owned = Vec::new();
    while !ended.load(Ordering::Relaxed) {
        // Errors here are of brokers that are down and of rebalances; the client goes on.
        if let Some(Ok(message)) = consumer.poll(Duration::from_millis(50)) {
            let value = String::from_utf8_lossy(message.payload().unwrap_or_default());
            writeln!(out, "read {} {value}", message.partition())?;
            // Refused when the partition was lost meanwhile: then others read it again.
            let _ = consumer.store_offset_from_message(&message);
        }
        let assignment = consumer.assignment()?;
        let mut now: Vec<i32> = assignment.elements().iter().map(|one| one.partition()).collect();
        now.sort_unstable();
        if now != owned {
            owned = now;
            let words: Vec<String> = owned.iter().map(ToString::to_string).collect();
            writeln!(out, "own {}", words.join(" "))?;
        }
    }
    Ok(())
}
