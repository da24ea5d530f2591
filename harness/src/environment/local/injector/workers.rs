//! Workers of the job that die, hang or are replaced.

mod crash_loop;
mod delete;
mod leak;
mod stuck;
#[cfg(test)]
mod tests;
mod upgrade;

use crate::environment::{JOB, NAMESPACE};
use chaos::{Action, Fault, Installed, Refusal};
use delete::Manner;
use embedded_kube::{EmbeddedKube, NodeHandle};
use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, Client};
use operator::reconcile::build::selector;
use std::collections::BTreeMap;

pub(in crate::environment) use leak::leak;
pub(in crate::environment) use upgrade::upgrade;

/// A worker that runs.
struct Worker {
    pod: String,
    node: NodeHandle,
    pid: u32,
}

/// Does something to workers, drawn from those that run now.
pub(in crate::environment) async fn install(
    kube: &EmbeddedKube,
    action: &Action,
) -> Result<Box<dyn Installed>, Refusal> {
    let mut running = running(kube).await.map_err(|error| Refusal::Failed(error.to_string()))?;
    let names: Vec<String> = running.keys().cloned().collect();
    let drawn = action.workers(&names);
    let workers: Vec<Worker> = drawn.iter().filter_map(|pod| running.remove(pod)).collect();
    if workers.is_empty() {
        return Err(Refusal::Failed("no worker runs".to_owned()));
    }
    match &action.fault {
        Fault::PodKill(_) => delete::delete(kube, &workers, Manner::AtOnce).await,
        Fault::PodTerminate(_) => delete::delete(kube, &workers, Manner::InOrder).await,
        Fault::CrashLoop(_) => Ok(crash_loop::crash(kube, &workers)),
        Fault::WorkerStuck(_) => Ok(stuck::hold(workers)),
        other => Err(Refusal::Unsupported(format!("{} is no fault of workers", other.kind().kind))),
    }
}

fn pods(client: Client) -> Api<Pod> {
    Api::namespaced(client, NAMESPACE)
}

/// The job's pods that are there to stay.
async fn job_pods(pods: &Api<Pod>) -> Result<Vec<Pod>, kube::Error> {
    let mut found = pods.list(&ListParams::default().labels(&selector(JOB))).await?.items;
    let phase = |pod: &Pod| pod.status.as_ref().and_then(|status| status.phase.clone());
    // Evicted pods stay listed as failed.
    found.retain(|pod| {
        pod.metadata.deletion_timestamp.is_none() && phase(pod).as_deref() != Some("Failed")
    });
    Ok(found)
}

/// The job's workers that run and are there to stay, by their pods.
async fn running(kube: &EmbeddedKube) -> Result<BTreeMap<String, Worker>, kube::Error> {
    let job_pods = job_pods(&pods(kube.client())).await?;
    let is_worker = |pod: &str| job_pods.iter().any(|it| it.metadata.name.as_deref() == Some(pod));
    let mut workers = BTreeMap::new();
    for node in nodes(kube) {
        for process in node.processes() {
            if is_worker(&process.pod) {
                let (pod, pid) = (process.pod, process.pid);
                workers.insert(pod.clone(), Worker { pod, node: node.clone(), pid });
            }
        }
    }
    Ok(workers)
}

fn nodes(kube: &EmbeddedKube) -> Vec<NodeHandle> {
    kube.nodes().iter().filter_map(|name| kube.node(name)).collect()
}
