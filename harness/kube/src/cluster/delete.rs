//! Delete, eviction and deletion of collections.

use std::sync::Arc;

use serde_json::{Value, json};

use super::garbage::Work;
use super::{Cluster, Target, metadata};
use crate::clock::{Moment, rfc3339};
use crate::convert;
use crate::error::ApiError;
use crate::json::{at, int_at, list_at, set_at, str_at};
use crate::registry::ResourceType;
use crate::store::Key;
use crate::store::selector::Selection;

/// What a client says about a deletion.
#[derive(Debug, Clone, Default)]
pub struct DeleteOptions {
    /// Seconds a pod gets to end; zero removes it at once.
    pub grace_seconds: Option<i64>,
    /// Whether dependents stay, without their reference.
    pub orphan: bool,
    /// The object must have this uid.
    pub uid: Option<String>,
    /// The object must be at this version.
    pub resource_version: Option<String>,
    /// Whether everything but the deletion is to be done.
    pub dry_run: bool,
}

/// What a deletion came to.
#[derive(Debug, Clone, PartialEq)]
pub enum Deleted {
    /// The object is gone; this was its last state.
    Gone(Value),
    /// The object is marked and goes when its grace period or its finalizers end.
    Pending(Value),
}

impl DeleteOptions {
    /// Reads a `DeleteOptions` body; an empty one is the default.
    pub fn read(body: &Value) -> Result<Self, ApiError> {
        let policy = str_at(body, &["propagationPolicy"]);
        if !["", "Background", "Foreground", "Orphan"].contains(&policy) {
            return Err(ApiError::bad_request(format!(
                "propagationPolicy: unsupported value \"{policy}\": supported values: \
                 \"Background\", \"Foreground\", \"Orphan\""
            )));
        }
        let orphaned = at(body, &["orphanDependents"]) == Some(&Value::Bool(true));
        let text = |path: &[&str]| {
            let text = str_at(body, path);
            (!text.is_empty()).then(|| text.to_owned())
        };
        let grace_seconds = int_at(body, &["gracePeriodSeconds"]);
        if grace_seconds.is_some_and(|seconds| seconds < 0) {
            return Err(ApiError::bad_request("gracePeriodSeconds must not be negative"));
        }
        Ok(Self {
            grace_seconds,
            orphan: policy == "Orphan" || orphaned,
            uid: text(&["preconditions", "uid"]),
            resource_version: text(&["preconditions", "resourceVersion"]),
            dry_run: !list_at(body, &["dryRun"]).is_empty(),
        })
    }
}

impl Cluster {
    /// Deletes one object, or marks it when something holds it back.
    pub fn delete(
        &mut self,
        target: &Target,
        options: &DeleteOptions,
        moment: &Moment,
    ) -> Result<Deleted, ApiError> {
        let object = self.current(target)?;
        let checks = [
            ("UID", &options.uid, metadata::uid(&object)),
            (
                "ResourceVersion",
                &options.resource_version,
                str_at(&object, &["metadata", "resourceVersion"]),
            ),
        ];
        for (what, wanted, have) in checks {
            if let Some(wanted) = wanted.as_deref().filter(|wanted| *wanted != have) {
                return Err(target.conflict(&format!(
                    "Precondition failed: {what} in precondition: {wanted}, {what} in object \
                     meta: {have}"
                )));
            }
        }
        if options.dry_run {
            return Ok(Deleted::Gone(convert::outgoing(&target.kind, Value::clone(&object))));
        }
        Ok(match self.delete_key(&target.key(), options, moment)? {
            Deleted::Gone(last) => Deleted::Gone(convert::outgoing(&target.kind, last)),
            Deleted::Pending(now) => Deleted::Pending(convert::outgoing(&target.kind, now)),
        })
    }

