//! A job that is scaled by hand, as `kubectl scale` does.

use crate::environment::{JOB, NAMESPACE};
use chaos::{Installed, Refusal};
use embedded_kube::EmbeddedKube;
use futures::FutureExt;
use futures::future::BoxFuture;
use kube::Api;
use kube::api::{Patch, PatchParams};
use operator::crd::StreamingJob;
use results::report::format::counted;
use serde_json::{Value, json};

/// Tells how many members of the job's group own partitions; nothing while it rebalances.
pub(in crate::environment) type Owners = Box<dyn Fn() -> Option<usize> + Send + Sync>;

/// Sets the number of workers, past the strategy.
pub(in crate::environment) async fn by_hand(
    kube: &EmbeddedKube,
    replicas: u32,
    owners: Owners,
) -> Result<Box<dyn Installed>, Refusal> {
    let jobs: Api<StreamingJob> = Api::namespaced(kube.client(), NAMESPACE);
    let job = jobs.get(JOB).await.map_err(failed)?;
    let own = job.spec.scaling.replicas;
    let before = job.status.map_or(0, |status| status.ready_replicas);
    let scaled = Scaled { owners, jobs, own, before, replicas };
    scaled.set(json!(replicas)).await.map_err(Refusal::Failed)?;
    Ok(Box::new(scaled))
}

struct Scaled {
    owners: Owners,
    jobs: Api<StreamingJob>,
    /// The override that was there before.
    own: Option<i32>,
    /// Workers that were ready before.
    before: i32,
    replicas: u32,
}

impl Scaled {
    async fn set(&self, replicas: Value) -> Result<(), String> {
        let patch = Patch::Merge(json!({ "spec": { "scaling": { "replicas": replicas } } }));
        let set = self.jobs.patch(JOB, &PatchParams::default(), &patch).await;
        set.map(drop).map_err(|error| error.to_string())
    }

    async fn sentence(&self) -> Option<String> {
        let ready = self.ready().await.ok()?;
        let members = (self.owners)()?;
        // As many as before would be no change.
        let done = u32::try_from(ready) == Ok(self.replicas) && members == self.replicas as usize;
        (done && ready != self.before).then(|| {
            let before = counted(self.before, "worker");
            format!("{before} before, {ready} ready; the partitions shared by {members}")
        })
    }

    async fn ready(&self) -> Result<i32, String> {
        let job = self.jobs.get(JOB).await.map_err(|error| error.to_string())?;
        Ok(job.status.map_or(0, |status| status.ready_replicas))
    }
}

impl Installed for Scaled {
    fn evidence(&mut self) -> BoxFuture<'_, Option<String>> {
        self.sentence().boxed()
    }

    fn heal(&mut self) -> BoxFuture<'_, Result<String, String>> {
        async move {
            self.set(json!(self.own)).await?;
            Ok(format!("the strategy decides again, over {} ready workers", self.ready().await?))
        }
        .boxed()
    }
}

fn failed(error: kube::Error) -> Refusal {
    Refusal::Failed(error.to_string())
}
