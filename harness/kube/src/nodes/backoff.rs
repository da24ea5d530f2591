//! How long a container that ended waits before it is started again.

use std::time::Duration;

/// The wait doubles up to this many times the first one.
const GROWTH_MAX: u32 = 16;

/// A wait that doubles with each failure and starts over after a good run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Backoff {
    first: Duration,
    next: Duration,
}

impl Backoff {
    pub(super) fn new(first: Duration) -> Self {
        Self { first, next: first }
    }

    /// The wait after a container that ran for `ran`. A run twice as long as the longest wait was a
    /// good one.
    pub(super) fn after(&mut self, ran: Duration) -> Duration {
        let longest = self.first * GROWTH_MAX;
        if ran > longest * 2 {
            self.next = self.first;
        }
        let wait = self.next;
        self.next = (wait * 2).min(longest);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_doubles_up_to_a_limit_and_starts_over_after_a_good_run() {
        let mut backoff = Backoff::new(Duration::from_millis(100));
        let mut after = |seconds| backoff.after(Duration::from_secs(seconds)).as_millis();
        let waits: Vec<_> = [0; 6].map(&mut after).into();
        assert_eq!(waits, [100, 200, 400, 800, 1600, 1600]);
        assert_eq!([after(4), after(0)], [100, 200]);
    }
}
