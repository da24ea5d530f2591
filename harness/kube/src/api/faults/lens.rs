//! What a watch on the socket sees of the store through the faults in force.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use tokio::sync::watch;
use tokio::time::Instant;

use super::super::ApiServer;
use super::counts::Counts;
use super::rules::{Course, Opened, Window};
use crate::clock;
use crate::error::ApiError;

/// The eyes of one watch.
#[derive(Debug)]
pub(in super::super) struct Lens {
    server: ApiServer,
    opened: Opened,
    changed: watch::Receiver<()>,
    /// When to look again though nothing has changed.
    again: Option<Instant>,
    /// The fault that stalls it, and the version up to which it has counted what is withheld.
    stalled: Option<(Arc<Counts>, u64)>,
}

/// What it sees.
pub(in super::super) enum Sight {
    /// The connection is to be cut.
    Cut,
    /// Nothing may be said; what came after this version is withheld and to be counted.
    Stalled(u64),
    /// This much of the changes.
    Open(Window),
}

impl Lens {
    /// For a watch that opens now; nothing for one in memory.
    pub(in super::super) fn open(server: &ApiServer) -> Option<Self> {
        let faults = server.faults()?;
        Some(Self {
            opened: faults.rules().opened(clock::instant()),
            changed: faults.changed.subscribe(),
            server: server.clone(),
            again: None,
            stalled: None,
        })
    }

    /// Looks at a store of this version, as a watch that has come to `position`.
    pub(in super::super) fn look(
        &mut self,
        version: u64,
        position: u64,
    ) -> Result<Sight, ApiError> {
        self.changed.borrow_and_update();
        let course =
            self.server.shared.faults.rules().watch(clock::instant(), self.opened, version);
        Ok(match course {
            Course::Cut(counts) => {
                counts.watches.fetch_add(1, Relaxed);
                Sight::Cut
            }
            Course::Stall(counts, until) => {
                self.again = Some(until);
                let known = self.stalled.as_ref().filter(|(by, _)| Arc::ptr_eq(by, &counts));
                let counted = known.map(|(_, counted)| *counted);
                if counted.is_none() {
                    counts.watches.fetch_add(1, Relaxed);
                }
                let counted = counted.unwrap_or(position);
                self.stalled = Some((counts, counted));
                Sight::Stalled(counted)
            }
            Course::Open(window) => {
                self.again = window.again;
                self.stalled = None;
                if let Some((oldest, counts)) = &window.oldest
                    && position < *oldest
                {
                    counts.requests.fetch_add(1, Relaxed);
                    return Err(ApiError::expired(position, *oldest));
                }
                Sight::Open(window)
            }
        })
    }

    /// A stalled watch would have told of this many changes up to `version`.
    pub(in super::super) fn withheld(&mut self, events: usize, version: u64) {
        if let Some((counts, counted)) = &mut self.stalled {
            counts.events.fetch_add(events as u64, Relaxed);
            *counted = version;
        }
    }

    /// Events were told through a window, the first of this version, and changes merged into them.
    pub(in super::super) fn told(&self, window: &Window, first: u64, events: usize, merged: usize) {
        let Some(counts) = window.late.as_ref().filter(|_| events > 0) else { return };
        counts.events.fetch_add(events as u64, Relaxed);
        counts.merged.fetch_add(merged as u64, Relaxed);
        if let Some(reached) = self.server.shared.faults.rules().reached(first) {
            counts.took(clock::instant() - reached);
        }
    }

    /// Waits until it may see something else.
    pub(in super::super) async fn changed(&mut self) {
        tokio::select! {
            // The server, which holds the sender, lives as long as this.
            _ = self.changed.changed() => {}
            () = clock::reach(self.again) => {}
        }
    }
}

impl Window {
    /// A window on everything up to a version.
    pub(in super::super) fn all(version: u64) -> Self {
        Self { oldest: None, newest: version, merged: false, late: None, again: None }
    }
}
