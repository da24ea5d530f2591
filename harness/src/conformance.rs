//! What every injector promises, and whether it keeps it: a fault lands, has evidence, heals,
//! heals again harmlessly, survives that nobody waits for its installation, and leaves nothing.

mod samples;

use crate::clock::{self, Anchor};
use crate::environment::{Environment, JOB, NAMESPACE};
use crate::progress::Progress;
use chaos::conduct::HEAL_ATTEMPTS;
use chaos::{Action, Injector, Installed, Keeper, PlannedFault, Targets};
use futures::FutureExt;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use operator::crd::StreamingJob;
use results::report::format::counted;
use serde::Serialize;
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

pub use samples::{Group, groups, samples};

/// How often evidence and rest are looked for.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How long nothing may change until an environment counts as at rest.
const REST: Duration = Duration::from_millis(200);
/// Longest that a step may take: evidence to be found, or traces to vanish.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often something is made to happen while there is no evidence.
const NUDGE_EVERY: Duration = Duration::from_secs(1);
/// How long a fault has until workers are ended for want of evidence: it may be aimed at these.
const WORKERS_STAY: Duration = Duration::from_secs(4);
/// How long nothing may change at the start, when probes have yet to find workers ready.
const REST_AT_FIRST: Duration = Duration::from_secs(2);
/// When a fault heals by itself; far enough that only those do which nobody heals.
const LIMIT: Duration = Duration::from_secs(60);

/// What became of one kind of fault.
#[derive(Debug, Serialize)]
pub struct Conformance {
    /// The kind.
    pub fault: String,
    /// What was measured when it had landed; empty without evidence.
    pub evidence: String,
    /// Installation to evidence, in milliseconds.
    pub landed_ms: u64,
    /// What was measured on healing.
    pub healing: String,
    /// Healing to the state of before, in milliseconds.
    pub back_ms: u64,
    /// The promises that it broke, a sentence each; none in an injector that conforms.
    pub broken: Vec<String>,
}

/// Holds each of these faults against its promises, one after the other.
pub(crate) async fn hold(
    environment: &dyn Environment,
    injector: Arc<Keeper>,
    samples: &[PlannedFault],
    progress: &Progress,
    cancel: &CancellationToken,
) -> Vec<Conformance> {
    let bench = Bench { environment, injector };
    let mut held = Vec::new();
    let mut rest = bench.at_rest(REST_AT_FIRST).await;
    for sample in samples {
        if cancel.is_cancelled() {
            break;
        }
        let outcome = bench.hold(&sample.action, &rest).await;
        if !outcome.broken.is_empty() {
            // What it left is not held against the next one.
            rest = bench.at_rest(REST).await;
        }
        let state = if outcome.broken.is_empty() { "conforms" } else { "breaks its promises" };
        progress.say(&format!("{}: {state}", outcome.fault));
        held.push(outcome);
    }
    held
}

struct Bench<'a> {
    environment: &'a dyn Environment,
    injector: Arc<Keeper>,
}

