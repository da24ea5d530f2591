mod network;
mod radius;
mod timing;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::fault::Fault;

const LOAD: Duration = Duration::from_secs(60);

fn inventory(nodes: usize, brokers: usize) -> Inventory {
    Inventory::numbered(nodes, brokers, 24)
}

fn spec(at: &str, hold: &str, fault: Value) -> FaultSpec {
    serde_json::from_value(json!({"at": at, "for": hold, "fault": fault})).unwrap()
}

fn timed(times: Value, fault: Value) -> FaultSpec {
    let mut spec = json!({"for": "2s", "fault": fault});
    spec.as_object_mut().unwrap().extend(times.as_object().unwrap().clone());
    serde_json::from_value(spec).unwrap()
}

fn problems(specs: &[FaultSpec]) -> Vec<String> {
    texts(validate(specs, &BlastRadius::default(), &inventory(3, 3), LOAD))
}

fn texts(found: Result<Schedule, Vec<ScheduleProblem>>) -> Vec<String> {
    found.err().iter().flatten().map(ToString::to_string).collect()
}

/// The schedule, in which nothing is wrong.
fn sound(specs: &[FaultSpec], inventory: &Inventory) -> Schedule {
    validate(specs, &BlastRadius::default(), inventory, LOAD).unwrap()
}

fn crash(nodes: Value) -> Value {
    json!({"node_crash": {"nodes": nodes}})
}

fn broker(brokers: Value) -> Value {
    json!({"broker_crash": {"brokers": brokers}})
}

fn delay(delay: &str, jitter: &str) -> Value {
    let between = json!([{"nodes": "all"}, {"brokers": "all"}]);
    json!({"network_delay": {"between": between, "delay": delay, "jitter": jitter}})
}

#[test]
fn a_fault_that_cannot_be_is_refused_with_its_place_and_what_is_allowed() {
    let leader = json!({"leader_of": {"topic": "result", "partition": 0}});
    let cases: Vec<(Value, &str)> = vec![
        (
            crash(json!({"name": "node-9"})),
            "faults[0].fault.node_crash.nodes: no node is called \"node-9\"; \
             allowed: node-1, node-2, node-3",
        ),
        (
            crash(json!({"names": []})),
            "faults[0].fault.node_crash.nodes: names no node; allowed: node-1, node-2, node-3",
        ),
        (
            crash(json!({"names": ["node-1", "node-1"]})),
            "faults[0].fault.node_crash.nodes: node \"node-1\" is named twice",
        ),
        (
            crash(json!({"count": 0})),
            "faults[0].fault.node_crash.nodes: count 0 of nodes; allowed: 1 to 3",
        ),
        (
            crash(json!({"count": 4})),
            "faults[0].fault.node_crash.nodes: count 4 of nodes; allowed: 1 to 3",
        ),
        (
            crash(json!({"share": 0.0})),
            "faults[0].fault.node_crash.nodes: share 0 of nodes; allowed: above 0 and up to 1",
        ),
        (
            crash(leader),
            "faults[0].fault.node_crash.nodes: the leader of result/0 is a broker, not a node; \
             allowed: all, name, names, zone, label, count, share",
        ),
        (
            crash(json!("all")),
            "faults[0].fault.node_crash.nodes: 3 of 3 nodes would be down at once; \
             allowed: up to 2, so that at least one stays up",
        ),
        (
            broker(json!({"count": 2})),
            "faults[0].fault.broker_crash.brokers: 2 of 3 brokers would be down at once; \
             allowed: up to 1, so that a majority stays up",
        ),
        (
            broker(json!({"leader_of": {"topic": "result", "partition": 24}})),
            "faults[0].fault.broker_crash.brokers: partition 24; allowed: 0 to 23",
        ),
        (
            json!({"leader_move": {"topic": "source", "partition": -1}}),
            "faults[0].fault.leader_move.partition: partition -1; allowed: 0 to 23",
        ),
    ];
    for (fault, expected) in cases {
        assert_eq!(problems(&[spec("1s", "1s", fault)]), [expected]);
    }
}

