//! What faults can leave behind around the brokers: its state in a few lines, the same before and
//! after a fault that is over.

use super::Around;
use results::report::format::counted;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The state of everything that faults can touch. What differs from one moment to the next without
/// any fault is counted, or left out.
pub(super) fn footprint(around: &Around) -> Vec<String> {
    let wrong_clock = around.operator.clock_file().exists();
    let mut lines = vec![
        format!("the operator's clock is {}", if wrong_clock { "wrong" } else { "right" }),
        format!("{} of proxies", counted(around.rules.in_force(), "rule")),
        format!("{} of the API server", counted(around.kube.api_faults(), "fault")),
    ];
    let all = around.kube.objects();
    lines.extend(objects(&all));
    lines.extend(nodes(around));
    lines.extend(children());
    let ended = all.iter().filter(|object| has_ended(object));
    let ended: BTreeSet<&str> = ended.map(|object| text(&object["metadata"]["uid"])).collect();
    let used = folders().into_iter().filter(|folder| !ended.contains(folder.as_str())).count();
    lines.push(format!("{} of pods", counted(used, "folder")));
    lines.sort();
    lines
}

/// Nodes whole, pods and replica sets by their states, all others by their names.
fn objects(objects: &[impl AsRef<Value>]) -> Vec<String> {
    let mut counted: BTreeMap<String, usize> = BTreeMap::new();
    for object in objects.iter().map(AsRef::as_ref) {
        let kind = object["kind"].as_str().unwrap_or_default();
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        let line = match kind {
            // They tell of what was, and are gone after an hour.
            "Event" => continue,
            "Node" => node(name, object),
            "Pod" if has_ended(object) => continue,
            "Pod" => format!("pod {}", pod(object)),
            // What a template was is kept, with no pods.
            "ReplicaSet" if object["spec"]["replicas"] == 0 => continue,
            "ReplicaSet" => "replica set with pods".to_owned(),
            _ => format!("{kind} {name}"),
        };
        *counted.entry(line).or_default() += 1;
    }
    counted.into_iter().map(|(line, count)| format!("{count} {line}")).collect()
}

fn node(name: &str, object: &Value) -> String {
    let conditions = list(&object["status"]["conditions"])
        .iter()
        .map(|condition| format!("{}={}", text(&condition["type"]), text(&condition["status"])));
    let taints = list(&object["spec"]["taints"]).iter().map(|taint| text(&taint["key"]).to_owned());
    let state: Vec<String> = conditions.chain(taints).collect();
    let cordoned = if object["spec"]["unschedulable"] == true { ", cordoned" } else { "" };
    format!("{name}: {}{cordoned}", state.join(" "))
}

/// Whether it is a pod that was evicted, say: Kubernetes keeps it, with its folder, as a record.
fn has_ended(object: &Value) -> bool {
    let phase = text(&object["status"]["phase"]);
    object["kind"] == "Pod" && matches!(phase, "Failed" | "Succeeded")
}

fn pod(object: &Value) -> &str {
    let conditions = list(&object["status"]["conditions"]);
    let ready = conditions.iter().find(|condition| condition["type"] == "Ready");
    let is_ready = ready.is_some_and(|condition| condition["status"] == "True");
    let is_going = object["metadata"].get("deletionTimestamp").is_some();
    if is_ready && !is_going { "ready" } else { "not ready" }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Processes of nodes by their states: stopped, or not.
fn nodes(around: &Around) -> Vec<String> {
    let names = around.kube.nodes();
    let nodes = names.iter().filter_map(|name| around.kube.node(name));
    let states: Vec<char> =
        nodes.flat_map(|node| node.states().unwrap_or_default()).map(|(_, state)| state).collect();
    let stopped = states.iter().filter(|state| **state == 'T').count();
    vec![format!("{} of workers, {stopped} of them stopped", counted(states.len(), "process"))]
}

/// The processes that this one started, by what they are.
fn children() -> Vec<String> {
    let own = std::process::id();
    let mut counted: BTreeMap<String, usize> = BTreeMap::new();
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    for process in processes {
        let read = |file| std::fs::read(process.path().join(file)).unwrap_or_default();
        let stat = String::from_utf8_lossy(&read("stat")).into_owned();
        let fields = stat.rsplit_once(')').map(|(_, fields)| fields.split_whitespace());
        let parent = fields.and_then(|mut fields| fields.nth(1)?.parse::<u32>().ok());
        if parent != Some(own) {
            continue;
        }
        let line = String::from_utf8_lossy(&read("cmdline")).into_owned();
        let word = line.split('\0').nth(1).unwrap_or_default();
        *counted.entry(word.to_owned()).or_default() += 1;
    }
    counted.into_iter().map(|(word, count)| format!("{count} children: {word}")).collect()
}

/// The folders that this process's pods run in, by the uids of these.
fn folders() -> Vec<String> {
    let prefix = format!("embedded-kube-{}-", std::process::id());
    let instances = std::fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten();
    let own = instances.filter(|entry| entry.file_name().to_string_lossy().starts_with(&prefix));
    let inner = own.flat_map(|entry| std::fs::read_dir(entry.path()).into_iter().flatten());
    inner.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::sync::Arc;

    #[test]
    fn nodes_are_told_whole_pods_by_their_states_and_the_rest_by_name() {
        let pod = |ready: &str| {
            json!({
                "kind": "Pod", "metadata": { "name": "any" },
                "status": { "conditions": [{ "type": "Ready", "status": ready }] },
            })
        };
        let going = json!({
            "kind": "Pod", "metadata": { "name": "any", "deletionTimestamp": "now" },
            "status": { "conditions": [{ "type": "Ready", "status": "True" }] },
        });
        let evicted = json!({
            "kind": "Pod", "metadata": { "name": "any" }, "status": { "phase": "Failed" },
        });
        let node = json!({
            "kind": "Node", "metadata": { "name": "node-1" },
            "spec": { "unschedulable": true, "taints": [{ "key": "out" }] },
            "status": { "conditions": [{ "type": "Ready", "status": "True" }] },
        });
        let lease = json!({ "kind": "Lease", "metadata": { "name": "operator" } });
        let event = json!({ "kind": "Event", "metadata": { "name": "told" } });
        let all = [pod("True"), pod("True"), pod("False"), going, evicted, node, lease, event]
            .map(Arc::new);
        assert_eq!(
            objects(&all),
            [
                "1 Lease operator",
                "1 node-1: Ready=True out, cordoned",
                "2 pod not ready",
                "2 pod ready",
            ]
        );
    }
}
