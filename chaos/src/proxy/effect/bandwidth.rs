//! A link of limited bandwidth that many connections share.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::proxy::BUFFER_BYTES;

/// The smallest piece that one connection puts on a link at a time.
const PIECE_BYTES_MIN: usize = 1024;
/// Pieces are cut so that the link carries about this many of them in a second.
const PIECES_PER_S: u64 = 20;

/// One direction of a link: bytes leave it one after the other, at its speed.
#[derive(Debug, Default)]
pub(crate) struct Link {
    free_at: Mutex<Option<Instant>>,
}

impl Link {
    /// Puts bytes on the link and says how long they take to leave it, behind all that was put
    /// there before.
    pub(crate) fn pass(&self, bytes: usize, bytes_per_s: u64, now: Instant) -> Duration {
        let mut free_at = self.free_at.lock().unwrap_or_else(PoisonError::into_inner);
        let begins = free_at.map_or(now, |free| free.max(now));
        let takes = Duration::from_secs_f64(bytes as f64 / bytes_per_s.max(1) as f64);
        let ends = begins + takes;
        *free_at = Some(ends);
        ends - now
    }
}

/// The most bytes that one connection puts on a link at a time, so that others get their turn.
pub(crate) fn piece_bytes(bytes_per_s: u64) -> usize {
    let piece = usize::try_from(bytes_per_s / PIECES_PER_S).unwrap_or(BUFFER_BYTES);
    piece.clamp(PIECE_BYTES_MIN, BUFFER_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    #[tokio::test(start_paused = true)]
    async fn bytes_leave_one_after_the_other_at_the_speed_of_the_link() {
        let (link, start) = (Link::default(), clock::now());
        let seconds = Duration::from_secs;
        assert_eq!(link.pass(2_000, 1_000, start), seconds(2));
        assert_eq!(link.pass(1_000, 1_000, start), seconds(3), "behind the first");
        assert_eq!(link.pass(1_000, 1_000, start + seconds(1)), seconds(3));
        assert_eq!(link.pass(1_000, 1_000, start + seconds(60)), seconds(1), "idle meanwhile");
        assert_eq!(link.pass(0, 1_000, start + seconds(120)), Duration::ZERO);
    }

    #[test]
    fn pieces_are_a_twentieth_of_a_second_within_bounds() {
        assert_eq!(piece_bytes(1), PIECE_BYTES_MIN);
        assert_eq!(piece_bytes(200_000), 10_000);
        assert_eq!(piece_bytes(u64::MAX), BUFFER_BYTES);
    }
}
