//! Whole passes against a small stand-in for the API server: it stores what is applied, counts
//! writes, and fails where it is told to.

#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use kube::client::Body;
use kube::core::DeserializeGuard;
use operator::Context;
use operator::clock::Clock;
use operator::crd::{KafkaSource, StreamingJob};
use operator::observe::{OffsetSource, Offsets, OffsetsError, PartitionOffsets};
use operator::reconcile::{ReconcileError, reconcile};
use serde_json::{Value, json};

const JOB: &str = "/apis/streaming.stormgauge.dev/v1alpha1/namespaces/trading/streamingjobs/prices";
const DEPLOYMENT: &str = "/apis/apps/v1/namespaces/trading/deployments/prices";
const SERVICE: &str = "/api/v1/namespaces/trading/services/prices";
const CONFIG: &str = "/api/v1/namespaces/trading/configmaps/prices-client";
const PODS: &str = "/api/v1/namespaces/trading/pods";

#[derive(Default)]
struct Server {
    objects: BTreeMap<String, Value>,
    writes: Vec<String>,
    failing: Option<&'static str>,
}

impl Server {
    fn answer(&mut self, method: &Method, path: &str, body: Value) -> (StatusCode, Value) {
        if self.failing.is_some_and(|failing| path == failing) && method != Method::GET {
            return failure(StatusCode::INTERNAL_SERVER_ERROR);
        }
        if path == PODS {
            let items = self.objects.get(PODS).cloned().unwrap_or_else(|| json!([]));
            return (StatusCode::OK, json!({"kind": "PodList", "metadata": {}, "items": items}));
        }
        if path.contains("/events") {
            self.writes.push("event".to_owned());
            return (StatusCode::CREATED, body);
        }
        let key = path.trim_end_matches("/status").to_owned();
        if method == Method::PATCH {
            self.writes.push(path.to_owned());
            let object = self.objects.entry(key).or_insert_with(|| json!({}));
            merge(object, &body);
            return (StatusCode::OK, object.clone());
        }
        match self.objects.get(&key) {
            Some(object) => (StatusCode::OK, object.clone()),
            None => failure(StatusCode::NOT_FOUND),
        }
    }

    fn written(&mut self) -> Vec<String> {
        std::mem::take(&mut self.writes)
    }
}

fn failure(code: StatusCode) -> (StatusCode, Value) {
    let message = code.canonical_reason().unwrap_or_default();
    let reason = message.replace(' ', "");
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "code": code.as_u16(),
        "status": "Failure", "message": message, "reason": reason});
    (code, status)
}

