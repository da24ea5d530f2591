//! The verbs through a typed client in memory.
#![expect(clippy::unwrap_used, reason = "helpers of tests, too, may end them")]

use embedded_kube::api::ApiServer;
use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{ConfigMap, Event, Node, Pod};
use k8s_openapi::api::events::v1::Event as NewEvent;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::{
    Api, DeleteParams, ListParams, ObjectMeta, Patch, PatchParams, PostParams, WatchEvent,
    WatchParams,
};
use serde_json::json;

fn config_map(name: &str, value: &str) -> ConfigMap {
    serde_json::from_value(json!({
        "metadata": { "name": name, "labels": { "app": name } },
        "data": { "key": value },
    }))
    .unwrap()
}

fn deployment(name: &str) -> Deployment {
    serde_json::from_value(json!({
        "metadata": { "name": name },
        "spec": {
            "selector": { "matchLabels": { "app": name } },
            "template": {
                "metadata": { "labels": { "app": name } },
                "spec": { "containers": [{ "name": "main", "image": "x" }] },
            },
        },
    }))
    .unwrap()
}

fn pod(name: &str) -> Pod {
    serde_json::from_value(json!({
        "metadata": { "name": name, "labels": { "app": "a" } },
        "spec": { "containers": [{ "name": "main", "image": "x" }] },
    }))
    .unwrap()
}

fn code<T: std::fmt::Debug>(result: Result<T, kube::Error>) -> u16 {
    match result {
        Err(kube::Error::Api(status)) => status.code,
        other => panic!("expected a refusal, got {other:?}"),
    }
}

#[tokio::test]
async fn a_stale_version_is_a_conflict() {
    let maps: Api<ConfigMap> = Api::default_namespaced(ApiServer::new().client());
    let first = maps.create(&PostParams::default(), &config_map("a", "1")).await.unwrap();
    assert!(first.metadata.uid.is_some() && first.metadata.creation_timestamp.is_some());
    assert_eq!(code(maps.create(&PostParams::default(), &config_map("a", "1")).await), 409);

    let mut second = first.clone();
    second.data = Some([("key".to_owned(), "2".to_owned())].into());
    let second = maps.replace("a", &PostParams::default(), &second).await.unwrap();
    assert_ne!(first.metadata.resource_version, second.metadata.resource_version);
    assert_eq!(code(maps.replace("a", &PostParams::default(), &first).await), 409);

    let unchanged = maps.replace("a", &PostParams::default(), &second).await.unwrap();
    assert_eq!(unchanged.metadata.resource_version, second.metadata.resource_version);
}

#[tokio::test]
async fn an_update_of_a_lease_must_name_its_version() {
    let leases: Api<Lease> = Api::default_namespaced(ApiServer::new().client());
    let lease = Lease {
        metadata: ObjectMeta { name: Some("a".into()), ..ObjectMeta::default() },
        spec: None,
    };
    leases.create(&PostParams::default(), &lease).await.unwrap();
    assert_eq!(code(leases.replace("a", &PostParams::default(), &lease).await), 422);
}

