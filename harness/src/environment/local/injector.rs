//! Installs each kind of fault on the local environment.

use super::{brokers, leader, nodes};
use chaos::proxy::{self, Rules};
use chaos::{Action, Injector, Installed, Refusal, TopicRole};
use embedded_kafka::EmbeddedKafka;
use embedded_kube::EmbeddedKube;
use futures::future::BoxFuture;
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
            Action::BrokerCrash { brokers } => brokers::crash(&self.kafka, brokers).await,
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
