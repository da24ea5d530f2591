//! Objects, lists and tables as clients get them.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::accept::Form;
use crate::convert;
use crate::json::str_at;
use crate::registry::{Cell, Column, ResourceType, jsonpath};

/// One object in the wanted form. `columns` says whether a table gets its headings.
pub(super) fn object(
    form: Form,
    kind: &ResourceType,
    object: Value,
    now: Timestamp,
    columns: bool,
) -> Value {
    let object = convert::outgoing(kind, object);
    match form {
        Form::Plain => object,
        Form::Metadata => partial(&object),
        Form::Table => {
            let version = str_at(&object, &["metadata", "resourceVersion"]).to_owned();
            table(kind, &[object], &version, now, columns)
        }
    }
}

/// A list in the wanted form.
pub(super) fn list(
    form: Form,
    kind: &ResourceType,
    objects: impl Iterator<Item = Value>,
    version: u64,
    now: Timestamp,
) -> Value {
    let objects: Vec<Value> = objects.map(|object| convert::outgoing(kind, object)).collect();
    let version = version.to_string();
    let (api_version, list_kind, items) = match form {
        Form::Table => return table(kind, &objects, &version, now, true),
        Form::Plain => (kind.api_version(), kind.list_kind.clone(), objects),
        Form::Metadata => {
            let items = objects.iter().map(partial).collect();
            ("meta.k8s.io/v1".to_owned(), "PartialObjectMetadataList".to_owned(), items)
        }
    };
    json!({
        "kind": list_kind,
        "apiVersion": api_version,
        "metadata": { "resourceVersion": version },
        "items": items,
    })
}

/// An object that carries nothing but a version, for bookmarks.
pub(super) fn bookmark(form: Form, kind: &ResourceType, version: u64, initial_end: bool) -> Value {
    let mut metadata = json!({ "resourceVersion": version.to_string(), "creationTimestamp": null });
    if initial_end {
        metadata["annotations"] = json!({ "k8s.io/initial-events-end": "true" });
    }
    match form {
        Form::Table => json!({
            "kind": "Table",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": { "resourceVersion": version.to_string() },
            "columnDefinitions": null,
            "rows": [{ "cells": [], "object": {
                "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1",
                "metadata": metadata
            }}],
        }),
        Form::Metadata => json!({
            "kind": "PartialObjectMetadata",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": metadata,
        }),
        Form::Plain => {
            let mut object = Map::new();
            object.insert("kind".into(), kind.kind.clone().into());
            object.insert("apiVersion".into(), kind.api_version().into());
            object.insert("metadata".into(), metadata);
            Value::Object(object)
        }
    }
}

fn partial(object: &Value) -> Value {
    json!({
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": object.get("metadata"),
    })
}

fn table(
    kind: &ResourceType,
    objects: &[Value],
    version: &str,
    now: Timestamp,
    columns: bool,
) -> Value {
    let definitions = if columns { definitions(kind) } else { Value::Null };
    let rows: Vec<Value> = objects
        .iter()
        .map(|object| {
            let mut cells = vec![json!(str_at(object, &["metadata", "name"]))];
            cells.extend(kind.columns.iter().map(|column| cell(column, object, now)));
            json!({ "cells": cells, "object": partial(object) })
        })
        .collect();
    json!({
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": { "resourceVersion": version },
        "columnDefinitions": definitions,
        "rows": rows,
    })
}

fn definitions(kind: &ResourceType) -> Value {
    let name = json!({
        "name": "Name", "type": "string", "format": "name", "priority": 0,
        "description": "Name must be unique within a namespace.",
    });
    let others = kind.columns.iter().map(|column| {
        // Dates are rendered here, as ages.
        let shown = if column.kind == "date" { "string" } else { &column.kind };
        json!({
            "name": column.name, "type": shown, "format": column.format,
            "description": column.description, "priority": column.priority,
        })
    });
    std::iter::once(name).chain(others).collect()
}

fn cell(column: &Column, object: &Value, now: Timestamp) -> Value {
    let path = match &column.cell {
        Cell::Function(function) => return function(object, now),
        Cell::Path(path) => path,
    };
    let found = jsonpath::first(path, object);
    match (column.kind.as_str(), found) {
        (_, None | Some(Value::Null)) => Value::Null,
        ("date", Some(value)) => match value.as_str().unwrap_or_default().parse() {
            Ok(then) => crate::age::since(then, now).into(),
            Err(_) => "<unknown>".into(),
        },
        ("integer" | "number" | "boolean", Some(value)) => value.clone(),
        (_, Some(Value::String(text))) => text.as_str().into(),
        (_, Some(other)) => other.to_string().into(),
    }
}
