//! The settings of topics and brokers: described here, altered in `alter`.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::create_topics_response::CreatableTopicConfigs;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym,
};
use kafka_protocol::messages::{DescribeConfigsRequest, DescribeConfigsResponse};
use kafka_protocol::protocol::StrBytes;

use super::topics::check_name;
use super::{Cluster, Origin};
use crate::wire::Response;

mod alter;
mod brokers;
mod names;
mod settings;

use names::{Kind, TOPIC_CONFIGS, TopicConfig};
pub(super) use settings::{Defaults, TopicSettings, check_all};

const TYPE_TOPIC: i8 = 2;
const TYPE_BROKER: i8 = 4;
const TYPE_LOGGER: i8 = 8;

/// Where a value comes from, in the order in which they are looked at.
const SOURCE_TOPIC: i8 = 1;
const SOURCE_ONE_BROKER: i8 = 2;
const SOURCE_ALL_BROKERS: i8 = 3;
const SOURCE_STARTED: i8 = 4;
const SOURCE_DEFAULT: i8 = 5;
const SOURCE_LOGGER: i8 = 6;

/// An error and what is said about it.
type Refusal = (ResponseError, Option<String>);

/// The values that a setting has, the one in effect first: name, value, source.
type Synonyms = Vec<(String, String, i8)>;

impl Cluster {
    pub(super) fn describe_configs(
        &self,
        origin: &Origin,
        request: DescribeConfigsRequest,
    ) -> Response {
        let synonyms = request.include_synonyms;
        let served = |kind| matches!(kind, TYPE_TOPIC | TYPE_BROKER | TYPE_LOGGER);
        // Kafka refuses the whole request for one type that it does not know.
        let odd = request.resources.iter().find(|resource| !served(resource.resource_type));
        let odd = odd.map(|resource| {
            let kind = resource.resource_type;
            format!("Unexpected resource type {kind} for resource {}", resource.resource_name)
        });
        let results = request.resources.into_iter().map(|resource| {
            let found = match &odd {
                Some(message) => Err((ResponseError::InvalidRequest, Some(message.clone()))),
                None => self.describe(origin, &resource, synonyms),
            };
            described(resource, found)
        });
        let results = results.collect();
        Response::DescribeConfigs(DescribeConfigsResponse::default().with_results(results))
    }

    fn describe(
        &self,
        origin: &Origin,
        resource: &DescribeConfigsResource,
        synonyms: bool,
    ) -> Result<Vec<DescribeConfigsResourceResult>, Refusal> {
        let name = &resource.resource_name;
        match resource.resource_type {
            TYPE_TOPIC => {
                check_name(name).map_err(|(error, message)| (error, Some(message)))?;
                let unknown = (ResponseError::UnknownTopicOrPartition, None);
                let topic = self.topics.named(name).ok_or(unknown)?;
                let all = TOPIC_CONFIGS.iter().map(|config| {
                    let values = self.topic_values(origin.broker, &topic.settings, config);
                    entry(config.name, config.kind, values, synonyms)
                });
                Ok(all.collect())
            }
            TYPE_BROKER if name.is_empty() => Ok(self.describe_defaults(synonyms)),
            TYPE_BROKER => {
                let id = own_id(origin, name, " or empty string")?;
                Ok(self.describe_broker(id, synonyms))
            }
            _ => {
                own_id(origin, name, "")?;
                let root = DescribeConfigsResourceResult::default()
                    .with_name(StrBytes::from_static_str("root"))
                    .with_value(Some(StrBytes::from_static_str("INFO")))
                    .with_config_source(SOURCE_LOGGER);
                Ok(vec![root])
            }
        }
    }

    /// A topic's value, then those of the broker that it hides.
    fn topic_values(
        &self,
        broker: i32,
        settings: &TopicSettings,
        config: &TopicConfig,
    ) -> Synonyms {
        let own = settings.own().get(config.name);
        let own = own.map(|value| (config.name.to_owned(), value.clone(), SOURCE_TOPIC));
        let below = config.broker.map(|name| {
            let started = self.defaults.started(name).map(str::to_owned);
            let is_default = started.is_none();
            let started = started.unwrap_or_else(|| config.default.to_owned());
            self.broker_values(broker, name, started, is_default)
        });
        let none_below = below
            .is_none()
            .then(|| (config.name.to_owned(), config.default.to_owned(), SOURCE_DEFAULT));
        own.into_iter().chain(below.into_iter().flatten()).chain(none_below).collect()
    }

