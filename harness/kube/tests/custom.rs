//! Custom resource definitions and their objects.
#![expect(clippy::unwrap_used, reason = "helpers of tests, too, may end them")]

use embedded_kube::api::ApiServer;
use http::Request;
use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, DeleteParams, DynamicObject, ObjectList, Patch, PatchParams, PostParams};
use kube::core::{ApiResource, GroupVersionKind};
use proptest::prelude::*;
use serde_json::{Value, json};

fn schema() -> Value {
    let spec = json!({
        "topic": { "type": "string", "pattern": "^[a-z]+$" },
        "replicas": {
            "type": "integer", "minimum": 1, "maximum": 9, "default": 2
        },
        "mode": { "type": "string", "enum": ["Fast", "Slow"] },
        "note": { "type": "string", "nullable": true },
        "port": { "x-kubernetes-int-or-string": true },
        "scaling": {
            "type": "object",
            "default": {},
            "properties": {
                "period": { "type": "string", "default": "15s" },
            },
        },
        "labels": {
            "type": "object",
            "additionalProperties": { "type": "string" },
        },
        "free": {
            "type": "object",
            "x-kubernetes-preserve-unknown-fields": true,
        },
        "steps": {
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
            "items": {
                "type": "object",
                "required": ["name"],
                "properties": {
                    "name": { "type": "string" },
                    "weight": { "type": "integer" },
                },
            },
        },
    });
    json!({
        "type": "object",
        "required": ["spec"],
        "properties": {
            "spec": { "type": "object", "required": ["topic"], "properties": spec },
            "status": { "type": "object", "x-kubernetes-preserve-unknown-fields": true },
        },
    })
}

fn definition() -> CustomResourceDefinition {
    serde_json::from_value(json!({
        "metadata": { "name": "jobs.example.dev" },
        "spec": {
            "group": "example.dev",
            "scope": "Namespaced",
            "names": { "kind": "Job", "plural": "jobs", "shortNames": ["ej"] },
            "versions": [{
                "name": "v1",
                "served": true,
                "storage": true,
                "subresources": {
                    "status": {},
                    "scale": {
                        "specReplicasPath": ".spec.replicas",
                        "statusReplicasPath": ".status.replicas",
                        "labelSelectorPath": ".status.selector",
                    },
                },
                "additionalPrinterColumns": [
                    { "name": "Wanted", "type": "integer", "jsonPath": ".spec.replicas" },
                    { "name": "Ready", "type": "string",
                      "jsonPath": ".status.conditions[?(@.type==\"Ready\")].status" },
                    { "name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp" },
                ],
                "schema": { "openAPIV3Schema": schema() },
            }],
        },
    }))
    .unwrap()
}

async fn served() -> (ApiServer, Api<DynamicObject>) {
    let server = ApiServer::new();
    let definitions: Api<CustomResourceDefinition> = Api::all(server.client());
    let made = definitions.create(&PostParams::default(), &definition()).await.unwrap();
    let conditions = made.status.unwrap().conditions.unwrap();
    let established = |kind: &str| {
        conditions.iter().any(|condition| condition.type_ == kind && condition.status == "True")
    };
    assert!(established("Established") && established("NamesAccepted"));
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("example.dev", "v1", "Job"));
    let jobs = Api::default_namespaced_with(server.client(), &resource);
    (server, jobs)
}

fn job(spec: Value) -> DynamicObject {
    serde_json::from_value(json!({
        "apiVersion": "example.dev/v1", "kind": "Job", "metadata": { "name": "a" }, "spec": spec,
    }))
    .unwrap()
}

fn refusal<T: std::fmt::Debug>(result: Result<T, kube::Error>) -> (u16, String) {
    match result {
        Err(kube::Error::Api(status)) => (status.code, status.message.clone()),
        other => panic!("expected a refusal, got {other:?}"),
    }
}

#[tokio::test]
async fn defaults_are_filled_in_and_unknown_fields_fall_away() {
    let (_, jobs) = served().await;
    let spec = json!({
        "topic": "t", "other": 1, "note": null, "mode": null, "labels": { "a": "b" },
        "free": { "x": { "y": 1 } }, "steps": [{ "name": "s", "more": 1 }], "port": "http",
    });
    let made = jobs.create(&PostParams::default(), &job(spec)).await.unwrap();
    let wanted = json!({
        "topic": "t", "replicas": 2, "note": null, "labels": { "a": "b" },
        "scaling": { "period": "15s" }, "free": { "x": { "y": 1 } },
        "steps": [{ "name": "s" }], "port": "http",
    });
    assert_eq!(made.data["spec"], wanted);
    let mut strict = json!({ "apiVersion": "example.dev/v1", "kind": "Job" });
    strict["metadata"] = json!({ "name": "b" });
    strict["spec"] = json!({ "topic": "t", "other": 1 });
    let params = PatchParams { field_manager: Some("m".into()), ..PatchParams::default() };
    let strict = jobs.patch("b", &params.validation_strict(), &Patch::Apply(strict)).await;
    let (code, message) = refusal(strict);
    assert_eq!(code, 400);
    assert!(message.contains("unknown field \"spec.other\""), "{message}");
}

