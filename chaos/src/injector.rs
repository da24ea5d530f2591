//! The seam to an environment: who can install an action, prove that it landed, and heal it.

use std::time::Duration;

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use crate::fault::{Aim, Fault};
use crate::selector::{Pool, Role};

/// A fault with all its targets known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Action {
    /// What is done.
    pub fault: Fault,
    /// To whom.
    pub targets: Targets,
    /// What the fault draws from while it is in force.
    pub seed: u64,
}

/// Who is hit, by name. What a fault is not aimed at is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Targets {
    /// Groups of clients: node names or `operator`.
    pub clients: Vec<String>,
    /// Nodes.
    pub nodes: Vec<String>,
    /// Brokers.
    pub brokers: Vec<String>,
    /// Servers that are no brokers: `api_server`.
    pub servers: Vec<String>,
}

impl Action {
    /// The names of all that is hit, for reports: clients before servers, a partition as
    /// `topic/number`.
    pub fn targets(&self) -> Vec<String> {
        match self.fault.definition().aim() {
            Aim::Partition(topic, partition) => vec![format!("{}/{partition}", topic.name())],
            Aim::Controller => vec!["controller".to_owned()],
            Aim::Named(name) => vec![name.to_owned()],
            Aim::Workers(_) => vec!["workers".to_owned()],
            Aim::Nodes(_) | Aim::Brokers(_) | Aim::Zone(_) | Aim::Between(_) => {
                let Targets { clients, nodes, brokers, servers } = &self.targets;
                clients.iter().chain(nodes).chain(brokers).chain(servers).cloned().collect()
            }
        }
    }

    /// The broker to be found when the fault is due, if there is one.
    pub fn role(&self) -> Option<Role> {
        self.fault.definition().aim().role()
    }

    /// The workers that are hit, drawn from those that run, if it is aimed at workers.
    pub fn workers(&self, running: &[String]) -> Vec<String> {
        match self.fault.definition().aim() {
            Aim::Workers(workers) => workers.draw(running, self.seed),
            _ => Vec::new(),
        }
    }

    /// What only one fault at a time can do, if this does such a thing, in words that follow on its
    /// name.
    pub(crate) fn sole(&self) -> Option<String> {
        self.fault.definition().sole().map(|sole| sole.does)
    }

    /// The targets that are out of service while the action lasts, by their pools.
    pub(crate) fn takes_down(&self) -> Vec<(Pool, &[String])> {
        let down = self.fault.definition().down().into_iter();
        down.map(|(pool, _)| (pool, self.targets.of(pool))).collect()
    }
}

impl Targets {
    /// Those of a pool.
    pub(crate) fn of(&self, pool: Pool) -> &[String] {
        match pool {
            Pool::Nodes => &self.nodes,
            Pool::Brokers => &self.brokers,
        }
    }

    /// Those of a pool, to be chosen anew.
    pub(crate) fn of_mut(&mut self, pool: Pool) -> &mut Vec<String> {
        match pool {
            Pool::Nodes => &mut self.nodes,
            Pool::Brokers => &mut self.brokers,
        }
    }
}

/// An environment's ability to break things.
pub trait Injector: Send + Sync {
    /// The broker that has this role now.
    fn broker(&self, role: Role) -> Option<String>;

    /// Installs the action. The target must heal itself within `limit` from now, even if nobody
    /// asks it to: the harness may be dead by then. A refusal means that nothing was installed.
    fn install<'a>(
        &'a self,
        action: &'a Action,
        limit: Duration,
    ) -> BoxFuture<'a, Result<Box<dyn Installed>, Refusal>>;
}

/// A fault in force.
pub trait Installed: Send {
    /// A sentence with measured numbers once the fault has landed. Asked every 20 ms until then;
    /// a call may be dropped before it ends.
    fn evidence(&mut self) -> BoxFuture<'_, Option<String>>;

    /// Ends the fault and says what was measured on healing. Harmless when repeated.
    fn heal(&mut self) -> BoxFuture<'_, Result<String, String>>;
}

/// Why nothing was installed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The environment cannot do this; the fault is skipped with this reason.
    #[error("not possible in this environment: {0}")]
    Unsupported(String),
    /// It should have worked and did not.
    #[error("installing failed: {0}")]
    Failed(String),
}
