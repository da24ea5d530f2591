//! A node's object and lease.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::api::core::v1::{
    Node, NodeAddress, NodeCondition, NodeDaemonEndpoints, NodeStatus, NodeSystemInfo,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta, Time};
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::json;
use tokio::time::MissedTickBehavior;

use super::NodeSpec;
use crate::clock;
use crate::controllers::{LEASE_NAMESPACE, is_status};

/// Pods that a node takes, as kubelets do by default.
const PODS_MAX: u32 = 110;
/// No renewal waits longer than this for its answer.
const RENEWAL_TIME: Duration = Duration::from_secs(10);

/// Renews the lease and then creates the Node, or reports it as ready when it exists.
///
/// # Errors
/// What the API server answered.
pub(super) async fn register(
    client: &Client,
    spec: &NodeSpec,
    address: &str,
    period: Duration,
) -> Result<(), kube::Error> {
    // The lease first: a Node that says it is ready over an old lease would be doubted at once.
    renew(client, &spec.name, period).await?;
    let api: Api<Node> = Api::all(client.clone());
    let node = node(spec, address, &Time(clock::now()));
    match api.create(&PostParams::default(), &node).await {
        Ok(_) => {}
        Err(error) if is_status(&error, 409) => {}
        Err(error) => return Err(error),
    }
    // Conditions of other types stay as they are.
    let patch = Patch::Strategic(json!({ "status": node.status }));
    api.patch_status(&spec.name, &PatchParams::default(), &patch).await.map(drop)
}

fn node(spec: &NodeSpec, address: &str, now: &Time) -> Node {
    let mut labels = BTreeMap::from([
        ("kubernetes.io/hostname".to_owned(), spec.name.clone()),
        ("kubernetes.io/os".to_owned(), std::env::consts::OS.to_owned()),
        ("kubernetes.io/arch".to_owned(), std::env::consts::ARCH.to_owned()),
    ]);
    labels.extend(spec.labels.clone());
    let capacity = BTreeMap::from([
        ("cpu".to_owned(), Quantity(format!("{}m", spec.cpu_millis))),
        ("memory".to_owned(), Quantity(spec.memory_bytes.to_string())),
        ("pods".to_owned(), Quantity(PODS_MAX.to_string())),
    ]);
    let named = |type_: &str, address: &str| NodeAddress {
        type_: type_.to_owned(),
        address: address.to_owned(),
    };
    Node {
        metadata: ObjectMeta {
            name: Some(spec.name.clone()),
            labels: Some(labels),
            ..ObjectMeta::default()
        },
        spec: None,
        status: Some(NodeStatus {
            capacity: Some(capacity.clone()),
            allocatable: Some(capacity),
            addresses: Some(vec![named("InternalIP", address), named("Hostname", &spec.name)]),
            conditions: Some(vec![NodeCondition {
                type_: "Ready".to_owned(),
                status: "True".to_owned(),
                reason: Some("KubeletReady".to_owned()),
                message: Some("the emulated node takes pods".to_owned()),
                last_heartbeat_time: Some(now.clone()),
                last_transition_time: Some(now.clone()),
            }]),
            daemon_endpoints: Some(NodeDaemonEndpoints::default()),
            node_info: Some(NodeSystemInfo {
                architecture: std::env::consts::ARCH.to_owned(),
                operating_system: std::env::consts::OS.to_owned(),
                container_runtime_version: "process://1".to_owned(),
                kubelet_version: concat!("v1.34.0-embedded.", env!("CARGO_PKG_VERSION")).to_owned(),
                os_image: "emulated".to_owned(),
                ..NodeSystemInfo::default()
            }),
            ..NodeStatus::default()
        }),
    }
}

/// Renews the lease of `node` every `period`, for ever.
pub(super) async fn keep_lease(client: Client, node: String, period: Duration) {
    let mut ticks = tokio::time::interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let renewal = tokio::time::timeout(RENEWAL_TIME, renew(&client, &node, period));
        if let Ok(Err(error)) = renewal.await {
            tracing::debug!(node, %error, "the lease was not renewed");
        }
    }
}

async fn renew(client: &Client, node: &str, period: Duration) -> Result<(), kube::Error> {
    let api: Api<Lease> = Api::namespaced(client.clone(), LEASE_NAMESPACE);
    let seconds = i32::try_from(period.as_secs().saturating_mul(4)).unwrap_or(i32::MAX).max(1);
    let spec = LeaseSpec {
        holder_identity: Some(node.to_owned()),
        lease_duration_seconds: Some(seconds),
        renew_time: Some(MicroTime(clock::now())),
        ..LeaseSpec::default()
    };
    let patch = Patch::Merge(json!({ "spec": spec }));
    match api.patch(node, &PatchParams::default(), &patch).await {
        Err(error) if is_status(&error, 404) => {
            let metadata = ObjectMeta { name: Some(node.to_owned()), ..ObjectMeta::default() };
            let lease = Lease { metadata, spec: Some(spec) };
            api.create(&PostParams::default(), &lease).await.map(drop)
        }
        outcome => outcome.map(drop),
    }
}