fn merge(object: &mut Value, patch: &Value) {
    match (object, patch) {
        (Value::Object(object), Value::Object(patch)) => {
            for (key, value) in patch {
                merge(object.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (object, patch) => *object = patch.clone(),
    }
}

/// Offsets that a test sets; none of them means that no broker answers.
#[derive(Default)]
struct Brokers(Mutex<Option<Offsets>>);

impl OffsetSource for Brokers {
    fn offsets<'a>(
        &'a self,
        source: &'a KafkaSource,
    ) -> BoxFuture<'a, Result<Offsets, OffsetsError>> {
        let offsets = self.0.lock().unwrap().clone();
        let silent = OffsetsError::Brokers {
            bootstrap: source.bootstrap_servers.clone(),
            what: "metadata",
            reason: "timed out".to_owned(),
        };
        async move { offsets.ok_or(silent) }.boxed()
    }
}

struct World {
    server: Arc<Mutex<Server>>,
    brokers: Arc<Brokers>,
    context: Arc<Context>,
}

impl World {
    fn new() -> Self {
        let server = Arc::new(Mutex::new(Server::default()));
        let shared = server.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let server = shared.clone();
            async move {
                let (parts, body) = request.into_parts();
                let bytes = body.collect().await.expect("a body").to_bytes();
                let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
                let answer = server.lock().unwrap().answer(&parts.method, parts.uri.path(), body);
                let response = Response::builder()
                    .status(answer.0)
                    .body(Body::from(answer.1.to_string().into_bytes()))
                    .expect("a response");
                Ok::<_, Infallible>(response)
            }
        });
        let client = kube::Client::new(service, "trading");
        let brokers = Arc::new(Brokers::default());
        brokers.set(Some((1, 100, 100)));
        let context = Arc::new(Context::new(client, brokers.clone(), Clock::start()));
        Self { server, brokers, context }
    }

    fn store_job(&self, change: impl FnOnce(&mut Value)) {
        let mut job = json!({
            "apiVersion": "streaming.stormgauge.dev/v1alpha1",
            "kind": "StreamingJob",
            "metadata": {"name": "prices", "namespace": "trading", "uid": "u-1", "generation": 1,
                "resourceVersion": "1"},
            "spec": {
                "source": {"kafka": {"bootstrapServers": "b:9092", "topic": "in", "group": "g"}},
                "worker": {"command": ["worker"]},
                "strategy": {"name": "HighThroughput"},
                "scaling": {"minReplicas": 1, "maxReplicas": 8, "syncPeriod": "100ms",
                    "cooldown": "0s"},
            },
        });
        change(&mut job);
        self.server.lock().unwrap().objects.insert(JOB.to_owned(), job);
    }

    async fn pass(&self) -> Result<(), ReconcileError> {
        let job = self.get(JOB);
        let job: DeserializeGuard<StreamingJob> = serde_json::from_value(job).unwrap();
        reconcile(Arc::new(job), self.context.clone()).await.map(|_| ())
    }

    fn get(&self, path: &str) -> Value {
        self.server.lock().unwrap().objects.get(path).cloned().unwrap_or(Value::Null)
    }

    fn change(&self, path: &str, patch: &Value) {
        let mut server = self.server.lock().unwrap();
        merge(server.objects.entry(path.to_owned()).or_insert_with(|| json!({})), patch);
    }

    fn written(&self) -> Vec<String> {
        self.server.lock().unwrap().written()
    }

    fn condition(&self, kind: &str) -> Value {
        let job = self.get(JOB);
        let conditions = job["status"]["conditions"].as_array().cloned().unwrap_or_default();
        conditions.into_iter().find(|condition| condition["type"] == kind).unwrap_or(Value::Null)
    }

    async fn next_look(&self) {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

impl Brokers {
    /// A number of partitions, each with the same end and committed offset.
    fn set(&self, offsets: Option<(usize, i64, i64)>) {
        *self.0.lock().unwrap() = offsets.map(|(count, end, next)| Offsets {
            partitions: vec![PartitionOffsets { end, next }; count],
        });
    }
}

#[tokio::test]
async fn a_new_job_gets_its_objects_in_order_and_the_next_pass_writes_nothing() {
    let world = World::new();
    world.store_job(|_| {});
    world.pass().await.unwrap();
    let status = format!("{JOB}/status");
    let expected = [JOB, CONFIG, SERVICE, DEPLOYMENT, "event", &status];
    assert_eq!(world.written(), expected);
    let deployment = world.get(DEPLOYMENT);
    assert_eq!(deployment["spec"]["replicas"], 1);
    assert_eq!(deployment["metadata"]["ownerReferences"][0]["uid"], "u-1");
    let job = world.get(JOB);
    assert_eq!(job["metadata"]["finalizers"][0], "streaming.stormgauge.dev/drain");
    assert_eq!(job["status"]["observedGeneration"], 1);
    assert_eq!(job["status"]["decisions"][0]["reason"], "starting with 1 to learn from");
    assert_eq!(job["status"]["selector"], "streaming.stormgauge.dev/job=prices");
    assert_eq!(world.condition("Ready")["reason"], "WorkersNotReady");

    for _ in 0..2 {
        world.pass().await.unwrap();
        assert_eq!(world.written(), Vec::<String>::new());
        world.next_look().await;
    }
}

#[tokio::test]
async fn workers_that_are_ready_make_the_job_ready() {
    let world = World::new();
    world.store_job(|_| {});
    world.pass().await.unwrap();
    let status = json!({"replicas": 1, "readyReplicas": 1, "updatedReplicas": 1});
    world.change(DEPLOYMENT, &json!({"status": status}));
    world.pass().await.unwrap();
    assert_eq!(world.condition("Ready")["status"], "True");
    assert_eq!(world.condition("Progressing")["status"], "False");
    assert_eq!(world.condition("Degraded")["status"], "False");
    assert_eq!(world.get(JOB)["status"]["readyReplicas"], 1);
}

#[tokio::test]
async fn lag_brings_more_workers_and_the_decision_is_kept_with_its_reason() {
    let world = World::new();
    world.store_job(|_| {});
    world.pass().await.unwrap();
    let ready = json!({"status": {"replicas": 1, "readyReplicas": 1, "updatedReplicas": 1}});
    world.change(DEPLOYMENT, &ready);
    let pod = json!([{"metadata": {"name": "p", "uid": "p"},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]}}]);
    world.server.lock().unwrap().objects.insert(PODS.to_owned(), pod);
    world.brokers.set(Some((4, 50_000, 100)));
    world.next_look().await;
    world.pass().await.unwrap();
    assert_eq!(world.get(DEPLOYMENT)["spec"]["replicas"], 2);
    let decision = world.get(JOB)["status"]["decisions"][1].clone();
    assert_eq!((&decision["from"], &decision["to"]), (&json!(1), &json!(2)));
    assert!(decision["reason"].as_str().unwrap().contains("capacity of a worker not known"));
    assert_eq!(decision["observation"]["lagRecords"], 199_600);
    let metrics = world.context.metrics_text();
    let line = "streaming_operator_desired_replicas{namespace=\"trading\",job=\"prices\"} 2";
    assert!(metrics.contains(line), "{metrics}");
}

#[tokio::test]
async fn what_somebody_else_changed_is_put_right() {
    let world = World::new();
    world.store_job(|_| {});
    world.pass().await.unwrap();
    let _ = world.written();
    world.change(DEPLOYMENT, &json!({"spec": {"replicas": 7}}));
    world.change(CONFIG, &json!({"data": {"KAFKA_LINGER_MS": "9000"}}));
    world.pass().await.unwrap();
    assert_eq!(world.written()[..2], [CONFIG, DEPLOYMENT]);
    assert_eq!(world.get(DEPLOYMENT)["spec"]["replicas"], 1);
    assert_eq!(world.get(CONFIG)["data"]["KAFKA_LINGER_MS"], "20");
}

