//! The API server's core: every verb as a function on the state, without I/O, clock or chance.
//!
//! The caller hands in a [`Write`] with the moment of the request, and gets back the object as
//! the client is to see it, or the refusal.

mod create;
mod delete;
mod garbage;
mod metadata;
mod patch;
mod pods;
pub(crate) mod scale;
mod update;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};

use crate::clock::Moment;
use crate::convert;
use crate::error::ApiError;
use crate::registry::{Registry, ResourceType};
use crate::store::selector::Selection;
use crate::store::{Key, Limits, Store};
pub use delete::{DeleteOptions, Deleted};
pub(crate) use metadata::is_subdomain;
pub use patch::PatchKind;

/// Objects, types, and who owns whom.
#[derive(Debug)]
pub struct Cluster {
    store: Store,
    registry: Registry,
    /// Keys of the objects that name a uid as their owner.
    dependents: BTreeMap<String, BTreeSet<Key>>,
    /// The uids of the objects that are there.
    uids: BTreeSet<String>,
}

/// Which object a request is about.
#[derive(Debug, Clone)]
pub struct Target {
    /// Its type, in the version of the request.
    pub kind: Arc<ResourceType>,
    /// Its namespace, empty for cluster-wide types.
    pub namespace: String,
    /// Its name, empty while it is to be generated.
    pub name: String,
}

impl Target {
    pub(crate) fn key(&self) -> Key {
        let (group, plural) = self.kind.stored_as.clone();
        Key { group, plural, namespace: self.namespace.clone(), name: self.name.clone() }
    }

    pub(crate) fn not_found(&self) -> ApiError {
        ApiError::not_found(&self.kind.group, &self.kind.plural, &self.name)
    }

    pub(crate) fn conflict(&self, why: &str) -> ApiError {
        ApiError::conflict(&self.kind.group, &self.kind.plural, &self.name, why)
    }

    pub(crate) fn invalid(&self, causes: Vec<crate::error::Cause>) -> ApiError {
        ApiError::invalid(&self.kind.group, &self.kind.kind, &self.name, causes)
    }
}

/// Which part of an object a write is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Part {
    /// All but the status (where that is a part of its own).
    #[default]
    Main,
    /// The status.
    Status,
    /// The replica counts.
    Scale,
}

/// How a write is to be done.
#[derive(Debug, Clone)]
pub struct Write {
    /// The part of the object that is written.
    pub part: Part,
    /// Who is recorded as the owner of the written fields.
    pub manager: String,
    /// Whether everything but the storing is to be done.
    pub dry_run: bool,
    /// Whether unknown fields are refused instead of dropped.
    pub strict: bool,
    /// When the write happens, and its random bits.
    pub moment: Moment,
}

impl Cluster {
    /// A cluster with the built-in types and the namespaces every cluster has.
    pub fn new(limits: Limits, moment: Moment) -> Self {
        let mut cluster = Self {
            store: Store::new(limits),
            registry: Registry::builtin(),
            dependents: BTreeMap::new(),
            uids: BTreeSet::new(),
        };
        let mut write = Write {
            part: Part::Main,
            manager: "kube-apiserver".into(),
            dry_run: false,
            strict: false,
            moment,
        };
        for name in ["default", "kube-system", "kube-public", "kube-node-lease"] {
            let kind = cluster.registry.find("", "v1", "namespaces").cloned();
            let Some(kind) = kind else { break };
            let target = Target { kind, namespace: String::new(), name: name.into() };
            let object = json!({ "metadata": { "name": name } });
            if let Err(error) = cluster.create(&target, object, &mut write) {
                tracing::error!(name, %error, "a namespace could not be created");
            }
        }
        cluster
    }

    /// The types.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The objects.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// One object as clients of that version see it.
    pub fn get(&self, target: &Target) -> Result<Value, ApiError> {
        let stored = self.store.get(&target.key()).ok_or_else(|| target.not_found())?;
        Ok(convert::outgoing(&target.kind, Value::clone(stored)))
    }

    /// One object as it was at an older version.
    pub(crate) fn get_at(&self, version: u64, target: &Target) -> Result<Value, ApiError> {
        let (group, plural) = &target.kind.stored_as;
        let namespace = Some(target.namespace.as_str());
        let then = self.store.list_at(version, (group, plural), namespace)?;
        let object = then.get(&target.key()).ok_or_else(|| target.not_found())?;
        Ok(convert::outgoing(&target.kind, Value::clone(object)))
    }

    /// The selected objects of a type as they were at an older version.
    pub(crate) fn list_at(
        &self,
        version: u64,
        kind: &ResourceType,
        selection: &Selection,
    ) -> Result<Vec<Arc<Value>>, ApiError> {
        let (group, plural) = &kind.stored_as;
        let then = self.store.list_at(version, (group, plural), selection.namespace.as_deref())?;
        Ok(then.into_values().filter(|object| selection.matches(object)).collect())
    }

    /// The selected objects of a type, as stored.
    pub fn list(&self, kind: &ResourceType, selection: &Selection) -> Vec<Arc<Value>> {
        let (group, plural) = &kind.stored_as;
        self.store
            .list((group, plural), selection.namespace.as_deref())
            .filter(|(_, object)| selection.matches(object))
            .map(|(_, object)| Arc::clone(object))
            .collect()
    }

    /// Stores an object and keeps the ownership index in step.
    fn put(&mut self, key: Key, object: Value) -> Result<Arc<Value>, ApiError> {
        if let Some(before) = self.store.get(&key).cloned() {
            self.forget_owners(&key, &before);
        }
        let stored = self.store.put(key.clone(), object);
        let current = stored.as_ref().ok().or_else(|| self.store.get(&key)).cloned();
        if let Some(object) = current {
            self.note_owners(&key, &object);
        }
        stored
    }

    /// Removes an object and keeps the ownership index in step.
    fn remove(&mut self, key: &Key) -> Option<Arc<Value>> {
        let last = self.store.remove(key)?;
        self.forget_owners(key, &last);
        self.uids.remove(metadata::uid(&last));
        Some(last)
    }

    fn note_owners(&mut self, key: &Key, object: &Value) {
        self.uids.insert(metadata::uid(object).to_owned());
        for owner in metadata::owner_uids(object) {
            self.dependents.entry(owner.to_owned()).or_default().insert(key.clone());
        }
    }

    fn forget_owners(&mut self, key: &Key, object: &Value) {
        for owner in metadata::owner_uids(object) {
            if let Some(keys) = self.dependents.get_mut(owner) {
                keys.remove(key);
                if keys.is_empty() {
                    self.dependents.remove(owner);
                }
            }
        }
    }
}
