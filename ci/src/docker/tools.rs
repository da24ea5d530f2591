//! Kafka's own performance tools, `kafka-producer-perf-test` and `kafka-consumer-perf-test`.

use super::load::{Load, Settings};
use super::process;
use super::topic::Topic;
use anyhow::Context;
use std::io::Write;
use tempfile::NamedTempFile;

/// Different payloads that the producer draws from.
const PAYLOADS: u64 = 1_000;
/// The tools' heap, and what waits in their producer at most: about as much as in our driver here.
const HEAP: &str = "512m";
const BUFFER_BYTES: &str = "buffer.memory=67108864";

/// The tools, and the payloads that they send: ours.
#[derive(Debug)]
pub struct Tools {
    class_path: String,
    payloads: NamedTempFile,
}

impl Tools {
    /// The tools on this class path, as `ci/apache-kafka jars` prints it.
    ///
    /// # Errors
    /// When payloads cannot be written.
    pub fn new(class_path: String) -> anyhow::Result<Self> {
        let mut payloads = NamedTempFile::new()?;
        let all = Load::unthrottled(PAYLOADS)?.payloads();
        payloads.write_all(all.join(&b'\n').as_slice())?;
        payloads.flush()?;
        Ok(Self { class_path, payloads })
    }

    /// Messages a second by which the producer's tool sends so many, as it says at its end.
    ///
    /// # Errors
    /// When it fails or says nothing.
    pub async fn produce(
        &self,
        topic: &Topic,
        messages: u64,
        settings: &Settings,
    ) -> anyhow::Result<f64> {
        let mut command = process::command(&self.class_path, HEAP);
        command.args(["org.apache.kafka.tools.ProducerPerformance", "--topic", &topic.name]);
        command.args(["--throughput", "-1", "--num-records", &messages.to_string()]);
        command.arg("--payload-file").arg(self.payloads.path());
        command.args(["--producer-props", BUFFER_BYTES]);
        command.arg(format!("bootstrap.servers={}", topic.bootstrap));
        command.args(settings.iter().map(|(name, value)| format!("{name}={value}")));
        let said = process::java(&mut command).await?;
        sent_per_s(&said, messages).with_context(|| format!("the producer's tool said {said}"))
    }

    /// Messages a second by which the consumer's tool reads so many, without the time that it takes
    /// to join its group.
    ///
    /// # Errors
    /// When it fails or says nothing.
    pub async fn consume(&self, topic: &Topic, messages: u64) -> anyhow::Result<f64> {
        let mut command = process::command(&self.class_path, HEAP);
        command.args(["org.apache.kafka.tools.ConsumerPerformance", "--topic", &topic.name]);
        command.args(["--bootstrap-server", &topic.bootstrap, "--hide-header"]);
        command.args(["--messages", &messages.to_string()]);
        let said = process::java(&mut command).await?;
        read_per_s(&said, messages).with_context(|| format!("the consumer's tool said {said}"))
    }
}

/// The rate in the last line of the producer's tool, if all was sent:
/// `500000 records sent, 51234.5 records/sec (50.03 MB/sec), 12.3 ms avg latency, ...`.
fn sent_per_s(said: &str, messages: u64) -> Option<f64> {
    let mut last = said.lines().last()?.split(' ');
    let all = last.next()?.parse::<u64>().ok()? == messages;
    last.nth(2).filter(|_| all)?.parse().ok()
}

/// `fetch.nMsg.sec`, the last of ten columns, if all was read.
fn read_per_s(said: &str, messages: u64) -> Option<f64> {
    let columns: Vec<&str> = said.lines().last()?.split(", ").collect();
    let all = columns.get(4)?.parse::<u64>().ok()? >= messages;
    columns.get(9).filter(|_| all)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_producers_last_line_counts_if_all_was_sent() {
        let said = "20 records sent, 4.0 records/sec (0.00 MB/sec), 1.0 ms avg latency, 2.0 ms max \
                    latency.\n100 records sent, 51234.5 records/sec (50.03 MB/sec), 12.3 ms avg \
                    latency, 20.00 ms max latency, 2 ms 50th, 3 ms 95th, 4 ms 99th, 5 ms 99.9th.\n";
        assert_eq!(sent_per_s(said, 100), Some(51_234.5));
        assert_eq!(sent_per_s(said, 101), None);
        assert_eq!(sent_per_s("", 0), None);
    }

    #[test]
    fn the_consumers_last_column_counts_if_all_was_read() {
        let said = "2026-11-22 04:00:00:000, 2026-11-22 04:00:05:000, 97.6, 19.5, 100, 20.0, 3500, \
                    1500, 65.1, 66.7\n";
        assert_eq!(read_per_s(said, 100), Some(66.7));
        assert_eq!(read_per_s(said, 101), None);
        assert_eq!(read_per_s("WARN", 0), None);
    }
}
