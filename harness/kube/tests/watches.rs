//! Watches: bookmarks, expiry, and the watchers and controllers of `kube`.
#![expect(clippy::unwrap_used, reason = "helpers of tests, too, may end them")]

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use embedded_kube::api::{ApiConfig, ApiServer};
use embedded_kube::store::Limits;
use futures::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams};
use kube::runtime::controller::Action;
use kube::runtime::{Controller, WatchStreamExt, watcher};
use serde_json::json;

fn config_map(name: &str) -> ConfigMap {
    serde_json::from_value(json!({ "metadata": { "name": name } })).unwrap()
}

fn server() -> ApiServer {
    ApiServer::with_config(ApiConfig {
        bookmark_period: Duration::from_millis(10),
        limits: Limits { history_changes_max: 8, ..Limits::default() },
        ..ApiConfig::default()
    })
}

#[tokio::test]
async fn a_quiet_watch_gets_bookmarks_with_the_version_of_other_changes() {
    let server = server();
    let maps: Api<ConfigMap> = Api::default_namespaced(server.client());
    let system: Api<ConfigMap> = Api::namespaced(server.client(), "kube-system");
    let made = maps.create(&PostParams::default(), &config_map("a")).await.unwrap();
    let version = made.metadata.resource_version.unwrap();
    let mut events = maps.watch(&WatchParams::default(), &version).await.unwrap().boxed();
    let other = system.create(&PostParams::default(), &config_map("b")).await.unwrap();
    let event = events.try_next().await.unwrap().unwrap();
    let WatchEvent::Bookmark(bookmark) = event else { panic!("{event:?}") };
    assert_eq!(Some(bookmark.metadata.resource_version), other.metadata.resource_version);
}

#[tokio::test]
async fn a_version_that_is_no_longer_kept_is_gone() {
    let maps: Api<ConfigMap> = Api::default_namespaced(server().client());
    let made = maps.create(&PostParams::default(), &config_map("a")).await.unwrap();
    let old = made.metadata.resource_version.unwrap();
    for round in 0..10 {
        let patch = Patch::Merge(json!({ "data": { "round": round.to_string() } }));
        maps.patch("a", &PatchParams::default(), &patch).await.unwrap();
    }
    let mut events = maps.watch(&WatchParams::default(), &old).await.unwrap().boxed();
    let event = events.try_next().await.unwrap().unwrap();
    let WatchEvent::Error(error) = event else { panic!("{event:?}") };
    assert_eq!((error.code, error.reason.as_str()), (410, "Expired"));
}

#[tokio::test]
async fn a_watcher_follows_and_recovers_from_a_gap() {
    for config in [watcher::Config::default(), watcher::Config::default().streaming_lists()] {
        let server = server();
        let maps: Api<ConfigMap> = Api::default_namespaced(server.client());
        maps.create(&PostParams::default(), &config_map("a")).await.unwrap();
        let mut objects = pin!(watcher(maps.clone(), config).applied_objects());
        let mut seen = BTreeSet::new();
        seen.extend(objects.try_next().await.unwrap().unwrap().metadata.name);
        for index in 0..20 {
            maps.create(&PostParams::default(), &config_map(&format!("b{index}"))).await.unwrap();
        }
        // The gap shows as an error, after which the watcher lists anew.
        while seen.len() < 21 {
            if let Some(Ok(object)) = objects.next().await {
                seen.extend(object.metadata.name);
            }
        }
    }
}

#[tokio::test]
async fn a_controller_reconciles_with_its_owned_objects() {
    let server = ApiServer::new();
    let maps: Api<ConfigMap> = Api::default_namespaced(server.client());
    let (sender, mut reconciled) = tokio::sync::mpsc::unbounded_channel();
    let controller = Controller::new(maps.clone(), watcher::Config::default().labels("root"))
        .owns(maps.clone(), watcher::Config::default().labels("!root"))
        .run(
            move |object: Arc<ConfigMap>, _| {
                let _ = sender.send(object.metadata.name.clone());
                std::future::ready(Ok::<_, std::io::Error>(Action::await_change()))
            },
            |_, _, _| Action::requeue(Duration::from_secs(1)),
            Arc::new(()),
        )
        .for_each(|_| std::future::ready(()));
    let running = tokio::spawn(controller);
    let root: ConfigMap = serde_json::from_value(json!({
        "metadata": { "name": "a", "labels": { "root": "" } },
    }))
    .unwrap();
    let root = maps.create(&PostParams::default(), &root).await.unwrap();
    assert_eq!(reconciled.recv().await.unwrap().as_deref(), Some("a"));
    let mut owned = config_map("b");
    owned.metadata.owner_references = Some(vec![
        serde_json::from_value(json!({
            "apiVersion": "v1", "kind": "ConfigMap", "name": "a", "controller": true,
            "uid": root.metadata.uid,
        }))
        .unwrap(),
    ]);
    maps.create(&PostParams::default(), &owned).await.unwrap();
    assert_eq!(reconciled.recv().await.unwrap().as_deref(), Some("a"));
    maps.delete("b", &DeleteParams::default()).await.unwrap();
    assert_eq!(reconciled.recv().await.unwrap().as_deref(), Some("a"));
    running.abort();
}

#[tokio::test]
async fn watches_end_with_the_server() {
    let server = ApiServer::new();
    let maps: Api<ConfigMap> = Api::default_namespaced(server.client());
    let mut events = maps.watch(&WatchParams::default(), "0").await.unwrap().boxed();
    server.stop();
    assert!(events.try_next().await.unwrap().is_none());
}