#[tokio::test]
async fn status_and_spec_are_written_apart_and_only_the_spec_counts_generations() {
    let deployments: Api<Deployment> = Api::default_namespaced(ApiServer::new().client());
    let made = deployments.create(&PostParams::default(), &deployment("a")).await.unwrap();
    assert_eq!(made.metadata.generation, Some(1));
    assert_eq!(made.spec.as_ref().unwrap().replicas, Some(1));

    let both = json!({ "spec": { "replicas": 4 }, "status": { "replicas": 9 } });
    let main = deployments.patch("a", &PatchParams::default(), &Patch::Merge(&both)).await.unwrap();
    assert_eq!(main.spec.as_ref().unwrap().replicas, Some(4));
    assert_eq!(main.status.as_ref().and_then(|status| status.replicas), None);
    assert_eq!(main.metadata.generation, Some(2));

    let both = json!({ "spec": { "replicas": 7 }, "status": { "replicas": 9 } });
    let status =
        deployments.patch_status("a", &PatchParams::default(), &Patch::Merge(&both)).await.unwrap();
    assert_eq!(status.spec.as_ref().unwrap().replicas, Some(4));
    assert_eq!(status.status.as_ref().unwrap().replicas, Some(9));
    assert_eq!(status.metadata.generation, Some(2));

    let scale = deployments.get_scale("a").await.unwrap();
    assert_eq!(scale.spec.unwrap().replicas, Some(4));
    assert_eq!(scale.status.as_ref().unwrap().replicas, 9);
    assert_eq!(scale.status.unwrap().selector.as_deref(), Some("app=a"));
    let two = json!({ "spec": { "replicas": 2 } });
    deployments.patch_scale("a", &PatchParams::default(), &Patch::Merge(&two)).await.unwrap();
    let now = deployments.get("a").await.unwrap();
    assert_eq!((now.spec.unwrap().replicas, now.metadata.generation), (Some(2), Some(3)));
}

#[tokio::test]
async fn a_finalizer_holds_an_object_until_it_is_taken_off() {
    let maps: Api<ConfigMap> = Api::default_namespaced(ApiServer::new().client());
    let mut held = config_map("a", "1");
    held.metadata.finalizers = Some(vec!["example.dev/hold".into()]);
    maps.create(&PostParams::default(), &held).await.unwrap();
    let pending = maps.delete("a", &DeleteParams::default()).await.unwrap();
    assert!(pending.left().unwrap().metadata.deletion_timestamp.is_some());
    let more = json!({ "metadata": { "finalizers": ["example.dev/hold", "example.dev/more"] } });
    assert_eq!(code(maps.patch("a", &PatchParams::default(), &Patch::Merge(&more)).await), 422);
    let free = json!({ "metadata": { "finalizers": null } });
    maps.patch("a", &PatchParams::default(), &Patch::Merge(&free)).await.unwrap();
    assert_eq!(code(maps.get("a").await), 404);
}

#[tokio::test]
async fn dependents_go_with_their_last_owner() {
    let server = ApiServer::new();
    let maps: Api<ConfigMap> = Api::default_namespaced(server.client());
    let mut owners = Vec::new();
    for name in ["a", "b"] {
        let made = maps.create(&PostParams::default(), &config_map(name, "1")).await.unwrap();
        owners.push(json!({
            "apiVersion": "v1", "kind": "ConfigMap", "name": name, "uid": made.metadata.uid,
        }));
    }
    let owned = |name: &str, owners: &[serde_json::Value]| -> ConfigMap {
        let metadata = json!({ "name": name, "ownerReferences": owners });
        serde_json::from_value(json!({ "metadata": metadata })).unwrap()
    };
    maps.create(&PostParams::default(), &owned("of-a", &owners[..1])).await.unwrap();
    maps.create(&PostParams::default(), &owned("of-both", &owners)).await.unwrap();
    maps.create(&PostParams::default(), &owned("kept", &owners[1..])).await.unwrap();

    maps.delete("a", &DeleteParams::default()).await.unwrap();
    assert_eq!(code(maps.get("of-a").await), 404);
    assert!(maps.get("of-both").await.is_ok());
    maps.create(&PostParams::default(), &owned("late", &owners[..1])).await.unwrap();
    assert_eq!(code(maps.get("late").await), 404);

    maps.delete_collection(
        &DeleteParams::default(),
        &ListParams::default().fields("metadata.name=of-both"),
    )
    .await
    .unwrap();
    assert_eq!(code(maps.get("of-both").await), 404);
    let orphan = DeleteParams {
        propagation_policy: Some(kube::api::PropagationPolicy::Orphan),
        ..DeleteParams::default()
    };
    maps.delete("b", &orphan).await.unwrap();
    let kept = maps.get("kept").await.unwrap();
    assert_eq!(kept.metadata.owner_references.unwrap_or_default(), vec![]);
}

