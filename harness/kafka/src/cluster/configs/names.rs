//! Kafka's topic settings: names, types, defaults and what each allows, after
//! `org.apache.kafka.storage.internals.log.LogConfig`.

/// What a setting's value is, with the number that DescribeConfigs gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Boolean = 1,
    Text = 2,
    Int = 3,
    Long = 5,
    Double = 6,
    List = 7,
}

/// What a setting's value may be, beyond its type.
#[derive(Debug, Clone, Copy)]
enum Rule {
    Any,
    AtLeast(i64),
    Between(i64, i64),
    /// One of these, or a list of them.
    OneOf(&'static [&'static str]),
    /// `*`, or a list of partition:broker.
    Throttled,
}

/// One of Kafka's topic settings.
#[derive(Debug)]
pub(crate) struct TopicConfig {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// Kafka's default; a cluster's own comes before it.
    pub(crate) default: &'static str,
    /// The broker's setting that is the default of all its topics.
    pub(crate) broker: Option<&'static str>,
    rule: Rule,
}

impl TopicConfig {
    /// The setting of that name.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        TOPIC_CONFIGS.iter().find(|known| known.name == name)
    }

    /// The topic setting whose default the broker's setting `name` is.
    pub(crate) fn of_broker(name: &str) -> Option<&'static Self> {
        TOPIC_CONFIGS.iter().find(|known| known.broker == Some(name))
    }

    /// Holds a value against the setting's type and rule.
    pub(crate) fn check(&self, name: &str, value: &str) -> Result<(), String> {
        let value = value.trim();
        let invalid =
            |why: &str| Err(format!("Invalid value {value} for configuration {name}: {why}"));
        let number = match self.kind {
            Kind::Boolean if matches!(&*value.to_ascii_lowercase(), "true" | "false") => None,
            Kind::Boolean => return invalid("Expected value to be either true or false"),
            Kind::Text | Kind::List => None,
            Kind::Int => match value.parse::<i32>() {
                Ok(number) => Some(f64::from(number)),
                Err(_) => return invalid("Not a number of type INT"),
            },
            Kind::Long => match value.parse::<i64>() {
                Ok(number) => Some(number as f64),
                Err(_) => return invalid("Not a number of type LONG"),
            },
            Kind::Double => match value.parse::<f64>() {
                Ok(number) if number.is_finite() => Some(number),
                _ => return invalid("Not a number of type DOUBLE"),
            },
        };
        match self.rule {
            Rule::Any => Ok(()),
            Rule::AtLeast(least) if number.is_some_and(|number| number < least as f64) => {
                invalid(&format!("Value must be at least {least}"))
            }
            Rule::Between(least, most)
                if number.is_some_and(|n| !(least as f64..=most as f64).contains(&n)) =>
            {
                invalid(&format!("Value must be between {least} and {most}"))
            }
            Rule::AtLeast(_) | Rule::Between(..) => Ok(()),
            Rule::OneOf(allowed) if words(self.kind, value).all(|word| allowed.contains(&word)) => {
                Ok(())
            }
            Rule::OneOf(allowed) => {
                invalid(&format!("String must be one of: {}", allowed.join(", ")))
            }
            Rule::Throttled if throttled(value) => Ok(()),
            Rule::Throttled => {
                invalid("must be the literal '*' or a list of replicas as [partition]:[broker]")
            }
        }
    }
}

fn words(kind: Kind, value: &str) -> impl Iterator<Item = &str> {
    let parts = if kind == Kind::List { usize::MAX } else { 1 };
    value.splitn(parts, ',').map(str::trim).filter(move |word| parts == 1 || !word.is_empty())
}

fn throttled(value: &str) -> bool {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let replica = |text: &str| text.split_once(':').is_some_and(|(a, b)| number(a) && number(b));
    value.is_empty() || value == "*" || value.split(',').all(|text| replica(text.trim()))
}

const fn config(
    name: &'static str,
    kind: Kind,
    default: &'static str,
    rule: Rule,
    broker: Option<&'static str>,
) -> TopicConfig {
    TopicConfig { name, kind, default, broker, rule }
}

const MAX: &str = "9223372036854775807";
const TIMESTAMPS: &[&str] = &["CreateTime", "LogAppendTime"];
const CODECS: &[&str] = &["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"];

use Kind::{Boolean, Double, Int, List, Long, Text};
use Rule::{Any, AtLeast, Between, OneOf, Throttled};

