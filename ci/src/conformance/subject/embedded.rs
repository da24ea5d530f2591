//! The embedded cluster.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use embedded_kafka::{ClusterConfig, EmbeddedKafka, Isolation, Security, Tls, User};

use super::Subject;

/// The embedded cluster, in this process.
pub(crate) struct Embedded {
    kafka: EmbeddedKafka,
    secured: BTreeMap<&'static str, String>,
    runtime: tokio::runtime::Runtime,
}

impl Embedded {
    /// Starts three brokers with the settings, the users and the certificate that
    /// `ci/apache-kafka` gives Apache Kafka.
    pub(crate) fn start(certificate: &Path) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Runtime::new()?;
        let config = ClusterConfig {
            detection: Duration::from_millis(2_500),
            replica_lag_time_max: Duration::from_millis(2_500),
            consumer_session_timeout: Duration::from_secs(3),
            consumer_heartbeat_interval: Duration::from_millis(500),
            users: vec![User::new("alice", "alice-secret")],
            ..ClusterConfig::default()
        };
        let kafka = runtime.block_on(EmbeddedKafka::start_with(config))?;
        let pem = std::fs::read_to_string(certificate)
            .with_context(|| certificate.display().to_string())?;
        let (certificate_pem, key_pem) = (pem.clone(), pem);
        let tls = Some(Tls { certificate_pem, key_pem, client_ca_pem: None });
        let mut secured = BTreeMap::new();
        for (protocol, security) in [
            ("SSL", Security { tls: tls.clone(), sasl: Vec::new() }),
            ("SASL_PLAINTEXT", Security::sasl()),
            ("SASL_SSL", Security { tls, ..Security::sasl() }),
        ] {
            let addresses = runtime.block_on(kafka.add_secure_listener(protocol, &security))?;
            let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
            secured.insert(protocol, addresses.join(","));
        }
        Ok(Self { kafka, secured, runtime })
    }
}

impl Subject for Embedded {
    fn name(&self) -> &'static str {
        "embedded"
    }

    fn bootstrap(&self) -> String {
        self.kafka.bootstrap_servers()
    }

    fn secured(&self, protocol: &str) -> anyhow::Result<String> {
        self.secured.get(protocol).cloned().with_context(|| format!("no listener {protocol}"))
    }

    fn crash(&self, broker: i32) -> anyhow::Result<()> {
        self.runtime.block_on(self.kafka.crash_broker(broker))?;
        Ok(())
    }

    fn restart(&self, broker: i32) -> anyhow::Result<()> {
        Ok(self.runtime.block_on(self.kafka.restart_broker(broker))?)
    }

    fn cut_off(&self, broker: i32) -> anyhow::Result<()> {
        let isolated = self.kafka.isolate_broker(broker, Isolation::FromPeers);
        Ok(self.runtime.block_on(isolated)?)
    }

    fn rejoin(&self, broker: i32) -> anyhow::Result<()> {
        Ok(self.runtime.block_on(self.kafka.heal_broker(broker))?)
    }
}
