//! The store: objects by key, one version counter for all of them, and the latest changes.
//!
//! It knows nothing of types or rules; it takes and gives `serde_json::Value`s.

mod history;
pub mod selector;

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use serde_json::Value;

use crate::error::ApiError;
use crate::json::{encoded_len, set_at};
pub use history::Change;
use history::History;

/// How much a store holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one object as JSON.
    pub object_bytes_max: usize,
    /// Bytes of all objects together.
    pub store_bytes_max: usize,
    /// Changes kept for watches.
    pub history_changes_max: usize,
    /// Bytes of the changes kept for watches.
    pub history_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            object_bytes_max: 1_536 * 1024,
            store_bytes_max: 512 * 1024 * 1024,
            history_changes_max: 20_000,
            history_bytes_max: 128 * 1024 * 1024,
        }
    }
}

/// Where an object is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// API group, empty for the core.
    pub group: String,
    /// Plural resource name.
    pub plural: String,
    /// Namespace, empty for cluster-wide objects.
    pub namespace: String,
    /// Name.
    pub name: String,
}

/// Objects, version counter and history.
#[derive(Debug)]
pub struct Store {
    objects: BTreeMap<Key, (Arc<Value>, usize)>,
    version: u64,
    bytes: usize,
    limits: Limits,
    history: History,
}

impl Store {
    /// An empty store at version 1.
    pub fn new(limits: Limits) -> Self {
        let history = History::new(limits.history_changes_max, limits.history_bytes_max);
        Self { objects: BTreeMap::new(), version: 1, bytes: 0, limits, history }
    }

    /// The version of the last change.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The object at `key`.
    pub fn get(&self, key: &Key) -> Option<&Arc<Value>> {
        self.objects.get(key).map(|(object, _)| object)
    }

