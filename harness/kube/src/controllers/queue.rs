//! A work queue of keys: a key waits at most once, is worked on by one at a time, and comes back
//! later when its reconciler fails or asks for it.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Debug;
use std::hash::Hash;
use std::time::Duration;

use futures::{Stream, StreamExt};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::clock;

/// Delay before the first retry of a key that failed; it doubles with each failure.
const RETRY_FIRST: Duration = Duration::from_millis(10);
/// No retry waits longer than this.
const RETRY_LAST: Duration = Duration::from_secs(1);

/// What a watch says about the keys of a controller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Signal<K> {
    /// Look at this one.
    Key(K),
    /// Events may have been missed: look at all that were seen so far.
    Everything,
}

/// When to look at a key again without being told to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// When something changes.
    Settled,
    /// After this time at the latest.
    After(Duration),
    /// Never: the object is gone.
    Gone,
}

/// What is done for one key.
pub(super) trait Reconciler: Send {
    /// Names what is reconciled.
    type Key: Clone + Debug + Eq + Hash + Ord + Send;
    /// Makes the world agree with what is wanted for `key`. Must be safe to repeat.
    fn reconcile(
        &mut self,
        key: &Self::Key,
    ) -> impl Future<Output = Result<Next, kube::Error>> + Send;
}

/// Reconciles the keys that `signals` names until `cancel`.
pub(super) async fn run<R: Reconciler>(
    mut reconciler: R,
    signals: impl Stream<Item = Signal<R::Key>>,
    cancel: CancellationToken,
) {
    let mut signals = std::pin::pin!(signals);
    let mut queue = Queue::new();
    loop {
        let due = queue.next_due();
        let work = async {
            match due {
                Some((at, key)) => {
                    tokio::time::sleep_until(at).await;
                    key
                }
                None => std::future::pending().await,
            }
        };
        let key = tokio::select! {
            () = cancel.cancelled() => return,
            signal = signals.next() => match signal {
                Some(signal) => {
                    queue.signal(signal, clock::instant());
                    continue;
                }
                None => return,
            },
            key = work => key,
        };
        queue.taken(&key);
        let outcome = tokio::select! {
            () = cancel.cancelled() => return,
            outcome = reconciler.reconcile(&key) => outcome,
        };
        if let Err(error) = &outcome {
            tracing::debug!(?key, %error, "reconciliation failed and will be repeated");
        }
        queue.done(key, outcome.ok(), clock::instant());
    }
}

/// The keys and when each is due.
struct Queue<K> {
    known: BTreeSet<K>,
    due: HashMap<K, Instant>,
    failures: HashMap<K, u32>,
}

impl<K: Clone + Eq + Hash + Ord> Queue<K> {
    fn new() -> Self {
        Self { known: BTreeSet::new(), due: HashMap::new(), failures: HashMap::new() }
    }

    fn signal(&mut self, signal: Signal<K>, now: Instant) {
        match signal {
            Signal::Key(key) => {
                self.known.insert(key.clone());
                // A key in retry is not hurried by its own echo; anything else is due at once.
                if !(self.failures.contains_key(&key) && self.due.contains_key(&key)) {
                    self.due.insert(key, now);
                }
            }
            Signal::Everything => {
                self.due.extend(self.known.iter().map(|key| (key.clone(), now)));
            }
        }
    }

    fn next_due(&self) -> Option<(Instant, K)> {
        self.due.iter().map(|(key, at)| (*at, key)).min().map(|(at, key)| (at, key.clone()))
    }

    fn taken(&mut self, key: &K) {
        self.due.remove(key);
    }

    fn done(&mut self, key: K, outcome: Option<Next>, now: Instant) {
        let Some(next) = outcome else {
            let failures = self.failures.entry(key.clone()).or_default();
            let delay = RETRY_FIRST.saturating_mul(1 << (*failures).min(16)).min(RETRY_LAST);
            *failures += 1;
            self.due.insert(key, now + delay);
            return;
        };
        self.failures.remove(&key);
        match next {
            Next::Settled => {}
            Next::After(delay) => {
                self.due.insert(key, now + delay);
            }
            Next::Gone => {
                self.known.remove(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> Instant {
        clock::instant()
    }

    #[test]
    fn a_key_signalled_twice_is_due_once() {
        let mut queue = Queue::new();
        queue.signal(Signal::Key("a"), start());
        queue.signal(Signal::Key("a"), start());
        let (_, key) = queue.next_due().unwrap();
        queue.taken(&key);
        assert_eq!(queue.next_due(), None);
    }

    #[test]
    fn retries_double_up_to_a_limit_and_are_forgotten_on_success() {
        let mut queue = Queue::new();
        let now = start();
        let mut delays = Vec::new();
        for _ in 0..9 {
            queue.done("a", None, now);
            delays.push((queue.next_due().unwrap().0 - now).as_millis());
        }
        assert_eq!(delays, [10, 20, 40, 80, 160, 320, 640, 1000, 1000]);
        queue.done("a", Some(Next::Settled), now);
        queue.signal(Signal::Key("a"), now);
        assert_eq!(queue.next_due(), Some((now, "a")));
    }

    #[test]
    fn everything_means_every_key_that_is_not_gone() {
        let mut queue = Queue::new();
        let now = start();
        for key in ["a", "b"] {
            queue.signal(Signal::Key(key), now);
            queue.taken(&key);
        }
        queue.done("a", Some(Next::Gone), now);
        queue.signal(Signal::Everything, now);
        assert_eq!(queue.due.keys().collect::<Vec<_>>(), [&"b"]);
    }
}
