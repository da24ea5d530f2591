//! Strategic merge patch: JSON merge patch in which lists of objects are merged by a key.
//!
//! See "Strategic Merge Patch" of the Kubernetes API conventions.

use serde_json::{Map, Value};

use crate::error::ApiError;

/// The key by which the elements of a list of that name are told apart, or nothing for lists
/// that are replaced as a whole.
fn merge_key(plural: &str, list: &str) -> Option<&'static str> {
    Some(match list {
        "containers"
        | "initContainers"
        | "ephemeralContainers"
        | "env"
        | "volumes"
        | "imagePullSecrets"
        | "secrets" => "name",
        "ports" if plural == "services" => "port",
        "ports" => "containerPort",
        "volumeMounts" => "mountPath",
        "volumeDevices" => "devicePath",
        "conditions" | "addresses" => "type",
        "taints" => "key",
        "hostAliases" | "podIPs" | "hostIPs" => "ip",
        "ownerReferences" => "uid",
        "topologySpreadConstraints" => "topologyKey",
        _ => return None,
    })
}

/// Lists of plain values that are merged as sets.
fn is_merged_set(list: &str) -> bool {
    list == "finalizers"
}

/// The document with the patch merged into it.
pub(super) fn merge(plural: &str, document: Value, patch: Value) -> Result<Value, ApiError> {
    let (Value::Object(mut target), Value::Object(patch)) = (document, patch) else {
        return Err(ApiError::bad_request("a strategic merge patch must be an object"));
    };
    merge_map(plural, &mut target, patch)?;
    Ok(Value::Object(target))
}

fn merge_map(
    plural: &str,
    target: &mut Map<String, Value>,
    mut patch: Map<String, Value>,
) -> Result<(), ApiError> {
    match patch.remove("$patch").as_ref().and_then(Value::as_str) {
        None | Some("merge") => {}
        Some("replace") => {
            *target = patch;
            return Ok(());
        }
        Some("delete") => {
            target.clear();
            return Ok(());
        }
        Some(other) => {
            return Err(ApiError::bad_request(format!(
                "unknown directive $patch: {other}; allowed: merge, replace, delete"
            )));
        }
    }
    if let Some(Value::Array(kept)) = patch.remove("$retainKeys") {
        target.retain(|key, _| kept.iter().any(|name| name == key));
    }
    for (field, value) in patch {
        if let Some(list) = field.strip_prefix("$deleteFromPrimitiveList/") {
            let (Some(Value::Array(items)), Value::Array(gone)) = (target.get_mut(list), &value)
            else {
                continue;
            };
            items.retain(|item| !gone.contains(item));
        } else if field.starts_with("$setElementOrder/") {
            // The order only matters to people; elements keep the order they have.
        } else if value.is_null() {
            target.remove(&field);
        } else {
            merge_field(plural, target, field, value)?;
        }
    }
    Ok(())
}

fn merge_field(
    plural: &str,
    target: &mut Map<String, Value>,
    field: String,
    value: Value,
) -> Result<(), ApiError> {
    match value {
        Value::Object(patch) => {
            let mut inner = match target.remove(&field) {
                Some(Value::Object(map)) => map,
                _ => Map::new(),
            };
            let deleted = patch.get("$patch").and_then(Value::as_str) == Some("delete");
            merge_map(plural, &mut inner, patch)?;
            if !deleted {
                target.insert(field, Value::Object(inner));
            }
        }
        Value::Array(patch) => {
            let items = match target.remove(&field) {
                Some(Value::Array(items)) => items,
                _ => Vec::new(),
            };
            let merged = match merge_key(plural, &field) {
                Some(key) => merge_list(plural, key, items, patch)?,
                None if is_merged_set(&field) => union(items, patch),
                None => patch,
            };
            target.insert(field, Value::Array(merged));
        }
        plain => {
            target.insert(field, plain);
        }
    }
    Ok(())
}

