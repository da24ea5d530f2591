use serde_json::{Value, json};

use super::*;

fn node(name: &str, change: impl FnOnce(&mut Value)) -> Node {
    let mut value = json!({
        "metadata": {"name": name, "labels": {"zone": name}},
        "spec": {},
        "status": {
            "allocatable": {"cpu": "1", "memory": "1Gi", "pods": "10"},
            "conditions": [{"type": "Ready", "status": "True"}]
        }
    });
    change(&mut value);
    serde_json::from_value(value).unwrap()
}

fn pod(spec: Value) -> Pod {
    let mut spec = spec;
    if spec.get("containers").is_none() {
        spec["containers"] = json!([{"name": "c"}]);
    }
    serde_json::from_value(json!({ "spec": spec })).unwrap()
}

fn plain(name: &str) -> Node {
    node(name, |_| {})
}

fn choose(spec: Value, nodes: Vec<Node>, pods: &[Pod]) -> Result<String, String> {
    place(&pod(spec), &mut candidates(nodes, pods))
}

#[test]
fn the_emptiest_node_is_chosen_and_then_the_first_by_name() {
    let nodes = || vec![plain("b"), plain("a")];
    assert_eq!(choose(json!({}), nodes(), &[]), Ok("a".into()));
    let on_a = [pod(json!({"nodeName": "a"}))];
    assert_eq!(choose(json!({}), nodes(), &on_a), Ok("b".into()));
}

#[test]
fn a_placed_pod_counts_for_the_next_one() {
    let mut nodes = candidates(vec![plain("a"), plain("b")], &[]);
    let placed: Vec<_> = (0..4).map(|_| place(&pod(json!({})), &mut nodes).unwrap()).collect();
    assert_eq!(placed, ["a", "b", "a", "b"]);
}

#[test]
fn each_obstacle_is_named() {
    let cpu = |amount: &str| {
        let resources = json!({"requests": {"cpu": amount}});
        json!({"containers": [{"name": "c", "resources": resources}]})
    };
    let taint = |effect: &str| {
        let taints = json!([{"key": "k", "effect": effect}]);
        node("a", |node| node["spec"]["taints"] = taints)
    };
    let table: Vec<(Value, Node, Option<&str>)> = vec![
        (json!({}), plain("a"), None),
        (json!({}), node("a", |n| n["spec"]["unschedulable"] = json!(true)), Some("unschedulable")),
        (
            json!({}),
            node("a", |n| n["status"]["conditions"][0]["status"] = json!("Unknown")),
            Some("not ready"),
        ),
        (json!({}), taint("NoSchedule"), Some("untolerated taint {k}")),
        (json!({}), taint("NoExecute"), Some("untolerated taint {k}")),
        (json!({}), taint("PreferNoSchedule"), None),
        (json!({"tolerations": [{"operator": "Exists"}]}), taint("NoSchedule"), None),
        (json!({"tolerations": [{"key": "k"}]}), taint("NoSchedule"), None),
        (
            json!({"tolerations": [{"key": "k", "effect": "NoExecute"}]}),
            taint("NoSchedule"),
            Some("untolerated"),
        ),
        (json!({"nodeSelector": {"zone": "b"}}), plain("a"), Some("node selector")),
        (json!({"nodeSelector": {"zone": "a"}}), plain("a"), None),
        (cpu("1"), plain("a"), None),
        (cpu("1001m"), plain("a"), Some("insufficient cpu")),
        (cpu("many"), plain("a"), Some("cannot be read")),
        (
            json!({"containers": [{"name": "c", "resources": {"limits": {"memory": "2Gi"}}}]}),
            plain("a"),
            Some("insufficient memory"),
        ),
        (
            json!({}),
            node("a", |n| n["status"]["allocatable"]["pods"] = json!("0")),
            Some("too many pods"),
        ),
        (
            json!({"affinity": {"nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": []}}}}),
            plain("a"),
            Some("not supported"),
        ),
    ];
    for (spec, node, expected) in table {
        let placed = choose(spec.clone(), vec![node], &[]);
        match (placed, expected) {
            (Ok(_), None) => {}
            (Err(problem), Some(part)) => assert!(problem.contains(part), "{spec}: {problem}"),
            other => panic!("{spec}: {other:?}"),
        }
    }
}

#[test]
fn what_runs_on_a_node_takes_its_room_until_it_has_finished() {
    let asking = json!([{"name": "c", "resources": {"requests": {"cpu": "600m"}}}]);
    let mut other = pod(json!({"nodeName": "a", "containers": asking}));
    let wanted = json!({"containers": asking});
    let refused = choose(wanted.clone(), vec![plain("a")], std::slice::from_ref(&other));
    assert_eq!(refused, Err("0/1 nodes are available: 1 insufficient cpu.".into()));
    other.status = serde_json::from_value(json!({"phase": "Failed"})).unwrap();
    assert_eq!(choose(wanted, vec![plain("a")], &[other]), Ok("a".into()));
}
