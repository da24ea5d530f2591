//! What is under way in one direction of a connection: chunks in order, each with its due time.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::active::Active;
use super::effect::Effect;
use super::rules::RuleState;

/// What a chunk costs beside its bytes, so that many small ones are bounded too.
const CHUNK_OVERHEAD_BYTES: usize = 192;

/// Bytes that arrived together; none stand for the end of the stream.
pub(super) struct Chunk {
    pub(super) bytes: Vec<u8>,
    pub(super) arrived: Instant,
    due: Instant,
    pub(super) held_by: Vec<Arc<RuleState>>,
    /// By how much each rule has made it late, those left out that have not.
    pub(super) delayed_by: Vec<(Arc<RuleState>, Duration)>,
}

impl Chunk {
    fn cost_bytes(&self) -> usize {
        self.bytes.len() + CHUNK_OVERHEAD_BYTES
    }
}

/// Chunks under way, the oldest first.
#[derive(Default)]
pub(super) struct Queue {
    chunks: VecDeque<Chunk>,
    cost_bytes: usize,
}

impl Queue {
    pub(super) fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// What the chunks take in memory, about.
    pub(super) fn cost_bytes(&self) -> usize {
        self.cost_bytes
    }

    /// Bytes have arrived.
    pub(super) fn push(&mut self, bytes: Vec<u8>, now: Instant, active: &mut [Active]) {
        let mut delayed_by = Vec::new();
        for active in active.iter_mut() {
            let late = active.late(bytes.len(), now);
            if !late.is_zero() {
                delayed_by.push((Arc::clone(&active.state), late));
            }
        }
        let holding = active.iter().filter(|active| active.holds());
        let held_by = holding.map(|active| Arc::clone(&active.state)).collect();
        let chunk = Chunk { bytes, arrived: now, due: now, held_by, delayed_by };
        self.cost_bytes += chunk.cost_bytes();
        self.chunks.push_back(chunk);
        self.schedule(self.chunks.len() - 1);
    }

    /// A rule that holds has come into force.
    pub(super) fn hold(&mut self, state: &Arc<RuleState>) {
        for chunk in &mut self.chunks {
            chunk.held_by.push(Arc::clone(state));
        }
    }

    /// Rules have ended: nothing waits for what they have added.
    pub(super) fn keep(&mut self, active: &[Active]) {
        for chunk in &mut self.chunks {
            chunk
                .delayed_by
                .retain(|(state, _)| active.iter().any(|active| Arc::ptr_eq(&active.state, state)));
        }
        self.schedule(0);
    }

    /// Sets the due times from this chunk on: none before the one in front of it.
    fn schedule(&mut self, first: usize) {
        let mut before = first.checked_sub(1).map(|before| self.chunks[before].due);
        for chunk in self.chunks.iter_mut().skip(first) {
            let late: Duration = chunk.delayed_by.iter().map(|(_, late)| *late).sum();
            let due = chunk.arrived + late;
            chunk.due = before.map_or(due, |before| due.max(before));
            before = Some(chunk.due);
        }
    }

    /// When the oldest chunk is due.
    pub(super) fn due(&self) -> Option<Instant> {
        self.chunks.front().map(|chunk| chunk.due)
    }

    /// When the newest chunk leaves the slowest link, if it has to pass one.
    pub(super) fn leaves_link(&self) -> Option<Instant> {
        let newest = self.chunks.back()?;
        let links = newest.delayed_by.iter();
        let links =
            links.filter(|(state, _)| matches!(state.rule.effect, Effect::Bandwidth { .. }));
        links.map(|(_, late)| newest.arrived + *late).max()
    }

    /// Takes the oldest chunk if it is due.
    pub(super) fn pop_due(&mut self, now: Instant) -> Option<Chunk> {
        let chunk = self.chunks.pop_front_if(|chunk| chunk.due <= now)?;
        self.cost_bytes -= chunk.cost_bytes();
        Some(chunk)
    }

    /// The sizes of all chunks, with the rules that hold them.
    pub(super) fn held(&self) -> impl Iterator<Item = (usize, &[Arc<RuleState>])> {
        self.chunks.iter().map(|chunk| (chunk.bytes.len(), &chunk.held_by[..]))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::effect::{Delay, Direction, JitterLaw};
    use super::super::rules::{Rule, Rules};
    use super::*;
    use crate::clock;

    const MILLI: Duration = Duration::from_millis(1);

    fn active(effect: Effect) -> Active {
        let rules = Rules::new();
        let names = |name: &str| BTreeSet::from([name.to_owned()]);
        rules.install(Rule {
            clients: names("n"),
            servers: names("s"),
            direction: Direction::Both,
            effect,
            seed: 1,
            expires: clock::now() + Duration::from_secs(3600),
        });
        let (_, mut matching) = rules.matching("n", "s");
        Active::new(matching.remove(0), 0, Direction::ToServer)
    }

    fn delay(delay_ms: u32, jitter_ms: u32) -> Effect {
        let (delay, jitter) = (MILLI * delay_ms, MILLI * jitter_ms);
        Effect::Delay(Delay { delay, jitter, law: JitterLaw::Even })
    }

    #[tokio::test(start_paused = true)]
    async fn no_chunk_is_due_before_the_one_in_front_of_it() {
        let (mut queue, mut rules) = (Queue::default(), [active(delay(50, 50))]);
        let start = clock::now();
        for number in 0..100 {
            queue.push(vec![7], start + MILLI * number, &mut rules);
        }
        let mut before = start;
        while let Some(due) = queue.due() {
            assert!(due >= before);
            assert!(queue.pop_due(due).is_some());
            before = due;
        }
        assert_eq!(queue.cost_bytes(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn what_an_ended_rule_has_added_is_taken_away_and_no_more() {
        let (mut queue, now) = (Queue::default(), clock::now());
        let mut rules = vec![active(delay(60, 0)), active(delay(20, 0))];
        queue.push(vec![7], now, &mut rules);
        assert_eq!(queue.due(), Some(now + 80 * MILLI));
        rules.remove(0);
        queue.keep(&rules);
        assert_eq!(queue.due(), Some(now + 20 * MILLI));
        queue.keep(&[]);
        assert_eq!(queue.due(), Some(now));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_close_makes_only_the_end_late() {
        let (mut queue, now) = (Queue::default(), clock::now());
        let mut rules = [active(Effect::SlowClose { delay: 30 * MILLI })];
        queue.push(vec![7], now, &mut rules);
        queue.push(Vec::new(), now, &mut rules);
        assert!(queue.pop_due(now).is_some_and(|chunk| chunk.bytes == [7]));
        assert!(queue.pop_due(now).is_none());
        assert_eq!(queue.due(), Some(now + 30 * MILLI));
    }

    #[tokio::test(start_paused = true)]
    async fn a_chunk_leaves_its_link_before_its_delay_is_over() {
        let (mut queue, now) = (Queue::default(), clock::now());
        let mut rules = [active(Effect::Bandwidth { bytes_per_s: 1_000 }), active(delay(500, 0))];
        assert_eq!(queue.leaves_link(), None);
        queue.push(vec![7; 1_000], now, &mut rules);
        assert_eq!(queue.leaves_link(), Some(now + 1_000 * MILLI));
        assert_eq!(queue.due(), Some(now + 1_500 * MILLI));
    }
}
