//! Which pods go first when a ReplicaSet shrinks.
//!
//! Source: `ActivePodsWithRanks` in `k8s.io/kubernetes/pkg/controller/controller_utils.go`. Ages
//! are compared as they are, without its logarithmic buckets.

use std::cmp::Reverse;
use std::collections::HashMap;

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::pods;

/// The annotation by which a pod says how dear it is; the cheapest goes first.
const DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";

/// The `count` pods among `active` to delete, first choice first.
pub(super) fn choose(active: &[Pod], count: usize) -> Vec<&Pod> {
    let mut neighbours: HashMap<&str, usize> = HashMap::new();
    for node in active.iter().filter_map(pods::node) {
        *neighbours.entry(node).or_default() += 1;
    }
    let mut candidates: Vec<&Pod> = active.iter().collect();
    candidates.sort_by_cached_key(|pod| rank(pod, &neighbours));
    candidates.truncate(count);
    candidates
}

/// Smaller goes first: unassigned, pending, not ready, cheap, crowded, newly ready, often
/// restarted, newly created; the name decides the rest.
fn rank(pod: &Pod, neighbours: &HashMap<&str, usize>) -> impl Ord + use<> {
    let node = pods::node(pod);
    let phase = match pods::phase(pod) {
        "Pending" => 0,
        "Unknown" => 1,
        _ => 2,
    };
    let crowd = node.and_then(|node| neighbours.get(node)).copied().unwrap_or(0);
    (
        node.is_some(),
        phase,
        pods::is_ready(pod),
        deletion_cost(pod),
        Reverse(crowd),
        Reverse(ready_since(pod)),
        Reverse(restarts(pod)),
        Reverse(pod.metadata.creation_timestamp.clone()),
        pod.metadata.name.clone(),
    )
}

fn deletion_cost(pod: &Pod) -> i32 {
    let annotations = pod.metadata.annotations.as_ref();
    annotations.and_then(|all| all.get(DELETION_COST)?.parse().ok()).unwrap_or(0)
}

fn ready_since(pod: &Pod) -> Option<Time> {
    pods::condition(pod, "Ready")
        .filter(|condition| condition.status == "True")
        .and_then(|condition| condition.last_transition_time.clone())
}

fn restarts(pod: &Pod) -> i32 {
    let statuses = pod.status.as_ref().and_then(|status| status.container_statuses.as_ref());
    statuses.into_iter().flatten().map(|container| container.restart_count).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pod(name: &str, node: Option<&str>, phase: &str, ready: Option<u32>, created: u32) -> Pod {
        let conditions = match ready {
            Some(second) => json!([{"type": "Ready", "status": "True",
                "lastTransitionTime": format!("2026-01-01T00:00:{second:02}Z")}]),
            None => json!([{"type": "Ready", "status": "False"}]),
        };
        from(json!({
            "metadata": {
                "name": name, "creationTimestamp": format!("2026-01-01T00:00:{created:02}Z")},
            "spec": {"nodeName": node, "containers": []},
            "status": {"phase": phase, "conditions": conditions}
        }))
    }

    fn from(value: Value) -> Pod {
        serde_json::from_value(value).unwrap()
    }

    fn order(pods: &[Pod]) -> Vec<&str> {
        choose(pods, pods.len()).iter().filter_map(|pod| pod.metadata.name.as_deref()).collect()
    }

    #[test]
    fn the_least_useful_pods_go_first() {
        let pods = [
            pod("ready-old", Some("a"), "Running", Some(1), 1),
            pod("ready-new", Some("b"), "Running", Some(9), 1),
            pod("unready", Some("c"), "Running", None, 1),
            pod("pending", Some("d"), "Pending", None, 1),
            pod("unassigned", None, "Pending", None, 1),
        ];
        assert_eq!(order(&pods), ["unassigned", "pending", "unready", "ready-new", "ready-old"]);
    }

    #[test]
    fn among_equals_the_youngest_goes_first_and_then_the_name_decides() {
        let pods = [
            pod("b", Some("n1"), "Running", Some(1), 5),
            pod("a", Some("n2"), "Running", Some(1), 5),
            pod("young", Some("n3"), "Running", Some(1), 6),
        ];
        assert_eq!(order(&pods), ["young", "a", "b"]);
    }

    #[test]
    fn a_crowded_node_gives_up_its_pods_first() {
        let pods = [
            pod("alone", Some("n1"), "Running", Some(9), 9),
            pod("crowded-1", Some("n2"), "Running", Some(1), 1),
            pod("crowded-2", Some("n2"), "Running", Some(2), 1),
        ];
        assert_eq!(order(&pods), ["crowded-2", "crowded-1", "alone"]);
    }

    #[test]
    fn a_dear_pod_outlives_a_cheap_one_of_the_same_readiness() {
        let mut pods = [
            pod("dear", Some("n1"), "Running", Some(9), 9),
            pod("cheap", Some("n2"), "Running", Some(1), 1),
            pod("unready", Some("n3"), "Running", None, 1),
        ];
        for index in [0, 2] {
            pods[index].metadata.annotations =
                Some([(DELETION_COST.to_owned(), "100".to_owned())].into());
        }
        assert_eq!(order(&pods), ["unready", "cheap", "dear"]);
    }

    #[test]
    fn only_as_many_as_asked_for_are_chosen() {
        let pods = [pod("a", None, "Pending", None, 1), pod("b", None, "Pending", None, 1)];
        assert_eq!(choose(&pods, 1).len(), 1);
        assert!(choose(&pods, 0).is_empty());
    }
}
