//! What becomes of requests on their way to one broker.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::ApiKey;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tokio::sync::watch;
use tokio::time::sleep_until;

use super::answer;
use super::frames::Head;
use crate::clock::Clock;
use crate::cluster::{FailingApi, follows_the_write};
use crate::error::ClusterError;
use crate::fault::{ApiFailure, FailedRequests, RequestOutcome};
use crate::quota::Throttled;
use crate::wire::request::{Decoded, decode};
use crate::wire::response::Question;
use crate::wire::{Api, Request};

/// What becomes of requests on their way to one broker, and what has become of them.
#[derive(Debug)]
pub struct RequestRules {
    clock: Clock,
    state: Mutex<State>,
    /// Told when a stall begins or ends.
    changed: watch::Sender<()>,
}

#[derive(Debug)]
struct State {
    /// By API, each with a number of its own: an answer that comes late is not that of the next.
    failing: BTreeMap<i16, (u64, FailingApi)>,
    numbers: u64,
    stalls: BTreeMap<i16, Stall>,
    throttled: Throttled,
    random: ChaCha8Rng,
}

#[derive(Debug)]
struct Stall {
    until: Duration,
    spared: Vec<String>,
    held_back: u64,
}

/// What is done with a request.
#[derive(Debug)]
pub(super) enum Fate {
    /// It goes on, or another in its place, and nothing is done to its answer, if it has one.
    Pass(Bytes),
    /// It goes on, or another in its place, and this becomes of the answer.
    Ask(Bytes, Expected),
    /// The connection is closed.
    Close,
}

/// An answer that will come.
#[derive(Debug)]
pub(super) struct Expected {
    pub(super) question: Question,
    then: Then,
}

#[derive(Debug)]
enum Then {
    /// It is passed on.
    Pass,
    /// The broker was asked something else: this goes back.
    Refuse(Bytes),
    /// The request was carried out, and as long as the failure with this number lasts this goes back.
    Replace(u64, Bytes),
    /// Each topic in it gets an error, as long as the failure with this number lasts.
    Blame(u64, i16),
    /// The connection is closed, as long as the failure with this number lasts.
    Lose(u64),
}

impl RequestRules {
    /// Everything passes. Shares of requests are drawn from the seed.
    pub fn new(seed: u64) -> Self {
        let state = State {
            failing: BTreeMap::new(),
            numbers: 0,
            stalls: BTreeMap::new(),
            throttled: Throttled::default(),
            random: ChaCha8Rng::seed_from_u64(seed),
        };
        Self { clock: Clock::start(), state: Mutex::new(state), changed: watch::Sender::default() }
    }

    /// Lets the requests of one API fail, as
    /// [`EmbeddedKafka::fail_requests`](crate::EmbeddedKafka::fail_requests) does.
    ///
    /// # Errors
    ///
    /// When there is no such API or error, no request would fail, or answers other than to Produce
    /// are to be lost: only there it is seen whether the request was carried out.
    pub fn fail_requests(&self, failure: ApiFailure) -> Result<(), ClusterError> {
        let key = failure.api_key;
        if failure.outcome == RequestOutcome::AnswerLost && key != ApiKey::Produce as i16 {
            let fix = "only the answers to Produce (0) can be lost here".to_owned();
            return Err(ClusterError::Failure { field: "api_key", fix });
        }
        let failing = FailingApi::new(failure)?;
        let mut state = self.state();
        state.numbers += 1;
        let number = state.numbers;
        state.failing.insert(key, (number, failing));
        Ok(())
    }

    /// How many requests of an API have failed since that was asked for.
    pub fn failed_requests(&self, api_key: i16) -> FailedRequests {
        self.state().failing.get(&api_key).map_or_else(Default::default, |(_, it)| it.failed)
    }

    /// Requests of an API fail no more. Returns how many have. Harmless where none fail.
    pub fn restore_requests(&self, api_key: i16) -> FailedRequests {
        self.state().failing.remove(&api_key).map_or_else(Default::default, |(_, it)| it.failed)
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
        let spared = spared.iter().map(|&id| id.to_owned()).collect();
        let stall = Stall { until: self.clock.now() + lasts, spared, held_back: 0 };
        self.state().stalls.insert(api_key, stall);
        self.changed.send_replace(());
        Ok(())
    }

    /// How many requests of an API have been held back since it was stalled last.
    pub fn stalled_requests(&self, api_key: i16) -> u64 {
        self.state().stalls.get(&api_key).map_or(0, |stall| stall.held_back)
    }

    /// Ends a stall before its time. Returns how many requests it held back. Harmless where there
    /// is none.
    pub fn end_stall(&self, api_key: i16) -> u64 {
        let ended = self.state().stalls.remove(&api_key);
        self.changed.send_replace(());
        ended.map_or(0, |stall| stall.held_back)
    }

