//! Connections between clients and brokers, with time on the way and answers lost on it.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use super::invariant::Note;
use super::wire::Reply;

/// Names a request within a history.
pub(crate) type Token = usize;

/// A client's connection to one broker. A new one is made when it was closed.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) client: usize,
    pub(crate) broker: i32,
    /// The cluster's number, once the first request has arrived.
    pub(crate) connection: Option<u32>,
    /// The client has given it up; what it sent may still arrive.
    pub(crate) abandoned: bool,
    /// The broker's side is gone.
    pub(crate) dead: bool,
    /// The client knows that it is.
    pub(crate) noticed: bool,
    /// Requests that the broker has and has not answered, in order.
    pub(crate) at_broker: VecDeque<Token>,
    /// Requests whose answers the client has not seen, in order.
    pub(crate) open: VecDeque<Token>,
    pub(crate) last_arrival: Duration,
    pub(crate) last_answer: Duration,
}

impl Link {
    pub(crate) fn new(client: usize, broker: i32) -> Self {
        Self {
            client,
            broker,
            connection: None,
            abandoned: false,
            dead: false,
            noticed: false,
            at_broker: VecDeque::new(),
            open: VecDeque::new(),
            last_arrival: Duration::ZERO,
            last_answer: Duration::ZERO,
        }
    }
}

/// A request on its way, at the broker, or with its answer on the way back.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) link: usize,
    pub(crate) key: i16,
    pub(crate) version: i16,
    pub(crate) frame: Bytes,
    pub(crate) note: Note,
    /// Sent when nothing failed any more, so that an answer is owed.
    pub(crate) owed: bool,
    /// The answer, while it travels.
    pub(crate) reply: Option<Reply>,
    /// The client has its answer or knows that none will come.
    pub(crate) over: bool,
}
