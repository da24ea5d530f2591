//! Every fault of the network in one small trial: each lands and heals, and nothing is lost.

mod program;

use program::{stormgauge, text};

const SCENARIO: &str = "
name: network
duration: 12s
warm_up: 1s
environment: { nodes: 2, partitions: 4, brokers: 3 }
workload:
  events: { market_data: { symbols: 10, correlation: 0.5, volatility: 0.2, skew: 0.5 } }
  arrival: { rate_per_s: 200, shape: constant }
  payload_bytes: 200
job:
  worker: { start_delay: 0s, session_timeout: 5s }
  scaling: { min_replicas: 2, max_replicas: 2, sync_period: 500ms }
strategies: [low_latency]
faults:
  - at: 1s
    for: 800ms
    fault: { network_loss: { between: [{ nodes: all }, { brokers: all }], share: 0.4, timeout: 20ms } }
  - at: 1s
    for: 2s
    fault: { network_partition: { between: [operator, api_server] } }
  - at: 2s
    for: 800ms
    fault: { network_bandwidth: { between: [{ nodes: all }, { brokers: all }], bytes_per_s: 50000 } }
  - at: 3s
    for: 800ms
    fault: { connection_storm: { brokers: all, connections: 20 } }
  - at: 3500ms
    for: 2s
    fault: { connection_reset: { between: [operator, api_server], after: 500ms } }
  - at: 4s
    for: 800ms
    fault: { network_bridge: { brokers: { count: 1 } } }
  # What ends connections comes last: clients wait ever longer before they connect again.
  - at: 5s
    for: 500ms
    fault: { connection_half_open: { between: [{ nodes: all }, { brokers: all }], kept_by: first } }
  - at: 6s
    for: 800ms
    fault: { network_blackhole: { between: [{ nodes: all }, { brokers: all }] } }
  - at: 7200ms
    for: 500ms
    fault: { connection_reset: { between: [{ nodes: all }, { brokers: all }] } }
  - at: 8500ms
    for: 2s
    fault: { connection_slow_close: { between: [{ nodes: all }, { brokers: all }], delay: 200ms } }
  - at: 9s
    for: 2s
    fault: { broker_crash: { brokers: { leader_of: { topic: source, partition: 0 } } } }
  - at: 10500ms
    for: 1s
    fault:
      network_delay:
        between: [{ nodes: all }, { brokers: all }]
        delay: 2ms
        jitter: 5ms
        law: heavy_tail
";

#[test]
fn every_fault_of_the_network_lands_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("network.yaml"), SCENARIO).unwrap();
    let output = stormgauge(folder.path(), &["run", "network.yaml", "--out", "out"]);
    let path = folder.path().join("out/records/network-low_latency-1.json");
    let told = text(&output.stderr);
    let record = results::RunRecord::read(&path).unwrap_or_else(|error| panic!("{error}: {told}"));
    for fault in &record.faults {
        assert_eq!(fault.state, results::FaultState::Landed, "{fault:?}");
        assert!(fault.healed_s.is_some(), "{fault:?}");
    }
    assert_eq!(record.delivery.acknowledged, record.delivery.planned);
    assert_eq!(record.delivery.lost + record.delivery.reordered + record.delivery.unexpected, 0);
}
