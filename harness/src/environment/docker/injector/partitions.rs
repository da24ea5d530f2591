//! A source topic that gets more partitions.

use super::down::PATIENCE;
use super::{Hands, LOOK_EVERY};
use crate::clock::Anchor;
use crate::environment::SOURCE_TOPIC;
use crate::environment::docker::admin::{self, Place};
use chaos::{Installed, Refusal};
use futures::FutureExt;
use futures::future::BoxFuture;
use results::report::format::counted;
use std::collections::BTreeMap;

/// Adds partitions to the source topic.
pub(super) async fn add(hands: Hands, more: u32) -> Result<Box<dyn Installed>, Refusal> {
    let partitions = hands.cluster.partitions().into_keys();
    let before = partitions.filter(|(topic, _)| topic == SOURCE_TOPIC).count();
    let before = i32::try_from(before).unwrap_or(i32::MAX);
    let all = before.saturating_add(i32::try_from(more).unwrap_or(i32::MAX));
    let grown = async {
        let mut connection = hands.cluster.connect().await?;
        admin::grow_topic(&mut connection, SOURCE_TOPIC, all).await
    };
    grown.await.map_err(|error| Refusal::Failed(format!("{error:#}")))?;
    Ok(Box::new(Added { hands, before, all }))
}

struct Added {
    hands: Hands,
    before: i32,
    all: i32,
}

impl Added {
    /// The sum of what there is of the new partitions.
    fn of_new_partitions(&self, offsets: &BTreeMap<Place, i64>) -> i64 {
        let new = |(topic, index): &Place| topic == SOURCE_TOPIC && *index >= self.before;
        // A partition of which nothing is committed says -1.
        offsets.iter().filter(|(place, _)| new(place)).map(|(_, offset)| (*offset).max(0)).sum()
    }

    fn sentence(&self) -> Option<String> {
        let written = self.of_new_partitions(&self.hands.cluster.ends());
        let committed = self.of_new_partitions(&self.hands.cluster.group().committed);
        (written > 0 && committed > 0).then(|| {
            format!(
                "{} before, {} now: {} in the new ones, {committed} committed by workers",
                counted(self.before, "partition"),
                self.all,
                counted(written, "record")
            )
        })
    }

    /// Waits until each partition has an owner.
    async fn owned(&self) -> Result<String, String> {
        let begun = Anchor::now();
        loop {
            let owned = self.hands.cluster.group().assigned();
            if owned >= usize::try_from(self.all).unwrap_or(usize::MAX) {
                return Ok(format!("{}, each with an owner", counted(self.all, "partition")));
            }
            if begun.elapsed() > PATIENCE {
                return Err(format!("{owned} of {} have an owner after {PATIENCE:?}", self.all));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

impl Installed for Added {
    fn evidence(&mut self) -> BoxFuture<'_, Option<String>> {
        let sentence = self.sentence();
        async move { sentence }.boxed()
    }

    fn heal(&mut self) -> BoxFuture<'_, Result<String, String>> {
        self.owned().boxed()
    }
}
