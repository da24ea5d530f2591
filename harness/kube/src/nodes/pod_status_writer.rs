//! Writes a pod's status whenever it changes, always the latest, and again until it is written.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Pod, PodStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;
use tokio::sync::watch;

use crate::clock;
use crate::controllers::is_status;

/// Wait after a write that failed; it doubles up to [`WAIT_LAST`].
const WAIT_FIRST: Duration = Duration::from_millis(20);
const WAIT_LAST: Duration = Duration::from_secs(1);

/// Writes what comes from `statuses` onto the pod, for ever. When the node lifecycle controller
/// took the pod for lost meanwhile, says once more that it is ready.
pub(super) async fn run(
    api: Api<Pod>,
    name: String,
    uid: Option<String>,
    mut statuses: watch::Receiver<Option<PodStatus>>,
    mut pods: watch::Receiver<Option<Arc<Pod>>>,
) {
    let mut pods_open = true;
    loop {
        tokio::select! {
            changed = statuses.changed() => if changed.is_err() {
                return std::future::pending().await;
            },
            changed = pods.changed(), if pods_open => {
                pods_open = changed.is_ok();
                let doubted = pods.borrow_and_update().as_deref().is_some_and(was_doubted);
                if !doubted {
                    continue;
                }
            }
        }
        let mut wait = WAIT_FIRST;
        loop {
            let Some(status) = statuses.borrow_and_update().clone() else { break };
            let patch = json!({"metadata": {"uid": uid}, "status": status});
            let written =
                api.patch_status(&name, &PatchParams::default(), &Patch::Merge(patch)).await;
            match written {
                Ok(_) => break,
                // The pod is gone, or its name is another pod's now.
                Err(error) if is_status(&error, 404) || is_status(&error, 409) => break,
                Err(error) => tracing::debug!(pod = name, %error, "a status was not written"),
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(WAIT_LAST);
        }
    }
}

/// Whether the node lifecycle controller declared the pod not ready.
fn was_doubted(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
    conditions.into_iter().flatten().any(|condition| {
        condition.type_ == "Ready" && condition.reason.as_deref() == Some("NodeNotReady")
    })
}

/// The time to write into a status.
pub(super) fn now() -> Time {
    Time(clock::now())
}
