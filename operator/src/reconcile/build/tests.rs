use serde_json::json;

use super::super::validate::validate;
use super::*;
use crate::allocation::Observation;
use crate::crd::StreamingJob;

fn job(strategy: &str) -> ValidJob {
    let job: StreamingJob = serde_json::from_value(json!({
        "apiVersion": "streaming.stormgauge.dev/v1alpha1",
        "kind": "StreamingJob",
        "metadata": {"name": "prices", "namespace": "trading", "uid": "u-1", "generation": 3},
        "spec": {
            "source": {"kafka": {"bootstrapServers": "b:9092", "topic": "in", "group": "g"}},
            "sink": {"kafka": {"topic": "out"}},
            "worker": {
                "command": ["stormgauge", "worker"],
                "env": [{"name": "WORKER_SERVICE_TIME", "value": "constant 200us"}],
                "annotations": {"embedded-kube.dev/start-delay": "300ms"},
                "resources": {"requests": {"cpu": "100m"}, "limits": {"memory": "64Mi"}},
                "readinessPath": "/readyz",
                "terminationGrace": "1500ms",
            },
            "strategy": {"name": strategy},
            "scaling": {"minReplicas": 2, "maxReplicas": 8},
        },
    }))
    .unwrap();
    validate(&job, &Found::default()).unwrap()
}

#[test]
fn the_objects_are_as_reviewed() {
    let desired = compose(&job("LowLatency"), 4, None).unwrap();
    let Desired { decision: _, config_map, service, deployment } = desired;
    let objects = json!([config_map, service, deployment]);
    insta::assert_snapshot!(serde_json::to_string_pretty(&objects).unwrap());
}

#[test]
fn the_number_of_workers_never_rolls_them_and_the_strategy_does() {
    let template = |strategy, replicas| {
        let deployment = compose(&job(strategy), replicas, None).unwrap().deployment;
        serde_json::to_value(deployment.spec.unwrap().template).unwrap()
    };
    assert_eq!(template("LowLatency", 1), template("LowLatency", 8));
    assert_ne!(template("LowLatency", 1), template("HighThroughput", 1));
}

#[test]
fn the_operator_sets_the_whole_worker_contract() {
    let variables = environment(&job("CostOptimized"));
    for own in OWN_VARIABLES {
        assert!(variables.iter().any(|variable| variable.name == own), "{own}");
    }
    let place = |name| variables.iter().position(|variable| variable.name == name).unwrap();
    assert!(place("NODE_NAME") < place("KAFKA_CLIENT_ID"));
    assert!(place("POD_NAME") < place("KAFKA_CLIENT_ID"));
}

#[test]
fn without_an_observation_the_number_stays() {
    let found = Found::default();
    let mut memory = JobMemory { desired: Some(5), ..JobMemory::default() };
    let desired = build(&job("LowLatency"), &found, &mut memory).unwrap();
    assert_eq!(desired.deployment.spec.unwrap().replicas, Some(5));
    assert!(desired.decision.is_none());
}

#[test]
fn the_first_observation_starts_the_fewest_workers() {
    let found = Found { observation: Some(Observation::default()), ..Found::default() };
    let desired = build(&job("LowLatency"), &found, &mut JobMemory::default()).unwrap();
    assert_eq!(desired.deployment.spec.unwrap().replicas, Some(2));
}
