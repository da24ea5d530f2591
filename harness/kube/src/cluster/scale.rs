//! The `scale` subresource.

use serde_json::{Value, json};

use super::{Cluster, Part, Target, Write};
use crate::apply::managers;
use crate::convert;
use crate::error::{ApiError, Cause};
use crate::json::{at, int_at, list_at, set_at, str_at};
use crate::registry::{ScalePaths, ScaleSelector};

impl Cluster {
    /// The replica counts of an object as an `autoscaling/v1` `Scale`.
    pub fn get_scale(&self, target: &Target) -> Result<Value, ApiError> {
        let paths = target.kind.scale.as_ref().ok_or_else(ApiError::no_route)?;
        Ok(scale_of(paths, self.current(target)?.as_ref()))
    }

    /// Takes the desired replicas over from a `Scale`.
    pub(super) fn replace_scale(
        &mut self,
        target: &Target,
        scale: &Value,
        write: &mut Write,
    ) -> Result<Value, ApiError> {
        let paths = target.kind.scale.clone().ok_or_else(ApiError::no_route)?;
        let replicas = at(scale, &["spec", "replicas"]).unwrap_or(&json!(0)).clone();
        if replicas.as_i64().is_none_or(|count| !(0..=i64::from(i32::MAX)).contains(&count)) {
            let why = "must be greater than or equal to 0";
            return Err(target.invalid(vec![Cause::invalid("spec.replicas", &replicas, why)]));
        }
        let old = self.current(target)?;
        let mut new = convert::outgoing(&target.kind, Value::clone(&old));
        set_at(&mut new, &steps(&paths.spec_replicas), replicas);
        for field in ["resourceVersion", "uid"] {
            let given = str_at(scale, &["metadata", field]);
            if !given.is_empty() {
                set_at(&mut new, &["metadata", field], given.into());
            }
        }
        let new = convert::incoming(&target.kind, new)?;
        let new = self.merge_update(target, &old, new, write)?;
        let mut tracked = new.clone();
        let change = managers::Change { before: &old, after: &new, part: Part::Scale };
        managers::track_update(&target.kind, &change, &mut tracked, write);
        let stored = self.commit(target, &old, tracked, write)?;
        Ok(scale_of(&paths, &stored))
    }
}

fn steps(path: &[String]) -> Vec<&str> {
    path.iter().map(String::as_str).collect()
}

fn scale_of(paths: &ScalePaths, object: &Value) -> Value {
    let count = |path: &[String]| int_at(object, &steps(path)).unwrap_or(0);
    let mut status = json!({ "replicas": count(&paths.status_replicas) });
    let selector = match &paths.selector {
        ScaleSelector::None => String::new(),
        ScaleSelector::Text(path) => str_at(object, &steps(path)).to_owned(),
        ScaleSelector::Object(path) => {
            at(object, &steps(path)).map(selector_text).unwrap_or_default()
        }
    };
    if !selector.is_empty() {
        set_at(&mut status, &["selector"], selector.into());
    }
    let mut metadata = json!({});
    for field in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        if let Some(value) = at(object, &["metadata", field]) {
            set_at(&mut metadata, &[field], value.clone());
        }
    }
    json!({
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": metadata,
        "spec": { "replicas": count(&paths.spec_replicas) },
        "status": status,
    })
}

/// A `LabelSelector` object in the syntax of command lines.
pub(crate) fn selector_text(selector: &Value) -> String {
    let labels = at(selector, &["matchLabels"]).and_then(Value::as_object);
    let mut parts: Vec<String> = labels
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    for expression in list_at(selector, &["matchExpressions"]) {
        let key = str_at(expression, &["key"]);
        let values: Vec<&str> =
            list_at(expression, &["values"]).iter().filter_map(Value::as_str).collect();
        parts.push(match str_at(expression, &["operator"]) {
            "In" => format!("{key} in ({})", values.join(",")),
            "NotIn" => format!("{key} notin ({})", values.join(",")),
            "DoesNotExist" => format!("!{key}"),
            _ => key.to_owned(),
        });
    }
    parts.join(",")
}
