//! What the cluster shows of its clients: metrics and captured requests.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

#[path = "observing/support.rs"]
mod support;

use embedded_kafka::EmbeddedKafka;
use support::{ask, asked};
use tokio::net::TcpStream;

#[tokio::test]
async fn metrics_have_the_names_of_kafka() {
    let kafka = asked(0).await;
    let text = kafka.metrics();
    for line in [
        "kafka_network_requestmetrics_requests_total{broker=\"1\",request=\"ApiVersions\",\
         version=\"0\"} 2",
        "kafka_network_requestmetrics_errors_total{broker=\"1\",request=\"ApiVersions\",\
         error=\"NONE\"} 2",
        "kafka_network_requestmetrics_errors_total{broker=\"1\",request=\"Metadata\",\
         error=\"UNKNOWN_TOPIC_OR_PARTITION\"} 1",
        "kafka_network_requestmetrics_totaltimems_count{broker=\"1\",request=\"Metadata\"} 1",
        "kafka_server_socket_server_metrics_connection_creation_total{broker=\"1\"} 1",
        "kafka_server_socket_server_metrics_connection_count{broker=\"2\",listener=\"default\"} 0",
        "kafka_server_brokertopicmetrics_messagesin_total{broker=\"1\"} 0",
        "kafka_server_replicamanager_underreplicatedpartitions{broker=\"2\"} 0",
        "kafka_controller_kafkacontroller_activecontrollercount{broker=\"1\"} 1",
        "kafka_controller_kafkacontroller_offlinepartitionscount{broker=\"1\"} 0",
        "kafka_server_replicamanager_isrshrinks_total{broker=\"1\"} 0",
        "kafka_server_group_coordinator_metrics_group_count{broker=\"2\",protocol=\"consumer\"} 0",
        "kafka_coordinator_group_groupmetadatamanager_numgroupsstable{broker=\"1\"} 0",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\nis not in\n{text}");
    }
    assert!(kafka.captured().is_empty());
    kafka.shutdown().await;
}

#[tokio::test]
async fn every_sample_stands_below_the_type_of_its_metric_which_is_said_once() {
    let kafka = asked(0).await;
    let text = kafka.metrics();
    let mut families = Vec::new();
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            families.push(help.split_once(' ').unwrap().0);
        } else if let Some(family) = line.strip_prefix("# TYPE ") {
            let (name, kind) = family.split_once(' ').unwrap();
            assert!(["counter", "gauge", "summary"].contains(&kind), "{line}");
            assert_eq!(families.last(), Some(&name), "{line} below the help of another");
        } else {
            let (name, _) = line.split_once(['{', ' ']).unwrap();
            let family = families.last().unwrap();
            let own = name.strip_prefix(family).unwrap_or_else(|| panic!("{line} below {family}"));
            assert!(["", "_sum", "_count"].contains(&own), "{line}");
            line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap();
        }
    }
    let count = families.len();
    families.sort_unstable();
    families.dedup();
    assert_eq!(families.len(), count);
    kafka.shutdown().await;
}

#[tokio::test]
async fn the_last_requests_can_be_seen_with_their_outcome() {
    let kafka = asked(2).await;
    let captured = kafka.captured();
    let seen: Vec<_> = captured
        .iter()
        .map(|request| (&*request.api, &*request.client_id, request.bytes, request.error_code))
        .collect();
    assert_eq!(seen, [("ApiVersions", "me", 12, 0), ("Metadata", "me", 19, 3)]);
    assert!(captured[0].at <= captured[1].at);
    assert_eq!((captured[0].broker, captured[0].version, captured[0].api_key), (1, 0, 18));
    kafka.shutdown().await;
}

/// Asks for records of partition 0 of `t`, where there are none, and waits 50 ms for them.
async fn fetch_in_vain(kafka: &EmbeddedKafka) {
    let leader = kafka.partitions("t").unwrap()[0].leader.unwrap();
    let brokers = kafka.brokers();
    let address = brokers.iter().find(|broker| broker.id == leader).unwrap().address;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let mut body = vec![255, 255, 255, 255, 0, 0, 0, 50, 0, 0, 0, 1, 0, 16, 0, 0, 0];
    body.extend([0, 0, 0, 1, 0, 1, b't', 0, 0, 0, 1, 0, 0, 0, 0]);
    body.extend([0, 0, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0]);
    ask(&mut stream, (1, 4), &body).await;
}

#[tokio::test]
async fn a_request_that_waited_is_seen_with_its_client() {
    let kafka = asked(1).await;
    fetch_in_vain(&kafka).await;
    let captured = &kafka.captured()[0];
    assert_eq!((&*captured.api, &*captured.client_id), ("Fetch", "me"));
    assert!(captured.elapsed.as_millis() >= 50, "{captured:?}");
    kafka.shutdown().await;
}