/// All of them, in the order of their names.
#[rustfmt::skip]
pub(crate) static TOPIC_CONFIGS: &[TopicConfig] = &[
    config("cleanup.policy", List, "delete", OneOf(&["compact", "delete"]), Some("log.cleanup.policy")),
    config("compression.gzip.level", Int, "-1", Between(-1, 9), Some("compression.gzip.level")),
    config("compression.lz4.level", Int, "9", Between(1, 17), Some("compression.lz4.level")),
    config("compression.type", Text, "producer", OneOf(CODECS), Some("compression.type")),
    config("compression.zstd.level", Int, "3", Between(-131_072, 22), Some("compression.zstd.level")),
    config("delete.retention.ms", Long, "86400000", AtLeast(0), Some("log.cleaner.delete.retention.ms")),
    config("file.delete.delay.ms", Long, "60000", AtLeast(0), Some("log.segment.delete.delay.ms")),
    config("flush.messages", Long, MAX, AtLeast(1), Some("log.flush.interval.messages")),
    config("flush.ms", Long, MAX, AtLeast(0), Some("log.flush.interval.ms")),
    config("follower.replication.throttled.replicas", List, "", Throttled, None),
    config("index.interval.bytes", Int, "4096", AtLeast(0), Some("log.index.interval.bytes")),
    config("leader.replication.throttled.replicas", List, "", Throttled, None),
    config("local.retention.bytes", Long, "-2", AtLeast(-2), Some("log.local.retention.bytes")),
    config("local.retention.ms", Long, "-2", AtLeast(-2), Some("log.local.retention.ms")),
    config("max.compaction.lag.ms", Long, MAX, AtLeast(1), Some("log.cleaner.max.compaction.lag.ms")),
    config("max.message.bytes", Int, "1048588", AtLeast(0), Some("message.max.bytes")),
    config("message.timestamp.after.max.ms", Long, "3600000", AtLeast(0), Some("log.message.timestamp.after.max.ms")),
    config("message.timestamp.before.max.ms", Long, MAX, AtLeast(0), Some("log.message.timestamp.before.max.ms")),
    config("message.timestamp.type", Text, "CreateTime", OneOf(TIMESTAMPS), Some("log.message.timestamp.type")),
    config("min.cleanable.dirty.ratio", Double, "0.5", Between(0, 1), Some("log.cleaner.min.cleanable.ratio")),
    config("min.compaction.lag.ms", Long, "0", AtLeast(0), Some("log.cleaner.min.compaction.lag.ms")),
    config("min.insync.replicas", Int, "1", AtLeast(1), Some("min.insync.replicas")),
    config("preallocate", Boolean, "false", Any, Some("log.preallocate")),
    config("remote.log.copy.disable", Boolean, "false", Any, None),
    config("remote.log.delete.on.disable", Boolean, "false", Any, None),
    config("remote.storage.enable", Boolean, "false", Any, None),
    config("retention.bytes", Long, "-1", Any, Some("log.retention.bytes")),
    config("retention.ms", Long, "604800000", AtLeast(-1), Some("log.retention.ms")),
    config("segment.bytes", Int, "1073741824", AtLeast(1 << 20), Some("log.segment.bytes")),
    config("segment.index.bytes", Int, "10485760", AtLeast(4), Some("log.index.size.max.bytes")),
    config("segment.jitter.ms", Long, "0", AtLeast(0), Some("log.roll.jitter.ms")),
    config("segment.ms", Long, "604800000", AtLeast(1), Some("log.roll.ms")),
    config("unclean.leader.election.enable", Boolean, "false", Any, Some("unclean.leader.election.enable")),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_allowed() {
        for config in TOPIC_CONFIGS {
            assert_eq!(config.check(config.name, config.default), Ok(()), "{}", config.name);
        }
        assert!(TOPIC_CONFIGS.is_sorted_by_key(|config| config.name));
    }

    #[test]
    fn values_outside_type_or_rule_are_refused() {
        let refused = [
            ("retention.ms", "-2"),
            ("retention.ms", "soon"),
            ("min.insync.replicas", "0"),
            ("min.insync.replicas", "9223372036854775807"),
            ("segment.bytes", "1000"),
            ("cleanup.policy", "delete,forget"),
            ("compression.type", "rar"),
            ("compression.type", "gzip,lz4"),
            ("compression.gzip.level", "10"),
            ("min.cleanable.dirty.ratio", "1.5"),
            ("min.cleanable.dirty.ratio", "NaN"),
            ("unclean.leader.election.enable", "yes"),
            ("message.timestamp.type", "Created"),
            ("leader.replication.throttled.replicas", "1:2,3"),
        ];
        for (name, value) in refused {
            let config = TopicConfig::named(name).unwrap();
            assert!(config.check(name, value).is_err(), "{name}={value}");
        }
        let allowed = [
            ("cleanup.policy", "compact, delete"),
            ("cleanup.policy", ""),
            ("retention.ms", "-1"),
            ("unclean.leader.election.enable", "TRUE"),
            ("leader.replication.throttled.replicas", "0:1,1:2"),
            ("leader.replication.throttled.replicas", "*"),
        ];
        for (name, value) in allowed {
            let config = TopicConfig::named(name).unwrap();
            assert_eq!(config.check(name, value), Ok(()), "{name}={value}");
        }
    }
}
