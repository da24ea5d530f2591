//! The taints of a node that the node lifecycle controller answers for: silence, and what the node
//! says that it lacks.

use k8s_openapi::api::core::v1::{Node, Taint};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::placement::is_ready;

/// The taint of a node from which nothing is heard.
pub(super) const UNREACHABLE: &str = "node.kubernetes.io/unreachable";
/// The taint that an API server gives to a new node until it is ready.
const NOT_READY: &str = "node.kubernetes.io/not-ready";
/// Conditions of a node that keep new pods away, each with the taint that does it.
const PRESSURES: [(&str, &str); 2] = [
    ("MemoryPressure", "node.kubernetes.io/memory-pressure"),
    ("DiskPressure", "node.kubernetes.io/disk-pressure"),
];
const NO_SCHEDULE: &str = "NoSchedule";
/// The effect that pods have to tolerate to stay.
pub(super) const NO_EXECUTE: &str = "NoExecute";

pub(super) fn taint(key: &str, effect: &str, since: Option<Time>) -> Taint {
    Taint { key: key.to_owned(), effect: effect.to_owned(), time_added: since, value: None }
}

/// The node's taints as they should be; none when they are so already.
pub(super) fn taints(node: &Node, reachable: bool, now: &Time) -> Option<Vec<Taint>> {
    let old = node.spec.as_ref().and_then(|spec| spec.taints.clone()).unwrap_or_default();
    let due = due(node, reachable);
    let is_due = |taint: &Taint| due.contains(&(taint.key.as_str(), taint.effect.as_str()));
    let is_mine = |taint: &Taint| match taint.key.as_str() {
        UNREACHABLE => true,
        NOT_READY => reachable && is_ready(node),
        key => PRESSURES.iter().any(|(_, mine)| *mine == key),
    };
    let mut new = old.clone();
    new.retain(|taint| is_due(taint) || !is_mine(taint));
    for (key, effect) in due {
        if !new.iter().any(|it| it.key == key && it.effect == effect) {
            new.push(taint(key, effect, Some(now.clone())));
        }
    }
    (new != old).then_some(new)
}

/// Keys and effects of the taints that the node should have.
fn due(node: &Node, reachable: bool) -> Vec<(&'static str, &'static str)> {
    let conditions = node.status.iter().flat_map(|status| status.conditions.iter().flatten());
    let holding = conditions.filter(|condition| condition.status == "True");
    let holding: Vec<&str> = holding.map(|condition| condition.type_.as_str()).collect();
    let lacking = PRESSURES.iter().filter(|(condition, _)| holding.contains(condition));
    let lacking = lacking.map(|(_, taint)| (*taint, NO_SCHEDULE));
    let silent = [(UNREACHABLE, NO_SCHEDULE), (UNREACHABLE, NO_EXECUTE)];
    silent.into_iter().filter(|_| !reachable).chain(lacking).collect()
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::NodeCondition;
    use k8s_openapi::jiff::Timestamp;
    use serde_json::json;

    use super::*;

    fn now() -> Time {
        Time(Timestamp::UNIX_EPOCH)
    }

    fn node(ready: &str, taints: serde_json::Value) -> Node {
        serde_json::from_value(json!({
            "spec": {"taints": taints},
            "status": {"conditions": [{"type": "Ready", "status": ready}]}
        }))
        .unwrap()
    }

    #[test]
    fn silence_taints_a_node_and_a_heartbeat_takes_only_that_back() {
        let own = json!([{"key": "mine", "effect": "NoSchedule"}]);
        let tainted = taints(&node("True", own.clone()), false, &now()).unwrap();
        let keys: Vec<_> = tainted.iter().map(|taint| taint.key.as_str()).collect();
        assert_eq!(keys, ["mine", UNREACHABLE, UNREACHABLE]);
        let tainted = serde_json::to_value(tainted).unwrap();
        assert_eq!(taints(&node("Unknown", tainted.clone()), false, &now()), None);
        let healed = taints(&node("Unknown", tainted), true, &now()).unwrap();
        assert_eq!(healed.len(), 1);
        assert_eq!(taints(&node("True", own), true, &now()), None);
        let new = json!([{"key": NOT_READY, "effect": "NoSchedule"}]);
        assert_eq!(taints(&node("True", new.clone()), true, &now()), Some(vec![]));
        assert_eq!(taints(&node("False", new), true, &now()), None);
    }

    #[test]
    fn a_node_that_lacks_something_is_tainted_while_it_does() {
        let mut short = node("True", json!([{"key": "mine", "effect": "NoSchedule"}]));
        let mut pressure = NodeCondition { type_: "DiskPressure".into(), ..Default::default() };
        pressure.status = "True".into();
        short.status.as_mut().unwrap().conditions.as_mut().unwrap().push(pressure);
        let tainted = taints(&short, true, &now()).unwrap();
        let keys: Vec<_> = tainted.iter().map(|taint| taint.key.as_str()).collect();
        assert_eq!(keys, ["mine", "node.kubernetes.io/disk-pressure"]);
        short.spec.as_mut().unwrap().taints = Some(tainted);
        assert_eq!(taints(&short, true, &now()), None);
        short.status.as_mut().unwrap().conditions.as_mut().unwrap()[1].status = "False".into();
        assert_eq!(taints(&short, true, &now()).unwrap().len(), 1);
    }
}
