//! The least of OpenAPI that clients need: that the server validates fields itself, and the
//! schemas of custom types.

use serde_json::{Map, Value, json};

use crate::error::ApiError;
use crate::json::set_at;
use crate::registry::{Registry, ResourceType};
use crate::schema::Schema;

/// There is no version 2 document; clients fall back to what they know themselves.
pub(super) fn no_v2() -> ApiError {
    ApiError::new(404, "NotFound", "OpenAPI v2 is not served; use /openapi/v3")
}

/// `/openapi/v3`.
pub(super) fn index(registry: &Registry) -> Value {
    let mut paths = Map::new();
    for (group, versions) in registry.groups() {
        for version in versions {
            let path = prefix(group, version);
            let address = json!({ "serverRelativeURL": format!("/openapi/v3/{path}") });
            paths.insert(path, address);
        }
    }
    json!({ "paths": paths })
}

fn prefix(group: &str, version: &str) -> String {
    if group.is_empty() { format!("api/{version}") } else { format!("apis/{group}/{version}") }
}

/// The document of one group and version.
pub(super) fn document(registry: &Registry, group: &str, version: &str) -> Option<Value> {
    let mut paths = Map::new();
    let mut schemas = Map::new();
    for kind in registry.types_of(group, version) {
        let scope = if kind.namespaced { "/namespaces/{namespace}" } else { "" };
        let path = format!("/{}{scope}/{}/{{name}}", prefix(group, version), kind.plural);
        paths.insert(path, operations(kind));
        let name = format!("{}.{}.{}", kind.group, kind.version, kind.kind);
        let name = name.trim_start_matches('.').to_owned();
        schemas.insert(name, schema(kind));
    }
    (!paths.is_empty()).then(|| {
        json!({
            "openapi": "3.0.0",
            "info": { "title": "Kubernetes", "version": "v1.34.0" },
            "paths": paths,
            "components": { "schemas": schemas },
        })
    })
}

fn identity(kind: &ResourceType) -> Value {
    json!({ "group": kind.group, "version": kind.version, "kind": kind.kind })
}

fn operations(kind: &ResourceType) -> Value {
    let parameter = |name: &str| {
        json!({
            "name": name, "in": "query", "schema": { "type": "string", "uniqueItems": true },
        })
    };
    let parameters = ["dryRun", "fieldManager", "fieldValidation", "force"].map(parameter);
    // Strategic merge patches are left out: clients then compute them from their own types.
    json!({
        "patch": {
            "x-kubernetes-action": "patch",
            "x-kubernetes-group-version-kind": identity(kind),
            "parameters": parameters,
            "requestBody": { "content": {
                "application/json-patch+json": {},
                "application/merge-patch+json": {},
                "application/apply-patch+yaml": {},
            }},
            "responses": { "200": { "description": "OK" } },
        },
    })
}

fn schema(kind: &ResourceType) -> Value {
    let mut schema = match &kind.schema {
        Schema::Structural(structural) => structural.root().clone(),
        Schema::Typed(_) => json!({ "type": "object" }),
    };
    set_at(&mut schema, &["x-kubernetes-group-version-kind"], json!([identity(kind)]));
    schema
}
