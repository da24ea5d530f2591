//! A release of the workers that leaks memory, up to a limit.

use crate::environment::{JOB, NAMESPACE};
use chaos::{Installed, Refusal};
use embedded_kube::{EmbeddedKube, OomKiller, ProcessEvent, ProcessStatus};
use futures::FutureExt;
use futures::future::BoxFuture;
use k8s_openapi::api::core::v1::ResourceRequirements;
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::Api;
use kube::api::PostParams;
use operator::crd::{EnvironmentVariable, StreamingJob};
use results::report::format::counted;
use std::collections::BTreeMap;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::TryRecvError;

/// What tells the reference worker how much to leak.
pub(super) const LEAK: &str = "WORKER_LEAK_BYTES";
/// How often a change is tried again that somebody else's change came before.
const TRIES: usize = 20;

/// Lets the workers leak for each record, and limits their memory.
pub(in crate::environment) async fn leak(
    kube: &EmbeddedKube,
    bytes_per_record: u32,
    limit_mib: u32,
) -> Result<Box<dyn Installed>, Refusal> {
    let jobs = Api::namespaced(kube.client(), NAMESPACE);
    let refused = |error: kube::Error| Refusal::Failed(error.to_string());
    let job: StreamingJob = jobs.get(JOB).await.map_err(refused)?;
    let leaking = Leaking {
        jobs,
        resources: job.spec.worker.resources,
        limit_mib,
        events: kube.process_events(),
        killed: 0,
        by_kernel: 0,
        healed: None,
    };
    let value = bytes_per_record.to_string();
    let variable = EnvironmentVariable { name: LEAK.to_owned(), value };
    let limit = Quantity(format!("{limit_mib}Mi"));
    let mut resources = leaking.resources.clone().unwrap_or_default();
    resources.limits.get_or_insert_with(BTreeMap::new).insert("memory".to_owned(), limit);
    leaking.change(Some(variable), Some(resources)).await.map_err(refused)?;
    Ok(Box::new(leaking))
}

struct Leaking {
    jobs: Api<StreamingJob>,
    /// What the workers asked for before.
    resources: Option<ResourceRequirements>,
    limit_mib: u32,
    events: Receiver<ProcessEvent>,
    /// Workers that were killed at their limit.
    killed: u64,
    /// Those of them that the kernel killed.
    by_kernel: u64,
    healed: Option<String>,
}

impl Leaking {
    async fn change(
        &self,
        leak: Option<EnvironmentVariable>,
        resources: Option<ResourceRequirements>,
    ) -> Result<(), kube::Error> {
        let mut tries = 0;
        loop {
            let mut job = self.jobs.get(JOB).await?;
            let worker = &mut job.spec.worker;
            worker.env.retain(|variable| variable.name != LEAK);
            worker.env.extend(leak.clone());
            worker.resources.clone_from(&resources);
            tries += 1;
            match self.jobs.replace(JOB, &PostParams::default(), &job).await {
                Err(kube::Error::Api(status)) if status.is_conflict() && tries < TRIES => {}
                done => return done.map(drop),
            }
        }
    }

    fn sentence(&mut self) -> String {
        loop {
            match self.events.try_recv() {
                Ok(ProcessEvent::Exited { status: ProcessStatus::OutOfMemory(killer), .. }) => {
                    self.killed += 1;
                    self.by_kernel += u64::from(killer == OomKiller::Kernel);
                }
                Ok(_) | Err(TryRecvError::Lagged(_)) => {}
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        let (times, limit) = (counted(self.killed, "time"), self.limit_mib);
        match self.by_kernel {
            0 => format!("{times} a worker was killed with more than {limit} MiB"),
            by_kernel => format!(
                "{times} a worker was killed at its limit of {limit} MiB, {by_kernel} by the kernel"
            ),
        }
    }

    async fn heal(&mut self) -> Result<String, kube::Error> {
        if let Some(healed) = &self.healed {
            return Ok(healed.clone());
        }
        self.change(None, self.resources.clone()).await?;
        let healed = format!("the template is as before; {}", self.sentence());
        self.healed = Some(healed.clone());
        Ok(healed)
    }
}

impl Installed for Leaking {
    fn evidence(&mut self) -> BoxFuture<'_, Option<String>> {
        let sentence = self.sentence();
        let sentence = (self.killed > 0).then_some(sentence);
        async move { sentence }.boxed()
    }

    fn heal(&mut self) -> BoxFuture<'_, Result<String, String>> {
        Leaking::heal(self).map(|healed| healed.map_err(|error| error.to_string())).boxed()
    }
}
