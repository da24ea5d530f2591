//! Emulated nodes under a whole control plane: real processes, and what becomes of them.
#![cfg(target_os = "linux")]

#[path = "nodes/lab.rs"]
mod lab;

use std::collections::BTreeSet;
use std::time::Duration;

use embedded_kube::{ProcessEvent, ProcessStatus};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::{DeleteParams, PostParams};
use lab::{Lab, exists, is_ready, restarts, sh, until, waiting};
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

const LONG: Duration = Duration::from_secs(3600);
/// Time for a test to look before a silent node is noticed, on a busy machine too.
const NOTICED_LATE: Duration = Duration::from_secs(3);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pod_is_a_process_with_its_own_address_and_variables() {
    let lab = Lab::start_with(2, |config| {
        config.exec_prefix = ["env", "PREFIXED=yes"].map(Into::into).into();
    })
    .await;
    let mut events = lab.kube.process_events();
    let field = |name: &str, path: &str| {
        let source = json!({"fieldRef": {"fieldPath": path}});
        json!({"name": name, "valueFrom": source})
    };
    let script =
        "echo \"$CLIENT $IP $PREFIXED $LEVEL ${CARGO_MANIFEST_DIR-unset}\"; pwd; sleep 1000";
    let container = json!({
        "command": ["sh", "-c", script],
        "envFrom": [{"configMapRef": {"name": "settings"}}],
        "env": [
            field("NODE", "spec.nodeName"), field("POD", "metadata.name"),
            field("IP", "status.podIP"), {"name": "CLIENT", "value": "$(NODE)/$(POD)"}
        ]
    });
    lab.create_pod("web", container, json!({})).await;
    until("the missing config map is named", || async {
        waiting(&lab.pod("web").await).is_some_and(|(reason, message)| {
            reason == "CreateContainerConfigError" && message.contains("\"settings\"")
        })
    })
    .await;
    let map: ConfigMap = serde_json::from_value(
        json!({"metadata": {"name": "settings"}, "data": {"LEVEL": "high"}}),
    )
    .unwrap();
    let maps: Api<ConfigMap> = Api::namespaced(lab.kube.client(), lab::NAMESPACE);
    maps.create(&PostParams::default(), &map).await.unwrap();
    lab.settled(1).await;
    let pod = lab.pod("web").await;
    let status = pod.status.clone().unwrap();
    let (pod_ip, host_ip) = (status.pod_ip.unwrap(), status.host_ip.unwrap());
    assert!(pod_ip.starts_with("127.") && pod_ip != host_ip);
    let node = lab::node_of(&pod);
    until("the process has written its log", || async { lab.log("web").lines().count() == 2 })
        .await;
    let log = lab.log("web");
    let mut lines = log.lines();
    assert_eq!(lines.next(), Some(format!("{node}/web {pod_ip} yes high unset").as_str()));
    let directory = lines.next().unwrap().to_owned();
    assert!(std::path::Path::new(&directory).is_dir());
    let Ok(ProcessEvent::Started { pid, group, pod, .. }) = events.recv().await else {
        panic!("a start is told first")
    };
    assert_eq!((pid, pod.as_str()), (group, "web"));

    lab.pods().delete("web", &DeleteParams::default().grace_period(5)).await.unwrap();
    lab.settled(0).await;
    let Ok(ProcessEvent::Exited { status, .. }) = events.recv().await else {
        panic!("an end is told last")
    };
    assert_eq!(status, ProcessStatus::Signal(15));
    until("its directory goes", || async { !std::path::Path::new(&directory).exists() }).await;
    lab.kube.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pod_ends_politely_within_its_grace_period_and_by_force_after_it() {
    let lab = Lab::start(1).await;
    let polite = "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.02; done";
    let deaf = "trap '' TERM; echo up; while :; do sleep 0.02; done";
    lab.create_pod("polite", sh(polite), json!({"terminationGracePeriodSeconds": 600})).await;
    lab.create_pod("deaf", sh(deaf), json!({"terminationGracePeriodSeconds": 1})).await;
    lab.settled(2).await;
    until("both run", || async {
        lab.log("polite").contains("up") && lab.log("deaf").contains("up")
    })
    .await;
    let mut events = lab.kube.process_events();
    for name in ["polite", "deaf"] {
        lab.pods().delete(name, &DeleteParams::default()).await.unwrap();
    }
    let mut ends = Vec::new();
    while ends.len() < 2 {
        if let Ok(ProcessEvent::Exited { pod, status, .. }) = events.recv().await {
            ends.push((pod, status));
        }
    }
    // Which is first depends on how busy the machine is.
    ends.sort_by(|one, other| one.0.cmp(&other.0));
    let expected = [("deaf", ProcessStatus::Signal(9)), ("polite", ProcessStatus::Code(0))];
    assert_eq!(ends, expected.map(|(pod, status)| (pod.to_owned(), status)));
    lab.settled(0).await;
    assert!(lab.log("polite").ends_with("bye\n"));
    lab.kube.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_container_that_ends_is_started_again_and_counted() {
    let lab = Lab::start(1).await;
    lab.create_pod("looping", sh("echo once; exit 3"), json!({})).await;
    lab.create_pod("task", sh("exit 0"), json!({"restartPolicy": "OnFailure"})).await;
    until("the loop goes round", || async { restarts(&lab.pod("looping").await) >= 3 }).await;
    let status = lab.pod("looping").await.status.unwrap();
    assert_eq!(status.phase.as_deref(), Some("Running"));
    let last = status.container_statuses.unwrap()[0].last_state.clone().unwrap();
    assert_eq!(last.terminated.unwrap().exit_code, 3);
    assert!(lab.log("looping").starts_with("once\nonce\nonce\n"));
    until("the task is done", || async {
        lab.pod("task").await.status.unwrap().phase.as_deref() == Some("Succeeded")
    })
    .await;
    assert_eq!(restarts(&lab.pod("task").await), 0);
    lab.kube.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_run_says_why_and_can_be_deleted() {
    let lab = Lab::start(1).await;
    lab.create_pod("missing", json!({"command": ["no-such-program"]}), json!({})).await;
    let two = json!({"containers": [
        {"name": "a", "image": "x", "command": ["true"]},
        {"name": "b", "image": "x", "command": ["true"]}]});
    lab.create_pod("two", json!({}), two).await;
    for (name, reason, part) in [
        ("missing", "CreateContainerError", "no-such-program"),
        ("two", "CreateContainerConfigError", "exactly one"),
    ] {
        until("the refusal is told", || async {
            waiting(&lab.pod(name).await)
                .is_some_and(|(told, message)| told == reason && message.contains(part))
        })
        .await;
        lab.pods().delete(name, &DeleteParams::default()).await.unwrap();
    }
    lab.settled(0).await;
    lab.kube.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pod_with_a_probe_is_ready_once_it_answers() {
    let lab = Lab::start(1).await;
    let probe = json!({"httpGet": {"port": 9464, "path": "/readyz"}, "periodSeconds": 1});
    let container = json!({"command": ["sleep", "1000"], "readinessProbe": probe});
    lab.create_pod("probed", container, json!({"terminationGracePeriodSeconds": 1})).await;
    until("it runs", || async { lab.processes().len() == 1 }).await;
    until("it has an address", || async {
        lab.pod("probed").await.status.is_some_and(|status| status.pod_ip.is_some())
    })
    .await;
    let pod = lab.pod("probed").await;
    assert!(!is_ready(&pod));
    // The test itself answers in the pod's place.
    let address = pod.status.unwrap().pod_ip.unwrap();
    let listener = TcpListener::bind((address, 9464)).await.unwrap();
    let server = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
        }
    });
    until("the probe succeeds", || async { is_ready(&lab.pod("probed").await) }).await;
    server.abort();
    lab.kube.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pods_of_a_crashed_node_are_replaced_elsewhere() {
    let lab = Lab::start_with(2, |config| config.node_grace = NOTICED_LATE).await;
    lab.create_deployment("web", 4, json!({})).await;
    lab.settled(4).await;
    let node = lab.node("node-1");
    let running: BTreeSet<u32> = node.processes().iter().map(|process| process.pid).collect();
    assert_eq!(running.len(), 2);
    let killed: BTreeSet<u32> = node.crash().await.into_iter().collect();
    assert_eq!(killed, running);
    assert!(!killed.iter().any(|pid| exists(*pid)));
    assert!(node.crash().await.is_empty());
    let shown = lab.all_pods().await.iter().filter(|pod| is_ready(pod)).count();
    assert_eq!(shown, 4, "the API does not know yet");
    until("the pods are replaced", || async {
        let pods = lab.all_pods().await;
        pods.len() == 4 && pods.iter().all(|pod| is_ready(pod) && lab::node_of(pod) == "node-2")
    })
    .await;
    assert!(!lab.node_is_ready("node-1").await);
    assert_eq!(lab.node("node-2").processes().len(), 4);

    node.restart().await;
    node.restart().await;
    until("the node is back", || lab.node_is_ready("node-1")).await;
    lab.scale("web", 6).await;
    lab.settled(6).await;
    assert_eq!(node.processes().len(), 2);
    lab.kube.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_back_in_time_starts_its_pods_again() {
    let lab = Lab::start_with(1, |config| config.eviction_delay = LONG).await;
    lab.create_deployment("web", 2, json!({})).await;
    lab.settled(2).await;
    let node = lab.node("node-1");
    let before: BTreeSet<String> =
        lab.all_pods().await.iter().map(|pod| lab::name(pod).to_owned()).collect();
    node.crash().await;
    until("the silence is noticed", || async { !lab.node_is_ready("node-1").await }).await;
    until("its pods are doubted", || async { !lab.all_pods().await.iter().any(is_ready) }).await;
    // One pod is deleted while nobody is there to end it.
    let deleted = before.first().unwrap();
    lab.pods().delete(deleted, &DeleteParams::default()).await.unwrap();
    node.restart().await;
    until("pods run again", || async {
        let pods = lab.all_pods().await;
        pods.len() == 2
            && pods.iter().all(is_ready)
            && !pods.iter().any(|pod| lab::name(pod) == deleted)
    })
    .await;
    let kept = before.last().unwrap();
    assert_eq!(restarts(&lab.pod(kept).await), 1);
    lab.kube.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_node_stands_still_and_goes_on_where_it_stood() {
    let lab = Lab::start_with(1, |config| config.eviction_delay = LONG).await;
    lab.create_deployment("web", 2, json!({})).await;
    lab.settled(2).await;
    let node = lab.node("node-1");
    let states = || -> BTreeSet<char> {
        node.states().unwrap().into_iter().map(|(_, state)| state).collect()
    };
    assert_eq!(node.pause().await.len(), 2);
    until("everything is stopped", || async { states() == BTreeSet::from(['T']) }).await;
    assert!(node.pause().await.is_empty());
    until("the silence is noticed", || async { !lab.node_is_ready("node-1").await }).await;
    node.restart().await;
    assert_eq!(states(), BTreeSet::from(['T']), "a restart is for crashed nodes");
    node.resume().await;
    node.resume().await;
    until("everything goes on", || async { !states().contains(&'T') }).await;
    until("the node is back", || lab.node_is_ready("node-1")).await;
    lab.settled(2).await;
    assert!(lab.all_pods().await.iter().all(|pod| restarts(pod) == 0));
    lab.kube.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_wakes_up_too_late_ends_the_pods_it_lost() {
    let lab = Lab::start(2).await;
    lab.create_deployment("web", 2, json!({})).await;
    lab.settled(2).await;
    let node = lab.node("node-1");
    let stopped = node.pause().await;
    until("the pods are replaced", || async {
        let pods = lab.all_pods().await;
        pods.len() == 2 && pods.iter().all(|pod| is_ready(pod) && lab::node_of(pod) == "node-2")
    })
    .await;
    assert!(stopped.iter().all(|pid| exists(*pid)), "nobody was there to end them");
    node.resume().await;
    until("the lost pods end", || async { !stopped.iter().any(|pid| exists(*pid)) }).await;
    lab.settled(2).await;
    lab.kube.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_left_after_a_shutdown_nor_after_a_drop() {
    for graceful in [true, false] {
        let lab = Lab::start(2).await;
        lab.create_deployment("web", 3, json!({})).await;
        let group = "sleep 1000 & sleep 1000 & echo $! up; wait";
        lab.create_pod("family", sh(group), json!({})).await;
        lab.settled(4).await;
        until("the child is known", || async { lab.log("family").contains("up") }).await;
        let child: u32 = lab.log("family").split(' ').next().unwrap().parse().unwrap();
        let mut pids: Vec<u32> = lab.processes().iter().map(|process| process.pid).collect();
        pids.push(child);
        assert!(pids.iter().all(|pid| exists(*pid)));
        let node = lab.node("node-1");
        node.pause().await;
        if graceful {
            lab.kube.shutdown().await;
            let left: Vec<_> = pids.iter().filter(|pid| **pid != child && exists(**pid)).collect();
            assert!(left.is_empty(), "{left:?}");
        } else {
            drop(lab);
        }
        until("everything is gone", || async { !pids.iter().any(|pid| exists(*pid)) }).await;
        node.restart().await;
        assert!(node.processes().is_empty() && node.pause().await.is_empty());
    }
}
