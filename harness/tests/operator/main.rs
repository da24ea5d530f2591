//! The operator on an embedded API server that fails, killed between any two of its writes, and
//! one of several: the job ends in the same state.
#![expect(clippy::unwrap_used, reason = "helpers of tests, too, may end them")]

mod world;

use std::time::Duration;

use embedded_kube::api::{ApiFailure, ApiFault, ApiFaultCounts, ApiRequests, StaleReads};
use http::Request;
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{DeleteParams, Patch, PatchParams};
use operator::clock::Clock;
use serde_json::{Value, json};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use world::{Death, JOB, LEASE, World};

/// Where there is something that an operator rules or writes.
const KINDS: [&str; 5] = [
    "apis/streaming.stormgauge.dev/v1alpha1/namespaces/default/streamingjobs",
    "apis/apps/v1/namespaces/default/deployments",
    "api/v1/namespaces/default/services",
    "api/v1/namespaces/default/configmaps",
    "api/v1/namespaces/default/pods",
];
/// Time in which everything settles.
const SETTLED: Duration = Duration::from_secs(10);

/// A job's life as its cluster saw it.
struct Life {
    written: Vec<String>,
    /// All objects in its prime, without what tells one run from another.
    prime: Value,
    /// What is left in the end.
    left: Value,
}

/// A job that is created, grows, is changed, and is deleted, under an operator that dies.
async fn live(death: Option<Death>) -> Life {
    let world = World::new().await;
    world.run_operator(death);
    world.settle().await;
    assert_eq!(world.replicas().await, Some(4), "{death:?}");
    change(&world).await;
    world.settle().await;
    let prime = state(&world).await;
    world.jobs().delete(JOB, &DeleteParams::default()).await.unwrap();
    world.settle().await;
    let left = state(&world).await;
    let written = world.written.lock().unwrap().clone();
    Life { written, prime, left }
}

/// What is asked for in mid-life.
async fn change(world: &World) {
    let spec = json!({"strategy": {"name": "LowLatency"}, "scaling": {"maxReplicas": 3}});
    world.change_job(spec).await;
}

/// All objects, without versions, times, and the log of decisions: it may lack one that was made
/// just before a death.
async fn state(world: &World) -> Value {
    let mut all = json!({});
    for path in KINDS {
        let request = Request::get(format!("/{path}")).body(Vec::new()).unwrap();
        let list: Value = world.client.request(request).await.unwrap();
        for object in list["items"].as_array().unwrap() {
            let name = object["metadata"]["name"].as_str().unwrap();
            let mut object = object.clone();
            timeless(&mut object);
            all[path][name] = object;
        }
    }
    all
}

fn timeless(value: &mut Value) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(timeless),
        Value::Object(map) => {
            // Generations of the Deployment count its scalings, of which there may be fewer.
            map.retain(|key, _| {
                ![
                    "creationTimestamp",
                    "decisions",
                    "generation",
                    "lastTransitionTime",
                    "observedGeneration",
                    "resourceVersion",
                    "time",
                    "uid",
                ]
                .contains(&key.as_str())
            });
            map.values_mut().for_each(timeless);
        }
        _ => {}
    }
}