#[tokio::test]
async fn a_pod_on_a_node_gets_its_grace_period() {
    let server = ApiServer::new();
    let pods: Api<Pod> = Api::default_namespaced(server.client());
    pods.create(&PostParams::default(), &pod("a")).await.unwrap();
    pods.create(&PostParams::default(), &pod("unbound")).await.unwrap();
    let binding = json!({
        "apiVersion": "v1", "kind": "Binding", "metadata": { "name": "a" },
        "target": { "apiVersion": "v1", "kind": "Node", "name": "node-1" },
    });
    let bytes = serde_json::to_vec(&binding).unwrap();
    let bind = || {
        let request = http::Request::post("/api/v1/namespaces/default/pods/a/binding")
            .header("content-type", "application/json")
            .body(bytes.clone())
            .unwrap();
        let client = server.client();
        async move { client.request::<serde_json::Value>(request).await }
    };
    bind().await.unwrap();
    assert_eq!(code(bind().await), 409);

    let on_node = ListParams::default().fields("spec.nodeName=node-1");
    assert_eq!(pods.list(&on_node).await.unwrap().items.len(), 1);
    let pending = pods.delete("a", &DeleteParams::default()).await.unwrap().left().unwrap();
    assert_eq!(pending.metadata.deletion_grace_period_seconds, Some(30));
    pods.delete("a", &DeleteParams::default().grace_period(0)).await.unwrap();
    assert_eq!(code(pods.get("a").await), 404);
    pods.delete("unbound", &DeleteParams::default()).await.unwrap();
    assert_eq!(code(pods.get("unbound").await), 404);
}

#[tokio::test]
async fn selectors_restrict_lists_and_watches() {
    let server = ApiServer::new();
    let maps: Api<ConfigMap> = Api::default_namespaced(server.client());
    for name in ["a", "b", "c"] {
        maps.create(&PostParams::default(), &config_map(name, "1")).await.unwrap();
    }
    let count = async |selector: &str| {
        maps.list(&ListParams::default().labels(selector)).await.unwrap().items.len()
    };
    assert_eq!(count("app in (a,b)").await, 2);
    assert_eq!(count("app notin (a)").await, 2);
    assert_eq!(count("app!=a,app!=b").await, 1);
    assert_eq!(count("!app").await, 0);
    assert_eq!(count("app").await, 3);
    assert_eq!(code(maps.list(&ListParams::default().labels("app in a")).await), 400);
    assert_eq!(code(maps.list(&ListParams::default().fields("data.key=1")).await), 400);

    let mut events =
        maps.watch(&WatchParams::default().labels("app=a"), "0").await.unwrap().boxed();
    let WatchEvent::Added(first) = events.try_next().await.unwrap().unwrap() else { panic!() };
    assert_eq!(first.metadata.name.as_deref(), Some("a"));
    let relabel = |value: &str| json!({ "metadata": { "labels": { "app": value } } });
    for value in ["x", "a"] {
        let patch = relabel(value);
        maps.patch("a", &PatchParams::default(), &Patch::Merge(&patch)).await.unwrap();
    }
    assert!(matches!(events.try_next().await.unwrap().unwrap(), WatchEvent::Deleted(_)));
    assert!(matches!(events.try_next().await.unwrap().unwrap(), WatchEvent::Added(_)));
}

#[tokio::test]
async fn names_are_generated_and_namespaces_must_exist() {
    let server = ApiServer::new();
    let maps: Api<ConfigMap> = Api::default_namespaced(server.client());
    let mut generated = config_map("a", "1");
    generated.metadata.name = None;
    generated.metadata.generate_name = Some("pre-".into());
    let one = maps.create(&PostParams::default(), &generated).await.unwrap().metadata.name.unwrap();
    let two = maps.create(&PostParams::default(), &generated).await.unwrap().metadata.name.unwrap();
    assert!(one.starts_with("pre-") && one.len() == 9 && one != two, "{one} {two}");
    let elsewhere: Api<ConfigMap> = Api::namespaced(server.client(), "nowhere");
    assert_eq!(code(elsewhere.create(&PostParams::default(), &config_map("a", "1")).await), 404);
    assert_eq!(code(maps.create(&PostParams::default(), &config_map("No_Name", "1")).await), 422);
}

