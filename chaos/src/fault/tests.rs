use serde_json::{Value, json};

use super::*;
use crate::schedule::validate;
use crate::selector::Inventory;

const LOAD: Duration = Duration::from_secs(120);

fn spec(fault: Value) -> FaultSpec {
    serde_json::from_value(json!({"at": "1m 30s", "for": "1s", "fault": fault})).unwrap()
}

#[test]
fn the_catalogue_has_every_kind_once_and_specs_survive_a_round_trip() {
    let between = json!([{"brokers": "all"}, "operator"]);
    let faults = [
        json!({"node_crash": {"nodes": "all"}}),
        json!({"node_pause": {"nodes": {"share": 0.5}}}),
        json!({"network_partition": {"between": &between, "direction": "to_first"}}),
        json!({"network_delay": {"between": between, "delay": "1ms", "jitter": "1ms"}}),
        json!({"network_loss": {"between": ["operator", "api_server"], "share": 0.1,
            "burst": 2.0, "round_trip": "1ms", "timeout": "100ms"}}),
        json!({"network_bandwidth": {"between": [{"nodes": "all"}, {"brokers": "all"}],
            "bytes_per_s": 100_000}}),
        json!({"network_blackhole": {"between": [{"brokers": "all"}, "operator"]}}),
        json!({"network_bridge": {"brokers": {"count": 1}}}),
        json!({"connection_reset": {"between": ["api_server", "operator"], "after": "50ms"}}),
        json!({"connection_half_open": {"between": [{"nodes": "all"}, {"brokers": "all"}],
            "kept_by": "second"}}),
        json!({"connection_slow_close": {"between": [{"nodes": "all"}, {"brokers": "all"}],
            "delay": "100ms"}}),
        json!({"connection_storm": {"brokers": "all", "connections": 500}}),
        json!({"broker_crash": {"brokers": "all"}}),
        json!({"leader_move": {"topic": "result", "partition": 0}}),
        json!({"broker_power_loss": {"brokers": {"count": 1}}}),
        json!({"broker_shutdown": {"brokers": {"name": "broker-1"}}}),
        json!({"broker_isolation": {"brokers": {"count": 1}, "from": "peers"}}),
        json!({"controller_crash": {"failover": "1s"}}),
        json!({"broker_disk": {"brokers": {"count": 1}, "state": "full"}}),
        json!({"replication_lag": {"brokers": "all", "delay": "200ms", "jitter": "50ms"}}),
        json!({"broker_errors": {"brokers": "all", "api": "offset_commit",
            "error": "rebalance_in_progress", "requests": {"share": 0.5}}}),
        json!({"lost_acknowledgement": {"brokers": {"count": 1}, "requests": {"count": 3}}}),
        json!({"fetch_stall": {"brokers": {"name": "broker-1"}}}),
        json!({"broker_throttle": {"fetch_bytes_per_s": 100_000}}),
        json!({"api_down": {}}),
        json!({"api_slow": {"delay": "500ms"}}),
        json!({"api_errors": {"error": "too_many_requests", "requests": {"share": 0.5}}}),
        json!({"watch_drop": {"every": "200ms"}}),
        json!({"watch_stall": {}}),
        json!({"events_delayed": {"by": "500ms", "merged": true}}),
        json!({"stale_list": {"reads": "allowing"}}),
        json!({"history_compacted": {}}),
        json!({"operator_kill": {}}),
        json!({"operator_twice": {}}),
        json!({"lease_lost": {}}),
    ];
    let faults = faults.map(spec);
    let kinds: Vec<&str> = faults.iter().map(|spec| spec.fault.kind().kind).collect();
    let catalogue: Vec<&str> = catalogue().iter().map(|kind| kind.kind).collect();
    assert_eq!(kinds, catalogue);
    for spec in faults {
        let text = serde_json::to_string(&spec).unwrap();
        assert!(text.contains(&format!("{{\"{}\":", spec.fault.kind().kind)), "{text}");
        assert_eq!(serde_json::from_str::<FaultSpec>(&text).unwrap(), spec);
    }
    let schema = serde_json::to_value(schemars::schema_for!(FaultSpec)).unwrap();
    assert_eq!(schema["properties"]["at"]["type"], "string");
    assert_eq!(schema["additionalProperties"], false);
}

#[test]
fn what_has_to_pass_within_a_fault_is_shorter() {
    for (time, fault) in [("1s", "api_slow.delay"), ("0s", "watch_drop.every")] {
        let (kind, field) = fault.split_once('.').unwrap();
        let expected = format!(
            "faults[0].fault.{fault}: {time}; allowed: above 0s and below 1s, as long as the fault \
             lasts"
        );
        let problems = validate(&[spec(json!({kind: {field: time}}))], &Inventory::default(), LOAD);
        let found = problems.unwrap_err();
        assert_eq!(found.iter().map(ToString::to_string).collect::<Vec<_>>(), [expected]);
    }
}