#[tokio::test]
async fn a_wrong_spec_degrades_the_job_and_leaves_its_workers_alone() {
    let world = World::new();
    world.store_job(|_| {});
    world.pass().await.unwrap();
    let _ = world.written();
    world.change(
        JOB,
        &json!({"metadata": {"generation": 2},
        "spec": {"scaling": {"cooldown": "soon", "maxReplicas": 3}}}),
    );
    world.pass().await.unwrap();
    assert_eq!(world.written(), ["event".to_owned(), format!("{JOB}/status")]);
    let degraded = world.condition("Degraded");
    assert_eq!(degraded["status"], "True");
    assert_eq!(degraded["reason"], "InvalidSpec");
    assert_eq!(degraded["observedGeneration"], 2);
    let message = degraded["message"].as_str().unwrap();
    assert!(message.starts_with("spec.scaling.cooldown: \"soon\" is no duration"), "{message}");
    assert_eq!(world.get(JOB)["status"]["decisions"].as_array().unwrap().len(), 1);
    world.pass().await.unwrap();
    assert_eq!(world.written(), Vec::<String>::new());

    world.change(
        JOB,
        &json!({"metadata": {"generation": 3}, "spec": {"scaling": {"cooldown": "1s"}}}),
    );
    world.pass().await.unwrap();
    assert_eq!(world.condition("Degraded")["status"], "False");
}

#[tokio::test]
async fn an_object_that_does_not_read_as_a_job_is_reported_once() {
    let world = World::new();
    world.store_job(|job| job["spec"]["strategy"]["name"] = json!("Magic"));
    world.pass().await.unwrap();
    assert_eq!(world.written(), [format!("{JOB}/status")]);
    let message = world.condition("Degraded")["message"].as_str().unwrap().to_owned();
    assert!(message.contains("Expected one of HighThroughput"), "{message}");
    world.pass().await.unwrap();
    assert_eq!(world.written(), Vec::<String>::new());
}

#[tokio::test]
async fn brokers_that_stay_silent_degrade_the_job_and_its_workers_are_held() {
    let world = World::new();
    world.store_job(|_| {});
    world.brokers.set(None);
    for _ in 0..2 {
        world.pass().await.unwrap();
        assert_eq!(world.condition("Degraded")["status"], "False");
        world.next_look().await;
    }
    world.pass().await.unwrap();
    let degraded = world.condition("Degraded");
    assert_eq!(degraded["reason"], "LagNotVisible");
    let message = degraded["message"].as_str().unwrap();
    assert!(message.contains("brokers at b:9092 did not give metadata"), "{message}");
    assert_eq!(world.get(DEPLOYMENT)["spec"]["replicas"], 1);
    let _ = world.written();
    world.next_look().await;
    world.pass().await.unwrap();
    assert_eq!(world.written(), Vec::<String>::new());
    world.brokers.set(Some((1, 100, 100)));
    world.next_look().await;
    world.pass().await.unwrap();
    assert_eq!(world.condition("Degraded")["status"], "False");
}

#[tokio::test]
async fn a_failed_step_is_named_and_the_next_pass_goes_on() {
    let world = World::new();
    world.store_job(|_| {});
    world.server.lock().unwrap().failing = Some(DEPLOYMENT);
    let error = world.pass().await.unwrap_err();
    assert_eq!(error.step(), "apply");
    assert!(error.to_string().contains("applying Deployment prices"), "{error}");
    assert!(world.context.metrics_text().contains("step_errors_total{step=\"apply\"} 1"));
    world.server.lock().unwrap().failing = None;
    world.pass().await.unwrap();
    assert_eq!(world.get(DEPLOYMENT)["spec"]["replicas"], 1);
}

#[tokio::test]
async fn a_deleted_job_stops_its_workers_and_then_goes() {
    let world = World::new();
    world.store_job(|_| {});
    world.pass().await.unwrap();
    let _ = world.written();
    let pods = json!([{"metadata": {"name": "p", "uid": "p"}}]);
    world.server.lock().unwrap().objects.insert(PODS.to_owned(), pods);
    world.change(
        JOB,
        &json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z",
        "finalizers": ["somebody.else/hook", "streaming.stormgauge.dev/drain"]}}),
    );
    world.pass().await.unwrap();
    assert_eq!(world.get(DEPLOYMENT)["spec"]["replicas"], 0);
    world.pass().await.unwrap();
    assert_eq!(world.written(), [DEPLOYMENT], "it waits for the pods");
    world.server.lock().unwrap().objects.insert(PODS.to_owned(), json!([]));
    world.pass().await.unwrap();
    assert_eq!(world.get(JOB)["metadata"]["finalizers"], json!(["somebody.else/hook"]));
    assert!(!world.context.metrics_text().contains("job=\"prices\""));
}
