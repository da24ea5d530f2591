//! The faults: one file each, with their parameters, their rules and their catalogue entry.

mod broker_crash;
mod broker_disk;
mod broker_errors;
mod broker_isolation;
mod broker_power_loss;
mod broker_shutdown;
mod broker_throttle;
mod controller_crash;
mod fetch_stall;
mod leader_move;
mod lost_acknowledgement;
mod network_delay;
mod network_partition;
mod node_crash;
mod node_pause;
mod replication_lag;
mod requests;

use std::collections::BTreeSet;
use std::time::Duration;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use broker_crash::BrokerCrash;
pub use broker_disk::{BrokerDisk, DiskState};
pub use broker_errors::BrokerErrors;
pub use broker_isolation::{BrokerIsolation, Side};
pub use broker_power_loss::BrokerPowerLoss;
pub use broker_shutdown::BrokerShutdown;
pub use broker_throttle::BrokerThrottle;
pub use controller_crash::ControllerCrash;
pub use fetch_stall::FetchStall;
pub use leader_move::LeaderMove;
pub use lost_acknowledgement::LostAcknowledgement;
pub use network_delay::NetworkDelay;
pub use network_partition::{NetworkPartition, PairDirection};
pub use node_crash::NodeCrash;
pub use node_pause::NodePause;
pub use replication_lag::ReplicationLag;
pub use requests::{Affected, BrokerError, RequestKind};

use crate::injector::Action;
use crate::schedule::ScheduleProblem;
use crate::selector::{Group, Inventory, OPERATOR, Pool, Selector, TopicRole};

/// One fault of a scenario file: what, when and for how long.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FaultSpec {
    /// The name in reports; without one, the kind and the place in the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// When it is installed, from the start of the load, such as `30s`.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub at: Duration,
    /// How long it lasts until it is healed, such as `10s`.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub r#for: Duration,
    /// What is done.
    pub fault: Fault,
}

/// What is done to whom.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Nodes die with all that runs on them.
    NodeCrash(NodeCrash),
    /// Nodes freeze and later go on.
    NodePause(NodePause),
    /// Bytes between two groups are held back.
    NetworkPartition(NetworkPartition),
    /// Bytes between two groups arrive late.
    NetworkDelay(NetworkDelay),
    /// Brokers die and later return.
    BrokerCrash(BrokerCrash),
    /// A partition gets another leader.
    LeaderMove(LeaderMove),
    /// Brokers die with what was only in their page cache.
    BrokerPowerLoss(BrokerPowerLoss),
    /// Brokers are stopped in order and later return.
    BrokerShutdown(BrokerShutdown),
    /// Brokers are cut off from their peers, or from clients.
    BrokerIsolation(BrokerIsolation),
    /// The active controller dies.
    ControllerCrash(ControllerCrash),
    /// Disks of brokers get slow, or full.
    BrokerDisk(BrokerDisk),
    /// Followers trail their leaders.
    ReplicationLag(ReplicationLag),
    /// Brokers answer requests of one kind with an error.
    BrokerErrors(BrokerErrors),
    /// Brokers write and do not acknowledge.
    LostAcknowledgement(LostAcknowledgement),
    /// Brokers hold back what consumers ask for.
    FetchStall(FetchStall),
    /// Brokers hold workers to quotas.
    BrokerThrottle(BrokerThrottle),
}

/// An entry of the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct FaultKind {
    /// The name in scenario files.
    pub kind: &'static str,
    /// What it does, in one line.
    pub description: &'static str,
    /// What proves that it landed.
    pub evidence: &'static str,
    /// How it ends.
    pub heal: &'static str,
}

/// Every kind of fault, in the order of the [`Fault`] enum.
pub fn catalogue() -> Vec<FaultKind> {
    vec![
        node_crash::KIND,
        node_pause::KIND,
        network_partition::KIND,
        network_delay::KIND,
        broker_crash::KIND,
        leader_move::KIND,
        broker_power_loss::KIND,
        broker_shutdown::KIND,
        broker_isolation::KIND,
        controller_crash::KIND,
        broker_disk::KIND,
        replication_lag::KIND,
        broker_errors::KIND,
        lost_acknowledgement::KIND,
        fetch_stall::KIND,
        broker_throttle::KIND,
    ]
}

impl Fault {
    /// The entry of the catalogue.
    pub fn kind(&self) -> FaultKind {
        self.definition().kind()
    }

    pub(crate) fn definition(&self) -> &dyn Definition {
        match self {
            Self::NodeCrash(fault) => fault,
            Self::NodePause(fault) => fault,
            Self::NetworkPartition(fault) => fault,
            Self::NetworkDelay(fault) => fault,
            Self::BrokerCrash(fault) => fault,
            Self::LeaderMove(fault) => fault,
            Self::BrokerPowerLoss(fault) => fault,
            Self::BrokerShutdown(fault) => fault,
            Self::BrokerIsolation(fault) => fault,
            Self::ControllerCrash(fault) => fault,
            Self::BrokerDisk(fault) => fault,
            Self::ReplicationLag(fault) => fault,
            Self::BrokerErrors(fault) => fault,
            Self::LostAcknowledgement(fault) => fault,
            Self::FetchStall(fault) => fault,
            Self::BrokerThrottle(fault) => fault,
        }
    }
}

