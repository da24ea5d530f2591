//! Another template for the job's workers.

use super::{job_pods, pods};
use crate::environment::{JOB, NAMESPACE};
use chaos::{Installed, Refusal};
use embedded_kube::EmbeddedKube;
use futures::FutureExt;
use futures::future::BoxFuture;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{Patch, PatchParams};
use operator::crd::StreamingJob;
use results::report::format::counted;
use serde_json::json;

/// The annotation by which the templates differ.
pub(super) const REVISION: &str = "stormgauge.dev/revision";

/// Changes the template, so that the operator replaces every worker in turn.
pub(in crate::environment) async fn upgrade(
    kube: &EmbeddedKube,
    seed: u64,
) -> Result<Box<dyn Installed>, Refusal> {
    let jobs = Api::namespaced(kube.client(), NAMESPACE);
    let upgraded = Upgraded {
        jobs,
        pods: pods(kube.client()),
        revision: format!("{seed:016x}"),
        healed: None,
    };
    let set = upgraded.set_revision(Some(&upgraded.revision)).await;
    set.map_err(|error| Refusal::Failed(error.to_string()))?;
    Ok(Box::new(upgraded))
}

struct Upgraded {
    jobs: Api<StreamingJob>,
    pods: Api<Pod>,
    revision: String,
    healed: Option<String>,
}

impl Upgraded {
    async fn set_revision(&self, revision: Option<&str>) -> Result<(), kube::Error> {
        let annotations = json!({ REVISION: revision });
        let patch = Patch::Merge(json!({"spec": {"worker": {"annotations": annotations}}}));
        self.jobs.patch(JOB, &PatchParams::default(), &patch).await.map(drop)
    }

    /// How many workers there are, and how many of them are of the new template and ready.
    async fn count(&self) -> Result<(usize, usize), kube::Error> {
        let workers = job_pods(&self.pods).await?;
        let is_new = |pod: &&Pod| {
            let annotations = pod.metadata.annotations.as_ref();
            annotations.and_then(|all| all.get(REVISION)) == Some(&self.revision)
        };
        let is_ready = |pod: &&Pod| {
            let status = pod.status.iter();
            let mut conditions = status.flat_map(|status| status.conditions.iter().flatten());
            conditions.any(|it| it.type_ == "Ready" && it.status == "True")
        };
        let new = workers.iter().filter(is_new).filter(is_ready).count();
        Ok((workers.len(), new))
    }

    async fn evidence(&self) -> Option<String> {
        let (all, new) = self.count().await.ok()?;
        (new > 0)
            .then(|| format!("{new} of {} of the new template and ready", counted(all, "worker")))
    }

    async fn heal(&mut self) -> Result<String, kube::Error> {
        if let Some(healed) = &self.healed {
            return Ok(healed.clone());
        }
        let (all, new) = self.count().await?;
        self.set_revision(None).await?;
        let all = counted(all, "worker");
        let healed = format!("the template is as before; {new} of {all} had been replaced");
        self.healed = Some(healed.clone());
        Ok(healed)
    }
}

impl Installed for Upgraded {
    fn evidence(&mut self) -> BoxFuture<'_, Option<String>> {
        Upgraded::evidence(self).boxed()
    }

    fn heal(&mut self) -> BoxFuture<'_, Result<String, String>> {
        Upgraded::heal(self).map(|healed| healed.map_err(|error| error.to_string())).boxed()
    }
}
