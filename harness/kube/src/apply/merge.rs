//! Laying an applied configuration over an object, and taking out what is no longer applied.

use serde_json::Value;

use super::fields::{FieldSet, Step};
use super::shape::{Merge, Shape, element_key};
use crate::json::object_mut;

/// Lays the configuration over the live value.
pub(super) fn lay_over(shape: Shape<'_>, live: &mut Value, config: &Value) {
    match shape.merge(config) {
        Merge::Fields => {
            let map = object_mut(live);
            for (name, value) in config.as_object().into_iter().flatten() {
                let inner = map.entry(name.clone()).or_insert(Value::Null);
                lay_over(shape.field(name), inner, value);
            }
        }
        Merge::Elements(keys) => {
            let mut items = match live.take() {
                Value::Array(items) => items,
                _ => Vec::new(),
            };
            for item in config.as_array().into_iter().flatten() {
                let key = element_key(&keys, item);
                match items.iter_mut().find(|one| element_key(&keys, one) == key) {
                    Some(same) => lay_over(shape.element(), same, item),
                    None => items.push(item.clone()),
                }
            }
            *live = Value::Array(items);
        }
        Merge::Set => {
            let mut items = match live.take() {
                Value::Array(items) => items,
                _ => Vec::new(),
            };
            for item in config.as_array().into_iter().flatten() {
                if !items.contains(item) {
                    items.push(item.clone());
                }
            }
            *live = Value::Array(items);
        }
        Merge::Whole => live.clone_from(config),
    }
}

/// Takes the fields of `gone` out of the value, except where somebody else keeps them.
/// Returns whether the value itself should go.
pub(super) fn take_out(
    shape: Shape<'_>,
    value: &mut Value,
    gone: &FieldSet,
    kept: Option<&FieldSet>,
) -> bool {
    if gone.here && kept.is_none_or(FieldSet::is_empty) {
        return true;
    }
    let merge = shape.merge(value);
    let had = !gone.children.is_empty();
    for step in gone.steps() {
        let (Some(inner), keep) =
            (gone.children.get(step), kept.and_then(|kept| kept.children.get(step)))
        else {
            continue;
        };
        match (step, &mut *value) {
            (Step::Field(name), Value::Object(map)) => {
                let go = map
                    .get_mut(name)
                    .is_some_and(|value| take_out(shape.field(name), value, inner, keep));
                if go {
                    map.remove(name);
                }
            }
            (Step::Key(key), Value::Array(items)) => {
                let Merge::Elements(keys) = &merge else { continue };
                let index = items.iter().position(|item| element_key(keys, item) == *key);
                let Some(index) = index else { continue };
                let go = items
                    .get_mut(index)
                    .is_some_and(|item| take_out(shape.element(), item, inner, keep));
                if go {
                    items.remove(index);
                }
            }
            (Step::Value(text), Value::Array(items)) if keep.is_none() => {
                let gone: Option<Value> = serde_json::from_str(text).ok();
                items.retain(|item| Some(item) != gone.as_ref());
            }
            _ => {}
        }
    }
    // What this emptied goes too, unless somebody owns it.
    let empty = match &*value {
        Value::Object(map) => map.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    };
    had && empty && kept.is_none_or(FieldSet::is_empty)
}

/// Takes nulls out of a configuration: they say nothing.
pub(super) fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(map) => map
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name, without_nulls(value)))
            .collect(),
        Value::Array(items) => items.into_iter().map(without_nulls).collect(),
        other => other,
    }
}
