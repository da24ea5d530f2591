//! Who may be hit, by zone, by label and within the blast radius.

use super::*;
use crate::selector::Member;

/// Four nodes, the first two in zone `a` and with fast disks; three brokers, one a zone.
fn zoned() -> Inventory {
    let mut inventory = inventory(4, 3);
    let zones = ["a", "a", "b", "c"];
    for (node, zone) in inventory.nodes.iter_mut().zip(zones) {
        node.zone = Some(zone.to_owned());
        let disk = if zone == "a" { "fast" } else { "slow" };
        node.labels = [("disk".to_owned(), disk.to_owned())].into();
    }
    for (broker, zone) in inventory.brokers.iter_mut().zip(["a", "b", "c"]) {
        broker.zone = Some(zone.to_owned());
    }
    inventory
}

fn found(radius: Value, faults: &[Value]) -> Vec<String> {
    let specs: Vec<FaultSpec> = (0..)
        .zip(faults)
        .map(|(at, fault)| spec(&format!("{at}0s"), "5s", fault.clone()))
        .collect();
    texts(validate(&specs, &serde_json::from_value(radius).unwrap(), &zoned(), LOAD))
}

#[test]
fn a_zone_and_a_label_choose_all_that_have_them() {
    let slow = json!({"label": {"key": "disk", "value": "slow"}});
    let specs = [
        spec("1s", "5s", crash(json!({"zone": "a"}))),
        spec("10s", "5s", crash(slow)),
        spec("20s", "5s", broker(json!({"zone": "b"}))),
    ];
    let plan = sound(&specs, &zoned()).resolve(1);
    let targets: Vec<Vec<String>> = plan.iter().map(|fault| fault.action.targets()).collect();
    assert_eq!(targets, [vec!["node-1", "node-2"], vec!["node-3", "node-4"], vec!["broker-2"]]);
    assert_eq!(plan.iter().map(|fault| fault.reach.clone()).collect::<Vec<_>>(), targets);
}

#[test]
fn a_zone_or_a_label_that_nobody_has_is_refused_with_those_there_are() {
    let label = json!({"label": {"key": "disk", "value": "none"}});
    assert_eq!(
        found(json!({}), &[crash(json!({"zone": "z"})), crash(label.clone()), broker(label)]),
        [
            "faults[0].fault.node_crash.nodes: no node has zone \"z\"; allowed: a, b, c",
            "faults[1].fault.node_crash.nodes: no node has label disk=none; allowed: disk=fast, \
             disk=slow",
            "faults[2].fault.broker_crash.brokers: no broker has label disk=none; allowed: \
             nothing like it here",
        ]
    );
}

#[test]
fn what_is_outside_the_blast_radius_is_refused() {
    let radius = json!({"allow": {"nodes": {"names": ["node-1", "node-2", "node-3"]}},
        "deny": {"nodes": {"zone": "a"}, "brokers": "all"}});
    let pair = json!([{"nodes": "all"}, {"brokers": {"name": "broker-1"}}]);
    let faults = [
        crash(json!({"name": "node-4"})),
        crash(json!("all")),
        crash(json!({"count": 2})),
        crash(json!({"share": 0.5})),
        broker(json!("controller")),
        json!({"network_partition": {"between": pair}}),
    ];
    assert_eq!(
        found(radius, &faults),
        [
            "faults[0].fault.node_crash.nodes: node-4 is outside the blast radius; allowed: node-3",
            "faults[1].fault.node_crash.nodes: node-1 is outside the blast radius; allowed: node-3",
            "faults[2].fault.node_crash.nodes: count 2 of nodes, of which 1 are in the blast \
             radius; allowed: node-3",
            "faults[4].fault.broker_crash.brokers: no brokers are in the blast radius; allowed: \
             none",
            "faults[5].fault.network_partition.between[0].nodes: node-1 is outside the blast \
             radius; allowed: node-3",
            "faults[5].fault.network_partition.between[1].brokers: broker-1 is outside the blast \
             radius; allowed: none",
        ]
    );
}

