//! Between the form in which clients of one API version see an object and the stored form.

use serde_json::Value;

use crate::error::ApiError;
use crate::json::{object_mut, str_at};
use crate::registry::ResourceType;

/// The fields of an `events.k8s.io` event and their names in a core event.
const EVENT_FIELDS: [(&str, &str); 8] = [
    ("regarding", "involvedObject"),
    ("note", "message"),
    ("reportingController", "reportingComponent"),
    ("deprecatedSource", "source"),
    ("deprecatedFirstTimestamp", "firstTimestamp"),
    ("deprecatedLastTimestamp", "lastTimestamp"),
    ("deprecatedCount", "count"),
    ("reportingInstance", "reportingInstance"),
];

fn is_new_event(kind: &ResourceType) -> bool {
    kind.is("events.k8s.io", "events")
}

/// Takes an object from a client: checks that it is of the type of the request, and brings it
/// into the form of that type (the stored form follows in [`stored`]).
pub(crate) fn incoming(kind: &ResourceType, mut object: Value) -> Result<Value, ApiError> {
    for (field, wanted) in [("apiVersion", kind.api_version()), ("kind", kind.kind.clone())] {
        let given = str_at(&object, &[field]);
        if !given.is_empty() && given != wanted {
            return Err(ApiError::bad_request(format!(
                "the {field} in the data ({given}) does not match the expected {field} ({wanted})"
            )));
        }
        object_mut(&mut object).insert(field.to_owned(), wanted.into());
    }
    Ok(stored(kind, object))
}

/// The stored form of an object of this type.
pub(crate) fn stored(kind: &ResourceType, mut object: Value) -> Value {
    if is_new_event(kind) {
        let map = object_mut(&mut object);
        for (new, old) in EVENT_FIELDS {
            if let Some(value) = map.remove(new) {
                map.insert(old.to_owned(), value);
            }
        }
        map.insert("apiVersion".into(), "v1".into());
        map.entry("involvedObject").or_insert_with(|| serde_json::json!({}));
    }
    object
}

/// The object as clients of this type see it.
pub(crate) fn outgoing(kind: &ResourceType, mut object: Value) -> Value {
    let map = object_mut(&mut object);
    if is_new_event(kind) {
        for (new, old) in EVENT_FIELDS {
            if let Some(value) = map.remove(old) {
                map.insert(new.to_owned(), value);
            }
        }
    }
    map.insert("apiVersion".into(), kind.api_version().into());
    object
}
