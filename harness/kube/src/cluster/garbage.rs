//! What goes along with a deletion: dependents by owner reference, the content of namespaces, the
//! objects of custom types.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Cluster, DeleteOptions, metadata};
use crate::clock::Moment;
use crate::json::{list_at, set_at, str_at};
use crate::registry::custom;
use crate::store::Key;

/// Holds a namespace or a type definition until what it contains is gone.
const CONTAINER_FINALIZERS: [(&str, &str, &str); 2] = [
    ("", "namespaces", "kubernetes"),
    (
        "apiextensions.k8s.io",
        "customresourcedefinitions",
        "customresourcecleanup.apiextensions.k8s.io",
    ),
];

/// One step of a sweep.
#[derive(Debug)]
pub(super) enum Work {
    /// Delete this object.
    Delete(Key),
    /// This object is gone: see what goes along.
    Removed(Key, Arc<Value>),
}

fn is_definition(key: &Key) -> bool {
    key.group == "apiextensions.k8s.io" && key.plural == "customresourcedefinitions"
}

fn container_finalizer(key: &Key) -> Option<&'static str> {
    let found = CONTAINER_FINALIZERS
        .iter()
        .find(|(group, plural, _)| *group == key.group && *plural == key.plural);
    found.map(|(_, _, finalizer)| *finalizer)
}

impl Cluster {
    /// Works through deletions and what follows from them. The queue stands in for recursion, so
    /// that chains of owners may be of any length; each object is removed once, so this ends.
    pub(super) fn sweep(&mut self, mut queue: Vec<Work>, moment: &Moment) {
        while let Some(work) = queue.pop() {
            match work {
                Work::Delete(key) => {
                    let options = DeleteOptions::default();
                    // What is no longer there went along with another deletion.
                    if let Err(error) = self.mark_or_remove(&key, &options, moment, &mut queue) {
                        tracing::debug!(?key, %error, "a dependent was not deleted");
                    }
                }
                Work::Removed(key, object) => {
                    self.forget_type(&key, &object);
                    let dependents = self.ownerless_dependents(metadata::uid(&object));
                    queue.extend(dependents.into_iter().map(Work::Delete));
                    self.release_containers(&key, &mut queue);
                }
            }
        }
    }

    /// Deletes an object that names owners of which none is there.
    pub(super) fn collect_if_ownerless(&mut self, key: &Key, object: &Value, moment: &Moment) {
        let mut owners = metadata::owner_uids(object).peekable();
        if owners.peek().is_none() || owners.any(|uid| self.uids.contains(uid)) {
            return;
        }
        if let Err(error) = self.delete_key(key, &DeleteOptions::default(), moment) {
            tracing::warn!(?key, %error, "an object without its owners could not be deleted");
        }
    }

    /// Takes the reference to an owner out of its dependents.
    pub(super) fn orphan_dependents(&mut self, uid: &str) {
        for key in self.dependents.get(uid).cloned().unwrap_or_default() {
            let Some(object) = self.store().get(&key) else { continue };
            let mut orphan = Value::clone(object);
            let owners = list_at(&orphan, &["metadata", "ownerReferences"]).iter();
            let others: Vec<Value> =
                owners.filter(|owner| str_at(owner, &["uid"]) != uid).cloned().collect();
            set_at(&mut orphan, &["metadata", "ownerReferences"], others.into());
            if let Err(error) = self.put(key, orphan) {
                tracing::warn!(%error, "a dependent could not be orphaned");
            }
        }
    }

    /// Puts the finalizer on a namespace or definition that still contains something.
    pub(super) fn hold_container(&self, key: &Key, marked: &mut Value) {
        let Some(finalizer) = container_finalizer(key) else { return };
        let mut finalizers = list_at(marked, &["metadata", "finalizers"]).to_vec();
        if self.contents(key).next().is_some() && !finalizers.contains(&json!(finalizer)) {
            finalizers.push(json!(finalizer));
            set_at(marked, &["metadata", "finalizers"], finalizers.into());
        }
        if key.plural == "namespaces" {
            set_at(marked, &["status", "phase"], json!("Terminating"));
        }
    }

    /// Brings the registry in line with a definition that was created or changed.
    pub(super) fn definitions_changed(&mut self, key: &Key, object: &Value) {
        if is_definition(key) {
            self.forget_type(key, object);
            for kind in custom::types(object) {
                self.registry.add(kind);
            }
        }
    }

    fn forget_type(&mut self, key: &Key, object: &Value) {
        if is_definition(key) {
            let (group, plural) = custom::group_and_plural(object);
            self.registry.remove(&group, &plural);
        }
    }

    fn ownerless_dependents(&self, uid: &str) -> Vec<Key> {
        let keys = self.dependents.get(uid).into_iter().flatten();
        let ownerless = |key: &&Key| {
            let object = self.store().get(key);
            object.is_some_and(|object| {
                metadata::owner_uids(object).all(|owner| !self.uids.contains(owner))
            })
        };
        keys.filter(ownerless).cloned().collect()
    }

    /// Removes the namespace or definition that `key` was the last content of.
    fn release_containers(&mut self, key: &Key, queue: &mut Vec<Work>) {
        let definition = format!("{}.{}", key.plural, key.group);
        for (group, plural, finalizer) in CONTAINER_FINALIZERS {
            let name = if plural == "namespaces" { &key.namespace } else { &definition };
            let container = Key {
                group: group.to_owned(),
                plural: plural.to_owned(),
                namespace: String::new(),
                name: name.clone(),
            };
            let Some(object) = self.store().get(&container).cloned() else { continue };
            if !metadata::is_deleting(&object) || self.contents(&container).next().is_some() {
                continue;
            }
            let mut released = Value::clone(&object);
            let finalizers = list_at(&released, &["metadata", "finalizers"]).iter();
            let others: Vec<Value> = finalizers.filter(|one| **one != finalizer).cloned().collect();
            set_at(&mut released, &["metadata", "finalizers"], others.into());
            let may_go = metadata::may_go(&released);
            if self.put(container.clone(), released).is_ok()
                && may_go
                && let Some(last) = self.remove(&container)
            {
                queue.push(Work::Removed(container, last));
            }
        }
    }

    /// The objects in a namespace, or those of a custom type.
    pub(super) fn contents<'a>(
        &'a self,
        container: &'a Key,
    ) -> Box<dyn Iterator<Item = &'a Key> + 'a> {
        if container.group.is_empty() && container.plural == "namespaces" {
            let within = self.store().all().map(|(key, _)| key);
            return Box::new(within.filter(|key| key.namespace == container.name));
        }
        match container.name.split_once('.') {
            Some((plural, group)) if is_definition(container) => {
                Box::new(self.store().list((group, plural), None).map(|(key, _)| key))
            }
            _ => Box::new(std::iter::empty()),
        }
    }
}