/// What every fault tells the schedule about itself.
pub(crate) trait Definition {
    fn kind(&self) -> FaultKind;

    /// Adds what is wrong with the parameters: of a fault that has no others, its claim's.
    fn check(&self, check: &mut Check<'_>) {
        match self.claim() {
            Some(Claim::Nodes(nodes)) => check.selector("nodes", nodes, Pool::Nodes),
            Some(Claim::Brokers(brokers)) => check.selector("brokers", brokers, Pool::Brokers),
            Some(Claim::Partition(_) | Claim::Only(_)) | None => {}
        }
    }

    /// What no other fault may claim at the same time.
    fn claim(&self) -> Option<Claim<'_>>;

    /// The broker to be found when the fault is due, if there is one.
    fn leader(&self) -> Option<(TopicRole, i32)> {
        match self.claim() {
            Some(Claim::Brokers(brokers)) => brokers.leader(),
            Some(Claim::Nodes(_) | Claim::Partition(_) | Claim::Only(_)) | None => None,
        }
    }

    /// The action, with every open choice drawn.
    fn action(&self, draw: &mut Draw<'_>) -> Action;
}

/// An exclusive hold on targets: two faults that claim the same one contradict each other.
#[derive(Debug, Clone)]
pub(crate) enum Claim<'a> {
    /// Nodes that are down.
    Nodes(&'a Selector),
    /// Brokers that are down.
    Brokers(&'a Selector),
    /// A partition whose leader is being moved.
    Partition(String),
    /// What only one fault at a time can do, in words that follow on its name.
    Only(String),
}

impl Claim<'_> {
    /// Changing what requests of one kind are answered.
    fn answers_to(kind: RequestKind) -> Self {
        Self::Only(format!("changes the answers to {} requests", kind.name()))
    }
}

/// Where the problems of one fault are collected.
pub(crate) struct Check<'a> {
    /// The place in the file, such as `faults[2].fault.node_crash`.
    pub(crate) path: String,
    pub(crate) inventory: &'a Inventory,
    /// How long the fault lasts.
    pub(crate) hold: Duration,
    pub(crate) problems: &'a mut Vec<ScheduleProblem>,
}

impl Check<'_> {
    pub(crate) fn problem(&mut self, field: &str, message: impl Into<String>) {
        let path = format!("{}.{field}", self.path);
        self.problems.push(ScheduleProblem { path, message: message.into() });
    }

    pub(crate) fn selector(&mut self, field: &str, selector: &Selector, pool: Pool) {
        for message in selector.problems(pool, self.inventory) {
            self.problem(field, message);
        }
    }

    pub(crate) fn pair(&mut self, field: &str, between: &(Group, Group)) {
        for (index, group) in [&between.0, &between.1].into_iter().enumerate() {
            match group {
                Group::Nodes(selector) => {
                    self.selector(&format!("{field}[{index}].nodes"), selector, Pool::Nodes);
                }
                Group::Brokers(selector) => {
                    self.selector(&format!("{field}[{index}].brokers"), selector, Pool::Brokers);
                }
                Group::Operator => {}
            }
        }
        if is_brokers(&between.0) == is_brokers(&between.1) {
            self.problem(
                field,
                "a network fault lies between brokers and others; \
                 allowed: one group of brokers, and one of nodes or operator",
            );
        }
    }
}

/// The seeded draw of one fault's open choices.
pub(crate) struct Draw<'a> {
    pub(crate) inventory: &'a Inventory,
    pub(crate) random: ChaCha8Rng,
    /// Targets that other faults have down at the same time.
    pub(crate) avoid: BTreeSet<String>,
}

/// The two ends of a network fault, as the proxy knows them.
pub(crate) struct Ends {
    pub(crate) clients: Vec<String>,
    pub(crate) brokers: Vec<String>,
    /// Whether the brokers were named first.
    pub(crate) brokers_first: bool,
}

impl Draw<'_> {
    pub(crate) fn names(&mut self, selector: &Selector, pool: Pool) -> Vec<String> {
        selector.draw(pool.names(self.inventory), &self.avoid, &mut self.random)
    }

    pub(crate) fn ends(&mut self, between: &(Group, Group)) -> Ends {
        let mut ends = Ends {
            clients: Vec::new(),
            brokers: Vec::new(),
            brokers_first: is_brokers(&between.0),
        };
        for group in [&between.0, &between.1] {
            match group {
                Group::Nodes(selector) => ends.clients = self.names(selector, Pool::Nodes),
                Group::Brokers(selector) => ends.brokers = self.names(selector, Pool::Brokers),
                Group::Operator => ends.clients = vec![OPERATOR.to_owned()],
            }
        }
        ends
    }

    pub(crate) fn seed(&mut self) -> u64 {
        self.random.random()
    }
}

/// The leader that a network fault between these groups waits for.
pub(crate) fn leader_of_pair(between: &(Group, Group)) -> Option<(TopicRole, i32)> {
    [&between.0, &between.1].into_iter().find_map(|group| match group {
        Group::Brokers(selector) => selector.leader(),
        Group::Nodes(_) | Group::Operator => None,
    })
}

/// A duration as scenario files write it.
fn text(duration: Duration) -> String {
    humantime::format_duration(duration).to_string()
}

fn is_brokers(group: &Group) -> bool {
    matches!(group, Group::Brokers(_))
}
