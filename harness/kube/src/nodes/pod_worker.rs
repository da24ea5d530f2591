//! One pod on one node: from its arrival to its end.
//!
//! Everything that waits also listens for the pod's deletion. A deletion by request ends the
//! process gently and then removes the object; when the object is gone already, the process is
//! killed.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Container, Pod, PodStatus};
use kube::Api;
use kube::api::{DeleteParams, Preconditions};
use tokio::sync::watch;
use tokio::time::Instant;

use super::address::PodAddress;
use super::backoff::Backoff;
use super::container;
use super::kubelet::Boot;
use super::launcher::RunningProcess;
use super::pod_process::{self, Started};
use super::pod_status_writer::{self as writer, now};
use super::probe::Prober;
use super::process::ProcessStatus;
use super::status::Report;
use super::work_directory::WorkDirectory;
use crate::clock;
use crate::controllers::{is_finished, is_status};

/// Wait before an address is asked for again when all are in use, and between attempts to remove a
/// pod's object.
const AGAIN: Duration = Duration::from_millis(250);
/// How long a pod may take to end when it does not say.
const GRACE_DEFAULT: Duration = Duration::from_secs(30);

/// What the kubelet tells a worker of its pod: its latest state, or none when the object is gone.
pub(super) type PodReceiver = watch::Receiver<Option<Arc<Pod>>>;

/// Why a pod has to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// Its deletion was asked for.
    Deletion,
    /// Its object is gone, or nobody tells any more.
    Gone,
}

/// Why a container could not be started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) reason: &'static str,
    pub(super) message: String,
}

/// Sees the pod through on this node.
pub(super) async fn run(boot: Boot, pod: Arc<Pod>, pods: PodReceiver) {
    let meta = &pod.metadata;
    let name = meta.name.clone().unwrap_or_default();
    let namespace = meta.namespace.as_deref().unwrap_or_default();
    let api: Api<Pod> = Api::namespaced(boot.machine.client.clone(), namespace);
    let (statuses, written) = watch::channel(None);
    let writing = writer::run(api.clone(), name, meta.uid.clone(), written, pods.clone());
    let host = boot.machine.addresses.host().to_string();
    let report = Report::new(&pod, &host, &now());
    let mut worker = Worker { boot, pod: (*pod).clone(), pods, statuses, report, refusal: None };
    let ending = tokio::select! {
        Err(ending) = worker.live(&api) => ending,
        () = writing => Ending::Gone,
    };
    if ending == Ending::Deletion {
        remove(&api, &pod).await;
    }
}

/// Removes the object of a pod that has ended.
async fn remove(api: &Api<Pod>, pod: &Pod) {
    let name = pod.metadata.name.as_deref().unwrap_or_default();
    let preconditions = Preconditions { uid: pod.metadata.uid.clone(), resource_version: None };
    let parameters = DeleteParams {
        grace_period_seconds: Some(0),
        preconditions: Some(preconditions),
        ..DeleteParams::default()
    };
    loop {
        match api.delete(name, &parameters).await {
            Ok(_) => return,
            Err(error) if is_status(&error, 404) || is_status(&error, 409) => return,
            Err(error) => tracing::debug!(pod = name, %error, "the pod could not be removed"),
        }
        tokio::time::sleep(AGAIN).await;
    }
}

struct Worker {
    boot: Boot,
    pod: Pod,
    pods: PodReceiver,
    statuses: watch::Sender<Option<PodStatus>>,
    report: Report,
    /// The last refusal, so that each is told once.
    refusal: Option<Refusal>,
}

impl Worker {
    /// Runs the container over and over until the pod has to end.
    async fn live(&mut self, api: &Api<Pod>) -> Result<Infallible, Ending> {
        if is_finished(&self.pod) {
            return self.wait_for_ending().await;
        }
        let delay = match container::unsupported(&self.pod) {
            Some(problem) => Err(problem),
            None => container::start_delay(&self.pod),
        };
        let delay = match delay {
            Ok(delay) => delay,
            Err(message) => {
                self.refuse(Refusal { reason: "CreateContainerConfigError", message });
                return self.wait_for_ending().await;
            }
        };
        let address = self.address().await?;
        self.report.set_address(address.address.to_string());
        self.publish();
        let directory = self.directory().await?;
        self.unless_ending(tokio::time::sleep(delay)).await?;
        let mut backoff = Backoff::new(self.boot.machine.restart_backoff);
        loop {
            self.unless_ending(self.boot.machine.starts.slowed()).await?;
            let prepare =
                pod_process::start(&self.boot, api, self.pod.clone(), &address, &directory);
            let begun = clock::instant();
            match unless_ending(self.pods.clone(), prepare).await? {
                Ok(started) => {
                    let status = self.watch_over(started).await?;
                    let again = self.starts_again(status);
                    self.report.ended(status, now(), again);
                    self.publish();
                    if !again {
                        self.tell_end(status);
                        return self.wait_for_ending().await;
                    }
                    let note = format!("the container ended ({status:?}) and is started again");
                    self.boot.events.warning(&self.pod, "BackOff", note);
                }
                Err(refusal) => self.refuse(refusal),
            }
            let wait = backoff.after(clock::instant().duration_since(begun));
            self.unless_ending(tokio::time::sleep(wait)).await?;
        }
    }

