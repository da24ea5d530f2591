//! Followers that copy nothing, until leaders are in sync with too few.

use super::super::{brokers, min_in_sync};
use chaos::{Installed, Refusal};
use embedded_kafka::{CapturedRequest, EmbeddedKafka, ReplicationLag};
use futures::FutureExt;
use futures::future::BoxFuture;
use results::report::format::counted;
use std::sync::Arc;
use std::time::Duration;

/// Kafka's number of the API, and of its refusal for want of replicas in sync.
const PRODUCE: i16 = 0;
const NOT_ENOUGH_REPLICAS: [i16; 2] = [19, 20];
/// How often the return of followers is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Lets the followers on these brokers copy nothing for `limit`.
pub(super) fn hold_back(
    kafka: &Arc<EmbeddedKafka>,
    names: &[String],
    limit: Duration,
) -> Result<Box<dyn Installed>, Refusal> {
    let ids = brokers::ids(names)?;
    let min_in_sync = min_in_sync(kafka.brokers().len());
    let held = Held { kafka: Arc::clone(kafka), ids, min_in_sync, short_since: None };
    held.set(ReplicationLag::of(limit)).map_err(Refusal::Failed)?;
    Ok(Box::new(held))
}

struct Held {
    kafka: Arc<EmbeddedKafka>,
    ids: Vec<i32>,
    min_in_sync: usize,
    /// The last request before too few were seen to be in sync: earlier ones prove nothing.
    short_since: Option<Duration>,
}

impl Held {
    fn set(&self, lag: ReplicationLag) -> Result<(), String> {
        let set = |id: &i32| self.kafka.set_replication_lag(*id, lag);
        self.ids.iter().try_for_each(set).map_err(|error| error.to_string())
    }

    fn sentence(&mut self) -> Option<String> {
        let short = self.short()?;
        let requests = self.kafka.captured();
        let last = || requests.last().map_or(Duration::ZERO, |request| request.at);
        let since = *self.short_since.get_or_insert_with(last);
        Some(format!("{short}; {}", outcome(&requests, since)?))
    }

    fn short(&self) -> Option<String> {
        let partitions = brokers::partitions(&self.kafka);
        let in_sync: Vec<usize> = partitions.iter().map(|(_, view)| view.isr.len()).collect();
        short(&in_sync, self.min_in_sync)
    }

    async fn restore(&self) -> Result<String, String> {
        self.set(ReplicationLag::default())?;
        while self.short().is_some() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(format!("at least {} of each partition in sync", counted(self.min_in_sync, "replica")))
    }
}

/// How many partitions have too few replicas in sync, in words; nothing if none has.
fn short(in_sync: &[usize], min_in_sync: usize) -> Option<String> {
    let short = || in_sync.iter().filter(|count| **count < min_in_sync);
    let fewest = short().min()?;
    let (short, all) = (short().count(), counted(in_sync.len(), "partition"));
    Some(format!("{short} of {all} with {fewest} in sync, {min_in_sync} asked for"))
}

/// What became of the writes that were answered since: refused, or accepted without followers.
fn outcome(requests: &[CapturedRequest], since: Duration) -> Option<String> {
    let writes = || requests.iter().filter(|it| it.api_key == PRODUCE && it.at > since);
    let refused = writes().filter(|it| NOT_ENOUGH_REPLICAS.contains(&it.error_code)).count();
    let accepted = writes().filter(|it| it.error_code == 0).count();
    match (refused, accepted) {
        (0, 0) => None,
        (0, _) => Some(format!("{} accepted", counted(accepted, "write"))),
        _ => Some(format!("{} refused for it", counted(refused, "write"))),
    }
}

impl Installed for Held {
    fn evidence(&mut self) -> BoxFuture<'_, Option<String>> {
        let sentence = self.sentence();
        async move { sentence }.boxed()
    }

    fn heal(&mut self) -> BoxFuture<'_, Result<String, String>> {
        async move { self.restore().await }.boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_writes_that_were_answered_while_too_few_were_in_sync_are_evidence() {
        assert_eq!(short(&[3, 2, 2], 2), None);
        assert_eq!(short(&[3, 1, 1], 2).unwrap(), "2 of 3 partitions with 1 in sync, 2 asked for");
        let millis = Duration::from_millis;
        let request = |api_key, at, error_code| CapturedRequest {
            at: millis(at),
            broker: 1,
            client_id: "driver/0".to_owned(),
            api: String::new(),
            api_key,
            version: 9,
            bytes: 200,
            elapsed: millis(1),
            error_code,
        };
        let seen = |requests: &[CapturedRequest]| outcome(requests, millis(100));
        assert_eq!(seen(&[request(PRODUCE, 100, 19), request(1, 200, 0)]), None);
        assert_eq!(seen(&[request(PRODUCE, 101, 0)]).unwrap(), "1 write accepted");
        let both = [request(PRODUCE, 101, 0), request(PRODUCE, 102, 19)];
        assert_eq!(seen(&both).unwrap(), "1 write refused for it");
    }
}
