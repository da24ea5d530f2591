use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::PostParams;
use serde_json::json;

use super::launcher::Launch;
use super::*;
use crate::api::ApiServer;

fn spec(name: &str) -> NodeSpec {
    let (cpu_millis, memory_bytes) = (1000, 1 << 30);
    NodeSpec { name: name.into(), cpu_millis, memory_bytes, labels: BTreeMap::new() }
}

fn config(names: &[&str]) -> NodesConfig {
    NodesConfig {
        nodes: names.iter().map(|name| spec(name)).collect(),
        exec_prefix: Vec::new(),
        control_group: None,
        log_dir: PathBuf::new(),
        lease_period: Duration::from_secs(1),
        restart_backoff: Duration::from_millis(20),
        seed: 0,
    }
}

fn sleeper(node: &str) -> Launch {
    Launch {
        node: node.into(),
        pod: "pod".into(),
        program: "/bin/sleep".into(),
        arguments: vec!["1000".into()],
        environment: BTreeMap::new(),
        directory: std::env::temp_dir(),
        control_group: None,
    }
}

async fn until<T>(mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let found = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), found).await.unwrap()
}

#[test]
fn what_cannot_be_emulated_is_refused_by_field() {
    let many: Vec<String> = (0..255).map(|index| index.to_string()).collect();
    let many = config(&many.iter().map(String::as_str).collect::<Vec<_>>());
    let hasty = NodesConfig { lease_period: Duration::ZERO, ..config(&["a"]) };
    let busy = NodesConfig { restart_backoff: Duration::ZERO, ..config(&["a"]) };
    for (config, part) in [
        (config(&["a", "b", "a"]), "nodes[2].name: \"a\" is taken"),
        (many, "at most 254"),
        (hasty, "node_lease_period"),
        (busy, "restart_backoff"),
    ] {
        let problem = check(&config).unwrap_err().to_string();
        assert!(problem.contains(part), "{problem}");
    }
    assert!(check(&config(&["a", "b"])).is_ok());
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_process_that_starts_late_shares_the_fate_of_its_node() {
    let table = ProcessTable::new();
    let (launcher, thread) = Launcher::start(Arc::clone(&table)).await.unwrap();
    table.change_node("paused", |state| state.paused = true);
    table.change_node("down", |state| state.down = true);
    let stopped = launcher.launch(sleeper("paused")).await.unwrap();
    until(async || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", stopped.pid())).ok()?;
        stat.contains(") T ").then_some(())
    })
    .await;
    assert!(launcher.launch(sleeper("down")).await.is_err());
    until(async || table.of_node("down").is_empty().then_some(())).await;
    table.close();
    assert_eq!(stopped.ended().await, ProcessStatus::Signal(9));
    tokio::task::spawn_blocking(|| thread.join()).await.unwrap().unwrap();
    assert!(launcher.launch(sleeper("other")).await.is_err());
}

#[tokio::test]
async fn where_addresses_are_shared_a_pod_is_told_a_port_of_its_own() {
    let client = ApiServer::new().client();
    let logs = tempfile::tempdir().unwrap();
    let config = NodesConfig { log_dir: logs.path().to_owned(), ..config(&["node-1"]) };
    let nodes = Nodes::start_with(client.clone(), config, AddressPlan::shared()).await.unwrap();
    let field = "metadata.annotations['prometheus.io/port']";
    let pod: Pod = serde_json::from_value(json!({
        "metadata": {"name": "web", "annotations": {"prometheus.io/port": "9464"}},
        "spec": {
            "nodeName": "node-1",
            "containers": [{
                "name": "c", "image": "none",
                "command": ["sh", "-c", "echo $PORT; exec sleep 1000"],
                "env": [{"name": "PORT", "valueFrom": {"fieldRef": {"fieldPath": field}}}],
                "readinessProbe": {"httpGet": {"port": 9464}, "periodSeconds": 1}
            }]
        }
    }))
    .unwrap();
    let api: Api<Pod> = Api::namespaced(client, "default");
    api.create(&PostParams::default(), &pod).await.unwrap();
    let log = logs.path().join("web.log");
    let port: u16 = until(async || std::fs::read_to_string(&log).ok()?.trim().parse().ok()).await;
    assert_ne!(port, 9464);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    tokio::time::timeout(Duration::from_secs(20), listener.accept())
        .await
        .expect("the probe follows the port")
        .unwrap();
    let told = api.get("web").await.unwrap();
    assert_eq!(told.metadata.annotations.unwrap()["prometheus.io/port"], port.to_string());
    assert_eq!(told.status.unwrap().pod_ip.as_deref(), Some("127.0.0.1"));
    nodes.shutdown().await;
    assert!(!nodes.directory.path().exists());
}
