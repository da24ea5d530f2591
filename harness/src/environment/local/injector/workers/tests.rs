//! Each fault of workers on real processes: it lands, has evidence, heals, heals twice harmlessly,
//! and leaves nothing.

use super::super::tests::world::World;
use super::super::tests::{evidence, heal_twice};
use super::*;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Patch, PatchParams, PostParams};
use operator::crd::StreamingJob;
use serde_json::{Value, json};
use upgrade::REVISION;

async fn install_on(world: &World, fault: Value) -> Result<Box<dyn Installed>, Refusal> {
    install(&world.kube, &World::action(fault, &[])).await
}

/// Installs a fault, waits for evidence and heals. Gives what both said.
async fn played(world: &World, fault: Value) -> (String, String) {
    let mut installed = install_on(world, fault).await.unwrap();
    let sentence = evidence(&mut installed).await;
    (sentence, heal_twice(&mut installed).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_workers_are_replaced() {
    let world = World::start(2, 2).await;
    let killed = played(&world, json!({"pod_kill": {"workers": {"count": 1}}})).await;
    let sentence = "1 of 1 worker process killed".to_owned();
    assert_eq!(killed, (sentence.clone(), sentence));
    world.settled(2).await;
    let ended = played(&world, json!({"pod_terminate": {"workers": "all"}})).await;
    let sentence = "2 of 2 worker processes ended, 2 by themselves".to_owned();
    assert_eq!(ended, (sentence.clone(), sentence));
    world.settled(2).await;
    world.kube.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_dies_again_and_again_lives_once_that_is_over() {
    let world = World::start(1, 2).await;
    let fault = json!({"crash_loop": {"workers": {"share": 0.5}}});
    let (sentence, healed) = played(&world, fault).await;
    assert!(sentence.contains(" killed ") && !sentence.contains(','), "{sentence}");
    assert!(healed.starts_with("workers may live; "), "{healed}");
    world.settled(2).await;
    world.kube.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_stands_still_goes_on() {
    let world = World::start(1, 2).await;
    let (sentence, healed) = played(&world, json!({"worker_stuck": {"workers": "all"}})).await;
    assert!(sentence.starts_with("in state T (stopped): "), "{sentence}");
    assert_eq!(healed, "2 processes continued");
    world.settled(2).await;
    world.kube.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_worker_runs_there_is_none_to_hit() {
    let world = World::start(1, 0).await;
    let refused = install_on(&world, json!({"pod_kill": {"workers": "all"}})).await;
    assert_eq!(refused.err(), Some(Refusal::Failed("no worker runs".to_owned())));
    world.kube.shutdown().await;
}

/// Creates the job that the workers are of.
async fn create_job(world: &World) -> Api<StreamingJob> {
    let definitions: Api<CustomResourceDefinition> = Api::all(world.kube.client());
    definitions.create(&PostParams::default(), &operator::crd::crd()).await.unwrap();
    let jobs: Api<StreamingJob> = Api::namespaced(world.kube.client(), NAMESPACE);
    let job: StreamingJob = serde_json::from_value(json!({
        "apiVersion": "streaming.stormgauge.dev/v1alpha1",
        "kind": "StreamingJob",
        "metadata": {"name": JOB},
        "spec": {
            "source": {"kafka": {"bootstrapServers": "none:1", "topic": "t", "group": "g"}},
            "worker": {"command": ["sleep", "1000"]},
            "strategy": {"name": "LowLatency"},
            "scaling": {"minReplicas": 1, "maxReplicas": 4}
        }
    }))
    .unwrap();
    jobs.create(&PostParams::default(), &job).await.unwrap();
    jobs
}

/// Changes the Deployment's template, as the operator does.
async fn set_template(world: &World, template: Value) {
    let patch = Patch::Strategic(json!({"spec": {"template": template}}));
    world.deployments().patch(JOB, &PatchParams::default(), &patch).await.unwrap();
}

/// Gives the Deployment the job's revision.
async fn reconcile(world: &World, jobs: &Api<StreamingJob>) -> Option<String> {
    let revision = jobs.get(JOB).await.unwrap().spec.worker.annotations.get(REVISION).cloned();
    set_template(world, json!({"metadata": {"annotations": {REVISION: revision}}})).await;
    revision
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_replaces_workers_and_is_taken_back() {
    let world = World::start(1, 2).await;
    let jobs = create_job(&world).await;
    let mut installed = upgrade(&world.kube, 7).await.unwrap();
    assert_eq!(installed.evidence().await, None, "nobody has acted on it");
    assert_eq!(reconcile(&world, &jobs).await.unwrap(), "0000000000000007");
    let sentence = evidence(&mut installed).await;
    assert!(sentence.ends_with(" of the new template and ready"), "{sentence}");
    let healed = heal_twice(&mut installed).await;
    assert!(healed.starts_with("the template is as before; "), "{healed}");
    assert_eq!(reconcile(&world, &jobs).await, None);
    world.settled(2).await;
    world.kube.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_that_leak_are_killed_at_their_limit_until_that_is_taken_back() {
    let world = World::start(1, 1).await;
    let jobs = create_job(&world).await;
    let before = jobs.get(JOB).await.unwrap().spec.worker;
    let mut installed = leak(&world.kube, 500_000, 16).await.unwrap();
    assert_eq!(installed.evidence().await, None, "nobody has acted on it");
    let worker = jobs.get(JOB).await.unwrap().spec.worker;
    // The shell keeps a hundred times what it is told.
    let script = "x=$(head -c ${WORKER_LEAK_BYTES}00 /dev/zero | tr '\\0' x); sleep 1000; echo $x";
    let container = json!({"name": "worker", "command": ["sh", "-c", script],
        "env": worker.env, "resources": worker.resources});
    set_template(&world, json!({"spec": {"containers": [container]}})).await;
    let sentence = evidence(&mut installed).await;
    assert!(sentence.ends_with(" killed with more than 16 MiB"), "{sentence}");
    let healed = heal_twice(&mut installed).await;
    assert!(healed.starts_with("the template is as before; "), "{healed}");
    assert_eq!(jobs.get(JOB).await.unwrap().spec.worker, before);
    world.kube.shutdown().await;
}