    /// What the broker's answers to Produce and Fetch have told clients of pauses.
    pub fn throttled(&self) -> Throttled {
        self.state().throttled
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No value here is ever half written.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits as long as requests like this one are held back.
    pub(super) async fn wait(&self, head: &Head) {
        let mut changes = self.changed.subscribe();
        let mut counted = false;
        while let Some(until) = self.held_back(head, &mut counted) {
            tokio::select! {
                // The sender lives as long as the rules.
                _ = changes.changed() => {}
                () = sleep_until(self.clock.instant(until)) => {}
            }
        }
    }

    /// Until when a request waits, and counts it once.
    fn held_back(&self, head: &Head, counted: &mut bool) -> Option<Duration> {
        let mut state = self.state();
        let stall = state.stalls.get_mut(&head.key)?;
        if stall.until <= self.clock.now() || stall.spared.contains(&head.client_id) {
            return None;
        }
        stall.held_back += u64::from(!std::mem::replace(counted, true));
        Some(stall.until)
    }

    /// Says what is done with a request.
    pub(super) fn meet(&self, head: &Head, frame: Bytes) -> Fate {
        let mut state = self.state();
        let is_produce = head.key == ApiKey::Produce as i16;
        let concerned =
            is_produce || head.key == ApiKey::Fetch as i16 || state.failing.contains_key(&head.key);
        // Of what is not understood here nothing is changed.
        let Some(asked) = concerned.then(|| decode(frame.clone(), usize::MAX).ok()).flatten()
        else {
            return Fate::Pass(frame);
        };
        let question = asked.question();
        let answered = !matches!(&asked.request, Request::Produce(work) if work.acks == 0);
        match state.fail(head, &asked, answered) {
            Some(Failed::Close) => Fate::Close,
            Some(Failed::Instead(then @ Then::Refuse(_))) => {
                Fate::Ask(answer::stand_in(head), Expected { question, then })
            }
            Some(Failed::Instead(then)) => Fate::Ask(frame, Expected { question, then }),
            None if answered => Fate::Ask(frame, Expected { question, then: Then::Pass }),
            None => Fate::Pass(frame),
        }
    }

    /// What a client gets when this answer has come; nothing if its connection is to be closed.
    pub(super) fn answer(&self, expected: Expected, answer: Bytes) -> Option<Bytes> {
        let Expected { question, then } = expected;
        let mut state = self.state();
        let written = || answer::all_written(question, &answer);
        match then {
            Then::Refuse(refusal) => return Some(refusal),
            Then::Replace(number, refusal) if state.count(question, number, written) => {
                return Some(refusal);
            }
            Then::Lose(number) if state.count(question, number, written) => return None,
            Then::Blame(number, code) => {
                if let Some(blamed) = answer::blamed(question, &answer, code)
                    && state.count(question, number, || false)
                {
                    return Some(blamed);
                }
            }
            Then::Pass | Then::Replace(..) | Then::Lose(_) => {}
        }
        let pause = answer::pause(question, &answer);
        state.throttled.answers += u64::from(!pause.is_zero());
        state.throttled.time += pause;
        Some(answer)
    }
}

/// How a request fails.
enum Failed {
    Close,
    Instead(Then),
}

impl State {
    /// How this request fails, if it does.
    fn fail(&mut self, head: &Head, asked: &Decoded, answered: bool) -> Option<Failed> {
        let (number, failing) = self.failing.get_mut(&head.key)?;
        let (number, outcome) = (*number, failing.failure.outcome);
        if !answered && outcome == RequestOutcome::AnswerLost
            || !failing.hits(&head.client_id, &mut self.random)
        {
            return None;
        }
        let failed = match outcome {
            RequestOutcome::AnswerLost => Failed::Instead(Then::Lose(number)),
            // How such a producer learns of any error.
            RequestOutcome::Error(_) if !answered => Failed::Close,
            // Brokers are told as ever, and of each topic nothing but the error.
            RequestOutcome::Error(code) if asked.key == ApiKey::Metadata => {
                Failed::Instead(Then::Blame(number, code))
            }
            RequestOutcome::Error(code) => {
                let refusal = answer::refused(asked, ResponseError::try_from_code(code)?)?;
                Failed::Instead(match follows_the_write(asked.key, outcome) {
                    true => Then::Replace(number, refusal),
                    false => Then::Refuse(refusal),
                })
            }
        };
        failing.left = failing.left.saturating_sub(1);
        let is_done = !matches!(failed, Failed::Close | Failed::Instead(Then::Refuse(_)));
        failing.failed.requests += u64::from(!is_done);
        Some(failed)
    }

    /// Counts a request that the broker has answered as one that failed; false if the failure with
    /// this number is over.
    fn count(&mut self, question: Question, number: u64, written: impl Fn() -> bool) -> bool {
        match self.failing.get_mut(&(question.key as i16)) {
            Some((now, failing)) if *now == number => {
                failing.failed.requests += 1;
                failing.failed.carried_out += u64::from(written());
                true
            }
            _ => false,
        }
    }
}
