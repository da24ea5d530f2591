//! Topics as the environment `docker` makes them, one for each thing that is measured.

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::error::KafkaError;

/// Partitions of every topic.
pub const PARTITIONS: i32 = 16;

/// A topic and where it is.
#[derive(Debug, Clone)]
pub struct Topic {
    /// Bootstrap servers.
    pub bootstrap: String,
    /// Its name.
    pub name: String,
}

impl Topic {
    /// Creates it with three replicas, two of which must be in sync.
    ///
    /// # Errors
    /// When the brokers refuse.
    pub async fn create(bootstrap: &str, name: &str) -> anyhow::Result<Self> {
        let wanted = NewTopic::new(name, PARTITIONS, TopicReplication::Fixed(3))
            .set("min.insync.replicas", "2")
            .set("segment.bytes", "4194304")
            .set("file.delete.delay.ms", "1000");
        let results = admin(bootstrap)?.create_topics(&[wanted], &AdminOptions::new()).await?;
        for result in results {
            result.map_err(|(topic, error)| anyhow::anyhow!("topic {topic}: {error}"))?;
        }
        Ok(Self { bootstrap: bootstrap.to_owned(), name: name.to_owned() })
    }

    /// Deletes it: brokers keep their logs in memory.
    ///
    /// # Errors
    /// When the brokers refuse.
    pub async fn delete(self) -> anyhow::Result<()> {
        let admin = admin(&self.bootstrap)?;
        for result in admin.delete_topics(&[self.name.as_str()], &AdminOptions::new()).await? {
            result.map_err(|(topic, error)| anyhow::anyhow!("topic {topic}: {error}"))?;
        }
        Ok(())
    }
}

fn admin(bootstrap: &str) -> Result<AdminClient<DefaultClientContext>, KafkaError> {
    ClientConfig::new().set("bootstrap.servers", bootstrap).create()
}
