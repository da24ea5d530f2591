//! The job under test: its `StreamingJob`, and the wait until it consumes.

use super::{TrialError, TrialPlan, slowed};
use crate::clock::Anchor;
use crate::environment::{
    DEAD_LETTER_TOPIC, Environment, EnvironmentError, GROUP, JOB, NAMESPACE, Pace, RESULT_TOPIC,
    SOURCE_TOPIC,
};
use crate::scenario::planted::Planted;
use crate::scenario::spec::ScenarioSpec;
use crate::upstream;
use k8s_openapi::api::apps::v1::Deployment;
use kube::Api;
use kube::api::PostParams;
use operator::crd::StreamingJob;
use results::report::format::counted;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Time a job has to get all partitions assigned.
const READY_LIMIT: Duration = Duration::from_secs(60);
/// How many workers die of a record that they know by itself; those that find it die before.
const ATTEMPTS: u32 = 2;

/// Creates the job of a trial and waits until it consumes.
pub(super) async fn start(
    plan: &TrialPlan,
    environment: &dyn Environment,
    cancel: &CancellationToken,
) -> Result<(), TrialError> {
    create(plan, environment).await?;
    until_consuming(plan, environment, cancel).await
}

/// Creates the `StreamingJob` of a trial.
async fn create(plan: &TrialPlan, environment: &dyn Environment) -> Result<(), TrialError> {
    let manifest = manifest(plan, &environment.worker_bootstrap(), environment.pace());
    let job: StreamingJob = serde_json::from_value(manifest)
        .map_err(|error| TrialError::internal("build the StreamingJob", error))?;
    let jobs: Api<StreamingJob> = Api::namespaced(environment.kube(), NAMESPACE);
    jobs.create(&PostParams::default(), &job)
        .await
        .map(|_| ())
        .map_err(|error| TrialError::internal("create the StreamingJob", error))
}

/// The manifest as a user would write it.
fn manifest(plan: &TrialPlan, bootstrap: &str, pace: Pace) -> serde_json::Value {
    let spec = &plan.scenario.spec;
    let scaling = &spec.job.scaling;
    let duration = |d: Duration| humantime::format_duration(d).to_string();
    serde_json::json!({
        "apiVersion": "streaming.stormgauge.dev/v1alpha1",
        "kind": "StreamingJob",
        "metadata": { "name": JOB, "namespace": NAMESPACE },
        "spec": {
            "source": { "kafka": {
                "bootstrapServers": bootstrap, "topic": SOURCE_TOPIC, "group": GROUP } },
            "sink": { "kafka": { "topic": RESULT_TOPIC } },
            "worker": worker(spec, pace),
            "strategy": { "name": strategy(plan) },
            "scaling": {
                "minReplicas": scaling.min_replicas,
                "maxReplicas": scaling.max_replicas,
                "syncPeriod": duration(scaling.sync_period),
                "stabilizationWindow": duration(scaling.stabilization_window),
                "cooldown": duration(scaling.cooldown),
                "tolerance": scaling.tolerance,
            },
            "objectives": {
                "p99Latency": duration(spec.job.objectives.p99_latency),
                "lagTime": duration(spec.job.objectives.lag_time),
                "recovery": duration(spec.job.objectives.recovery),
            },
        },
    })
}

fn strategy(plan: &TrialPlan) -> &'static str {
    use crate::scenario::spec::StrategyName;
    match plan.strategy {
        StrategyName::HighThroughput => "HighThroughput",
        StrategyName::LowLatency => "LowLatency",
        StrategyName::CostOptimized => "CostOptimized",
    }
}

