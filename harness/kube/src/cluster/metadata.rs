//! Reading and checking the `metadata` of objects.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;

use crate::error::{ApiError, Cause};
use crate::json::{at, list_at, set_at, str_at};

pub(super) fn uid(object: &Value) -> &str {
    str_at(object, &["metadata", "uid"])
}

pub(super) fn owner_uids(object: &Value) -> impl Iterator<Item = &str> {
    list_at(object, &["metadata", "ownerReferences"])
        .iter()
        .map(|owner| str_at(owner, &["uid"]))
        .filter(|uid| !uid.is_empty())
}

pub(super) fn is_deleting(object: &Value) -> bool {
    at(object, &["metadata", "deletionTimestamp"]).is_some_and(|time| !time.is_null())
}

/// Whether nothing holds back the removal of an object whose deletion was asked for.
pub(super) fn may_go(object: &Value) -> bool {
    let grace = at(object, &["metadata", "deletionGracePeriodSeconds"]).and_then(Value::as_i64);
    is_deleting(object)
        && list_at(object, &["metadata", "finalizers"]).is_empty()
        && grace.unwrap_or(0) == 0
}

/// Reads the metadata as its Kubernetes type and writes it back.
pub(super) fn normalize(object: &mut Value) -> Result<(), ApiError> {
    let given = object.get("metadata").cloned().unwrap_or(Value::Null);
    let given = if given.is_null() { Value::Object(serde_json::Map::new()) } else { given };
    let typed: ObjectMeta = serde_json::from_value(given)
        .map_err(|error| ApiError::bad_request(format!("metadata cannot be read: {error}")))?;
    let written = serde_json::to_value(&typed)
        .map_err(|error| ApiError::bad_request(format!("metadata cannot be read: {error}")))?;
    set_at(object, &["metadata"], written);
    Ok(())
}

/// What is wrong with names, labels and references.
pub(super) fn validate(object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    let name = str_at(object, &["metadata", "name"]);
    if !is_subdomain(name) {
        causes.push(Cause::invalid("metadata.name", &name.into(), SUBDOMAIN));
    }
    let labels = at(object, &["metadata", "labels"]).and_then(Value::as_object);
    for (key, value) in labels.into_iter().flatten() {
        let text = value.as_str().unwrap_or_default();
        if !is_qualified(key) {
            let why = "a label key is an optional DNS prefix and '/', and a name of at most 63 \
                       alphanumeric characters, '-', '_' or '.'";
            causes.push(Cause::invalid("metadata.labels", &key.as_str().into(), why));
        }
        if !text.is_empty() && !is_word(text) {
            let why = "a valid label must be an empty string or consist of alphanumeric \
                       characters, '-', '_' or '.', and must start and end with an alphanumeric \
                       character, at most 63 of them";
            causes.push(Cause::invalid("metadata.labels", value, why));
        }
    }
    for (index, finalizer) in list_at(object, &["metadata", "finalizers"]).iter().enumerate() {
        if !finalizer.as_str().is_some_and(is_qualified) {
            let place = format!("metadata.finalizers[{index}]");
            causes.push(Cause::invalid(place, finalizer, "name part must be a qualified name"));
        }
    }
    let owners = list_at(object, &["metadata", "ownerReferences"]);
    for (index, owner) in owners.iter().enumerate() {
        for field in ["apiVersion", "kind", "name", "uid"] {
            if str_at(owner, &[field]).is_empty() {
                let place = format!("metadata.ownerReferences[{index}].{field}");
                causes.push(Cause::required(place, ""));
            }
        }
    }
    let controls = |owner: &&Value| at(owner, &["controller"]) == Some(&Value::Bool(true));
    if owners.iter().filter(controls).count() > 1 {
        let why = "Only one reference can have Controller set to true";
        causes.push(Cause::invalid("metadata.ownerReferences", &Value::Null, why));
    }
    causes
}

const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric \
    characters, '-' or '.', and must start and end with an alphanumeric character";

/// Whether the name is an RFC 1123 subdomain of at most 253 characters.
pub(crate) fn is_subdomain(name: &str) -> bool {
    let word = |part: &str| {
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        !part.is_empty()
            && !part.starts_with('-')
            && !part.ends_with('-')
            && part.chars().all(inner)
    };
    name.len() <= 253 && name.split('.').all(word)
}

fn is_word(text: &str) -> bool {
    let ends = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    text.len() <= 63
        && ends(text.chars().next())
        && ends(text.chars().next_back())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

fn is_qualified(text: &str) -> bool {
    match text.split_once('/') {
        Some((prefix, name)) => is_subdomain(prefix) && is_word(name),
        None => is_word(text),
    }
}
