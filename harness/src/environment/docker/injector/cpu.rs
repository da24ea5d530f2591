//! Brokers that get a share of one processor.

use super::{Hands, refused};
use crate::environment::docker::engine::EngineError;
use crate::environment::local::brokers::{name, names};
use bollard::models::ContainerUpdateBody;
use chaos::{Installed, Refusal};
use futures::FutureExt;
use futures::future::BoxFuture;

/// The time in which a share is given, in microseconds.
const PERIOD_US: i64 = 100_000;

/// Gives brokers no more than this share of one processor.
pub(super) async fn ration(
    hands: Hands,
    ids: Vec<i32>,
    processors: f64,
) -> Result<Box<dyn Installed>, Refusal> {
    let mut before = Vec::new();
    for id in &ids {
        let container = hands.names.container(*id);
        before.push(hands.engine.throttled_periods(&container).await.map_err(refused)?);
    }
    let rationed = Rationed { hands, ids, before };
    let quota_us = (processors * PERIOD_US as f64) as i64;
    rationed.allow(quota_us).await.map_err(refused)?;
    Ok(Box::new(rationed))
}

struct Rationed {
    hands: Hands,
    ids: Vec<i32>,
    /// In how many periods each had been held back before.
    before: Vec<u64>,
}

impl Rationed {
    /// Microseconds of a processor in each period; -1 for as many as are asked for.
    async fn allow(&self, quota_us: i64) -> Result<(), EngineError> {
        for id in &self.ids {
            let limits = ContainerUpdateBody {
                cpu_period: Some(PERIOD_US),
                cpu_quota: Some(quota_us),
                ..Default::default()
            };
            self.hands.engine.update(&self.hands.names.container(*id), limits).await?;
        }
        Ok(())
    }

    /// In how many periods each was held back; nothing while one never was.
    async fn sentence(&self) -> Option<String> {
        let mut counts = Vec::new();
        for (id, before) in self.ids.iter().zip(&self.before) {
            let container = self.hands.names.container(*id);
            let now = self.hands.engine.throttled_periods(&container).await.ok()?;
            let since = now.checked_sub(*before).filter(|since| *since > 0)?;
            counts.push(format!("{} was held back in {since} periods of 100 ms", name(*id)));
        }
        Some(counts.join("; "))
    }
}

impl Installed for Rationed {
    fn evidence(&mut self) -> BoxFuture<'_, Option<String>> {
        self.sentence().boxed()
    }

    fn heal(&mut self) -> BoxFuture<'_, Result<String, String>> {
        async {
            self.allow(-1).await.map_err(|error| error.to_string())?;
            Ok(format!("{} held back no longer", names(&self.ids)))
        }
        .boxed()
    }
}
