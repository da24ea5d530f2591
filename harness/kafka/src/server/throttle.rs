//! Answers to clients that are over their quotas: they say for how long the connection will not
//! be read.

use std::time::Duration;

use kafka_protocol::messages::ApiKey;

use super::authentication::Client;
use super::outbox::Answered;
use super::{Peer, Server};
use crate::quota::{Kind, Quotas};
use crate::wire::{Request, Response};

/// A time for which a connection is not read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pause {
    until: Duration,
    /// How often pauses had been ended when it began.
    ended: u64,
}

/// What a Fetch response has besides its records, roughly, for each partition.
const PARTITION_BYTES: usize = 64;

impl Server {
    /// Measures a request that is about to be answered, and how long it took. When the client is
    /// over a quota the answer says so, and the pause that the connection must make is returned.
    pub(super) fn throttle(
        &self,
        peer: &Peer,
        client: &Client,
        answered: &mut Answered,
    ) -> Option<Pause> {
        let of_sasl =
            matches!(answered.question.key, ApiKey::SaslHandshake | ApiKey::SaslAuthenticate);
        if !self.throttles() || of_sasl {
            return None;
        }
        let who = (&*client.user, &*client.info.client_id);
        let Answered { question, asked, response } = answered;
        self.with(|cluster, now, _| {
            let quotas = cluster.quotas();
            let request = match (question.key, &response) {
                // The share of time is not enforced without acknowledgement.
                (ApiKey::Produce, Response::Nothing | Response::Close) => Duration::ZERO,
                _ => quotas.record(now, peer.broker, Kind::Request, who, 0.0),
            };
            let bytes = match (question.key, &response) {
                (ApiKey::Produce, _) => {
                    quotas.record(now, peer.broker, Kind::Produce, who, asked.bytes as f64)
                }
                (_, Response::Fetch(answer)) => {
                    let bytes =
                        (answer.bytes() + PARTITION_BYTES * answer.partition_count()) as f64;
                    let over = quotas.record(now, peer.broker, Kind::Fetch, who, bytes);
                    if over.max(request) > Duration::ZERO {
                        quotas.take_back(now, peer.broker, Kind::Fetch, who, bytes);
                    }
                    over
                }
                _ => Duration::ZERO,
            };
            let time = bytes.max(request);
            if time.is_zero() {
                return None;
            }
            let ms = i32::try_from(time.as_millis()).unwrap_or(i32::MAX);
            if response.set_throttle(question.version, ms) && ms > 0 {
                quotas.count_throttled(peer.broker, time);
            }
            if let Response::Fetch(answer) = response {
                cluster.uncount_out(peer.broker, question.version, answer);
                answer.topics.clear();
            }
            Some(Pause { until: now + time, ended: *self.pauses_ended.borrow() })
        })
    }

    /// Ends every pause that has begun.
    pub(crate) fn end_pauses(&self) {
        self.with(|_, _, _| self.pauses_ended.send_modify(|ended| *ended += 1));
    }

    /// Waits until a pause is over, or for ever.
    pub(super) async fn over(&self, pause: Option<Pause>) {
        let Some(Pause { until, ended }) = pause else { return std::future::pending().await };
        let mut pauses_ended = self.pauses_ended.subscribe();
        tokio::select! {
            () = tokio::time::sleep_until(self.clock.instant(until)) => {}
            _ = pauses_ended.wait_for(|now| *now != ended) => {}
        }
    }

    /// A request took so long to handle.
    pub(super) fn spent(&self, peer: &Peer, client: &Client, time: Duration) {
        let who = (&*client.user, &*client.info.client_id);
        let percents = time.as_secs_f64() * 100.0;
        self.with(|cluster, now, _| {
            cluster.quotas().record(now, peer.broker, Kind::Request, who, percents);
        });
    }
}

/// A Fetch asks for no more than the client may get at all; otherwise it would be over its quota
/// every time and read nothing.
pub(super) fn limit_fetch(quotas: &Quotas, client: &Client, request: &mut Request) {
    if let Request::Fetch(fetch) = request
        && let Some(largest) = quotas.largest(Kind::Fetch, &client.user, &client.info.client_id)
    {
        fetch.max_bytes = fetch.max_bytes.min(largest.min(f64::from(i32::MAX)) as i32);
        fetch.min_bytes = fetch.min_bytes.min(fetch.max_bytes);
    }
}
