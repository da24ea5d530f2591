//! What the cluster shows of its clients: metrics, captured requests, spans.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::io::Write;
use std::sync::{Arc, Mutex};

use embedded_kafka::{ClusterConfig, EmbeddedKafka};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Sends a request with an empty body, version 0, client id "me", and reads the answer.
async fn ask(stream: &mut TcpStream, api_key: u8, body: &[u8]) {
    let mut frame = vec![0, api_key, 0, 0, 0, 0, 0, 7, 0, 2, b'm', b'e'];
    frame.extend_from_slice(body);
    stream.write_all(&(frame.len() as u32).to_be_bytes()).await.unwrap();
    stream.write_all(&frame).await.unwrap();
    let length = stream.read_u32().await.unwrap();
    let mut answer = vec![0; length as usize];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer[..4], [0, 0, 0, 7]);
}

const METADATA: u8 = 3;
const API_VERSIONS: u8 = 18;
const METADATA_OF_X: &[u8] = &[0, 0, 0, 1, 0, 1, b'x'];

async fn asked(capture: usize) -> EmbeddedKafka {
    let config = ClusterConfig { capture, ..ClusterConfig::with_brokers(2) };
    let kafka = EmbeddedKafka::start_with(config).await.unwrap();
    kafka.create_topic("t", 2).unwrap();
    let mut stream = TcpStream::connect(kafka.brokers()[0].address).await.unwrap();
    ask(&mut stream, API_VERSIONS, &[]).await;
    ask(&mut stream, API_VERSIONS, &[]).await;
    ask(&mut stream, METADATA, METADATA_OF_X).await;
    kafka
}

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
        if let Some(family) = line.strip_prefix("# TYPE ") {
            let (name, kind) = family.split_once(' ').unwrap();
            assert!(["counter", "gauge", "summary"].contains(&kind), "{line}");
            families.push(name);
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

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_request_has_a_span_that_says_who_asked_and_what_became_of_it() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::CLOSE)
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);
    asked(0).await.shutdown().await;
    drop(guard);
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let closed: Vec<&str> = text.lines().filter(|line| line.contains("close")).collect();
    assert_eq!(closed.len(), 3, "{text}");
    for part in ["broker=1", "api=Metadata", "version=0", "client_id=me", "correlation=7"] {
        assert!(closed[2].contains(part), "{part} in {}", closed[2]);
    }
    assert!(closed[2].contains("error=\"UNKNOWN_TOPIC_OR_PARTITION\" elapsed_us="), "{text}");
}
