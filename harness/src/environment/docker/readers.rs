//! Proxies that read requests, where a scenario wants some of those to fail.

use super::brokers::Ports;
use crate::environment::local::brokers::name;
use crate::environment::local::injector::requests::Requests;
use embedded_kafka::{
    ApiFailure, ClusterError, FailedRequests, RequestProxy, RequestRules, Throttled,
};
use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// The proxies in front of each broker; none of them where the scenario wants none.
#[derive(Debug, Default)]
pub(super) struct Readers {
    brokers: BTreeMap<i32, Reader>,
}

#[derive(Debug)]
struct Reader {
    rules: Arc<RequestRules>,
    /// In front of the listener for the harness.
    host: RequestProxy,
    /// In front of the one for workers.
    workers: RequestProxy,
}

impl Readers {
    /// Starts two in front of each broker.
    pub(super) async fn start(ports: &BTreeMap<i32, Ports>, seed: u64) -> io::Result<Self> {
        let mut brokers = BTreeMap::new();
        for (id, ports) in ports {
            // Each broker draws for itself.
            let rules =
                Arc::new(RequestRules::new(seed.wrapping_add(u64::from(id.unsigned_abs()))));
            let before = async |port| {
                let [listen, upstream] =
                    [0, port].map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
                RequestProxy::start(listen, upstream, Arc::clone(&rules)).await
            };
            let (host, workers) = (before(ports.host).await?, before(ports.workers).await?);
            brokers.insert(*id, Reader { rules, host, workers });
        }
        Ok(Self { brokers })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.brokers.is_empty()
    }

    /// Where a broker is found by the harness, and by the proxies of workers.
    pub(super) fn addresses(&self, id: i32) -> Option<(SocketAddr, SocketAddr)> {
        self.brokers.get(&id).map(|reader| (reader.host.address(), reader.workers.address()))
    }

    /// What a broker has throttled so far.
    pub(super) fn throttled(&self, id: i32) -> Throttled {
        self.brokers.get(&id).map_or_else(Throttled::default, |reader| reader.rules.throttled())
    }

    /// What is done to requests now, a sentence each.
    pub(super) fn out_of_order(&self) -> Vec<String> {
        let each = self.brokers.iter().flat_map(|(id, reader)| {
            let sentences = reader.rules.out_of_order().into_iter();
            sentences.map(|sentence| format!("{}, {sentence}", name(*id)))
        });
        each.collect()
    }

    fn rules(&self, broker: i32) -> Result<&RequestRules, ClusterError> {
        let reader = self.brokers.get(&broker);
        reader.map(|reader| &*reader.rules).ok_or(ClusterError::UnknownBroker(broker))
    }
}

impl Requests for Readers {
    fn fail(&self, broker: i32, failure: ApiFailure) -> Result<(), ClusterError> {
        self.rules(broker)?.fail_requests(failure)
    }

    fn failed(&self, broker: i32, api_key: i16) -> FailedRequests {
        self.rules(broker).map(|rules| rules.failed_requests(api_key)).unwrap_or_default()
    }

    fn restore(&self, broker: i32, api_key: i16) -> FailedRequests {
        self.rules(broker).map(|rules| rules.restore_requests(api_key)).unwrap_or_default()
    }

    fn stall(
        &self,
        broker: i32,
        api_key: i16,
        lasts: Duration,
        spared: &[&str],
    ) -> Result<(), ClusterError> {
        self.rules(broker)?.stall_requests(api_key, lasts, spared)
    }

    fn stalled(&self, broker: i32, api_key: i16) -> u64 {
        self.rules(broker).map_or(0, |rules| rules.stalled_requests(api_key))
    }

    fn end_stall(&self, broker: i32, api_key: i16) -> u64 {
        self.rules(broker).map_or(0, |rules| rules.end_stall(api_key))
    }
}
