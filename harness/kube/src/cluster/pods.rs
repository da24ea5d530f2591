//! The actions on pods: binding to a node and eviction.

use serde_json::{Value, json};

use super::scale::selector_text;
use super::{Cluster, DeleteOptions, Target, Write};
use crate::error::{ApiError, Cause};
use crate::json::{at, list_at, set_at, str_at};
use crate::store::selector::{LabelSelector, Selection};

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
        let pod = self.current(target)?;
        if let Some(budget) = self.exhausted_budget(&pod) {
            let mut error = ApiError::new(
                429,
                "TooManyRequests",
                "Cannot evict pod as it would violate the pod's disruption budget.",
            );
            error.details = json!({ "causes": [{
                "reason": "DisruptionBudget",
                "message": format!("The disruption budget {budget} allows no disruption now"),
            }]});
            return Err(error);
        }
        let null = Value::Null;
        let mut options = DeleteOptions::read(eviction.get("deleteOptions").unwrap_or(&null))?;
        options.dry_run |= write.dry_run;
        self.delete(target, &options, &write.moment)?;
        Ok(())
    }

    /// The name of a disruption budget that the eviction of this pod would break.
    fn exhausted_budget(&self, pod: &Value) -> Option<String> {
        let kind = self.registry().find("policy", "v1", "poddisruptionbudgets")?;
        let pods = self.registry().find("", "v1", "pods")?;
        let namespace = Some(str_at(pod, &["metadata", "namespace"]).to_owned());
        let all = Selection { namespace, ..Selection::default() };
        self.list(kind, &all).iter().find_map(|budget| {
            let selector = at(budget, &["spec", "selector"])?;
            let labels = LabelSelector::parse(&selector_text(selector)).ok()?;
            if !labels.matches(pod) || !is_ready(pod) {
                return None;
            }
            let selected = self.list(pods, &Selection { labels, ..all.clone() });
            let healthy = selected.iter().filter(|pod| is_ready(pod)).count();
            let expected = selected.iter().filter(|pod| !is_finished(pod)).count();
            let spec = budget.get("spec")?;
            let wanted = match spec.get("minAvailable").filter(|value| !value.is_null()) {
                Some(least) => share(least, expected),
                None => {
                    let most = share(spec.get("maxUnavailable")?, expected);
                    expected.saturating_sub(most)
                }
            };
            let name = str_at(budget, &["metadata", "name"]).to_owned();
            (healthy <= wanted).then_some(name)
        })
    }
}

/// A number of pods, given as one or as a percentage of all, rounded up.
fn share(value: &Value, all: usize) -> usize {
    let number = value.as_u64().and_then(|number| usize::try_from(number).ok());
    let percent = value.as_str().and_then(|text| text.strip_suffix('%')?.parse::<usize>().ok());
    match (number, percent) {
        (Some(number), _) => number,
        (None, Some(percent)) => all.saturating_mul(percent).div_ceil(100),
        (None, None) => 0,
    }
}

/// Whether the pod has ended for good, as an evicted one has: nobody expects it to serve.
fn is_finished(pod: &Value) -> bool {
    matches!(str_at(pod, &["status", "phase"]), "Succeeded" | "Failed")
}

fn is_ready(pod: &Value) -> bool {
    let ready =
        |one: &Value| str_at(one, &["type"]) == "Ready" && str_at(one, &["status"]) == "True";
    !super::metadata::is_deleting(pod) && list_at(pod, &["status", "conditions"]).iter().any(ready)
}