#[tokio::test]
async fn a_dry_run_changes_nothing() {
    let maps: Api<ConfigMap> = Api::default_namespaced(ApiServer::new().client());
    let dry = PostParams { dry_run: true, ..PostParams::default() };
    maps.create(&dry, &config_map("a", "1")).await.unwrap();
    assert_eq!(code(maps.get("a").await), 404);
}

#[tokio::test]
async fn a_node_is_registered_with_its_status() {
    let nodes: Api<Node> = Api::all(ApiServer::new().client());
    let node: Node = serde_json::from_value(json!({
        "metadata": { "name": "node-1" },
        "status": { "capacity": { "cpu": 2 } },
    }))
    .unwrap();
    let made = nodes.create(&PostParams::default(), &node).await.unwrap();
    assert_eq!(made.status.unwrap().capacity.unwrap()["cpu"].0, "2");
}

#[tokio::test]
async fn a_disruption_budget_stands_in_the_way_of_evictions() {
    let server = ApiServer::new();
    let pods: Api<Pod> = Api::default_namespaced(server.client());
    let budgets: Api<PodDisruptionBudget> = Api::default_namespaced(server.client());
    let ready = Patch::Merge(json!({
        "status": { "conditions": [{ "type": "Ready", "status": "True" }] },
    }));
    for name in ["a", "b"] {
        pods.create(&PostParams::default(), &pod(name)).await.unwrap();
        pods.patch_status(name, &PatchParams::default(), &ready).await.unwrap();
    }
    let budget = serde_json::from_value(json!({
        "metadata": { "name": "budget" },
        "spec": { "minAvailable": "50%", "selector": { "matchLabels": { "app": "a" } } },
    }));
    budgets.create(&PostParams::default(), &budget.unwrap()).await.unwrap();
    pods.evict("a", &Default::default()).await.unwrap();
    assert_eq!(code(pods.evict("b", &Default::default()).await), 429);
}

#[tokio::test]
async fn both_forms_of_an_event_are_one_object() {
    let server = ApiServer::new();
    let new: Api<NewEvent> = Api::default_namespaced(server.client());
    let old: Api<Event> = Api::default_namespaced(server.client());
    let event = serde_json::from_value(json!({
        "metadata": { "name": "e" }, "reason": "Scaled", "action": "Scale", "type": "Normal",
        "note": "from 1 to 2", "regarding": { "kind": "Job", "name": "j" },
        "reportingController": "c", "reportingInstance": "i",
        "eventTime": "2026-01-01T00:00:00.000000Z",
    }));
    new.create(&PostParams::default(), &event.unwrap()).await.unwrap();
    let regarding = ListParams::default().fields("involvedObject.name=j,involvedObject.kind=Job");
    let seen = &old.list(&regarding).await.unwrap().items[0];
    assert_eq!(seen.message.as_deref(), Some("from 1 to 2"));
    assert_eq!(seen.involved_object.name.as_deref(), Some("j"));
    assert_eq!(new.get("e").await.unwrap().note.as_deref(), Some("from 1 to 2"));
    let patch = Patch::Merge(
        json!({ "series": { "count": 2, "lastObservedTime": "2026-01-01T00:00:01.000000Z" } }),
    );
    let patched = new.patch("e", &PatchParams::default(), &patch).await.unwrap();
    assert_eq!(
        (patched.series.unwrap().count, patched.regarding.unwrap().name.as_deref()),
        (2, Some("j"))
    );
}
