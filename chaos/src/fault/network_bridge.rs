//! Two halves of the nodes see two halves of the brokers, and both see the bridge.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Aim, Check, Definition, FaultKind, Lot};
use crate::injector::Targets;
use crate::selector::{Pool, Selector};

pub(super) const KIND: FaultKind = FaultKind {
    kind: "network_bridge",
    description: "a partial partition: half of the nodes and half of the brokers do not see the \
                  other halves, while all nodes see the bridge and brokers see each other",
    evidence: "bytes held back by the proxies across both cuts",
    heal: "held bytes are delivered in order and connections go on",
};

/// A partition that some brokers bridge. The seed draws the halves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NetworkBridge {
    /// The bridge: the brokers that all nodes go on to see.
    pub brokers: Selector,
}

impl NetworkBridge {
    /// Who does not see whom, twice: one half of the nodes and the brokers of the other half.
    pub fn cuts(
        &self,
        nodes: &[String],
        brokers: &[String],
        bridge: &[String],
        seed: u64,
    ) -> [Targets; 2] {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut nodes = nodes.to_vec();
        nodes.shuffle(&mut random);
        let others = brokers.iter().filter(|broker| !bridge.contains(broker));
        let mut brokers: Vec<String> = others.cloned().collect();
        brokers.shuffle(&mut random);
        let far_nodes = nodes.split_off(nodes.len() / 2);
        let far_brokers = brokers.split_off(brokers.len() / 2);
        let cut = |clients, brokers| Targets { clients, brokers, ..Targets::default() };
        [cut(nodes, far_brokers), cut(far_nodes, brokers)]
    }
}

impl Definition for NetworkBridge {
    fn kind(&self) -> FaultKind {
        KIND
    }

    fn aim(&self) -> Aim<'_> {
        Aim::Brokers(&self.brokers)
    }

    fn check(&self, check: &mut Check<'_>) {
        let (nodes, brokers) = (check.inventory.nodes.len(), &check.inventory.brokers);
        let aside = brokers.len().saturating_sub(self.brokers.size(brokers));
        if nodes < 2 || aside < 2 {
            let message = format!(
                "{nodes} nodes and {aside} brokers beside the bridge cannot be halved; \
                 allowed: at least two of each"
            );
            check.problem("brokers", message);
        }
        // Whatever is the bridge, all others are cut off from somebody.
        for pool in Pool::ALL {
            check.all_of("brokers", pool);
        }
    }

    fn draw(lot: &mut Lot<'_>) -> Option<Self> {
        Some(Self { brokers: lot.brokers()? })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn named(what: &str, count: usize) -> Vec<String> {
        (1..=count).map(|number| format!("{what}-{number}")).collect()
    }

    proptest! {
        #[test]
        fn every_node_misses_some_brokers_and_no_node_misses_the_bridge(
            nodes in 2_usize..9,
            aside in 2_usize..9,
            seed in any::<u64>(),
        ) {
            let (nodes, brokers) = (named("node", nodes), named("broker", aside + 1));
            let fault = NetworkBridge { brokers: Selector::Count(1) };
            let cuts = fault.cuts(&nodes, &brokers, &["broker-1".to_owned()], seed);
            let again = fault.cuts(&nodes, &brokers, &["broker-1".to_owned()], seed);
            prop_assert_eq!(&cuts, &again);
            for cut in &cuts {
                prop_assert!(!cut.clients.is_empty() && !cut.brokers.is_empty());
            }
            let all = |of: fn(&Targets) -> &Vec<String>| -> BTreeSet<String> {
                cuts.iter().flat_map(|cut| of(cut).clone()).collect()
            };
            prop_assert_eq!(all(|cut| &cut.clients), nodes.into_iter().collect());
            prop_assert_eq!(all(|cut| &cut.brokers), brokers.into_iter().skip(1).collect());
            let distinct: usize = cuts.iter().map(|cut| cut.brokers.len()).sum();
            prop_assert_eq!(distinct, aside);
        }
    }
}