#[tokio::test(start_paused = true)]
async fn killed_between_any_two_of_its_writes_it_ends_in_the_same_state() {
    let whole = live(None).await;
    assert_eq!(whole.left, json!({}), "everything goes with the job");
    let writes = whole.written.len();
    assert!(writes >= 15, "{:#?}", whole.written);
    let deaths = (0..writes).flat_map(|write| [Death::Before(write), Death::After(write)]);
    for death in deaths {
        let life = live(Some(death)).await;
        let what = format!("{death:?} of {:#?}", whole.written);
        assert_eq!(life.prime, whole.prime, "{what}");
        assert_eq!(life.left, whole.left, "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_the_api_server_does_wrong_the_job_ends_as_it_should() {
    let whole = live(None).await;
    let limit = Duration::from_secs(5);
    for fault in [
        ApiFault::Down,
        ApiFault::Slow(Duration::from_secs(2)),
        ApiFault::Errors(ApiFailure::Conflict, ApiRequests::All),
        ApiFault::Errors(ApiFailure::TooManyRequests, ApiRequests::Share(0.5)),
        ApiFault::Errors(ApiFailure::InternalError, ApiRequests::All),
        ApiFault::Errors(ApiFailure::Timeout, ApiRequests::All),
        ApiFault::WatchesCut(Duration::from_millis(500)),
        ApiFault::WatchesStalled,
        ApiFault::EventsDelayed { by: Duration::from_secs(2), merged: false },
        ApiFault::EventsDelayed { by: Duration::from_secs(2), merged: true },
        ApiFault::ReadsStale(StaleReads::All),
        ApiFault::HistoryCompacted,
    ] {
        let world = World::new().await;
        world.run_operator(None);
        world.settle().await;
        let installed = world.server.install(fault, limit, 3);
        change(&world).await;
        sleep(limit).await;
        assert!(!installed.is_in_force());
        assert_ne!(installed.counts(), ApiFaultCounts::default(), "{fault:?} met nobody");
        // Failed passes are tried again after half a minute at most, and so are watches.
        let mut state_now = state(&world).await;
        for _ in 0..60 {
            if state_now == whole.prime {
                break;
            }
            sleep(Duration::from_secs(1)).await;
            state_now = state(&world).await;
        }
        assert_eq!(state_now, whole.prime, "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_has_fallen_silent_is_noticed() {
    let world = World::new().await;
    world.run_operator(None);
    sleep(SETTLED).await;
    let stalled = world.server.install(ApiFault::WatchesStalled, Duration::from_secs(600), 0);
    change(&world).await;
    // Fifteen seconds that a watch lasts, five for its end to arrive, and a pause before the next.
    sleep(Duration::from_secs(25)).await;
    assert!(stalled.is_in_force());
    assert_eq!(stalled.counts().watches, 4);
    assert_eq!(world.replicas().await, Some(3), "the change is not seen");
}

#[tokio::test(start_paused = true)]
async fn of_two_operators_one_serves_and_the_other_takes_over_when_it_dies() {
    let whole = live(None).await;
    let world = World::new().await;
    let one = world.run_candidate("one");
    sleep(Duration::from_millis(1)).await;
    world.run_candidate("two");
    sleep(SETTLED).await;
    assert_eq!(world.turns(), ["one"]);
    one.cancel();
    change(&world).await;
    sleep(LEASE / 2).await;
    assert_eq!(world.turns(), ["one"], "the lease has not run out");
    sleep(LEASE + SETTLED).await;
    assert_eq!(world.turns(), ["one", "two"]);
    assert_eq!(state(&world).await, whole.prime);
}

#[tokio::test(start_paused = true)]
async fn an_operator_that_has_lost_its_lease_stops_until_it_gets_it_back() {
    let whole = live(None).await;
    let world = World::new().await;
    world.run_candidate("one");
    sleep(SETTLED).await;
    let usurped = json!({"spec": {"holderIdentity": "somebody", "leaseDurationSeconds": 20}});
    let leases: kube::Api<Lease> = kube::Api::default_namespaced(world.client.clone());
    let usurped = Patch::Merge(usurped);
    leases.patch(operator::LEASE, &PatchParams::default(), &usurped).await.unwrap();
    sleep(LEASE).await;
    let written = world.written.lock().unwrap().len();
    change(&world).await;
    sleep(SETTLED).await;
    assert_eq!(world.written.lock().unwrap().len(), written, "it does not serve");
    assert_eq!(world.replicas().await, Some(4));
    sleep(2 * SETTLED).await;
    assert_eq!(state(&world).await, whole.prime);
    let lease = leases.get(operator::LEASE).await.unwrap().spec.unwrap();
    assert_eq!((lease.holder_identity.as_deref(), lease.lease_transitions), (Some("one"), Some(1)));
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_takes_requests_and_never_answers_is_given_up_on() {
    let silent = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let kubeconfig = directory.path().join("kubeconfig.yaml");
    let server = json!({"server": format!("http://{}", silent.local_addr().unwrap())});
    let file = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "a",
        "clusters": [{"name": "a", "cluster": server}],
        "users": [{"name": "a", "user": {}}],
        "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
    });
    std::fs::write(&kubeconfig, file.to_string()).unwrap();
    let args = operator::Args {
        kubeconfig: Some(kubeconfig),
        namespace: None,
        once: true,
        listen: ([127, 0, 0, 1], 0).into(),
        install_crds: false,
        leader_elect: false,
        lease_duration: LEASE,
        log_format: operator::LogFormat::Text,
    };
    let run = operator::run(args, Clock::start(), CancellationToken::new());
    let ended = tokio::time::timeout(Duration::from_secs(60), run).await;
    let error = ended.expect("it does not wait for ever").unwrap_err();
    assert!(error.to_string().starts_with("listing StreamingJobs"), "{error}");
}
