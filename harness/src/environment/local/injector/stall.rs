//! Brokers that hold back what consumers ask for.

use super::super::brokers;
use chaos::{Installed, Refusal, RequestKind};
use embedded_kafka::EmbeddedKafka;
use futures::FutureExt;
use futures::future::BoxFuture;
use std::sync::Arc;
use std::time::Duration;

/// Lets the fetch requests that come to brokers wait, for `limit` at most.
pub(super) fn hold_back(
    kafka: &Arc<EmbeddedKafka>,
    names: &[String],
    limit: Duration,
) -> Result<Box<dyn Installed>, Refusal> {
    let ids = brokers::ids(names)?;
    let mut stalled = Stalled { kafka: Arc::clone(kafka), ids, held_back: 0 };
    for id in &stalled.ids {
        if let Err(error) = kafka.stall_requests(*id, FETCH, limit) {
            stalled.end();
            return Err(Refusal::Failed(error.to_string()));
        }
    }
    Ok(Box::new(stalled))
}

const FETCH: i16 = RequestKind::Fetch.api_key();

struct Stalled {
    kafka: Arc<EmbeddedKafka>,
    ids: Vec<i32>,
    /// Requests that waited, once it is over.
    held_back: u64,
}

impl Stalled {
    fn end(&mut self) {
        self.held_back += self.ids.iter().map(|id| self.kafka.end_stall(*id, FETCH)).sum::<u64>();
    }

    fn sentence(&self) -> Option<String> {
        let each = self.ids.iter().filter_map(|id| match self.kafka.stalled_requests(*id, FETCH) {
            0 => None,
            count => Some(format!("{} holds back {count} fetch requests", brokers::name(*id))),
        });
        Some(each.collect::<Vec<_>>().join(", ")).filter(|sentence| !sentence.is_empty())
    }
}

impl Installed for Stalled {
    fn evidence(&mut self) -> BoxFuture<'_, Option<String>> {
        let sentence = self.sentence();
        async move { sentence }.boxed()
    }

    fn heal(&mut self) -> BoxFuture<'_, Result<String, String>> {
        self.end();
        let names = brokers::names(&self.ids);
        let sentence = format!("{names} took up {} fetch requests held back", self.held_back);
        async move { Ok(sentence) }.boxed()
    }
}
