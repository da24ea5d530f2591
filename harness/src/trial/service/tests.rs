use super::*;
use operator::observe::prometheus::parse;
use serde_json::json;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Counts up to 2.56 ms, up to 5.12 ms, and in all, as a worker tells them.
fn text(counts: [u32; 3]) -> String {
    let [low, high, all] = counts;
    format!(
        "# TYPE streaming_worker_service_seconds histogram\n\
         streaming_worker_service_seconds_bucket{{le=\"0.00256\"}} {low}\n\
         streaming_worker_service_seconds_bucket{{le=\"0.00512\"}} {high}\n\
         streaming_worker_service_seconds_bucket{{le=\"+Inf\"}} {all}\n\
         streaming_worker_service_seconds_sum 1.5\n\
         streaming_worker_service_seconds_count {all}\n"
    )
}

fn told(counted: &mut Counted, pod: &str, counts: [u32; 3]) -> Vec<f64> {
    let gained = counted.take_in(pod.to_owned(), parse(&text(counts)).service);
    gained.buckets().iter().map(|(_, count)| *count).collect()
}

#[test]
fn each_record_counts_once_whoever_is_silent_for_a_while() {
    let mut counted = Counted::default();
    assert_eq!(told(&mut counted, "a", [5, 7, 8]), [5.0, 7.0, 8.0]);
    assert_eq!(told(&mut counted, "a", [5, 9, 11]), [0.0, 2.0, 3.0]);
    // Silent but there: what it tells next is what is new since.
    counted.forget_all_but(HashSet::from(["a".to_owned(), "b".to_owned()]));
    assert_eq!(told(&mut counted, "b", [1, 1, 1]), [1.0, 1.0, 1.0]);
    assert_eq!(told(&mut counted, "a", [6, 10, 12]), [1.0, 1.0, 1.0]);
}

#[test]
fn a_worker_that_was_started_again_counts_from_zero() {
    let mut counted = Counted::default();
    let _ = told(&mut counted, "a", [50, 70, 80]);
    assert_eq!(told(&mut counted, "a", [3, 4, 4]), [3.0, 4.0, 4.0]);
    assert_eq!(told(&mut counted, "a", [4, 5, 5]), [1.0, 1.0, 1.0]);
}

#[test]
fn pods_that_exist_no_more_are_forgotten() {
    let mut counted = Counted::default();
    let _ = told(&mut counted, "a", [1, 1, 1]);
    let _ = told(&mut counted, "b", [1, 1, 1]);
    counted.forget_all_but(HashSet::from(["b".to_owned()]));
    assert_eq!(counted.last.keys().collect::<Vec<_>>(), ["b"]);
}

#[test]
fn a_worker_without_the_metric_leaves_nothing() {
    let (mut counted, times) = (Counted::default(), ServiceTimes::default());
    let sample = parse("streaming_worker_records_total 500\n");
    times.add(&counted.take_in("a".to_owned(), sample.service));
    assert!(counted.last.is_empty());
    assert_eq!(times.take_p99_ms(), None);
}

/// Two workers: 100 up to 2.56 ms and 100 up to 5.12 ms, together 120 and 80. Rank 198 of 200 is
/// 78 of 80 into the second bucket: 2.56 + 0.975 · 2.56 = 5.056 ms.
#[test]
fn the_p99_is_over_all_workers_and_given_once() {
    let (mut counted, times) = (Counted::default(), ServiceTimes::default());
    for (pod, counts) in [("a", [90, 100, 100]), ("b", [30, 100, 100])] {
        times.add(&counted.take_in(pod.to_owned(), parse(&text(counts)).service));
    }
    let p99_ms = times.take_p99_ms().unwrap();
    assert!((p99_ms - 5.056).abs() < 1e-5, "{p99_ms}");
    assert_eq!(times.take_p99_ms(), None);
}

fn pod(uid: &str, address: SocketAddr) -> Pod {
    serde_json::from_value(json!({
        "metadata": {"name": uid, "uid": uid,
            "annotations": {"prometheus.io/port": address.port().to_string()}},
        "status": {"podIP": address.ip().to_string(),
            "conditions": [{"type": "Ready", "status": "True"}]},
    }))
    .unwrap()
}

#[tokio::test]
async fn a_worker_that_cannot_be_asked_does_not_hide_another() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let answering = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let pods = [pod("a", gone), pod("b", answering.local_addr().unwrap())];
    tokio::spawn(async move {
        let (mut stream, _) = answering.accept().await.unwrap();
        let mut question = [0; 1024];
        let _ = stream.read(&mut question).await.unwrap();
        let body = text([90, 100, 100]);
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
        stream.write_all((head + &body).as_bytes()).await.unwrap();
    });
    let mut counted = Counted::default();
    let gained = look(&Scraper::new(), &pods, &mut counted).await;
    assert_eq!(gained.buckets().last().map(|(_, count)| *count), Some(100.0));
    assert_eq!(counted.last.keys().collect::<Vec<_>>(), ["b"]);
}
