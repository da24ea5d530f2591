//! One direction of one connection.
//!
//! The fast path reads into a large buffer and writes it out; one atomic load a chunk notices
//! new rules. When some concern this connection, chunks go through a queue instead, each with the
//! time at which it is due, until the rules are gone and the queue is empty.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::BufMut;
use futures::FutureExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::active::Active;
use super::connection::Link;
use super::effect::{Direction, Effect};
use super::queue::{Chunk, Queue};
use super::rules::RuleState;
use super::{BUFFER_BYTES, DELAYED_BYTES_MAX, DELAYED_BYTES_MAX_PROXY};
use crate::clock;

/// How often a held connection looks whether its client is still there.
const HELD_CHECK: Duration = Duration::from_millis(100);

/// How a pump ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Everything was passed on up to the end of the stream.
    Finished,
    /// Who is written to is gone.
    Refused,
    /// The client has gone while its bytes were held.
    Abandoned,
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
    queue: Queue,
    /// What this pump has added to the bytes under way in the proxy.
    claimed_bytes: usize,
    ended: bool,
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
        Self {
            link,
            flow,
            reader,
            writer,
            buffer,
            seen: u64::MAX,
            active: Vec::new(),
            changes: link.shared.rules.changes(),
            queue: Queue::default(),
            claimed_bytes: 0,
            ended: false,
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
                self.arrived(&read);
                return Ok(());
            }
            write(&mut self.writer, &self.buffer).await?;
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
            let holding = self.active.iter().any(Active::holds);
            if !holding && let Some(chunk) = self.queue.pop_due(now) {
                self.deliver(chunk, now).await?;
                continue;
            }
            if self.queue.is_empty() && self.active.is_empty() {
                return Ok(());
            }
            if holding && self.client_is_gone() {
                self.abandon();
                return Err(End::Abandoned);
            }
            let wake = self.wake(now, holding);
            let room = self.room(now, holding);
            self.buffer.clear();
            tokio::select! {
                biased;
                // The sender lives as long as the proxy.
                _ = self.changes.changed() => {}
                read = read_up_to(&mut self.reader, &mut self.buffer, room), if room > 0 => {
                    self.arrived(&read);
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
            let (seen, matching) = rules.matching(&self.link.group, &self.link.shared.server);
            self.seen = seen;
            changed = true;
            let mut before = std::mem::take(&mut self.active);
            let flow = self.flow;
            for state in matching.into_iter().filter(|state| concerns(state, flow)) {
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
            self.queue.keep(&self.active);
        }
    }

    fn begin(&mut self, state: Arc<RuleState>) {
        let active = Active::new(state, self.link.number, self.flow);
        if active.holds() {
            for (bytes, _) in self.queue.held() {
                self.link.count(&active.state);
                active.state.counters.held(bytes);
            }
            self.queue.hold(&active.state);
        }
        self.active.push(active);
    }

    /// Puts what was read in the queue. An error is an end like any other.
    fn arrived(&mut self, read: &io::Result<usize>) {
        let bytes = match read {
            Ok(1..) => self.buffer.clone(),
            Ok(0) | Err(_) => {
                self.ended = true;
                Vec::new()
            }
        };
        if !bytes.is_empty() {
            for active in self.active.iter().filter(|active| active.holds()) {
                self.link.count(&active.state);
                active.state.counters.held(bytes.len());
            }
        }
        self.queue.push(bytes, clock::now(), &mut self.active);
        self.claim();
    }

    async fn deliver(&mut self, chunk: Chunk, now: Instant) -> Result<(), End> {
        self.claim();
        if !chunk.bytes.is_empty() {
            write(&mut self.writer, &chunk.bytes).await?;
        }
        let late = now.saturating_duration_since(chunk.arrived);
        for state in &chunk.held_by {
            state.counters.released(late);
        }
        // How late held bytes are says nothing about the delay.
        if chunk.held_by.is_empty() {
            for (state, _) in &chunk.delayed_by {
                self.link.count(state);
                state.counters.delayed(chunk.bytes.len(), late);
            }
        }
        if chunk.bytes.is_empty() {
            // The end of the stream; a side that is gone already needs no farewell.
            let _gone = self.writer.shutdown().await;
            return Err(End::Finished);
        }
        Ok(())
    }

    /// When to look again at the latest.
    fn wake(&self, now: Instant, holding: bool) -> Instant {
        let expiry = self.active.iter().map(|active| active.state.rule.expires).min();
        let look = if holding { Some(now + HELD_CHECK) } else { self.queue.due() };
        let link = self.queue.leaves_link().filter(|leaves| *leaves > now);
        [expiry, look, link].into_iter().flatten().min().unwrap_or(now)
    }

    /// How much may be read now: one buffer while holding, one piece at a time onto a link, and
    /// up to the bounds while delaying.
    fn room(&self, now: Instant, holding: bool) -> usize {
        if self.ended || self.queue.leaves_link().is_some_and(|leaves| leaves > now) {
            return 0;
        }
        let piece = self.active.iter().map(Active::piece_bytes).min().unwrap_or(BUFFER_BYTES);
        if self.queue.is_empty() {
            piece
        } else if holding
            || self.link.shared.delayed_bytes.load(Ordering::Relaxed) >= DELAYED_BYTES_MAX_PROXY
        {
            0
        } else {
            DELAYED_BYTES_MAX.saturating_sub(self.queue.cost_bytes()).min(piece)
        }
    }

    /// Whether the client has closed its side. It is seen even when bytes of the client's wait
    /// in front of its farewell, as long as they fit into the kernel's buffer; otherwise it is
    /// seen when the hold ends. Kafka clients never close one half only.
    fn client_is_gone(&self) -> bool {
        let client: &TcpStream = match self.flow {
            Direction::ToServer => self.reader.as_ref(),
            Direction::Both | Direction::ToClient => self.writer.as_ref(),
        };
        match client.ready(Interest::READABLE).now_or_never() {
            Some(Ok(ready)) => ready.is_read_closed(),
            Some(Err(_)) => true,
            None => false,
        }
    }

    fn abandon(&mut self) {
        for (bytes, held_by) in self.queue.held() {
            held_by.iter().for_each(|state| state.counters.abandoned(bytes));
        }
    }

    /// Brings the sum over all pumps up to date with this queue.
    fn claim(&mut self) {
        let (before, after) = (self.claimed_bytes, self.queue.cost_bytes());
        self.claimed_bytes = after;
        let sum = &self.link.shared.delayed_bytes;
        if after >= before {
            sum.fetch_add(after - before, Ordering::Relaxed);
        } else {
            sum.fetch_sub(before - after, Ordering::Relaxed);
        }
    }
}

impl Drop for Pump<'_> {
    fn drop(&mut self) {
        self.link.shared.delayed_bytes.fetch_sub(self.claimed_bytes, Ordering::Relaxed);
    }
}

/// Whether a rule does something to the bytes of this direction.
fn concerns(state: &RuleState, flow: Direction) -> bool {
    state.rule.direction.covers(flow) && !matches!(state.rule.effect, Effect::Cut(_))
}

async fn write(writer: &mut WriteHalf<'_>, bytes: &[u8]) -> Result<(), End> {
    writer.write_all(bytes).await.map_err(|_| End::Refused)
}

async fn read_up_to(
    reader: &mut ReadHalf<'_>,
    buffer: &mut Vec<u8>,
    room: usize,
) -> io::Result<usize> {
    reader.read_buf(&mut buffer.limit(room)).await
}
