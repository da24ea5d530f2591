//! Server-side apply through a typed client in memory.

use embedded_kube::api::ApiServer;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

fn api() -> Api<ConfigMap> {
    Api::default_namespaced(ApiServer::new().client())
}

fn wanted(data: Value) -> Patch<Value> {
    Patch::Apply(json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "a" }, "data": data,
    }))
}

fn data(map: &ConfigMap) -> Vec<(&str, &str)> {
    let all = map.data.iter().flatten();
    all.map(|(key, value)| (key.as_str(), value.as_str())).collect()
}

#[tokio::test]
async fn a_field_that_only_one_manager_applied_goes_when_it_stops_applying_it() {
    let maps = api();
    let (one, two) = (PatchParams::apply("one"), PatchParams::apply("two"));
    maps.patch("a", &one, &wanted(json!({ "x": "1", "y": "1" }))).await.unwrap();
    maps.patch("a", &two, &wanted(json!({ "y": "1", "z": "2" }))).await.unwrap();
    let now = maps.patch("a", &one, &wanted(json!({}))).await.unwrap();
    assert_eq!(data(&now), [("y", "1"), ("z", "2")], "y is kept by the other manager");
    let managed = now.metadata.managed_fields.unwrap();
    let names: Vec<_> = managed.iter().filter_map(|entry| entry.manager.as_deref()).collect();
    assert_eq!(names, ["one", "two"]);
    let fields = &managed[1].fields_v1.as_ref().unwrap().0;
    assert_eq!(*fields, json!({ "f:data": { "f:y": {}, "f:z": {} } }));
}

#[tokio::test]
async fn a_different_value_is_a_conflict_unless_forced() {
    let maps = api();
    maps.patch("a", &PatchParams::apply("one"), &wanted(json!({ "x": "1" }))).await.unwrap();
    let two = PatchParams::apply("two");
    let Err(kube::Error::Api(refused)) = maps.patch("a", &two, &wanted(json!({ "x": "2" }))).await
    else {
        panic!("expected a conflict")
    };
    assert_eq!((refused.code, refused.reason.as_str()), (409, "Conflict"));
    let causes = refused.details.unwrap().causes;
    assert_eq!(causes[0].field, ".data.x");
    assert_eq!(causes[0].reason, "FieldManagerConflict");
    assert!(causes[0].message.contains("\"one\""), "{}", causes[0].message);

    let forced = maps.patch("a", &two.force(), &wanted(json!({ "x": "2" }))).await.unwrap();
    assert_eq!(data(&forced), [("x", "2")]);
    let managed = forced.metadata.managed_fields.unwrap();
    assert_eq!(managed.len(), 1, "the first manager has lost its only field: {managed:?}");
}

#[tokio::test]
async fn an_update_takes_fields_over_and_the_next_apply_conflicts_with_it() {
    let maps = api();
    let one = PatchParams::apply("one");
    maps.patch("a", &one, &wanted(json!({ "x": "1" }))).await.unwrap();
    let merge = Patch::Merge(json!({ "data": { "x": "2" } }));
    let two = PatchParams { field_manager: Some("two".into()), ..PatchParams::default() };
    maps.patch("a", &two, &merge).await.unwrap();
    let again = maps.patch("a", &one, &wanted(json!({ "x": "1" }))).await;
    assert!(matches!(again, Err(kube::Error::Api(status)) if status.code == 409));
    maps.patch("a", &one, &wanted(json!({ "x": "2" }))).await.unwrap();
}

#[tokio::test]
async fn applying_the_same_again_changes_nothing() {
    let maps = api();
    let one = PatchParams::apply("one");
    let first = maps.patch("a", &one, &wanted(json!({ "x": "1" }))).await.unwrap();
    let second = maps.patch("a", &one, &wanted(json!({ "x": "1" }))).await.unwrap();
    assert_eq!(first.metadata.resource_version, second.metadata.resource_version);
}

#[tokio::test]
async fn containers_and_variables_merge_by_name() {
    let deployments: Api<Deployment> = Api::default_namespaced(ApiServer::new().client());
    let with = |containers: Value| {
        Patch::Apply(json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "a" },
            "spec": {
                "selector": { "matchLabels": { "app": "a" } },
                "template": {
                    "metadata": { "labels": { "app": "a" } },
                    "spec": { "containers": containers },
                },
            },
        }))
    };
    let env = |name: &str| json!({ "name": name, "value": "1" });
    let (one, two) = (PatchParams::apply("one"), PatchParams::apply("two"));
    let main = |env: Value| json!({ "name": "main", "image": "x", "env": env });
    deployments.patch("a", &one, &with(json!([main(json!([env("A"), env("B")]))]))).await.unwrap();
    let side = json!({ "name": "side", "image": "y" });
    deployments
        .patch("a", &two, &with(json!([{ "name": "main", "env": [env("C")] }, side])))
        .await
        .unwrap();
    let now = deployments.patch("a", &one, &with(json!([main(json!([env("B")]))]))).await.unwrap();
    let containers = now.spec.unwrap().template.spec.unwrap().containers;
    let names: Vec<_> = containers.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["main", "side"]);
    let env = containers[0].env.as_ref().unwrap();
    let variables: Vec<_> = env.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(variables, ["B", "C"]);
    assert_eq!(containers[0].image.as_deref(), Some("x"));
}

#[tokio::test]
async fn replicas_that_are_no_longer_applied_return_to_the_default() {
    let deployments: Api<Deployment> = Api::default_namespaced(ApiServer::new().client());
    let with = |replicas: Option<i32>| {
        Patch::Apply(json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "a" },
            "spec": {
                "replicas": replicas,
                "selector": { "matchLabels": { "app": "a" } },
                "template": {
                    "metadata": { "labels": { "app": "a" } },
                    "spec": { "containers": [{ "name": "main", "image": "x" }] },
                },
            },
        }))
    };
    let one = PatchParams::apply("one");
    let replicas = |deployment: Deployment| deployment.spec.unwrap().replicas;
    assert_eq!(replicas(deployments.patch("a", &one, &with(Some(3))).await.unwrap()), Some(3));
    assert_eq!(replicas(deployments.patch("a", &one, &with(None)).await.unwrap()), Some(1));
    let scale = Patch::Merge(json!({ "spec": { "replicas": 5 } }));
    deployments.patch_scale("a", &PatchParams::default(), &scale).await.unwrap();
    let kept = deployments.patch("a", &one, &with(None)).await.unwrap();
    assert_eq!(replicas(kept), Some(5), "the scaler owns the replicas now");
}

#[tokio::test]
async fn create_then_apply_shares_what_is_equal() {
    let maps = api();
    let made: ConfigMap = serde_json::from_value(json!({
        "metadata": { "name": "a" }, "data": { "x": "1" },
    }))
    .unwrap();
    let by = PostParams { field_manager: Some("maker".into()), ..PostParams::default() };
    maps.create(&by, &made).await.unwrap();
    let shared =
        maps.patch("a", &PatchParams::apply("one"), &wanted(json!({ "x": "1" }))).await.unwrap();
    assert_eq!(shared.metadata.managed_fields.unwrap().len(), 2);
}