fn union(mut items: Vec<Value>, patch: Vec<Value>) -> Vec<Value> {
    for item in patch {
        if !items.contains(&item) {
            items.push(item);
        }
    }
    items
}

fn merge_list(
    plural: &str,
    key: &str,
    mut items: Vec<Value>,
    patch: Vec<Value>,
) -> Result<Vec<Value>, ApiError> {
    let replaces = |item: &Value| {
        item.get("$patch").and_then(Value::as_str) == Some("replace") && item.get(key).is_none()
    };
    if patch.iter().any(replaces) {
        return Ok(patch.into_iter().filter(|item| !replaces(item)).collect());
    }
    for element in patch {
        let Value::Object(mut element) = element else {
            return Err(ApiError::bad_request(format!(
                "elements of a list merged by {key} must be objects"
            )));
        };
        let Some(id) = element.get(key).cloned() else {
            return Err(ApiError::bad_request(format!(
                "map: {} does not contain declared merge key: {key}",
                Value::Object(element)
            )));
        };
        let found = items.iter().position(|item| item.get(key) == Some(&id));
        match (element.get("$patch").and_then(Value::as_str), found) {
            (Some("delete"), Some(index)) => drop(items.remove(index)),
            (Some("delete"), None) => {}
            (_, Some(index)) => {
                if let Some(Value::Object(item)) = items.get_mut(index) {
                    merge_map(plural, item, element)?;
                }
            }
            (_, None) => {
                element.remove("$patch");
                let mut fresh = Map::new();
                merge_map(plural, &mut fresh, element)?;
                items.push(Value::Object(fresh));
            }
        }
    }
    Ok(items)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn merged(document: Value, patch: Value) -> Value {
        merge("pods", document, patch).unwrap()
    }

    #[test]
    fn lists_merge_by_their_key_and_directives_are_followed() {
        let spec = json!({ "containers": [
            { "name": "a", "image": "x", "env": [{ "name": "A", "value": "1" }] },
            { "name": "b", "image": "y" },
        ]});
        let patch = json!({ "containers": [
            { "name": "a", "image": "z", "env": [{ "name": "B", "value": "2" }] },
            { "name": "b", "$patch": "delete" },
            { "name": "c", "image": null },
        ], "$setElementOrder/containers": [{ "name": "a" }] });
        let wanted = json!({ "containers": [
            { "name": "a", "image": "z",
              "env": [{ "name": "A", "value": "1" }, { "name": "B", "value": "2" }] },
            { "name": "c" },
        ]});
        assert_eq!(merged(spec, patch), wanted);
    }

    #[test]
    fn plain_lists_are_replaced_and_sets_are_united() {
        let before = json!({ "args": ["a"], "finalizers": ["x", "y"] });
        let patch = json!({
            "args": ["b"], "finalizers": ["z"], "$deleteFromPrimitiveList/finalizers": ["x"],
        });
        let after = merged(before, patch);
        assert_eq!(after["args"], json!(["b"]));
        let left = after["finalizers"].as_array().unwrap();
        assert!(left.contains(&json!("y")) && left.contains(&json!("z")));
    }

    #[test]
    fn maps_can_be_replaced_or_restricted() {
        let before = json!({ "strategy": { "type": "RollingUpdate", "rollingUpdate": {} } });
        let retained = json!({ "strategy": { "$retainKeys": ["type"], "type": "Recreate" } });
        assert_eq!(merged(before.clone(), retained), json!({ "strategy": { "type": "Recreate" } }));
        let replaced = json!({ "strategy": { "$patch": "replace", "type": "Recreate" } });
        assert_eq!(merged(before, replaced), json!({ "strategy": { "type": "Recreate" } }));
    }

    #[test]
    fn an_element_without_its_key_is_refused() {
        let patch = json!({ "containers": [{ "image": "x" }] });
        assert_eq!(merge("pods", json!({}), patch).unwrap_err().code, 400);
    }
}
