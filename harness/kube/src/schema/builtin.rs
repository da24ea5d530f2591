//! Defaults and rules of the built-in types: those that clients and controllers rely on.

use serde_json::{Value, json};

use crate::error::Cause;
use crate::json::{at, default_at, int_at, list_at, object_mut, remove_at, str_at};
use crate::registry::ResourceType;

/// Fills in what the object leaves out.
pub(super) fn default(kind: &ResourceType, object: &mut Value) {
    match (kind.group.as_str(), kind.plural.as_str()) {
        ("", "pods") => {
            default_pod_spec(object, &["spec"]);
            default_at(object, &["status", "phase"], json!("Pending"));
        }
        ("", "namespaces") => default_at(object, &["status", "phase"], json!("Active")),
        ("", "services") => default_service(object),
        ("", "secrets") => default_secret(object),
        ("apps", "deployments") => {
            default_at(object, &["spec", "replicas"], json!(1));
            default_at(object, &["spec", "revisionHistoryLimit"], json!(10));
            default_at(object, &["spec", "progressDeadlineSeconds"], json!(600));
            default_at(object, &["spec", "strategy", "type"], json!("RollingUpdate"));
            if str_at(object, &["spec", "strategy", "type"]) == "RollingUpdate" {
                let rolling = |leaf| ["spec", "strategy", "rollingUpdate", leaf];
                default_at(object, &rolling("maxSurge"), json!("25%"));
                default_at(object, &rolling("maxUnavailable"), json!("25%"));
            }
            default_pod_spec(object, &["spec", "template", "spec"]);
        }
        ("apps", "replicasets") => {
            default_at(object, &["spec", "replicas"], json!(1));
            default_pod_spec(object, &["spec", "template", "spec"]);
        }
        _ => {}
    }
}

fn default_pod_spec(object: &mut Value, path: &[&str]) {
    let Some(spec) = path.iter().try_fold(object, |inner, step| inner.get_mut(*step)) else {
        return;
    };
    default_at(spec, &["restartPolicy"], json!("Always"));
    default_at(spec, &["dnsPolicy"], json!("ClusterFirst"));
    default_at(spec, &["terminationGracePeriodSeconds"], json!(30));
    default_at(spec, &["schedulerName"], json!("default-scheduler"));
    default_at(spec, &["securityContext"], json!({}));
    for list in ["containers", "initContainers"] {
        let containers = spec.get_mut(list).and_then(Value::as_array_mut);
        for container in containers.into_iter().flatten() {
            default_container(container);
        }
    }
}

fn default_container(container: &mut Value) {
    default_at(container, &["terminationMessagePath"], json!("/dev/termination-log"));
    default_at(container, &["terminationMessagePolicy"], json!("File"));
    let image = str_at(container, &["image"]);
    let latest =
        !image.rsplit('/').next().unwrap_or_default().contains(':') || image.ends_with(":latest");
    let policy = if latest { "Always" } else { "IfNotPresent" };
    default_at(container, &["imagePullPolicy"], json!(policy));
    default_at(container, &["resources"], json!({}));
    let ports = container.get_mut("ports").and_then(Value::as_array_mut);
    for port in ports.into_iter().flatten() {
        default_at(port, &["protocol"], json!("TCP"));
    }
    let env = container.get_mut("env").and_then(Value::as_array_mut);
    for variable in env.into_iter().flatten() {
        if at(variable, &["valueFrom", "fieldRef"]).is_some() {
            default_at(variable, &["valueFrom", "fieldRef", "apiVersion"], json!("v1"));
        }
    }
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(probe) = container.get_mut(probe).filter(|probe| probe.is_object()) {
            default_at(probe, &["timeoutSeconds"], json!(1));
            default_at(probe, &["periodSeconds"], json!(10));
            default_at(probe, &["successThreshold"], json!(1));
            default_at(probe, &["failureThreshold"], json!(3));
            if at(probe, &["httpGet"]).is_some() {
                default_at(probe, &["httpGet", "scheme"], json!("HTTP"));
                default_at(probe, &["httpGet", "path"], json!("/"));
            }
        }
    }
}

fn default_service(service: &mut Value) {
    default_at(service, &["spec", "type"], json!("ClusterIP"));
    default_at(service, &["spec", "sessionAffinity"], json!("None"));
    default_at(service, &["spec", "internalTrafficPolicy"], json!("Cluster"));
    // There is no service network: every service is a headless one.
    default_at(service, &["spec", "clusterIP"], json!("None"));
    default_at(service, &["status", "loadBalancer"], json!({}));
    let ports = service.get_mut("spec").and_then(|spec| spec.get_mut("ports"));
    for port in ports.and_then(Value::as_array_mut).into_iter().flatten() {
        default_at(port, &["protocol"], json!("TCP"));
        let number = port.get("port").cloned().unwrap_or_default();
        default_at(port, &["targetPort"], number);
    }
}

fn default_secret(secret: &mut Value) {
    default_at(secret, &["type"], json!("Opaque"));
    let Some(Value::Object(plain)) = remove_at(secret, &["stringData"]) else { return };
    let data = object_mut(secret).entry("data").or_insert_with(|| json!({}));
    for (name, text) in plain {
        let encoded = k8s_openapi::ByteString(text.as_str().unwrap_or_default().into());
        let encoded = serde_json::to_value(encoded).unwrap_or_default();
        object_mut(data).insert(name, encoded);
    }
}

