//! A topic's settings as they take effect: its own values over the brokers' defaults.

use std::collections::BTreeMap;
use std::time::Duration;

use super::names::{TOPIC_CONFIGS, TopicConfig};
use crate::config::ClusterConfig;
use crate::log::Rules;

/// How many replicas must be in sync; topics and brokers have the same name for it.
pub(super) const MIN_IN_SYNC: &str = "min.insync.replicas";

/// The brokers' defaults for topics: those that the cluster began with and those set since.
#[derive(Debug)]
pub(crate) struct Defaults {
    /// By the broker's names for them.
    started: BTreeMap<&'static str, String>,
    /// Set for all brokers, by name: by AlterConfigs, and `min.insync.replicas` from the first, as
    /// new clusters of Kafka 4.1 have it (KIP-966).
    pub(crate) altered: BTreeMap<String, String>,
    /// More than this is not kept for any partition, whatever a topic asks for.
    retention_bytes_max: u64,
}

impl Defaults {
    pub(crate) fn new(config: &ClusterConfig) -> Self {
        let started = [
            ("log.retention.bytes", config.retention_bytes.to_string()),
            ("log.retention.ms", config.retention.as_millis().to_string()),
            ("message.max.bytes", config.message_bytes_max.to_string()),
            (MIN_IN_SYNC, config.min_insync_replicas.to_string()),
            ("unclean.leader.election.enable", config.unclean_election.to_string()),
        ];
        // What is Kafka's default anyway counts as nobody's setting.
        let differs = |&(name, ref value): &(&'static str, String)| {
            TopicConfig::of_broker(name).is_none_or(|config| config.default != value)
        };
        Self {
            started: started.into_iter().filter(differs).collect(),
            altered: BTreeMap::from([(
                MIN_IN_SYNC.to_owned(),
                config.min_insync_replicas.to_string(),
            )]),
            retention_bytes_max: config.retention_bytes,
        }
    }

    /// What the cluster began with under a broker's name, if it is not Kafka's default.
    pub(crate) fn started(&self, broker_name: &str) -> Option<&str> {
        self.started.get(broker_name).map(String::as_str)
    }

    fn value(&self, config: &TopicConfig) -> &str {
        let set = config.broker.and_then(|name| {
            self.altered.get(name).map(String::as_str).or_else(|| self.started(name))
        });
        set.unwrap_or(config.default)
    }
}

/// What is set for a topic, and what follows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TopicSettings {
    pub(crate) retention_bytes: u64,
    pub(crate) retention: Duration,
    pub(crate) min_insync_replicas: usize,
    pub(crate) message_bytes_max: usize,
    pub(crate) unclean_election: bool,
    /// Whether old records go, and may be deleted.
    pub(crate) deletes: bool,
    /// What is asked of the records that clients append.
    pub(crate) rules: Rules,
    /// What the topic's creator or an administrator has set.
    own: BTreeMap<&'static str, String>,
}

impl TopicSettings {
    /// The settings of a topic with these values of its own, which have been checked.
    pub(crate) fn new(own: BTreeMap<&'static str, String>, defaults: &Defaults) -> Self {
        let value = |name: &str| match own.get(name) {
            Some(value) => value.trim(),
            None => TopicConfig::named(name).map_or("", |config| defaults.value(config)).trim(),
        };
        let number = |name| value(name).parse::<i64>().unwrap_or(-1);
        let flag = |name| value(name).eq_ignore_ascii_case("true");
        let span = |name| u64::try_from(number(name)).map_or(FOREVER, Duration::from_millis);
        let cleans = |how| value("cleanup.policy").split(',').any(|policy| policy.trim() == how);
        let deletes = cleans("delete");
        let retention_bytes = u64::try_from(number("retention.bytes")).ok().filter(|_| deletes);
        Self {
            retention_bytes: retention_bytes.unwrap_or(defaults.retention_bytes_max),
            retention: if deletes { span("retention.ms").min(FOREVER) } else { FOREVER },
            min_insync_replicas: usize::try_from(number(MIN_IN_SYNC)).unwrap_or(1),
            message_bytes_max: usize::try_from(number("max.message.bytes")).unwrap_or(0),
            unclean_election: flag("unclean.leader.election.enable"),
            deletes,
            rules: Rules {
                keys: cleans("compact"),
                stamps: value("message.timestamp.type") == "LogAppendTime",
                before_max_ms: number("message.timestamp.before.max.ms"),
                after_max_ms: number("message.timestamp.after.max.ms"),
            },
            own,
        }
    }