#[tokio::test]
async fn what_the_schema_forbids_is_refused_with_its_place() {
    let (_, jobs) = served().await;
    let table = [
        (json!({}), "spec.topic: Required value"),
        (
            json!({ "topic": "T" }),
            "spec.topic: Invalid value: \"T\": spec.topic in body should match '^[a-z]+$'",
        ),
        (
            json!({ "topic": "t", "replicas": 0 }),
            "spec.replicas: Invalid value: 0: spec.replicas in body should be greater than or \
             equal to 1",
        ),
        (
            json!({ "topic": "t", "replicas": "3" }),
            "spec.replicas: Invalid value: \"string\": spec.replicas in body must be of type \
             integer: \"string\"",
        ),
        (
            json!({ "topic": "t", "mode": "x" }),
            "spec.mode: Unsupported value: \"x\": supported values: \"Fast\", \"Slow\"",
        ),
        (json!({ "topic": "t", "port": 1.5 }), "spec.port: Invalid value"),
        (json!({ "topic": "t", "labels": { "a": 1 } }), "spec.labels.a: Invalid value"),
        (
            json!({ "topic": "t", "steps": [{ "name": "s" }, { "name": "s" }] }),
            "spec.steps[1]: Duplicate value",
        ),
    ];
    for (spec, wanted) in table {
        let (code, message) = refusal(jobs.create(&PostParams::default(), &job(spec)).await);
        assert_eq!(code, 422);
        assert!(message.contains(wanted), "{message}");
        assert!(message.starts_with("Job.example.dev \"a\" is invalid: "), "{message}");
    }
}

#[tokio::test]
async fn status_and_scale_are_apart_from_the_spec() {
    let (_, jobs) = served().await;
    let mut first = job(json!({ "topic": "t" }));
    first.data["status"] = json!({ "replicas": 7 });
    let made = jobs.create(&PostParams::default(), &first).await.unwrap();
    assert_eq!(made.data.get("status"), None);
    assert_eq!(made.metadata.generation, Some(1));
    let patch = Patch::Merge(json!({
        "status": { "replicas": 4, "selector": "app=a" }, "spec": { "replicas": 9 },
    }));
    let status = jobs.patch_status("a", &PatchParams::default(), &patch).await.unwrap();
    assert_eq!(status.data["spec"]["replicas"], 2);
    assert_eq!(status.metadata.generation, Some(1));
    let scale = jobs.get_scale("a").await.unwrap();
    assert_eq!(scale.spec.unwrap().replicas, Some(2));
    let seen = scale.status.unwrap();
    assert_eq!((seen.replicas, seen.selector.as_deref()), (4, Some("app=a")));
    let three = Patch::Merge(json!({ "spec": { "replicas": 3 } }));
    jobs.patch_scale("a", &PatchParams::default(), &three).await.unwrap();
    let now = jobs.get("a").await.unwrap();
    assert_eq!((&now.data["spec"]["replicas"], now.metadata.generation), (&json!(3), Some(2)));
    let twenty = Patch::Merge(json!({ "spec": { "replicas": 20 } }));
    let (code, _) = refusal(jobs.patch_scale("a", &PatchParams::default(), &twenty).await);
    assert_eq!(code, 422);
    let strategic = Patch::Strategic(json!({ "spec": { "replicas": 3 } }));
    let (code, _) = refusal(jobs.patch("a", &PatchParams::default(), &strategic).await);
    assert_eq!(code, 415);
}

#[tokio::test]
async fn lists_with_declared_keys_merge_when_applied() {
    let (_, jobs) = served().await;
    let with = |steps: Value| {
        Patch::Apply(json!({
            "apiVersion": "example.dev/v1", "kind": "Job", "metadata": { "name": "a" },
            "spec": { "topic": "t", "steps": steps },
        }))
    };
    let (one, two) = (PatchParams::apply("one"), PatchParams::apply("two"));
    jobs.patch("a", &one, &with(json!([{ "name": "x" }, { "name": "y" }]))).await.unwrap();
    jobs.patch("a", &two, &with(json!([{ "name": "z" }]))).await.unwrap();
    let now = jobs.patch("a", &one, &with(json!([{ "name": "y" }]))).await.unwrap();
    assert_eq!(now.data["spec"]["steps"], json!([{ "name": "y" }, { "name": "z" }]));
}

#[tokio::test]
async fn tables_have_the_declared_columns() {
    let (server, jobs) = served().await;
    jobs.create(&PostParams::default(), &job(json!({ "topic": "t" }))).await.unwrap();
    let ready = Patch::Merge(json!({
        "status": { "conditions": [{ "type": "Ready", "status": "True" }] },
    }));
    jobs.patch_status("a", &PatchParams::default(), &ready).await.unwrap();
    let request = Request::get("/apis/example.dev/v1/namespaces/default/jobs")
        .header("accept", "application/json;as=Table;v=v1;g=meta.k8s.io,application/json")
        .body(Vec::new())
        .unwrap();
    let table: Value = server.client().request(request).await.unwrap();
    assert_eq!(table["kind"], "Table");
    let names: Vec<&Value> =
        table["columnDefinitions"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["Name", "Wanted", "Ready", "Age"]);
    assert_eq!(
        table["rows"][0]["cells"].as_array().unwrap()[..3],
        [json!("a"), json!(2), json!("True")]
    );
}

