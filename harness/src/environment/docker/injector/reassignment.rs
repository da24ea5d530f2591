//! Reassigning a partition: a follower's copy is given up, and made anew.

use super::down::PATIENCE;
use super::{Hands, LOOK_EVERY};
use crate::clock::Anchor;
use crate::environment::docker::admin::{self, Place};
use crate::environment::local::brokers::names;
use chaos::{Installed, Refusal};
use futures::FutureExt;
use futures::future::BoxFuture;

/// Gives up the copy of the last follower.
pub(super) async fn begin(hands: Hands, place: Place) -> Result<Box<dyn Installed>, Refusal> {
    let failed = |reason: String| Refusal::Failed(reason);
    let partition = hands.cluster.partitions().remove(&place);
    let partition = partition.ok_or_else(|| failed("there is no such partition".to_owned()))?;
    let follower = partition.replicas.iter().rev().find(|id| Some(**id) != partition.leader);
    let follower = *follower.ok_or_else(|| failed("there is no follower".to_owned()))?;
    let rest: Vec<i32> = partition.replicas.iter().copied().filter(|id| *id != follower).collect();
    let moved = Reassigned { hands, place, before: partition.replicas };
    moved.assign(&rest).await.map_err(|error| failed(format!("{error:#}")))?;
    Ok(Box::new(moved))
}

struct Reassigned {
    hands: Hands,
    place: Place,
    /// The brokers that had copies.
    before: Vec<i32>,
}

impl Reassigned {
    async fn assign(&self, replicas: &[i32]) -> anyhow::Result<()> {
        let mut connection = self.hands.cluster.connect().await?;
        admin::reassign(&mut connection, &self.place, replicas).await
    }

    fn sentence(&self) -> Option<String> {
        let now = self.hands.cluster.partitions().remove(&self.place)?.replicas;
        let (topic, index) = &self.place;
        (now.len() < self.before.len()).then(|| {
            format!("{topic}/{index} is on {}, before on {}", names(&now), names(&self.before))
        })
    }
}

impl Installed for Reassigned {
    fn evidence(&mut self) -> BoxFuture<'_, Option<String>> {
        let sentence = self.sentence();
        async move { sentence }.boxed()
    }

    fn heal(&mut self) -> BoxFuture<'_, Result<String, String>> {
        async {
            self.assign(&self.before).await.map_err(|error| format!("{error:#}"))?;
            let begun = Anchor::now();
            let copied = || {
                let partition = self.hands.cluster.partitions().remove(&self.place);
                partition.is_some_and(|partition| partition.in_sync.len() == self.before.len())
            };
            while !copied() {
                if begun.elapsed() > PATIENCE {
                    return Err(format!("a copy is not in sync after {PATIENCE:?}"));
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
            let seconds = begun.elapsed().as_secs_f64();
            Ok(format!("on {} again after {seconds:.1} s", names(&self.before)))
        }
        .boxed()
    }
}
