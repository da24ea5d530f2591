//! The Deployment controller: a ReplicaSet for each template, and replicas moved between them.

use futures::stream::select;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet, ReplicaSetSpec};
use k8s_openapi::api::core::v1::{Pod, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::core::Selector;
use kube::{Api, Client};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::changes::{Change, Place, place, signals};
use super::deployment_status;
use super::pods;
use super::queue::{self, Next, Reconciler};
use super::rollout::{self, Bounds, Scaling, Set};
use super::template_hash::{self, template_hash};
use crate::clock;

/// The annotation that counts the templates of a Deployment.
const REVISION: &str = "deployment.kubernetes.io/revision";
/// ReplicaSets without replicas that are kept for rolling back, unless the Deployment says more.
const HISTORY_DEFAULT: i32 = 10;

/// Runs the controller until `cancel`.
pub(super) async fn run(client: Client, cancel: CancellationToken) {
    let deployments = signals(Api::<Deployment>::all(client.clone()), |change| {
        Some(place(&change.object().metadata))
    });
    let sets = signals(Api::<ReplicaSet>::all(client.clone()), |change| {
        let meta = &change.object().metadata;
        let owner = pods::controller(meta).filter(|owner| owner.kind == "Deployment")?;
        Some((meta.namespace.clone().unwrap_or_default(), owner.name.clone()))
    });
    // Only a replacement at one stroke waits for pods to be gone; a ReplicaSet does not show that.
    let gone = signals(Api::<Pod>::all(client.clone()), |change| match change {
        Change::Deleted(pod) => deployment_of(pod),
        Change::Applied(_) => None,
    });
    queue::run(Controller { client }, select(deployments, select(sets, gone)), cancel).await;
}

/// The Deployment above a pod's ReplicaSet, whose name is the Deployment's and the template hash.
fn deployment_of(pod: &Pod) -> Option<Place> {
    let owner = pods::controller(&pod.metadata).filter(|owner| owner.kind == "ReplicaSet")?;
    let hash = pod.metadata.labels.as_ref()?.get(template_hash::LABEL)?;
    let name = owner.name.strip_suffix(hash.as_str())?.strip_suffix('-')?;
    Some((pod.metadata.namespace.clone().unwrap_or_default(), name.to_owned()))
}

struct Controller {
    client: Client,
}

/// One Deployment with what belongs to it.
struct Rollout {
    deployment: Deployment,
    desired: i32,
    hash: String,
    selector: Selector,
    /// Its ReplicaSets, oldest first, without the newest template's.
    older: Vec<ReplicaSet>,
    newest: Option<ReplicaSet>,
}

impl Reconciler for Controller {
    type Key = Place;

    async fn reconcile(&mut self, (namespace, name): &Place) -> Result<Next, kube::Error> {
        let deployments: Api<Deployment> = Api::namespaced(self.client.clone(), namespace);
        let Some(deployment) = deployments.get_opt(name).await? else { return Ok(Next::Gone) };
        let sets: Api<ReplicaSet> = Api::namespaced(self.client.clone(), namespace);
        let Some(mut rollout) = gather(&sets, deployment).await? else {
            return Ok(Next::Settled);
        };
        let strategy = rollout.deployment.spec.as_ref().and_then(|spec| spec.strategy.as_ref());
        let rolling = strategy.and_then(|strategy| strategy.rolling_update.as_ref());
        let bounds = match rollout::bounds(rolling, rollout.desired) {
            Ok(bounds) => bounds,
            Err(problem) => {
                tracing::warn!(namespace, name, problem, "the update strategy cannot be read");
                return Ok(Next::Settled);
            }
        };
        if rollout.deployment.metadata.deletion_timestamp.is_none() {
            let pods: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
            let steps = steps(&rollout, bounds, &pods).await?;
            apply(&sets, &mut rollout, steps).await?;
            self.revise(&deployments, &sets, &rollout).await?;
            prune(&sets, &rollout).await?;
        }
        write_status(&deployments, rollout, bounds).await?;
        Ok(Next::Settled)
    }
}

/// Reads the ReplicaSets; none when the Deployment cannot be acted on.
async fn gather(
    api: &Api<ReplicaSet>,
    deployment: Deployment,
) -> Result<Option<Rollout>, kube::Error> {
    let Some(spec) = &deployment.spec else { return Ok(None) };
    let Ok(selector) = Selector::try_from(spec.selector.clone()) else { return Ok(None) };
    let hash = template_hash(&spec.template).map_err(kube::Error::SerdeError)?;
    let desired = spec.replicas.unwrap_or(1).max(0);
    let uid = deployment.metadata.uid.clone().unwrap_or_default();
    let listed = api.list(&ListParams::default().labels_from(&selector)).await?;
    let mut older: Vec<_> = listed.items;
    older.retain(|set| pods::is_controlled_by(&set.metadata, &uid));
    older.sort_by_key(|set| (set.metadata.creation_timestamp.clone(), revision(&set.metadata)));
    let is_newest = |set: &ReplicaSet| {
        let labels = set.metadata.labels.as_ref();
        labels.and_then(|labels| labels.get(template_hash::LABEL)) == Some(&hash)
    };
    let newest = older.iter().position(is_newest).map(|index| older.remove(index));
    Ok(Some(Rollout { deployment, desired, hash, selector, older, newest }))
}

fn view(set: &ReplicaSet) -> Set {
    let available = set.status.as_ref().and_then(|status| status.available_replicas);
    Set {
        name: set.metadata.name.clone().unwrap_or_default(),
        specified: set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1),
        available: available.unwrap_or(0),
    }
}

