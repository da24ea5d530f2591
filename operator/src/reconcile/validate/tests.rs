use serde_json::{Value, json};

use super::*;

fn job(change: impl FnOnce(&mut Value)) -> StreamingJob {
    let mut job = json!({
        "apiVersion": "streaming.stormgauge.dev/v1alpha1",
        "kind": "StreamingJob",
        "metadata": {"name": "prices", "namespace": "trading", "uid": "u-1"},
        "spec": {
            "source": {"kafka": {"bootstrapServers": "b:9092", "topic": "in", "group": "g"}},
            "worker": {"command": ["worker"]},
            "strategy": {"name": "LowLatency"},
            "scaling": {"maxReplicas": 8},
        },
    });
    change(&mut job);
    serde_json::from_value(job).unwrap()
}

fn refused(change: impl FnOnce(&mut Value)) -> String {
    validate(&job(change), &Found::default()).unwrap_err().to_string()
}

#[test]
fn a_minimal_job_is_valid_with_the_defaults() {
    let valid = validate(&job(|_| {}), &Found::default()).unwrap();
    assert_eq!(valid.plan.limits.sync_period, Duration::from_secs(15));
    assert_eq!(valid.plan.limits.stabilization_window, Duration::from_mins(5));
    assert_eq!(valid.termination_grace, Duration::from_secs(10));
    assert_eq!(valid.owner.controller, Some(true));
}

#[test]
fn every_wrong_field_is_named_with_what_to_do() {
    for (pointer, value, expected) in [
        ("/metadata/name", json!("9lives"), "metadata.name: must be at most 63"),
        ("/metadata/name", json!("a".repeat(64)), "metadata.name: must be at most 63"),
        (
            "/spec/source/kafka/bootstrapServers",
            json!("b:9092,nowhere"),
            "spec.source.kafka.bootstrapServers: \"nowhere\" is no host:port",
        ),
        ("/spec/source/kafka/bootstrapServers", json!(""), "list brokers as host:port"),
        ("/spec/source/kafka/bootstrapServers", json!("b:0"), "is no host:port"),
        ("/spec/source/kafka/topic", json!("a b"), "spec.source.kafka.topic: must have"),
        ("/spec/source/kafka/group", json!(""), "spec.source.kafka.group: must have"),
        ("/spec/worker/command", json!([]), "spec.worker.command: is empty and there is no image"),
        ("/spec/worker/metricsPort", json!(70_000), "spec.worker.metricsPort: 70000 is no port"),
        ("/spec/worker/readinessPath", json!("readyz"), "readinessPath: must start with /"),
        (
            "/spec/worker/env",
            json!([{"name": "POD_IP"}]),
            "spec.worker.env[0].name: POD_IP is set by the operator; remove it",
        ),
        (
            "/spec/worker/env",
            json!([{"name": "A"}, {"name": "A"}]),
            "spec.worker.env[1].name: A is there twice; keep one",
        ),
        (
            "/spec/scaling/minReplicas",
            json!(9),
            "spec.scaling.minReplicas: 9 is above maxReplicas 8; lower it",
        ),
        ("/spec/scaling/maxReplicas", json!(-1), "spec.scaling.maxReplicas: -1 is outside 1"),
        ("/spec/scaling/tolerance", json!(7.5), "spec.scaling.tolerance: 7.5 is no share"),
        ("/spec/scaling/syncPeriod", json!("10ms"), "spec.scaling.syncPeriod: 10ms is too short"),
        ("/spec/scaling/cooldown", json!("soon"), "spec.scaling.cooldown: \"soon\" is no duration"),
        ("/spec/scaling/cooldown", json!("9years"), "spec.scaling.cooldown: 9years is too long"),
        (
            "/spec/scaling/up",
            json!({"replicas": 0, "period": "1m"}),
            "spec.scaling.up.replicas: must be at least 1; leave it out for no limit",
        ),
        ("/spec/objectives", json!({"p99Latency": "-1s"}), "spec.objectives.p99Latency: \"-1s\""),
    ] {
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        let message = refused(|job| {
            job.pointer_mut(parent).unwrap()[field] = value.clone();
        });
        assert!(message.contains(expected), "{pointer}: {message}");
    }
}

#[test]
fn all_problems_are_told_at_once() {
    let message = refused(|job| {
        job["spec"]["worker"]["command"] = json!([]);
        job["spec"]["scaling"]["tolerance"] = json!(-1.0);
    });
    assert_eq!(message.matches("spec.").count(), 2, "{message}");
}

#[test]
fn an_object_of_somebody_else_is_not_taken_over() {
    let found = |uid| Found {
        deployment: serde_json::from_value(json!({"metadata": {"name": "prices",
            "ownerReferences": [{"apiVersion": "v1", "kind": "X", "name": "x", "uid": uid}]}}))
        .unwrap(),
        ..Found::default()
    };
    assert!(validate(&job(|_| {}), &found("u-1")).is_ok());
    let message = validate(&job(|_| {}), &found("u-2")).unwrap_err().to_string();
    assert!(message.contains("a Deployment of this name belongs to something else"), "{message}");
}
