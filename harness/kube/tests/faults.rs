//! Faults of the API: each lands, is counted, heals, heals twice harmlessly, ends by itself, and
//! leaves clients in memory alone.
#![expect(clippy::unwrap_used, reason = "helpers of tests, too, may end them")]

use std::time::Duration;

use embedded_kube::api::{
    ApiConfig, ApiFailure, ApiFault, ApiFaultCounts, ApiRequests, ApiServer, StaleReads,
};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams, PostParams, WatchEvent};
use kube::api::{VersionMatch, WatchParams};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

const LIMIT: Duration = Duration::from_secs(60);
const SECOND: Duration = Duration::from_secs(1);

/// A server, its objects as a client on the socket has them, and as one in memory has them.
fn world() -> (ApiServer, Api<ConfigMap>, Api<ConfigMap>) {
    // No bookmark comes up between what a test waits for.
    let config = ApiConfig { bookmark_period: 10 * LIMIT, ..ApiConfig::default() };
    let server = ApiServer::with_config(config);
    let outside = Api::default_namespaced(server.outside_client());
    let inside = Api::default_namespaced(server.client());
    (server, outside, inside)
}

#[expect(clippy::disallowed_methods, reason = "the virtual clock of the test")]
fn now() -> Instant {
    Instant::now()
}

async fn create(maps: &Api<ConfigMap>, name: &str) -> kube::Result<ConfigMap> {
    let map = serde_json::from_value(json!({ "metadata": { "name": name } })).unwrap();
    maps.create(&PostParams::default(), &map).await
}

async fn touch(maps: &Api<ConfigMap>, name: &str, round: u32) {
    let patch = Patch::Merge(json!({ "data": { "round": round.to_string() } }));
    maps.patch(name, &PatchParams::default(), &patch).await.unwrap();
}

type Events = BoxStream<'static, kube::Result<WatchEvent<ConfigMap>>>;

async fn watch(maps: &Api<ConfigMap>, version: &str) -> Events {
    maps.watch(&WatchParams::default(), version).await.unwrap().boxed()
}

/// The next event within a second of virtual time.
async fn soon(events: &mut Events) -> Option<WatchEvent<ConfigMap>> {
    tokio::time::timeout(SECOND, events.try_next()).await.ok()?.unwrap()
}

fn text(event: Option<WatchEvent<ConfigMap>>) -> String {
    let round = |map: &ConfigMap| map.data.clone().unwrap_or_default().remove("round");
    let named = |what: &str, map: &ConfigMap| {
        let name = map.metadata.name.clone().unwrap();
        format!("{what} {name} {}", round(map).unwrap_or_default()).trim_end().to_owned()
    };
    match event {
        None => "nothing".into(),
        Some(WatchEvent::Added(map)) => named("added", &map),
        Some(WatchEvent::Modified(map)) => named("modified", &map),
        Some(WatchEvent::Deleted(map)) => named("deleted", &map),
        Some(WatchEvent::Error(error)) => format!("error {}", error.code),
        Some(WatchEvent::Bookmark(_)) => "bookmark".into(),
    }
}

fn code<T: std::fmt::Debug>(answer: kube::Result<T>) -> u16 {
    match answer.unwrap_err() {
        kube::Error::Api(status) => status.code,
        other => panic!("{other}"),
    }
}

async fn listed(maps: &Api<ConfigMap>, parameters: &ListParams) -> usize {
    maps.list(parameters).await.unwrap().items.len()
}

