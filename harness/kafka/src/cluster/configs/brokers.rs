//! A broker's settings as DescribeConfigs shows them and AlterConfigs changes them.

use super::names::{Kind, TOPIC_CONFIGS, TopicConfig};
use crate::cluster::Cluster;

/// Settings that Kafka changes while a broker runs, beside the topics' defaults. They are
/// remembered; nothing here follows from them.
const DYNAMIC: &[&str] = &[
    "background.threads",
    "follower.replication.throttled.rate",
    "leader.replication.throttled.rate",
    "log.cleaner.backoff.ms",
    "log.cleaner.dedupe.buffer.size",
    "log.cleaner.io.buffer.load.factor",
    "log.cleaner.io.buffer.size",
    "log.cleaner.io.max.bytes.per.second",
    "log.cleaner.threads",
    "max.connection.creation.rate",
    "max.connections",
    "max.connections.per.ip",
    "max.connections.per.ip.overrides",
    "metric.reporters",
    "num.io.threads",
    "num.network.threads",
    "num.recovery.threads.per.data.dir",
    "num.replica.fetchers",
    "producer.id.expiration.ms",
    "replica.alter.log.dirs.io.max.bytes.per.second",
    "transaction.partition.verification.enable",
];

/// A setting of a broker as it began, with Kafka's number for where it came from.
pub(super) struct BrokerConfig {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) value: String,
    /// Whether the value is Kafka's default.
    pub(super) is_default: bool,
}

/// Why a broker's setting cannot be changed; nothing if it can.
pub(super) fn check(name: &str, value: &str) -> Result<(), String> {
    if let Some(config) = TopicConfig::of_broker(name) {
        return config.check(name, value);
    }
    if FIXED.iter().any(|&(known, ..)| known == name) {
        return Err(format!("Cannot update these configs dynamically: Set({name})"));
    }
    Ok(())
}

/// Whether Kafka changes the setting while the broker runs.
pub(super) fn is_dynamic(name: &str) -> bool {
    TopicConfig::of_broker(name).is_some() || DYNAMIC.contains(&name)
}

impl Cluster {
    /// What broker `id` began with.
    pub(super) fn started_configs(&self, id: i32) -> Vec<BrokerConfig> {
        let of_topics = TOPIC_CONFIGS.iter().filter_map(|config| {
            let name = config.broker?;
            let started = self.defaults.started(name);
            let value = started.unwrap_or(config.default).to_owned();
            Some(BrokerConfig { name, kind: config.kind, value, is_default: started.is_none() })
        });
        let fixed = FIXED.iter().map(|&(name, kind, default)| {
            let own = self.own_value(id, name).filter(|own| own != default);
            let is_default = own.is_none();
            BrokerConfig { name, kind, value: own.unwrap_or_else(|| default.into()), is_default }
        });
        let mut all: Vec<_> = of_topics.chain(fixed).collect();
        all.sort_unstable_by_key(|config| config.name);
        all
    }

    fn own_value(&self, id: i32, name: &str) -> Option<String> {
        let config = &self.config;
        Some(match name {
            "auto.create.topics.enable" => config.auto_create_topics.to_string(),
            "broker.id" | "node.id" => id.to_string(),
            "default.replication.factor" => config.replication_factor.to_string(),
            "group.initial.rebalance.delay.ms" => {
                config.group_initial_rebalance_delay.as_millis().to_string()
            }
            "group.max.session.timeout.ms" => config.session_timeout_max.as_millis().to_string(),
            "group.min.session.timeout.ms" => config.session_timeout_min.as_millis().to_string(),
            "log.dirs" => super::super::replicas::log_dir(id),
            "num.partitions" => config.default_partitions.to_string(),
            "socket.request.max.bytes" => config.request_bytes_max.to_string(),
            _ => return None,
        })
    }
}

/// Settings that stay as they began, with Kafka's defaults.
const FIXED: &[(&str, Kind, &str)] = &[
    ("auto.create.topics.enable", Kind::Boolean, "true"),
    ("auto.leader.rebalance.enable", Kind::Boolean, "true"),
    ("broker.id", Kind::Int, "-1"),
    ("broker.rack", Kind::Text, ""),
    ("controlled.shutdown.enable", Kind::Boolean, "true"),
    ("default.replication.factor", Kind::Int, "1"),
    ("delete.topic.enable", Kind::Boolean, "true"),
    ("fetch.max.bytes", Kind::Int, "57671680"),
    ("group.initial.rebalance.delay.ms", Kind::Int, "3000"),
    ("group.max.session.timeout.ms", Kind::Int, "1800000"),
    ("group.max.size", Kind::Int, "2147483647"),
    ("group.min.session.timeout.ms", Kind::Int, "6000"),
    ("log.dirs", Kind::Text, ""),
    ("max.incremental.fetch.session.cache.slots", Kind::Int, "1000"),
    ("max.request.partition.size.limit", Kind::Int, "2000"),
    ("node.id", Kind::Int, ""),
    ("num.partitions", Kind::Int, "1"),
    ("offset.metadata.max.bytes", Kind::Int, "4096"),
    ("offsets.retention.minutes", Kind::Int, "10080"),
    ("process.roles", Kind::List, "broker,controller"),
    ("replica.lag.time.max.ms", Kind::Long, "30000"),
    ("socket.request.max.bytes", Kind::Int, "104857600"),
    ("transaction.max.timeout.ms", Kind::Int, "900000"),
];
