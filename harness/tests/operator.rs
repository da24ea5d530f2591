//! The operator on an embedded API server that fails, and killed between any two of its writes:
//! it ends in the same state.
#![expect(clippy::unwrap_used, reason = "helpers of tests, too, may end them")]

#[path = "operator/world.rs"]
mod world;

use std::time::Duration;

use embedded_kube::api::{ApiFailure, ApiFault, ApiFaultCounts, ApiRequests, StaleReads};
use http::Request;
use kube::api::DeleteParams;
use serde_json::{Value, json};
use tokio::time::sleep;
use world::{Death, JOB, World};

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
    sleep(SETTLED).await;
    assert_eq!(world.replicas().await, Some(4), "{death:?}");
    change(&world).await;
    sleep(SETTLED).await;
    let prime = state(&world).await;
    world.jobs().delete(JOB, &DeleteParams::default()).await.unwrap();
    sleep(SETTLED).await;
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
        sleep(SETTLED).await;
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
