//! Installs each kind of fault on brokers in containers: how they fail is below this module.

mod controller;
mod coordinator;
mod cpu;
mod disk;
mod down;
mod isolation;
mod leader;
mod memory;
mod partitions;
mod pause;
mod reassignment;
mod rebalances;
mod replicas;
mod throttle;

use super::admin::{self, Partition, Place};
use super::brokers::Names;
use super::cluster::{Cluster, View, locked};
use super::defects::Down;
use super::engine::{Engine, EngineError, State};
use super::readers::Readers;
use crate::clock::Anchor;
use crate::environment::around::Around;
use crate::environment::local::injector::requests::{self, Failure};
use crate::environment::local::injector::{rescale, stall};
use crate::environment::local::{self, brokers::name};
use crate::environment::topic_name;
use anyhow::Context as _;
use chaos::fault::Side;
use chaos::proxy::{self, Delay, Direction, Effect, JitterLaw, Rule};
use chaos::{Action, Fault, Injector, Installed, Refusal, RequestKind, Role, Targets};
use down::Signal;
use futures::future::BoxFuture;
use std::sync::Arc;
use std::time::Duration;

/// Time between two looks at what is to happen.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Longest that a broker may take to end in order.
const END_LIMIT: Duration = Duration::from_secs(6);

/// What faults work with.
#[derive(Clone)]
pub(super) struct Hands {
    pub(super) engine: Engine,
    pub(super) names: Names,
    pub(super) cluster: Arc<Cluster>,
    /// Brokers whose end is no defect.
    pub(super) down: Down,
    /// Whether brokers reach their peers by way of proxies.
    pub(super) peers_by_proxy: bool,
    /// What reads the requests that come to brokers.
    pub(super) readers: Arc<Readers>,
}

/// Faults on brokers in containers, emulated nodes and the proxies between them.
///
/// While the harness lives, a [`chaos::Keeper`] heals what nobody heals. Containers outlive one that
/// is killed, but serve nobody then, and `clean` removes them.
pub(super) struct DockerInjector {
    pub(super) hands: Hands,
    pub(super) around: Arc<Around>,
}

/// The name of the proxy between a broker and its peers.
pub(super) fn peers_of(id: i32) -> String {
    format!("{}-peers", name(id))
}

/// Whether a fault is done to what brokers have with their peers, so that proxies must be between.
pub(crate) fn disturbs_peers(fault: &Fault) -> bool {
    matches!(fault, Fault::ReplicationLag(_) | Fault::UnderReplicated(_))
}

/// Whether a fault is done to requests, or seen in their answers, so that proxies must read them.
pub(crate) fn reads_requests(fault: &Fault) -> bool {
    matches!(
        fault,
        Fault::BrokerErrors(_)
            | Fault::LostAcknowledgement(_)
            | Fault::FetchStall(_)
            | Fault::BrokerThrottle(_)
    )
}

/// Why a kind of fault cannot be done to brokers in containers; nothing for one that can.
pub fn refuses(kind: &str) -> Option<&'static str> {
    match kind {
        "broker_power_loss" | "zone_outage" => Some(
            "containers share the machine's page cache, which no kill empties; broker_crash kills \
             a broker",
        ),
        _ => None,
    }
}

