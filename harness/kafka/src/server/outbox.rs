//! The answers of one connection, in the order of its requests.

use std::collections::VecDeque;
use std::sync::Mutex;

use tokio::sync::Notify;

use super::lock;
use super::observe::Asked;
use crate::wire::Response;
use crate::wire::response::Question;

/// Requests of a connection that are not yet answered, and answers that are not yet written.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    queue: Mutex<Queue>,
    /// Told when the first answer in line has come.
    pub(crate) ready: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    /// Number of the request at the front.
    first: u32,
    slots: VecDeque<Slot>,
}

#[derive(Debug)]
struct Slot {
    question: Question,
    asked: Asked,
    answer: Option<Response>,
}

/// A request and its answer.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) question: Question,
    pub(crate) asked: Asked,
    pub(crate) response: Response,
}

impl Outbox {
    /// A request came; returns its number.
    pub(crate) fn expect(&self, question: Question, asked: Asked) -> u32 {
        let mut queue = lock(&self.queue);
        let number = queue.first.wrapping_add(queue.slots.len() as u32);
        queue.slots.push_back(Slot { question, asked, answer: None });
        number
    }

    /// The answer to request `number` has come.
    pub(crate) fn answer(&self, number: u32, response: Response) {
        if self.put(number, response) {
            self.ready.notify_one();
        }
    }

    /// Puts down the answer to request `number` and tells nobody. Whether it is the first in line.
    pub(crate) fn put(&self, number: u32, response: Response) -> bool {
        let mut queue = lock(&self.queue);
        let position = number.wrapping_sub(queue.first) as usize;
        let slot = queue.slots.get_mut(position);
        slot.map(|slot| slot.answer = Some(response)).is_some() && position == 0
    }

    /// The answer to the first request in line, once it has come. The next request is the first
    /// then.
    pub(crate) fn next(&self) -> Option<Answered> {
        let mut queue = lock(&self.queue);
        let response = queue.slots.front_mut()?.answer.take()?;
        let Slot { question, asked, .. } = queue.slots.pop_front()?;
        queue.first = queue.first.wrapping_add(1);
        Some(Answered { question, asked, response })
    }

    /// Requests not yet answered or not yet encoded.
    pub(crate) fn len(&self) -> usize {
        lock(&self.queue).slots.len()
    }

    /// The numbers of the requests without an answer.
    pub(crate) fn unanswered(&self) -> Vec<u32> {
        let queue = lock(&self.queue);
        let open = queue.slots.iter().enumerate().filter(|(_, slot)| slot.answer.is_none());
        open.map(|(position, _)| queue.first.wrapping_add(position as u32)).collect()
    }
}
