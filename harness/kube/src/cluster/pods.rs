//! The actions on pods: binding to a node and eviction.

use serde_json::{Value, json};

use super::{Cluster, DeleteOptions, Target, Write};
use crate::error::{ApiError, Cause};
use crate::json::{list_at, set_at, str_at};

impl Cluster {
    /// Assigns a pod to the node that a `Binding` names.
    pub fn bind(
        &mut self,
        target: &Target,
        binding: &Value,
        write: &mut Write,
    ) -> Result<(), ApiError> {
        let node = str_at(binding, &["target", "name"]);
        if node.is_empty() {
            return Err(target.invalid(vec![Cause::required("target.name", "")]));
        }
        let old = self.current(target)?;
        let bound = str_at(&old, &["spec", "nodeName"]);
        if !bound.is_empty() {
            return Err(target.conflict(&format!("pod is already assigned to node \"{bound}\"")));
        }
        if super::metadata::is_deleting(&old) {
            return Err(target.conflict("pod is being deleted, cannot be assigned to a host"));
        }
        let mut new = Value::clone(&old);
        set_at(&mut new, &["spec", "nodeName"], node.into());
        let mut conditions = list_at(&old, &["status", "conditions"]).to_vec();
        conditions.retain(|one| str_at(one, &["type"]) != "PodScheduled");
        conditions.push(json!({
            "type": "PodScheduled",
            "status": "True",
            "lastTransitionTime": write.moment.rfc3339(),
        }));
        set_at(&mut new, &["status", "conditions"], conditions.into());
        self.commit(target, &old, new, write)?;
        Ok(())
    }

    /// Deletes a pod in the way of an `Eviction`.
    pub fn evict(
        &mut self,
        target: &Target,
        eviction: &Value,
        write: &Write,
    ) -> Result<(), ApiError> {
        let null = Value::Null;
        let mut options =
            DeleteOptions::read(eviction.get("deleteOptions").unwrap_or(&null))?;
        options.dry_run |= write.dry_run;
        self.delete(target, &options, &write.moment)?;
        Ok(())
    }
}
