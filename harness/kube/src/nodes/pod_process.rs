//! Starting a pod's process: variables, program, log, and the probe that goes with it.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{ConfigMap, Container, Pod};
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use tokio::net::unix::pipe;

use super::address::PodAddress;
use super::clock_shift::CLOCK_FILE;
use super::container;
use super::environment::{self, ConfigMaps, PodAddresses};
use super::kubelet::Boot;
use super::launcher::{Launch, RunningProcess};
use super::limits;
use super::log;
use super::memory;
use super::pod_worker::Refusal;
use super::probe::{self, PortSwap, ProbePlan};
use super::work_directory::WorkDirectory;

/// The annotation that says where a pod's metrics are; rewritten where pods share an address.
const METRICS_PORT: &str = "prometheus.io/port";
/// What the annotation said before it was rewritten.
const TEMPLATE_PORT: &str = "embedded-kube.dev/template-port";

/// A process with the probe to carry out on it.
#[derive(Debug)]
pub(super) struct Started {
    pub(super) process: RunningProcess,
    pub(super) probe: Option<ProbePlan>,
}

/// Starts the pod's container.
///
/// # Errors
/// The refusal says what is missing or wrong; what was missing may be there at the next attempt.
pub(super) async fn start(
    boot: &Boot,
    api: &Api<Pod>,
    mut pod: Pod,
    address: &PodAddress,
    directory: &WorkDirectory,
) -> Result<Started, Refusal> {
    boot.machine.starts.image()?;
    let misconfigured = |message| Refusal { reason: "CreateContainerConfigError", message };
    let failed = |message| Refusal { reason: "CreateContainerError", message };
    let swap = match address.port {
        Some(port) => swap_port(api, &mut pod, port).await.map_err(misconfigured)?,
        None => None,
    };
    let container = container::first(&pod).cloned().unwrap_or_default();
    let probe = probe::plan(&container, address.address, swap).map_err(misconfigured)?;
    let limits = limits::of_container(&container).map_err(misconfigured)?;
    let maps = config_maps(boot, &pod, &container).await.map_err(misconfigured)?;
    let machine = &boot.machine;
    let addresses = PodAddresses {
        pod: address.address.to_string(),
        host: machine.addresses.host().to_string(),
    };
    let variables =
        environment::resolve(&pod, &container, &addresses, &maps).map_err(misconfigured)?;
    let inherited = |name: &str| std::env::var_os(name);
    let mut invocation =
        container::invocation(&container, &variables, &machine.exec_prefix, inherited)
            .map_err(failed)?;
    invocation.environment.insert(CLOCK_FILE.into(), machine.clock_file().into());
    let name = pod.metadata.name.clone().unwrap_or_default();
    let (file, length) = log::open(&machine.log_directory, &name).await.map_err(|error| {
        let place = log::path(&machine.log_directory, &name);
        failed(format!("log file {}: {error}", place.display()))
    })?;
    let group = machine.control_group.as_ref().map(|node| node.child(&name, limits)).transpose();
    let group = group.map_err(|error| failed(format!("control group {error}")))?;
    let looked_at = limits.memory_bytes.filter(|_| group.is_none());
    let launch = Launch {
        node: machine.spec.name.clone(),
        pod: name,
        program: invocation.program,
        arguments: invocation.arguments,
        environment: invocation.environment,
        directory: directory.path().to_owned(),
        control_group: group,
    };
    let program = format!("{:?}", launch.program);
    let mut process = machine
        .launcher
        .launch(launch)
        .await
        .map_err(|error| failed(format!("program {program}: {error}")))?;
    if let Some(limit) = looked_at {
        memory::hold_to(boot, &process, limit);
    }
    if let Some(output) = process.output.take() {
        let output = pipe::Receiver::from_owned_fd(output.into())
            .map_err(|error| failed(format!("the process's output: {error}")))?;
        let end = process.end();
        boot.spawn_to_end(async move {
            let drained = async {
                end.await;
                tokio::time::sleep(log::DRAIN_TIME).await;
            };
            tokio::select! {
                () = log::copy(output, file, length, log::LOG_BYTES_MAX) => {}
                () = drained => {}
            }
        });
    }
    Ok(Started { process, probe })
}

/// Reads the config maps that the container names.
async fn config_maps(boot: &Boot, pod: &Pod, container: &Container) -> Result<ConfigMaps, String> {
    let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
    let api: Api<ConfigMap> = Api::namespaced(boot.machine.client.clone(), namespace);
    let mut maps = BTreeMap::new();
    for name in environment::config_maps(container) {
        let found = api.get_opt(&name).await;
        let found = found.map_err(|error| format!("configmap {name:?}: {error}"))?;
        maps.insert(name, found.map(|map| map.data.unwrap_or_default()));
    }
    Ok(maps)
}

/// Gives the pod a port of its own in place of the one in its metrics annotation.
async fn swap_port(api: &Api<Pod>, pod: &mut Pod, to: u16) -> Result<Option<PortSwap>, String> {
    let annotations = pod.metadata.annotations.get_or_insert_default();
    // After a restart of the node the annotation has the old boot's port.
    let template = annotations.get(TEMPLATE_PORT).or_else(|| annotations.get(METRICS_PORT));
    let Some(template) = template.cloned() else { return Ok(None) };
    let from = template
        .parse()
        .map_err(|_| format!("annotation {METRICS_PORT}: {template:?} is not a port"))?;
    annotations.insert(TEMPLATE_PORT.to_owned(), template);
    annotations.insert(METRICS_PORT.to_owned(), to.to_string());
    let patch = Patch::Merge(json!({"metadata": {"annotations": annotations}}));
    let name = pod.metadata.name.as_deref().unwrap_or_default();
    api.patch(name, &PatchParams::default(), &patch)
        .await
        .map_err(|error| format!("annotation {METRICS_PORT}: {error}"))?;
    Ok(Some(PortSwap { from, to }))
}