#[test]
fn brokers_that_fail_in_any_way_leave_a_majority() {
    let all = "3 of 3 brokers would be down at once; allowed: up to 1, so that a majority stays up";
    let cases = [
        ("broker_power_loss", json!({"brokers": "all"})),
        ("broker_shutdown", json!({"brokers": "all"})),
        ("broker_isolation", json!({"brokers": "all", "from": "clients"})),
        ("broker_disk", json!({"brokers": "all", "state": "full"})),
    ];
    for (kind, parameters) in cases {
        let found = problems(&[spec("1s", "1s", json!({kind: parameters}))]);
        assert_eq!(found, [format!("faults[0].fault.{kind}.brokers: {all}")]);
    }
    let slow = json!({"broker_disk": {"brokers": "all", "state": {"slow": {"delay": "50ms"}}}});
    let lag = json!({"replication_lag": {"brokers": "all", "delay": "50ms"}});
    let crash = broker(json!({"leader_of": {"topic": "source", "partition": 0}}));
    let together = [spec("1s", "5s", slow), spec("1s", "5s", lag), spec("2s", "1s", crash)];
    assert_eq!(problems(&together), [""; 0], "slow brokers are up");
}

#[test]
fn delays_of_brokers_are_shorter_than_the_fault() {
    let cases = [
        (
            json!({"controller_crash": {"failover": "2s"}}),
            "faults[0].fault.controller_crash.failover: failover 2s; allowed: 100ms to 1s, \
             as long as the fault lasts",
        ),
        (
            json!({"broker_disk": {"brokers": "all", "state": {"slow": {"delay": "1s"}}}}),
            "faults[0].fault.broker_disk.state.slow.delay: delay 1s; allowed: above 0s and below \
             1s, as long as the fault lasts",
        ),
        (
            json!({"replication_lag": {"brokers": "all", "delay": "0s"}}),
            "faults[0].fault.replication_lag.delay: a delay of 0s changes nothing; \
             allowed: above 0s",
        ),
        (
            json!({"replication_lag": {"brokers": "all", "delay": "900ms", "jitter": "100ms"}}),
            "faults[0].fault.replication_lag.delay: delay and jitter last as long as the fault; \
             allowed: below 1s in sum",
        ),
    ];
    for (fault, expected) in cases {
        assert_eq!(problems(&[spec("1s", "1s", fault)]), [expected]);
    }
}

#[test]
fn failing_requests_are_of_a_kind_that_can_fail_so() {
    let errors = |api: &str, error: &str, requests: Value| {
        json!({"broker_errors": {"brokers": "all", "api": api, "error": error,
            "requests": requests}})
    };
    let cases = [
        (
            errors("fetch", "rebalance_in_progress", json!("all")),
            "faults[0].fault.broker_errors.error: no broker answers fetch with \
             rebalance_in_progress; allowed: unknown_server_error, unknown_topic_or_partition, \
             not_leader_or_follower, fenced_leader_epoch, kafka_storage_error",
        ),
        (
            errors("produce", "request_timed_out", json!({"share": 1.5})),
            "faults[0].fault.broker_errors.requests: share 1.5 of requests; allowed: above 0 and \
             up to 1",
        ),
        (
            json!({"lost_acknowledgement": {"brokers": "all", "requests": {"count": 0}}}),
            "faults[0].fault.lost_acknowledgement.requests: count 0 of requests; allowed: 1 and \
             above",
        ),
        (
            json!({"fetch_stall": {"brokers": {"name": "broker-9"}}}),
            "faults[0].fault.fetch_stall.brokers: no broker is called \"broker-9\"; allowed: \
             broker-1, broker-2, broker-3",
        ),
        (
            json!({"broker_throttle": {}}),
            "faults[0].fault.broker_throttle.produce_bytes_per_s: no quota is given; allowed: \
             produce_bytes_per_s, fetch_bytes_per_s or both",
        ),
        (
            json!({"broker_throttle": {"fetch_bytes_per_s": 0}}),
            "faults[0].fault.broker_throttle.fetch_bytes_per_s: 0 bytes a second; allowed: 1 and \
             above",
        ),
    ];
    for (fault, expected) in cases {
        assert_eq!(problems(&[spec("1s", "1s", fault)]), [expected]);
    }
}

#[test]
fn two_faults_that_change_the_same_answers_contradict_each_other() {
    let lost = json!({"lost_acknowledgement": {"brokers": {"name": "broker-1"}}});
    let errors = |api: &str| {
        json!({"broker_errors": {"brokers": {"name": "broker-2"}, "api": api,
            "error": "kafka_storage_error"}})
    };
    let found = problems(&[spec("1s", "5s", lost), spec("3s", "1s", errors("produce"))]);
    assert_eq!(
        found,
        ["faults[1].fault.broker_errors: contradicts \"lost_acknowledgement-1\", which changes \
          the answers to produce requests at the same time; allowed: a second between the two"]
    );
    let apart = [spec("1s", "5s", errors("fetch")), spec("3s", "1s", errors("produce"))];
    assert_eq!(problems(&apart), [""; 0]);
    let throttle = |at: &str| spec(at, "2s", json!({"broker_throttle": {"fetch_bytes_per_s": 9}}));
    assert_eq!(problems(&[throttle("1s"), throttle("2s")]).len(), 1);
    assert_eq!(problems(&[throttle("1s"), throttle("4s")]), [""; 0]);
}