impl DockerInjector {
    async fn install_now(
        &self,
        action: &Action,
        limit: Duration,
    ) -> Result<Box<dyn Installed>, Refusal> {
        let hands = self.hands.clone();
        let brokers = || local::brokers::ids(&action.targets.brokers);
        if let Some(reason) = refuses(action.fault.kind().kind) {
            return unsupported(reason);
        }
        match &action.fault {
            Fault::BrokerCrash(_) => hands.crash(brokers()?).await,
            Fault::BrokerShutdown(_) => down::end(hands, brokers()?, Signal::Terminate).await,
            Fault::BrokerIsolation(fault) => hands.cut_off(brokers()?, fault.from).await,
            Fault::ControllerCrash(_) => controller::cut_off(hands).await,
            Fault::BrokerDisk(fault) => disk::change(hands, brokers()?, fault.state).await,
            Fault::ReplicationLag(fault) => {
                let law = JitterLaw::Even;
                let delay = Delay { delay: fault.delay, jitter: fault.jitter, law };
                let effect = (Direction::ToClient, Effect::Delay(delay));
                Ok(self.to_followers(&brokers()?, effect, action.seed, limit))
            }
            Fault::UnderReplicated(_) => {
                let ids = brokers()?;
                let hold = (Direction::Both, Effect::Hold);
                let held = self.to_followers(&ids, hold, action.seed, limit);
                Ok(replicas::until_short(hands, held))
            }
            Fault::BrokerErrors(fault) => {
                let failure = (fault.api, Failure::Error(fault.error));
                requests::fail(&hands.readers, &action.targets.brokers, failure, fault.requests)
            }
            Fault::LostAcknowledgement(fault) => {
                let failure = (RequestKind::Produce, Failure::AnswerLost);
                requests::fail(&hands.readers, &action.targets.brokers, failure, fault.requests)
            }
            Fault::FetchStall(_) => {
                stall::hold_back(&hands.readers, &action.targets.brokers, limit)
            }
            Fault::BrokerThrottle(fault) => {
                throttle::set(hands, fault.produce_bytes_per_s, fault.fetch_bytes_per_s).await
            }
            Fault::LeaderMove(fault) => {
                let place = (topic_name(fault.topic).to_owned(), fault.partition);
                Ok(Box::new(leader::shift(hands, place, None).await?))
            }
            Fault::CoordinatorMove(_) => coordinator::shift(hands).await,
            Fault::RebalanceStorm(fault) => Ok(rebalances::begin(hands, fault.every, limit)),
            Fault::PartitionIncrease(fault) => partitions::add(hands, fault.add).await,
            Fault::Rescale(fault) => {
                let owners = Box::new(move || hands.cluster.group().owners());
                rescale::by_hand(&self.around.kube, fault.replicas, owners).await
            }
            Fault::BrokerPause(_) => pause::freeze(hands, brokers()?).await,
            Fault::BrokerMemory(_) => memory::exhaust(hands, brokers()?).await,
            Fault::BrokerCpu(fault) => cpu::ration(hands, brokers()?, fault.processors).await,
            Fault::PartitionReassignment(fault) => {
                let place = (topic_name(fault.topic).to_owned(), fault.partition);
                reassignment::begin(hands, place).await
            }
            _ => self.around.install(action, limit).await,
        }
    }

    /// Disturbs what followers on these brokers have with any of their leaders.
    fn to_followers(
        &self,
        ids: &[i32],
        effect: (Direction, Effect),
        seed: u64,
        limit: Duration,
    ) -> Box<dyn Installed> {
        let targets = Targets {
            // So does Apache Kafka name its only fetcher on each broker.
            clients: ids.iter().map(|id| format!("broker-{id}-fetcher-0")).collect(),
            brokers: self.hands.cluster.ids().into_iter().map(peers_of).collect(),
            ..Targets::default()
        };
        let rule = Rule::between(&targets, effect, seed, limit);
        proxy::inject(&self.around.rules, vec![rule])
    }
}

impl Injector for DockerInjector {
    fn broker(&self, role: Role) -> Option<String> {
        let cluster = &self.hands.cluster;
        let id = match role {
            Role::LeaderOf { topic, partition } => {
                let place = (topic_name(topic).to_owned(), partition);
                cluster.partitions().get(&place)?.leader
            }
            Role::GroupCoordinator => cluster.coordinator(),
            Role::Controller => cluster.controller().map(|(_, id)| id),
        };
        id.map(name)
    }

