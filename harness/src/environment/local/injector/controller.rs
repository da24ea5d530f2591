//! The loss of the active controller.

use super::super::brokers;
use chaos::{Installed, Refusal};
use embedded_kafka::EmbeddedKafka;
use futures::FutureExt;
use futures::future::BoxFuture;
use std::sync::Arc;
use std::time::Duration;

/// How often the next controller is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Ends the active controller.
pub(super) fn crash(
    kafka: &Arc<EmbeddedKafka>,
    failover: Duration,
) -> Result<Box<dyn Installed>, Refusal> {
    let held = kafka.crash_controller(failover);
    let held = held.ok_or_else(|| Refusal::Failed("no controller is active".to_owned()))?;
    Ok(Box::new(Gone { kafka: Arc::clone(kafka), held }))
}

struct Gone {
    kafka: Arc<EmbeddedKafka>,
    /// The broker that held it.
    held: i32,
}

impl Installed for Gone {
    fn evidence(&mut self) -> BoxFuture<'_, Option<String>> {
        let sentence =
            self.kafka.controller().is_none().then(|| {
                format!("{} held the controller; none is active", brokers::name(self.held))
            });
        async move { sentence }.boxed()
    }

    /// The next one takes over by itself.
    fn heal(&mut self) -> BoxFuture<'_, Result<String, String>> {
        async move {
            loop {
                if let Some(id) = self.kafka.controller() {
                    return Ok(format!("{} holds the controller", brokers::name(id)));
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
        .boxed()
    }
}
