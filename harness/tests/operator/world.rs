//! An operator on an embedded API server under virtual time, with stand-ins for what it rules.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use embedded_kube::api::{ApiConfig, ApiServer};
use futures::FutureExt;
use futures::future::{BoxFuture, pending};
use http::{Method, Request};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::client::Body;
use kube::{Api, Client, ResourceExt};
use operator::clock::Clock;
use operator::crd::{KafkaSource, StreamingJob};
use operator::observe::{OffsetSource, Offsets, OffsetsError, PartitionOffsets};
use operator::{Context, Election};
use serde_json::{Value, json};
use tokio::time::sleep;
use tokio_util::sync::{CancellationToken, DropGuard};

/// The job.
pub(crate) const JOB: &str = "prices";
/// How long a cluster takes to start an operator again.
const RESTART: Duration = Duration::from_millis(100);
/// How long a lease lasts that nobody renews.
pub(crate) const LEASE: Duration = Duration::from_secs(5);
/// How often the workers' stand-in looks.
const LOOK: Duration = Duration::from_millis(500);

/// A cluster with one job.
pub(crate) struct World {
    pub(crate) server: ApiServer,
    pub(crate) client: Client,
    /// What operators wrote, as `NAME METHOD PATH`.
    pub(crate) written: Arc<Mutex<Vec<String>>>,
    /// Ends everything.
    _end: DropGuard,
    end: CancellationToken,
}

/// When an operator dies: at its write of this number, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Death {
    /// The write is not carried out.
    Before(usize),
    /// The write is carried out, and its answer never seen.
    After(usize),
}

/// A source whose lag stays what it is.
struct Backlog;

impl OffsetSource for Backlog {
    fn offsets<'a>(&'a self, _: &'a KafkaSource) -> BoxFuture<'a, Result<Offsets, OffsetsError>> {
        let partition = PartitionOffsets { end: 50_000, next: 100 };
        async move { Ok(Offsets { partitions: vec![partition; 8] }) }.boxed()
    }
}

impl World {
    /// A cluster with a job, with workers that start at once, and no operator.
    pub(crate) async fn new() -> Self {
        // What operators say is shown with a test that fails. Another test may have seen to it.
        let _seen_to = tracing_subscriber::fmt().with_test_writer().try_init();
        let server = ApiServer::with_config(ApiConfig { seed: 7, ..ApiConfig::default() });
        let client = server.client();
        let crds: Api<CustomResourceDefinition> = Api::all(client.clone());
        crds.create(&PostParams::default(), &operator::crd::crd()).await.unwrap();
        let end = CancellationToken::new();
        let world =
            Self { server, client, written: Arc::default(), _end: end.clone().drop_guard(), end };
        let job: StreamingJob = serde_json::from_value(json!({
            "apiVersion": "streaming.stormgauge.dev/v1alpha1",
            "kind": "StreamingJob",
            "metadata": {"name": JOB, "namespace": "default"},
            "spec": {
                "source": {"kafka": {"bootstrapServers": "b:9092", "topic": "in", "group": "g"}},
                "worker": {"command": ["worker"]},
                "strategy": {"name": "HighThroughput"},
                "scaling": {"minReplicas": 1, "maxReplicas": 4, "syncPeriod": "1s",
                    "cooldown": "0s"},
            },
        }))
        .unwrap();
        world.jobs().create(&PostParams::default(), &job).await.unwrap();
        let workers = run_workers(world.client.clone());
        tokio::spawn(world.end.clone().run_until_cancelled_owned(workers));
        world
    }

    pub(crate) fn jobs(&self) -> Api<StreamingJob> {
        Api::default_namespaced(self.client.clone())
    }

    pub(crate) async fn change_job(&self, spec: Value) {
        let patch = Patch::Merge(json!({ "spec": spec }));
        self.jobs().patch(JOB, &PatchParams::default(), &patch).await.unwrap();
    }

    /// Runs an operator. When it has died another one starts, which does not.
    pub(crate) fn run_operator(&self, death: Option<Death>) {
        let (client, written) = (self.server.outside_client(), Arc::clone(&self.written));
        let whole_life = async move {
            let dead = CancellationToken::new();
            let first = mortal(client.clone(), "one", Arc::clone(&written), death, dead.clone());
            tokio::select! {
                () = operate(first) => {}
                () = dead.cancelled() => {}
            }
            sleep(RESTART).await;
            operate(mortal(client, "two", written, None, CancellationToken::new())).await;
        };
        tokio::spawn(self.end.clone().run_until_cancelled_owned(whole_life));
    }

