//! Apache Kafka in containers, started and broken as the environment `docker` does it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use chaos::Installed;
use harness::environment::docker::{Brokers, KAFKA_IMAGE, Wanted};

use super::Subject;
use crate::micro::now;

/// More than a broker takes to end, or to be a part of the cluster again.
const PATIENCE: Duration = Duration::from_secs(120);

/// The names of listeners that ask something of their clients, and their security protocols, as in
/// `ci/apache-kafka`.
const LISTENERS: [(&str, &str); 3] =
    [("TLS", "SSL"), ("PASSWORD", "SASL_PLAINTEXT"), ("TLS_PASSWORD", "SASL_SSL")];

/// Three brokers that belong to this process, and end with it.
pub(crate) struct Containers {
    /// There until they are shut down.
    brokers: Option<Brokers>,
    broken: Mutex<BTreeMap<i32, Box<dyn Installed>>>,
    runtime: tokio::runtime::Runtime,
}

impl Containers {
    /// Starts them with the settings in this file, a line each.
    pub(crate) fn start(settings: &Path) -> anyhow::Result<Self> {
        let text =
            std::fs::read_to_string(settings).with_context(|| settings.display().to_string())?;
        let said = |line: &str| -> anyhow::Result<(String, String)> {
            let said = line.split_once('=').with_context(|| format!("no setting: {line}"))?;
            Ok((said.0.to_owned(), said.1.to_owned()))
        };
        let wanted = Wanted {
            image: KAFKA_IMAGE.to_owned(),
            brokers: 3,
            listeners: LISTENERS.map(|(name, it)| (name.to_owned(), it.to_owned())).into(),
            settings: text.lines().map(said).collect::<Result<_, _>>()?,
            ..Wanted::default()
        };
        let runtime = tokio::runtime::Runtime::new()?;
        let brokers = Some(runtime.block_on(Brokers::start(wanted))?);
        Ok(Self { brokers, broken: Mutex::default(), runtime })
    }

    fn brokers(&self) -> anyhow::Result<&Brokers> {
        self.brokers.as_ref().context("the brokers are shut down")
    }

    /// Keeps what is to be healed.
    fn keep(&self, broker: i32, installed: Box<dyn Installed>) {
        self.broken.lock().unwrap_or_else(PoisonError::into_inner).insert(broker, installed);
    }

    /// Tries until what was done to a broker is undone.
    fn heal(&self, broker: i32) -> anyhow::Result<()> {
        let broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner).remove(&broker);
        let Some(mut broken) = broken else { bail!("nothing was done to broker {broker}") };
        let start = now();
        loop {
            match self.runtime.block_on(broken.heal()) {
                Ok(_) => return Ok(()),
                Err(error) if start.elapsed() > PATIENCE => return Err(anyhow!(error)),
                Err(_) => {}
            }
        }
    }
}

impl Drop for Containers {
    fn drop(&mut self) {
        if let Some(brokers) = self.brokers.take() {
            self.runtime.block_on(brokers.shutdown());
        }
    }
}

impl Subject for Containers {
    fn name(&self) -> &'static str {
        "Apache Kafka in containers"
    }

    fn bootstrap(&self) -> String {
        self.brokers().map(Brokers::bootstrap).unwrap_or_default()
    }

    fn secured(&self, protocol: &str) -> anyhow::Result<String> {
        self.brokers()?.secured(protocol).with_context(|| format!("no listener {protocol}"))
    }

    fn crash(&self, broker: i32) -> anyhow::Result<()> {
        let crash = async {
            let mut crashed = self.brokers()?.crash(broker).await?;
            while crashed.evidence().await.is_none() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            anyhow::Ok(crashed)
        };
        let limited = async { tokio::time::timeout(PATIENCE, crash).await };
        let crashed = self.runtime.block_on(limited).context("the container does not end")??;
        self.keep(broker, crashed);
        Ok(())
    }

    fn restart(&self, broker: i32) -> anyhow::Result<()> {
        self.heal(broker)
    }

    fn cut_off(&self, broker: i32) -> anyhow::Result<()> {
        self.keep(broker, self.runtime.block_on(self.brokers()?.cut_off(broker))?);
        Ok(())
    }

    fn rejoin(&self, broker: i32) -> anyhow::Result<()> {
        self.heal(broker)
    }
}
