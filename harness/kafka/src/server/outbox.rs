//! The answers of one connection, in the order of its requests.

use std::collections::VecDeque;
use std::sync::Mutex;

use tokio::sync::Notify;

use super::lock;
use crate::wire::Output;
use crate::wire::Response;
use crate::wire::response::{Question, ResponseFailure, encode};

/// Requests of a connection that are not yet answered, and answers that are not yet written.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    queue: Mutex<Queue>,
    /// Told when the first answer in line has come.
    pub(super) ready: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    /// Number of the request at the front.
    first: u32,
    slots: VecDeque<(Question, Option<Response>)>,
}

impl Outbox {
    /// A request came; returns its number.
    pub(crate) fn expect(&self, question: Question) -> u32 {
        let mut queue = lock(&self.queue);
        let number = queue.first.wrapping_add(queue.slots.len() as u32);
        queue.slots.push_back((question, None));
        number
    }

    /// The answer to request `number` has come.
    pub(crate) fn answer(&self, number: u32, response: Response) {
        let mut queue = lock(&self.queue);
        let position = number.wrapping_sub(queue.first) as usize;
        if let Some((_, slot)) = queue.slots.get_mut(position) {
            *slot = Some(response);
            if position == 0 {
                self.ready.notify_one();
            }
        }
    }

    /// Encodes the answers that are in line, as long as `output` holds less than `bytes_max`.
    pub(crate) fn drain(
        &self,
        output: &mut Output,
        bytes_max: usize,
    ) -> Result<(), ResponseFailure> {
        while output.len() < bytes_max {
            let (question, response) = {
                let mut queue = lock(&self.queue);
                match queue.slots.front_mut() {
                    Some((question, answer)) if answer.is_some() => {
                        let next = (*question, answer.take());
                        queue.slots.pop_front();
                        queue.first = queue.first.wrapping_add(1);
                        next
                    }
                    _ => return Ok(()),
                }
            };
            if let Some(response) = response {
                encode(response, question, output)?;
            }
        }
        Ok(())
    }

    /// Requests not yet answered or not yet encoded.
    pub(super) fn len(&self) -> usize {
        lock(&self.queue).slots.len()
    }

    /// The numbers of the requests without an answer.
    pub(crate) fn unanswered(&self) -> Vec<u32> {
        let queue = lock(&self.queue);
        let open = queue.slots.iter().enumerate().filter(|(_, (_, answer))| answer.is_none());
        open.map(|(position, _)| queue.first.wrapping_add(position as u32)).collect()
    }
}
