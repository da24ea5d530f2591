//! Requests that wait: until their broker can serve them, or until an injected stall is over.

use std::time::Duration;

use kafka_protocol::messages::ApiKey;

use super::{Answer, Cluster, Origin, Timer, Waiting};
use crate::coordinator::ClientInfo;
use crate::error::ClusterError;
use crate::wire::{Api, Request};

/// Requests of one API that wait at one broker.
#[derive(Debug)]
pub(super) struct Stall {
    until: Duration,
    /// Clients with these ids do not wait.
    spared: Vec<String>,
    /// How many have come since it was asked for.
    held_back: u64,
}

impl Stall {
    /// Whether requests wait for it at this time.
    pub(super) fn is_on(&self, now: Duration) -> bool {
        self.until > now
    }
}

impl Cluster {
    /// Requests of an API that come to a broker within `lasts` wait until then, but for those of
    /// the clients with the ids in `spared`.
    pub(crate) fn stall(
        &mut self,
        now: Duration,
        (broker, api): (i32, i16),
        lasts: Duration,
        spared: &[&str],
    ) -> Result<(), ClusterError> {
        self.now = now;
        self.broker_mut(broker)?;
        Api::of(api).ok_or(ClusterError::UnknownApi(api))?;
        self.stalls.retain(|_, stall| stall.is_on(now));
        let spared = spared.iter().map(|&id| id.to_owned()).collect();
        self.stalls.insert((broker, api), Stall { until: now + lasts, spared, held_back: 0 });
        self.timers.insert((now + lasts, Timer::Resume));
        Ok(())
    }

    /// How many requests of an API a broker has held back since it was stalled last.
    pub(crate) fn stalled_requests(&self, broker: i32, api: i16) -> u64 {
        self.stalls.get(&(broker, api)).map_or(0, |stall| stall.held_back)
    }

    /// Ends the stall of an API at a broker: what waits for it is taken up. Returns how many
    /// requests it held back.
    pub(crate) fn end_stall(
        &mut self,
        now: Duration,
        broker: i32,
        api: i16,
        answers: &mut Vec<Answer>,
    ) -> u64 {
        self.now = now;
        let Some(stall) = self.stalls.remove(&(broker, api)) else { return 0 };
        for waiting in &mut self.waiting {
            if (waiting.origin.broker, waiting.stalled) == (broker, Some(api)) {
                waiting.until = now;
            }
        }
        self.resume(answers);
        stall.held_back
    }

    /// Takes a request as it comes from a client: to be handled, or to wait.
    pub(crate) fn accept(
        &mut self,
        now: Duration,
        origin: &Origin,
        client: &ClientInfo,
        (api, request): (ApiKey, Request),
        answers: &mut Vec<Answer>,
    ) {
        // Those who waited for a stall that is over come first, if its timer has not yet run.
        if self.waiting.iter().any(|waiting| waiting.stalled.is_some() && waiting.until <= now) {
            self.now = now;
            self.resume(answers);
        }
        let Some(request) = self.fail(now, origin, client, (api, request), answers) else { return };
        let api = api as i16;
        let stall = match self.stalls.is_empty() {
            true => None,
            false => self
                .stalls
                .get_mut(&(origin.broker, api))
                .filter(|stall| stall.until > now && !stall.spared.contains(&client.client_id)),
        };
        match stall {
            Some(stall) => {
                stall.held_back += 1;
                let until = stall.until;
                self.wait(origin, client, request, (until, Some(api)));
            }
            None => self.handle(now, origin, client, request, answers),
        }
    }

    /// Whether a request must wait: its broker has no metadata yet, or passes it on to a
    /// controller that it does not reach.
    pub(super) fn must_wait(&self, broker: i32, request: &Request) -> bool {
        let starting = self.brokers.get(&broker).is_some_and(|broker| broker.starting);
        starting || needs_controller(request) && !self.controller_hears(broker)
    }

    pub(super) fn wait(
        &mut self,
        origin: &Origin,
        client: &ClientInfo,
        request: Request,
        (until, stalled): (Duration, Option<i16>),
    ) {
        let (origin, client) = (origin.clone(), client.clone());
        self.waiting.push(Waiting { origin, client, request, until, stalled });
    }

    /// Takes up the requests that waited; those that must go on waiting do.
    pub(super) fn resume(&mut self, answers: &mut Vec<Answer>) {
        for waiting in std::mem::take(&mut self.waiting) {
            if waiting.until > self.now {
                self.waiting.push(waiting);
                continue;
            }
            let Waiting { origin, client, request, .. } = waiting;
            self.handle(self.now, &origin, &client, request, answers);
        }
    }
}

fn needs_controller(request: &Request) -> bool {
    match request {
        Request::CreateTopics(_)
        | Request::DeleteTopics(_)
        | Request::AlterUserScramCredentials(_)
        | Request::AlterClientQuotas(_) => true,
        Request::Admin(request) => request.needs_controller(),
        _ => false,
    }
}