    /// The objects of one resource in key order, of one namespace or of all.
    pub fn list<'a>(
        &'a self,
        (group, plural): (&'a str, &'a str),
        namespace: Option<&'a str>,
    ) -> impl Iterator<Item = (&'a Key, &'a Arc<Value>)> {
        let first = Key {
            group: group.to_owned(),
            plural: plural.to_owned(),
            namespace: namespace.unwrap_or_default().to_owned(),
            name: String::new(),
        };
        self.objects
            .range((Bound::Included(first), Bound::Unbounded))
            .take_while(move |(key, _)| {
                key.group == group
                    && key.plural == plural
                    && namespace.is_none_or(|wanted| key.namespace == wanted)
            })
            .map(|(key, (object, _))| (key, object))
    }

    /// All objects, in key order.
    pub fn all(&self) -> impl Iterator<Item = (&Key, &Arc<Value>)> {
        self.objects.iter().map(|(key, (object, _))| (key, object))
    }

    /// Checks that an object could be stored at `key`, without storing it.
    pub fn admit(&self, key: &Key, object: &Value) -> Result<usize, ApiError> {
        // The version that is set on storing adds a few bytes, which the margin covers.
        let size = encoded_len(object).saturating_add(64);
        if size > self.limits.object_bytes_max {
            return Err(ApiError::too_large(format!(
                "object of {size} bytes is larger than the limit of {} bytes",
                self.limits.object_bytes_max
            )));
        }
        let replaced = self.objects.get(key).map_or(0, |(_, size)| *size);
        if self.bytes.saturating_sub(replaced).saturating_add(size) > self.limits.store_bytes_max {
            return Err(ApiError::new(
                500,
                "InternalError",
                format!("store space exceeded: {} bytes", self.limits.store_bytes_max),
            ));
        }
        Ok(size)
    }

    /// Stores an object under a new version, which is written into its metadata.
    pub fn put(&mut self, key: Key, mut object: Value) -> Result<Arc<Value>, ApiError> {
        let size = self.admit(&key, &object)?;
        let version = self.next_version(&mut object);
        let object = Arc::new(object);
        let before = self.objects.insert(key.clone(), (Arc::clone(&object), size));
        let replaced = before.as_ref().map_or(0, |(_, size)| *size);
        self.bytes = self.bytes.saturating_sub(replaced).saturating_add(size);
        let before = before.map(|(object, _)| object);
        self.history.record((version, key), before, Arc::clone(&object), (false, size));
        Ok(object)
    }

    /// Removes the object at `key`; returns its last state under the version of the deletion.
    pub fn remove(&mut self, key: &Key) -> Option<Arc<Value>> {
        let (before, size) = self.objects.remove(key)?;
        self.bytes = self.bytes.saturating_sub(size);
        let mut last = Value::clone(&before);
        let version = self.next_version(&mut last);
        let last = Arc::new(last);
        let change = (version, key.clone());
        self.history.record(change, Some(before), Arc::clone(&last), (true, size));
        Some(last)
    }

    /// The changes after `version`, oldest first.
    ///
    /// # Errors
    /// `Expired` when some of them are no longer kept, `Timeout` when `version` lies ahead.
    pub fn changes_since(
        &self,
        version: u64,
    ) -> Result<impl DoubleEndedIterator<Item = &Change>, ApiError> {
        if version > self.version {
            return Err(ApiError::too_large_version(version, self.version));
        }
        self.history
            .since(version)
            .ok_or_else(|| ApiError::expired(version, self.history.oldest_start()))
    }

    /// The objects of one resource as they were at an older version.
    ///
    /// # Errors
    /// As [`Store::changes_since`].
    pub fn list_at(
        &self,
        version: u64,
        (group, plural): (&str, &str),
        namespace: Option<&str>,
    ) -> Result<BTreeMap<Key, Arc<Value>>, ApiError> {
        let now = self.list((group, plural), namespace);
        let mut objects: BTreeMap<Key, Arc<Value>> =
            now.map(|(key, object)| (key.clone(), Arc::clone(object))).collect();
        for change in self.changes_since(version)?.rev() {
            let Key { group: of, plural: resource, namespace: within, .. } = &change.key;
            if of != group || resource != plural || namespace.is_some_and(|it| it != within) {
                continue;
            }
            match &change.before {
                Some(before) => objects.insert(change.key.clone(), Arc::clone(before)),
                None => objects.remove(&change.key),
            };
        }
        Ok(objects)
    }

    fn next_version(&mut self, object: &mut Value) -> u64 {
        self.version += 1;
        set_at(object, &["metadata", "resourceVersion"], self.version.to_string().into());
        self.version
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn key(name: &str) -> Key {
        Key {
            group: String::new(),
            plural: "things".into(),
            namespace: "n".into(),
            name: name.into(),
        }
    }

    fn small() -> Store {
        Store::new(Limits {
            object_bytes_max: 1_000,
            store_bytes_max: 2_000,
            history_changes_max: 3,
            history_bytes_max: 10_000,
        })
    }

    #[test]
    fn versions_grow_and_changes_can_be_replayed_until_they_are_dropped() {
        let mut store = small();
        for round in 0..5 {
            store.put(key("a"), json!({ "round": round })).unwrap();
        }
        let last = store.remove(&key("a")).unwrap();
        assert_eq!(last["metadata"]["resourceVersion"], "7");
        let seen: Vec<(u64, bool)> =
            store.changes_since(4).unwrap().map(|it| (it.version, it.deleted)).collect();
        assert_eq!(seen, [(5, false), (6, false), (7, true)]);
        assert_eq!(store.changes_since(3).err().map(|error| error.code), Some(410));
        assert_eq!(store.changes_since(8).err().map(|error| error.code), Some(504));
        assert_eq!(store.changes_since(7).unwrap().count(), 0);
    }

    #[test]
    fn an_older_state_has_what_was_there_as_it_was() {
        let mut store = small();
        let names = |store: &Store, version| {
            let objects = store.list_at(version, ("", "things"), Some("n")).unwrap();
            let each = objects.iter().map(|(key, object)| format!("{}{}", key.name, object["x"]));
            each.collect::<Vec<_>>()
        };
        store.put(key("a"), json!({ "x": 1 })).unwrap();
        store.put(key("a"), json!({ "x": 2 })).unwrap();
        store.put(key("b"), json!({ "x": 3 })).unwrap();
        store.remove(&key("a"));
        assert_eq!(names(&store, 5), ["b3"]);
        assert_eq!(names(&store, 4), ["a2", "b3"]);
        assert_eq!(names(&store, 2), ["a1"]);
        let error = store.list_at(1, ("", "things"), None).unwrap_err();
        assert_eq!(error.code, 410);
    }

    #[test]
    fn limits_are_refusals_and_removal_makes_room() {
        let mut store = small();
        let big = json!({ "text": "x".repeat(900) });
        assert_eq!(store.put(key("a"), json!("x".repeat(2_000))).unwrap_err().code, 413);
        store.put(key("a"), big.clone()).unwrap();
        store.put(key("a"), big.clone()).unwrap();
        store.put(key("b"), big.clone()).unwrap();
        assert_eq!(store.put(key("c"), big.clone()).unwrap_err().code, 500);
        store.remove(&key("a"));
        store.put(key("c"), big).unwrap();
    }

    #[test]
    fn a_list_stays_within_its_resource_and_namespace() {
        let mut store = small();
        for (plural, namespace) in [("things", "n"), ("things", "nn"), ("thingss", "n")] {
            let key = Key { plural: plural.into(), namespace: namespace.into(), ..key("a") };
            store.put(key, json!({})).unwrap();
        }
        assert_eq!(store.list(("", "things"), Some("n")).count(), 1);
        assert_eq!(store.list(("", "things"), None).count(), 2);
    }
}
