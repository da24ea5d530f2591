//! What a Deployment says about itself.

use k8s_openapi::api::apps::v1::{
    Deployment, DeploymentCondition, DeploymentStatus, ReplicaSet, ReplicaSetStatus,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::conditions::set_deployment_condition;

/// The status that follows from the ReplicaSets; `unavailable` is what a rollout tolerates.
pub(super) fn status(
    deployment: &Deployment,
    newest: Option<&ReplicaSet>,
    sets: &[ReplicaSet],
    unavailable: i32,
    now: &Time,
) -> DeploymentStatus {
    let sum = |count: fn(&ReplicaSetStatus) -> i32| -> i32 {
        sets.iter().filter_map(|set| set.status.as_ref()).map(count).sum()
    };
    let desired = deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    let replicas = sum(|status| status.replicas);
    let available = sum(|status| status.available_replicas.unwrap_or(0));
    let updated = newest.and_then(|set| set.status.as_ref()).map_or(0, |newest| newest.replicas);
    let complete = updated == desired && replicas == desired && available == desired;
    let old = deployment.status.clone().unwrap_or_default();
    let mut conditions = old.conditions.unwrap_or_default();
    for condition in [
        available_condition(available >= desired - unavailable, now),
        progressing_condition(complete, now),
    ] {
        set_deployment_condition(&mut conditions, condition);
    }
    DeploymentStatus {
        observed_generation: deployment.metadata.generation,
        replicas: Some(replicas),
        updated_replicas: Some(updated),
        ready_replicas: Some(sum(|status| status.ready_replicas.unwrap_or(0))),
        available_replicas: Some(available),
        unavailable_replicas: Some((replicas.max(desired) - available).max(0)),
        conditions: Some(conditions),
        ..DeploymentStatus::default()
    }
}

fn available_condition(enough: bool, now: &Time) -> DeploymentCondition {
    if enough {
        condition("Available", true, "MinimumReplicasAvailable", "enough replicas serve", now)
    } else {
        condition("Available", false, "MinimumReplicasUnavailable", "too few replicas serve", now)
    }
}

fn progressing_condition(complete: bool, now: &Time) -> DeploymentCondition {
    if complete {
        let message = "every replica is of the newest ReplicaSet and serves";
        condition("Progressing", true, "NewReplicaSetAvailable", message, now)
    } else {
        let message = "replicas are being replaced or are not serving yet";
        condition("Progressing", true, "ReplicaSetUpdated", message, now)
    }
}

fn condition(
    kind: &str,
    holds: bool,
    reason: &str,
    message: &str,
    now: &Time,
) -> DeploymentCondition {
    DeploymentCondition {
        type_: kind.to_owned(),
        status: if holds { "True" } else { "False" }.to_owned(),
        reason: Some(reason.to_owned()),
        message: Some(message.to_owned()),
        last_transition_time: Some(now.clone()),
        last_update_time: Some(now.clone()),
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::jiff::Timestamp;
    use serde_json::json;

    use super::*;

    fn set(replicas: i32, available: i32) -> ReplicaSet {
        serde_json::from_value(json!({"status": {
            "replicas": replicas, "readyReplicas": available, "availableReplicas": available}}))
        .unwrap()
    }

    #[test]
    fn a_status_adds_up_and_keeps_transition_times() {
        let mut deployment: Deployment = serde_json::from_value(json!({
            "metadata": {"generation": 4},
            "spec": {"replicas": 3, "selector": {}, "template": {}}
        }))
        .unwrap();
        let early = Time(Timestamp::from_second(1).unwrap());
        let sets = [set(2, 1), set(1, 1)];
        let first = status(&deployment, Some(&sets[0]), &sets, 1, &early);
        assert_eq!(
            (first.replicas, first.updated_replicas, first.ready_replicas),
            (Some(3), Some(2), Some(2))
        );
        assert_eq!((first.unavailable_replicas, first.observed_generation), (Some(1), Some(4)));
        let conditions = first.conditions.clone().unwrap();
        assert_eq!(conditions[1].reason.as_deref(), Some("ReplicaSetUpdated"));

        deployment.status = Some(first);
        let sets = [set(3, 3)];
        let later = Time(Timestamp::from_second(9).unwrap());
        let second = status(&deployment, Some(&sets[0]), &sets, 1, &later);
        let conditions = second.conditions.clone().unwrap();
        assert_eq!(conditions[0].last_transition_time, Some(early.clone()));
        assert_eq!(conditions[1].last_transition_time, Some(early));
        assert_eq!(conditions[1].last_update_time, Some(later.clone()));
        deployment.status = Some(second.clone());
        assert_eq!(status(&deployment, Some(&sets[0]), &sets, 1, &later), second);
    }
}
