//! Table columns of the built-in types, as `kubectl get` shows them.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Cell, Column, ResourceType};
use crate::age::{age_of, since};
use crate::json::{at, int_at, list_at, str_at};

type Function = fn(&Value, Timestamp) -> Value;

/// The columns of a built-in type after the name.
pub(super) fn of(kind: &ResourceType) -> Vec<Column> {
    let rows: &[(&str, &str, i64, Function)] = match kind.plural.as_str() {
        "pods" => PODS,
        "nodes" => NODES,
        "namespaces" => &[("Status", "string", 0, phase), AGE],
        "services" => SERVICES,
        "configmaps" => &[("Data", "integer", 0, data), AGE],
        "secrets" => &[("Type", "string", 0, kind_field), ("Data", "integer", 0, data), AGE],
        "serviceaccounts" => &[("Secrets", "integer", 0, secrets), AGE],
        "events" => EVENTS,
        "deployments" => DEPLOYMENTS,
        "replicasets" => REPLICA_SETS,
        "leases" => &[("Holder", "string", 0, holder), AGE],
        "customresourcedefinitions" => &[("Created At", "date", 0, created_at)],
        "poddisruptionbudgets" => DISRUPTION_BUDGETS,
        _ => &[AGE],
    };
    rows.iter()
        .map(|&(name, kind, priority, function)| Column {
            name: name.to_owned(),
            kind: kind.to_owned(),
            format: String::new(),
            description: String::new(),
            priority,
            cell: Cell::Function(function),
        })
        .collect()
}

/// The age column that custom resources get when they declare none.
pub(crate) fn age() -> Column {
    Column {
        name: "Age".into(),
        kind: "date".into(),
        format: String::new(),
        description: "Time since the object was created.".into(),
        priority: 0,
        cell: Cell::Function(age_of),
    }
}

const AGE: (&str, &str, i64, Function) = ("Age", "string", 0, age_of);

const PODS: &[(&str, &str, i64, Function)] = &[
    ("Ready", "string", 0, pod_ready),
    ("Status", "string", 0, pod_status),
    ("Restarts", "string", 0, pod_restarts),
    AGE,
    ("IP", "string", 1, |pod, _| or_none(str_at(pod, &["status", "podIP"]))),
    ("Node", "string", 1, |pod, _| or_none(str_at(pod, &["spec", "nodeName"]))),
    ("Nominated Node", "string", 1, |pod, _| {
        or_none(str_at(pod, &["status", "nominatedNodeName"]))
    }),
    ("Readiness Gates", "string", 1, |_, _| or_none("")),
];

fn pod_ready(pod: &Value, _: Timestamp) -> Value {
    let ready = list_at(pod, &["status", "containerStatuses"])
        .iter()
        .filter(|status| at(status, &["ready"]) == Some(&Value::Bool(true)))
        .count();
    format!("{ready}/{}", list_at(pod, &["spec", "containers"]).len()).into()
}

fn pod_status(pod: &Value, _: Timestamp) -> Value {
    let mut status = str_at(pod, &["status", "phase"]).to_owned();
    let reason = str_at(pod, &["status", "reason"]);
    if !reason.is_empty() {
        reason.clone_into(&mut status);
    }
    for container in list_at(pod, &["status", "containerStatuses"]) {
        let waiting = str_at(container, &["state", "waiting", "reason"]);
        let ended = str_at(container, &["state", "terminated", "reason"]);
        if !waiting.is_empty() {
            waiting.clone_into(&mut status);
        } else if !ended.is_empty() {
            ended.clone_into(&mut status);
        }
    }
    if at(pod, &["metadata", "deletionTimestamp"]).is_some() {
        let lost = str_at(pod, &["status", "reason"]) == "NodeLost";
        status = if lost { "Unknown".into() } else { "Terminating".into() };
    }
    status.into()
}

fn pod_restarts(pod: &Value, now: Timestamp) -> Value {
    let statuses = list_at(pod, &["status", "containerStatuses"]);
    let restarts: i64 = statuses.iter().filter_map(|one| int_at(one, &["restartCount"])).sum();
    let last = statuses
        .iter()
        .map(|one| str_at(one, &["lastState", "terminated", "finishedAt"]))
        .max()
        .unwrap_or_default();
    match last.parse() {
        Ok(at) if restarts > 0 => format!("{restarts} ({} ago)", since(at, now)).into(),
        _ => restarts.to_string().into(),
    }
}

