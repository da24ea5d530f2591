//! Dropping fields that a schema does not know.

use serde_json::Value;

use crate::json::at;

/// Drops unknown fields from an object and notes their paths. `apiVersion`, `kind` and
/// `metadata` belong to every object.
pub(super) fn prune(schema: &Value, object: &mut Value, unknown: &mut Vec<String>) {
    prune_object(schema, object, "", true, unknown);
}

fn is_set(schema: &Value, extension: &str) -> bool {
    schema.get(extension) == Some(&Value::Bool(true))
}

fn prune_value(schema: &Value, value: &mut Value, path: &str, unknown: &mut Vec<String>) {
    match value {
        Value::Object(_) => {
            let whole = is_set(schema, "x-kubernetes-embedded-resource");
            prune_object(schema, value, path, whole, unknown);
        }
        Value::Array(items) => {
            let Some(schema) = schema.get("items") else { return };
            for (index, item) in items.iter_mut().enumerate() {
                prune_value(schema, item, &format!("{path}[{index}]"), unknown);
            }
        }
        _ => {}
    }
}

fn prune_object(
    schema: &Value,
    object: &mut Value,
    path: &str,
    whole: bool,
    unknown: &mut Vec<String>,
) {
    let Some(map) = object.as_object_mut() else { return };
    let preserve = is_set(schema, "x-kubernetes-preserve-unknown-fields");
    let additional = schema.get("additionalProperties").filter(|it| **it != Value::Bool(false));
    map.retain(|name, value| {
        let place = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        if whole && ["apiVersion", "kind", "metadata"].contains(&name.as_str()) {
            return true;
        }
        match at(schema, &["properties", name]).or(additional) {
            Some(inner) => prune_value(inner, value, &place, unknown),
            None if preserve => {}
            None => {
                unknown.push(place);
                return false;
            }
        }
        true
    });
}

/// Notes the fields of `original` that `decoded` lacks.
pub(super) fn lost_fields(
    original: &Value,
    decoded: &Value,
    path: &str,
    unknown: &mut Vec<String>,
) {
    match (original, decoded) {
        (Value::Object(before), Value::Object(after)) => {
            for (name, value) in before.iter().filter(|(_, value)| !value.is_null()) {
                let place = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                match after.get(name) {
                    Some(kept) => lost_fields(value, kept, &place, unknown),
                    None => unknown.push(place),
                }
            }
        }
        (Value::Array(before), Value::Array(after)) => {
            for (index, (before, after)) in before.iter().zip(after).enumerate() {
                lost_fields(before, after, &format!("{path}[{index}]"), unknown);
            }
        }
        _ => {}
    }
}