impl Bench<'_> {
    async fn hold(&self, action: &Action, before: &[String]) -> Conformance {
        let mut outcome = Conformance {
            fault: action.fault.kind().kind.to_owned(),
            evidence: String::new(),
            landed_ms: 0,
            healing: String::new(),
            back_ms: 0,
            broken: Vec::new(),
        };
        let whole = self.whole(action, &mut outcome).await;
        let back = Anchor::now();
        let after_whole = self.restored(before).await.map_err(|left| format!("left {left}"));
        outcome.back_ms = milliseconds(&back);
        let cancelled = self.cancelled(action).await;
        let after_cancelled = self.restored(before).await;
        let after_cancelled =
            after_cancelled.map_err(|left| format!("an installation given up left {left}"));
        let steps = [whole, after_whole, cancelled, after_cancelled];
        outcome.broken = steps.into_iter().filter_map(Result::err).collect();
        outcome
    }

    /// Installed, proven, healed, and healed once more.
    async fn whole(&self, action: &Action, outcome: &mut Conformance) -> Result<(), String> {
        let action = self.aimed(action).await?;
        let since = Anchor::now();
        let installed = timeout(PATIENCE, self.injector.install(&action, LIMIT)).await;
        let mut installed = installed
            .map_err(|_| format!("was not installed within {PATIENCE:?}"))?
            .map_err(|refusal| refusal.to_string())?;
        let mut nudge = Anchor::ahead(NUDGE_EVERY);
        while outcome.evidence.is_empty() && since.elapsed() < PATIENCE {
            outcome.evidence = installed.evidence().await.unwrap_or_default();
            if outcome.evidence.is_empty() && nudge.elapsed_ns() >= 0 {
                nudge = Anchor::ahead(NUDGE_EVERY);
                self.nudge(since.elapsed() > WORKERS_STAY).await;
            }
            sleep(LOOK_EVERY).await;
        }
        outcome.landed_ms = milliseconds(&since);
        outcome.healing = healed(&mut *installed).await?;
        installed.heal().await.map_err(|error| format!("did not heal a second time: {error}"))?;
        if outcome.evidence.is_empty() {
            return Err(format!("had no evidence within {PATIENCE:?}"));
        }
        Ok(())
    }

    /// Installed by somebody who asks for it and then does not wait.
    async fn cancelled(&self, action: &Action) -> Result<(), String> {
        let action = self.aimed(action).await?;
        let _given_up = self.injector.install(&action, LIMIT).now_or_never();
        Ok(())
    }

    /// The action with the broker that has the role it names, if it names one, and with a node on
    /// which workers run in place of a single one: earlier faults may have emptied that.
    async fn aimed(&self, action: &Action) -> Result<Action, String> {
        let mut action = action.clone();
        let Targets { nodes, clients, .. } = &mut action.targets;
        for single in [nodes, clients] {
            if let [node] = single.as_mut_slice()
                && node.starts_with("node-")
            {
                *node = self.busy_node().await.ok_or("no worker runs on any node")?;
            }
        }
        if let Some(role) = action.role() {
            let broker = self.injector.broker(role);
            action.targets.brokers = vec![broker.ok_or_else(|| format!("there is no {role}"))?];
        }
        Ok(action)
    }

    /// A node on which a worker is ready.
    async fn busy_node(&self) -> Option<String> {
        let pods: Api<Pod> = Api::namespaced(self.environment.kube(), NAMESPACE);
        let list = pods.list(&ListParams::default().fields("status.phase=Running")).await.ok()?;
        let mut staying =
            list.items.into_iter().filter(|p| p.metadata.deletion_timestamp.is_none());
        staying.find_map(|pod| pod.spec?.node_name)
    }

    /// Touches the job, and in the end a worker, so that another starts: some faults are met by
    /// changes, by containers that start, or by connections that close.
    async fn nudge(&self, end_a_worker: bool) {
        let jobs: Api<StreamingJob> = Api::namespaced(self.environment.kube(), NAMESPACE);
        let touched = clock::unix_us().to_string();
        let patch = json!({ "metadata": { "annotations": { "touched": touched } } });
        let _refused = jobs.patch(JOB, &PatchParams::default(), &Patch::Merge(patch)).await;
        if !end_a_worker {
            return;
        }
        let pods: Api<Pod> = Api::namespaced(self.environment.kube(), NAMESPACE);
        let list = pods.list(&ListParams::default().fields("status.phase=Running")).await;
        let name = list.ok().and_then(|list| list.items.into_iter().next()?.metadata.name);
        if let Some(name) = name {
            // One that has gone in the meantime ends as well.
            let _gone = pods.delete(&name, &DeleteParams::default()).await;
        }
    }

    /// The state of everything that faults can touch, and how many are in force.
    async fn footprint(&self) -> Vec<String> {
        let mut lines = self.environment.footprint().await;
        lines.push(format!("{} in force", counted(self.injector.in_force(), "fault")));
        lines
    }

    /// The state once it has not changed for a while.
    async fn at_rest(&self, rest: Duration) -> Vec<String> {
        let mut state = self.footprint().await;
        let mut since = Anchor::now();
        let patience = Anchor::ahead(PATIENCE);
        while since.elapsed() < rest && patience.elapsed_ns() < 0 {
            sleep(LOOK_EVERY).await;
            let now = self.footprint().await;
            if now != state {
                (state, since) = (now, Anchor::now());
            }
        }
        state
    }

    /// Waits until the state is that of before, or says what differs.
    async fn restored(&self, before: &[String]) -> Result<(), String> {
        let patience = Anchor::ahead(PATIENCE);
        loop {
            let now = self.at_rest(REST).await;
            if now == before {
                return Ok(());
            }
            if patience.elapsed_ns() >= 0 {
                return Err(difference(before, &now));
            }
        }
    }
}

/// Heals a fault, and asks as often as a conductor does.
async fn healed(installed: &mut dyn Installed) -> Result<String, String> {
    let mut last = String::new();
    for _ in 0..HEAL_ATTEMPTS {
        match installed.heal().await {
            Ok(measured) => return Ok(measured),
            Err(error) => last = error,
        }
    }
    Err(format!("did not heal: {last}"))
}

fn milliseconds(since: &Anchor) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// The lines that are new and those that are missing.
fn difference(before: &[String], now: &[String]) -> String {
    let (before, now): (BTreeSet<_>, BTreeSet<_>) = (before.iter().collect(), now.iter().collect());
    let new = now.difference(&before).map(|line| format!("{line:?}"));
    let missing = before.difference(&now).map(|line| format!("no {line:?}"));
    new.chain(missing).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_names_what_is_new_and_what_is_missing() {
        let lines = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
        let (before, now) = (lines(&["1 rule", "2 pods"]), lines(&["1 pod", "1 rule"]));
        assert_eq!(difference(&before, &now), "\"1 pod\", no \"2 pods\"");
        assert_eq!(difference(&before, &before), "");
    }
}