    fn broker_values(
        &self,
        broker: i32,
        name: &str,
        started: String,
        is_default: bool,
    ) -> Synonyms {
        let one = self.broker_configs.get(&broker).and_then(|own| own.get(name));
        let all = self.defaults.altered.get(name);
        let began = if is_default { SOURCE_DEFAULT } else { SOURCE_STARTED };
        let values = [
            one.map(|value| (value.clone(), SOURCE_ONE_BROKER)),
            all.map(|value| (value.clone(), SOURCE_ALL_BROKERS)),
            Some((started, began)),
        ];
        let values = values.into_iter().flatten();
        values.map(|(value, source)| (name.to_owned(), value, source)).collect()
    }

    fn describe_broker(&self, id: i32, synonyms: bool) -> Vec<DescribeConfigsResourceResult> {
        let all = self.started_configs(id).into_iter().map(|config| {
            let values = self.broker_values(id, config.name, config.value, config.is_default);
            let entry = entry(config.name, config.kind, values, synonyms);
            entry.with_read_only(!brokers::is_dynamic(config.name))
        });
        all.collect()
    }

    /// What is set for all brokers.
    fn describe_defaults(&self, synonyms: bool) -> Vec<DescribeConfigsResourceResult> {
        let altered = self.defaults.altered.iter().map(|(name, value)| {
            let kind = TopicConfig::of_broker(name).map_or(Kind::Text, |config| config.kind);
            let values = vec![(name.clone(), value.clone(), SOURCE_ALL_BROKERS)];
            entry(name, kind, values, synonyms).with_read_only(!brokers::is_dynamic(name))
        });
        altered.collect()
    }

    /// A new topic's settings as CreateTopics tells them.
    pub(super) fn created_configs(
        &self,
        origin: &Origin,
        settings: &TopicSettings,
    ) -> Vec<CreatableTopicConfigs> {
        let configs = TOPIC_CONFIGS.iter().filter_map(|config| {
            let values = self.topic_values(origin.broker, settings, config);
            let (_, value, source) = values.into_iter().next()?;
            Some(
                CreatableTopicConfigs::default()
                    .with_name(StrBytes::from_static_str(config.name))
                    .with_value(Some(StrBytes::from_string(value)))
                    .with_config_source(source),
            )
        });
        configs.collect()
    }
}

/// A broker tells only of itself.
fn own_id(origin: &Origin, name: &str, or: &str) -> Result<i32, Refusal> {
    let refuse = |message| Err((ResponseError::InvalidRequest, Some(message)));
    match name.parse::<i32>() {
        Ok(id) if id == origin.broker => Ok(id),
        Ok(_) => {
            let own = origin.broker;
            refuse(format!("Unexpected broker id, expected {own}{or}, but received {name}"))
        }
        Err(_) => refuse(format!("Broker id must be an integer, but it is: {name}")),
    }
}

fn described(
    resource: DescribeConfigsResource,
    found: Result<Vec<DescribeConfigsResourceResult>, Refusal>,
) -> DescribeConfigsResult {
    let result = DescribeConfigsResult::default()
        .with_resource_type(resource.resource_type)
        .with_resource_name(resource.resource_name);
    let wanted = resource.configuration_keys.filter(|names| !names.is_empty());
    match found {
        Ok(mut configs) => {
            configs
                .retain(|config| wanted.as_ref().is_none_or(|names| names.contains(&config.name)));
            result.with_configs(configs)
        }
        Err((error, message)) => result
            .with_error_code(error.code())
            .with_error_message(message.map(StrBytes::from_string)),
    }
}

/// Settings of brokers without a default of their own: it is that of a setting in another unit.
const DEFAULT_ELSEWHERE: [&str; 4] =
    ["log.retention.ms", "log.roll.ms", "log.roll.jitter.ms", "log.flush.interval.ms"];

fn entry(
    name: &str,
    kind: Kind,
    values: Synonyms,
    with_synonyms: bool,
) -> DescribeConfigsResourceResult {
    let (value, source) =
        values.first().map_or_else(Default::default, |(_, value, source)| (value.clone(), *source));
    let told = |name: &str, source| {
        with_synonyms && (source != SOURCE_DEFAULT || !DEFAULT_ELSEWHERE.contains(&name))
    };
    let synonyms = values.into_iter().filter(|(name, _, source)| told(name, *source));
    let synonyms = synonyms.map(|(name, value, source)| {
        DescribeConfigsSynonym::default()
            .with_name(StrBytes::from_string(name))
            .with_value(Some(StrBytes::from_string(value)))
            .with_source(source)
    });
    DescribeConfigsResourceResult::default()
        .with_name(StrBytes::from_string(name.to_owned()))
        .with_value(Some(StrBytes::from_string(value)))
        .with_config_source(source)
        .with_config_type(kind as i8)
        .with_synonyms(synonyms.collect())
}
