//! What the server serves: groups, versions and resources.

use axum::response::Response;
use serde_json::{Value, json};

use super::{KUBERNETES_MINOR, body};
use crate::registry::{Registry, ResourceType};

/// `/version`.
pub(super) fn version() -> Value {
    json!({
        "major": "1",
        "minor": KUBERNETES_MINOR,
        "gitVersion": format!("v1.{KUBERNETES_MINOR}.0+embedded"),
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": "rustc",
        "platform": format!("{}/{}", std::env::consts::OS, std::env::consts::ARCH),
    })
}

/// `/api`.
pub(super) fn core_versions() -> Value {
    json!({ "kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": [] })
}

/// `/apis`.
pub(super) fn groups(registry: &Registry) -> Value {
    let groups = registry.groups().iter().filter(|(group, _)| !group.is_empty());
    let groups: Vec<Value> = groups.map(|(group, versions)| group_of(group, versions)).collect();
    json!({ "kind": "APIGroupList", "apiVersion": "v1", "groups": groups })
}

/// `/apis/GROUP`.
pub(super) fn group(registry: &Registry, name: &str) -> Option<Value> {
    let (group, versions) = registry.groups().iter().find(|(group, _)| group == name)?;
    let mut document = group_of(group, versions);
    document["kind"] = json!("APIGroup");
    document["apiVersion"] = json!("v1");
    (!name.is_empty()).then_some(document)
}

fn group_of(group: &str, versions: &[String]) -> Value {
    let named = |version: &String| {
        let group_version = format!("{group}/{version}");
        json!({ "groupVersion": group_version, "version": version })
    };
    let all: Vec<Value> = versions.iter().map(named).collect();
    json!({ "name": group, "versions": all, "preferredVersion": all.first() })
}

const VERBS: [&str; 8] =
    ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
const PART_VERBS: [&str; 3] = ["get", "patch", "update"];

/// `/api/v1` or `/apis/GROUP/VERSION`.
pub(super) fn types(registry: &Registry, group: &str, version: &str) -> Option<Value> {
    let mut resources = Vec::new();
    for kind in registry.types_of(group, version) {
        resources.push(json!({
            "name": kind.plural,
            "singularName": kind.singular,
            "namespaced": kind.namespaced,
            "kind": kind.kind,
            "verbs": VERBS,
            "shortNames": kind.short_names,
            "categories": kind.categories,
        }));
        for (part, api_version, part_kind, verbs) in parts(kind) {
            let (group, version) = split(&api_version);
            resources.push(json!({
                "name": format!("{}/{part}", kind.plural),
                "singularName": "",
                "namespaced": kind.namespaced,
                "group": group,
                "version": version,
                "kind": part_kind,
                "verbs": verbs,
            }));
        }
    }
    (!resources.is_empty()).then(|| {
        json!({
            "kind": "APIResourceList",
            "apiVersion": "v1",
            "groupVersion": crate::registry::api_version(group, version),
            "resources": resources,
        })
    })
}

/// The parts of a type: name, API version, kind and verbs.
fn parts(kind: &ResourceType) -> Vec<(&'static str, String, String, Vec<&'static str>)> {
    let mut parts = Vec::new();
    if kind.status {
        parts.push(("status", kind.api_version(), kind.kind.clone(), PART_VERBS.to_vec()));
    }
    if kind.scale.is_some() {
        parts.push(("scale", "autoscaling/v1".into(), "Scale".into(), PART_VERBS.to_vec()));
    }
    if kind.is("", "pods") {
        parts.push(("binding", "v1".into(), "Binding".into(), vec!["create"]));
        parts.push(("eviction", "policy/v1".into(), "Eviction".into(), vec!["create"]));
    }
    parts
}

fn split(api_version: &str) -> (&str, &str) {
    api_version.split_once('/').unwrap_or(("", api_version))
}

/// `/api` or `/apis` as one document with everything (`apidiscovery.k8s.io/v2`).
pub(super) fn aggregated(registry: &Registry, core: bool) -> Response {
    let groups = registry.groups().iter().filter(|(group, _)| group.is_empty() == core);
    let items: Vec<Value> = groups
        .map(|(group, versions)| {
            let versions: Vec<Value> = versions
                .iter()
                .map(|version| {
                    let kinds = registry.types_of(group, version);
                    let resources: Vec<Value> = kinds.map(|kind| aggregated_type(kind)).collect();
                    json!({
                        "version": version, "freshness": "Current", "resources": resources,
                    })
                })
                .collect();
            json!({ "metadata": { "name": group }, "versions": versions })
        })
        .collect();
    let document = json!({
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": items,
    });
    let media_type = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    body::typed_json(200, &document, media_type)
}

fn aggregated_type(kind: &ResourceType) -> Value {
    let response = |api_version: &str, kind: &str| {
        let (group, version) = split(api_version);
        json!({ "group": group, "version": version, "kind": kind })
    };
    let parts: Vec<Value> = parts(kind)
        .into_iter()
        .map(|(part, api_version, part_kind, verbs)| {
            json!({
                "subresource": part,
                "responseKind": response(&api_version, &part_kind),
                "verbs": verbs,
            })
        })
        .collect();
    json!({
        "resource": kind.plural,
        "responseKind": response(&kind.api_version(), &kind.kind),
        "scope": if kind.namespaced { "Namespaced" } else { "Cluster" },
        "singularResource": kind.singular,
        "verbs": VERBS,
        "shortNames": kind.short_names,
        "categories": kind.categories,
        "subresources": parts,
    })
}