#[tokio::test]
async fn a_definition_takes_its_objects_along() {
    let (server, jobs) = served().await;
    let mut held = job(json!({ "topic": "t" }));
    held.metadata.finalizers = Some(vec!["example.dev/hold".into()]);
    jobs.create(&PostParams::default(), &held).await.unwrap();
    let definitions: Api<CustomResourceDefinition> = Api::all(server.client());
    definitions.delete("jobs.example.dev", &DeleteParams::default()).await.unwrap();
    assert!(definitions.get("jobs.example.dev").await.is_ok(), "an object is still held");
    let free = Patch::Merge(json!({ "metadata": { "finalizers": null } }));
    jobs.patch("a", &PatchParams::default(), &free).await.unwrap();
    assert_eq!(refusal(definitions.get("jobs.example.dev").await).0, 404);
    assert_eq!(refusal(jobs.get("a").await).0, 404);
    definitions.create(&PostParams::default(), &definition()).await.unwrap();
    jobs.create(&PostParams::default(), &job(json!({ "topic": "t" }))).await.unwrap();
}

#[tokio::test]
async fn a_namespace_takes_its_objects_along() {
    let (server, _) = served().await;
    let spaces: Api<Namespace> = Api::all(server.client());
    let space = serde_json::from_value(json!({ "metadata": { "name": "n" } })).unwrap();
    spaces.create(&PostParams::default(), &space).await.unwrap();
    let resource = jobs_resource();
    let inside: Api<DynamicObject> = Api::namespaced_with(server.client(), "n", &resource);
    inside.create(&PostParams::default(), &job(json!({ "topic": "t" }))).await.unwrap();
    spaces.delete("n", &DeleteParams::default()).await.unwrap();
    assert_eq!(refusal(spaces.get("n").await).0, 404);
    let all: Api<DynamicObject> = Api::all_with(server.client(), &resource);
    let left: ObjectList<DynamicObject> = all.list(&Default::default()).await.unwrap();
    assert_eq!(left.items.len(), 0);
}

fn jobs_resource() -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk("example.dev", "v1", "Job"))
}

/// Any JSON, with names that the server knows sprinkled in.
fn any_json() -> impl Strategy<Value = Value> {
    let name = prop_oneof![
        Just("metadata".to_owned()),
        Just("spec".to_owned()),
        Just("status".to_owned()),
        Just("name".to_owned()),
        Just("containers".to_owned()),
        Just("ports".to_owned()),
        Just("env".to_owned()),
        Just("finalizers".to_owned()),
        Just("ownerReferences".to_owned()),
        Just("managedFields".to_owned()),
        Just("fieldsV1".to_owned()),
        Just("k:{\"name\":1}".to_owned()),
        Just("$patch".to_owned()),
        Just("path".to_owned()),
        Just("versions".to_owned()),
        "[a-z./]{0,4}",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-zé/.~0-9]{0,6}".prop_map(Value::from),
        Just(json!("delete")),
    ];
    leaf.prop_recursive(5, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(name.clone(), inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

#[test]
fn no_input_brings_the_server_down() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (server, _jobs) = runtime.block_on(served());
    let collections = [
        "/api/v1/namespaces/default/pods",
        "/api/v1/namespaces/default/configmaps",
        "/apis/apps/v1/namespaces/default/deployments",
        "/apis/events.k8s.io/v1/namespaces/default/events",
        "/apis/example.dev/v1/namespaces/default/jobs",
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
    ];
    let types = [
        "application/json-patch+json",
        "application/merge-patch+json",
        "application/strategic-merge-patch+json",
        "application/apply-patch+yaml",
    ];
    let runner_config = ProptestConfig { cases: 64, ..ProptestConfig::default() };
    proptest!(runner_config, |(value in any_json(), patch in any_json())| {
        runtime.block_on(async {
            let client = server.client();
            for collection in collections {
                let mut named = value.clone();
                if let Some(map) = named.as_object_mut() {
                    map.insert("metadata".into(), json!({ "name": "x" }));
                }
                for body in [&value, &named] {
                    let body = serde_json::to_vec(body).unwrap();
                    let request = Request::post(collection).body(body).unwrap();
                    let _ = client.request_text(request).await;
                }
                for media_type in types {
                    let body = serde_json::to_vec(&patch).unwrap();
                    let uri = format!("{collection}/x?fieldManager=m&force=true");
                    let request = Request::patch(uri).header("content-type", media_type);
                    let _ = client.request_text(request.body(body).unwrap()).await;
                }
            }
        });
    });
    let healthy = runtime.block_on(async {
        let request = Request::get("/healthz").body(Vec::new()).unwrap();
        server.client().request_text(request).await
    });
    assert_eq!(healthy.unwrap(), "ok");
}
