//! A rule that concerns one direction of one connection, and how late it makes what flows there.

use std::sync::Arc;
use std::time::Duration;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tokio::time::Instant;

use super::BUFFER_BYTES;
use super::effect::{DELAY_MAX, Direction, Effect, piece_bytes};
use super::rules::RuleState;

pub(super) struct Active {
    pub(super) state: Arc<RuleState>,
    flow: Direction,
    random: ChaCha8Rng,
    /// Whether the last packet was lost.
    losing: bool,
}

impl Active {
    /// Each direction of each connection draws for itself.
    pub(super) fn new(state: Arc<RuleState>, connection: u64, flow: Direction) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(state.rule.seed);
        random.set_stream(connection << 1 | u64::from(flow == Direction::ToClient));
        Self { state, flow, random, losing: false }
    }

    pub(super) fn holds(&self) -> bool {
        self.state.rule.effect == Effect::Hold
    }

    /// How much later bytes that arrive now are to be delivered. No bytes stand for the end of
    /// the stream.
    pub(super) fn late(&mut self, bytes: usize, now: Instant) -> Duration {
        match self.state.rule.effect {
            Effect::Hold | Effect::Cut(_) => Duration::ZERO,
            Effect::Delay(delay) => delay.draw(&mut self.random),
            Effect::Loss(loss) => {
                let flight = loss.fly(bytes, &mut self.losing, &mut self.random);
                self.state.counters.flown(flight.packets, flight.lost);
                flight.late
            }
            Effect::Bandwidth { bytes_per_s } => {
                self.state.link(self.flow).pass(bytes, bytes_per_s, now)
            }
            Effect::SlowClose { delay } if bytes == 0 => delay.min(DELAY_MAX),
            Effect::SlowClose { .. } => Duration::ZERO,
        }
    }

    /// The most bytes that may be read at a time.
    pub(super) fn piece_bytes(&self) -> usize {
        match self.state.rule.effect {
            Effect::Bandwidth { bytes_per_s } => piece_bytes(bytes_per_s),
            _ => BUFFER_BYTES,
        }
    }
}
