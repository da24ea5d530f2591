//! Strays that were sent: what brokers and workers made of each.

use super::strays::{Account, Fate, Lot};
use super::{Upstream, sender};
use crate::clock::Anchor;
use crate::environment::{DEAD_LETTER_TOPIC, UPSTREAM_CLIENT};
use crate::trial::{reader, stamp_of};
use chaos::{Installed, Refusal};
use futures::FutureExt;
use futures::future::BoxFuture;
use rdkafka::error::KafkaError;
use results::report::format::counted;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// How long accepted strays may take to be settled when no more are sent.
const SETTLE_LIMIT: Duration = Duration::from_secs(8);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Longest wait for a dead letter.
const POLL_WAIT: Duration = Duration::from_millis(50);

/// Sends strays, and follows each to its end.
pub(super) fn begin(
    upstream: &Arc<Upstream>,
    fate: Fate,
    strays: sender::Batch,
    limit: Duration,
) -> Result<Sent, Refusal> {
    let lot = upstream.strays.open(fate);
    let stop = Arc::new(Stop::default());
    let failed = |error: std::io::Error| Refusal::Failed(error.to_string());
    let sent = {
        let (upstream, lot, stop) = (Arc::clone(upstream), Arc::clone(&lot), Arc::clone(&stop));
        move || {
            let outcome = sender::run(&upstream, &lot, strays, (&stop.sending, limit));
            stop.sent.store(true, Ordering::Release);
            outcome.unwrap_or_else(|error| tracing::warn!(%error, "strays"));
        }
    };
    thread::Builder::new().name("strays".to_owned()).spawn(sent).map_err(failed)?;
    if fate == Fate::PutAside {
        let (upstream, lot, stop) = (Arc::clone(upstream), Arc::clone(&lot), Arc::clone(&stop));
        let read = move || {
            let outcome = read(&upstream.bootstrap, &lot, &stop.reading);
            outcome.unwrap_or_else(|error| tracing::warn!(%error, "dead letters"));
        };
        thread::Builder::new().name("dead-letters".to_owned()).spawn(read).map_err(failed)?;
    }
    Ok(Sent { lot, stop })
}

/// What ends the threads of a fault.
#[derive(Default)]
struct Stop {
    sending: AtomicBool,
    /// Every outcome is known, or given up.
    sent: AtomicBool,
    reading: AtomicBool,
}

/// Takes in the dead letters of a lot.
fn read(bootstrap: &str, lot: &Lot, stop: &AtomicBool) -> Result<(), KafkaError> {
    let settings = [
        ("client.id", UPSTREAM_CLIENT),
        ("group.id", "stormgauge-dead-letters"),
        // Those of open and aborted transactions are none.
        ("isolation.level", "read_committed"),
        ("fetch.wait.max.ms", "20"),
    ];
    let consumer = reader::from_start(bootstrap, (DEAD_LETTER_TOPIC, 1), &settings)?;
    while !stop.load(Ordering::Relaxed) {
        match consumer.poll(POLL_WAIT) {
            Some(Ok(message)) => {
                let stamp = stamp_of(&message).filter(|stamp| stamp.trial == lot.tag);
                stamp.iter().for_each(|stamp| lot.settled(stamp.position));
            }
            Some(Err(error)) => tracing::debug!(%error, "dead letters"),
            None => {}
        }
    }
    Ok(())
}

/// A lot under way.
pub(super) struct Sent {
    lot: Arc<Lot>,
    stop: Arc<Stop>,
}

impl Sent {
    /// What has become of it.
    pub(super) fn account(&self) -> Account {
        self.lot.account()
    }

    /// Sends no more and waits until all are settled.
    pub(super) async fn end(&self) -> Result<String, String> {
        self.stop.sending.store(true, Ordering::Relaxed);
        let limit = Anchor::ahead(SETTLE_LIMIT);
        let is_open = || !self.stop.sent.load(Ordering::Acquire) || self.lot.account().open > 0;
        while is_open() && limit.elapsed_ns() < 0 {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        let account = self.lot.account();
        if account.open > 0 {
            let (open, accepted) = (account.open, counted(account.accepted, "message"));
            return Err(format!(
                "of {accepted} beside the load, {open} neither processed nor put aside"
            ));
        }
        self.stop.reading.store(true, Ordering::Relaxed);
        Ok(account.sentence(self.lot.fate).unwrap_or_else(|| "none was sent".to_owned()))
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        self.stop.sending.store(true, Ordering::Relaxed);
        self.stop.reading.store(true, Ordering::Relaxed);
    }
}

impl Installed for Sent {
    fn evidence(&mut self) -> BoxFuture<'_, Option<String>> {
        let sentence = self.lot.account().sentence(self.lot.fate);
        async move { sentence }.boxed()
    }

    fn heal(&mut self) -> BoxFuture<'_, Result<String, String>> {
        async move { self.end().await }.boxed()
    }
}
