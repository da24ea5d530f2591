//! One direction of one connection.
//!
//! The fast path reads into a large buffer and writes it out; one atomic load a chunk notices
//! new rules. When some concern this connection, chunks go through a queue instead, each with the
//! time at which it is due, until the rules are gone and the queue is empty.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::BufMut;
use futures::FutureExt;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::connection::Link;
use super::rules::{Direction, Effect, RuleState};
use super::{BUFFER_BYTES, DELAYED_BYTES_MAX, DELAYED_BYTES_MAX_PROXY};
use crate::clock;

/// How often a held connection looks whether its client is still there.
const HELD_CHECK: Duration = Duration::from_millis(100);
/// What a chunk costs beside its bytes, so that many small ones are bounded too.
const CHUNK_OVERHEAD_BYTES: usize = 192;

/// How a pump ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Everything was passed on up to the end of the stream, or the broker takes no more.
    Finished,
    /// The client is gone.
    ClientGone,
}

pub(super) struct Pump<'a> {
    link: &'a Link<'a>,
    flow: Direction,
    reader: ReadHalf<'a>,
    writer: WriteHalf<'a>,
    buffer: Vec<u8>,
    /// The generation of the rules that `active` is of.
    seen: u64,
    active: Vec<Active>,
    changes: watch::Receiver<()>,
    queue: VecDeque<Chunk>,
    /// What the queue costs in bytes, overhead included.
    queued_bytes: usize,
    ended: bool,
}

/// A rule that concerns this pump.
struct Active {
    state: Arc<RuleState>,
    jitter: ChaCha8Rng,
}

/// Bytes that arrived together; none stand for the end of the stream.
struct Chunk {
    bytes: Vec<u8>,
    arrived: Instant,
    due: Instant,
    held_by: Vec<Arc<RuleState>>,
    delayed_by: Vec<Arc<RuleState>>,
}

impl Chunk {
    fn cost_bytes(&self) -> usize {
        self.bytes.len() + CHUNK_OVERHEAD_BYTES
    }
}

impl<'a> Pump<'a> {
    /// A pump that begins with the bytes in `buffer`, which were read before.
    pub(super) fn new(
        link: &'a Link<'a>,
        flow: Direction,
        reader: ReadHalf<'a>,
        writer: WriteHalf<'a>,
        buffer: Vec<u8>,
    ) -> Self {
        let changes = link.shared.rules.changes();
        let (queue, active) = (VecDeque::new(), Vec::new());
        let (seen, queued_bytes, ended) = (u64::MAX, 0, false);
        Self {
            link,
            flow,
            reader,
            writer,
            buffer,
            seen,
            active,
            changes,
            queue,
            queued_bytes,
            ended,
        }
    }

    /// Passes bytes on until one side has ended.
    pub(super) async fn run(mut self) -> End {
        self.settle(clock::now());
        let mut read = Ok(self.buffer.len());
        if self.buffer.is_empty() {
            read = self.reader.read_buf(&mut self.buffer).await;
        }
        loop {
            let end = match self.straight(read).await {
                Ok(()) => self.queued().await,
                Err(end) => Err(end),
            };
            if let Err(end) = end {
                return end;
            }
            self.buffer.clear();
            read = self.reader.read_buf(&mut self.buffer).await;
        }
    }

    /// The fast path. It ends well when a rule concerns the bytes just read, or at the end of
    /// the stream; then these are in the queue.
    async fn straight(&mut self, mut read: io::Result<usize>) -> Result<(), End> {
        loop {
            if self.link.shared.rules.generation() != self.seen {
                self.settle(clock::now());
            }
            if !self.active.is_empty() || !matches!(read, Ok(1..)) {
                return self.arrived(read);
            }
            self.write(None).await?;
            self.buffer.clear();
            read = self.reader.read_buf(&mut self.buffer).await;
        }
    }