#[tokio::test]
async fn a_server_that_is_down_cuts_its_connections_and_its_port_refuses_until_it_is_healed() {
    let (server, _, inside) = world();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = server.clone();
    let serving = tokio::spawn(async move { serving.serve(listener).await });
    let mut connection = TcpStream::connect(address).await.unwrap();
    connection.write_all(b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    assert!(connection.read(&mut [0; 1024]).await.unwrap() > 0);
    let client = || {
        let url = format!("http://{address}").parse().unwrap();
        kube::Client::try_from(kube::Config::new(url)).unwrap()
    };
    let maps: Api<ConfigMap> = Api::default_namespaced(client());
    let mut events = watch(&maps, "0").await;
    let fault = server.install(ApiFault::Down, LIMIT, 0);
    let ended = events.next().await;
    assert!(matches!(ended, None | Some(Err(_))), "{ended:?}");
    let read = connection.read(&mut [0; 1]).await;
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
    let refused = TcpStream::connect(address).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    assert_eq!(fault.counts().connections, 2);
    create(&inside, "a").await.unwrap();
    for _ in 0..2 {
        fault.heal();
        assert!(!fault.is_in_force());
    }
    // The door opens a moment after it is told to.
    while TcpStream::connect(address).await.is_err() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let maps: Api<ConfigMap> = Api::default_namespaced(client());
    create(&maps, "b").await.unwrap();
    server.stop();
    serving.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_down_comes_back_by_itself() {
    let (server, outside, inside) = world();
    let mut events = watch(&outside, "0").await;
    let fault = server.install(ApiFault::Down, LIMIT, 0);
    assert!(matches!(events.next().await, Some(Err(_))));
    assert!(matches!(create(&outside, "a").await, Err(kube::Error::Service(_))));
    create(&inside, "a").await.unwrap();
    tokio::time::sleep(LIMIT).await;
    assert!(!fault.is_in_force());
    create(&outside, "b").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_slow_server_lets_requests_wait_and_lets_go_of_them_when_healed() {
    let (server, outside, inside) = world();
    let fault = server.install(ApiFault::Slow(SECOND), LIMIT, 0);
    let start = now();
    create(&inside, "a").await.unwrap();
    assert_eq!(start.elapsed(), Duration::ZERO);
    create(&outside, "b").await.unwrap();
    assert!(start.elapsed() >= SECOND);
    let counts = fault.counts();
    assert_eq!(counts.requests, 1);
    assert!(counts.longest >= SECOND);
    let waiting = tokio::spawn(async move { create(&outside, "c").await.is_ok() });
    tokio::time::sleep(SECOND / 10).await;
    let healed = now();
    fault.heal();
    assert!(waiting.await.unwrap());
    assert!(healed.elapsed() < SECOND / 10);
}

#[tokio::test(start_paused = true)]
async fn writes_wait_for_a_silent_webhook_and_fare_by_its_failure_policy() {
    let (server, outside, inside) = world();
    let webhook =
        |ignored| server.install(ApiFault::WebhookSilent { timeout: SECOND, ignored }, LIMIT, 0);
    let fault = webhook(false);
    let start = now();
    create(&inside, "a").await.unwrap();
    outside.get("a").await.unwrap();
    assert!(start.elapsed() < SECOND);
    assert_eq!(code(create(&outside, "b").await), 500);
    assert!(start.elapsed() >= SECOND);
    assert!(inside.get_opt("b").await.unwrap().is_none());
    assert_eq!((fault.counts().requests, fault.counts().longest), (1, SECOND));
    let (waiting, start) = (outside.clone(), now());
    let waiting = tokio::spawn(async move { create(&waiting, "c").await.is_ok() });
    tokio::time::sleep(SECOND / 10).await;
    fault.heal();
    assert!(waiting.await.unwrap(), "the webhook has answered");
    assert!(start.elapsed() < SECOND);

    let fault = webhook(true);
    create(&outside, "d").await.unwrap();
    assert!(start.elapsed() >= SECOND);
    assert_eq!(fault.counts().requests, 1);
}

#[tokio::test(start_paused = true)]
async fn errors_are_given_to_those_they_are_for_and_what_timed_out_is_done_all_the_same() {
    let (server, outside, inside) = world();
    let errors = |failure, requests| server.install(ApiFault::Errors(failure, requests), LIMIT, 7);
    let fault = errors(ApiFailure::Conflict, ApiRequests::Next(1));
    assert_eq!(listed(&outside, &ListParams::default()).await, 0);
    create(&inside, "a").await.unwrap();
    assert_eq!(code(create(&outside, "b").await), 409);
    create(&outside, "b").await.unwrap();
    assert_eq!(fault.counts(), ApiFaultCounts { requests: 1, ..ApiFaultCounts::default() });
    fault.heal();

    let fault = errors(ApiFailure::Timeout, ApiRequests::All);
    assert_eq!(code(create(&outside, "c").await), 504);
    assert!(inside.get_opt("c").await.unwrap().is_some());
    fault.heal();

    let fault = errors(ApiFailure::InternalError, ApiRequests::Share(0.5));
    let mut failed = 0;
    for _ in 0..100 {
        failed += u32::from(outside.get("a").await.is_err());
    }
    assert!((30..70).contains(&failed), "{failed}");
    assert_eq!(fault.counts().requests, u64::from(failed));
    fault.heal();
    fault.heal();
    outside.get("a").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn too_many_requests_tell_when_to_come_back() {
    let (server, outside, _) = world();
    let fault = ApiFault::Errors(ApiFailure::TooManyRequests, ApiRequests::All);
    let fault = server.install(fault, LIMIT, 0);
    let request = http::Request::get("/api/v1/namespaces").body(kube::client::Body::empty());
    let answer = server.outside_client().send(request.unwrap()).await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["retry-after"]),
        (429, &"1".parse().unwrap())
    );
    assert_eq!(server.outside_client().apiserver_version().await.unwrap().major, "1");
    fault.heal();
    assert_eq!(listed(&outside, &ListParams::default()).await, 0);
}

#[tokio::test(start_paused = true)]
async fn watches_are_cut_at_once_and_new_ones_when_they_are_old_enough() {
    let (server, outside, inside) = world();
    let (mut events, mut spared) = (watch(&outside, "0").await, watch(&inside, "0").await);
    let fault = server.install(ApiFault::WatchesCut(2 * SECOND), LIMIT, 0);
    assert!(events.next().await.unwrap().is_err());
    let mut again = watch(&outside, "0").await;
    create(&inside, "a").await.unwrap();
    assert_eq!(text(soon(&mut again).await), "added a");
    assert!(again.next().await.unwrap().is_err());
    assert_eq!(fault.counts().watches, 2);
    assert_eq!(text(soon(&mut spared).await), "added a");
    fault.heal();
    fault.heal();
    let mut last = watch(&outside, "0").await;
    assert_eq!(text(soon(&mut last).await), "added a");
    assert!(tokio::time::timeout(3 * SECOND, last.next()).await.is_err(), "nobody cuts it");
}

#[tokio::test(start_paused = true)]
async fn a_stalled_watch_is_silent_past_its_end_and_new_ones_are_not() {
    let (server, outside, inside) = world();
    let parameters = WatchParams::default().timeout(5);
    let mut events = outside.watch(&parameters, "0").await.unwrap().boxed();
    let fault = server.install(ApiFault::WatchesStalled, LIMIT, 0);
    create(&inside, "a").await.unwrap();
    touch(&inside, "a", 1).await;
    assert!(tokio::time::timeout(10 * SECOND, events.next()).await.is_err());
    let counts = fault.counts();
    assert_eq!((counts.watches, counts.events), (1, 2));
    assert_eq!(text(soon(&mut watch(&outside, "0").await).await), "added a 1");
    fault.heal();
    fault.heal();
    assert_eq!(text(soon(&mut events).await), "added a");
    assert_eq!(text(soon(&mut events).await), "modified a 1");
    assert_eq!(text(soon(&mut events).await), "nothing");
}

#[tokio::test(start_paused = true)]
async fn a_stall_ends_by_itself() {
    let (server, outside, inside) = world();
    let mut events = watch(&outside, "0").await;
    server.install(ApiFault::WatchesStalled, LIMIT, 0);
    create(&inside, "a").await.unwrap();
    tokio::time::sleep(LIMIT).await;
    assert_eq!(text(soon(&mut events).await), "added a");
}

#[tokio::test(start_paused = true)]
async fn delayed_events_all_come_and_none_before_its_time() {
    let (server, outside, inside) = world();
    let mut events = watch(&outside, "0").await;
    let delay = ApiFault::EventsDelayed { by: 3 * SECOND, merged: false };
    let fault = server.install(delay, LIMIT, 0);
    let start = now();
    for name in ["a", "b"] {
        tokio::time::sleep(SECOND).await;
        create(&inside, name).await.unwrap();
    }
    for (name, due) in [("added a", 4), ("added b", 5)] {
        let event = events.try_next().await.unwrap();
        assert_eq!((text(event), start.elapsed().as_secs()), (name.to_owned(), due));
    }
    let counts = fault.counts();
    assert_eq!((counts.events, counts.longest.as_secs()), (2, 3));
    create(&inside, "c").await.unwrap();
    fault.heal();
    fault.heal();
    assert_eq!(text(soon(&mut events).await), "added c");
}

#[tokio::test(start_paused = true)]
async fn merged_events_come_in_rounds_and_what_came_and_went_is_not_told() {
    let (server, outside, inside) = world();
    create(&inside, "a").await.unwrap();
    let mut events = watch(&outside, "0").await;
    assert_eq!(text(soon(&mut events).await), "added a");
    let delay = ApiFault::EventsDelayed { by: 2 * SECOND, merged: true };
    let fault = server.install(delay, LIMIT, 0);
    let start = now();
    for round in 1..=3 {
        touch(&inside, "a", round).await;
    }
    create(&inside, "b").await.unwrap();
    inside.delete("b", &DeleteParams::default()).await.unwrap();
    create(&inside, "c").await.unwrap();
    for expected in ["modified a 3", "added c"] {
        assert_eq!(text(events.try_next().await.unwrap()), expected);
        assert_eq!(start.elapsed().as_secs(), 2);
    }
    let counts = fault.counts();
    assert_eq!((counts.events, counts.merged, counts.longest.as_secs()), (2, 3, 2));
    assert_eq!(text(soon(&mut events).await), "nothing");
}

#[tokio::test(start_paused = true)]
async fn stale_reads_are_of_the_time_when_it_began() {
    let (server, outside, inside) = world();
    create(&inside, "a").await.unwrap();
    let allowing =
        ListParams { version_match: Some(VersionMatch::NotOlderThan), ..ListParams::default() };
    let allowing = allowing.at("0");
    let fault = server.install(ApiFault::ReadsStale(StaleReads::Allowing), LIMIT, 0);
    create(&inside, "b").await.unwrap();
    touch(&inside, "a", 1).await;
    assert_eq!(listed(&outside, &allowing).await, 1);
    assert_eq!(listed(&outside, &ListParams::default()).await, 2);
    assert_eq!(listed(&inside, &allowing).await, 2);
    let counts = fault.counts();
    assert_eq!((counts.requests, counts.versions_behind), (1, 2));
    fault.heal();

    let fault = server.install(ApiFault::ReadsStale(StaleReads::All), LIMIT, 0);
    create(&outside, "c").await.unwrap();
    touch(&inside, "a", 2).await;
    assert_eq!(outside.get("a").await.unwrap().data.unwrap()["round"], "1");
    assert_eq!(code(outside.get("c").await), 404);
    let mut events = watch(&outside, "0").await;
    for expected in ["added a 1", "added b", "added c", "modified a 2"] {
        assert_eq!(text(soon(&mut events).await), expected);
    }
    fault.heal();
    fault.heal();
    outside.get("c").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn after_a_compaction_no_watch_goes_on_from_before_it() {
    let (server, outside, inside) = world();
    let made = create(&inside, "a").await.unwrap();
    let old = made.metadata.resource_version.unwrap();
    touch(&inside, "a", 1).await;
    let mut open = watch(&outside, &old).await;
    let fault = server.install(ApiFault::HistoryCompacted, LIMIT, 0);
    assert!(open.next().await.unwrap().is_err());
    assert_eq!(text(soon(&mut watch(&outside, &old).await).await), "error 410");
    assert_eq!(text(soon(&mut watch(&inside, &old).await).await), "modified a 1");
    let counts = fault.counts();
    assert_eq!((counts.watches, counts.requests), (1, 1));
    let listed = outside.list(&ListParams::default()).await.unwrap();
    let version = listed.metadata.resource_version.unwrap();
    let mut events = watch(&outside, &version).await;
    touch(&inside, "a", 2).await;
    assert_eq!(text(soon(&mut events).await), "modified a 2");
    fault.heal();
    fault.heal();
    assert_eq!(text(soon(&mut watch(&outside, &old).await).await), "modified a 1");
}
