use serde_json::{Value, json};

use super::*;
use crate::schedule::radius::BlastRadius;
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
        json!({"zone_outage": {"zone": "b"}}),
        json!({"node_slow": {"nodes": {"count": 1}, "cpu": 0.2}}),
        json!({"node_reboot": {"nodes": {"count": 1}, "downtime": "500ms"}}),
        json!({"node_drain": {"nodes": {"name": "node-1"}}}),
        json!({"spot_interruption": {"nodes": {"count": 1}, "notice": "500ms"}}),
        json!({"kubelet_silent": {"nodes": {"count": 1}}}),
        json!({"memory_pressure": {"nodes": {"count": 1}}}),
        json!({"disk_pressure": {"nodes": {"count": 1}}}),
        json!({"oom_kill": {"nodes": "all"}}),
        json!({"image_failure": {"nodes": "all"}}),
        json!({"slow_start": {"nodes": "all", "delay": "500ms"}}),
        json!({"clock_skew": {"nodes": {"count": 1}, "gains_ms_per_s": -200}}),
        json!({"clock_jump": {"nodes": "all", "by": "5s", "direction": "back"}}),
        json!({"pod_kill": {"workers": {"count": 1}}}),
        json!({"pod_terminate": {"workers": {"share": 0.5}}}),
        json!({"crash_loop": {"workers": {"count": 1}}}),
        json!({"worker_stuck": {"workers": "all"}}),
        json!({"rolling_upgrade": {}}),
        json!({"memory_leak": {"bytes_per_record": 65_536, "limit_mib": 128}}),
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
        json!({"webhook_timeout": {"timeout": "500ms", "failure_policy": "ignore"}}),
        json!({"operator_kill": {}}),
        json!({"operator_twice": {}}),
        json!({"lease_lost": {}}),
        json!({"operator_clock_jump": {"by": "1m", "direction": "forward"}}),
        json!({"operator_clock_skew": {"gains_ms_per_s": -250}}),
        json!({"coordinator_move": {}}),
        json!({"rebalance_storm": {"every": "200ms"}}),
        json!({"under_replicated": {"brokers": "all"}}),
        json!({"partition_increase": {"add": 3}}),
        json!({"rescale": {"replicas": 3}}),
        json!({"malformed_messages": {"rate_per_s": 10}}),
        json!({"incompatible_schema": {"rate_per_s": 10}}),
        json!({"oversized_messages": {"bytes": 2_000_000, "rate_per_s": 2}}),
        json!({"poison_message": {"messages": 2}}),
        json!({"hot_key": {"share": 0.5}}),
        json!({"duplicate_sends": {"share": 0.5}}),
        json!({"upstream_silence": {}}),
        json!({"broker_pause": {"brokers": {"count": 1}}}),
        json!({"broker_memory": {"brokers": {"count": 1}}}),
        json!({"broker_cpu": {"brokers": "all", "processors": 0.25}}),
        json!({"partition_reassignment": {"topic": "source", "partition": 0}}),
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

fn problems(fault: Value) -> Vec<String> {
    let (radius, inventory) = (BlastRadius::default(), Inventory::numbered(2, 0, 0));
    let found = validate(&[spec(fault)], &radius, &inventory, LOAD).err().unwrap_or_default();
    found.iter().map(ToString::to_string).collect()
}

#[test]
fn a_slow_node_has_a_part_of_the_time() {
    let slow = |cpu: f64| problems(json!({"node_slow": {"nodes": {"count": 1}, "cpu": cpu}}));
    assert!(slow(0.5).is_empty());
    for cpu in [0.0, 1.0, -0.1] {
        let expected = format!(
            "faults[0].fault.node_slow.cpu: share {cpu} of the time; allowed: above 0 and below 1"
        );
        assert_eq!(slow(cpu), [expected]);
    }
}

#[test]
fn a_few_messages_are_poison_enough() {
    let poison = |messages: u32| problems(json!({"poison_message": {"messages": messages}}));
    assert!(poison(1).is_empty());
    for messages in [0, 11] {
        let expected =
            format!("faults[0].fault.poison_message.messages: {messages}; allowed: 1 to 10");
        assert_eq!(poison(messages), [expected]);
    }
}

#[test]
fn a_clock_is_wrong_by_enough_to_be_seen_and_not_absurdly() {
    let skew = |gains: i32| {
        problems(json!({"clock_skew": {"nodes": {"count": 1}, "gains_ms_per_s": gains}}))
    };
    let at = "faults[0].fault.clock_skew.gains_ms_per_s";
    assert!(skew(500).is_empty() && skew(-100).is_empty());
    assert_eq!(skew(-501), [format!("{at}: -501; allowed: -500 to 500")]);
    let unseen = "in each of 1s comes to less than 100 ms, which would not show";
    assert_eq!(skew(99), [format!("{at}: 99 {unseen}")]);
    assert_eq!(skew(0), [format!("{at}: 0 {unseen}")]);
    let skewed = problems(json!({"operator_clock_skew": {"gains_ms_per_s": 500}}));
    let at = "faults[0].fault.operator_clock_skew.gains_ms_per_s";
    let unseen = "in each of 1s comes to less than 1000 ms, which would not show";
    assert_eq!(skewed, [format!("{at}: 500 {unseen}")]);
    let jump = |kind: &str, rest: Value, by: &str| {
        let mut fault = rest;
        fault["by"] = json!(by);
        problems(json!({kind: fault}))
    };
    let nodes = || json!({"nodes": {"count": 1}});
    assert!(jump("clock_jump", nodes(), "100ms").is_empty());
    let at = "faults[0].fault.clock_jump.by";
    let expected = format!("{at}: 99ms; allowed: 100ms to 1day");
    assert_eq!(jump("clock_jump", nodes(), "99ms"), [expected]);
    let at = "faults[0].fault.operator_clock_jump.by";
    let expected = format!("{at}: 2days; allowed: 1s to 1day");
    assert_eq!(jump("operator_clock_jump", json!({}), "2days"), [expected]);
}

