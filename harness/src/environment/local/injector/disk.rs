//! Disks that are slow, or full.

use super::super::brokers;
use super::behind::behind;
use chaos::{DiskState, Installed, Refusal};
use embedded_kafka::{CapturedRequest, ClusterError, Disk, EmbeddedKafka};
use futures::FutureExt;
use futures::future::BoxFuture;
use results::report::format::counted;
use std::sync::Arc;
use std::time::Duration;

/// Changes the disks of brokers.
pub(super) fn change(
    kafka: &Arc<EmbeddedKafka>,
    names: &[String],
    state: DiskState,
) -> Result<Box<dyn Installed>, Refusal> {
    let disk = match state {
        DiskState::Slow { delay } => Disk::Slow { delay },
        DiskState::Full => Disk::Full,
    };
    let ids = brokers::ids(names)?;
    let since = kafka.captured().last().map_or(Duration::ZERO, |request| request.at);
    for id in &ids {
        kafka.set_disk(*id, disk).map_err(|error| Refusal::Failed(error.to_string()))?;
    }
    Ok(Box::new(Changed { kafka: Arc::clone(kafka), ids, state, since }))
}

struct Changed {
    kafka: Arc<EmbeddedKafka>,
    ids: Vec<i32>,
    state: DiskState,
    /// Requests that came earlier prove nothing.
    since: Duration,
}

impl Changed {
    fn sentence(&self) -> Option<String> {
        let each = self.ids.iter().map(|id| match self.state {
            DiskState::Slow { delay } => {
                // A broker that leads nothing writes what it copies.
                match brokers::led_by(&self.kafka, *id) {
                    0 => behind(*id, &brokers::replicas(&self.kafka)).sentence(),
                    _ => slow_write(*id, delay, self.since, &self.kafka.captured()),
                }
            }
            DiskState::Full => self.offline(*id),
        });
        each.collect::<Option<Vec<String>>>().map(|sentences| sentences.join("; "))
    }

    fn offline(&self, id: i32) -> Option<String> {
        let (in_sync, all) = kept_in_sync(&self.kafka, id);
        (in_sync == 0 && all > 0).then(|| {
            let name = brokers::name(id);
            let all = counted(all, "partition");
            format!("the logs of {name} are offline: in sync for none of {all}")
        })
    }

    async fn restore(&mut self) -> Result<String, ClusterError> {
        let mut restarted = 0;
        for id in &self.ids {
            self.kafka.set_disk(*id, Disk::Normal)?;
            // Logs that went offline stay so until the broker is started again.
            if self.state == DiskState::Full && kept_in_sync(&self.kafka, *id).0 == 0 {
                if brokers::is_alive(&self.kafka, *id) {
                    self.kafka.crash_broker(*id).await?;
                }
                self.kafka.restart_broker(*id).await?;
                restarted += 1;
            }
        }
        Ok(format!("disks of {} as before, {restarted} restarted", brokers::names(&self.ids)))
    }
}

/// For how many of the partitions it keeps a broker is in sync, and how many these are.
fn kept_in_sync(kafka: &EmbeddedKafka, id: i32) -> (usize, usize) {
    let partitions = brokers::partitions(kafka);
    let kept = partitions.iter().filter(|(_, view)| view.replicas.contains(&id));
    let in_sync = kept.clone().filter(|(_, view)| view.isr.contains(&id)).count();
    (in_sync, kept.count())
}

/// A write that came later and took at least as long as the disk is slow.
fn slow_write(
    id: i32,
    delay: Duration,
    since: Duration,
    requests: &[CapturedRequest],
) -> Option<String> {
    let is_write = |request: &CapturedRequest| request.broker == id && request.api == "Produce";
    let is_slow = |request: &CapturedRequest| request.at > since && request.elapsed >= delay;
    let slow = requests.iter().rev().find(|request| is_write(request) && is_slow(request))?;
    Some(format!(
        "a write at {} took {:.0} ms, {:.0} ms of it for the disk",
        brokers::name(id),
        slow.elapsed.as_secs_f64() * 1e3,
        delay.as_secs_f64() * 1e3
    ))
}

impl Installed for Changed {
    fn evidence(&mut self) -> BoxFuture<'_, Option<String>> {
        let sentence = self.sentence();
        async move { sentence }.boxed()
    }

    fn heal(&mut self) -> BoxFuture<'_, Result<String, String>> {
        async move { self.restore().await.map_err(|error| error.to_string()) }.boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_slow_write_after_the_change_is_evidence() {
        let millis = Duration::from_millis;
        let write = |broker, at, elapsed| CapturedRequest {
            at: millis(at),
            broker,
            client_id: "driver/0".to_owned(),
            api: "Produce".to_owned(),
            api_key: 0,
            version: 9,
            bytes: 200,
            elapsed: millis(elapsed),
            error_code: 0,
        };
        let seen = |requests: &[CapturedRequest]| slow_write(1, millis(100), millis(50), requests);
        assert_eq!(seen(&[write(1, 50, 200)]), None, "too early");
        assert_eq!(seen(&[write(1, 60, 99)]), None, "too fast");
        assert_eq!(seen(&[write(2, 60, 200)]), None, "another broker");
        assert_eq!(
            seen(&[write(1, 60, 120)]).unwrap(),
            "a write at broker-1 took 120 ms, 100 ms of it for the disk"
        );
    }
}
