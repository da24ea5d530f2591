//! The one door through which time and randomness come in.

use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What one write needs from the outside: the time, and bits that nobody has used before.
#[derive(Debug, Clone)]
pub struct Moment {
    /// When the request is taken to happen.
    pub now: Timestamp,
    /// Source of this request's identifiers and generated names.
    pub entropy: ChaCha8Rng,
}

impl Moment {
    /// A moment whose identifiers follow from `seed` alone.
    pub fn at(now: Timestamp, seed: u64) -> Self {
        Self { now, entropy: ChaCha8Rng::seed_from_u64(seed) }
    }

    /// The time as Kubernetes writes it, to the second.
    pub(crate) fn rfc3339(&self) -> String {
        rfc3339(self.now)
    }

    /// A fresh version 4 UUID.
    pub(crate) fn uid(&mut self) -> String {
        let mut bytes = [0; 16];
        self.entropy.fill_bytes(&mut bytes);
        uuid::Builder::from_random_bytes(bytes).into_uuid().to_string()
    }

    /// Five characters for `generateName`, without vowels so that no words come up.
    pub(crate) fn suffix(&mut self) -> String {
        const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
        (0..5)
            .map(|_| ALPHABET[self.entropy.next_u32() as usize % ALPHABET.len()] as char)
            .collect()
    }
}

/// A time as Kubernetes writes it, to the second.
pub(crate) fn rfc3339(time: Timestamp) -> String {
    let seconds = Timestamp::from_second(time.as_second()).unwrap_or(Timestamp::UNIX_EPOCH);
    seconds.to_string()
}

/// The wall clock and the seeded generator behind every [`Moment`].
#[derive(Debug)]
pub struct Clock {
    entropy: Mutex<ChaCha8Rng>,
}

impl Clock {
    /// A clock whose random bits follow from `seed`.
    pub fn new(seed: u64) -> Self {
        Self { entropy: Mutex::new(ChaCha8Rng::seed_from_u64(seed)) }
    }

    /// The present moment, with random bits of its own.
    pub fn moment(&self) -> Moment {
        let seed = self.entropy.lock().unwrap_or_else(PoisonError::into_inner).next_u64();
        Moment::at(now(), seed)
    }
}

/// The wall clock.
#[expect(clippy::disallowed_methods, reason = "this module is the crate's door for time")]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

/// Completes at this time, or never.
pub(crate) async fn reach(time: Option<tokio::time::Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

/// The monotonic clock, which a paused test runtime can stop.
#[expect(clippy::disallowed_methods, reason = "this module is the crate's door for time")]
pub(crate) fn instant() -> tokio::time::Instant {
    tokio::time::Instant::now()
}