impl Rollout {
    fn newest_name(&self) -> String {
        let name = self.deployment.metadata.name.as_deref().unwrap_or_default();
        format!("{name}-{}", self.hash)
    }

    fn newest_view(&self) -> Set {
        let absent = || Set { name: self.newest_name(), specified: 0, available: 0 };
        self.newest.as_ref().map_or_else(absent, view)
    }
}

/// What to scale now.
async fn steps(
    rollout: &Rollout,
    bounds: Bounds,
    pods: &Api<Pod>,
) -> Result<Vec<Scaling>, kube::Error> {
    let newest = rollout.newest_view();
    let older: Vec<Set> = rollout.older.iter().map(view).collect();
    let spec = rollout.deployment.spec.as_ref();
    if spec.and_then(|spec| spec.paused) == Some(true) {
        return Ok(Vec::new());
    }
    let strategy = spec.and_then(|spec| spec.strategy.as_ref());
    let recreate = strategy.and_then(|strategy| strategy.type_.as_deref()) == Some("Recreate");
    if !recreate {
        return Ok(rollout::rolling_step(rollout.desired, bounds, &newest, &older));
    }
    let listed = pods.list(&ListParams::default().labels_from(&rollout.selector)).await?;
    let is_old = |pod: &Pod| {
        let labels = pod.metadata.labels.as_ref();
        labels.and_then(|labels| labels.get(template_hash::LABEL)) != Some(&rollout.hash)
            && !pods::is_finished(pod)
    };
    let old_pods = listed.items.iter().filter(|pod| is_old(pod)).count();
    Ok(rollout::recreate_step(rollout.desired, &newest, &older, old_pods))
}

/// Creates the newest ReplicaSet if it is missing and scales where `steps` says.
async fn apply(
    api: &Api<ReplicaSet>,
    rollout: &mut Rollout,
    steps: Vec<Scaling>,
) -> Result<(), kube::Error> {
    let newest = rollout.newest_name();
    let paused = rollout.deployment.spec.as_ref().and_then(|spec| spec.paused) == Some(true);
    if rollout.newest.is_none() && !paused {
        let step = steps.iter().find(|step| step.name == newest);
        let set = replica_set(rollout, step.map_or(0, |step| step.replicas));
        rollout.newest = Some(api.create(&PostParams::default(), &set).await?);
    }
    for step in steps {
        let known = rollout.older.iter_mut().chain(rollout.newest.as_mut());
        let Some(set) = known.into_iter().find(|set| view(set).name == step.name) else {
            continue;
        };
        if view(set).specified != step.replicas {
            let patch = Patch::Merge(json!({"spec": {"replicas": step.replicas}}));
            *set = api.patch(&step.name, &PatchParams::default(), &patch).await?;
        }
    }
    Ok(())
}

