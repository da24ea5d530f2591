//! What is noted of each request: counters, a span for `tracing`, a place in the capture.

use std::time::Duration;

use tracing::Span;
use tracing::field::Empty;

use super::capture::{CapturedRequest, Kept};
use super::outbox::Answered;
use super::{Peer, Server, lock};
use crate::wire::error_name;
use crate::wire::response::Question;

/// What is remembered of a request until it is answered.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(super) at: Duration,
    pub(super) bytes: usize,
    pub(super) span: Span,
    /// Empty unless the capture is on.
    client_id: String,
}

impl Asked {
    /// A request comes. Without a subscriber for it the span is nothing but the look at a static
    /// that says so; its fields are not evaluated.
    pub(crate) fn new(
        at: Duration,
        bytes: usize,
        broker: i32,
        question: &Question,
        client_id: &str,
    ) -> Self {
        let span = tracing::debug_span!(
            "request",
            broker,
            api = ?question.key,
            version = question.version,
            client_id = %client_id,
            correlation = question.correlation,
            error = Empty,
            elapsed_us = Empty,
        );
        Self { at, bytes, span, client_id: String::new() }
    }
}

impl Server {
    /// As [`Asked::new`], with what the capture wants to know.
    pub(super) fn asked(
        &self,
        (at, bytes): (Duration, usize),
        broker: i32,
        question: &Question,
        client_id: &str,
    ) -> Asked {
        let mut asked = Asked::new(at, bytes, broker, question, client_id);
        if self.capture.is_on() {
            client_id.clone_into(&mut asked.client_id);
        }
        asked
    }

    /// Notes a request whose answer is about to be encoded.
    pub(super) fn observe(&self, peer: &Peer, answered: &Answered) {
        let Answered { question, asked, response } = answered;
        let elapsed = self.clock.now().saturating_sub(asked.at);
        if let Some(metrics) = self.metrics.of(peer.broker) {
            metrics.answered(question.key, question.version, response, elapsed);
        }
        if !asked.span.is_disabled() {
            asked.span.record("error", error_name(response.first_error()));
            asked.span.record("elapsed_us", elapsed.as_micros() as u64);
        }
        if self.capture.is_on() {
            self.capture.keep(Kept {
                at: asked.at,
                broker: peer.broker,
                client_id: asked.client_id.clone(),
                key: question.key,
                version: question.version,
                bytes: asked.bytes,
                elapsed,
                error_code: response.first_error(),
            });
        }
    }

    /// Prometheus' text of all metrics.
    pub(crate) fn metrics(&self) -> String {
        let survey = self.with(|cluster, _, _| cluster.survey());
        let mut connections = Vec::new();
        let listeners = self.with(|cluster, _, _| cluster.listeners().to_vec());
        {
            let open = lock(&self.connections);
            for broker in &survey.brokers {
                for (number, listener) in listeners.iter().enumerate() {
                    let here = open.open.values().filter(|connection| {
                        let Peer { broker: at, listener, .. } = connection.peer;
                        (at, listener) == (broker.id, number)
                    });
                    connections.push((broker.id, listener.clone(), here.count()));
                }
            }
        }
        self.metrics.render(&survey, &connections)
    }

    /// The last requests, in the order of their answers.
    pub(crate) fn captured(&self) -> Vec<CapturedRequest> {
        self.capture.list()
    }
}
