//! Each fault of the API server on a real client: it lands, has evidence, heals, heals twice
//! harmlessly, and leaves nothing.

use super::*;
use chaos::Targets;
use embedded_kube::ControlPlaneConfig;
use futures::StreamExt;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, DeleteParams, ListParams, Patch, PatchParams};
use kube::runtime::{WatchStreamExt, watcher};
use serde_json::json;

const LIMIT: Duration = Duration::from_secs(20);

/// Every kind, with what its evidence and its end begin with.
fn faults() -> [(serde_json::Value, &'static str); 9] {
    [
        (json!({"api_down": {}}), " cut, new ones refused"),
        (json!({"api_slow": {"delay": "50ms"}}), " waited, "),
        (json!({"api_errors": {"error": "internal_error"}}), " answered with 500"),
        (json!({"watch_drop": {"every": "50ms"}}), " cut"),
        (json!({"watch_stall": {}}), "1 watch silent, "),
        (json!({"events_delayed": {"by": "50ms", "merged": true}}), " late by "),
        (json!({"stale_list": {}}), " got a state "),
        (json!({"history_compacted": {}}), "1 watch cut, 1 watch told 410"),
        (json!({"webhook_timeout": {"timeout": "50ms"}}), " waited for a webhook, "),
    ]
}

fn maps(client: kube::Client) -> Api<ConfigMap> {
    Api::default_namespaced(client)
}

/// A client on the socket that does not try again.
fn outside(kube: &EmbeddedKube) -> kube::Client {
    let mut config = kube::Config::new(kube.url().parse().unwrap());
    config.default_retry = false;
    kube::Client::try_from(config).unwrap()
}

/// Changes an object from within.
async fn change(kube: &EmbeddedKube, namespace: &str, round: u32) {
    let data = json!({"round": round.to_string()});
    let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": data});
    let parameters = PatchParams::apply("test").force();
    let maps: Api<ConfigMap> = Api::namespaced(kube.client(), namespace);
    maps.patch("map", &parameters, &Patch::Apply(object)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_lands_has_evidence_heals_twice_and_leaves_nothing() {
    let kube = EmbeddedKube::start(ControlPlaneConfig::default()).await.unwrap();
    let kube = Arc::new(kube);
    change(&kube, "default", 0).await;
    let mut round = 0;
    for (fault, sign) in faults() {
        let events = watcher(maps(outside(&kube)), watcher::Config::default());
        let mut events = events.default_backoff().boxed();
        while !matches!(events.next().await, Some(Ok(watcher::Event::InitDone))) {}
        // The watch is open once it has told of a change.
        round += 1;
        change(&kube, "default", round).await;
        events.next().await.unwrap().unwrap();
        let watching = tokio::spawn(async move { while events.next().await.is_some() {} });
        // The watch does not hear of this, so that a compaction leaves it behind.
        change(&kube, "kube-system", round).await;
        let action = Action {
            fault: serde_json::from_value(fault).unwrap(),
            targets: Targets::default(),
            seed: 1,
        };
        let mut installed = install(&kube, &action, LIMIT).unwrap();
        let found = async {
            loop {
                round += 1;
                change(&kube, "default", round).await;
                let _ = maps(outside(&kube)).list(&ListParams::default()).await;
                let _ = maps(outside(&kube)).delete("none", &DeleteParams::default()).await;
                if let Some(sentence) = installed.evidence().await {
                    return sentence;
                }
            }
        };
        let sentence = tokio::time::timeout(LIMIT, found).await.expect("evidence");
        assert!(sentence.contains(sign), "{sentence}");
        let healed = installed.heal().await.unwrap();
        assert!(healed.contains(sign), "{healed}");
        assert_eq!(installed.heal().await.unwrap(), healed);
        watching.abort();
        let list = maps(outside(&kube)).list(&ListParams::default()).await.unwrap();
        let data = list.items[0].data.clone().unwrap();
        assert_eq!(data["round"], round.to_string());
    }
    Arc::into_inner(kube).unwrap().shutdown().await;
}
