//! Brokers that hold back what workers want to read.

use super::super::brokers;
use super::requests::Requests;
use crate::environment::NO_WORKERS;
use chaos::{Installed, Refusal, RequestKind};
use futures::FutureExt;
use futures::future::BoxFuture;
use results::report::format::counted;
use std::sync::Arc;
use std::time::Duration;

/// Lets the fetch requests of workers that come to brokers wait, for `limit` at most.
pub(in crate::environment) fn hold_back<R: Requests>(
    requests: &Arc<R>,
    names: &[String],
    limit: Duration,
) -> Result<Box<dyn Installed>, Refusal> {
    let ids = brokers::ids(names)?;
    let mut stalled = Stalled { requests: Arc::clone(requests), ids, held_back: 0 };
    for id in &stalled.ids {
        if let Err(error) = requests.stall(*id, FETCH, limit, &NO_WORKERS) {
            stalled.end();
            return Err(Refusal::Failed(error.to_string()));
        }
    }
    Ok(Box::new(stalled))
}

const FETCH: i16 = RequestKind::Fetch.api_key();

struct Stalled<R> {
    requests: Arc<R>,
    ids: Vec<i32>,
    /// Requests that waited, once it is over.
    held_back: u64,
}

impl<R: Requests> Stalled<R> {
    fn end(&mut self) {
        self.held_back +=
            self.ids.iter().map(|id| self.requests.end_stall(*id, FETCH)).sum::<u64>();
    }

    fn sentence(&self) -> Option<String> {
        let each = self.ids.iter().filter_map(|id| match self.requests.stalled(*id, FETCH) {
            0 => None,
            count => Some(format!("{} has held back {}", brokers::name(*id), of_workers(count))),
        });
        Some(each.collect::<Vec<_>>().join(", ")).filter(|sentence| !sentence.is_empty())
    }
}

impl<R: Requests> Installed for Stalled<R> {
    fn evidence(&mut self) -> BoxFuture<'_, Option<String>> {
        let sentence = self.sentence();
        async move { sentence }.boxed()
    }

    fn heal(&mut self) -> BoxFuture<'_, Result<String, String>> {
        self.end();
        let names = brokers::names(&self.ids);
        let sentence = format!("{names} held back {} in all", of_workers(self.held_back));
        async move { Ok(sentence) }.boxed()
    }
}

fn of_workers(count: u64) -> String {
    format!("{} of workers", counted(count, "fetch request"))
}
