//! Installs each kind of fault on the local environment: how brokers fail is below this module.

mod api;
mod behind;
mod controller;
mod disk;
mod down;
mod isolation;
mod lag;
mod operator;
mod partitions;
mod rebalances;
mod replicas;
mod requests;
mod rescale;
mod stall;
mod storm;
#[cfg(test)]
mod tests;
mod throttle;
mod trouble;
mod workers;
mod zone;

use super::operator_process::Operator;
use super::{brokers, leader, nodes};
use crate::environment::GROUP;
use chaos::fault::NetworkBridge;
use chaos::proxy::{self, Direction, Effect, Rule, Rules};
use chaos::{Action, Fault, Injector, Installed, Refusal, RequestKind, Role, Targets, TopicRole};
use down::Way;
use embedded_kafka::{EmbeddedKafka, ReplicationLag};
use embedded_kube::EmbeddedKube;
use futures::future::BoxFuture;
use requests::Failure;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// Faults on embedded brokers, emulated nodes, the proxies between them, the API server and the
/// operator.
///
/// All of it lives in this process or dies with it; while it lives, the [`chaos::Keeper`] of the trial
/// heals what nobody heals.
pub(super) struct LocalInjector {
    pub(super) kafka: Arc<EmbeddedKafka>,
    pub(super) kube: Arc<EmbeddedKube>,
    pub(super) operator: Arc<Operator>,
    pub(super) rules: Rules,
    /// Where workers reach each broker, by its name.
    pub(super) fronts: BTreeMap<String, SocketAddr>,
}