    /// What the topic has of its own.
    pub(crate) fn own(&self) -> &BTreeMap<&'static str, String> {
        &self.own
    }
}

/// Longer than any log lives; short enough to be added to any time.
const FOREVER: Duration = Duration::from_secs(u32::MAX as u64);

/// Holds a topic's values against the settings that there are.
pub(crate) fn check_all<'a>(
    values: impl IntoIterator<Item = (&'a str, Option<&'a str>)>,
) -> Result<BTreeMap<&'static str, String>, String> {
    let mut own = BTreeMap::new();
    let mut null = Vec::new();
    for (name, value) in values {
        let config = TOPIC_CONFIGS.iter().find(|known| known.name == name);
        match (config, value) {
            (_, None) => null.push(name),
            (None, _) => return Err(format!("Unknown topic config name: {name}")),
            (Some(config), Some(value)) => {
                config.check(name, value)?;
                own.insert(config.name, value.to_owned());
            }
        }
    }
    if null.is_empty() {
        return remote_storage(own);
    }
    Err(format!("Null value not supported for topic configs: {}", null.join(",")))
}

/// Tiered storage needs brokers that have it.
fn remote_storage(
    own: BTreeMap<&'static str, String>,
) -> Result<BTreeMap<&'static str, String>, String> {
    match own.get("remote.storage.enable") {
        Some(value) if value.trim().eq_ignore_ascii_case("true") => {
            Err("Tiered Storage functionality is disabled in the broker. Topic cannot be \
                 configured with remote log storage."
                .into())
        }
        _ => Ok(own),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(own: &[(&'static str, &str)], altered: &[(&str, &str)]) -> TopicSettings {
        let mut defaults = Defaults::new(&ClusterConfig::default());
        let altered = altered.iter().map(|&(name, value)| (name.to_owned(), value.to_owned()));
        defaults.altered = altered.collect();
        let own = check_all(own.iter().map(|&(name, value)| (name, Some(value)))).unwrap();
        TopicSettings::new(own, &defaults)
    }

    #[test]
    fn a_topics_own_value_comes_before_the_brokers() {
        let began = settings(&[], &[]);
        assert_eq!(began.min_insync_replicas, ClusterConfig::default().min_insync_replicas);
        assert_eq!(settings(&[], &[("min.insync.replicas", "3")]).min_insync_replicas, 3);
        let own = settings(&[("min.insync.replicas", "1")], &[("min.insync.replicas", "3")]);
        assert_eq!(own.min_insync_replicas, 1);
        assert_eq!(own.own().len(), 1);
    }

    #[test]
    fn unlimited_retention_is_the_clusters_bound() {
        let unlimited = settings(&[("retention.bytes", "-1"), ("retention.ms", "-1")], &[]);
        assert_eq!(unlimited.retention_bytes, ClusterConfig::default().retention_bytes);
        assert_eq!(unlimited.retention, FOREVER);
        let huge = settings(&[("retention.ms", "9223372036854775807")], &[]);
        assert_eq!(huge.retention, FOREVER, "no overflow");
        assert_eq!(settings(&[("cleanup.policy", "compact")], &[]).retention, FOREVER);
        assert!(settings(&[("cleanup.policy", "compact,delete")], &[]).retention < FOREVER);
    }

    #[test]
    fn unknown_names_and_null_values_are_refused() {
        assert!(check_all([("retention.mss", Some("1"))]).is_err());
        assert!(check_all([("retention.ms", None)]).is_err());
        assert!(check_all([("remote.storage.enable", Some("true"))]).is_err());
    }
}
