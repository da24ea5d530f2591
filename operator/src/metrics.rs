//! Metrics of the operator: controller-runtime's names where they exist, ours for allocation.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::runtime::controller::Action;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use crate::allocation::{Decision, Strategy};
use crate::reconcile::ReconcileError;
use crate::reconcile::dereference::Found;
use crate::reconcile::validate::ValidJob;

const CONTROLLER: &str = "streamingjob";
const DIRECTIONS: [&str; 3] = ["up", "down", "hold"];

type Labels = Vec<(&'static str, String)>;
type Numbers = Family<Labels, Gauge<f64, AtomicU64>>;

/// Metrics of the operator.
pub(crate) struct Metrics {
    registry: Registry,
    reconciles: Family<Labels, Counter>,
    reconcile_errors: Family<Labels, Counter>,
    step_errors: Family<Labels, Counter>,
    reconcile_time: Histogram,
    refused: Counter,
    status_writes: Counter,
    decisions: Family<Labels, Counter>,
    desired: Numbers,
    ready: Numbers,
    lag_records: Numbers,
    lag_time: Numbers,
    arrivals: Numbers,
    leading: Gauge,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::default(),
            reconciles: Family::default(),
            reconcile_errors: Family::default(),
            step_errors: Family::default(),
            // 1 ms to 8 s.
            reconcile_time: Histogram::new(exponential_buckets(0.001, 2.0, 14)),
            refused: Counter::default(),
            status_writes: Counter::default(),
            decisions: Family::default(),
            desired: Family::default(),
            ready: Family::default(),
            lag_records: Family::default(),
            lag_time: Family::default(),
            arrivals: Family::default(),
            leading: Gauge::default(),
        };
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        let controller = |name| format!("controller_runtime_{name}");
        let ours = |name| format!("streaming_operator_{name}");
        let help = "Passes by result";
        registry.register(controller("reconcile"), help, self.reconciles.clone());
        let help = "Passes that failed";
        registry.register(controller("reconcile_errors"), help, self.reconcile_errors.clone());
        let help = "Time of a pass";
        registry.register(controller("reconcile_time_seconds"), help, self.reconcile_time.clone());
        let help = "Passes that failed, by step";
        registry.register(ours("step_errors"), help, self.step_errors.clone());
        let help = "Specs refused after admission";
        registry.register(ours("refused_specs"), help, self.refused.clone());
        let help = "Status writes";
        registry.register(ours("status_writes"), help, self.status_writes.clone());
        let help = "Decisions by strategy and direction";
        registry.register(ours("decisions"), help, self.decisions.clone());
        let help = "1 while it holds the lease, if it asks for one";
        registry.register(ours("leading"), help, self.leading.clone());
        for (name, help, family) in [
            ("desired_replicas", "Workers decided on", &self.desired),
            ("ready_replicas", "Workers ready at the last decision", &self.ready),
            ("lag_records", "Records not yet committed", &self.lag_records),
            ("lag_seconds", "Age of the oldest record not yet committed", &self.lag_time),
            ("arrival_records_per_second", "Records arriving in a second", &self.arrivals),
        ] {
            registry.register(ours(name), help, family.clone());
        }
    }

    pub(crate) fn reconciled(&self, result: &Result<Action, ReconcileError>, elapsed: Duration) {
        let label = match result {
            Err(_) => "error",
            Ok(action) if *action == Action::await_change() => "success",
            Ok(_) => "requeue_after",
        };
        let controller = ("controller", CONTROLLER.to_owned());
        let labels = vec![controller.clone(), ("result", label.to_owned())];
        self.reconciles.get_or_create(&labels).inc();
        self.reconcile_time.observe(elapsed.as_secs_f64());
        if let Err(error) = result {
            self.reconcile_errors.get_or_create(&vec![controller]).inc();
            self.step_errors.get_or_create(&vec![("step", error.step().to_owned())]).inc();
        }
    }

    pub(crate) fn refused_spec(&self) {
        self.refused.inc();
        self.step_errors.get_or_create(&vec![("step", "validate".to_owned())]).inc();
    }

    pub(crate) fn wrote_status(&self) {
        self.status_writes.inc();
    }

    pub(crate) fn decided(&self, job: &ValidJob, decision: &Decision, found: &Found) {
        let labels = labels(&job.namespace, &job.name);
        let direction = match decision.replicas.cmp(&decision.from) {
            std::cmp::Ordering::Greater => "up",
            std::cmp::Ordering::Less => "down",
            std::cmp::Ordering::Equal => "hold",
        };
        let by = by_decision(&labels, job.plan.strategy, direction);
        self.decisions.get_or_create(&by).inc();
        self.desired.get_or_create(&labels).set(decision.replicas.into());
        let Some(seen) = &found.observation else { return };
        self.ready.get_or_create(&labels).set(seen.ready_replicas.into());
        // A value that is not known is absent, not zero and not stale.
        for (family, value) in [
            (&self.lag_records, seen.lag_records.map(|lag| lag as f64)),
            (&self.lag_time, seen.lag_time.map(|age| age.as_secs_f64())),
            (&self.arrivals, seen.arrival_rate_per_s),
        ] {
            match value {
                Some(value) => {
                    family.get_or_create(&labels).set(value);
                }
                None => {
                    family.remove(&labels);
                }
            }
        }
    }

    pub(crate) fn leads(&self, leads: bool) {
        self.leading.set(leads.into());
    }

    /// Drops the series of all jobs.
    pub(crate) fn forget_all(&self) {
        for family in self.by_job() {
            family.clear();
        }
        self.decisions.clear();
    }

    /// What is told of each job.
    fn by_job(&self) -> [&Numbers; 5] {
        [&self.desired, &self.ready, &self.lag_records, &self.lag_time, &self.arrivals]
    }

    /// Drops every series of a job.
    pub(crate) fn forget(&self, job: &ObjectMeta) {
        let namespace = job.namespace.as_deref().unwrap_or_default();
        let labels = labels(namespace, job.name.as_deref().unwrap_or_default());
        for family in self.by_job() {
            family.remove(&labels);
        }
        for strategy in Strategy::ALL {
            for direction in DIRECTIONS {
                self.decisions.remove(&by_decision(&labels, strategy, direction));
            }
        }
    }

    /// Prometheus text.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        match encode(&mut text, &self.registry) {
            Ok(()) => text,
            Err(error) => {
                tracing::error!(%error, "metrics not encoded");
                String::new()
            }
        }
    }
}

fn labels(namespace: &str, job: &str) -> Labels {
    vec![("namespace", namespace.to_owned()), ("job", job.to_owned())]
}

fn by_decision(job: &Labels, strategy: Strategy, direction: &'static str) -> Labels {
    let mut labels = job.clone();
    labels.push(("strategy", strategy.name().to_owned()));
    labels.push(("direction", direction.to_owned()));
    labels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_controller_runtime_are_kept() {
        let metrics = Metrics::new();
        metrics.reconciled(&Ok(Action::await_change()), Duration::from_millis(3));
        let text = metrics.text();
        let line =
            "controller_runtime_reconcile_total{controller=\"streamingjob\",result=\"success\"} 1";
        assert!(text.contains(line), "{text}");
        assert!(text.contains("controller_runtime_reconcile_time_seconds_bucket"), "{text}");
    }
}
