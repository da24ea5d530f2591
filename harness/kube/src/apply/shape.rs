//! How lists and maps merge: by key, as sets, or as a whole.
//!
//! Built-in types follow a table of field names; custom types say it in their schema with
//! `x-kubernetes-list-type`, `x-kubernetes-list-map-keys` and `x-kubernetes-map-type`.

use serde_json::Value;

use crate::json::{at, list_at, str_at};
use crate::registry::ResourceType;
use crate::schema::Schema;

/// How one value merges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Merge {
    /// Field by field.
    Fields,
    /// Element by element; these keys, with their defaults, tell elements apart.
    Elements(Vec<(String, Value)>),
    /// As a set of plain values.
    Set,
    /// As a whole.
    Whole,
}

/// What is known about the place in an object where a walk is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape<'a> {
    /// Inside of a built-in type: its plural name and the field.
    Builtin(&'a str, &'a str),
    /// Inside of a custom type: the schema of this place.
    Custom(&'a Value),
    /// At the top of a custom type, whose metadata is built in.
    CustomRoot(&'a Value),
}

impl<'a> Shape<'a> {
    /// The shape of a type's objects.
    pub(super) fn of(kind: &'a ResourceType) -> Self {
        match &kind.schema {
            Schema::Typed(_) => Self::Builtin(&kind.plural, ""),
            Schema::Structural(structural) => Self::CustomRoot(structural.root()),
        }
    }

    /// The shape of a field of an object.
    pub(super) fn field(self, name: &'a str) -> Self {
        match self {
            Self::Builtin(plural, _) => Self::Builtin(plural, name),
            Self::CustomRoot(_) if name == "metadata" => Self::Builtin("", name),
            Self::Custom(schema) | Self::CustomRoot(schema) => {
                let named = at(schema, &["properties", name]);
                let inner = named.or_else(|| schema.get("additionalProperties"));
                Self::Custom(inner.unwrap_or(&Value::Null))
            }
        }
    }

    /// The shape of the elements of a list.
    pub(super) fn element(self) -> Self {
        match self {
            Self::Builtin(plural, _) => Self::Builtin(plural, ""),
            Self::Custom(schema) | Self::CustomRoot(schema) => {
                Self::Custom(schema.get("items").unwrap_or(&Value::Null))
            }
        }
    }

    /// How a value at this place merges.
    pub(super) fn merge(self, value: &Value) -> Merge {
        let merge = match (value, self) {
            (Value::Object(_), Self::Builtin(_, field)) => {
                if is_whole_object(field) {
                    Merge::Whole
                } else {
                    Merge::Fields
                }
            }
            (Value::Object(_), Self::Custom(schema) | Self::CustomRoot(schema)) => {
                let whole = str_at(schema, &["x-kubernetes-map-type"]) == "atomic";
                if whole { Merge::Whole } else { Merge::Fields }
            }
            (Value::Array(_), Self::Builtin(plural, field)) => builtin_list(plural, field),
            (Value::Array(_), Self::Custom(schema) | Self::CustomRoot(schema)) => {
                custom_list(schema)
            }
            _ => Merge::Whole,
        };
        match (&merge, value) {
            (Merge::Elements(keys), Value::Array(items)) if !told_apart(keys, items) => {
                Merge::Whole
            }
            _ => merge,
        }
    }
}

/// Objects that change only as a whole: selectors and references.
fn is_whole_object(field: &str) -> bool {
    const WHOLE: &[&str] = &[
        "configMapKeyRef",
        "fieldRef",
        "involvedObject",
        "labelSelector",
        "nodeSelector",
        "resourceFieldRef",
        "secretKeyRef",
        "selector",
    ];
    WHOLE.contains(&field)
}

fn builtin_list(plural: &str, field: &str) -> Merge {
    let keys: &[&str] = match field {
        "containers"
        | "initContainers"
        | "ephemeralContainers"
        | "env"
        | "volumes"
        | "imagePullSecrets"
        | "secrets"
        | "claims" => &["name"],
        "ports" if plural == "services" => &["port", "protocol"],
        "ports" => &["containerPort", "protocol"],
        "volumeMounts" => &["mountPath"],
        "volumeDevices" => &["devicePath"],
        "conditions" | "addresses" => &["type"],
        "hostAliases" | "podIPs" => &["ip"],
        "ownerReferences" => &["uid"],
        "topologySpreadConstraints" => &["topologyKey", "whenUnsatisfiable"],
        "finalizers" => return Merge::Set,
        _ => return Merge::Whole,
    };
    let default = |key: &str| if key == "protocol" { "TCP".into() } else { Value::Null };
    Merge::Elements(keys.iter().map(|key| ((*key).to_owned(), default(key))).collect())
}

fn custom_list(schema: &Value) -> Merge {
    match str_at(schema, &["x-kubernetes-list-type"]) {
        "set" => Merge::Set,
        "map" => {
            let keys = list_at(schema, &["x-kubernetes-list-map-keys"]).iter();
            let keys = keys.filter_map(Value::as_str).map(|key| {
                let default = at(schema, &["items", "properties", key, "default"]);
                (key.to_owned(), default.cloned().unwrap_or(Value::Null))
            });
            Merge::Elements(keys.collect())
        }
        _ => Merge::Whole,
    }
}

/// The canonical text of an element's key.
pub(super) fn element_key(keys: &[(String, Value)], item: &Value) -> String {
    let parts: std::collections::BTreeMap<&str, &Value> = keys
        .iter()
        .map(|(key, default)| (key.as_str(), item.get(key).unwrap_or(default)))
        .filter(|(_, value)| !value.is_null())
        .collect();
    serde_json::to_string(&parts).unwrap_or_default()
}

/// Whether the keys tell all elements apart; a list that they do not is merged as a whole.
fn told_apart(keys: &[(String, Value)], items: &[Value]) -> bool {
    let mut seen = std::collections::BTreeSet::new();
    items.iter().all(|item| item.is_object() && seen.insert(element_key(keys, item)))
}