    fn install<'a>(
        &'a self,
        action: &'a Action,
        limit: Duration,
    ) -> BoxFuture<'a, Result<Box<dyn Installed>, Refusal>> {
        Box::pin(self.install_now(action, limit))
    }
}

fn unsupported(reason: &str) -> Result<Box<dyn Installed>, Refusal> {
    Err(Refusal::Unsupported(reason.to_owned()))
}

fn refused(error: EngineError) -> Refusal {
    Refusal::Failed(error.to_string())
}

impl Hands {
    /// Kills brokers; healing starts them again.
    pub(super) async fn crash(&self, ids: Vec<i32>) -> Result<Box<dyn Installed>, Refusal> {
        down::end(self.clone(), ids, Signal::Kill).await
    }

    /// Cuts brokers off from one side.
    pub(super) async fn cut_off(
        &self,
        ids: Vec<i32>,
        from: Side,
    ) -> Result<Box<dyn Installed>, Refusal> {
        isolation::isolate(self.clone(), ids, from).await
    }

    /// How a broker's container does.
    async fn state(&self, id: i32) -> Result<State, EngineError> {
        self.engine.state(&self.names.container(id)).await
    }

    /// Whether a broker answered the last question.
    fn answers(&self, id: i32) -> bool {
        self.cluster.views().get(&id).is_some_and(|view| view.seen.is_some())
    }

    /// Whether a broker is a part of the cluster, as it and others have said since.
    fn is_back(&self, id: i32, since: &Anchor) -> bool {
        let views = self.cluster.views();
        let fresh = |view: &View| view.seen.is_some_and(|seen| seen.unix_us() > since.unix_us());
        let known = |(other, view): (&i32, &View)| {
            (*other != id || views.len() == 1) && fresh(view) && view.metadata.brokers.contains(&id)
        };
        views.get(&id).is_some_and(fresh) && views.iter().any(known)
    }

    /// A partition of any topic, as a broker knows it that is asked now.
    async fn partition(&self, place: &Place) -> anyhow::Result<Partition> {
        let mut connection = self.cluster.connect().await?;
        let mut known = admin::metadata(&mut connection, &[&place.0]).await?.partitions;
        known.remove(place).context("there is no such partition")
    }

    /// How many partitions a broker leads.
    fn led_by(&self, id: i32) -> usize {
        let partitions = self.cluster.partitions();
        partitions.values().filter(|partition| partition.leader == Some(id)).count()
    }

    /// Takes note that the ends of these brokers are meant.
    fn announce(&self, ids: &[i32]) {
        locked(&self.down).extend(ids);
    }

    /// Waits until brokers have ended that were told to. One that does not is killed.
    async fn until_ended(&self, ids: &[i32]) -> Result<(), EngineError> {
        let begun = Anchor::now();
        for id in ids {
            while self.state(*id).await?.running {
                if begun.elapsed() > END_LIMIT {
                    // It may end before this comes.
                    let _ = self.engine.kill(&self.names.container(*id), "KILL").await;
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
        Ok(())
    }

    /// Starts brokers that have ended, and waits until they are back in the cluster, for
    /// `patience` at most.
    async fn bring_back(&self, ids: &[i32], patience: Duration) -> Result<String, String> {
        let begun = Anchor::now();
        loop {
            for id in ids {
                // One that runs already is left running.
                let started = self.engine.start(&self.names.container(*id)).await;
                started.map_err(|error| error.to_string())?;
            }
            tokio::time::sleep(LOOK_EVERY).await;
            // What a broker said before it was started tells nothing.
            if ids.iter().all(|id| self.is_back(*id, &begun)) {
                break;
            }
            if begun.elapsed() > patience {
                return Err(format!("not back after {patience:?}: {}", local::brokers::names(ids)));
            }
        }
        locked(&self.down).retain(|id| !ids.contains(id));
        let seconds = begun.elapsed().as_secs_f64();
        Ok(format!("back in the cluster after {seconds:.1} s: {}", local::brokers::names(ids)))
    }
}