    /// Runs an operator that serves jobs while it holds the lease, until it is told to die.
    pub(crate) fn run_candidate(&self, name: &'static str) -> CancellationToken {
        let dead = CancellationToken::new();
        let (client, written) = (self.server.outside_client(), Arc::clone(&self.written));
        let client = mortal(client, name, written, None, dead.clone());
        let election = Election::new(client.clone(), name.to_owned(), LEASE, Clock::start());
        let life = async move {
            let context = Arc::new(Context::new(client, Arc::new(Backlog), Clock::start()));
            let shutdown = CancellationToken::new();
            operator::lead(&election, context, Some("default"), shutdown).await;
        };
        let life = dead.clone().run_until_cancelled_owned(life);
        tokio::spawn(self.end.clone().run_until_cancelled_owned(life));
        dead
    }

    /// Who wrote, in turns; leases do not count.
    pub(crate) fn turns(&self) -> Vec<String> {
        let written = self.written.lock().unwrap();
        let serving = written.iter().filter(|line| !line.contains("/leases"));
        let mut turns: Vec<String> =
            serving.filter_map(|line| Some(line.split_once(' ')?.0.to_owned())).collect();
        turns.dedup();
        turns
    }

    /// Waits until operators have written nothing for two seconds: nothing here takes that long to
    /// follow from something else.
    pub(crate) async fn settle(&self) {
        let (mut known, mut quiet) = (0, 0);
        for _ in 0..120 {
            sleep(LOOK).await;
            let written = self.written.lock().unwrap().len();
            quiet = if written == known { quiet + 1 } else { 0 };
            known = written;
            if quiet == 4 {
                return;
            }
        }
        panic!("operators write on and on");
    }

    /// How many workers are asked for.
    pub(crate) async fn replicas(&self) -> Option<i32> {
        let deployments: Api<Deployment> = Api::default_namespaced(self.client.clone());
        deployments.get_opt(JOB).await.unwrap()?.spec?.replicas
    }
}

async fn operate(client: Client) {
    let context = Arc::new(Context::new(client, Arc::new(Backlog), Clock::start()));
    operator::control(context, Some("default"), Arc::default(), CancellationToken::new()).await;
}

/// A client whose user dies at one of its writes: nothing it asks is answered any more.
fn mortal(
    client: Client,
    name: &'static str,
    written: Arc<Mutex<Vec<String>>>,
    death: Option<Death>,
    dead: CancellationToken,
) -> Client {
    let service = tower::service_fn(move |request: Request<Body>| {
        let (client, written, dead) = (client.clone(), Arc::clone(&written), dead.clone());
        async move {
            let mut number = None;
            if !dead.is_cancelled() && request.method() != Method::GET {
                let mut written = written.lock().unwrap();
                number = Some(written.len());
                written.push(format!("{name} {} {}", request.method(), request.uri().path()));
            }
            if dead.is_cancelled() || number.is_some_and(|it| death == Some(Death::Before(it))) {
                dead.cancel();
                return pending().await;
            }
            let answer = client.send(request).await;
            if dead.is_cancelled() || number.is_some_and(|it| death == Some(Death::After(it))) {
                dead.cancel();
                return pending().await;
            }
            answer
        }
    });
    Client::new(service, "default")
}

/// Gives the Deployment the pods it asks for, ready at once.
async fn run_workers(client: Client) {
    let deployments: Api<Deployment> = Api::default_namespaced(client.clone());
    let pods: Api<Pod> = Api::default_namespaced(client);
    loop {
        sleep(LOOK).await;
        let deployment = deployments.get_opt(JOB).await.unwrap();
        let spec = deployment.as_ref().and_then(|deployment| deployment.spec.as_ref());
        let wanted = spec.and_then(|spec| spec.replicas).unwrap_or(0);
        let have = pods.list(&ListParams::default()).await.unwrap().items;
        let names: Vec<String> = (0..wanted).map(|number| format!("{JOB}-{number}")).collect();
        for pod in have.iter().filter(|pod| !names.contains(&pod.name_any())) {
            let now = DeleteParams::default().grace_period(0);
            pods.delete(&pod.name_any(), &now).await.unwrap();
        }
        for name in names.iter().filter(|name| !have.iter().any(|pod| pod.name_any() == **name)) {
            let labels = spec.and_then(|spec| spec.template.metadata.clone()?.labels);
            start_pod(&pods, name, &json!(labels)).await;
        }
        if let Some(deployment) = &deployment {
            let status = json!({"status": {"observedGeneration": deployment.metadata.generation,
                "replicas": wanted, "updatedReplicas": wanted, "readyReplicas": wanted}});
            let status = Patch::Merge(status);
            // It may have gone by now.
            let _ = deployments.patch_status(JOB, &PatchParams::default(), &status).await;
        }
    }
}

async fn start_pod(pods: &Api<Pod>, name: &str, labels: &Value) {
    let pod = json!({"metadata": {"name": name, "labels": labels},
        "spec": {"containers": [{"name": "worker", "image": "worker"}]}});
    let pod = serde_json::from_value(pod).unwrap();
    pods.create(&PostParams::default(), &pod).await.unwrap();
    let ready = json!({"status": {"conditions": [{"type": "Ready", "status": "True"}]}});
    pods.patch_status(name, &PatchParams::default(), &Patch::Merge(ready)).await.unwrap();
}