#[test]
fn all_problems_are_collected_not_only_the_first() {
    let found = problems(&[
        spec("70s", "10ms", crash(json!({"name": "a"}))),
        spec("1s", "1s", broker(json!({"names": ["b", "c"]}))),
    ]);
    assert_eq!(found.len(), 5, "{found:#?}");
}

#[test]
fn faults_that_harm_too_much_only_together_are_refused() {
    let down = |name: &str| json!({"name": name});
    let cases = [
        (
            [spec("1s", "10s", crash(down("node-1"))), spec("5s", "1s", crash(down("node-1")))],
            "faults[1].fault.node_crash.nodes: contradicts \"node_crash-1\", which has node-1 down \
             at the same time; allowed: other targets, or a second between the two",
        ),
        (
            [
                spec("1s", "9s", crash(json!({"count": 2}))),
                spec("10s", "1s", json!({"node_pause": {"nodes": down("node-1")}})),
            ],
            "faults[1].fault.node_pause.nodes: 3 of 3 nodes would be down at once with \
             \"node_crash-1\"; allowed: up to 2, so that at least one stays up",
        ),
        (
            [
                spec("1s", "10s", broker(down("broker-1"))),
                spec("5s", "1s", broker(json!({"leader_of": {"topic": "source", "partition": 3}}))),
            ],
            "faults[1].fault.broker_crash.brokers: 2 of 3 brokers would be down at once with \
             \"broker_crash-1\"; allowed: up to 1, so that a majority stays up",
        ),
        (
            [
                spec("1s", "10s", json!({"leader_move": {"topic": "source", "partition": 0}})),
                spec("5s", "1s", json!({"leader_move": {"topic": "source", "partition": 0}})),
            ],
            "faults[1].fault.leader_move.partition: contradicts \"leader_move-1\", which moves the \
             leader of source/0 at the same time; allowed: another partition, or a second between \
             the two",
        ),
    ];
    for (specs, expected) in cases {
        assert_eq!(problems(&specs), [expected]);
    }
}

#[test]
fn a_fault_a_second_after_the_other_has_ended_is_accepted() {
    let first = spec("1s", "9s", broker(json!("all")));
    assert_eq!(problems(std::slice::from_ref(&first)).len(), 1);
    let first = spec("1s", "9s", broker(json!({"name": "broker-1"})));
    let second = |at: &str| spec(at, "1s", broker(json!({"name": "broker-1"})));
    assert_eq!(problems(&[first.clone(), second("10900ms")]).len(), 1);
    assert_eq!(problems(&[first, second("11s")]), [""; 0]);
}

#[test]
fn a_draw_that_might_find_no_free_target_is_refused() {
    // Never more than three of four down, and yet no node is free for the whole of the last.
    let specs = [
        spec("1s", "3s", crash(json!({"names": ["node-1", "node-2"]}))),
        spec("6s", "3s", crash(json!({"names": ["node-3", "node-4"]}))),
        spec("1s", "9s", json!({"node_pause": {"nodes": {"count": 1}}})),
    ];
    let problems = texts(validate(&specs, &BlastRadius::default(), &inventory(4, 3), LOAD));
    assert_eq!(
        problems,
        ["faults[2].fault.node_pause.nodes: wants 1 of 4, of which overlapping faults take up to \
          4; allowed: up to 0 here, or fixed names"]
    );
}

#[test]
fn names_are_unique_and_printable() {
    let named = |name: &str| FaultSpec {
        name: Some(name.to_owned()),
        ..spec("1s", "1s", delay("1ms", "0s"))
    };
    assert_eq!(
        problems(&[
            named("a"),
            named("a"),
            named(""),
            named("b\n"),
            named("network_delay-6"),
            FaultSpec { name: None, ..named("") },
            named("b #2"),
        ]),
        [
            "faults[1].name: name \"a\" is already that of faults[0]",
            "faults[2].name: unfit name; allowed: 1 to 64 printable bytes without \" #\"",
            "faults[3].name: unfit name; allowed: 1 to 64 printable bytes without \" #\"",
            "faults[5].name: name \"network_delay-6\" is already that of faults[4]",
            "faults[6].name: unfit name; allowed: 1 to 64 printable bytes without \" #\"",
        ]
    );
}

