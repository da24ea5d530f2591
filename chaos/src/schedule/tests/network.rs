//! Faults of the network that cannot be.

use super::*;

fn with(kind: &str, parameters: Value) -> Value {
    let mut parameters = parameters;
    parameters["between"] = json!([{"nodes": "all"}, {"brokers": "all"}]);
    json!({kind: parameters})
}

/// The problem of a fault that lasts a second, without its path.
fn problem(fault: Value) -> String {
    let kind = fault.as_object().and_then(|fault| fault.keys().next()).cloned().unwrap();
    let found = problems(&[spec("1s", "1s", fault)]);
    assert_eq!(found.len(), 1, "{found:?}");
    found[0].strip_prefix(&format!("faults[0].fault.{kind}.")).unwrap().to_owned()
}

#[test]
fn a_network_fault_lies_between_clients_and_their_servers() {
    let between = |first: Value, second: Value| {
        problem(json!({"network_partition": {"between": [first, second]}}))
    };
    let expected = "between: nothing can be broken between these two; \
                    allowed: nodes or operator and brokers, or operator and api_server";
    let (nodes, brokers) = (json!({"nodes": "all"}), json!({"brokers": "all"}));
    assert_eq!(between(json!("operator"), nodes.clone()), expected);
    assert_eq!(between(json!("api_server"), nodes), expected);
    assert_eq!(between(brokers.clone(), brokers), expected);
    assert_eq!(
        between(json!("operator"), json!({"brokers": {"name": "x"}})),
        "between[1].brokers: no broker is called \"x\"; allowed: broker-1, broker-2, broker-3"
    );
}

#[test]
fn a_delay_fits_into_its_fault_with_the_tail_of_its_jitter() {
    let cases = [
        (delay("0s", "0s"), "delay: a delay of 0s changes nothing; allowed: above 0s"),
        (delay("10ms", "20ms"), "jitter: jitter 20ms; allowed: 0s to the delay, 10ms"),
        (
            delay("900ms", "100ms"),
            "delay: delays last up to 1s; allowed: below 1s, as long as the fault",
        ),
        (
            with("network_delay", json!({"delay": "1ms", "jitter": "10ms", "law": "heavy_tail"})),
            "delay: delays last up to 1s 1ms; allowed: below 1s, as long as the fault",
        ),
    ];
    for (fault, expected) in cases {
        assert_eq!(problem(fault), expected);
    }
}

#[test]
fn a_loss_leaves_something_and_its_bursts_can_be() {
    let loss = |parameters| problem(with("network_loss", parameters));
    for share in [0.0, -0.1, 0.91, 2.0] {
        let expected = format!("share: share {share}; allowed: above 0 and up to 0.9");
        assert_eq!(loss(json!({"share": share})), expected);
    }
    assert_eq!(
        loss(json!({"share": 0.8, "burst": 3.9})),
        "burst: burst 3.9; allowed at this share: 4.000 and above"
    );
    assert_eq!(
        loss(json!({"share": 0.1, "burst": 0.5})),
        "burst: burst 0.5; allowed at this share: 1.000 and above"
    );
    assert_eq!(
        loss(json!({"share": 0.1, "timeout": "1s"})),
        "timeout: timeout 1s; allowed: above 0s and below 1s, as long as the fault"
    );
    assert_eq!(
        loss(json!({"share": 0.1, "round_trip": "300ms"})),
        "round_trip: round trip 300ms; allowed: above 0s, to the timeout, 200ms"
    );
}

#[test]
fn connections_and_links_keep_within_their_bounds() {
    let cases = [
        (
            with("network_bandwidth", json!({"bytes_per_s": 999})),
            "bytes_per_s: 999 bytes a second; allowed: 1000 and above",
        ),
        (
            with("connection_reset", json!({"after": "1s"})),
            "after: after 1s; allowed: below 1s, as long as the fault",
        ),
        (
            with("connection_slow_close", json!({"delay": "0s"})),
            "delay: delay 0s; allowed: above 0s and below 1s, as long as the fault",
        ),
        (
            json!({"connection_storm": {"brokers": "all", "connections": 2_001}}),
            "connections: 2001 connections; allowed: 1 to 2000",
        ),
        (
            json!({"network_bridge": {"brokers": {"count": 2}}}),
            "brokers: 3 nodes and 1 brokers beside the bridge cannot be halved; \
             allowed: at least two of each",
        ),
    ];
    for (fault, expected) in cases {
        assert_eq!(problem(fault), expected);
    }
}

#[test]
fn half_open_connections_are_kept_by_the_group_that_is_named() {
    use crate::proxy::{Cut, Effect, Keeps};
    let keeps = |between: Value, kept_by: &str| {
        let fault = json!({"connection_half_open": {"between": between, "kept_by": kept_by}});
        let spec = spec("1s", "1s", fault);
        let Fault::ConnectionHalfOpen(fault) = &spec.fault else { panic!("{spec:?}") };
        match fault.effect() {
            Effect::Cut(Cut { keeps, newcomers: false, .. }) => keeps,
            other => panic!("{other:?}"),
        }
    };
    let nodes_first = || json!([{"nodes": "all"}, {"brokers": "all"}]);
    assert_eq!(keeps(nodes_first(), "first"), Keeps::Client);
    assert_eq!(keeps(nodes_first(), "second"), Keeps::Server);
    assert_eq!(keeps(json!(["api_server", "operator"]), "first"), Keeps::Server);
}
