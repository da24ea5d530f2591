//! A node that runs short of memory or disk: it says so, takes no new pods and evicts those it has.
//!
//! As in Kubernetes' node-pressure eviction, the kubelet sets a condition, the node lifecycle
//! controller turns that into a taint, and the kubelet ends one pod a round while the pressure
//! lasts. A round is the period of the node's lease, as both are ten seconds in Kubernetes.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Node;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use super::NodeHandle;
use super::kubelet::{Boot, Machine};
use super::memory::resident_bytes;
use super::process::{OomKiller, ProcessStatus, ProcessView};
use crate::clock;

/// What a node runs short of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pressure {
    /// Memory.
    Memory,
    /// Disk.
    Disk,
}

impl Pressure {
    const ALL: [Self; 2] = [Self::Memory, Self::Disk];

    /// The node's condition.
    pub fn condition(self) -> &'static str {
        match self {
            Self::Memory => "MemoryPressure",
            Self::Disk => "DiskPressure",
        }
    }

    /// What the kubelet says of a pod that it evicts.
    pub(super) fn message(self) -> String {
        let resource = match self {
            Self::Memory => "memory",
            Self::Disk => "ephemeral-storage",
        };
        format!("The node was low on resource: {resource}.")
    }

    /// The condition while the pressure lasts, or not.
    fn report(self, holds: bool, since: &Time) -> Value {
        let (status, what) = if holds { ("True", "Has") } else { ("False", "HasNo") };
        json!({
            "type": self.condition(),
            "status": status,
            "reason": format!("Kubelet{what}{}", self.condition()),
            "lastTransitionTime": since,
        })
    }
}

impl NodeHandle {
    /// Runs short of something, or no longer. It stays so over reboots.
    pub fn set_pressure(&self, pressure: Pressure, holds: bool) {
        self.machine().pressures.send_modify(|pressures| {
            if holds {
                pressures.insert(pressure);
            } else {
                pressures.remove(&pressure);
            }
        });
    }

    /// Kills the container with the most memory, as a kernel does that has none left; its pod
    /// starts it again. None when no container runs.
    pub fn run_out_of_memory(&self) -> Option<ProcessView> {
        end_largest(self.machine(), ProcessStatus::OutOfMemory(OomKiller::Kubelet))
    }
}

/// Reports what the node lacks, and evicts one pod a round meanwhile.
pub(super) async fn follow(boot: Boot) {
    let machine = &boot.machine;
    let mut pressures = machine.pressures.subscribe();
    // What an earlier boot has told is not known: everything is told once.
    let mut told = &BTreeSet::from(Pressure::ALL) - &*pressures.borrow();
    loop {
        let now = pressures.borrow_and_update().clone();
        match tell(machine, &told, &now).await {
            Ok(()) => told.clone_from(&now),
            Err(error) => tracing::debug!(%error, "the node's conditions were not written"),
        }
        if let Some(pressure) = now.first() {
            end_largest(machine, ProcessStatus::Evicted(*pressure));
        }
        let again = !now.is_empty() || told != now;
        tokio::select! {
            changed = pressures.changed() => if changed.is_err() {
                return;
            },
            () = tokio::time::sleep(machine.lease_period), if again => {}
        }
    }
}

async fn tell(
    machine: &Machine,
    told: &BTreeSet<Pressure>,
    now: &BTreeSet<Pressure>,
) -> Result<(), kube::Error> {
    let changed = Pressure::ALL.into_iter().filter(|it| told.contains(it) != now.contains(it));
    let since = Time(clock::now());
    let conditions: Vec<Value> = changed.map(|it| it.report(now.contains(&it), &since)).collect();
    if conditions.is_empty() {
        return Ok(());
    }
    let patch = Patch::Strategic(json!({"status": {"conditions": conditions}}));
    let api: Api<Node> = Api::all(machine.client.clone());
    api.patch_status(&machine.spec.name, &PatchParams::default(), &patch).await.map(drop)
}

/// Kills the process of the node that has the most memory.
fn end_largest(machine: &Machine, cause: ProcessStatus) -> Option<ProcessView> {
    let table = machine.launcher.table();
    let name = &machine.spec.name;
    let largest = table.of_node(name).into_iter().max_by_key(|view| resident_bytes(view.pid));
    largest.filter(|view| table.kill(name, view.pid, Some(cause)))
}