const NODES: &[(&str, &str, i64, Function)] = &[
    ("Status", "string", 0, node_status),
    ("Roles", "string", 0, node_roles),
    AGE,
    ("Version", "string", 0, |node, _| node_info(node, "kubeletVersion")),
    ("Internal-IP", "string", 1, |node, _| node_address(node, "InternalIP")),
    ("External-IP", "string", 1, |node, _| node_address(node, "ExternalIP")),
    ("OS-Image", "string", 1, |node, _| node_info(node, "osImage")),
    ("Kernel-Version", "string", 1, |node, _| node_info(node, "kernelVersion")),
    ("Container-Runtime", "string", 1, |node, _| node_info(node, "containerRuntimeVersion")),
];

fn node_status(node: &Value, _: Timestamp) -> Value {
    let ready = list_at(node, &["status", "conditions"])
        .iter()
        .find(|condition| str_at(condition, &["type"]) == "Ready")
        .map(|condition| str_at(condition, &["status"]) == "True");
    let mut text = match ready {
        Some(true) => "Ready".to_owned(),
        Some(false) => "NotReady".to_owned(),
        None => "Unknown".to_owned(),
    };
    if at(node, &["spec", "unschedulable"]) == Some(&Value::Bool(true)) {
        text.push_str(",SchedulingDisabled");
    }
    text.into()
}

fn node_roles(node: &Value, _: Timestamp) -> Value {
    let labels = at(node, &["metadata", "labels"]).and_then(Value::as_object);
    let roles: Vec<&str> = labels
        .into_iter()
        .flat_map(|labels| labels.keys())
        .filter_map(|label| label.strip_prefix("node-role.kubernetes.io/"))
        .collect();
    or_none(&roles.join(","))
}

fn node_info(node: &Value, field: &str) -> Value {
    let text = str_at(node, &["status", "nodeInfo", field]);
    if text.is_empty() { "<unknown>".into() } else { text.into() }
}

fn node_address(node: &Value, kind: &str) -> Value {
    let address = list_at(node, &["status", "addresses"])
        .iter()
        .find(|address| str_at(address, &["type"]) == kind)
        .map_or("", |address| str_at(address, &["address"]));
    or_none(address)
}

const SERVICES: &[(&str, &str, i64, Function)] = &[
    ("Type", "string", 0, |service, _| str_at(service, &["spec", "type"]).into()),
    ("Cluster-IP", "string", 0, |service, _| or_none(str_at(service, &["spec", "clusterIP"]))),
    ("External-IP", "string", 0, |_, _| or_none("")),
    ("Port(s)", "string", 0, service_ports),
    AGE,
    ("Selector", "string", 1, |service, _| {
        or_none(&pairs(at(service, &["spec", "selector"]).unwrap_or(&Value::Null)))
    }),
];

fn service_ports(service: &Value, _: Timestamp) -> Value {
    let ports: Vec<String> = list_at(service, &["spec", "ports"])
        .iter()
        .map(|port| {
            let number = int_at(port, &["port"]).unwrap_or_default();
            format!("{number}/{}", str_at(port, &["protocol"]))
        })
        .collect();
    or_none(&ports.join(","))
}

const EVENTS: &[(&str, &str, i64, Function)] = &[
    ("Last Seen", "string", 0, event_last_seen),
    ("Type", "string", 0, kind_field),
    ("Reason", "string", 0, |event, _| str_at(event, &["reason"]).into()),
    ("Object", "string", 0, event_object),
    ("Subobject", "string", 1, |event, _| {
        let field = str_at(event, &["involvedObject", "fieldPath"]);
        let new = str_at(event, &["regarding", "fieldPath"]);
        if field.is_empty() { new.into() } else { field.into() }
    }),
    ("Source", "string", 1, event_source),
    ("Message", "string", 0, |event, _| {
        let old = str_at(event, &["message"]);
        if old.is_empty() { str_at(event, &["note"]).trim().into() } else { old.trim().into() }
    }),
    ("Count", "integer", 1, |event, _| {
        let count = int_at(event, &["series", "count"]).or_else(|| int_at(event, &["count"]));
        count.unwrap_or(1).into()
    }),
];

fn event_last_seen(event: &Value, now: Timestamp) -> Value {
    let paths: [&[&str]; 5] = [
        &["series", "lastObservedTime"],
        &["lastTimestamp"],
        &["deprecatedLastTimestamp"],
        &["eventTime"],
        &["metadata", "creationTimestamp"],
    ];
    let time = paths.iter().find_map(|path| str_at(event, path).parse().ok());
    time.map_or_else(|| "<unknown>".into(), |time| since(time, now).into())
}