    fn publish(&mut self) {
        let status = self.report.render(&self.pod, &now());
        self.statuses.send_replace(Some(status));
    }

    fn refuse(&mut self, refusal: Refusal) {
        self.report.waiting(refusal.reason, Some(refusal.message.clone()));
        self.publish();
        if self.refusal.as_ref() != Some(&refusal) {
            self.boot.events.warning(&self.pod, "Failed", refusal.message.clone());
            self.refusal = Some(refusal);
        }
    }

    async fn address(&mut self) -> Result<PodAddress, Ending> {
        loop {
            if let Some(address) = self.boot.machine.addresses.claim() {
                return Ok(address);
            }
            let message = "the node has no free address".to_owned();
            self.refuse(Refusal { reason: "FailedCreatePodSandBox", message });
            self.unless_ending(tokio::time::sleep(AGAIN)).await?;
        }
    }

    async fn directory(&mut self) -> Result<WorkDirectory, Ending> {
        let uid = self.pod.metadata.uid.clone().unwrap_or_default();
        loop {
            match self.boot.machine.directory.for_pod(&uid) {
                Ok(directory) => return Ok(directory),
                Err(error) => {
                    let message = format!("the pod's directory cannot be created: {error}");
                    self.refuse(Refusal { reason: "FailedCreatePodSandBox", message });
                }
            }
            self.unless_ending(tokio::time::sleep(AGAIN)).await?;
        }
    }

    fn tell_end(&self, status: ProcessStatus) {
        if let ProcessStatus::Evicted(pressure) = status {
            self.boot.events.warning(&self.pod, "Evicted", pressure.message());
        }
    }

    fn starts_again(&self, status: ProcessStatus) -> bool {
        let policy = self.pod.spec.as_ref().and_then(|spec| spec.restart_policy.as_deref());
        match policy {
            _ if matches!(status, ProcessStatus::Evicted(_)) => false,
            Some("Never") => false,
            Some("OnFailure") => status != ProcessStatus::Code(0),
            _ => true,
        }
    }

    /// Follows a running container to its end, or ends it when the pod has to end.
    async fn watch_over(&mut self, started: Started) -> Result<ProcessStatus, Ending> {
        let Started { process, probe } = started;
        let mut prober = probe.map(Prober::start);
        self.refusal = None;
        self.report.running(now(), prober.is_none());
        self.publish();
        let name = container::first(&self.pod).map_or("", |container: &Container| &container.name);
        let note = format!("started container {name} as process {}", process.pid());
        self.boot.events.normal(&self.pod, "Started", note);
        let mut pods = self.pods.clone();
        loop {
            tokio::select! {
                status = process.ended() => return Ok(status),
                ready = readiness(&mut prober) => {
                    self.report.set_ready(ready);
                    self.publish();
                }
                ending = ending(&mut pods) => {
                    if ending == Ending::Deletion {
                        let note = "stopping the container".to_owned();
                        self.boot.events.normal(&self.pod, "Killing", note);
                    }
                    stop(&process, pods).await;
                    return Err(ending);
                }
            }
        }
    }

    async fn unless_ending<T>(&self, work: impl Future<Output = T>) -> Result<T, Ending> {
        unless_ending(self.pods.clone(), work).await
    }

    async fn wait_for_ending(&self) -> Result<Infallible, Ending> {
        Err(ending(&mut self.pods.clone()).await)
    }
}

async fn readiness(prober: &mut Option<Prober>) -> bool {
    match prober {
        Some(prober) => prober.change().await,
        None => std::future::pending().await,
    }
}

async fn unless_ending<T>(
    mut pods: PodReceiver,
    work: impl Future<Output = T>,
) -> Result<T, Ending> {
    tokio::select! {
        biased;
        ending = ending(&mut pods) => Err(ending),
        output = work => Ok(output),
    }
}

/// Waits until the pod has to end.
async fn ending(pods: &mut PodReceiver) -> Ending {
    let is_over = |pod: &Option<Arc<Pod>>| {
        pod.as_ref().is_none_or(|pod| pod.metadata.deletion_timestamp.is_some())
    };
    match pods.wait_for(is_over).await {
        Ok(pod) if pod.is_some() => Ending::Deletion,
        _ => Ending::Gone,
    }
}

/// Ends a process: politely, and by force when its grace period is over or its object is gone. A
/// later request can only shorten the grace period.
async fn stop(process: &RunningProcess, mut pods: PodReceiver) {
    use rustix::process::Signal;
    let mut deadline: Option<Instant> = None;
    loop {
        let grace = pods.borrow_and_update().as_deref().map(grace);
        let Some(grace) = grace else { break };
        if deadline.is_none() {
            process.signal(Signal::TERM);
        }
        let proposed = clock::instant() + grace;
        let end = deadline.map_or(proposed, |deadline| deadline.min(proposed));
        deadline = Some(end);
        tokio::select! {
            _ = process.ended() => return,
            () = tokio::time::sleep_until(end) => break,
            changed = pods.changed() => if changed.is_err() {
                break;
            },
        }
    }
    process.signal(Signal::KILL);
    process.ended().await;
}

fn grace(pod: &Pod) -> Duration {
    let seconds = pod.metadata.deletion_grace_period_seconds;
    seconds
        .and_then(|seconds| u64::try_from(seconds).ok())
        .map_or(GRACE_DEFAULT, Duration::from_secs)
}
