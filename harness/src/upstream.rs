//! Upstream: what faults make of the load before it is sent, and what they send beside it.
//!
//! These faults belong to the harness's own producers, so every environment has them.
//!
//! - [`tampering`]: what the driver asks before each message;
//! - `silence`, `hot_key`, `twice`: the faults that tamper;
//! - [`strays`]: messages beside the load, each accounted for to its end;
//! - `sender`, `sent`: how strays are made, and what became of them;
//! - `poison`: strays that kill workers;
//! - [`injector`]: these faults and those of the environment behind one seam.

mod hot_key;
pub mod injector;
mod poison;
mod sender;
mod sent;
mod silence;
pub mod strays;
pub mod tampering;
mod twice;

use crate::clock::Anchor;
use crate::scenario::ScenarioSpec;
use chaos::Fault;
use embedded_kube::ProcessEvent;
use std::sync::Arc;
use strays::Strays;
use tampering::Tampering;
use tokio::sync::broadcast::Receiver;
use workloads::Workload;

/// What these faults share with the driver and the collector of a trial.
#[derive(Debug)]
pub struct Upstream {
    /// Bootstrap servers with no fault in between.
    pub bootstrap: String,
    /// The workload and its seed.
    pub workload: Workload,
    /// Seed of the trial.
    pub seed: u64,
    /// When the load starts.
    pub anchor: Anchor,
    /// What the driver asks.
    pub tampering: Arc<Tampering>,
    /// What was sent beside the load.
    pub strays: Arc<Strays>,
    /// Processes of pods, as they start and end; each fault listens from its own beginning.
    pub processes: Receiver<ProcessEvent>,
}

/// Whether workers may meet messages in this scenario that they cannot process.
pub fn has_dead_letters(spec: &ScenarioSpec) -> bool {
    let unfit = |fault: &Fault| {
        matches!(
            fault,
            Fault::MalformedMessages(_)
                | Fault::IncompatibleSchema(_)
                | Fault::OversizedMessages(_)
                | Fault::PoisonMessage(_)
        )
    };
    spec.faults.iter().any(|fault| unfit(&fault.fault))
}

/// Whether messages of this scenario kill workers.
pub fn kills(spec: &ScenarioSpec) -> bool {
    spec.faults.iter().any(|fault| matches!(fault.fault, Fault::PoisonMessage(_)))
}

/// Whether messages of this scenario are sent twice.
pub fn repeats(spec: &ScenarioSpec) -> bool {
    spec.faults.iter().any(|fault| matches!(fault.fault, Fault::DuplicateSends(_)))
}

/// Whether the source topic gets more partitions in this scenario.
pub fn grows(spec: &ScenarioSpec) -> bool {
    spec.faults.iter().any(|fault| matches!(fault.fault, Fault::PartitionIncrease(_)))
}

/// How many keys stamps may name: those of the workload, and one more if any gets hot.
pub fn keys(spec: &ScenarioSpec, workload: &Workload) -> usize {
    let hot = spec.faults.iter().any(|fault| matches!(fault.fault, Fault::HotKey(_)));
    workload.symbols() as usize + usize::from(hot)
}