#[test]
fn unknown_fields_and_kinds_are_refused_by_name() {
    let refused = |text: Value| serde_json::from_value::<FaultSpec>(text).unwrap_err().to_string();
    let unknown_field = refused(json!({"at": "1s", "for": "1s", "till": "2s",
        "fault": {"node_crash": {"nodes": "all"}}}));
    assert!(unknown_field.contains("unknown field `till`"), "{unknown_field}");
    let unknown_kind =
        refused(json!({"at": "1s", "for": "1s", "fault": {"node_melt": {"nodes": "all"}}}));
    assert!(unknown_kind.contains("unknown variant `node_melt`"), "{unknown_kind}");
    let unknown_selector = refused(json!({"at": "1s", "for": "1s",
        "fault": {"node_crash": {"nodes": {"some": 1}}}}));
    assert!(unknown_selector.contains("unknown variant `some`"), "{unknown_selector}");
    let no_duration = refused(json!({"at": "soon", "for": "1s",
        "fault": {"node_crash": {"nodes": "all"}}}));
    assert!(no_duration.contains("soon"), "{no_duration}");
}

fn busy_schedule() -> Schedule {
    let specs = [
        spec("20s", "5s", crash(json!({"count": 2}))),
        spec("5s", "30s", json!({"node_pause": {"nodes": {"name": "node-2"}}})),
        spec("22s", "5s", crash(json!({"share": 0.1}))),
        spec("10s", "5s", broker(json!({"count": 1}))),
        spec("30s", "5s", delay("20ms", "5ms")),
        spec(
            "40s",
            "5s",
            json!({"network_partition": {
            "between": [{"nodes": {"count": 2}}, {"brokers": {"share": 0.4}}],
            "direction": "to_first"}}),
        ),
        spec("50s", "5s", broker(json!({"leader_of": {"topic": "source", "partition": 0}}))),
    ];
    sound(&specs, &inventory(6, 5))
}

#[test]
fn the_same_seed_gives_the_same_plan_and_another_seed_another() {
    let schedule = busy_schedule();
    let text = |seed| serde_json::to_string(&schedule.resolve(seed)).unwrap();
    assert_eq!(text(7), text(7));
    assert!((0..20).any(|seed| text(seed) != text(7)));
    let plan = schedule.resolve(7);
    assert!(plan.is_sorted_by_key(|fault| fault.cue.earliest()));
    let partition = plan.iter().find(|fault| fault.name == "network_partition-6").unwrap();
    let Fault::NetworkPartition(fault) = &partition.action.fault else {
        panic!("{partition:?}");
    };
    let targets = &partition.action.targets;
    assert_eq!((targets.clients.len(), targets.brokers.len()), (2, 2));
    assert_eq!(fault.proxied(), crate::proxy::Direction::ToClient);
    let led = plan.last().unwrap();
    assert_eq!(led.action.role().unwrap().to_string(), "leader of source/0");
    assert_eq!((&led.down_max[..], led.action.targets().len()), (&[2][..], 0));
    let again: Vec<PlannedFault> = serde_json::from_str(&text(7)).unwrap();
    assert_eq!(again, plan);
}

#[test]
fn a_fault_added_at_the_end_leaves_the_draws_before_it_alone() {
    let specs: Vec<FaultSpec> =
        (0..4).map(|at| spec(&format!("{at}0s"), "2s", crash(json!({"count": 1})))).collect();
    let inventory = inventory(9, 3);
    let fewer = sound(&specs[..3], &inventory);
    let more = sound(&specs, &inventory);
    assert_eq!(fewer.resolve(3), more.resolve(3)[..3]);
}

proptest! {
    #[test]
    fn no_seed_makes_two_faults_take_the_same_target_down(seed in any::<u64>()) {
        let plan = busy_schedule().resolve(seed);
        for (index, fault) in plan.iter().enumerate() {
            for other in &plan[..index] {
                let apart = other.cue.earliest() + other.hold < fault.cue.earliest();
                let theirs = other.action.takes_down();
                let mine = fault.action.takes_down();
                let shared = mine.iter().any(|mine| {
                    theirs.iter().any(|theirs| mine.1.iter().any(|name| theirs.1.contains(name)))
                });
                prop_assert!(apart || !shared, "{} and {}", fault.name, other.name);
            }
        }
    }
}