fn worker(spec: &ScenarioSpec, pace: Pace) -> serde_json::Value {
    let worker = &spec.job.worker;
    let mut environment = worker.env.clone();
    let timeout = worker.session_timeout.max(pace.session_min).as_millis().to_string();
    environment.insert("KAFKA_SESSION_TIMEOUT_MS".to_owned(), timeout);
    let guarantee = spec.delivery.processing.name().to_owned();
    environment.insert("KAFKA_PROCESSING_GUARANTEE".to_owned(), guarantee);
    if upstream::has_dead_letters(spec) {
        let topic = DEAD_LETTER_TOPIC.to_owned();
        environment.insert("KAFKA_DEAD_LETTER_TOPIC".to_owned(), topic);
    }
    let own = worker.command.is_some();
    if !own {
        environment.insert("WORKER_SERVICE_TIME".to_owned(), worker.service_time.clone());
        if let Some(Planted::Worker(bug)) = spec.planted() {
            environment.insert("WORKER_PLANTED_BUG".to_owned(), bug.to_string());
        }
        if upstream::kills(spec) {
            let attempts = environment.entry("WORKER_ATTEMPTS".to_owned());
            attempts.or_insert_with(|| ATTEMPTS.to_string());
        }
        slowed::add_to(&mut environment, spec);
    }
    let command = worker.command.clone().unwrap_or_else(reference_worker);
    let env: Vec<_> = environment
        .iter()
        .map(|(name, value)| serde_json::json!({ "name": name, "value": value }))
        .collect();
    let start_delay = humantime::format_duration(worker.start_delay).to_string();
    let mut value = serde_json::json!({
        "command": command,
        "env": env,
        "annotations": { "embedded-kube.dev/start-delay": start_delay },
        "terminationGrace": humantime::format_duration(worker.termination_grace).to_string(),
    });
    if let Some(limits) = &worker.limits {
        let cpu = limits.cpu_millis.map(|millis| ("cpu", format!("{millis}m")));
        let memory = limits.memory_mib.map(|mib| ("memory", format!("{mib}Mi")));
        let limits: BTreeMap<_, _> = cpu.into_iter().chain(memory).collect();
        value["resources"] = serde_json::json!({ "limits": limits });
    }
    if !own {
        value["readinessPath"] = "/readyz".into();
    }
    value
}

/// The reference worker is a hidden command of this program.
fn reference_worker() -> Vec<String> {
    let program = std::env::current_exe().unwrap_or_else(|_| "stormgauge".into());
    vec![program.display().to_string(), "worker".to_owned()]
}

/// Waits until every partition of the source topic is owned by a worker.
async fn until_consuming(
    plan: &TrialPlan,
    environment: &dyn Environment,
    cancel: &CancellationToken,
) -> Result<(), TrialError> {
    let wanted = usize::try_from(plan.scenario.spec.environment.partitions).unwrap_or(usize::MAX);
    let anchor = Anchor::now();
    while environment.assigned_partitions() < wanted && !cancel.is_cancelled() {
        if anchor.elapsed() > READY_LIMIT {
            let reason = format!(
                "after {READY_LIMIT:?} workers own {} of {}; {} {}",
                environment.assigned_partitions(),
                counted(wanted, "partition"),
                deployment_state(environment).await,
                environment.defects().join(" "),
            );
            let step = "wait for the workers";
            return Err(EnvironmentError {
                environment: plan.place.capability().environment,
                step,
                reason,
            }
            .into());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// What the Deployment says of itself, for an error message.
async fn deployment_state(environment: &dyn Environment) -> String {
    let deployments: Api<Deployment> = Api::namespaced(environment.kube(), NAMESPACE);
    match deployments.get_opt(JOB).await {
        Ok(Some(deployment)) => {
            let status = deployment.status.unwrap_or_default();
            format!(
                "the Deployment has {}, {} ready; see the logs in the trial's folder",
                counted(status.replicas.unwrap_or(0), "replica"),
                status.ready_replicas.unwrap_or(0)
            )
        }
        Ok(None) => "the operator has made no Deployment; see operator.log".to_owned(),
        Err(error) => format!("the Deployment cannot be read: {error}"),
    }
}
