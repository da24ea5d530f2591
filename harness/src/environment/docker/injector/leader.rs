//! Moving a partition's leader: another replica is made the preferred one, and elected.

use super::Hands;
use crate::environment::docker::admin::{self, Partition, Place};
use crate::environment::local::brokers::name;
use chaos::{Installed, Refusal};
use futures::FutureExt;
use futures::future::BoxFuture;

/// Gives a partition another leader, of those in sync. What it leads beside records, such as a
/// group, follows on the name of that in sentences.
pub(super) async fn shift(
    hands: Hands,
    place: Place,
    what: Option<String>,
) -> Result<Moved, Refusal> {
    moved(hands, place, what).await.map_err(|error| Refusal::Failed(format!("{error:#}")))
}

async fn moved(hands: Hands, place: Place, what: Option<String>) -> anyhow::Result<Moved> {
    let Partition { leader, epoch, replicas, in_sync, .. } = hands.partition(&place).await?;
    let other = |id: &&i32| in_sync.contains(id) && Some(**id) != leader;
    let to = replicas.iter().find(other).copied();
    let to = to.ok_or_else(|| anyhow::anyhow!("no other replica is in sync"))?;
    let what = what.unwrap_or_else(|| format!("{}/{} is led", place.0, place.1));
    let moved = Moved { hands, place, what, from: leader, to, epoch, replicas };
    moved.prefer(to).await?;
    Ok(moved)
}

/// A partition whose leadership was moved.
pub(super) struct Moved {
    hands: Hands,
    place: Place,
    /// What the leader does, in words that `by` follows on.
    what: String,
    from: Option<i32>,
    /// Who is to lead.
    pub(super) to: i32,
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

    /// Who leads now and did before; nothing while it has not moved.
    pub(super) async fn sentence(&self) -> Option<String> {
        let now = self.hands.partition(&self.place).await.ok()?;
        (now.leader == Some(self.to) && now.epoch > self.epoch).then(|| {
            format!(
                "{} by {} at epoch {}, before by {}",
                self.what,
                name(self.to),
                now.epoch,
                self.from.map_or_else(|| "nobody".to_owned(), name)
            )
        })
    }

    /// Has who led before elected again, and gives who that is; nobody if it is not in sync.
    pub(super) async fn back(&self) -> anyhow::Result<Option<i32>> {
        let now = self.hands.partition(&self.place).await?;
        let first = self.from.filter(|first| now.in_sync.contains(first));
        if let Some(first) = first {
            self.prefer(first).await?;
        }
        Ok(first)
    }
}

impl Installed for Moved {
    fn evidence(&mut self) -> BoxFuture<'_, Option<String>> {
        self.sentence().boxed()
    }

    fn heal(&mut self) -> BoxFuture<'_, Result<String, String>> {
        async {
            Ok(match self.back().await.map_err(|error| format!("{error:#}"))? {
                Some(first) => format!("{} is the preferred leader again", name(first)),
                None => "left where it is: who led before is not in sync".to_owned(),
            })
        }
        .boxed()
    }
}
