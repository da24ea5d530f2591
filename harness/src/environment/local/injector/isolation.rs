//! Brokers that are cut off from one side.

use super::super::brokers;
use chaos::{Installed, Refusal, Side};
use embedded_kafka::{EmbeddedKafka, Isolation, ReplicaView};
use futures::FutureExt;
use futures::future::BoxFuture;
use results::report::format::counted;
use std::sync::Arc;

/// Cuts brokers off.
pub(super) async fn isolate(
    kafka: &Arc<EmbeddedKafka>,
    names: &[String],
    from: Side,
) -> Result<Box<dyn Installed>, Refusal> {
    let isolation = match from {
        Side::Peers => Isolation::FromPeers,
        Side::Clients => Isolation::FromClients,
    };
    let mut isolated = Isolated { kafka: Arc::clone(kafka), from, cut_off: Vec::new() };
    for id in brokers::ids(names)? {
        let before =
            CutOff { id, led: brokers::led_by(kafka, id), connections: connections(kafka, id) };
        if let Err(error) = kafka.isolate_broker(id, isolation).await {
            // A refusal means that nothing was installed.
            let undone = isolated.reconnect().await;
            let and = undone.err().map(|more| format!("; then {more}")).unwrap_or_default();
            return Err(Refusal::Failed(format!("{error}{and}")));
        }
        isolated.cut_off.push(before);
    }
    Ok(Box::new(isolated))
}

struct Isolated {
    kafka: Arc<EmbeddedKafka>,
    from: Side,
    cut_off: Vec<CutOff>,
}

/// A broker as it was before.
struct CutOff {
    id: i32,
    led: usize,
    connections: usize,
}

impl Isolated {
    fn sentence(&self) -> Option<String> {
        let each = self.cut_off.iter().map(|before| match self.from {
            Side::Peers if before.led > 0 => self.two_leaders(before.id),
            Side::Peers => self.out_of_sync(before.id),
            Side::Clients => self.unreachable(before),
        });
        each.collect::<Option<Vec<String>>>().map(|sentences| sentences.join("; "))
    }

    /// The broker still leads what another leads by now.
    fn two_leaders(&self, id: i32) -> Option<String> {
        let partitions = brokers::partitions(&self.kafka);
        let led_by_others = partitions.iter().filter(|(_, view)| view.leader != Some(id));
        led_by_others.into_iter().find_map(|(topic, view)| {
            let copies = self.kafka.replicas(topic, view.partition)?;
            rivals(id, &copies)
                .map(|words| format!("leader epoch of {topic}/{} is {words}", view.partition))
        })
    }

    /// The broker leads nothing, and its copies count no more.
    fn out_of_sync(&self, id: i32) -> Option<String> {
        let partitions = brokers::partitions(&self.kafka);
        let kept = partitions.iter().filter(|(_, view)| view.replicas.contains(&id));
        let (in_sync, out): (Vec<_>, Vec<_>) = kept.partition(|(_, view)| view.isr.contains(&id));
        (in_sync.is_empty() && !out.is_empty()).then(|| {
            let out = counted(out.len(), "partition");
            format!("{} is in sync for none of {out}", brokers::name(id))
        })
    }

    fn unreachable(&self, before: &CutOff) -> Option<String> {
        let open = connections(&self.kafka, before.id);
        let (led, cut) = (brokers::led_by(&self.kafka, before.id), before.connections);
        let name = brokers::name(before.id);
        (open == 0).then(|| {
            let (cut, led) = (counted(cut, "connection"), counted(led, "partition"));
            format!("{cut} of {name} cut, none open; it still leads {led}")
        })
    }

    async fn reconnect(&mut self) -> Result<String, String> {
        while let Some(cut_off) = self.cut_off.last() {
            self.kafka.heal_broker(cut_off.id).await.map_err(|error| error.to_string())?;
            self.cut_off.pop();
        }
        Ok("connected again".to_owned())
    }
}

/// The leader epochs of a broker and of the one that leads in its place, if both lead.
fn rivals(id: i32, copies: &[ReplicaView]) -> Option<String> {
    let leads = |copy: &&ReplicaView| copy.leads && copy.running;
    let old = copies.iter().filter(leads).find(|copy| copy.broker == id)?;
    let new = copies.iter().filter(leads).find(|copy| copy.leader_epoch > old.leader_epoch)?;
    let epoch =
        |copy: &ReplicaView| format!("{} at {}", copy.leader_epoch, brokers::name(copy.broker));
    Some(format!("{} and {}", epoch(old), epoch(new)))
}

fn connections(kafka: &EmbeddedKafka, id: i32) -> usize {
    let brokers = kafka.brokers();
    brokers.iter().find(|broker| broker.id == id).map_or(0, |broker| broker.connections)
}

impl Installed for Isolated {
    fn evidence(&mut self) -> BoxFuture<'_, Option<String>> {
        let sentence = self.sentence();
        async move { sentence }.boxed()
    }

    fn heal(&mut self) -> BoxFuture<'_, Result<String, String>> {
        self.reconnect().boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copy(broker: i32, leads: bool, leader_epoch: i32) -> ReplicaView {
        ReplicaView {
            broker,
            running: true,
            in_sync: true,
            leads,
            leader_epoch,
            log_start: 0,
            log_end: 0,
            high_watermark: 0,
            durable_end: 0,
            batches: Vec::new(),
        }
    }

    #[test]
    fn two_brokers_that_lead_are_named_with_their_epochs() {
        let copies = [copy(1, true, 3), copy(2, false, 4), copy(3, true, 4)];
        assert_eq!(rivals(1, &copies).unwrap(), "3 at broker-1 and 4 at broker-3");
        assert_eq!(rivals(3, &copies), None, "the newer one is no zombie");
        assert_eq!(rivals(1, &[copy(1, true, 3), copy(3, false, 3)]), None);
    }
}
