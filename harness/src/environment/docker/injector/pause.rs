//! Brokers whose containers are frozen.

use super::down::PATIENCE;
use super::{Hands, refused};
use crate::environment::local::brokers::name;
use chaos::{Installed, Refusal};
use futures::FutureExt;
use futures::future::BoxFuture;

/// Freezes brokers.
pub(super) async fn freeze(hands: Hands, ids: Vec<i32>) -> Result<Box<dyn Installed>, Refusal> {
    hands.announce(&ids);
    for id in &ids {
        hands.engine.pause(&hands.names.container(*id)).await.map_err(refused)?;
    }
    Ok(Box::new(Frozen { hands, ids }))
}

struct Frozen {
    hands: Hands,
    ids: Vec<i32>,
}

impl Frozen {
    /// Which are frozen; nothing while one is not, or still answers.
    async fn sentence(&self) -> Option<String> {
        let mut frozen = Vec::new();
        for id in &self.ids {
            let state = self.hands.state(*id).await.ok()?;
            if !state.paused || self.hands.answers(*id) {
                return None;
            }
            frozen.push(format!("{} is frozen and does not answer", name(*id)));
        }
        Some(frozen.join("; "))
    }
}

impl Installed for Frozen {
    fn evidence(&mut self) -> BoxFuture<'_, Option<String>> {
        self.sentence().boxed()
    }

    fn heal(&mut self) -> BoxFuture<'_, Result<String, String>> {
        async {
            for id in &self.ids {
                let state = self.hands.state(*id).await;
                if state.map_err(|error| error.to_string())?.paused {
                    let resumed = self.hands.engine.resume(&self.hands.names.container(*id)).await;
                    resumed.map_err(|error| error.to_string())?;
                }
            }
            self.hands.bring_back(&self.ids, PATIENCE).await
        }
        .boxed()
    }
}
