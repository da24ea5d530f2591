use std::sync::Mutex;

use axum::Router;
use axum::routing::get;
use futures::FutureExt;
use futures::future::BoxFuture;
use serde_json::json;

use super::*;

struct Scripted(Mutex<Vec<Result<Offsets, OffsetsError>>>);

impl OffsetSource for Scripted {
    fn offsets<'a>(&'a self, _: &'a KafkaSource) -> BoxFuture<'a, Result<Offsets, OffsetsError>> {
        let next = self.0.lock().unwrap().pop().unwrap_or(Err(OffsetsError::Busy));
        async move { next }.boxed()
    }
}

fn observer(mut script: Vec<Result<Offsets, OffsetsError>>) -> Observer {
    script.reverse();
    Observer::new(Arc::new(Scripted(Mutex::new(script))), Clock::start())
}

fn source() -> KafkaSource {
    KafkaSource { bootstrap_servers: "b:1".into(), topic: "t".into(), group: "g".into() }
}

fn pod(uid: &str, address: SocketAddr, ready: &str) -> Pod {
    serde_json::from_value(json!({
        "metadata": {"name": uid, "uid": uid,
            "annotations": {"prometheus.io/port": address.port().to_string()}},
        "status": {"podIP": address.ip().to_string(),
            "conditions": [{"type": "Ready", "status": ready}]},
    }))
    .unwrap()
}

async fn serve(router: Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

async fn look(observer: &Observer, pods: &[Pod]) -> Observation {
    let source = source();
    let sync_period = Duration::from_secs(1);
    let subject = Subject { source: &source, pods, replicas: 3, sync_period };
    observer.observe(&subject, &mut ObserverMemory::default()).await
}

#[tokio::test]
async fn what_fails_is_named_and_the_rest_is_seen() {
    let good = serve(
        Router::new().route("/metrics", get(|| async { "streaming_worker_records_total 7\n" })),
    )
    .await;
    let huge =
        serve(Router::new().route(
            "/metrics",
            get(|| async { "streaming_worker_records_total 7\n".repeat(1 << 16) }),
        ))
        .await;
    let gone = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let offsets = Offsets { partitions: vec![PartitionOffsets { end: 12, next: 5 }; 2] };
    let observer = observer(vec![Ok(offsets)]);
    let pods = [pod("a", good, "True"), pod("b", huge, "True"), pod("c", good, "False")];
    let seen = look(&observer, &pods).await;
    assert_eq!(seen.ready_replicas, 2);
    assert_eq!(seen.lag_records, Some(14));
    assert_eq!(seen.partitions, Some(2));
    let expected = "metrics of 1 of 2 workers: the answer is over 1 MiB or broken off";
    assert_eq!(seen.missing, [expected]);

    let seen = look(&observer, &[pod("d", gone, "True")]).await;
    let lag = "lag: the last question to the brokers is not answered yet";
    assert_eq!(seen.missing, [lag, "metrics of 1 of 1 workers: no connection"]);
}

#[tokio::test]
async fn a_worker_that_never_answers_is_given_up() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let pods = [pod("a", silent.local_addr().unwrap(), "True")];
    let source = source();
    let sync_period = Duration::from_millis(1);
    let subject = Subject { source: &source, pods: &pods, replicas: 1, sync_period };
    let seen = observer(Vec::new()).observe(&subject, &mut ObserverMemory::default()).await;
    assert_eq!(seen.missing[1], "metrics of 1 of 1 workers: no answer in time");
}
