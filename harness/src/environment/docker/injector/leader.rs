//! Moving a partition's leader: another replica is made the preferred one, and elected.

use super::Hands;
use crate::environment::docker::admin::{self, Place};
use crate::environment::local::brokers::name;
use chaos::{Installed, Refusal};
use futures::FutureExt;
use futures::future::BoxFuture;

/// Gives a partition another leader, of those in sync.
pub(super) async fn shift(hands: Hands, place: Place) -> Result<Box<dyn Installed>, Refusal> {
    let failed = |reason: String| Refusal::Failed(reason);
    let partition = hands.cluster.partitions().remove(&place);
    let partition = partition.ok_or_else(|| failed("there is no such partition".to_owned()))?;
    let other = |id: &&i32| partition.in_sync.contains(id) && Some(**id) != partition.leader;
    let to = partition.replicas.iter().find(other).copied();
    let to = to.ok_or_else(|| failed("no other replica is in sync".to_owned()))?;
    let moved = Moved {
        hands,
        place,
        to,
        from: partition.leader,
        epoch: partition.epoch,
        replicas: partition.replicas,
    };
    moved.prefer(to).await.map_err(|error| failed(format!("{error:#}")))?;
    Ok(Box::new(moved))
}

struct Moved {
    hands: Hands,
    place: Place,
    from: Option<i32>,
    to: i32,
    epoch: i32,
    /// As they were.
    replicas: Vec<i32>,
}

impl Moved {
    /// Makes a replica the first of all, and has it elected.
    async fn prefer(&self, first: i32) -> anyhow::Result<()> {
        let rest = self.replicas.iter().copied().filter(|id| *id != first);
        let order: Vec<i32> = std::iter::once(first).chain(rest).collect();
        let mut connection = self.hands.cluster.connect().await?;
        admin::reassign(&mut connection, &self.place, &order).await?;
        admin::elect_preferred(&mut connection, &self.place).await
    }

    fn sentence(&self) -> Option<String> {
        let now = self.hands.cluster.partitions().remove(&self.place)?;
        let (topic, index) = &self.place;
        (now.leader == Some(self.to) && now.epoch > self.epoch).then(|| {
            format!(
                "{topic}/{index} is led by {} at epoch {}, before by {}",
                name(self.to),
                now.epoch,
                self.from.map_or_else(|| "nobody".to_owned(), name)
            )
        })
    }
}

impl Installed for Moved {
    fn evidence(&mut self) -> BoxFuture<'_, Option<String>> {
        let sentence = self.sentence();
        async move { sentence }.boxed()
    }

    fn heal(&mut self) -> BoxFuture<'_, Result<String, String>> {
        async {
            let now = self.hands.cluster.partitions().remove(&self.place).unwrap_or_default();
            let Some(first) = self.from.filter(|first| now.in_sync.contains(first)) else {
                return Ok("left where it is: who led before is not in sync".to_owned());
            };
            self.prefer(first).await.map_err(|error| format!("{error:#}"))?;
            Ok(format!("{} is the preferred leader again", name(first)))
        }
        .boxed()
    }
}
