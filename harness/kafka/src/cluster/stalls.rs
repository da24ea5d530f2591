//! Requests that wait: until their broker can serve them, or until an injected stall is over.

use std::time::Duration;

use kafka_protocol::messages::ApiKey;

use super::{Answer, Cluster, Origin, Timer, Waiting};
use crate::coordinator::ClientInfo;
use crate::error::ClusterError;
use crate::wire::{Api, Request};

impl Cluster {
    /// Requests of an API that come to a broker within `lasts` wait until then.
    pub(crate) fn stall(
        &mut self,
        now: Duration,
        broker: i32,
        api: i16,
        lasts: Duration,
    ) -> Result<(), ClusterError> {
        self.now = now;
        self.broker_mut(broker)?;
        Api::of(api).ok_or(ClusterError::UnknownApi(api))?;
        self.stalls.retain(|_, until| *until > now);
        self.stalls.insert((broker, api), now + lasts);
        self.timers.insert((now + lasts, Timer::Resume));
        Ok(())
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
        let stalled = match self.stalls.is_empty() {
            true => None,
            false => self.stalls.get(&(origin.broker, api as i16)).filter(|&&until| until > now),
        };
        match stalled {
            Some(&until) => self.wait(origin, client, request, until),
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
        until: Duration,
    ) {
        let (origin, client) = (origin.clone(), client.clone());
        self.waiting.push(Waiting { origin, client, request, until });
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
        Request::CreateTopics(_) | Request::DeleteTopics(_) => true,
        Request::Admin(request) => request.needs_controller(),
        _ => false,
    }
}
