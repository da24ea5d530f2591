//! Followers that copy nothing, until leaders are in sync with too few.

use super::down::PATIENCE;
use super::{Hands, LOOK_EVERY};
use crate::clock::Anchor;
use crate::environment::docker::admin::{self, Partition, Place};
use crate::environment::docker::brokers::min_in_sync;
use crate::environment::docker::cluster::Cluster;
use chaos::Installed;
use futures::FutureExt;
use futures::future::BoxFuture;
use results::report::format::counted;
use std::collections::BTreeMap;

/// Waits for what becomes of leaders whose followers are `held` back.
pub(super) fn until_short(hands: Hands, held: Box<dyn Installed>) -> Box<dyn Installed> {
    let min_in_sync = min_in_sync(hands.cluster.ids().len());
    Box::new(Held { hands, held, min_in_sync })
}

struct Held {
    hands: Hands,
    /// The rules of the proxies between brokers.
    held: Box<dyn Installed>,
    min_in_sync: usize,
}

/// How many partitions have too few in sync, once the leader of one refuses to write for it.
async fn sentence(cluster: &Cluster, min_in_sync: usize) -> Option<String> {
    let partitions = cluster.partitions();
    let short = Short::of(&partitions, min_in_sync)?;
    let (place, leader) = short.led?;
    let refused = async {
        let mut connection = cluster.connect_to(leader).await?;
        admin::lacks_replicas(&mut connection, place).await
    };
    let (topic, index) = place;
    let refused = refused.await.ok()?;
    refused.then(|| format!("{}; acks=all is refused for {topic}/{index}", short.sentence))
}

impl Held {
    async fn restore(&mut self) -> Result<String, String> {
        self.held.heal().await?;
        let begun = Anchor::now();
        while let Some(short) = Short::of(&self.hands.cluster.partitions(), self.min_in_sync) {
            if begun.elapsed() > PATIENCE {
                return Err(format!("after {PATIENCE:?} {}", short.sentence));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(format!("at least {} of each partition in sync", counted(self.min_in_sync, "replica")))
    }
}

/// Partitions with too few replicas in sync.
struct Short<'a> {
    sentence: String,
    /// One that has a leader, with that.
    led: Option<(&'a Place, i32)>,
}

impl<'a> Short<'a> {
    /// Nothing if none has too few.
    fn of(partitions: &'a BTreeMap<Place, Partition>, min_in_sync: usize) -> Option<Self> {
        let short = || partitions.iter().filter(|(_, it)| it.in_sync.len() < min_in_sync);
        let fewest = short().map(|(_, partition)| partition.in_sync.len()).min()?;
        let led = short().find_map(|(place, it)| Some((place, it.leader?)));
        let (count, all) = (short().count(), counted(partitions.len(), "partition"));
        let sentence = format!("{count} of {all} with {fewest} in sync, {min_in_sync} asked for");
        Some(Self { sentence, led })
    }
}

impl Installed for Held {
    fn evidence(&mut self) -> BoxFuture<'_, Option<String>> {
        sentence(&self.hands.cluster, self.min_in_sync).boxed()
    }

    fn heal(&mut self) -> BoxFuture<'_, Result<String, String>> {
        self.restore().boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_are_short_whose_replicas_in_sync_are_fewer_than_asked_for() {
        let partition = |leader, in_sync: &[i32]| Partition {
            leader,
            in_sync: in_sync.iter().copied().collect(),
            ..Partition::default()
        };
        let of = |partitions: [Partition; 3]| -> BTreeMap<Place, Partition> {
            (0..).zip(partitions).map(|(index, it)| (("t".to_owned(), index), it)).collect()
        };
        let whole = of([3, 2, 1].map(|leader| partition(Some(leader), &[1, 2])));
        assert!(Short::of(&whole, 2).is_none());
        let two = [partition(None, &[]), partition(Some(2), &[2]), partition(Some(1), &[1, 2])];
        let two = of(two);
        let short = Short::of(&two, 2).unwrap();
        assert_eq!(short.sentence, "2 of 3 partitions with 0 in sync, 2 asked for");
        assert_eq!(short.led, Some((&("t".to_owned(), 1), 2)));
    }
}
