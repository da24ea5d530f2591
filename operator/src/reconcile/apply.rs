//! Step 4 (client required): applies what should be there, and only where it is not.

use std::fmt::Debug;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Service};
use kube::api::{Patch, PatchParams};
use kube::{Api, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::FIELD_MANAGER;
use super::build::{Desired, FINGERPRINT};
use super::dereference::Found;
use super::validate::ValidJob;
use crate::context::Context;

/// Why applying failed.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The API server refused or did not answer.
    #[error("applying {kind} {name}: {source}")]
    Apply {
        /// Kind of the object.
        kind: String,
        /// Name of the object.
        name: String,
        /// What the API server says.
        source: Box<kube::Error>,
    },
    /// An object could not be written as JSON.
    #[error("writing an object: {0}")]
    Write(#[from] serde_json::Error),
}

/// What is there now: status can only be made from this.
#[derive(Debug, Clone)]
pub struct Applied {
    /// The workers.
    pub deployment: Deployment,
}

/// Applies the client settings before the workers that read them.
///
/// # Errors
/// If the API server refuses an object or does not answer.
pub(crate) async fn apply(
    job: &ValidJob,
    found: &Found,
    desired: &Desired,
    context: &Context,
) -> Result<Applied, ApplyError> {
    // Without `..`: an object added to what is desired must be applied here.
    let Desired { decision: _, config_map, service, deployment } = desired;
    let namespace = &job.namespace;
    apply_one::<ConfigMap>(found.config_map.as_ref(), config_map, namespace, context).await?;
    apply_one::<Service>(found.service.as_ref(), service, namespace, context).await?;
    let deployment = apply_one(found.deployment.as_ref(), deployment, namespace, context).await?;
    Ok(Applied { deployment })
}

async fn apply_one<K>(
    found: Option<&K>,
    desired: &K,
    namespace: &str,
    context: &Context,
) -> Result<K, ApplyError>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + Serialize
        + DeserializeOwned,
{
    if let Some(found) = found {
        let unchanged =
            found.annotations().get(FINGERPRINT) == desired.annotations().get(FINGERPRINT);
        if unchanged && covers(&serde_json::to_value(found)?, &serde_json::to_value(desired)?) {
            return Ok(found.clone());
        }
    }
    let name = desired.name_any();
    let parameters = PatchParams::apply(FIELD_MANAGER).force();
    Api::<K>::namespaced(context.client.clone(), namespace)
        .patch(&name, &parameters, &Patch::Apply(desired))
        .await
        .map_err(|source| ApplyError::Apply {
            kind: K::kind(&()).into_owned(),
            name,
            source: Box::new(source),
        })
}

/// Whether everything in `desired` is in `found`. The server may add fields to objects, but not
/// elements to lists.
fn covers(found: &Value, desired: &Value) -> bool {
    match (found, desired) {
        (Value::Object(found), Value::Object(desired)) => desired
            .iter()
            .all(|(key, desired)| found.get(key).is_some_and(|found| covers(found, desired))),
        (Value::Array(found), Value::Array(desired)) => {
            found.len() == desired.len()
                && found.iter().zip(desired).all(|(found, desired)| covers(found, desired))
        }
        (found, desired) => found == desired,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_may_be_added_by_the_server_but_not_changed_or_removed() {
        let desired = json!({"spec": {"replicas": 2, "env": [{"name": "A"}]}});
        let filled = json!({"spec": {"replicas": 2, "env": [{"name": "A", "x": 1}], "y": 2}});
        assert!(covers(&filled, &desired));
        assert!(!covers(&json!({"spec": {"replicas": 3, "env": [{"name": "A"}]}}), &desired));
        assert!(!covers(&json!({"spec": {"replicas": 2}}), &desired));
        let longer = json!({"spec": {"replicas": 2, "env": [{"name": "A"}, {"name": "B"}]}});
        assert!(!covers(&longer, &desired));
    }
}
