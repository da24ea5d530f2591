//! What a cloud says before it takes a node back: a taint, so that nothing new comes, and an event.

use k8s_openapi::api::core::v1::{Node, Taint};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::{Patch, PatchParams};
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use kube::{Api, Resource};
use serde_json::json;

use super::NodeHandle;
use crate::clock;

/// The taint by which AWS's node termination handler marks a node with a notice.
pub const SPOT_TAINT: &str = "aws-node-termination-handler/spot-itn";
/// Reason and action of the event.
const REASON: &str = "SpotInterruption";

impl NodeHandle {
    /// Says that the node will be taken away: a `NoSchedule` taint and an event with `note`.
    ///
    /// # Errors
    /// What the API server answered.
    pub async fn give_notice(&self, note: String) -> Result<(), kube::Error> {
        let node = self.set_notice(true).await?;
        let reporter = Reporter {
            controller: "node-termination-handler".to_owned(),
            instance: Some(self.name().to_owned()),
        };
        let recorder = Recorder::new(self.machine().client.clone(), reporter);
        let event = Event {
            type_: EventType::Warning,
            reason: REASON.to_owned(),
            note: Some(note),
            action: REASON.to_owned(),
            secondary: None,
        };
        recorder.publish(&event, &node.object_ref(&())).await
    }

    /// Takes the taint away again.
    ///
    /// # Errors
    /// What the API server answered.
    pub async fn withdraw_notice(&self) -> Result<(), kube::Error> {
        self.set_notice(false).await.map(drop)
    }

    async fn set_notice(&self, given: bool) -> Result<Node, kube::Error> {
        let api: Api<Node> = Api::all(self.machine().client.clone());
        let taint = Taint {
            key: SPOT_TAINT.to_owned(),
            effect: "NoSchedule".to_owned(),
            time_added: Some(Time(clock::now())),
            value: None,
        };
        let entry =
            if given { json!(taint) } else { json!({"$patch": "delete", "key": SPOT_TAINT}) };
        let patch = Patch::Strategic(json!({"spec": {"taints": [entry]}}));
        api.patch(self.name(), &PatchParams::default(), &patch).await
    }
}