/// What is wrong with a decoded object.
pub(super) fn validate(kind: &ResourceType, object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    match (kind.group.as_str(), kind.plural.as_str()) {
        ("", "pods") => validate_pod_spec(object, &["spec"], &mut causes),
        ("apps", "deployments" | "replicasets") => {
            validate_pod_spec(object, &["spec", "template", "spec"], &mut causes);
            validate_template(object, &mut causes);
            not_negative(object, &["spec", "replicas"], &mut causes);
        }
        ("", "services") => {
            for (index, port) in list_at(object, &["spec", "ports"]).iter().enumerate() {
                port_number(port, "port", &format!("spec.ports[{index}].port"), &mut causes);
            }
        }
        ("coordination.k8s.io", "leases") => {
            let path = ["spec", "leaseDurationSeconds"];
            if int_at(object, &path).is_some_and(|seconds| seconds <= 0) {
                let value = at(object, &path).unwrap_or(&Value::Null);
                causes.push(Cause::invalid(path.join("."), value, "must be greater than 0"));
            }
        }
        _ => {}
    }
    causes
}

fn validate_template(object: &Value, causes: &mut Vec<Cause>) {
    let selector = at(object, &["spec", "selector"]).unwrap_or(&Value::Null);
    let labels = at(selector, &["matchLabels"]).and_then(Value::as_object);
    let expressions = list_at(selector, &["matchExpressions"]);
    if labels.is_none_or(serde_json::Map::is_empty) && expressions.is_empty() {
        let why = "empty selector is invalid for deployment";
        causes.push(Cause::invalid("spec.selector", selector, why));
        return;
    }
    let wanted = crate::cluster::scale::selector_text(selector);
    let template = at(object, &["spec", "template"]).unwrap_or(&Value::Null);
    let matched = crate::store::selector::LabelSelector::parse(&wanted)
        .is_ok_and(|selector| selector.matches(template));
    if !matched {
        let labels = at(template, &["metadata", "labels"]).unwrap_or(&Value::Null);
        let why = "`selector` does not match template `labels`";
        causes.push(Cause::invalid("spec.template.metadata.labels", labels, why));
    }
}

fn validate_pod_spec(object: &Value, path: &[&str], causes: &mut Vec<Cause>) {
    let place = path.join(".");
    let spec = at(object, path).unwrap_or(&Value::Null);
    let containers = list_at(spec, &["containers"]);
    if containers.is_empty() {
        causes.push(Cause::required(format!("{place}.containers"), ""));
    }
    let mut names = std::collections::BTreeSet::new();
    for (index, container) in containers.iter().enumerate() {
        let place = format!("{place}.containers[{index}]");
        let name = str_at(container, &["name"]);
        if name.is_empty() {
            causes.push(Cause::required(format!("{place}.name"), ""));
        } else if !names.insert(name) {
            causes.push(Cause {
                field: format!("{place}.name"),
                reason: "FieldValueDuplicate",
                message: format!("Duplicate value: \"{name}\""),
            });
        }
        for (index, port) in list_at(container, &["ports"]).iter().enumerate() {
            let place = format!("{place}.ports[{index}].containerPort");
            port_number(port, "containerPort", &place, causes);
        }
        for (index, variable) in list_at(container, &["env"]).iter().enumerate() {
            if str_at(variable, &["name"]).is_empty() {
                causes.push(Cause::required(format!("{place}.env[{index}].name"), ""));
            }
        }
    }
    let policies = [json!("Always"), json!("OnFailure"), json!("Never")];
    if let Some(policy) = spec.get("restartPolicy").filter(|policy| !policies.contains(policy)) {
        causes.push(Cause::not_supported(format!("{place}.restartPolicy"), policy, &policies));
    }
    let grace = [path, &["terminationGracePeriodSeconds"]].concat();
    not_negative(object, &grace, causes);
}

fn not_negative(object: &Value, path: &[&str], causes: &mut Vec<Cause>) {
    if let Some(value) = at(object, path).filter(|value| value.as_i64().is_some_and(|n| n < 0)) {
        let why = "must be greater than or equal to 0";
        causes.push(Cause::invalid(path.join("."), value, why));
    }
}

fn port_number(port: &Value, field: &str, place: &str, causes: &mut Vec<Cause>) {
    let value = port.get(field).unwrap_or(&Value::Null);
    if value.as_i64().is_none_or(|number| !(1..=65_535).contains(&number)) {
        causes.push(Cause::invalid(place, value, "must be between 1 and 65535, inclusive"));
    }
}

/// What an update of a built-in object may not change.
pub(crate) fn validate_update(kind: &ResourceType, old: &Value, new: &Value) -> Vec<Cause> {
    let fixed: &[&[&str]] = match (kind.group.as_str(), kind.plural.as_str()) {
        ("apps", "deployments" | "replicasets") => &[&["spec", "selector"]],
        ("apiextensions.k8s.io", "customresourcedefinitions") => {
            &[&["spec", "group"], &["spec", "names", "plural"], &["spec", "scope"]]
        }
        ("", "pods") if !str_at(old, &["spec", "nodeName"]).is_empty() => &[&["spec", "nodeName"]],
        _ => &[],
    };
    let changed = fixed.iter().filter(|path| at(old, path) != at(new, path));
    let causes = changed.map(|path| {
        let value = at(new, path).unwrap_or(&Value::Null);
        Cause::invalid(path.join("."), value, "field is immutable")
    });
    let mut causes: Vec<Cause> = causes.collect();
    if at(old, &["immutable"]) == Some(&Value::Bool(true)) && old.get("data") != new.get("data") {
        causes.push(Cause {
            field: "data".into(),
            reason: "FieldValueForbidden",
            message: "Forbidden: field is immutable when `immutable` is set".into(),
        });
    }
    causes
}
