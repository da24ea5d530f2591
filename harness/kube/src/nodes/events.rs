//! Events about pods, written without holding anyone up.

use std::time::Duration;

use k8s_openapi::api::core::v1::{ObjectReference, Pod};
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use kube::{Client, Resource};
use tokio::sync::mpsc;

/// Events that may wait to be written; more are dropped, as they only inform.
const WAITING_MAX: usize = 256;
/// How long writing one event may take.
const WRITE_TIME: Duration = Duration::from_secs(2);

/// Takes events of one node.
#[derive(Debug, Clone)]
pub(super) struct Events {
    queue: mpsc::Sender<(ObjectReference, Event)>,
}

impl Events {
    /// A queue, and the task that writes what comes into it until the queue is dropped.
    pub(super) fn new(client: Client, node: &str) -> (Self, impl Future<Output = ()> + use<>) {
        let (queue, mut received) = mpsc::channel::<(ObjectReference, Event)>(WAITING_MAX);
        let reporter =
            Reporter { controller: "kubelet".to_owned(), instance: Some(node.to_owned()) };
        let recorder = Recorder::new(client, reporter);
        let write = async move {
            while let Some((regarding, event)) = received.recv().await {
                let written = recorder.publish(&event, &regarding);
                match tokio::time::timeout(WRITE_TIME, written).await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => tracing::debug!(%error, "an event was not written"),
                    Err(_) => tracing::debug!("an event was not written in time"),
                }
            }
        };
        (Self { queue }, write)
    }

    /// Says that something normal happened to `pod`.
    pub(super) fn normal(&self, pod: &Pod, reason: &str, note: String) {
        self.send(pod, EventType::Normal, reason, note);
    }

    /// Says that something went wrong with `pod`.
    pub(super) fn warning(&self, pod: &Pod, reason: &str, note: String) {
        self.send(pod, EventType::Warning, reason, note);
    }

    fn send(&self, pod: &Pod, type_: EventType, reason: &str, note: String) {
        let event = Event {
            type_,
            reason: reason.to_owned(),
            note: Some(note.chars().take(1000).collect()),
            action: reason.to_owned(),
            secondary: None,
        };
        let _ = self.queue.try_send((pod.object_ref(&()), event));
    }
}
