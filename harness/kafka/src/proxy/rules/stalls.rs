//! Requests that wait on their way to a broker.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep_until;

use super::super::frames::Head;
use crate::clock::Clock;
use crate::server::lock;

/// The APIs whose requests wait.
#[derive(Debug)]
pub(super) struct Stalls {
    clock: Clock,
    apis: Mutex<BTreeMap<i16, Stall>>,
    /// Told when a stall begins or ends.
    changed: watch::Sender<()>,
}

#[derive(Debug)]
struct Stall {
    until: Duration,
    spared: Vec<String>,
    held_back: u64,
}

impl Stalls {
    pub(super) fn new() -> Self {
        let (clock, changed) = (Clock::start(), watch::Sender::default());
        Self { clock, apis: Mutex::default(), changed }
    }

    pub(super) fn begin(&self, api_key: i16, lasts: Duration, spared: Vec<String>) {
        let stall = Stall { until: self.clock.now() + lasts, spared, held_back: 0 };
        lock(&self.apis).insert(api_key, stall);
        self.changed.send_replace(());
    }

    /// How many requests have been held back.
    pub(super) fn held_back(&self, api_key: i16) -> u64 {
        lock(&self.apis).get(&api_key).map_or(0, |stall| stall.held_back)
    }

    /// Ends a stall and says how many requests it has held back.
    pub(super) fn end(&self, api_key: i16) -> u64 {
        let ended = lock(&self.apis).remove(&api_key);
        self.changed.send_replace(());
        ended.map_or(0, |stall| stall.held_back)
    }

    /// The APIs that are stalled now.
    pub(super) fn in_force(&self) -> Vec<i16> {
        let now = self.clock.now();
        let apis = lock(&self.apis);
        apis.iter().filter(|(_, stall)| stall.until > now).map(|(key, _)| *key).collect()
    }

    /// Waits as long as requests like this one are held back.
    pub(super) async fn wait(&self, head: &Head) {
        let mut changes = self.changed.subscribe();
        let mut counted = false;
        while let Some(until) = self.until(head, &mut counted) {
            tokio::select! {
                // The sender lives as long as the stalls.
                _ = changes.changed() => {}
                () = sleep_until(self.clock.instant(until)) => {}
            }
        }
    }

    /// Until when a request waits, and counts it once.
    fn until(&self, head: &Head, counted: &mut bool) -> Option<Duration> {
        let mut apis = lock(&self.apis);
        let stall = apis.get_mut(&head.key)?;
        if stall.until <= self.clock.now() || stall.spared.contains(&head.client_id) {
            return None;
        }
        stall.held_back += u64::from(!std::mem::replace(counted, true));
        Some(stall.until)
    }
}