    /// The path of held and delayed bytes. It ends well when no rule concerns this pump any more
    /// and everything that was under way has been delivered.
    async fn queued(&mut self) -> Result<(), End> {
        loop {
            let now = clock::now();
            self.settle(now);
            let holding = self.holds();
            let due = self.queue.front().map(|chunk| chunk.due);
            if !holding && due.is_some_and(|due| due <= now) {
                self.deliver(now).await?;
                continue;
            }
            if self.queue.is_empty() && self.active.is_empty() {
                return Ok(());
            }
            if holding && self.client_is_gone() {
                self.abandon();
                return Err(End::ClientGone);
            }
            let expiry = self.active.iter().map(|active| active.state.rule.expires).min();
            let look = if holding { Some(now + HELD_CHECK) } else { due };
            let wake = expiry.into_iter().chain(look).min().unwrap_or(now);
            let room = self.room(holding);
            self.buffer.clear();
            tokio::select! {
                biased;
                // The sender lives as long as the proxy.
                _ = self.changes.changed() => {}
                read = read_up_to(&mut self.reader, &mut self.buffer, room), if room > 0 => {
                    self.arrived(read)?;
                }
                () = sleep_until(wake) => {}
            }
        }
    }

    /// Brings the rules up to date and applies what has changed to the bytes under way.
    fn settle(&mut self, now: Instant) {
        let rules = &self.link.shared.rules;
        let mut changed = false;
        if rules.generation() != self.seen {
            let (seen, matching) =
                rules.matching(&self.link.group, &self.link.shared.broker, self.flow);
            self.seen = seen;
            changed = true;
            let mut before = std::mem::take(&mut self.active);
            for state in matching {
                let known = before.iter().position(|active| Arc::ptr_eq(&active.state, &state));
                match known {
                    Some(position) => self.active.push(before.swap_remove(position)),
                    None => self.begin(state),
                }
            }
        }
        let count = self.active.len();
        self.active.retain(|active| active.state.rule.expires > now);
        if changed || self.active.len() != count {
            // What waits for a delay that is no more is due at once, in order.
            let longest = self.active.iter().map(|active| longest_delay(&active.state)).sum();
            for chunk in &mut self.queue {
                chunk.due = chunk.due.min(chunk.arrived + longest);
            }
        }
    }

    fn begin(&mut self, state: Arc<RuleState>) {
        let seed = match state.rule.effect {
            Effect::Hold => {
                for chunk in &mut self.queue {
                    self.link.count(&state);
                    state.count_held(chunk.bytes.len());
                    chunk.held_by.push(Arc::clone(&state));
                }
                0
            }
            Effect::Delay { seed, .. } => seed,
        };
        let mut jitter = ChaCha8Rng::seed_from_u64(seed);
        jitter.set_stream(self.link.number << 1 | u64::from(self.flow == Direction::ToClient));
        self.active.push(Active { state, jitter });
    }

    /// Puts what was read in the queue. An error of the broker's side is an end like any other.
    fn arrived(&mut self, read: io::Result<usize>) -> Result<(), End> {
        if read.is_err() && self.flow == Direction::ToBroker {
            self.abandon();
            return Err(End::ClientGone);
        }
        let bytes = match read {
            Ok(1..) => self.buffer.clone(),
            Ok(0) | Err(_) => {
                self.ended = true;
                Vec::new()
            }
        };
        let arrived = clock::now();
        let mut late = Duration::ZERO;
        let (mut held_by, mut delayed_by) = (Vec::new(), Vec::new());
        for active in &mut self.active {
            match active.state.rule.effect {
                Effect::Hold => {
                    if !bytes.is_empty() {
                        self.link.count(&active.state);
                        active.state.count_held(bytes.len());
                    }
                    held_by.push(Arc::clone(&active.state));
                }
                Effect::Delay { delay, jitter, .. } => {
                    late += strayed(delay, jitter, &mut active.jitter);
                    delayed_by.push(Arc::clone(&active.state));
                }
            }
        }
        let before = self.queue.back().map_or(arrived, |chunk| chunk.due);
        let due = (arrived + late).max(before);
        let chunk = Chunk { bytes, arrived, due, held_by, delayed_by };
        self.queued_bytes += chunk.cost_bytes();
        self.link.shared.delayed_bytes.fetch_add(chunk.cost_bytes(), Ordering::Relaxed);
        self.queue.push_back(chunk);
        Ok(())
    }

