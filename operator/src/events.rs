//! Events of jobs. One recorder for the whole operator: it counts repeated events instead of
//! writing them again.

use std::time::Duration;

use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use kube::{Client, Resource};

use crate::allocation::Decision;
use crate::crd::StreamingJob;
use crate::reconcile::FIELD_MANAGER;
use crate::reconcile::validate::ValidJob;

/// Longest that an event may hold up a pass.
const PATIENCE: Duration = Duration::from_secs(1);
/// Most bytes of a note that the API takes.
const NOTE_MAX: usize = 1024;

/// Publishes events.
pub(crate) struct Events {
    recorder: Recorder,
}

/// What is worth an event.
pub(crate) struct Announcement {
    kind: EventType,
    reason: &'static str,
    action: &'static str,
    note: String,
}

impl Announcement {
    pub(crate) fn scaled(job: &ValidJob, decision: &Decision) -> Self {
        let strategy = job.plan.strategy.name();
        let Decision { from, replicas, reason, client: _ } = decision;
        let note = format!("{strategy}: {from} → {replicas} workers: {reason}");
        Self { kind: EventType::Normal, reason: "Scaled", action: "Allocate", note }
    }

    pub(crate) fn refused(message: &str) -> Self {
        let note = message.to_owned();
        Self { kind: EventType::Warning, reason: "InvalidSpec", action: "Validate", note }
    }
}

impl Events {
    pub(crate) fn new(client: Client) -> Self {
        let reporter = Reporter {
            controller: FIELD_MANAGER.to_owned(),
            instance: std::env::var("POD_NAME").ok(),
        };
        Self { recorder: Recorder::new(client, reporter) }
    }

    /// Publishes if it can: an event that is lost is no reason to fail.
    pub(crate) async fn publish(&self, job: &StreamingJob, announcement: &Announcement) {
        let mut note = announcement.note.clone();
        note.truncate(note.floor_char_boundary(NOTE_MAX));
        let event = Event {
            type_: announcement.kind,
            reason: announcement.reason.to_owned(),
            note: Some(note),
            action: announcement.action.to_owned(),
            secondary: None,
        };
        let reference = job.object_ref(&());
        match tokio::time::timeout(PATIENCE, self.recorder.publish(&event, &reference)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "event not published"),
            Err(_) => tracing::debug!("event not published in time"),
        }
    }
}