impl LocalInjector {
    async fn install_now(
        &self,
        action: &Action,
        limit: Duration,
    ) -> Result<Box<dyn Installed>, Refusal> {
        let Targets { nodes, brokers, .. } = &action.targets;
        let kafka = &self.kafka;
        match &action.fault {
            Fault::NodeCrash(_) => nodes::crash(&self.kube, nodes).await,
            Fault::NodePause(_) => nodes::pause(&self.kube, nodes).await,
            Fault::ZoneOutage(_) => zone::black_out(&self.kube, kafka, &action.targets).await,
            Fault::NodeSlow(_)
            | Fault::NodeReboot(_)
            | Fault::NodeDrain(_)
            | Fault::SpotInterruption(_)
            | Fault::KubeletSilent(_)
            | Fault::MemoryPressure(_)
            | Fault::DiskPressure(_)
            | Fault::OomKill(_)
            | Fault::ImageFailure(_)
            | Fault::SlowStart(_) => trouble::install(&self.kube, action, limit).await,
            Fault::PodKill(_)
            | Fault::PodTerminate(_)
            | Fault::CrashLoop(_)
            | Fault::WorkerStuck(_) => workers::install(&self.kube, action).await,
            Fault::RollingUpgrade(_) => workers::upgrade(&self.kube, action.seed).await,
            Fault::MemoryLeak(fault) => {
                workers::leak(&self.kube, fault.bytes_per_record, fault.limit_mib).await
            }
            Fault::NetworkPartition(fault) => {
                Ok(self.disturb(action, (fault.proxied(), Effect::Hold), limit))
            }
            Fault::NetworkDelay(fault) => Ok(self.disturb(action, both(fault.effect()), limit)),
            Fault::NetworkLoss(fault) => Ok(self.disturb(action, both(fault.effect()), limit)),
            Fault::NetworkBandwidth(fault) => Ok(self.disturb(action, both(fault.effect()), limit)),
            Fault::NetworkBlackhole(fault) => Ok(self.disturb(action, both(fault.effect()), limit)),
            Fault::NetworkBridge(fault) => Ok(self.bridge(fault, action, limit)),
            Fault::ConnectionReset(fault) => Ok(self.disturb(action, both(fault.effect()), limit)),
            Fault::ConnectionHalfOpen(fault) => {
                Ok(self.disturb(action, both(fault.effect()), limit))
            }
            Fault::ConnectionSlowClose(fault) => {
                Ok(self.disturb(action, both(fault.effect()), limit))
            }
            Fault::ConnectionStorm(fault) => {
                storm::raise(&self.fronts, brokers, fault.connections, limit)
            }
            Fault::BrokerCrash(_) => down::take_down(kafka, brokers, Way::Crash).await,
            Fault::BrokerPowerLoss(_) => down::take_down(kafka, brokers, Way::PowerLoss).await,
            Fault::BrokerShutdown(_) => down::take_down(kafka, brokers, Way::Shutdown).await,
            Fault::BrokerIsolation(fault) => isolation::isolate(kafka, brokers, fault.from).await,
            Fault::ControllerCrash(fault) => controller::crash(kafka, fault.failover),
            Fault::BrokerDisk(fault) => disk::change(kafka, brokers, fault.state),
            Fault::ReplicationLag(fault) => {
                let lag =
                    ReplicationLag { jitter: fault.jitter, ..ReplicationLag::of(fault.delay) };
                lag::install(kafka, brokers, lag)
            }
            Fault::BrokerErrors(fault) => {
                let failure = (fault.api, Failure::Error(fault.error));
                requests::fail(kafka, brokers, failure, fault.requests)
            }
            Fault::LostAcknowledgement(fault) => {
                let failure = (RequestKind::Produce, Failure::AnswerLost);
                requests::fail(kafka, brokers, failure, fault.requests)
            }
            Fault::FetchStall(_) => stall::hold_back(kafka, brokers, limit),
            Fault::BrokerThrottle(fault) => {
                throttle::set(kafka, fault.produce_bytes_per_s, fault.fetch_bytes_per_s)
            }
            Fault::ApiDown(_)
            | Fault::ApiSlow(_)
            | Fault::ApiErrors(_)
            | Fault::WatchDrop(_)
            | Fault::WatchStall(_)
            | Fault::EventsDelayed(_)
            | Fault::StaleList(_)
            | Fault::HistoryCompacted(_)
            | Fault::WebhookTimeout(_) => api::install(&self.kube, action, limit),
            Fault::OperatorKill(_) => operator::kill(&self.operator).await,
            Fault::LeaseLost(_) => operator::take_lease(&self.kube, &self.operator, limit).await,
            Fault::OperatorTwice(_) => operator::double(&self.operator),
            Fault::LeaderMove(fault) => {
                leader::shift(kafka, (topic_name(fault.topic), fault.partition), None)
            }
            Fault::MalformedMessages(_)
            | Fault::IncompatibleSchema(_)
            | Fault::OversizedMessages(_)
            | Fault::HotKey(_)
            | Fault::DuplicateSends(_)
            | Fault::UpstreamSilence(_) => {
                Err(Refusal::Unsupported("it acts on the load, not on the environment".to_owned()))
            }
            Fault::CoordinatorMove(_) => leader::shift_coordinator(kafka, GROUP),
            Fault::RebalanceStorm(fault) => rebalances::begin(kafka, GROUP, fault.every, limit),
            Fault::UnderReplicated(_) => replicas::hold_back(kafka, brokers, limit),
            Fault::PartitionIncrease(fault) => partitions::add(kafka, fault.add),
            Fault::Rescale(fault) => rescale::by_hand(kafka, &self.kube, fault.replicas).await,
        }
    }

    /// Lets the proxies do something to what flows between the targets.
    fn disturb(
        &self,
        action: &Action,
        effect: (Direction, Effect),
        limit: Duration,
    ) -> Box<dyn Installed> {
        let rule = Rule::between(&action.targets, effect, action.seed, limit);
        proxy::inject(&self.rules, vec![rule])
    }

    fn bridge(
        &self,
        fault: &NetworkBridge,
        action: &Action,
        limit: Duration,
    ) -> Box<dyn Installed> {
        let all: Vec<String> = self.fronts.keys().cloned().collect();
        let cuts = fault.cuts(&self.kube.nodes(), &all, &action.targets.brokers, action.seed);
        let rule = |cut| Rule::between(cut, both(Effect::Hold), action.seed, limit);
        proxy::inject(&self.rules, cuts.iter().map(rule).collect())
    }
}

/// Whatever the direction.
fn both(effect: Effect) -> (Direction, Effect) {
    (Direction::Both, effect)
}

impl Injector for LocalInjector {
    fn broker(&self, role: Role) -> Option<String> {
        let id = match role {
            Role::LeaderOf { topic, partition } => {
                leader::of(&self.kafka, topic_name(topic), partition)
            }
            Role::GroupCoordinator => self.kafka.group_coordinator(GROUP),
            Role::Controller => self.kafka.controller(),
        };
        id.map(brokers::name)
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
