//! What the operator says is wrong: conditions of the job that turn bad, and warnings about it.

use crate::clock::Anchor;
use crate::environment::{Environment, JOB, NAMESPACE};
use k8s_openapi::api::core::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::Api;
use kube::api::ListParams;
use operator::crd::StreamingJob;
use results::detection::Alarm;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

/// Time between two looks: how exactly an alarm is timed.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Longest that the control plane may take to answer.
const PATIENCE: Duration = Duration::from_millis(200);

/// Watches a trial until told to stop. What cannot be asked raises no alarm.
pub(super) async fn watch(
    environment: &dyn Environment,
    anchor: Anchor,
    stop: &CancellationToken,
) -> Vec<Alarm> {
    let jobs: Api<StreamingJob> = Api::namespaced(environment.kube(), NAMESPACE);
    let events: Api<Event> = Api::namespaced(environment.kube(), NAMESPACE);
    let about = ListParams::default().fields(&format!("involvedObject.name={JOB}"));
    let mut timer = interval(LOOK_EVERY);
    timer.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut bell = Bell::default();
    loop {
        tokio::select! {
            () = stop.cancelled() => return bell.alarms,
            _ = timer.tick() => {}
        }
        let at_s = anchor.elapsed().as_secs_f64();
        if let Ok(Ok(job)) = timeout(PATIENCE, jobs.get(JOB)).await {
            let status = job.status.unwrap_or_default();
            bell.look(at_s, &status.conditions);
        }
        if let Ok(Ok(list)) = timeout(PATIENCE, events.list(&about)).await {
            bell.hear(at_s, &list.items);
        }
    }
}

/// The alarms so far, and what is known already.
#[derive(Default)]
struct Bell {
    alarms: Vec<Alarm>,
    bad: BTreeSet<String>,
    /// How often each event was written, by its name.
    heard: BTreeMap<String, i32>,
    has_looked: bool,
    has_heard: bool,
}

impl Bell {
    /// A condition that is bad from the start raises no alarm: nothing has happened yet.
    fn look(&mut self, at_s: f64, conditions: &[Condition]) {
        let mut bad = BTreeSet::new();
        for condition in conditions.iter().filter(|condition| is_bad(condition)) {
            let Condition { type_, status, reason, .. } = condition;
            if !self.bad.contains(type_) && self.has_looked {
                let what = format!("{type_}={status} {reason}");
                self.alarms.push(Alarm { at_s, what });
            }
            bad.insert(type_.clone());
        }
        self.bad = bad;
        self.has_looked = true;
    }

    /// An event that is counted up is an alarm again.
    fn hear(&mut self, at_s: f64, events: &[Event]) {
        for event in events.iter().filter(|event| event.type_.as_deref() == Some("Warning")) {
            let name = event.metadata.name.clone().unwrap_or_default();
            let counted = event.series.as_ref().and_then(|series| series.count).or(event.count);
            let count = counted.unwrap_or(1);
            let before = self.heard.insert(name, count);
            if self.has_heard && before.is_none_or(|before| count > before) {
                let what = format!("event {}", event.reason.as_deref().unwrap_or("without reason"));
                self.alarms.push(Alarm { at_s, what });
            }
        }
        self.has_heard = true;
    }
}

/// `Progressing` is neither good nor bad.
fn is_bad(condition: &Condition) -> bool {
    let Condition { type_, status, .. } = condition;
    matches!((type_.as_str(), status.as_str()), ("Ready", "False") | ("Degraded", "True"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn conditions(states: &[(&str, &str)]) -> Vec<Condition> {
        let condition = |(type_, status): &(&str, &str)| {
            serde_json::from_value(json!({
                "type": type_, "status": status, "reason": "Because", "message": "",
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            }))
        };
        states.iter().map(condition).collect::<Result<_, _>>().unwrap()
    }

    fn said(bell: &Bell) -> Vec<(f64, &str)> {
        bell.alarms.iter().map(|alarm| (alarm.at_s, alarm.what.as_str())).collect()
    }

    #[test]
    fn conditions_that_turn_bad_raise_an_alarm_each_time() {
        let mut bell = Bell::default();
        let good = conditions(&[("Ready", "True"), ("Degraded", "False"), ("Progressing", "True")]);
        let bad = conditions(&[("Ready", "False"), ("Degraded", "True")]);
        for (look, now) in (0..).zip([&bad, &good, &bad, &bad, &good, &bad[..1].to_vec()]) {
            bell.look(f64::from(look), now);
        }
        let (ready, degraded) = ("Ready=False Because", "Degraded=True Because");
        assert_eq!(said(&bell), [(2.0, ready), (2.0, degraded), (5.0, ready)]);
    }

    #[test]
    fn warnings_are_alarms_when_they_are_new_or_counted_up() {
        let event = |name: &str, kind: &str, count: i32| -> Event {
            serde_json::from_value(json!({
                "metadata": { "name": name }, "involvedObject": {}, "type": kind,
                "reason": "NoWorkers", "count": count,
            }))
            .unwrap()
        };
        let mut bell = Bell::default();
        bell.hear(0.0, &[event("old", "Warning", 1)]);
        bell.hear(1.0, &[event("old", "Warning", 1), event("fine", "Normal", 1)]);
        bell.hear(2.0, &[event("old", "Warning", 2), event("new", "Warning", 1)]);
        assert_eq!(said(&bell), [(2.0, "event NoWorkers"), (2.0, "event NoWorkers")]);
    }
}