fn replica_set(rollout: &Rollout, replicas: i32) -> ReplicaSet {
    let spec = rollout.deployment.spec.clone().unwrap_or_default();
    let hash = (template_hash::LABEL.to_owned(), rollout.hash.clone());
    let mut template_meta = spec.template.metadata.unwrap_or_default();
    template_meta.labels.get_or_insert_default().insert(hash.0.clone(), hash.1.clone());
    let mut selector = spec.selector;
    selector.match_labels.get_or_insert_default().insert(hash.0, hash.1);
    ReplicaSet {
        metadata: ObjectMeta {
            name: Some(rollout.newest_name()),
            namespace: rollout.deployment.metadata.namespace.clone(),
            labels: template_meta.labels.clone(),
            annotations: Some([(REVISION.to_owned(), next_revision(rollout).to_string())].into()),
            owner_references: Some(pods::controlled_by(&rollout.deployment)),
            ..ObjectMeta::default()
        },
        spec: Some(ReplicaSetSpec {
            replicas: Some(replicas),
            min_ready_seconds: spec.min_ready_seconds,
            selector,
            template: Some(PodTemplateSpec {
                metadata: Some(template_meta),
                spec: spec.template.spec,
            }),
        }),
        status: None,
    }
}

fn revision(meta: &ObjectMeta) -> u64 {
    let annotations = meta.annotations.as_ref();
    annotations.and_then(|all| all.get(REVISION)?.parse().ok()).unwrap_or(0)
}

fn next_revision(rollout: &Rollout) -> u64 {
    rollout.older.iter().map(|set| revision(&set.metadata)).max().unwrap_or(0).saturating_add(1)
}

impl Controller {
    /// Writes the revision on the newest ReplicaSet and on the Deployment.
    async fn revise(
        &self,
        deployments: &Api<Deployment>,
        sets: &Api<ReplicaSet>,
        rollout: &Rollout,
    ) -> Result<(), kube::Error> {
        let Some(newest) = &rollout.newest else { return Ok(()) };
        let wanted = next_revision(rollout);
        // An old template that is wanted again becomes the last revision.
        let current = revision(&newest.metadata).max(wanted);
        let patch = Patch::Merge(json!({"metadata": {"annotations": {
            REVISION: current.to_string()}}}));
        let parameters = PatchParams::default();
        if revision(&newest.metadata) != current {
            sets.patch(&rollout.newest_name(), &parameters, &patch).await?;
        }
        if revision(&rollout.deployment.metadata) != current {
            let name = rollout.deployment.metadata.name.as_deref().unwrap_or_default();
            deployments.patch(name, &parameters, &patch).await?;
        }
        Ok(())
    }
}

/// Deletes the oldest ReplicaSets that hold nothing, beyond the history that is wanted.
async fn prune(api: &Api<ReplicaSet>, rollout: &Rollout) -> Result<(), kube::Error> {
    let spec = rollout.deployment.spec.as_ref();
    let limit = spec.and_then(|spec| spec.revision_history_limit).unwrap_or(HISTORY_DEFAULT);
    let mut empty: Vec<&ReplicaSet> = rollout.older.iter().filter(|set| is_empty(set)).collect();
    empty.sort_by_key(|set| revision(&set.metadata));
    let excess = empty.len().saturating_sub(usize::try_from(limit).unwrap_or(0));
    for set in &empty[..excess] {
        let name = set.metadata.name.as_deref().unwrap_or_default();
        api.delete(name, &DeleteParams::background()).await?;
    }
    Ok(())
}

fn is_empty(set: &ReplicaSet) -> bool {
    view(set).specified == 0
        && set.status.as_ref().is_none_or(|status| status.replicas == 0)
        && set.metadata.deletion_timestamp.is_none()
}

async fn write_status(
    api: &Api<Deployment>,
    rollout: Rollout,
    bounds: Bounds,
) -> Result<(), kube::Error> {
    let Rollout { deployment, older: mut sets, newest, .. } = rollout;
    sets.extend(newest.clone());
    let now = Time(clock::now());
    let status =
        deployment_status::status(&deployment, newest.as_ref(), &sets, bounds.unavailable, &now);
    if deployment.status.as_ref() == Some(&status) {
        return Ok(());
    }
    let name = deployment.metadata.name.as_deref().unwrap_or_default();
    let patch = Patch::Merge(json!({ "status": status }));
    api.patch_status(name, &PatchParams::default(), &patch).await.map(drop)
}