fn event_object(event: &Value, _: Timestamp) -> Value {
    let object = at(event, &["involvedObject"]).or_else(|| at(event, &["regarding"]));
    let object = object.unwrap_or(&Value::Null);
    format!("{}/{}", str_at(object, &["kind"]).to_lowercase(), str_at(object, &["name"])).into()
}

fn event_source(event: &Value, _: Timestamp) -> Value {
    let paths: [&[&str]; 3] =
        [&["reportingComponent"], &["reportingController"], &["source", "component"]];
    let found = paths.iter().map(|path| str_at(event, path)).find(|text| !text.is_empty());
    found.unwrap_or_default().into()
}

const DEPLOYMENTS: &[(&str, &str, i64, Function)] = &[
    ("Ready", "string", 0, |deployment, _| {
        let ready = count(deployment, &["status", "readyReplicas"]);
        format!("{ready}/{}", count(deployment, &["spec", "replicas"])).into()
    }),
    ("Up-to-date", "integer", 0, |it, _| count(it, &["status", "updatedReplicas"]).into()),
    ("Available", "integer", 0, |it, _| count(it, &["status", "availableReplicas"]).into()),
    AGE,
    ("Containers", "string", 1, container_names),
    ("Images", "string", 1, container_images),
    ("Selector", "string", 1, selector_text),
];

const REPLICA_SETS: &[(&str, &str, i64, Function)] = &[
    ("Desired", "integer", 0, |it, _| count(it, &["spec", "replicas"]).into()),
    ("Current", "integer", 0, |it, _| count(it, &["status", "replicas"]).into()),
    ("Ready", "integer", 0, |it, _| count(it, &["status", "readyReplicas"]).into()),
    AGE,
    ("Containers", "string", 1, container_names),
    ("Images", "string", 1, container_images),
    ("Selector", "string", 1, selector_text),
];

const DISRUPTION_BUDGETS: &[(&str, &str, i64, Function)] = &[
    ("Min Available", "string", 0, |it, _| scalar(at(it, &["spec", "minAvailable"]))),
    ("Max Unavailable", "string", 0, |it, _| scalar(at(it, &["spec", "maxUnavailable"]))),
    ("Allowed Disruptions", "integer", 0, |it, _| {
        count(it, &["status", "disruptionsAllowed"]).into()
    }),
    AGE,
];

fn container_names(object: &Value, _: Timestamp) -> Value {
    containers(object, "name")
}

fn container_images(object: &Value, _: Timestamp) -> Value {
    containers(object, "image")
}

fn containers(object: &Value, field: &str) -> Value {
    let all = list_at(object, &["spec", "template", "spec", "containers"]);
    all.iter().map(|one| str_at(one, &[field])).collect::<Vec<_>>().join(",").into()
}

fn selector_text(object: &Value, _: Timestamp) -> Value {
    let selector = at(object, &["spec", "selector"]).unwrap_or(&Value::Null);
    or_none(&crate::cluster::scale::selector_text(selector))
}

fn phase(object: &Value, _: Timestamp) -> Value {
    str_at(object, &["status", "phase"]).into()
}

fn data(object: &Value, _: Timestamp) -> Value {
    let size = |field| at(object, &[field]).and_then(Value::as_object).map_or(0, |map| map.len());
    json!(size("data") + size("binaryData"))
}

fn kind_field(object: &Value, _: Timestamp) -> Value {
    str_at(object, &["type"]).into()
}

fn secrets(object: &Value, _: Timestamp) -> Value {
    list_at(object, &["secrets"]).len().into()
}

fn holder(object: &Value, _: Timestamp) -> Value {
    str_at(object, &["spec", "holderIdentity"]).into()
}

fn created_at(object: &Value, _: Timestamp) -> Value {
    str_at(object, &["metadata", "creationTimestamp"]).into()
}

fn count(object: &Value, path: &[&str]) -> i64 {
    int_at(object, path).unwrap_or_default()
}

fn scalar(value: Option<&Value>) -> Value {
    match value {
        None | Some(Value::Null) => "N/A".into(),
        Some(Value::String(text)) => text.as_str().into(),
        Some(other) => other.to_string().into(),
    }
}

fn or_none(text: &str) -> Value {
    if text.is_empty() { "<none>".into() } else { text.into() }
}

fn pairs(map: &Value) -> String {
    let map = map.as_object().into_iter().flatten();
    let all: Vec<String> =
        map.map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default())).collect();
    all.join(",")
}
