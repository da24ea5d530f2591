//! What the harness reads from, trims in, and breaks of the embedded brokers.

use chaos::{Installed, Refusal};
use embedded_kafka::{CrashReport, EmbeddedKafka};
use futures::FutureExt;
use futures::future::BoxFuture;
use std::sync::Arc;

/// The name of a broker in scenarios.
pub(super) fn name(id: i32) -> String {
    format!("broker-{id}")
}

/// The number of a broker, of its name.
pub(super) fn id(name: &str) -> Option<i32> {
    name.strip_prefix("broker-")?.parse().ok()
}

/// Records of `topic` that `group` has not committed.
pub(super) fn lag_records(kafka: &EmbeddedKafka, topic: &str, group: &str) -> u64 {
    let committed = kafka.group(group).map(|group| group.committed).unwrap_or_default();
    let partitions = kafka.partitions(topic).unwrap_or_default();
    partitions
        .iter()
        .map(|partition| {
            let position = committed
                .get(&(topic.to_owned(), partition.partition))
                .copied()
                .unwrap_or(partition.log_start);
            u64::try_from(partition.high_watermark - position).unwrap_or(0)
        })
        .sum()
}

/// Lets go of what `group` has committed.
pub(super) fn trim_committed(kafka: &EmbeddedKafka, topic: &str, group: &str) {
    let Some(group) = kafka.group(group) else { return };
    for ((committed_topic, partition), offset) in group.committed {
        if committed_topic == topic {
            trim(kafka, topic, partition, offset);
        }
    }
}

/// Lets go of what lies below `offsets`, by partition.
pub(super) fn trim_below(kafka: &EmbeddedKafka, topic: &str, offsets: &[i64]) {
    for (partition, offset) in (0..).zip(offsets) {
        trim(kafka, topic, partition, *offset);
    }
}

/// A partition without a leader is trimmed at the next call instead.
fn trim(kafka: &EmbeddedKafka, topic: &str, partition: i32, before: i64) {
    if let Err(error) = kafka.delete_records(topic, partition, before) {
        tracing::debug!(%error, topic, partition, "not trimmed now");
    }
}

/// Takes brokers down.
pub(super) async fn crash(
    kafka: &Arc<EmbeddedKafka>,
    names: &[String],
) -> Result<Box<dyn Installed>, Refusal> {
    let mut crashed = Crashed { kafka: Arc::clone(kafka), down: Vec::new() };
    for name in names {
        let broker = id(name).ok_or_else(|| Refusal::Failed(format!("no broker {name}")));
        let report = match broker {
            Ok(id) => kafka.crash_broker(id).await.map(|report| (id, report)),
            Err(refusal) => return undo(crashed, refusal).await,
        };
        match report {
            Ok(report) => crashed.down.push(report),
            Err(error) => return undo(crashed, Refusal::Failed(error.to_string())).await,
        }
    }
    Ok(Box::new(crashed))
}

/// A refusal means that nothing was installed, so what was crashed already comes back.
async fn undo(mut crashed: Crashed, refusal: Refusal) -> Result<Box<dyn Installed>, Refusal> {
    match crashed.restart().await {
        Ok(_) => Err(refusal),
        Err(error) => Err(Refusal::Failed(format!("{refusal}; then {error}"))),
    }
}

/// Brokers that are down, with what their crash cut off.
struct Crashed {
    kafka: Arc<EmbeddedKafka>,
    down: Vec<(i32, CrashReport)>,
}

impl Crashed {
    /// Whether no partition is led by a broker that is down, and how many are led at all.
    fn elections_done(&self) -> (bool, usize) {
        let topics = [crate::environment::SOURCE_TOPIC, crate::environment::RESULT_TOPIC];
        let partitions: Vec<_> =
            topics.iter().filter_map(|topic| self.kafka.partitions(topic)).flatten().collect();
        let led = partitions.iter().filter(|partition| {
            let dead = |leader| self.down.iter().any(|(id, _)| *id == leader);
            partition.leader.is_some_and(|leader| !dead(leader))
        });
        let led = led.count();
        (led == partitions.len(), led)
    }

    fn sentence(&self) -> Option<String> {
        let (done, led) = self.elections_done();
        let cut: usize = self.down.iter().map(|(_, report)| report.connections_cut).sum();
        let lost: usize = self.down.iter().map(|(_, report)| report.leaderships_lost).sum();
        done.then(|| {
            format!(
                "{cut} connections cut, {lost} leaderships lost; all {led} partitions led by \
                 others now"
            )
        })
    }

    async fn restart(&mut self) -> Result<String, String> {
        let mut back = Vec::new();
        for (id, _) in &self.down {
            let alive = self.kafka.brokers().iter().any(|broker| broker.id == *id && broker.alive);
            if !alive {
                self.kafka.restart_broker(*id).await.map_err(|error| error.to_string())?;
            }
            back.push(name(*id));
        }
        Ok(format!("{} serving again", back.join(", ")))
    }
}

impl Installed for Crashed {
    fn evidence(&mut self) -> BoxFuture<'_, Option<String>> {
        let sentence = self.sentence();
        async move { sentence }.boxed()
    }

    fn heal(&mut self) -> BoxFuture<'_, Result<String, String>> {
        self.restart().boxed()
    }
}