    /// Deletes every selected object; returns what each looked like.
    pub fn delete_collection(
        &mut self,
        kind: &Arc<ResourceType>,
        selection: &Selection,
        options: &DeleteOptions,
        moment: &Moment,
    ) -> Result<Vec<Value>, ApiError> {
        let mut deleted = Vec::new();
        for object in self.list(kind, selection) {
            let target = Target {
                kind: Arc::clone(kind),
                namespace: str_at(&object, &["metadata", "namespace"]).to_owned(),
                name: str_at(&object, &["metadata", "name"]).to_owned(),
            };
            match self.delete(&target, options, moment) {
                Ok(Deleted::Gone(object) | Deleted::Pending(object)) => deleted.push(object),
                // Another deletion of this collection has taken it along.
                Err(error) if error.code == 404 => {}
                Err(error) => return Err(error),
            }
        }
        Ok(deleted)
    }

    /// Deletes or marks the object at `key`, and sees to what follows.
    pub(super) fn delete_key(
        &mut self,
        key: &Key,
        options: &DeleteOptions,
        moment: &Moment,
    ) -> Result<Deleted, ApiError> {
        let mut queue = Vec::new();
        let last = self.mark_or_remove(key, options, moment, &mut queue)?;
        self.sweep(queue, moment);
        // A namespace that was marked may have turned out to hold nothing that lingers.
        Ok(match self.store().get(key) {
            Some(now) => Deleted::Pending(Value::clone(now)),
            None => Deleted::Gone(Value::clone(&last)),
        })
    }

    /// Removes the object at `key`, or marks it when something holds it back; what follows from
    /// that goes into the queue.
    pub(super) fn mark_or_remove(
        &mut self,
        key: &Key,
        options: &DeleteOptions,
        moment: &Moment,
        queue: &mut Vec<Work>,
    ) -> Result<Arc<Value>, ApiError> {
        let Some(object) = self.store().get(key).cloned() else {
            return Err(ApiError::not_found(&key.group, &key.plural, &key.name));
        };
        if options.orphan {
            self.orphan_dependents(metadata::uid(&object));
        }
        let grace = grace_seconds(key, &object, options);
        let mut marked = Value::clone(&object);
        self.hold_container(key, &mut marked);
        if grace == 0 && list_at(&marked, &["metadata", "finalizers"]).is_empty() {
            let last = self.remove(key).unwrap_or(object);
            queue.push(Work::Removed(key.clone(), Arc::clone(&last)));
            return Ok(last);
        }
        let earlier = int_at(&object, &["metadata", "deletionGracePeriodSeconds"]);
        if !metadata::is_deleting(&object) || earlier.is_some_and(|earlier| grace < earlier) {
            let seconds = jiff::SignedDuration::from_secs(grace.min(1_000_000_000));
            let end = moment.now.checked_add(seconds).unwrap_or(moment.now);
            set_at(&mut marked, &["metadata", "deletionTimestamp"], rfc3339(end).into());
            set_at(&mut marked, &["metadata", "deletionGracePeriodSeconds"], json!(grace));
            if let Some(generation) = int_at(&object, &["metadata", "generation"]) {
                set_at(&mut marked, &["metadata", "generation"], json!(generation + 1));
            }
        }
        queue.extend(self.contents(key).cloned().map(Work::Delete));
        if marked == *object { Ok(object) } else { self.put(key.clone(), marked) }
    }
}

/// How long the object may take to end: only pods that run on a node get any time.
fn grace_seconds(key: &Key, object: &Value, options: &DeleteOptions) -> i64 {
    if !key.group.is_empty() || key.plural != "pods" {
        return 0;
    }
    let ended = ["Succeeded", "Failed"].contains(&str_at(object, &["status", "phase"]));
    if str_at(object, &["spec", "nodeName"]).is_empty() || ended {
        return 0;
    }
    let declared = int_at(object, &["spec", "terminationGracePeriodSeconds"]).unwrap_or(30);
    options.grace_seconds.unwrap_or(declared).max(0)
}
