//! Nodes in trouble: silent, slow, short of something, without images, drained, about to go.
#![expect(clippy::unwrap_used, reason = "helpers of tests, too, may end them")]
#![cfg(target_os = "linux")]

#[path = "nodes/lab.rs"]
mod lab;

use std::collections::BTreeSet;
use std::time::Duration;

use embedded_kube::{
    DrainRound, NodeHandle, OomKiller, Pressure, ProcessEvent, ProcessStatus, SPOT_TAINT,
};
use k8s_openapi::api::core::v1::{Event, Node, Pod};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::Api;
use kube::api::{DeleteParams, ListParams, PostParams};
use lab::{Lab, exists, is_ready, node_of, restarts, sh, until, waiting};
use serde_json::json;

const LONG: Duration = Duration::from_secs(3600);

fn pids(node: &NodeHandle) -> BTreeSet<u32> {
    node.processes().iter().map(|process| process.pid).collect()
}

fn states(node: &NodeHandle) -> BTreeSet<char> {
    node.states().unwrap().into_iter().map(|(_, state)| state).collect()
}

async fn node(lab: &Lab, name: &str) -> Node {
    Api::<Node>::all(lab.kube.client()).get(name).await.unwrap()
}

async fn taints(lab: &Lab, name: &str) -> Vec<String> {
    let taints = node(lab, name).await.spec.unwrap_or_default().taints.unwrap_or_default();
    taints.into_iter().map(|taint| taint.key).collect()
}

