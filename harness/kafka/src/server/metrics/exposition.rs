//! The metrics in Kafka's names, as the usual configuration of the Prometheus JMX exporter gives
//! them: `kafka.server:type=BrokerTopicMetrics,name=BytesInPerSec` is
//! `kafka_server_brokertopicmetrics_bytesin_total`. There is one text for all brokers, so that
//! each sample has a label `broker` besides Kafka's own.

use std::sync::atomic::Ordering::Relaxed;

use super::text::Text;
use super::{ApiMetrics, BrokerMetrics, Metrics, lock};
use crate::cluster::{BrokerSurvey, Survey, Traffic};
use crate::coordinator::{GroupKind, GroupState};
use crate::wire::error_name;

const QUANTILES: [f64; 6] = [0.5, 0.75, 0.95, 0.98, 0.99, 0.999];

/// Connections open at a listener of a broker: broker, listener, how many.
pub(crate) type OpenConnections = Vec<(i32, String, usize)>;

/// A metric's name and where its value is.
type Family<T, N> = (&'static str, fn(&T) -> N);

impl Metrics {
    /// Everything that is counted, of the brokers that run.
    pub(crate) fn render(&self, survey: &Survey, connections: &OpenConnections) -> String {
        let mut text = Text::default();
        topics(&mut text, survey);
        replicas(&mut text, survey);
        controller(&mut text, survey);
        groups(&mut text, survey);
        self.requests(&mut text, survey);
        self.sockets(&mut text, survey, connections);
        text.finish()
    }

    fn apis(&self, broker: i32) -> impl Iterator<Item = &ApiMetrics> {
        let apis = self.of(broker).into_iter().flat_map(|broker| &broker.apis);
        apis.filter_map(|api| api.get().map(Box::as_ref))
    }

    fn requests(&self, text: &mut Text, survey: &Survey) {
        let name = "kafka_network_requestmetrics_requests_total";
        self.each_api(text, survey, (name, "counter"), |text, broker, request, api| {
            for (version, count) in api.requests.iter().enumerate() {
                let (version, count) = (version.to_string(), count.load(Relaxed));
                if count > 0 {
                    let labels = [("broker", broker), ("request", request), ("version", &*version)];
                    text.sample(name, &labels, count);
                }
            }
        });
        let name = "kafka_network_requestmetrics_errors_total";
        self.each_api(text, survey, (name, "counter"), |text, broker, request, api| {
            let successes = api.successes.load(Relaxed);
            let errors = lock(&api.errors).clone();
            for (code, count) in [(0, successes)].into_iter().chain(errors) {
                let error = error_name(code);
                let labels = [("broker", broker), ("request", request), ("error", &*error)];
                text.sample(name, &labels, count);
            }
        });
        let name = "kafka_network_requestmetrics_totaltimems";
        self.each_api(text, survey, (name, "summary"), |text, broker, request, api| {
            let labels = [("broker", broker), ("request", request)];
            for quantile in QUANTILES {
                let level = quantile.to_string();
                let labels = [labels[0], labels[1], ("quantile", &*level)];
                text.sample(name, &labels, api.total_time.quantile_ms(quantile));
            }
            text.sample(&format!("{name}_sum"), &labels, api.total_time.sum_ms());
            text.sample(&format!("{name}_count"), &labels, api.total_time.count());
        });
    }

    /// Kafka counts a Fetch twice: as `Fetch`, and as `FetchConsumer` or `FetchFollower`. All
    /// fetches here are consumers'.
    fn each_api(
        &self,
        text: &mut Text,
        survey: &Survey,
        (family, kind): (&str, &str),
        mut write: impl FnMut(&mut Text, &str, &str, &ApiMetrics),
    ) {
        text.family(family, kind);
        for broker in &survey.brokers {
            let label = broker.id.to_string();
            for api in self.apis(broker.id) {
                let request = format!("{:?}", api.key);
                write(text, &label, &request, api);
                if request == "Fetch" {
                    write(text, &label, "FetchConsumer", api);
                }
            }
        }
    }

    fn sockets(&self, text: &mut Text, survey: &Survey, connections: &OpenConnections) {
        let name = "kafka_server_socket_server_metrics_connection_count";
        text.family(name, "gauge");
        for (broker, listener, count) in connections {
            let broker = broker.to_string();
            text.sample(name, &[("broker", &*broker), ("listener", listener)], count);
        }
        let mut total = |name: &str, count: fn(&BrokerMetrics) -> u64| {
            text.family(name, "counter");
            for broker in survey.brokers.iter().filter_map(|broker| {
                self.of(broker.id).map(|metrics| (broker.id.to_string(), count(metrics)))
            }) {
                text.sample(name, &[("broker", &*broker.0)], broker.1);
            }
        };
        total("kafka_server_socket_server_metrics_connection_creation_total", |broker| {
            broker.connections_opened.load(Relaxed)
        });
        total("kafka_server_socket_server_metrics_connection_close_total", |broker| {
            broker.connections_closed.load(Relaxed)
        });
        total("kafka_server_socket_server_metrics_successful_authentication_total", |broker| {
            broker.authentications.load(Relaxed)
        });
        total("kafka_server_socket_server_metrics_failed_authentication_total", |broker| {
            broker.authentications_failed.load(Relaxed)
        });
    }
}

fn topics(text: &mut Text, survey: &Survey) {
    let families: [Family<Traffic, u64>; 3] = [
        ("kafka_server_brokertopicmetrics_messagesin_total", |traffic| traffic.messages_in),
        ("kafka_server_brokertopicmetrics_bytesin_total", |traffic| traffic.bytes_in),
        ("kafka_server_brokertopicmetrics_bytesout_total", |traffic| traffic.bytes_out),
    ];
    for (name, count) in families {
        text.family(name, "counter");
        for broker in &survey.brokers {
            text.sample(name, &[("broker", &*broker.id.to_string())], count(&broker.traffic));
        }
        for (topic, broker, traffic) in &survey.topics {
            if survey.brokers.iter().any(|running| running.id == *broker) {
                let broker = broker.to_string();
                text.sample(name, &[("broker", &*broker), ("topic", topic)], count(traffic));
            }
        }
    }
}

fn each_broker(
    text: &mut Text,
    survey: &Survey,
    name: &str,
    count: impl Fn(&BrokerSurvey) -> usize,
) {
    text.family(name, "gauge");
    for broker in &survey.brokers {
        text.sample(name, &[("broker", &*broker.id.to_string())], count(broker));
    }
}

fn replicas(text: &mut Text, survey: &Survey) {
    let families: [Family<BrokerSurvey, usize>; 5] = [
        ("kafka_server_replicamanager_partitioncount", |broker| broker.replicas),
        ("kafka_server_replicamanager_leadercount", |broker| broker.leaders),
        ("kafka_server_replicamanager_underreplicatedpartitions", |broker| broker.under_replicated),
        ("kafka_server_replicamanager_underminisrpartitioncount", |broker| broker.under_min_isr),
        ("kafka_server_replicamanager_atminisrpartitioncount", |broker| broker.at_min_isr),
    ];
    for (name, count) in families {
        each_broker(text, survey, name, count);
    }
    let families: [Family<BrokerSurvey, u64>; 2] = [
        ("kafka_server_replicamanager_isrexpands_total", |broker| broker.in_sync_changes.expands),
        ("kafka_server_replicamanager_isrshrinks_total", |broker| broker.in_sync_changes.shrinks),
    ];
    for (name, count) in families {
        text.family(name, "counter");
        for broker in &survey.brokers {
            text.sample(name, &[("broker", &*broker.id.to_string())], count(broker));
        }
    }
}

/// Only the active controller knows these of the whole cluster.
fn controller(text: &mut Text, survey: &Survey) {
    let active = "kafka_controller_kafkacontroller_activecontrollercount";
    each_broker(text, survey, active, |broker| usize::from(broker.controller));
    let families = [
        ("kafka_controller_kafkacontroller_offlinepartitionscount", survey.offline_partitions),
        ("kafka_controller_kafkacontroller_preferredreplicaimbalancecount", survey.imbalanced),
        ("kafka_controller_kafkacontroller_globaltopiccount", survey.topics_count),
        ("kafka_controller_kafkacontroller_globalpartitioncount", survey.partitions),
        ("kafka_controller_kafkacontroller_activebrokercount", survey.brokers_active),
        ("kafka_controller_kafkacontroller_fencedbrokercount", survey.brokers_fenced),
    ];
    for (name, value) in families {
        text.family(name, "gauge");
        for broker in survey.brokers.iter().filter(|broker| broker.controller) {
            text.sample(name, &[("broker", &*broker.id.to_string())], value);
        }
    }
}

/// The manager's numbers are of classic groups only.
fn groups(text: &mut Text, survey: &Survey) {
    use GroupKind::{Classic, Consumer};
    use GroupState::{Assigning, CompletingRebalance, Dead, Empty};
    use GroupState::{PreparingRebalance, Reconciling, Stable};
    let of_kind = |broker: &BrokerSurvey, wanted: GroupKind| -> usize {
        let groups = broker.groups.iter().filter(|((kind, _), _)| *kind == wanted);
        groups.map(|(_, count)| count).sum()
    };
    let in_state = |broker: &BrokerSurvey, kind: GroupKind, state: GroupState| {
        broker.groups.get(&(kind, state)).copied().unwrap_or(0)
    };
    let manager = "kafka_coordinator_group_groupmetadatamanager_numgroups";
    each_broker(text, survey, manager, |broker| of_kind(broker, Classic));
    for state in [PreparingRebalance, CompletingRebalance, Stable, Dead, Empty] {
        let name = format!("{manager}{}", state.name().to_lowercase());
        each_broker(text, survey, &name, |broker| in_state(broker, Classic, state));
    }
    let name = "kafka_server_group_coordinator_metrics_group_count";
    text.family(name, "gauge");
    for (broker, kind) in survey.brokers.iter().flat_map(|one| [(one, Classic), (one, Consumer)]) {
        let (id, protocol) = (broker.id.to_string(), kind.name().to_lowercase());
        text.sample(name, &[("broker", &*id), ("protocol", &*protocol)], of_kind(broker, kind));
    }
    let name = "kafka_server_group_coordinator_metrics_consumer_group_count";
    text.family(name, "gauge");
    for broker in &survey.brokers {
        for state in [Empty, Assigning, Reconciling, Stable, Dead] {
            let (id, label) = (broker.id.to_string(), state.name().to_lowercase());
            let count = in_state(broker, Consumer, state);
            text.sample(name, &[("broker", &*id), ("state", &*label)], count);
        }
    }
}
