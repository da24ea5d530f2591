use std::net::Ipv4Addr;

use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::*;

fn container(probe: Value) -> Container {
    serde_json::from_value(json!({
        "name": "c", "readinessProbe": probe,
        "ports": [{"name": "metrics", "containerPort": 9464}]
    }))
    .unwrap()
}

fn read(probe: Value, swap: Option<PortSwap>) -> Result<Option<ProbePlan>, String> {
    plan(&container(probe), Ipv4Addr::LOCALHOST, swap)
}

#[test]
fn a_probe_is_read_with_the_defaults_of_kubernetes() {
    let probe = read(json!({"httpGet": {"port": "metrics"}}), None).unwrap().unwrap();
    assert_eq!((probe.address.port(), probe.path.as_str()), (9464, "/"));
    assert_eq!((probe.initial_delay.as_secs(), probe.period.as_secs()), (0, 10));
    assert_eq!((probe.timeout.as_secs(), probe.successes, probe.failures), (1, 1, 3));
    let bare = Container::default();
    assert_eq!(plan(&bare, Ipv4Addr::LOCALHOST, None), Ok(None));
}

#[test]
fn the_port_of_the_template_is_swapped_for_the_pods_own() {
    let swap = Some(PortSwap { from: 9464, to: 40001 });
    for (port, expected) in [(9464, 40001), (8080, 8080)] {
        let probe = read(json!({"httpGet": {"port": port}}), swap).unwrap().unwrap();
        assert_eq!(probe.address.port(), expected);
    }
}

#[test]
fn what_cannot_be_probed_is_refused_by_field() {
    for (probe, part) in [
        (json!({"exec": {"command": ["true"]}}), "only httpGet"),
        (json!({"httpGet": {"port": "absent"}}), "no port is named"),
        (json!({"httpGet": {"port": 70000}}), "not a port"),
        (json!({"httpGet": {"port": 0}}), "not a port"),
        (json!({"httpGet": {"port": 1, "path": "/a\r\nX: y"}}), "not a path"),
        (json!({"httpGet": {"port": 1, "scheme": "HTTPS"}}), "scheme"),
    ] {
        let problem = read(probe.clone(), None).unwrap_err();
        assert!(problem.contains(part), "{probe}: {problem}");
    }
}

#[test]
fn readiness_turns_only_after_a_run_of_equal_answers() {
    let mut tally = Tally { successes: 2, failures: 3, run: 0, ready: false };
    let answers = [true, false, true, true, false, false, true, false, false, false];
    let ready: Vec<bool> = answers
        .iter()
        .map(|answer| {
            tally.count(*answer);
            tally.ready
        })
        .collect();
    assert_eq!(ready, [false, false, false, true, true, true, true, true, true, false]);
}

#[test]
fn only_a_status_line_counts_as_an_answer() {
    assert_eq!(status_code(b"HTTP/1.1 200 OK\r\n\r\n"), Some(200));
    assert_eq!(status_code(b"HTTP/1.0 503\r\n"), Some(503));
    for noise in [&b""[..], b"HTTP/1.1", b"SSH-2.0 200", b"\xff\xfe 200", b"HTTP/1.1 abc"] {
        assert_eq!(status_code(noise), None);
    }
}

#[tokio::test]
async fn a_server_that_answers_200_is_ready_and_one_that_talks_for_ever_is_not() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        let (mut stream, _) = listener.accept().await.unwrap();
        while stream.write_all(&[b'x'; 256]).await.is_ok() {}
    });
    assert_eq!(get(address, "/readyz").await, Some(200));
    assert_eq!(get(address, "/readyz").await, None);
    server.await.unwrap();
    assert_eq!(get(address, "/readyz").await, None);
}