    async fn deliver(&mut self, now: Instant) -> Result<(), End> {
        let Some(chunk) = self.queue.pop_front() else {
            return Ok(());
        };
        self.queued_bytes -= chunk.cost_bytes();
        self.link.shared.delayed_bytes.fetch_sub(chunk.cost_bytes(), Ordering::Relaxed);
        if chunk.bytes.is_empty() {
            // The end of the stream; a side that is gone already needs no farewell.
            let _gone = self.writer.shutdown().await;
            return Err(End::Finished);
        }
        self.write(Some(&chunk.bytes)).await?;
        let late = now.saturating_duration_since(chunk.arrived);
        for state in &chunk.held_by {
            state.count_released(late);
        }
        // How late held bytes are says nothing about the delay.
        if chunk.held_by.is_empty() {
            for state in &chunk.delayed_by {
                self.link.count(state);
                state.count_delayed(chunk.bytes.len(), late);
            }
        }
        Ok(())
    }

    /// Writes these bytes, or what is in the buffer.
    async fn write(&mut self, bytes: Option<&[u8]>) -> Result<(), End> {
        let bytes = bytes.unwrap_or(&self.buffer);
        self.writer.write_all(bytes).await.map_err(|_| match self.flow {
            Direction::ToBroker => End::Finished,
            Direction::Both | Direction::ToClient => End::ClientGone,
        })
    }

    fn holds(&self) -> bool {
        self.active.iter().any(|active| active.state.rule.effect == Effect::Hold)
    }

    /// How much may be read now: one buffer while holding, and up to the bounds while delaying.
    fn room(&self, holding: bool) -> usize {
        if self.ended {
            0
        } else if self.queue.is_empty() {
            BUFFER_BYTES
        } else if holding
            || self.link.shared.delayed_bytes.load(Ordering::Relaxed) >= DELAYED_BYTES_MAX_PROXY
        {
            0
        } else {
            DELAYED_BYTES_MAX.saturating_sub(self.queued_bytes).min(BUFFER_BYTES)
        }
    }

    /// Whether the client has closed its side. It is seen even when bytes of the client's wait
    /// in front of its farewell, as long as they fit into the kernel's buffer; otherwise it is
    /// seen when the hold ends. Kafka clients never close one half only.
    fn client_is_gone(&self) -> bool {
        let client: &TcpStream = match self.flow {
            Direction::ToBroker => self.reader.as_ref(),
            Direction::Both | Direction::ToClient => self.writer.as_ref(),
        };
        match client.ready(Interest::READABLE).now_or_never() {
            Some(Ok(ready)) => ready.is_read_closed(),
            Some(Err(_)) => true,
            None => false,
        }
    }

    fn abandon(&mut self) {
        for chunk in &self.queue {
            for state in &chunk.held_by {
                state.count_abandoned(chunk.bytes.len());
            }
        }
    }
}

impl Drop for Pump<'_> {
    fn drop(&mut self) {
        self.link.shared.delayed_bytes.fetch_sub(self.queued_bytes, Ordering::Relaxed);
    }
}

async fn read_up_to(
    reader: &mut ReadHalf<'_>,
    buffer: &mut Vec<u8>,
    room: usize,
) -> io::Result<usize> {
    reader.read_buf(&mut buffer.limit(room)).await
}

fn longest_delay(state: &RuleState) -> Duration {
    match state.rule.effect {
        Effect::Hold => Duration::ZERO,
        Effect::Delay { delay, jitter, .. } => delay.saturating_add(jitter),
    }
}

/// A delay that strays evenly by up to the jitter to either side.
fn strayed(delay: Duration, jitter: Duration, random: &mut ChaCha8Rng) -> Duration {
    let shift: f64 = random.random_range(-1.0..=1.0);
    let stray = jitter.mul_f64(shift.abs());
    if shift < 0.0 { delay.saturating_sub(stray) } else { delay.saturating_add(stray) }
}
