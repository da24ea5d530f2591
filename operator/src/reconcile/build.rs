//! Step 3: decides on the number of workers and composes the objects that should be there.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{Deployment, DeploymentSpec};
use k8s_openapi::api::core::v1::{
    ConfigMap, ConfigMapEnvSource, Container, ContainerPort, EnvFromSource, EnvVar, EnvVarSource,
    HTTPGetAction, ObjectFieldSelector, PodSpec, PodTemplateSpec, Probe, Service, ServicePort,
    ServiceSpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use serde::Serialize;

use super::dereference::Found;
use super::memory::{JobMemory, count};
use super::validate::ValidJob;
use crate::allocation::{Decision, decide};
use crate::observe::PORT_ANNOTATION;

/// Label that ties pods to their job.
pub const JOB_LABEL: &str = "streaming.stormgauge.dev/job";
/// Label of everything that the operator manages, for its watches.
pub const MANAGED_LABEL: (&str, &str) = ("app.kubernetes.io/managed-by", "stormgauge-operator");
/// Annotation with the fingerprint of what was asked for: it tells a change of ours from fields
/// that the server filled in.
pub const FINGERPRINT: &str = "streaming.stormgauge.dev/fingerprint";
/// Pod annotation that rolls the workers when their client settings change.
const CLIENT_FINGERPRINT: &str = "streaming.stormgauge.dev/client-settings";
/// Stands for "no image": only a node that runs host processes can start it.
const HOST_PROCESS: &str = "stormgauge.dev/host-process";
/// Environment variables that the operator sets itself.
pub const OWN_VARIABLES: [&str; 9] = [
    "NODE_NAME",
    "POD_NAME",
    "POD_IP",
    "METRICS_PORT",
    "KAFKA_BOOTSTRAP_SERVERS",
    "KAFKA_SOURCE_TOPIC",
    "KAFKA_RESULT_TOPIC",
    "KAFKA_GROUP_ID",
    "KAFKA_CLIENT_ID",
];

/// Why composing failed.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// An object could not be written as JSON.
    #[error("writing an object: {0}")]
    Write(#[from] serde_json::Error),
}

/// What should be there.
#[derive(Debug, Clone)]
pub struct Desired {
    /// The decision, if one was due.
    pub decision: Option<Decision>,
    /// The client settings.
    pub config_map: ConfigMap,
    /// The metrics service.
    pub service: Service,
    /// The workers.
    pub deployment: Deployment,
}

/// Label selector of a job's pods.
#[must_use]
pub fn selector(job: &str) -> String {
    format!("{JOB_LABEL}={job}")
}

/// Name of the ConfigMap with a job's client settings.
#[must_use]
pub fn client_config_name(job: &str) -> String {
    format!("{job}-client")
}

/// Decides if something was observed, and composes the objects.
///
/// # Errors
/// If an object cannot be written as JSON, to take its fingerprint.
pub(crate) fn build(
    job: &ValidJob,
    found: &Found,
    memory: &mut JobMemory,
) -> Result<Desired, BuildError> {
    let decision =
        found.observation.as_ref().map(|seen| decide(&job.plan, seen, &mut memory.state));
    let replicas = decision
        .as_ref()
        .map(|decision| decision.replicas)
        .or(memory.desired)
        .unwrap_or_else(|| found.replicas());
    compose(job, replicas, decision)
}

/// The objects for a number of workers.
///
/// # Errors
/// As [`build`].
fn compose(
    job: &ValidJob,
    replicas: u32,
    decision: Option<Decision>,
) -> Result<Desired, BuildError> {
    let settings = job.plan.strategy.client_settings().environment();
    let settings_print = fingerprint(&settings)?;
    let mut config_map = ConfigMap {
        metadata: metadata(job, &client_config_name(&job.name)),
        data: Some(settings),
        ..ConfigMap::default()
    };
    let mut service = service(job);
    let mut deployment = deployment(job, replicas, &settings_print);
    for (print, metadata) in [
        (fingerprint(&config_map)?, &mut config_map.metadata),
        (fingerprint(&service)?, &mut service.metadata),
        (fingerprint(&deployment)?, &mut deployment.metadata),
    ] {
        metadata.annotations.get_or_insert_default().insert(FINGERPRINT.to_owned(), print);
    }
    Ok(Desired { decision, config_map, service, deployment })
}

fn metadata(job: &ValidJob, name: &str) -> ObjectMeta {
    ObjectMeta {
        name: Some(name.to_owned()),
        namespace: Some(job.namespace.clone()),
        labels: Some(labels(&job.name)),
        owner_references: Some(vec![job.owner.clone()]),
        ..ObjectMeta::default()
    }
}

fn labels(job: &str) -> BTreeMap<String, String> {
    let labels = [
        ("app.kubernetes.io/name", "streaming-worker"),
        ("app.kubernetes.io/instance", job),
        MANAGED_LABEL,
        (JOB_LABEL, job),
    ];
    owned(labels)
}

fn owned<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// A headless service, so that a Prometheus server finds every worker.
fn service(job: &ValidJob) -> Service {
    let port = job.spec.worker.metrics_port;
    Service {
        metadata: metadata(job, &job.name),
        spec: Some(ServiceSpec {
            cluster_ip: Some("None".to_owned()),
            selector: Some(owned([(JOB_LABEL, job.name.as_str())])),
            ports: Some(vec![ServicePort {
                name: Some("metrics".to_owned()),
                port,
                protocol: Some("TCP".to_owned()),
                target_port: Some(IntOrString::String("metrics".to_owned())),
                ..ServicePort::default()
            }]),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    }
}

fn deployment(job: &ValidJob, replicas: u32, settings_print: &str) -> Deployment {
    let worker = &job.spec.worker;
    let mut annotations = worker.annotations.clone();
    let port = worker.metrics_port.to_string();
    annotations.extend(owned([
        (PORT_ANNOTATION, port.as_str()),
        ("prometheus.io/scrape", "true"),
        (CLIENT_FINGERPRINT, settings_print),
    ]));
    let grace = job.termination_grace.as_millis().div_ceil(1000);
    Deployment {
        metadata: metadata(job, &job.name),
        spec: Some(DeploymentSpec {
            replicas: Some(count(replicas)),
            selector: LabelSelector {
                match_labels: Some(owned([(JOB_LABEL, job.name.as_str())])),
                ..LabelSelector::default()
            },
            template: PodTemplateSpec {
                metadata: Some(ObjectMeta {
                    labels: Some(labels(&job.name)),
                    annotations: Some(annotations),
                    ..ObjectMeta::default()
                }),
                spec: Some(PodSpec {
                    containers: vec![container(job)],
                    termination_grace_period_seconds: i64::try_from(grace).ok(),
                    ..PodSpec::default()
                }),
            },
            ..DeploymentSpec::default()
        }),
        ..Deployment::default()
    }
}

fn container(job: &ValidJob) -> Container {
    let worker = &job.spec.worker;
    let some = |list: &[String]| (!list.is_empty()).then(|| list.to_vec());
    Container {
        name: "worker".to_owned(),
        image: Some(worker.image.clone().unwrap_or_else(|| HOST_PROCESS.to_owned())),
        command: some(&worker.command),
        env: Some(environment(job)),
        env_from: Some(vec![EnvFromSource {
            config_map_ref: Some(ConfigMapEnvSource {
                name: client_config_name(&job.name),
                ..ConfigMapEnvSource::default()
            }),
            ..EnvFromSource::default()
        }]),
        ports: Some(vec![ContainerPort {
            name: Some("metrics".to_owned()),
            container_port: worker.metrics_port,
            protocol: Some("TCP".to_owned()),
            ..ContainerPort::default()
        }]),
        readiness_probe: worker.readiness_path.as_ref().map(|path| Probe {
            http_get: Some(HTTPGetAction {
                path: Some(path.clone()),
                port: IntOrString::String("metrics".to_owned()),
                ..HTTPGetAction::default()
            }),
            period_seconds: Some(1),
            ..Probe::default()
        }),
        resources: worker.resources.clone(),
        ..Container::default()
    }
}

/// The worker contract. References come before what is expanded from them.
fn environment(job: &ValidJob) -> Vec<EnvVar> {
    let kafka = &job.spec.source.kafka;
    let port = format!("metadata.annotations['{PORT_ANNOTATION}']");
    let mut variables = vec![
        from_field("NODE_NAME", "spec.nodeName"),
        from_field("POD_NAME", "metadata.name"),
        from_field("POD_IP", "status.podIP"),
        from_field("METRICS_PORT", &port),
        literal("KAFKA_BOOTSTRAP_SERVERS", &kafka.bootstrap_servers),
        literal("KAFKA_SOURCE_TOPIC", &kafka.topic),
        literal("KAFKA_GROUP_ID", &kafka.group),
        literal("KAFKA_CLIENT_ID", "$(NODE_NAME)/$(POD_NAME)"),
    ];
    if let Some(sink) = &job.spec.sink {
        variables.push(literal("KAFKA_RESULT_TOPIC", &sink.kafka.topic));
    }
    let own = job.spec.worker.env.iter().map(|variable| literal(&variable.name, &variable.value));
    variables.extend(own);
    variables
}

fn literal(name: &str, value: &str) -> EnvVar {
    EnvVar { name: name.to_owned(), value: Some(value.to_owned()), ..EnvVar::default() }
}

fn from_field(name: &str, path: &str) -> EnvVar {
    let field = ObjectFieldSelector { field_path: path.to_owned(), ..Default::default() };
    let source = EnvVarSource { field_ref: Some(field), ..EnvVarSource::default() };
    EnvVar { name: name.to_owned(), value_from: Some(source), ..EnvVar::default() }
}

/// FNV-1a over the JSON form: equal on every machine and in every release, so that upgrading
/// the operator rolls no workers.
fn fingerprint(value: &impl Serialize) -> Result<String, serde_json::Error> {
    let bytes = serde_json::to_vec(value)?;
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    Ok(format!("{hash:016x}"))
}

#[cfg(test)]
mod tests;
