//! Deployments and scheduling under a whole control plane.
#![cfg(target_os = "linux")]

#[path = "nodes/lab.rs"]
#[expect(dead_code, reason = "each test program uses its part")]
mod lab;

use std::collections::BTreeSet;

use k8s_openapi::api::apps::v1::ReplicaSet;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{DeleteParams, ListParams};
use lab::{Lab, exists, is_ready, name, until};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_becomes_processes_spread_over_nodes_and_shrinks() {
    let lab = Lab::start(2).await;
    lab.create_deployment("web", 3, json!({})).await;
    lab.settled(3).await;
    let counts: BTreeSet<usize> =
        ["node-1", "node-2"].map(|name| lab.node(name).processes().len()).into();
    assert_eq!(counts, BTreeSet::from([1, 2]));
    let pods = lab.all_pods().await;
    let addresses: BTreeSet<_> =
        pods.iter().filter_map(|pod| pod.status.as_ref()?.pod_ip.clone()).collect();
    assert_eq!(addresses.len(), 3);
    assert!(pods.iter().all(|pod| {
        let labels = pod.metadata.labels.as_ref().unwrap();
        let owner = &pod.metadata.owner_references.as_ref().unwrap()[0];
        owner.kind == "ReplicaSet" && name(pod).contains(&labels["pod-template-hash"])
    }));
    until("the status adds up", || async {
        let deployment = lab.deployments().get("web").await.unwrap();
        let status = deployment.status.unwrap_or_default();
        let conditions = status.conditions.unwrap_or_default();
        [status.replicas, status.ready_replicas, status.available_replicas, status.updated_replicas]
            == [Some(3); 4]
            && status.observed_generation == deployment.metadata.generation
            && conditions.len() == 2
            && conditions.iter().all(|condition| condition.status == "True")
    })
    .await;

    let before: BTreeSet<u32> = lab.processes().iter().map(|process| process.pid).collect();
    lab.scale("web", 1).await;
    lab.settled(1).await;
    let after: BTreeSet<u32> = lab.processes().iter().map(|process| process.pid).collect();
    assert!(after.is_subset(&before));
    assert_eq!(before.iter().filter(|pid| exists(**pid)).count(), 1);
    lab.scale("web", 0).await;
    lab.settled(0).await;
    lab.kube.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_pod_is_replaced() {
    let lab = Lab::start(1).await;
    lab.create_deployment("web", 2, json!({})).await;
    lab.settled(2).await;
    let victim = name(&lab.all_pods().await[0]).to_owned();
    lab.pods().delete(&victim, &DeleteParams::default()).await.unwrap();
    until("a new pod takes its place", || async {
        let pods = lab.all_pods().await;
        pods.len() == 2 && pods.iter().all(|pod| is_ready(pod) && name(pod) != victim)
    })
    .await;
    lab.kube.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_template_is_rolled_out_without_losing_more_than_allowed() {
    let lab = Lab::start(2).await;
    let strategy = json!({"strategy": {"type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}});
    lab.create_deployment("web", 3, strategy).await;
    lab.settled(3).await;
    let old: BTreeSet<String> =
        lab.all_pods().await.iter().map(|pod| name(pod).to_owned()).collect();
    let change = json!({"metadata": {"annotations": {"version": "2"}}});
    lab.patch_deployment("web", json!({"spec": {"template": change}})).await;
    let sets: Api<ReplicaSet> = Api::namespaced(lab.kube.client(), lab::NAMESPACE);
    until("every pod is new", || async {
        let pods = lab.all_pods().await;
        let active: Vec<&Pod> =
            pods.iter().filter(|pod| pod.metadata.deletion_timestamp.is_none()).collect();
        // What is bounded is what the ReplicaSets ask for: the old one's pod may still be on its
        // way out when the new one's comes, as in Kubernetes.
        let sets = sets.list(&ListParams::default()).await.unwrap().items;
        let asked = sets.iter().filter_map(|set| set.spec.as_ref()?.replicas).sum::<i32>();
        assert!((3..=4).contains(&asked), "{asked} pods asked for");
        assert!(active.iter().filter(|pod| is_ready(pod)).count() >= 3);
        pods.len() == 3 && !pods.iter().any(|pod| old.contains(name(pod)))
    })
    .await;
    let mut revisions: Vec<(String, i32)> = sets
        .list(&ListParams::default())
        .await
        .unwrap()
        .items
        .into_iter()
        .map(|set| {
            let annotations = set.metadata.annotations.unwrap();
            let revision = annotations["deployment.kubernetes.io/revision"].clone();
            (revision, set.spec.unwrap().replicas.unwrap())
        })
        .collect();
    revisions.sort();
    assert_eq!(revisions, [("1".to_owned(), 0), ("2".to_owned(), 3)]);
    lab.kube.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replacement_at_one_stroke_never_runs_old_and_new_together() {
    let lab = Lab::start(1).await;
    lab.create_deployment("web", 2, json!({"strategy": {"type": "Recreate"}})).await;
    lab.settled(2).await;
    let old: BTreeSet<String> =
        lab.all_pods().await.iter().map(|pod| name(pod).to_owned()).collect();
    let change = json!({"metadata": {"annotations": {"version": "2"}}});
    lab.patch_deployment("web", json!({"spec": {"template": change}})).await;
    until("every pod is new", || async {
        let pods = lab.all_pods().await;
        let kept = pods.iter().filter(|pod| old.contains(name(pod))).count();
        assert!(kept == 0 || kept == pods.len());
        kept == 0 && pods.len() == 2 && pods.iter().all(is_ready)
    })
    .await;
    lab.kube.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pod_that_fits_nowhere_says_why_and_waits_for_room() {
    let lab = Lab::start_with(1, |config| config.nodes[0].cpu_millis = 1000).await;
    let asking = json!({"command": ["sleep", "1000"], "resources": {"requests": {"cpu": "600m"}}});
    let brief = json!({"terminationGracePeriodSeconds": 1});
    lab.create_pod("first", asking.clone(), brief.clone()).await;
    lab.settled(1).await;
    lab.create_pod("second", asking, brief).await;
    until("the reason is told", || async {
        let told = lab::condition(&lab.pod("second").await, "PodScheduled");
        told == Some(("False".to_owned(), "Unschedulable".to_owned()))
    })
    .await;
    lab.pods().delete("first", &DeleteParams::default()).await.unwrap();
    until("there is room", || async { is_ready(&lab.pod("second").await) }).await;
    lab.kube.shutdown().await;
}
