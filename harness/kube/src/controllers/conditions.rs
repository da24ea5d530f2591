//! Keeping the transition time of a condition that did not change.

use k8s_openapi::api::apps::v1::DeploymentCondition;
use k8s_openapi::api::core::v1::PodCondition;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

/// Puts `new` among `conditions` in place of the one of its type. The transition time of the old
/// one is kept unless the status differs.
pub(crate) fn set_pod_condition(conditions: &mut Vec<PodCondition>, mut new: PodCondition) {
    match conditions.iter_mut().find(|old| old.type_ == new.type_) {
        Some(old) => {
            if old.status == new.status {
                new.last_transition_time = old.last_transition_time.clone();
            }
            *old = new;
        }
        None => conditions.push(new),
    }
}

/// A condition of a pod as of `now`.
pub(crate) fn pod_condition(kind: &str, holds: bool, now: &Time) -> PodCondition {
    PodCondition {
        type_: kind.to_owned(),
        status: if holds { "True" } else { "False" }.to_owned(),
        last_transition_time: Some(now.clone()),
        ..PodCondition::default()
    }
}

/// As [`set_pod_condition`], for Deployments; the update time follows status and reason.
pub(super) fn set_deployment_condition(
    conditions: &mut Vec<DeploymentCondition>,
    mut new: DeploymentCondition,
) {
    match conditions.iter_mut().find(|old| old.type_ == new.type_) {
        Some(old) => {
            if old.status == new.status {
                new.last_transition_time = old.last_transition_time.clone();
                if old.reason == new.reason {
                    new.last_update_time = old.last_update_time.clone();
                }
            }
            *old = new;
        }
        None => conditions.push(new),
    }
}
