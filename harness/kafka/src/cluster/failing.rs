//! Requests that fail by injection: which of them, how, and how many have.

use std::collections::BTreeMap;
use std::time::Duration;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::ApiKey;

use super::{Answer, Cluster, Origin};
use crate::coordinator::{ClientInfo, Ticket};
use crate::error::ClusterError;
use crate::fault::{ApiFailure, FailedRequests, RequestOutcome};
use crate::wire::{Request, Response};

mod api;
mod refusal;

pub(crate) use api::{FailingApi, follows_the_write, says};
pub(crate) use refusal::refusal;

/// The APIs whose requests fail, and the answers that will be replaced.
#[derive(Debug, Default)]
pub(super) struct Failing {
    /// By broker and API.
    apis: BTreeMap<(i32, i16), FailingApi>,
    /// Requests under way; connections bound their number.
    replaced: BTreeMap<Ticket, Replaced>,
}

/// What a request that is carried out is answered all the same.
#[derive(Debug)]
struct Replaced {
    api: (i32, i16),
    response: Response,
}

impl Failing {
    /// The APIs whose requests fail, each with its broker.
    pub(super) fn apis(&self) -> impl Iterator<Item = (i32, i16)> {
        self.apis.keys().copied()
    }

    /// Nobody waits for the answer any more.
    pub(super) fn forget(&mut self, ticket: Ticket) {
        self.replaced.remove(&ticket);
    }

    /// What an API of a broker was to fail with is over: who still waits is answered as it comes.
    fn end(&mut self, api: (i32, i16)) -> FailedRequests {
        self.replaced.retain(|_, replaced| replaced.api != api);
        self.apis.remove(&api).map_or_else(FailedRequests::default, |it| it.failed)
    }

    /// The connections of a broker are gone.
    pub(super) fn forget_broker(&mut self, broker: i32) {
        self.replaced.retain(|_, replaced| replaced.api.0 != broker);
    }
}

impl Cluster {
    /// Requests of an API that come to a broker fail from now on, in place of what was set for
    /// the API before.
    pub(crate) fn fail_requests(
        &mut self,
        id: i32,
        failure: ApiFailure,
    ) -> Result<(), ClusterError> {
        self.broker_mut(id)?;
        let failing = FailingApi::new(failure)?;
        let api = (id, failing.failure.api_key);
        self.failing.end(api);
        self.failing.apis.insert(api, failing);
        Ok(())
    }

    /// How many requests of an API have failed at a broker since that was asked for.
    pub(crate) fn failed_requests(&self, id: i32, api: i16) -> FailedRequests {
        self.failing.apis.get(&(id, api)).map_or_else(FailedRequests::default, |it| it.failed)
    }

    /// Requests of an API fail no more at a broker. Returns how many have.
    pub(crate) fn restore_requests(&mut self, id: i32, api: i16) -> FailedRequests {
        self.failing.end((id, api))
    }

    /// Gives a request back that is to be carried out; the others are answered.
    pub(super) fn fail(
        &mut self,
        now: Duration,
        origin: &Origin,
        client: &ClientInfo,
        (key, request): (ApiKey, Request),
        answers: &mut Vec<Answer>,
    ) -> Option<Request> {
        let api = (origin.broker, key as i16);
        let listens = self.listens(origin.broker);
        let unanswered = matches!(&request, Request::Produce(work) if work.acks == 0);
        let Some(failing) = self.failing.apis.get_mut(&api).filter(|_| listens) else {
            return Some(request);
        };
        let outcome = failing.failure.outcome;
        if unanswered && outcome == RequestOutcome::AnswerLost
            || !failing.hits(&client.client_id, &mut self.random)
        {
            return Some(request);
        }
        let response = match outcome {
            RequestOutcome::AnswerLost => Response::Close,
            // How such a producer learns of any error.
            RequestOutcome::Error(_) if unanswered => Response::Close,
            RequestOutcome::Error(code) => {
                self.now = now;
                let error = ResponseError::try_from_code(code)?;
                match self.refusal(origin, &request, error) {
                    Some(response) => response,
                    None => return Some(request),
                }
            }
        };
        let fails = says(&response, outcome);
        let is_done =
            outcome == RequestOutcome::AnswerLost || follows_the_write(key, outcome) && !unanswered;
        if fails && let Some(failing) = self.failing.apis.get_mut(&api) {
            failing.left = failing.left.saturating_sub(1);
            failing.failed.requests += u64::from(!is_done);
        }
        if !is_done {
            answers.push(Answer { ticket: origin.ticket, response });
            return None;
        }
        if fails {
            self.failing.replaced.insert(origin.ticket, Replaced { api, response });
        }
        Some(request)
    }

    /// Puts the failures of requests that were carried out in the place of their answers. Those
    /// who deliver answers call it first.
    pub(crate) fn replace_failed(&mut self, answers: &mut [Answer]) {
        if self.failing.replaced.is_empty() {
            return;
        }
        for answer in answers {
            let Some(replaced) = self.failing.replaced.remove(&answer.ticket) else { continue };
            let done = std::mem::replace(&mut answer.response, replaced.response);
            if let Some(failing) = self.failing.apis.get_mut(&replaced.api) {
                failing.failed.requests += 1;
                failing.failed.carried_out += u64::from(done.first_error() == 0);
            }
        }
    }
}
