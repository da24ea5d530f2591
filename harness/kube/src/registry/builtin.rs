//! The built-in resource types.

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{ResourceType, ScalePaths, ScaleSelector, columns};
use crate::schema::Schema;

/// Every built-in type.
pub(super) fn all() -> Vec<ResourceType> {
    let mut all = core_types();
    all.extend(apps_types());
    all.extend(other_types());
    for kind in &mut all {
        kind.columns = columns::of(kind);
    }
    all
}

fn core_types() -> Vec<ResourceType> {
    let plain = |kind, plural, short: &[&str]| base("", kind, plural, short);
    vec![
        ResourceType {
            namespaced: false,
            status: true,
            ..typed::<core::Namespace>(plain("Namespace", "namespaces", &["ns"]))
        },
        ResourceType {
            namespaced: false,
            status: true,
            ..typed::<core::Node>(plain("Node", "nodes", &["no"]))
        },
        in_all(ResourceType { status: true, ..typed::<core::Pod>(plain("Pod", "pods", &["po"])) }),
        in_all(ResourceType {
            status: true,
            ..typed::<core::Service>(plain("Service", "services", &["svc"]))
        }),
        typed::<core::ConfigMap>(plain("ConfigMap", "configmaps", &["cm"])),
        typed::<core::Secret>(plain("Secret", "secrets", &[])),
        typed::<core::ServiceAccount>(plain("ServiceAccount", "serviceaccounts", &["sa"])),
        typed::<core::Event>(plain("Event", "events", &["ev"])),
    ]
}

fn apps_types() -> Vec<ResourceType> {
    let scale = || {
        let steps = |a: &str, b: &str| vec![a.to_owned(), b.to_owned()];
        Some(ScalePaths {
            spec_replicas: steps("spec", "replicas"),
            status_replicas: steps("status", "replicas"),
            selector: ScaleSelector::Object(steps("spec", "selector")),
        })
    };
    vec![
        in_all(ResourceType {
            status: true,
            scale: scale(),
            ..typed::<Deployment>(base("apps", "Deployment", "deployments", &["deploy"]))
        }),
        in_all(ResourceType {
            status: true,
            scale: scale(),
            ..typed::<ReplicaSet>(base("apps", "ReplicaSet", "replicasets", &["rs"]))
        }),
    ]
}

fn other_types() -> Vec<ResourceType> {
    vec![
        ResourceType {
            unconditional_update: false,
            ..typed::<Lease>(base("coordination.k8s.io", "Lease", "leases", &[]))
        },
        ResourceType {
            // One store for both forms of events, as in Kubernetes; `convert` renames the fields.
            stored_as: (String::new(), "events".into()),
            ..typed::<core::Event>(base("events.k8s.io", "Event", "events", &["ev"]))
        },
        ResourceType {
            status: true,
            unconditional_update: false,
            ..typed::<PodDisruptionBudget>(base(
                "policy",
                "PodDisruptionBudget",
                "poddisruptionbudgets",
                &["pdb"],
            ))
        },
        ResourceType {
            namespaced: false,
            status: true,
            unconditional_update: false,
            ..typed::<CustomResourceDefinition>(base(
                "apiextensions.k8s.io",
                "CustomResourceDefinition",
                "customresourcedefinitions",
                &["crd", "crds"],
            ))
        },
    ]
}

fn base(group: &str, kind: &str, plural: &str, short_names: &[&str]) -> ResourceType {
    ResourceType {
        group: group.to_owned(),
        version: "v1".to_owned(),
        kind: kind.to_owned(),
        list_kind: format!("{kind}List"),
        plural: plural.to_owned(),
        singular: kind.to_lowercase(),
        short_names: short_names.iter().map(|&name| name.to_owned()).collect(),
        categories: Vec::new(),
        namespaced: true,
        status: false,
        scale: None,
        unconditional_update: true,
        columns: Vec::new(),
        schema: Schema::Typed(|_| Err("no schema".into())),
        stored_as: (group.to_owned(), plural.to_owned()),
    }
}

fn in_all(kind: ResourceType) -> ResourceType {
    ResourceType { categories: vec!["all".to_owned()], ..kind }
}

fn typed<T: DeserializeOwned + Serialize>(kind: ResourceType) -> ResourceType {
    ResourceType { schema: Schema::Typed(round_trip::<T>), ..kind }
}

/// Reads the object as its Kubernetes type and writes it back: wrong types are refused, unknown
/// fields and nulls fall away, numbers given for quantities become strings.
fn round_trip<T: DeserializeOwned + Serialize>(object: Value) -> Result<Value, String> {
    let typed: T = serde_json::from_value(object).map_err(|error| error.to_string())?;
    serde_json::to_value(&typed).map_err(|error| error.to_string())
}