#[test]
fn what_has_to_pass_within_a_fault_is_shorter() {
    let nothing = json!({});
    let nodes = json!({"nodes": {"count": 1}});
    for (time, kind, field, rest) in [
        ("1s", "node_reboot", "downtime", &nodes),
        ("0s", "spot_interruption", "notice", &nodes),
        ("2s", "slow_start", "delay", &nodes),
        ("1s", "api_slow", "delay", &nothing),
        ("0s", "watch_drop", "every", &nothing),
    ] {
        let mut fault = rest.clone();
        fault[field] = json!(time);
        let expected = format!(
            "faults[0].fault.{kind}.{field}: {time}; allowed: above 0s and below 1s, as long as \
             the fault lasts"
        );
        assert_eq!(problems(json!({kind: fault})), [expected]);
    }
}

#[test]
fn an_outage_takes_all_of_its_zone_down_and_leaves_enough_of_the_others() {
    let zoned = |zones: [&str; 4]| {
        let mut inventory = Inventory::numbered(4, 3, 24);
        for members in [&mut inventory.nodes, &mut inventory.brokers] {
            for (member, zone) in members.iter_mut().zip(zones) {
                member.zone = Some(zone.to_owned());
            }
        }
        inventory
    };
    let check = |inventory: &Inventory, more: &[Value]| {
        let outage = json!({"zone_outage": {"zone": "b"}});
        let faults: Vec<FaultSpec> =
            [outage].iter().chain(more).map(|fault| spec(fault.clone())).collect();
        let found = validate(&faults, &BlastRadius::default(), inventory, LOAD);
        found.map_err(|found| found.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    let thirds = zoned(["a", "b", "c", "b"]);
    let plan = check(&thirds, &[]).unwrap().resolve(1);
    assert_eq!(plan[0].action.targets(), ["node-2", "node-4", "broker-2"]);
    let problem = |message: &str| Err(vec![format!("faults[{message}")]);
    let halves = zoned(["b", "b", "a", "a"]);
    assert_eq!(
        check(&halves, &[]).map(drop),
        problem(
            "0].fault.zone_outage.zone: 2 of 3 brokers would be down at once; allowed: up to 1, so \
         that a majority stays up"
        )
    );
    let crash = json!({"broker_crash": {"brokers": {"name": "broker-2"}}});
    let found = check(&thirds, &[crash]).unwrap_err();
    assert!(found[0].starts_with("faults[1].fault.broker_crash.brokers: contradicts"), "{found:?}");
    let without = zoned(["a", "a", "a", "b"]);
    assert_eq!(check(&without, &[]).unwrap().resolve(1)[0].action.targets(), ["node-4"]);
    let nowhere = zoned(["a", "a", "a", "a"]);
    assert_eq!(
        check(&nowhere, &[]).map(drop),
        problem("0].fault.zone_outage.zone: no node has zone \"b\"; allowed: a")
    );
}

#[test]
fn a_leak_is_bounded() {
    let leak = |bytes: u32, mib: u32| {
        problems(json!({"memory_leak": {"bytes_per_record": bytes, "limit_mib": mib}}))
    };
    assert!(leak(1, 1024).is_empty());
    let problems = [
        "faults[0].fault.memory_leak.bytes_per_record: 0; allowed: 1 to 1048576",
        "faults[0].fault.memory_leak.limit_mib: 31; allowed: 32 to 1024",
    ];
    assert_eq!(leak(0, 31), problems);
}

#[test]
fn workers_are_chosen_without_names_and_drawn_from_those_that_run() {
    let kill = |workers: Value| json!({"pod_kill": {"workers": workers}});
    for (workers, message) in [
        (json!({"count": 0}), "count 0 of workers; allowed: 1 and above"),
        (json!({"share": 1.5}), "share 1.5 of workers; allowed: above 0 and up to 1"),
    ] {
        let expected = format!("faults[0].fault.pod_kill.workers: {message}");
        assert_eq!(problems(kill(workers)), [expected]);
    }
    let two = spec(kill(json!({"count": 2})));
    let (radius, inventory) = (BlastRadius::default(), Inventory::numbered(1, 0, 0));
    let schedule = validate(&[two], &radius, &inventory, LOAD).unwrap();
    let action = |seed| schedule.resolve(seed).remove(0).action;
    assert_eq!(action(1).targets(), ["workers"]);
    let running: Vec<String> = ["a", "b", "c", "d"].map(str::to_owned).to_vec();
    let draw = |seed| action(seed).workers(&running);
    assert_eq!((draw(1).len(), draw(1)), (2, draw(1)));
    assert!((0..20).any(|seed| draw(seed) != draw(1)));
    assert_eq!(action(1).workers(&running[..1]), ["a"]);
    assert!(action(1).workers(&[]).is_empty());
}