/// Allows one of the pods of `web` to be away.
async fn let_one_go(lab: &Lab) {
    let budget: PodDisruptionBudget = serde_json::from_value(json!({
        "metadata": {"name": "web"},
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"app": "web"}}}
    }))
    .unwrap();
    let budgets: Api<PodDisruptionBudget> = Api::namespaced(lab.kube.client(), lab::NAMESPACE);
    budgets.create(&PostParams::default(), &budget).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_of_a_silent_node_live_on_and_are_not_reported() {
    let lab = Lab::start_with(1, |config| config.eviction_delay = LONG).await;
    lab.create_deployment("web", 2, json!({})).await;
    lab.settled(2).await;
    let node = lab.node("node-1");
    let before = pids(&node);
    assert!(node.silence().await);
    assert!(!node.silence().await, "it is silent already");
    assert!(node.pause().await.is_empty());
    node.resume().await;
    until("the silence is noticed", || async { !lab.node_is_ready("node-1").await }).await;
    assert_eq!(pids(&node), before);
    assert!(!states(&node).contains(&'T'));
    assert!(node.kill(*before.first().unwrap()));
    until("one process ends", || async { node.processes().len() == 1 }).await;
    node.end_silence().await;
    node.end_silence().await;
    until("the node is back", || lab.node_is_ready("node-1")).await;
    lab.settled(2).await;
    let restarted: i32 = lab.all_pods().await.iter().map(restarts).sum();
    assert_eq!(restarted, 1, "the end in the silence is told after it");
    assert!(node.silence().await);
    node.crash().await;
    assert!(!node.silence().await && pids(&node).is_empty());
    lab.kube.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_node_is_stopped_for_its_share_of_the_time_and_then_runs_on() {
    let lab = Lab::start(1).await;
    lab.create_deployment("web", 2, json!({})).await;
    lab.settled(2).await;
    let node = lab.node("node-1");
    let mut slowness = node.slow_down(0.6, LONG);
    until("it was stopped for a while", || async {
        slowness.time().all > Duration::from_millis(1200)
    })
    .await;
    let share = slowness.time().share();
    assert!((0.5..=0.9).contains(&share), "{share}");
    assert!(lab.node_is_ready("node-1").await, "its kubelet goes on");
    slowness.end().await;
    let time = slowness.time();
    slowness.end().await;
    until("everything runs", || async { !states(&node).contains(&'T') }).await;
    assert_eq!(slowness.time(), time);

    let short = node.slow_down(0.9, Duration::from_millis(150));
    until("it ends by itself", || async { !states(&node).contains(&'T') }).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!states(&node).contains(&'T'));
    drop(short);
    // A node that is paused while it is slow stays paused when it is slow no more.
    let mut slowness = node.slow_down(0.5, LONG);
    node.pause().await;
    slowness.end().await;
    // A process that runs stops at its next look at its signals, a moment later.
    until("it is stopped", || async { states(&node) == BTreeSet::from(['T']) }).await;
    node.resume().await;
    until("everything goes on", || async { !states(&node).contains(&'T') }).await;
    lab.kube.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_process_can_be_held_and_keeps_that_over_a_pause_of_its_node() {
    let lab = Lab::start_with(1, |config| config.eviction_delay = LONG).await;
    lab.create_deployment("web", 1, json!({})).await;
    lab.settled(1).await;
    let node = lab.node("node-1");
    let pid = *pids(&node).first().unwrap();
    assert!(node.hold(pid, true));
    until("it is stopped", || async { states(&node) == BTreeSet::from(['T']) }).await;
    node.pause().await;
    node.resume().await;
    until("it is stopped", || async { states(&node) == BTreeSet::from(['T']) }).await;
    assert!(node.hold(pid, false) && node.hold(pid, false));
    until("it goes on", || async { !states(&node).contains(&'T') }).await;
    assert!(!node.hold(pid + 1, true) && !node.kill(pid + 1));
    lab.kube.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_short_of_something_takes_no_pods_and_evicts_one_after_the_other() {
    for (pressure, taint) in [
        (Pressure::Memory, "node.kubernetes.io/memory-pressure"),
        (Pressure::Disk, "node.kubernetes.io/disk-pressure"),
    ] {
        let lab = Lab::start(2).await;
        lab.create_deployment("web", 4, json!({})).await;
        lab.settled(4).await;
        let short = lab.node("node-1");
        let before = pids(&short);
        assert_eq!(before.len(), 2);
        short.set_pressure(pressure, true);
        until("its pods are replaced elsewhere", || async {
            lab.node("node-2").processes().len() == 4 && short.processes().is_empty()
        })
        .await;
        assert!(!before.iter().any(|pid| exists(*pid)));
        until("the taint is there", || async {
            taints(&lab, "node-1").await == [taint.to_owned()]
        })
        .await;
        let evicted = |pods: Vec<Pod>| {
            let on_node = pods.into_iter().filter(|pod| node_of(pod) == "node-1");
            let status = on_node.filter_map(|pod| pod.status);
            status.filter(|it| it.reason.as_deref() == Some("Evicted")).count()
        };
        until("the evictions are told", || async { evicted(lab.all_pods().await) >= 2 }).await;
        let status = node(&lab, "node-1").await.status.unwrap();
        let conditions = status.conditions.unwrap();
        let holds =
            |kind: &str| conditions.iter().any(|it| it.type_ == kind && it.status == "True");
        assert!(holds("Ready") && holds(pressure.condition()));
        short.set_pressure(pressure, false);
        until("it takes pods again", || lab.node_is_ready("node-1")).await;
        // Evicted pods stay listed, and a budget does not wait for them.
        let_one_go(&lab).await;
        assert!(lab.node("node-2").evict_pods().await.unwrap().evicted > 0);
        lab.kube.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pressure_that_ended_while_the_node_was_down_is_over_at_the_next_boot() {
    let lab = Lab::start_with(1, |config| config.eviction_delay = LONG).await;
    let short = lab.node("node-1");
    short.set_pressure(Pressure::Disk, true);
    until("it is told", || async { !taints(&lab, "node-1").await.is_empty() }).await;
    short.crash().await;
    short.set_pressure(Pressure::Disk, false);
    short.restart().await;
    until("the node is as before", || lab.node_is_ready("node-1")).await;
    lab.kube.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn out_of_memory_the_largest_container_is_killed_and_started_again() {
    let lab = Lab::start(1).await;
    let mut events = lab.kube.process_events();
    lab.create_pod("small", sh("exec sleep 1000"), json!({})).await;
    // The shell keeps 8 MB that it has read.
    let large = "x=$(head -c 8000000 /dev/zero | tr '\\0' x); echo up; sleep 1000; echo $x";
    lab.create_pod("large", sh(large), json!({})).await;
    until("both run", || async { lab.log("large").contains("up") }).await;
    lab.settled(2).await;
    let killed = lab.node("node-1").run_out_of_memory().unwrap();
    assert_eq!(killed.pod, "large");
    let status = loop {
        if let Ok(ProcessEvent::Exited { pid, status, .. }) = events.recv().await {
            assert_eq!(pid, killed.pid);
            break status;
        }
    };
    assert_eq!(status, ProcessStatus::OutOfMemory(OomKiller::Kubelet));
    until("it is started again", || async { restarts(&lab.pod("large").await) == 1 }).await;
    let status = lab.pod("large").await.status.unwrap().container_statuses.unwrap();
    let last = status[0].last_state.clone().unwrap().terminated.unwrap();
    assert_eq!((last.reason.as_deref(), last.exit_code), (Some("OOMKilled"), 137));
    assert_eq!(restarts(&lab.pod("small").await), 0);
    lab.kube.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_container_above_its_limit_is_killed_and_started_again() {
    let lab = Lab::start(1).await;
    let limited = |script: &str| {
        let mut container = sh(script);
        container["resources"] = json!({"limits": {"memory": "16Mi"}});
        container
    };
    lab.create_pod("modest", limited("exec sleep 1000"), json!({})).await;
    // The shell keeps 40 MB that it has read.
    let greedy = "x=$(head -c 40000000 /dev/zero | tr '\\0' x); sleep 1000; echo $x";
    lab.create_pod("greedy", limited(greedy), json!({})).await;
    until("it is started again", || async { restarts(&lab.pod("greedy").await) > 1 }).await;
    let status = lab.pod("greedy").await.status.unwrap().container_statuses.unwrap();
    let last = status[0].last_state.clone().unwrap().terminated.unwrap();
    assert_eq!((last.reason.as_deref(), last.exit_code), (Some("OOMKilled"), 137));
    assert_eq!(restarts(&lab.pod("modest").await), 0);
    lab.kube.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_images_no_container_starts_until_there_are_some() {
    let lab = Lab::start(1).await;
    lab.create_deployment("web", 1, json!({})).await;
    lab.settled(1).await;
    let node = lab.node("node-1");
    node.set_without_images(true);
    lab.scale("web", 2).await;
    until("the new pod waits for its image", || async {
        let pods = lab.all_pods().await;
        let reasons: Vec<_> = pods.iter().filter_map(waiting).map(|(reason, _)| reason).collect();
        reasons == ["ErrImagePull"]
    })
    .await;
    assert_eq!(node.processes().len(), 1, "what runs goes on");
    assert!(node.start_troubles().refused > 0);
    node.set_without_images(false);
    lab.settled(2).await;
    lab.kube.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_starts_are_late_and_those_that_wait_are_let_go() {
    let lab = Lab::start(1).await;
    let node = lab.node("node-1");
    node.set_start_delay(Duration::from_millis(100));
    lab.create_pod("late", sh("sleep 1000"), json!({})).await;
    tokio::time::sleep(Duration::from_millis(60)).await;
    assert!(node.processes().is_empty());
    lab.settled(1).await;
    assert_eq!(node.start_troubles().late, 1);
    node.set_start_delay(LONG);
    lab.create_pod("waiting", sh("sleep 1000"), json!({})).await;
    lab.create_pod("leaving", sh("sleep 1000"), json!({})).await;
    tokio::time::sleep(Duration::from_millis(60)).await;
    lab.pods().delete("leaving", &DeleteParams::default()).await.unwrap();
    until("a pod can go while it waits", || async { lab.all_pods().await.len() == 2 }).await;
    node.set_start_delay(Duration::ZERO);
    lab.settled(2).await;
    assert_eq!(node.start_troubles().late, 2);
    let names: BTreeSet<String> =
        lab.all_pods().await.iter().map(|pod| lab::name(pod).to_owned()).collect();
    assert_eq!(names, BTreeSet::from(["late".to_owned(), "waiting".to_owned()]));
    lab.kube.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_empties_a_node_as_fast_as_the_budget_allows() {
    let lab = Lab::start(2).await;
    lab.create_deployment("web", 4, json!({})).await;
    lab.settled(4).await;
    let_one_go(&lab).await;
    let node = lab.node("node-1");
    node.set_cordoned(true).await.unwrap();
    let first = node.evict_pods().await.unwrap();
    assert_eq!(first, DrainRound { evicted: 1, refused: 1, leaving: 0 });
    until("the node is empty", || async {
        node.evict_pods().await.unwrap() == DrainRound::default()
    })
    .await;
    lab.settled(4).await;
    assert!(lab.all_pods().await.iter().all(|pod| is_ready(pod) && node_of(pod) == "node-2"));
    node.set_cordoned(false).await.unwrap();
    lab.scale("web", 6).await;
    lab.settled(6).await;
    assert_eq!(node.processes().len(), 2);
    lab.kube.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_notice_is_a_taint_and_an_event_and_can_be_withdrawn() {
    let lab = Lab::start(2).await;
    let node = lab.node("node-1");
    node.give_notice("the node goes in 2s".to_owned()).await.unwrap();
    assert_eq!(taints(&lab, "node-1").await, [SPOT_TAINT.to_owned()]);
    let events: Api<Event> = Api::all(lab.kube.client());
    let events = events.list(&ListParams::default()).await.unwrap().items;
    let told = events.iter().find(|event| event.reason.as_deref() == Some("SpotInterruption"));
    let told = told.unwrap();
    assert_eq!(told.involved_object.name.as_deref(), Some("node-1"));
    assert_eq!(told.message.as_deref(), Some("the node goes in 2s"));
    lab.create_deployment("web", 2, json!({})).await;
    lab.settled(2).await;
    assert!(node.processes().is_empty());
    node.withdraw_notice().await.unwrap();
    node.withdraw_notice().await.unwrap();
    assert!(taints(&lab, "node-1").await.is_empty());
    lab.kube.shutdown().await;
}
