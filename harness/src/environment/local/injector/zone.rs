//! A zone without power: its nodes, and its brokers.

use super::super::nodes;
use super::down::{self, Way};
use chaos::{Installed, Refusal, Targets};
use embedded_kafka::EmbeddedKafka;
use embedded_kube::EmbeddedKube;
use futures::FutureExt;
use futures::future::BoxFuture;
use std::sync::Arc;

/// Takes the power from the nodes and the brokers of a zone.
pub(super) async fn black_out(
    kube: &EmbeddedKube,
    kafka: &Arc<EmbeddedKafka>,
    targets: &Targets,
) -> Result<Box<dyn Installed>, Refusal> {
    let mut nodes = nodes::crash(kube, &targets.nodes).await?;
    if targets.brokers.is_empty() {
        return Ok(nodes);
    }
    match down::take_down(kafka, &targets.brokers, Way::PowerLoss).await {
        Ok(brokers) => Ok(Box::new(Dark { nodes, brokers })),
        Err(refusal) => match nodes.heal().await {
            Ok(_) => Err(refusal),
            Err(error) => Err(Refusal::Failed(format!("{refusal}; then {error}"))),
        },
    }
}

struct Dark {
    nodes: Box<dyn Installed>,
    brokers: Box<dyn Installed>,
}

impl Installed for Dark {
    fn evidence(&mut self) -> BoxFuture<'_, Option<String>> {
        async move {
            let nodes = self.nodes.evidence().await?;
            let brokers = self.brokers.evidence().await?;
            Some(format!("{nodes}; {brokers}"))
        }
        .boxed()
    }

    /// Brokers first: workers that come back look for them.
    fn heal(&mut self) -> BoxFuture<'_, Result<String, String>> {
        async move {
            let brokers = self.brokers.heal().await;
            let nodes = self.nodes.heal().await;
            match (nodes, brokers) {
                (Ok(nodes), Ok(brokers)) => Ok(format!("{nodes}; {brokers}")),
                (Err(nodes), Err(brokers)) => Err(format!("{nodes}; {brokers}")),
                (Err(error), Ok(_)) | (Ok(_), Err(error)) => Err(error),
            }
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::world::World;
    use super::super::tests::{evidence, heal_twice};
    use super::*;
    use crate::environment::SOURCE_TOPIC;
    use embedded_kafka::ClusterConfig;

    #[tokio::test(flavor = "multi_thread")]
    async fn nodes_and_brokers_of_a_zone_are_gone_until_it_has_power() {
        let world = World::start(2, 2).await;
        let kafka = EmbeddedKafka::start_with(ClusterConfig::with_brokers(3)).await.unwrap();
        kafka.create_topic(SOURCE_TOPIC, 3).unwrap();
        let kafka = Arc::new(kafka);
        let (node, broker) = ("node-2".to_owned(), "broker-2".to_owned());
        let targets = Targets { nodes: vec![node], brokers: vec![broker], ..Targets::default() };
        let mut installed = black_out(&world.kube, &kafka, &targets).await.unwrap();
        let sentence = evidence(&mut installed).await;
        assert!(sentence.starts_with("1 worker process killed, none left"), "{sentence}");
        assert!(sentence.ends_with("; all 3 partitions led by others now"), "{sentence}");
        let healed = heal_twice(&mut installed).await;
        assert_eq!(healed, "1 node back, leases renewed; broker-2 serving again");
        world.settled(2).await;
        let unknown = Targets { brokers: vec!["broker-9".to_owned()], ..targets };
        assert!(black_out(&world.kube, &kafka, &unknown).await.is_err());
        world.settled(2).await;
        world.kube.shutdown().await;
    }
}
