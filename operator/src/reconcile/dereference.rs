//! Step 1 (client required): reads what is there. The objects the job owns, its pods, and, when
//! a decision is due, what brokers and workers say.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Service};
use kube::api::ListParams;
use kube::{Api, ResourceExt};

use super::build::{client_config_name, selector};
use super::memory::JobMemory;
use super::validate::sync_period;
use crate::allocation::Observation;
use crate::context::Context;
use crate::crd::StreamingJob;
use crate::observe::Subject;

/// Why reading failed.
#[derive(Debug, thiserror::Error)]
pub enum DereferenceError {
    /// The object has no namespace.
    #[error("the job has no namespace")]
    NoNamespace,
    /// An object could not be read.
    #[error("reading {what}: {source}")]
    Read {
        /// The object.
        what: &'static str,
        /// What the API server says.
        source: Box<kube::Error>,
    },
}

/// What is there.
#[derive(Debug, Default)]
pub struct Found {
    /// The client settings.
    pub config_map: Option<ConfigMap>,
    /// The metrics service.
    pub service: Option<Service>,
    /// The workers.
    pub deployment: Option<Deployment>,
    /// The worker pods.
    pub pods: Vec<Pod>,
    /// What brokers and workers say; only when a decision is due.
    pub observation: Option<Observation>,
}

impl Found {
    /// Workers asked for at present.
    #[must_use]
    pub fn replicas(&self) -> u32 {
        let spec = self.deployment.as_ref().and_then(|deployment| deployment.spec.as_ref());
        spec.map_or(0, |spec| u32::try_from(spec.replicas.unwrap_or(1)).unwrap_or(0))
    }
}

/// Reads the job's objects and, if a decision is due, observes the job.
///
/// # Errors
/// If the API server does not answer. What brokers and workers do not say is no error: it is
/// missing in the observation.
pub(crate) async fn dereference(
    job: &StreamingJob,
    context: &Context,
    memory: &mut JobMemory,
) -> Result<Found, DereferenceError> {
    let namespace = job.namespace().ok_or(DereferenceError::NoNamespace)?;
    let name = job.name_any();
    let config_maps = Api::<ConfigMap>::namespaced(context.client.clone(), &namespace);
    let services = Api::<Service>::namespaced(context.client.clone(), &namespace);
    let deployments = Api::<Deployment>::namespaced(context.client.clone(), &namespace);
    let pods = Api::<Pod>::namespaced(context.client.clone(), &namespace);
    let config_name = client_config_name(&name);
    let workers = ListParams::default().labels(&selector(&name));
    let (config_map, service, deployment, pods) = futures::join!(
        config_maps.get_opt(&config_name),
        services.get_opt(&name),
        deployments.get_opt(&name),
        pods.list(&workers)
    );
    let mut found = Found {
        config_map: config_map.map_err(|error| read("the ConfigMap", error))?,
        service: service.map_err(|error| read("the Service", error))?,
        deployment: deployment.map_err(|error| read("the Deployment", error))?,
        pods: pods.map_err(|error| read("the pods", error))?.items,
        observation: None,
    };
    let sync_period = sync_period(&job.spec.scaling);
    let due = memory.is_due(context.clock.now(), sync_period, job.metadata.generation);
    if due || found.deployment.is_none() {
        let subject = Subject {
            source: &job.spec.source.kafka,
            pods: &found.pods,
            replicas: found.replicas(),
            sync_period,
        };
        let observation = context.observer.observe(&subject, &mut memory.observer).await;
        memory.record_look(&observation);
        found.observation = Some(observation);
    }
    Ok(found)
}

fn read(what: &'static str, source: kube::Error) -> DereferenceError {
    DereferenceError::Read { what, source: Box::new(source) }
}
