//! Nodes in trouble: slow, away for a boot, drained, taken back, silent, short of something, unable
//! to start containers, or with a wrong clock.

mod drain;
mod memory;
mod pressure;
mod reboot;
mod silence;
mod slow;
mod spot;
mod starts;
#[cfg(test)]
mod tests;
mod wrong_clock;

use super::super::nodes::handles;
use chaos::{Action, Fault, Installed, Refusal};
use embedded_kube::{EmbeddedKube, NodeHandle, Pressure};
use starts::Hindrance;
use std::time::Duration;
use wrong_clock::Wrong;

/// Brings nodes into trouble, for `limit` at most.
pub(in crate::environment) async fn install(
    kube: &EmbeddedKube,
    action: &Action,
    limit: Duration,
) -> Result<Box<dyn Installed>, Refusal> {
    let nodes = handles(kube, &action.targets.nodes)?;
    match &action.fault {
        Fault::NodeSlow(fault) => Ok(slow::slow_down(nodes, fault.cpu, limit)),
        Fault::NodeReboot(fault) => Ok(reboot::reboot(nodes, fault.downtime).await),
        Fault::NodeDrain(_) => drain::drain(nodes).await,
        Fault::SpotInterruption(fault) => spot::interrupt(nodes, fault.notice).await,
        Fault::KubeletSilent(_) => silence::silence(kube.client(), nodes).await,
        Fault::MemoryPressure(_) => Ok(pressure::press(kube, nodes, Pressure::Memory)),
        Fault::DiskPressure(_) => Ok(pressure::press(kube, nodes, Pressure::Disk)),
        Fault::OomKill(_) => memory::run_out(kube, &nodes),
        Fault::ImageFailure(_) => Ok(starts::hinder(nodes, Hindrance::NoImages)),
        Fault::SlowStart(fault) => Ok(starts::hinder(nodes, Hindrance::Late(fault.delay))),
        Fault::ClockSkew(fault) => {
            let drift_us_per_s = i64::from(fault.gains_ms_per_s) * 1_000;
            let wrong = Wrong { offset_us: 0, drift_us_per_s };
            wrong_clock::shift(kube.client(), nodes, wrong, limit)
        }
        Fault::ClockJump(fault) => {
            let offset_us = fault.direction.offset_us(fault.by);
            let wrong = Wrong { offset_us, drift_us_per_s: 0 };
            wrong_clock::shift(kube.client(), nodes, wrong, limit)
        }
        other => Err(Refusal::Unsupported(format!("{} is no fault of nodes", other.kind().kind))),
    }
}

fn names(nodes: &[NodeHandle]) -> String {
    nodes.iter().map(NodeHandle::name).collect::<Vec<_>>().join(", ")
}

/// Processes on all of these nodes.
fn processes(nodes: &[NodeHandle]) -> usize {
    nodes.iter().map(|node| node.processes().len()).sum()
}

/// A refusal after which nothing is left, if taking back what was done already went well.
fn refused(error: &kube::Error, undone: Result<(), kube::Error>) -> Refusal {
    Refusal::Failed(match undone {
        Ok(()) => error.to_string(),
        Err(undo) => format!("{error}; then {undo}"),
    })
}