#[test]
fn a_broker_that_nobody_chooses_is_held_to_the_blast_radius_too() {
    let faults = [
        json!({"leader_move": {"topic": "source", "partition": 0}}),
        json!({"controller_crash": {"failover": "1s"}}),
    ];
    let refused = |kind| format!("{kind}: no brokers are in the blast radius; allowed: none");
    assert_eq!(
        found(json!({"deny": {"brokers": "all"}}), &faults),
        [refused("faults[0].fault.leader_move"), refused("faults[1].fault.controller_crash")]
    );
    let radius: BlastRadius =
        serde_json::from_value(json!({"deny": {"brokers": {"name": "broker-2"}}})).unwrap();
    let specs = faults.map(|fault| spec("1s", "5s", fault));
    for spec in specs {
        let schedule = validate(&[spec], &radius, &zoned(), LOAD).unwrap();
        let fault = &schedule.resolve(1)[0];
        let mut reach = fault.reach.clone();
        reach.sort();
        assert_eq!(reach, ["broker-1", "broker-3"]);
        assert!(fault.action.role().is_some(), "it is found when the fault is due");
    }
}

#[test]
fn what_may_hit_all_is_refused_where_not_all_may_be_hit() {
    let radius = json!({"deny": {"nodes": {"zone": "b"}, "brokers": {"name": "broker-2"}}});
    let faults = [
        json!({"network_bridge": {"brokers": {"name": "broker-1"}}}),
        json!({"pod_kill": {"workers": {"count": 1}}}),
    ];
    assert_eq!(
        found(radius, &faults),
        [
            "faults[0].fault.network_bridge.brokers: all nodes may be hit: node-3 is outside the \
             blast radius; allowed: node-1, node-2, node-4",
            "faults[0].fault.network_bridge.brokers: all brokers may be hit: broker-2 is outside the \
             blast radius; allowed: broker-1, broker-3",
            "faults[1].fault.pod_kill.workers: all nodes may be hit: node-3 is outside the blast \
             radius; allowed: node-1, node-2, node-4",
        ]
    );
}

#[test]
fn a_blast_radius_that_cannot_be_is_refused() {
    let radius = json!({"allow": {"nodes": {"count": 1}}, "deny": {"brokers": {"zone": "z"}},
        "brokers_down": 4});
    assert_eq!(
        found(radius, &[]),
        [
            "blast_radius.allow.nodes: not known beforehand; allowed: all, name, names, zone, label",
            "blast_radius.deny.brokers: no broker has zone \"z\"; allowed: a, b, c",
            "blast_radius.brokers_down: 4 of 3; allowed: 0 to 3",
        ]
    );
}

#[test]
fn more_may_be_down_if_asked_and_less_too() {
    let three = broker(json!("all"));
    assert_eq!(found(json!({"brokers_down": 3}), &[three]), [""; 0]);
    assert_eq!(
        found(json!({"nodes_down": 1}), &[crash(json!({"count": 2}))]),
        [
            "faults[0].fault.node_crash.nodes: 2 of 4 nodes would be down at once; allowed: up to 1, \
          as the blast radius says"
        ]
    );
}

proptest! {
    #[test]
    fn a_draw_keeps_within_the_blast_radius(seed in any::<u64>(), count in 1_usize..=2) {
        let radius = serde_json::from_value(json!({"deny": {"nodes": {"zone": "a"}}})).unwrap();
        let specs = [spec("1s", "5s", crash(json!({"count": count}))),
            spec("10s", "5s", crash(json!({"share": 0.5})))];
        let plan = validate(&specs, &radius, &zoned(), LOAD).unwrap().resolve(seed);
        for fault in &plan {
            let hit = fault.action.targets();
            prop_assert!(hit.iter().all(|name| ["node-3", "node-4"].contains(&name.as_str())));
            prop_assert_eq!(fault.reach.len(), 2);
            prop_assert_eq!(&fault.reach[..hit.len()], &hit[..]);
        }
        prop_assert_eq!(plan[1].action.targets().len(), 1);
    }
}

#[test]
fn a_member_is_read_as_it_is_written() {
    let member = Member { zone: Some("a".to_owned()), ..Member::named("node-1") };
    let text = serde_json::to_string(&member).unwrap();
    assert_eq!(serde_json::from_str::<Member>(&text).unwrap(), member);
}
