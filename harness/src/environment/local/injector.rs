//! Installs each kind of fault on the local environment: how brokers fail is below this module.

mod behind;
mod controller;
mod disk;
mod down;
mod isolation;
mod lag;
mod requests;
mod stall;
#[cfg(test)]
mod tests;
mod throttle;

use super::{brokers, leader, nodes};
use chaos::proxy::{self, Rules};
use chaos::{Action, Injector, Installed, Refusal, RequestKind, TopicRole};
use down::Way;
use embedded_kafka::{EmbeddedKafka, ReplicationLag};
use embedded_kube::EmbeddedKube;
use futures::future::BoxFuture;
use requests::Failure;
use std::sync::Arc;
use std::time::Duration;

/// Faults on embedded brokers, emulated nodes and the proxies between them.
///
/// Brokers and nodes live in this process and die with it, so that only the proxies' rules need a
/// limit of their own: they heal when it passes.
pub(super) struct LocalInjector {
    kafka: Arc<EmbeddedKafka>,
    kube: Arc<EmbeddedKube>,
    rules: Rules,
}

impl LocalInjector {
    pub(super) fn new(kafka: Arc<EmbeddedKafka>, kube: Arc<EmbeddedKube>, rules: Rules) -> Self {
        Self { kafka, kube, rules }
    }

    async fn install_now(
        &self,
        action: &Action,
        limit: Duration,
    ) -> Result<Box<dyn Installed>, Refusal> {
        match action {
            Action::NodeCrash { nodes } => nodes::crash(&self.kube, nodes).await,
            Action::NodePause { nodes } => nodes::pause(&self.kube, nodes).await,
            Action::NetworkPartition { .. } | Action::NetworkDelay { .. } => {
                proxy::inject(&self.rules, action, limit)
            }
            Action::BrokerCrash { brokers } => {
                down::take_down(&self.kafka, brokers, Way::Crash).await
            }
            Action::BrokerPowerLoss { brokers } => {
                down::take_down(&self.kafka, brokers, Way::PowerLoss).await
            }
            Action::BrokerShutdown { brokers } => {
                down::take_down(&self.kafka, brokers, Way::Shutdown).await
            }
            Action::BrokerIsolation { brokers, from } => {
                isolation::isolate(&self.kafka, brokers, *from).await
            }
            Action::ControllerCrash { failover } => controller::crash(&self.kafka, *failover),
            Action::BrokerDisk { brokers, state } => disk::change(&self.kafka, brokers, *state),
            Action::ReplicationLag { brokers, delay, jitter } => {
                let lag = ReplicationLag { jitter: *jitter, ..ReplicationLag::of(*delay) };
                lag::install(&self.kafka, brokers, lag)
            }
            Action::BrokerErrors { brokers, api, error, requests } => {
                let failure = Failure::Error(*error);
                requests::fail(&self.kafka, brokers, (*api, failure), *requests)
            }
            Action::LostAcknowledgement { brokers, requests } => {
                let failure = (RequestKind::Produce, Failure::AnswerLost);
                requests::fail(&self.kafka, brokers, failure, *requests)
            }
            Action::FetchStall { brokers } => stall::hold_back(&self.kafka, brokers, limit),
            Action::BrokerThrottle { produce_bytes_per_s, fetch_bytes_per_s } => {
                throttle::set(&self.kafka, *produce_bytes_per_s, *fetch_bytes_per_s)
            }
            Action::LeaderMove { topic, partition } => {
                leader::shift(&self.kafka, topic_name(*topic), *partition)
            }
        }
    }
}

impl Injector for LocalInjector {
    fn leader(&self, topic: TopicRole, partition: i32) -> Option<String> {
        leader::of(&self.kafka, topic_name(topic), partition).map(brokers::name)
    }

    fn install<'a>(
        &'a self,
        action: &'a Action,
        limit: Duration,
    ) -> BoxFuture<'a, Result<Box<dyn Installed>, Refusal>> {
        Box::pin(self.install_now(action, limit))
    }
}

fn topic_name(role: TopicRole) -> &'static str {
    match role {
        TopicRole::Source => crate::environment::SOURCE_TOPIC,
        TopicRole::Result => crate::environment::RESULT_TOPIC,
    }
}
