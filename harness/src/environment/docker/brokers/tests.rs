use super::*;
use crate::scenario::{ValidatedScenario, builtin, validated::Overrides};

struct World {
    names: Names,
    owner: Owner,
    wanted: Wanted,
    ports: BTreeMap<i32, Ports>,
}

fn world(scenario: &str) -> World {
    let text = builtin::scenario(scenario).unwrap();
    let scenario = ValidatedScenario::parse("it", text, &Overrides::default()).unwrap();
    world_of(Wanted::by(&scenario, "apache/kafka:4.1.0"))
}

fn world_of(wanted: Wanted) -> World {
    let (owner, ports) = (Owner::this(), free_ports(&wanted).unwrap());
    World { names: Names::new(owner.environment(1)), owner, wanted, ports }
}

impl World {
    fn plan(&self) -> Plan<'_> {
        let Self { names, owner, wanted, ports } = self;
        Plan { names, owner, wanted, ports }
    }

    fn container(&self, peers: Option<&str>) -> ContainerCreateBody {
        let [host, workers] =
            ["127.0.0.1:5000", "127.0.0.1:5001"].map(|address| address.parse().unwrap());
        let peers = peers.map(|address| address.parse().unwrap());
        self.plan().container(2, &Fronts { host, workers, peers })
    }
}

fn variable(container: &ContainerCreateBody, name: &str) -> String {
    let variables = container.env.as_ref().unwrap();
    let value = variables.iter().find_map(|text| text.strip_prefix(&format!("{name}=")));
    value.unwrap().to_owned()
}

fn published(container: &ContainerCreateBody) -> usize {
    container.host_config.as_ref().unwrap().port_bindings.as_ref().unwrap().len()
}

#[test]
fn a_broker_advertises_its_proxies_and_its_name_among_peers() {
    let world = world("smoke");
    let direct = world.container(None);
    assert_eq!(
        variable(&direct, "KAFKA_ADVERTISED_LISTENERS"),
        "HOST://127.0.0.1:5000,WORKERS://127.0.0.1:5001,PEERS://broker-2-peers:9094,\
         CONTROLLER://broker-2-control:9093"
    );
    assert_eq!(published(&direct), 2);
    let delayed = world.container(Some("192.0.2.1:6002"));
    let listeners = variable(&delayed, "KAFKA_ADVERTISED_LISTENERS");
    assert!(listeners.contains(",PEERS://192.0.2.1:6002,"), "{listeners}");
    assert!(variable(&delayed, "KAFKA_LISTENERS").contains("PEERS://:9096,"));
    assert_eq!(published(&delayed), 3);
}

#[test]
fn everything_bears_its_owner_and_no_port_comes_twice() {
    let world = world("smoke");
    let labels = world.container(None).labels.unwrap();
    assert_eq!(labels, world.owner.labels(world.names.environment()));
    let ports = world.ports.values().flat_map(|p| [p.host, p.workers, p.delayed]);
    assert_eq!(ports.collect::<std::collections::BTreeSet<_>>().len(), 9);
}

#[test]
fn a_log_volume_holds_an_audited_source_log() {
    let (plain, audited) = (world("smoke"), world("durability-acks-all"));
    assert_eq!(plain.plan().log_bytes(), LOG_BYTES);
    assert_eq!(audited.plan().log_bytes(), LOG_BYTES + 14_000 * 400);
}

#[test]
fn more_listeners_and_settings_go_beside_the_environments_own_or_before_them() {
    let wanted = Wanted {
        brokers: 2,
        listeners: vec![("TLS".to_owned(), "SSL".to_owned())],
        settings: [("replica.lag.time.max.ms".to_owned(), "7".to_owned())].into(),
        ..Wanted::default()
    };
    let world = world_of(wanted);
    let container = world.container(None);
    assert_eq!(published(&container), 3);
    assert_eq!(variable(&container, "KAFKA_REPLICA_LAG_TIME_MAX_MS"), "7");
    assert!(variable(&container, "KAFKA_LISTENERS").ends_with(",TLS://:9100"));
    assert!(variable(&container, "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP").ends_with(",TLS:SSL"));
    let advertised = variable(&container, "KAFKA_ADVERTISED_LISTENERS");
    let outside = world.ports[&2].more[0];
    assert!(advertised.ends_with(&format!(",TLS://127.0.0.1:{outside}")), "{advertised}");
}
