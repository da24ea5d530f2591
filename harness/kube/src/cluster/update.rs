//! Replace, and what every kind of patch ends in.

use std::sync::Arc;

use serde_json::{Value, json};

use super::garbage::Work;
use super::{Cluster, Part, Target, Write, metadata};
use crate::apply::managers;
use crate::convert;
use crate::error::{ApiError, Cause};
use crate::json::{at, int_at, object_mut, set_at, str_at};
use crate::registry::custom;
use crate::schema;

impl Cluster {
    /// Replaces an object.
    pub fn replace(
        &mut self,
        target: &Target,
        object: Value,
        write: &mut Write,
    ) -> Result<Value, ApiError> {
        if write.part == Part::Scale {
            return self.replace_scale(target, &object, write);
        }
        let old = self.current(target)?;
        if !object.is_object() {
            return Err(ApiError::bad_request("the body must be an object"));
        }
        let object = convert::incoming(&target.kind, object)?;
        let version = str_at(&object, &["metadata", "resourceVersion"]);
        if version.is_empty() && !target.kind.unconditional_update {
            let why = "must be specified for an update";
            let cause = Cause::invalid("metadata.resourceVersion", &json!(0), why);
            return Err(target.invalid(vec![cause]));
        }
        let new = self.merge_update(target, &old, object, write)?;
        let mut tracked = new.clone();
        let change = managers::Change { before: &old, after: &new, part: write.part };
        managers::track_update(&target.kind, &change, &mut tracked, write);
        self.commit(target, &old, tracked, write)
    }

    /// The object as stored.
    pub(super) fn current(&self, target: &Target) -> Result<Arc<Value>, ApiError> {
        self.store().get(&target.key()).cloned().ok_or_else(|| target.not_found())
    }

    /// What an update makes of an object: the fields that it may not change stay as they were,
    /// defaults and rules apply. Managed fields are left to the caller.
    pub(super) fn merge_update(
        &self,
        target: &Target,
        old: &Value,
        mut new: Value,
        write: &Write,
    ) -> Result<Value, ApiError> {
        metadata::normalize(&mut new)?;
        self.check_identity(target, old, &new)?;
        keep(old, &mut new, &["metadata", "uid"]);
        for field in [
            "name",
            "namespace",
            "creationTimestamp",
            "generateName",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "generation",
            "resourceVersion",
        ] {
            keep(old, &mut new, &["metadata", field]);
        }
        match write.part {
            Part::Status => {
                let status = new.get("status").cloned();
                let meta = new.get("metadata").cloned();
                new = Value::clone(old);
                replace_field(&mut new, "status", status);
                if !target.kind.is_custom() {
                    // The status of a built-in type takes labels and annotations along.
                    replace_field(&mut new, "metadata", meta);
                }
            }
            Part::Main | Part::Scale if target.kind.status => {
                replace_field(&mut new, "status", old.get("status").cloned());
            }
            Part::Main | Part::Scale => {}
        }
        let mut new = schema::admit(&target.kind, new, write.strict)?;
        let mut causes = metadata::validate(&new);
        causes.extend(schema::builtin::validate_update(&target.kind, old, &new));
        if metadata::is_deleting(old) {
            causes.extend(added_finalizer(old, &new));
        }
        if !causes.is_empty() {
            return Err(target.invalid(causes));
        }
        if target.kind.is("apiextensions.k8s.io", "customresourcedefinitions") {
            custom::check(&new, self.registry()).map_err(|causes| target.invalid(causes))?;
            custom::accept(&mut new, &write.moment.rfc3339());
        }
        if intent_changed(target, old, &new) {
            let generation = int_at(old, &["metadata", "generation"]).unwrap_or(0);
            set_at(&mut new, &["metadata", "generation"], json!(generation.saturating_add(1)));
        }
        Ok(new)
    }

    /// Stores an updated object if anything changed, and lets go of it if it was only waiting
    /// for this.
    pub(super) fn commit(
        &mut self,
        target: &Target,
        old: &Arc<Value>,
        new: Value,
        write: &Write,
    ) -> Result<Value, ApiError> {
        let key = target.key();
        if write.dry_run {
            self.store().admit(&key, &new)?;
            return Ok(convert::outgoing(&target.kind, new));
        }
        if **old == new {
            return Ok(convert::outgoing(&target.kind, new));
        }
        let stored = self.put(key.clone(), new)?;
        if metadata::may_go(&stored) {
            let last = self.remove(&key).unwrap_or(stored);
            self.sweep(vec![Work::Removed(key, Arc::clone(&last))], &write.moment);
            return Ok(convert::outgoing(&target.kind, Value::clone(&last)));
        }
        self.definitions_changed(&key, &stored);
        self.collect_if_ownerless(&key, &stored, &write.moment);
        Ok(convert::outgoing(&target.kind, Value::clone(&stored)))
    }

    fn check_identity(&self, target: &Target, old: &Value, new: &Value) -> Result<(), ApiError> {
        for (field, wanted) in [("name", &target.name), ("namespace", &target.namespace)] {
            let given = str_at(new, &["metadata", field]);
            if !given.is_empty() && given != wanted {
                return Err(ApiError::bad_request(format!(
                    "the {field} of the object ({given}) does not match the {field} on the URL \
                     ({wanted})"
                )));
            }
        }
        let given = str_at(new, &["metadata", "uid"]);
        let have = metadata::uid(old);
        if !given.is_empty() && given != have {
            return Err(target.conflict(&format!(
                "Precondition failed: UID in precondition: {given}, UID in object meta: {have}"
            )));
        }
        let given = str_at(new, &["metadata", "resourceVersion"]);
        if !given.is_empty() && given != str_at(old, &["metadata", "resourceVersion"]) {
            return Err(target.conflict(
                "the object has been modified; please apply your changes to the latest version \
                 and try again",
            ));
        }
        Ok(())
    }
}

/// Puts back the old value of a field, or its absence.
fn keep(old: &Value, new: &mut Value, path: &[&str]) {
    match at(old, path) {
        Some(value) => set_at(new, path, value.clone()),
        None => drop(crate::json::remove_at(new, path)),
    }
}

fn replace_field(object: &mut Value, field: &str, value: Option<Value>) {
    match value {
        Some(value) => drop(object_mut(object).insert(field.to_owned(), value)),
        None => drop(object_mut(object).remove(field)),
    }
}

/// An object that goes away takes no new finalizer.
fn added_finalizer(old: &Value, new: &Value) -> Option<Cause> {
    let path = ["metadata", "finalizers"];
    let before = crate::json::list_at(old, &path);
    let added = crate::json::list_at(new, &path).iter().find(|one| !before.contains(one))?;
    let why = "no new finalizers can be added if the object is being deleted";
    Some(Cause {
        field: path.join("."),
        reason: "FieldValueForbidden",
        message: format!("Forbidden: {why}, found new finalizers {added}"),
    })
}

/// Whether an update changed what is wanted, which a new generation announces.
fn intent_changed(target: &Target, old: &Value, new: &Value) -> bool {
    if !target.kind.is_custom() {
        return target.kind.status && old.get("spec") != new.get("spec");
    }
    let fields = |object: &Value| -> Vec<(String, Value)> {
        let all = object.as_object().into_iter().flatten();
        all.filter(|(name, _)| *name != "metadata" && (!target.kind.status || *name != "status"))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    };
    fields(old) != fields(new)
}
