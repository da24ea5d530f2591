//! Create.

use serde_json::{Value, json};

use super::{Cluster, Target, Write, metadata};
use crate::apply::managers;
use crate::convert;
use crate::error::{ApiError, Cause};
use crate::json::{object_mut, remove_at, set_at, str_at};
use crate::registry::custom;
use crate::schema;

/// How often a generated name is tried anew when it is taken.
const NAME_ATTEMPTS: usize = 8;

impl Cluster {
    /// Creates an object; returns it as stored.
    pub fn create(
        &mut self,
        target: &Target,
        object: Value,
        write: &mut Write,
    ) -> Result<Value, ApiError> {
        let (target, object) = self.prepare_create(target, object, write)?;
        let object = self.finish_create(&target, object, write)?;
        let empty = json!({});
        let change = managers::Change { before: &empty, after: &object, part: write.part };
        let mut object = object.clone();
        managers::track_update(&target.kind, &change, &mut object, write);
        self.insert(&target, object, write)
    }

    /// Gives the object its identity and checks the request around it.
    pub(super) fn prepare_create(
        &self,
        target: &Target,
        object: Value,
        write: &mut Write,
    ) -> Result<(Target, Value), ApiError> {
        if !object.is_object() {
            return Err(ApiError::bad_request("the body must be an object"));
        }
        let mut object = convert::incoming(&target.kind, object)?;
        metadata::normalize(&mut object)?;
        if !str_at(&object, &["metadata", "resourceVersion"]).is_empty() {
            return Err(ApiError::bad_request(
                "resourceVersion should not be set on objects to be created",
            ));
        }
        let mut target = target.clone();
        target.name = self.name_for(&target, &object, write)?;
        self.check_namespace(&target, &object)?;
        if self.store().get(&target.key()).is_some() {
            let kind = &target.kind;
            return Err(ApiError::already_exists(&kind.group, &kind.plural, &target.name));
        }
        let meta = object_mut(object_mut(&mut object).entry("metadata").or_insert(Value::Null));
        for field in [
            "selfLink",
            "managedFields",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "generation",
        ] {
            meta.remove(field);
        }
        meta.insert("name".into(), target.name.clone().into());
        if target.kind.namespaced {
            meta.insert("namespace".into(), target.namespace.clone().into());
        } else {
            meta.remove("namespace");
        }
        meta.insert("uid".into(), write.moment.uid().into());
        meta.insert("creationTimestamp".into(), write.moment.rfc3339().into());
        // Nodes are registered together with their status.
        if target.kind.status && !target.kind.is("", "nodes") {
            remove_at(&mut object, &["status"]);
        }
        Ok((target, object))
    }

    /// Applies schema and rules.
    pub(super) fn finish_create(
        &self,
        target: &Target,
        object: Value,
        write: &Write,
    ) -> Result<Value, ApiError> {
        let mut object = schema::admit(&target.kind, object, write.strict)?;
        if target.kind.is_custom() || (target.kind.status && object.get("spec").is_some()) {
            set_at(&mut object, &["metadata", "generation"], json!(1));
        }
        let causes = metadata::validate(&object);
        if !causes.is_empty() {
            return Err(target.invalid(causes));
        }
        if target.kind.is("apiextensions.k8s.io", "customresourcedefinitions") {
            custom::check(&object, self.registry()).map_err(|causes| target.invalid(causes))?;
            custom::accept(&mut object, &write.moment.rfc3339());
        }
        Ok(object)
    }

    /// Stores a finished object, unless the write is a dry run.
    pub(super) fn insert(
        &mut self,
        target: &Target,
        object: Value,
        write: &Write,
    ) -> Result<Value, ApiError> {
        let key = target.key();
        if write.dry_run {
            self.store().admit(&key, &object)?;
            return Ok(convert::outgoing(&target.kind, object));
        }
        let stored = self.put(key.clone(), object)?;
        self.definitions_changed(&key, &stored);
        self.collect_if_ownerless(&key, &stored, &write.moment);
        Ok(convert::outgoing(&target.kind, Value::clone(&stored)))
    }

    fn name_for(
        &self,
        target: &Target,
        object: &Value,
        write: &mut Write,
    ) -> Result<String, ApiError> {
        let given = str_at(object, &["metadata", "name"]);
        if !target.name.is_empty() {
            if !given.is_empty() && given != target.name {
                return Err(ApiError::bad_request(format!(
                    "the name of the object ({given}) does not match the name on the URL ({})",
                    target.name
                )));
            }
            return Ok(target.name.clone());
        }
        if !given.is_empty() {
            return Ok(given.to_owned());
        }
        let prefix = str_at(object, &["metadata", "generateName"]);
        if prefix.is_empty() {
            let why = "name or generateName is required";
            return Err(target.invalid(vec![Cause::required("metadata.name", why)]));
        }
        // 63 characters are what a label value or a host name holds.
        let cut = (0..=prefix.len().min(58)).rev().find(|at| prefix.is_char_boundary(*at));
        let prefix = &prefix[..cut.unwrap_or(0)];
        let mut name = String::new();
        for _ in 0..NAME_ATTEMPTS {
            name = format!("{prefix}{}", write.moment.suffix());
            let key = Target { name: name.clone(), ..target.clone() }.key();
            if self.store().get(&key).is_none() {
                break;
            }
        }
        Ok(name)
    }

    fn check_namespace(&self, target: &Target, object: &Value) -> Result<(), ApiError> {
        if !target.kind.namespaced {
            return Ok(());
        }
        let given = str_at(object, &["metadata", "namespace"]);
        if !given.is_empty() && given != target.namespace {
            return Err(ApiError::bad_request(format!(
                "the namespace of the provided object does not match the namespace sent on the \
                 request ({given} and {})",
                target.namespace
            )));
        }
        let kind = self.registry().find("", "v1", "namespaces");
        let Some(kind) = kind.cloned() else { return Ok(()) };
        let space = Target { kind, namespace: String::new(), name: target.namespace.clone() };
        let found = self.store().get(&space.key()).ok_or_else(|| space.not_found())?;
        // Events may still be written about a namespace that goes away.
        if metadata::is_deleting(found) && target.kind.plural != "events" {
            let why = format!(
                "unable to create new content in namespace {} because it is being terminated",
                target.namespace
            );
            return Err(ApiError::new(403, "Forbidden", why));
        }
        Ok(())
    }
}
