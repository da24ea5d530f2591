//! Brokers that are taken off the networks of their peers and of the controllers.

use super::{Hands, refused, unsupported};
use crate::environment::docker::brokers::Names;
use crate::environment::local::brokers::{name, names};
use chaos::fault::Side;
use chaos::{Installed, Refusal};
use futures::FutureExt;
use futures::future::BoxFuture;
use std::collections::BTreeSet;

/// Cuts brokers off from their peers; clients still reach them.
pub(super) async fn isolate(
    hands: Hands,
    ids: Vec<i32>,
    from: Side,
) -> Result<Box<dyn Installed>, Refusal> {
    if from == Side::Clients {
        return unsupported(
            "the harness has no proxy in front of its own clients; `network_partition` cuts \
             workers off from brokers",
        );
    }
    if hands.peers_by_proxy {
        return unsupported(
            "in a scenario with replication_lag or under_replicated brokers reach their peers by way \
             of proxies, not by the network that this takes away",
        );
    }
    let cut = CutOff { hands, ids };
    for id in &cut.ids {
        for (network, _) in cut.networks() {
            let container = cut.hands.names.container(*id);
            cut.hands.engine.part(&network, &container).await.map_err(refused)?;
        }
    }
    Ok(Box::new(cut))
}

struct CutOff {
    hands: Hands,
    ids: Vec<i32>,
}

impl CutOff {
    fn networks(&self) -> [(String, &'static str); 2] {
        [(self.hands.names.peers(), "peers"), (self.hands.names.control(), "control")]
    }

    /// Two that lead one partition, or a replica that the others hold to be out of sync.
    fn sentence(&self) -> Option<String> {
        let partitions = self.hands.cluster.partitions();
        let views = self.hands.cluster.views();
        let mut rivals = Vec::new();
        let mut fallen = BTreeSet::new();
        for id in &self.ids {
            for (place, now) in &partitions {
                let own = views.get(id).and_then(|view| view.metadata.partitions.get(place));
                let thinks_so = own.is_some_and(|own| own.leader == Some(*id));
                if let Some(leader) = now.leader.filter(|leader| leader != id && thinks_so) {
                    let before = own.map_or(0, |own| own.epoch);
                    let (topic, index) = place;
                    rivals.push(format!(
                        "{topic}/{index} is led by {} at epoch {before} and {} at epoch {}",
                        name(*id),
                        name(leader),
                        now.epoch
                    ));
                }
                if now.replicas.contains(id) && !now.in_sync.contains(id) {
                    fallen.insert(*id);
                }
            }
        }
        let example = rivals.first().cloned();
        let more = rivals.len().saturating_sub(1);
        let rivals = example.map(|example| format!("{example}, and so {more} more"));
        let fallen: Vec<i32> = fallen.into_iter().collect();
        rivals.or_else(|| (!fallen.is_empty()).then(|| format!("out of sync: {}", names(&fallen))))
    }
}

impl Installed for CutOff {
    fn evidence(&mut self) -> BoxFuture<'_, Option<String>> {
        let sentence = self.sentence();
        async move { sentence }.boxed()
    }

    fn heal(&mut self) -> BoxFuture<'_, Result<String, String>> {
        async {
            for id in &self.ids {
                let container = self.hands.names.container(*id);
                for (network, kind) in self.networks() {
                    let alias = Names::alias(*id, kind);
                    let joined = self.hands.engine.join(&network, &container, &alias, *id).await;
                    joined.map_err(|error| error.to_string())?;
                }
            }
            Ok(format!("{} on the networks of peers and controllers again", names(&self.ids)))
        }
        .boxed()
    }
}
