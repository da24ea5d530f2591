//! What is out of order in a cluster, for observers that look for what failures left.

use std::time::Duration;

use super::Cluster;
use crate::fault::Disk;

impl Cluster {
    /// What fails now or has not recovered, a sentence each.
    pub(crate) fn out_of_order(&self, now: Duration) -> Vec<String> {
        let mut found: Vec<String> =
            self.brokers.keys().flat_map(|id| self.broker_out_of_order(*id)).collect();
        let stalls = self.stalls.iter().filter(|(_, stall)| stall.is_on(now));
        found.extend(stalls.map(|((id, api), _)| format!("broker {id} stalls API {api}")));
        let failing = self.failing.apis();
        found.extend(failing.map(|(id, api)| format!("broker {id} fails requests of API {api}")));
        if self.quotas.any() {
            found.push("clients have quotas".to_owned());
        }
        if self.controller.is_none() {
            found.push("there is no controller".to_owned());
        }
        for (_, topic) in self.topics.iter() {
            let short = topic.partitions.iter().filter(|partition| {
                partition.registration.isr.len() < partition.registration.replicas.len()
            });
            let short = short.count();
            if short > 0 {
                let name = &*topic.name;
                found.push(format!("{short} partitions of {name} lack replicas in sync"));
            }
        }
        found
    }

    fn broker_out_of_order(&self, id: i32) -> Vec<String> {
        let broker = &self.brokers[&id];
        let states = [
            (!broker.alive, "is down"),
            (broker.alive && !broker.active, "is not registered"),
            (broker.isolation.is_some(), "is cut off"),
            (broker.disk != Disk::Normal, "has a disk that is slow or full"),
            (broker.offline, "has its logs offline"),
            (broker.lag != self.config.replication_lag, "copies late"),
        ];
        let states = states.into_iter().filter(|(is_so, _)| *is_so);
        states.map(|(_, words)| format!("broker {id} {words}")).collect()
    }
}
