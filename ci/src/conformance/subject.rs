//! The two clusters that every case is tried on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use embedded_kafka::{ClusterConfig, EmbeddedKafka, Isolation, Security, Tls, User};

/// A cluster of three brokers with ids 1, 2 and 3, and what can be done to it from outside.
pub(crate) trait Subject: Sync {
    /// What the table calls it.
    fn name(&self) -> &'static str;
    /// The addresses of all brokers.
    fn bootstrap(&self) -> String;
    /// Their addresses for another of Kafka's security protocols: `SSL`, `SASL_PLAINTEXT` or
    /// `SASL_SSL`, in the order of the brokers' ids.
    fn secured(&self, protocol: &str) -> anyhow::Result<String>;
    /// Kills a broker without warning.
    fn crash(&self, broker: i32) -> anyhow::Result<()>;
    /// Starts a killed broker again, with its addresses and its data.
    fn restart(&self, broker: i32) -> anyhow::Result<()>;
    /// Stops a broker where it is. It keeps its ports, and the others hear nothing of it.
    fn pause(&self, broker: i32) -> anyhow::Result<()>;
    /// Lets a paused broker go on.
    fn resume(&self, broker: i32) -> anyhow::Result<()>;
}

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

    // Clients can still ask it, and get answers of one who does not know better.
    fn pause(&self, broker: i32) -> anyhow::Result<()> {
        let isolated = self.kafka.isolate_broker(broker, Isolation::FromPeers);
        Ok(self.runtime.block_on(isolated)?)
    }

    fn resume(&self, broker: i32) -> anyhow::Result<()> {
        Ok(self.runtime.block_on(self.kafka.heal_broker(broker))?)
    }
}

/// Three brokers of Apache Kafka that a script started and can kill.
pub(crate) struct Apache {
    bootstrap: String,
    script: PathBuf,
    folder: PathBuf,
}

impl Apache {
    /// The running brokers: their addresses, `ci/apache-kafka`, and the folder that it was given.
    pub(crate) fn new(bootstrap: String, script: PathBuf, folder: PathBuf) -> Self {
        Self { bootstrap, script, folder }
    }

    fn command(&self, verb: &str, broker: i32) -> anyhow::Result<()> {
        let mut command = Command::new(&self.script);
        let command = command.arg(verb).arg(broker.to_string()).arg(&self.folder);
        let status = command.status()?;
        ensure!(status.success(), "{} {verb} {broker}: {status}", self.script.display());
        Ok(())
    }
}

impl Subject for Apache {
    fn name(&self) -> &'static str {
        "Apache Kafka"
    }

    fn bootstrap(&self) -> String {
        self.bootstrap.clone()
    }

    fn secured(&self, protocol: &str) -> anyhow::Result<String> {
        let listeners = std::fs::read_to_string(self.folder.join("listeners"))?;
        let mut lines = listeners.lines().filter_map(|line| line.split_once(' '));
        let found = lines.find(|(name, _)| *name == protocol);
        found.map(|(_, it)| it.to_owned()).with_context(|| format!("no listener {protocol}"))
    }

    fn crash(&self, broker: i32) -> anyhow::Result<()> {
        self.command("kill", broker)
    }

    fn restart(&self, broker: i32) -> anyhow::Result<()> {
        self.command("restart", broker)
    }

    fn pause(&self, broker: i32) -> anyhow::Result<()> {
        self.command("pause", broker)
    }

    fn resume(&self, broker: i32) -> anyhow::Result<()> {
        self.command("continue", broker)
    }
}
