//! Filling in what a schema declares as defaults.

use serde_json::Value;

use crate::json::at;

/// Fills in defaults, at every depth. Nulls that the schema does not allow count as absent.
pub(super) fn default(schema: &Value, value: &mut Value) {
    match value {
        Value::Object(map) => {
            let properties = schema.get("properties").and_then(Value::as_object);
            let additional = schema.get("additionalProperties");
            map.retain(|name, value| {
                let inner = properties.and_then(|all| all.get(name)).or(additional);
                !value.is_null() || inner.is_none_or(|inner| !inner.is_object() || nullable(inner))
            });
            for (name, inner) in properties.into_iter().flatten() {
                if let Some(default) = inner.get("default").filter(|_| !map.contains_key(name)) {
                    map.insert(name.clone(), default.clone());
                }
            }
            for (name, value) in map {
                if let Some(inner) = at(schema, &["properties", name]).or(additional) {
                    default(inner, value);
                }
            }
        }
        Value::Array(items) => {
            if let Some(inner) = schema.get("items") {
                items.iter_mut().for_each(|item| default(inner, item));
            }
        }
        _ => {}
    }
}

fn nullable(schema: &Value) -> bool {
    // A schema without a type says nothing about nulls.
    schema.get("nullable") == Some(&Value::Bool(true))
        || schema.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(true))
}
