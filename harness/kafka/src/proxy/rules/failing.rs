//! Requests that fail on their way to a broker: which, how, and how many have.

use std::collections::BTreeMap;

use bytes::Bytes;
use kafka_protocol::ResponseError;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::super::answer;
use super::super::frames::Head;
use crate::cluster::{FailingApi, follows_the_write};
use crate::error::ClusterError;
use crate::fault::{ApiFailure, FailedRequests, RequestOutcome};
use crate::wire::Request;
use crate::wire::request::Decoded;
use crate::wire::response::Question;

/// The APIs whose requests fail.
#[derive(Debug)]
pub(super) struct Failing {
    /// Each with a number of its own: an answer that comes late is not that of the next.
    apis: BTreeMap<i16, (u64, FailingApi)>,
    numbers: u64,
    random: ChaCha8Rng,
}

/// How one request fails.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) question: Question,
    /// The number of the API's failure.
    number: u64,
    pub(super) how: How,
}

#[derive(Debug)]
pub(super) enum How {
    /// The broker was asked something else: this goes back, whatever lasts.
    Refused(Bytes),
    /// The request was carried out, and this goes back all the same.
    Told(Bytes),
    /// Each topic in the answer gets an error.
    Blamed(i16),
    /// The connection is closed in place of an answer.
    Lost,
    /// It is closed at once.
    Closed,
}

impl Failing {
    pub(super) fn new(seed: u64) -> Self {
        Self { apis: BTreeMap::new(), numbers: 0, random: ChaCha8Rng::seed_from_u64(seed) }
    }

    pub(super) fn begin(&mut self, failure: ApiFailure) -> Result<(), ClusterError> {
        let failing = FailingApi::new(failure)?;
        self.numbers += 1;
        self.apis.insert(failing.failure.api_key, (self.numbers, failing));
        Ok(())
    }

    /// How many requests have failed.
    pub(super) fn failed(&self, api_key: i16) -> FailedRequests {
        self.apis.get(&api_key).map_or_else(Default::default, |(_, failing)| failing.failed)
    }

    /// Ends it and says how many have.
    pub(super) fn end(&mut self, api_key: i16) -> FailedRequests {
        self.apis.remove(&api_key).map_or_else(Default::default, |(_, failing)| failing.failed)
    }

    /// The APIs that fail now.
    pub(super) fn in_force(&self) -> Vec<i16> {
        self.apis.keys().copied().collect()
    }

    pub(super) fn concerns(&self, api_key: i16) -> bool {
        self.apis.contains_key(&api_key)
    }

    /// How this request fails, if it does.
    pub(super) fn fail(
        &mut self,
        head: &Head,
        asked: &Decoded,
        is_answered: bool,
    ) -> Option<Failure> {
        let (number, failing) = self.apis.get_mut(&head.key)?;
        let outcome = failing.failure.outcome;
        if !is_answered && outcome == RequestOutcome::AnswerLost
            || !failing.hits(&head.client_id, &mut self.random)
        {
            return None;
        }
        let how = match outcome {
            RequestOutcome::AnswerLost => How::Lost,
            // How such a producer learns of any error.
            RequestOutcome::Error(_) if !is_answered => How::Closed,
            RequestOutcome::Error(code) => told(asked, code)?,
        };
        failing.left = failing.left.saturating_sub(1);
        failing.failed.requests += u64::from(matches!(how, How::Closed));
        Some(Failure { question: asked.question(), number: *number, how })
    }

    /// Counts a request that the broker has answered as one that failed, and that was `written` if
    /// it was; false if what it was to fail by is over.
    pub(super) fn count(&mut self, (question, number): (Question, u64), written: bool) -> bool {
        let Some(failing) = self.lasting(question, number) else { return false };
        failing.failed.requests += 1;
        failing.failed.carried_out += u64::from(written);
        true
    }

    /// An answer will not come: the request has not failed, and another will.
    pub(super) fn give_up(&mut self, failure: &Failure) {
        if let Some(failing) = self.lasting(failure.question, failure.number) {
            failing.left += 1;
        }
    }

    fn lasting(&mut self, question: Question, number: u64) -> Option<&mut FailingApi> {
        let (now, failing) = self.apis.get_mut(&(question.key as i16))?;
        (*now == number).then_some(failing)
    }
}

impl Failure {
    /// What it is counted by.
    pub(super) fn place(&self) -> (Question, u64) {
        (self.question, self.number)
    }
}

/// How a client is told of an error; nothing where there is no place for it.
fn told(asked: &Decoded, code: i16) -> Option<How> {
    if let Request::Metadata(request) = &asked.request {
        // Brokers are told as ever, and of each topic nothing but the error.
        let names_none = request.topics.as_ref().is_some_and(Vec::is_empty);
        return (!names_none).then_some(How::Blamed(code));
    }
    let refusal = answer::refused(asked, ResponseError::try_from_code(code)?)?;
    let is_late = follows_the_write(asked.key, RequestOutcome::Error(code));
    Some(if is_late { How::Told(refusal) } else { How::Refused(refusal) })
}
