//! Installs each kind of fault on the local environment: how brokers fail is below this module.

pub(in crate::environment) mod api;
mod behind;
mod controller;
mod disk;
mod down;
mod isolation;
mod lag;
pub(in crate::environment) mod operator;
mod partitions;
mod rebalances;
mod replicas;
pub(in crate::environment) mod requests;
pub(in crate::environment) mod rescale;
pub(in crate::environment) mod stall;
pub(in crate::environment) mod storm;
#[cfg(test)]
mod tests;
pub(in crate::environment) mod throttle;
pub(in crate::environment) mod trouble;
pub(in crate::environment) mod workers;
mod zone;

use super::{brokers, leader};
use crate::environment::around::Around;
use crate::environment::{GROUP, topic_name};
use chaos::{Action, Fault, Injector, Installed, Refusal, RequestKind, Role, Targets};
use down::Way;
use embedded_kafka::{EmbeddedKafka, GroupState, ReplicationLag};
use futures::future::BoxFuture;
use requests::Failure;
use std::sync::Arc;
use std::time::Duration;

/// Faults on embedded brokers, emulated nodes, the proxies between them, the API server and the
/// operator.
///
/// All of it lives in this process or dies with it; while it lives, the [`chaos::Keeper`] of the trial
/// heals what nobody heals.
pub(super) struct LocalInjector {
    pub(super) kafka: Arc<EmbeddedKafka>,
    pub(super) around: Arc<Around>,
}

impl LocalInjector {
    async fn install_now(
        &self,
        action: &Action,
        limit: Duration,
    ) -> Result<Box<dyn Installed>, Refusal> {
        let Targets { brokers, .. } = &action.targets;
        let kafka = &self.kafka;
        if let Some(reason) = super::refuses(action.fault.kind().kind) {
            return Err(Refusal::Unsupported(reason.to_owned()));
        }
        match &action.fault {
            Fault::ZoneOutage(_) => {
                zone::black_out(&self.around.kube, kafka, &action.targets).await
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
            Fault::LeaderMove(fault) => {
                leader::shift(kafka, (topic_name(fault.topic), fault.partition), None)
            }
            Fault::CoordinatorMove(_) => leader::shift_coordinator(kafka, GROUP),
            Fault::RebalanceStorm(fault) => rebalances::begin(kafka, GROUP, fault.every, limit),
            Fault::UnderReplicated(_) => replicas::hold_back(kafka, brokers, limit),
            Fault::PartitionIncrease(fault) => partitions::add(kafka, fault.add),
            Fault::Rescale(fault) => {
                let kafka = Arc::clone(kafka);
                let owners = Box::new(move || owners(&kafka));
                rescale::by_hand(&self.around.kube, fault.replicas, owners).await
            }
            _ => self.around.install(action, limit).await,
        }
    }
}

/// Members of the group that own partitions, if it does not rebalance.
fn owners(kafka: &EmbeddedKafka) -> Option<usize> {
    let group = kafka.group(GROUP)?;
    let owners = group.members.iter().filter(|member| !member.partitions.is_empty()).count();
    (group.state == GroupState::Stable).then_some(owners)
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
