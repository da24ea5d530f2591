//! What the kubelet reports of a pod.

use k8s_openapi::api::core::v1::{
    ContainerState, ContainerStateRunning, ContainerStateTerminated, ContainerStateWaiting,
    ContainerStatus, HostIP, Pod, PodCondition, PodIP, PodStatus,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::pressure::Pressure;
use super::process::ProcessStatus;
use crate::controllers::conditions::{pod_condition, set_pod_condition};

/// Where a pod's one container stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Stage {
    /// It does not run, for this reason.
    Waiting { reason: &'static str, message: Option<String> },
    /// It runs.
    Running { since: Time, ready: bool },
    /// It has ended and is not started again.
    Ended { succeeded: bool },
}

/// A pod's report while it is built up.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Report {
    host_address: String,
    pod_address: Option<String>,
    began: Time,
    stage: Stage,
    last: Option<ContainerStateTerminated>,
    restarts: i32,
    /// What the node lacked when it ended the pod for that.
    evicted: Option<Pressure>,
    /// Whether the container ever ran: from then on the pod's phase is `Running`.
    ran: bool,
    conditions: Vec<PodCondition>,
}

impl Report {
    /// The report of a pod that came to the node at `now`. When its status shows a container that
    /// ran, the node has lost it, and the next start is a restart.
    pub(super) fn new(pod: &Pod, host_address: &str, now: &Time) -> Self {
        let status = pod.status.clone().unwrap_or_default();
        let container = status.container_statuses.unwrap_or_default().into_iter().next();
        let state = container.as_ref().and_then(|container| container.state.clone());
        let running = state.and_then(|state| state.running);
        let before = container.as_ref().map_or(0, |container| container.restart_count);
        let last = container.and_then(|container| container.last_state?.terminated);
        let lost = running.as_ref().map(|running| ContainerStateTerminated {
            exit_code: 255,
            reason: Some("Unknown".to_owned()),
            message: Some("the node lost the container".to_owned()),
            started_at: running.started_at.clone(),
            finished_at: Some(now.clone()),
            ..ContainerStateTerminated::default()
        });
        Self {
            host_address: host_address.to_owned(),
            pod_address: None,
            began: status.start_time.unwrap_or_else(|| now.clone()),
            stage: Stage::Waiting { reason: "ContainerCreating", message: None },
            restarts: before.saturating_add(i32::from(lost.is_some())),
            ran: lost.is_some() || last.is_some(),
            last: lost.or(last),
            evicted: None,
            conditions: status.conditions.unwrap_or_default(),
        }
    }

    pub(super) fn set_address(&mut self, address: String) {
        self.pod_address = Some(address);
    }

    pub(super) fn waiting(&mut self, reason: &'static str, message: Option<String>) {
        self.stage = Stage::Waiting { reason, message };
    }

    /// The container runs since `now`.
    pub(super) fn running(&mut self, now: Time, ready: bool) {
        self.ran = true;
        self.stage = Stage::Running { since: now, ready };
    }

    pub(super) fn set_ready(&mut self, now_ready: bool) {
        if let Stage::Running { ready, .. } = &mut self.stage {
            *ready = now_ready;
        }
    }

    /// The container ended; `again` says whether it is started once more.
    pub(super) fn ended(&mut self, status: ProcessStatus, now: Time, again: bool) {
        let started_at = match &self.stage {
            Stage::Running { since, .. } => Some(since.clone()),
            _ => None,
        };
        let (exit_code, signal) = match status {
            ProcessStatus::Code(code) => (code, None),
            // The code that a shell gives, as container runtimes do.
            ProcessStatus::Signal(signal) => (signal.saturating_add(128), Some(signal)),
            ProcessStatus::OutOfMemory(_) | ProcessStatus::Evicted(_) => (137, None),
        };
        let succeeded = exit_code == 0;
        let reason = match status {
            ProcessStatus::OutOfMemory(_) => "OOMKilled",
            _ if succeeded => "Completed",
            _ => "Error",
        };
        if let ProcessStatus::Evicted(pressure) = status {
            self.evicted = Some(pressure);
        }
        self.last = Some(ContainerStateTerminated {
            exit_code,
            signal,
            reason: Some(reason.to_owned()),
            started_at,
            finished_at: Some(now),
            ..ContainerStateTerminated::default()
        });
        self.stage = if again {
            self.restarts = self.restarts.saturating_add(1);
            let message = Some("the container is started again after a while".to_owned());
            Stage::Waiting { reason: "CrashLoopBackOff", message }
        } else {
            Stage::Ended { succeeded }
        };
    }

    /// The status as the API has it. Transition times of conditions are kept from call to call.
    pub(super) fn render(&mut self, pod: &Pod, now: &Time) -> PodStatus {
        let ready = matches!(self.stage, Stage::Running { ready: true, .. });
        for (kind, holds) in [
            ("PodScheduled", true),
            ("Initialized", true),
            ("ContainersReady", ready),
            ("Ready", ready),
        ] {
            let mut condition = pod_condition(kind, holds, now);
            if !holds {
                condition.reason = Some("ContainersNotReady".to_owned());
            }
            set_pod_condition(&mut self.conditions, condition);
        }
        let phase = match &self.stage {
            Stage::Ended { succeeded: true } => "Succeeded",
            Stage::Ended { succeeded: false } => "Failed",
            _ if self.ran => "Running",
            _ => "Pending",
        };
        let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
        let address = self.pod_address.clone();
        PodStatus {
            phase: Some(phase.to_owned()),
            reason: self.evicted.map(|_| "Evicted".to_owned()),
            message: self.evicted.map(Pressure::message),
            conditions: Some(self.conditions.clone()),
            host_ip: Some(self.host_address.clone()),
            host_ips: Some(vec![HostIP { ip: self.host_address.clone() }]),
            pod_ips: address.clone().map(|ip| vec![PodIP { ip }]),
            pod_ip: address,
            start_time: Some(self.began.clone()),
            container_statuses: Some(
                containers
                    .map(|container| ContainerStatus {
                        name: container.name.clone(),
                        image: container.image.clone().unwrap_or_default(),
                        ready,
                        started: Some(matches!(self.stage, Stage::Running { .. })),
                        restart_count: self.restarts,
                        state: Some(self.state()),
                        last_state: self.last_state(),
                        ..ContainerStatus::default()
                    })
                    .collect(),
            ),
            ..PodStatus::default()
        }
    }

    fn state(&self) -> ContainerState {
        match &self.stage {
            Stage::Waiting { reason, message } => ContainerState {
                waiting: Some(ContainerStateWaiting {
                    reason: Some((*reason).to_owned()),
                    message: message.clone(),
                }),
                ..ContainerState::default()
            },
            Stage::Running { since, .. } => ContainerState {
                running: Some(ContainerStateRunning { started_at: Some(since.clone()) }),
                ..ContainerState::default()
            },
            Stage::Ended { .. } => {
                ContainerState { terminated: self.last.clone(), ..ContainerState::default() }
            }
        }
    }

    fn last_state(&self) -> Option<ContainerState> {
        let shown = !matches!(self.stage, Stage::Ended { .. });
        let terminated = self.last.clone().filter(|_| shown);
        terminated
            .map(|last| ContainerState { terminated: Some(last), ..ContainerState::default() })
    }
}

#[cfg(test)]
mod tests;
