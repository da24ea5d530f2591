//! What becomes of requests on their way to one broker.

mod failing;
mod stalls;

use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::ApiKey;

use super::answer;
use super::frames::Head;
use crate::error::ClusterError;
use crate::fault::{ApiFailure, FailedRequests, RequestOutcome};
use crate::quota::Throttled;
use crate::server::lock;
use crate::wire::Api;
use crate::wire::request::{acks, decode};
use crate::wire::response::Question;
use failing::{Failing, Failure, How};
use stalls::Stalls;

/// What becomes of requests on their way to one broker, and what has become of them.
#[derive(Debug)]
pub struct RequestRules {
    failing: Mutex<Failing>,
    stalls: Stalls,
    throttled: Mutex<Throttled>,
}

/// What is done with a request.
#[derive(Debug)]
pub(super) enum Fate {
    /// It goes on and has no answer.
    Pass(Bytes),
    /// It goes on, or another in its place, and this becomes of the answer.
    Ask(Bytes, Expected),
    /// The connection is closed.
    Close,
}

/// An answer that will come.
#[derive(Debug)]
pub(super) struct Expected {
    pub(super) correlation: i32,
    then: Then,
}

#[derive(Debug)]
enum Then {
    /// It is passed on; the question, if it is one that is known here.
    Pass(Option<Question>),
    /// It says that the request has failed, as long as this failure lasts.
    Fail(Failure),
}

impl RequestRules {
    /// Everything passes. Shares of requests are drawn from the seed.
    pub fn new(seed: u64) -> Self {
        let (failing, throttled) = (Mutex::new(Failing::new(seed)), Mutex::default());
        Self { failing, stalls: Stalls::new(), throttled }
    }

    /// Lets the requests of one API fail, as
    /// [`EmbeddedKafka::fail_requests`](crate::EmbeddedKafka::fail_requests) does.
    ///
    /// # Errors
    ///
    /// When there is no such API or error, no request would fail, or answers other than to Produce
    /// are to be lost: only there it is seen whether the request was carried out.
    pub fn fail_requests(&self, failure: ApiFailure) -> Result<(), ClusterError> {
        let is_produce = failure.api_key == ApiKey::Produce as i16;
        if failure.outcome == RequestOutcome::AnswerLost && !is_produce {
            let fix = "only the answers to Produce (0) can be lost here".to_owned();
            return Err(ClusterError::Failure { field: "api_key", fix });
        }
        lock(&self.failing).begin(failure)
    }

    /// How many requests of an API have failed since that was asked for.
    pub fn failed_requests(&self, api_key: i16) -> FailedRequests {
        lock(&self.failing).failed(api_key)
    }

    /// Requests of an API fail no more. Returns how many have. Harmless where none fail.
    pub fn restore_requests(&self, api_key: i16) -> FailedRequests {
        lock(&self.failing).end(api_key)
    }

    /// Lets the requests of one API wait for `lasts` at most, but for those of clients with a
    /// `client.id` in `spared`. What the same client asks on the same connection waits behind them.
    ///
    /// # Errors
    ///
    /// When there is no such API.
    pub fn stall_requests(
        &self,
        api_key: i16,
        lasts: Duration,
        spared: &[&str],
    ) -> Result<(), ClusterError> {
        Api::of(api_key).ok_or(ClusterError::UnknownApi(api_key))?;
        self.stalls.begin(api_key, lasts, spared.iter().map(|&id| id.to_owned()).collect());
        Ok(())
    }

    /// How many requests of an API have been held back since it was stalled last.
    pub fn stalled_requests(&self, api_key: i16) -> u64 {
        self.stalls.held_back(api_key)
    }

    /// Ends a stall before its time. Returns how many requests it held back. Harmless where there
    /// is none.
    pub fn end_stall(&self, api_key: i16) -> u64 {
        self.stalls.end(api_key)
    }

    /// What the broker's answers to Produce and Fetch have told clients of pauses.
    pub fn throttled(&self) -> Throttled {
        *lock(&self.throttled)
    }

    /// What is done to requests now, a sentence each: nothing once all that was asked for is over.
    pub fn out_of_order(&self) -> Vec<String> {
        let failing = lock(&self.failing).in_force().into_iter();
        let stalled = self.stalls.in_force().into_iter();
        let failing = failing.map(|key| format!("API {key}: fails"));
        failing.chain(stalled.map(|key| format!("API {key}: waits"))).collect()
    }

    /// Waits as long as requests like this one are held back.
    pub(super) async fn wait(&self, head: &Head) {
        self.stalls.wait(head).await;
    }

    /// Says what is done with a request.
    pub(super) fn meet(&self, head: &Head, frame: Bytes) -> Fate {
        let is_answered = head.key != ApiKey::Produce as i16 || acks(frame.clone()) != Some(0);
        // What is not understood here does not fail. It is decoded while nobody waits for that.
        let is_failing = lock(&self.failing).concerns(head.key);
        let asked = is_failing.then(|| decode(frame.clone(), usize::MAX).ok()).flatten();
        let failure = asked.and_then(|it| lock(&self.failing).fail(head, &it, is_answered));
        let correlation = head.correlation;
        match failure {
            Some(Failure { how: How::Closed, .. }) => Fate::Close,
            Some(failure) => {
                let refused = matches!(failure.how, How::Refused(_));
                let frame = if refused { answer::stand_in(head) } else { frame };
                Fate::Ask(frame, Expected { correlation, then: Then::Fail(failure) })
            }
            None if is_answered => {
                let question = Api::of(head.key);
                let question = question.map(|api| Question {
                    key: api.key,
                    version: head.version,
                    correlation,
                });
                Fate::Ask(frame, Expected { correlation, then: Then::Pass(question) })
            }
            None => Fate::Pass(frame),
        }
    }

    /// What a client gets when this answer has come; nothing if its connection is to be closed.
    pub(super) fn answer(&self, expected: Expected, answer: Bytes) -> Option<Bytes> {
        let failure = match expected.then {
            Then::Fail(failure) => failure,
            Then::Pass(question) => {
                question.into_iter().for_each(|question| self.note_pause(question, &answer));
                return Some(answer);
            }
        };
        let (place, question) = (failure.place(), failure.question);
        let lasts = |written| lock(&self.failing).count(place, written);
        match failure.how {
            How::Refused(refusal) => {
                lasts(false);
                Some(refusal)
            }
            How::Told(refusal) => {
                Some(if lasts(answer::all_written(question, &answer)) { refusal } else { answer })
            }
            How::Blamed(code) => match answer::blamed(question, &answer, code) {
                Some(blamed) if lasts(false) => Some(blamed),
                _ => Some(answer),
            },
            How::Lost if lasts(answer::all_written(question, &answer)) => None,
            How::Lost | How::Closed => Some(answer),
        }
    }

    fn note_pause(&self, question: Question, answer: &Bytes) {
        let pause = answer::pause(question, answer);
        if !pause.is_zero() {
            let mut throttled = lock(&self.throttled);
            throttled.answers += 1;
            throttled.time += pause;
        }
    }

    /// An answer will not come.
    pub(super) fn give_up(&self, expected: &Expected) {
        if let Then::Fail(failure) = &expected.then {
            lock(&self.failing).give_up(failure);
        }
    }
}
