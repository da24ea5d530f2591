//! The writing half of a connection. Its own task writes the answers; while that task sleeps,
//! whoever brings the answer it sleeps for writes it at once, which saves the client the time
//! until the task runs.

use std::sync::{Arc, Mutex, MutexGuard};

use tokio::net::tcp::OwnedWriteHalf;

use super::outbox::Outbox;
use super::{Peer, Server, lock};
use crate::wire::response::{ResponseFailure, encode};
use crate::wire::{Output, Response};

/// A longer answer is left to the connection's own task: writing it takes longer than waking.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// What others may know of a connection and write on it.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) peer: Peer,
    pub(super) outbox: Outbox,
    /// Where others may write: not with TLS, whose session belongs to the task.
    socket: Option<Arc<OwnedWriteHalf>>,
    writing: Mutex<Writing>,
}

/// What is being written.
#[derive(Debug, Default)]
pub(super) struct Writing {
    pub(super) output: Output,
    /// Whether the task waits for nothing but requests and answers, with all written.
    sleeps: bool,
    /// An answer could not be encoded by somebody else: the task has to close the connection.
    pub(super) failed: Option<ResponseFailure>,
}

impl Writer {
    pub(super) fn new(peer: Peer, socket: Option<Arc<OwnedWriteHalf>>) -> Self {
        Self { peer, socket, outbox: Outbox::default(), writing: Mutex::default() }
    }

    pub(super) fn writing(&self) -> MutexGuard<'_, Writing> {
        lock(&self.writing)
    }

    /// The connection's task says whether others may write in its place. What they have begun is
    /// done when this returns.
    pub(super) fn sleep(&self, sleeps: bool) {
        if self.socket.is_some() {
            self.writing().sleeps = sleeps;
        }
    }

    /// Whether an answer may be written by who brings it.
    pub(super) fn takes(&self, response: &Response) -> bool {
        let short =
            matches!(response, Response::Fetch(answer) if answer.bytes() <= ANSWER_BYTES_MAX);
        short && self.socket.is_some()
    }
}

impl Server {
    /// Writes the answer that the connection waits for, or wakes its task to do so.
    pub(super) fn write_at_once(&self, writer: &Writer) {
        if self.write_for(writer).is_none() {
            writer.outbox.ready.notify_one();
        }
    }

    /// `None` when the connection's task has something to do. With quotas it always has.
    fn write_for(&self, writer: &Writer) -> Option<()> {
        let mut writing = writer.writing.try_lock().ok()?;
        let socket = writer.socket.as_ref().filter(|_| writing.sleeps)?;
        if self.throttles() || writer.outbox.len() != 1 {
            return None;
        }
        let answered = writer.outbox.next()?;
        self.observe(&writer.peer, &answered);
        if let Err(failure) = encode(answered.response, answered.question, &mut writing.output) {
            writing.failed = Some(failure);
            return None;
        }
        while writing.output.len() > 0 {
            let written = socket.try_write_vectored(&writing.output.slices());
            // The task meets the same error, or waits until the socket takes more.
            let written = written.ok().filter(|&written| written > 0)?;
            writing.output.advance(written);
        }
        Some(())
    }
}
