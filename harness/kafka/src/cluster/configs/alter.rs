//! AlterConfigs, which replaces all that is set, and IncrementalAlterConfigs (KIP-339).

use std::collections::{BTreeMap, BTreeSet};

use kafka_protocol::ResponseError;
use kafka_protocol::messages::alter_configs_response::AlterConfigsResourceResponse;
use kafka_protocol::messages::incremental_alter_configs_response as incremental;
use kafka_protocol::messages::{
    AlterConfigsRequest, AlterConfigsResponse, IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse,
};
use kafka_protocol::protocol::StrBytes;

use super::names::{Kind, TopicConfig};
use super::settings::{MIN_IN_SYNC, TopicSettings, check_all};
use super::{Refusal, TYPE_BROKER, TYPE_TOPIC, brokers};
use crate::cluster::topics::check_name;
use crate::cluster::{Cluster, Origin};

/// The longest value, as in Kafka.
const VALUE_BYTES_MAX: usize = i16::MAX as usize;

/// More settings of a broker are not remembered.
const BROKER_CONFIGS_MAX: usize = 1_000;

const SET: i8 = 0;
const DELETE: i8 = 1;
const APPEND: i8 = 2;
const SUBTRACT: i8 = 3;

/// What becomes of one setting.
struct Step {
    name: StrBytes,
    operation: i8,
    value: Option<StrBytes>,
}

/// The settings of one topic or broker that a request changes.
struct Work {
    kind: i8,
    name: StrBytes,
    /// Whether settings that the request does not name lose their value.
    replace: bool,
    steps: Vec<Step>,
}

impl Work {
    fn names(&self, setting: &str) -> bool {
        self.steps.iter().any(|step| &*step.name == setting)
    }
}

/// A resource's own settings after a change.
type Own = BTreeMap<String, String>;

impl Cluster {
    pub(in crate::cluster) fn alter_configs(
        &mut self,
        origin: &Origin,
        request: AlterConfigsRequest,
    ) -> AlterConfigsResponse {
        let works = request.resources.into_iter().map(|resource| {
            let steps = resource.configs.into_iter();
            let steps =
                steps.map(|given| Step { name: given.name, operation: SET, value: given.value });
            let (kind, name) = (resource.resource_type, resource.resource_name);
            Work { kind, name, replace: true, steps: steps.collect() }
        });
        let results = self.alter_all(origin, works.collect(), request.validate_only);
        let responses = results.into_iter().map(|(kind, name, (code, message))| {
            AlterConfigsResourceResponse::default()
                .with_error_code(code)
                .with_error_message(message)
                .with_resource_type(kind)
                .with_resource_name(name)
        });
        AlterConfigsResponse::default().with_responses(responses.collect())
    }

    pub(in crate::cluster) fn alter_configs_step_by_step(
        &mut self,
        origin: &Origin,
        request: IncrementalAlterConfigsRequest,
    ) -> IncrementalAlterConfigsResponse {
        let works = request.resources.into_iter().map(|resource| {
            let steps = resource.configs.into_iter().map(|given| Step {
                name: given.name,
                operation: given.config_operation,
                value: given.value,
            });
            let (kind, name) = (resource.resource_type, resource.resource_name);
            Work { kind, name, replace: false, steps: steps.collect() }
        });
        let results = self.alter_all(origin, works.collect(), request.validate_only);
        let responses = results.into_iter().map(|(kind, name, (code, message))| {
            incremental::AlterConfigsResourceResponse::default()
                .with_error_code(code)
                .with_error_message(message)
                .with_resource_type(kind)
                .with_resource_name(name)
        });
        IncrementalAlterConfigsResponse::default().with_responses(responses.collect())
    }

    fn alter_all(
        &mut self,
        origin: &Origin,
        works: Vec<Work>,
        only_check: bool,
    ) -> Vec<(i8, StrBytes, (i16, Option<StrBytes>))> {
        let mut seen = BTreeSet::new();
        let twice: BTreeSet<_> = works
            .iter()
            .map(|work| (work.kind, work.name.clone()))
            .filter(|key| !seen.insert(key.clone()))
            .collect();
        let results = works.into_iter().map(|work| {
            let key = (work.kind, work.name.clone());
            let altered = match twice.contains(&key) {
                true => Err(invalid("Each resource must appear at most once.")),
                false => self.alter(origin, work, only_check),
            };
            let outcome = match altered {
                Ok(()) => (0, None),
                Err((error, message)) => (error.code(), message.map(StrBytes::from_string)),
            };
            (key.0, key.1, outcome)
        });
        results.collect()
    }

    fn alter(&mut self, origin: &Origin, work: Work, only_check: bool) -> Result<(), Refusal> {
        let mut names = BTreeSet::new();
        if !work.steps.iter().all(|step| names.insert(&step.name)) {
            return Err(invalid("Error due to duplicate config keys"));
        }
        let null = work.steps.iter().filter(|step| step.operation != DELETE);
        let null: Vec<&str> =
            null.filter(|step| step.value.is_none()).map(|step| &*step.name).collect();
        if !null.is_empty() {
            return Err(invalid(&format!("Null value not supported for : {}", null.join(","))));
        }
        match work.kind {
            TYPE_TOPIC => self.alter_topic(&work, only_check),
            TYPE_BROKER => self.alter_broker(origin, &work, only_check),
            kind => Err(invalid(&format!("Unknown resource type {kind}"))),
        }
    }

    fn alter_topic(&mut self, work: &Work, only_check: bool) -> Result<(), Refusal> {
        if work.name.is_empty() {
            return Err(invalid("Default topic resources are not allowed."));
        }
        check_name(&work.name).map_err(|(error, message)| (error, Some(message)))?;
        let index = self.topics.index(&work.name);
        let topic = index.and_then(|index| self.topics.get_mut(index));
        let before: Own = topic.as_deref().map_or_else(BTreeMap::new, |topic| {
            let own = topic.settings.own().iter();
            own.map(|(&name, value)| (name.to_owned(), value.clone())).collect()
        });
        if let Some(step) = work.steps.iter().find(|step| !is_known(step.operation)) {
            // Kafka's controller stumbles over it.
            let message = format!("Unknown operations type {}", step.operation);
            return Err((ResponseError::UnknownServerError, Some(message)));
        }
        let kind =
            |name: &str| TopicConfig::named(name).map(|config| (config.kind, config.default));
        let after = apply(work, before, kind)?;
        let own = after.iter().map(|(name, value)| (name.as_str(), Some(value.as_str())));
        let own =
            check_all(own).map_err(|message| (ResponseError::InvalidConfig, Some(message)))?;
        let topic = topic.ok_or((ResponseError::UnknownTopicOrPartition, None))?;
        if !only_check {
            if topic.settings.own().get(MIN_IN_SYNC) != own.get(MIN_IN_SYNC) {
                topic.forget_eligible();
            }
            topic.settings = TopicSettings::new(own, &self.defaults);
        }
        Ok(())
    }

    fn alter_broker(
        &mut self,
        origin: &Origin,
        work: &Work,
        only_check: bool,
    ) -> Result<(), Refusal> {
        let id = match &*work.name {
            "" => None,
            name => Some(super::own_id(origin, name, "")?),
        };
        let before = match id {
            None => Some(&self.defaults.altered),
            Some(id) => self.broker_configs.get(&id),
        };
        let kind =
            |name: &str| TopicConfig::of_broker(name).map(|config| (config.kind, config.default));
        let after = apply(work, before.cloned().unwrap_or_default(), kind)?;
        for (name, value) in &after {
            brokers::check(name, value).map_err(|message| invalid(&message))?;
        }
        check_min_in_sync(work, &after)?;
        if after.len() > BROKER_CONFIGS_MAX {
            let message = format!("at most {BROKER_CONFIGS_MAX} settings of a broker are kept");
            return Err((ResponseError::PolicyViolation, Some(message)));
        }
        if only_check {
            return Ok(());
        }
        match id {
            Some(id) => drop(self.broker_configs.insert(id, after)),
            None => self.defaults.altered = after,
        }
        let defaults = &self.defaults;
        let other_minimum = id.is_none() && work.names(MIN_IN_SYNC);
        for (_, topic) in self.topics.iter_mut() {
            if other_minimum {
                topic.forget_eligible();
            }
            topic.settings = TopicSettings::new(topic.settings.own().clone(), defaults);
        }
        Ok(())
    }
}

/// The settings after all steps. `kind` gives a setting's type and default where it is known.
fn apply(
    work: &Work,
    before: Own,
    kind: impl Fn(&str) -> Option<(Kind, &'static str)>,
) -> Result<Own, Refusal> {
    let mut own = if work.replace { BTreeMap::new() } else { before };
    for step in &work.steps {
        let given = step.value.as_deref().unwrap_or_default();
        if given.len() > VALUE_BYTES_MAX {
            let message = format!("The value of {} exceeds {VALUE_BYTES_MAX} bytes.", step.name);
            return Err((ResponseError::InvalidConfig, Some(message)));
        }
        match step.operation {
            SET => drop(own.insert(step.name.to_string(), given.to_owned())),
            DELETE => drop(own.remove(&*step.name)),
            APPEND | SUBTRACT => {
                let Some((Kind::List, default)) = kind(&step.name) else {
                    let verb = if step.operation == APPEND { "APPEND" } else { "SUBTRACT" };
                    let name = &step.name;
                    let message =
                        format!("Can't {verb} to key {name} because its type is not LIST.");
                    return Err((ResponseError::InvalidConfig, Some(message)));
                };
                let current = own.get(&*step.name).map_or(default, String::as_str);
                let changed = change_list(current, given, step.operation == APPEND);
                own.insert(step.name.to_string(), changed);
            }
            other => return Err(invalid(&format!("Unknown operations type {other}"))),
        }
    }
    Ok(own)
}

fn is_known(operation: i8) -> bool {
    matches!(operation, SET | DELETE | APPEND | SUBTRACT)
}

/// Eligible leaders are counted by one minimum for all brokers, which no broker may have for
/// itself and which must be there (KIP-966).
fn check_min_in_sync(work: &Work, after: &Own) -> Result<(), Refusal> {
    let refuse = |what| {
        let message = format!("{what} while ELR is enabled.");
        Err((ResponseError::InvalidConfig, Some(message)))
    };
    match &*work.name {
        "" if !after.contains_key(MIN_IN_SYNC) => {
            refuse("Cluster-level min.insync.replicas cannot be removed")
        }
        "" => Ok(()),
        _ if work.names(MIN_IN_SYNC) => {
            refuse("Broker-level min.insync.replicas cannot be altered")
        }
        _ => Ok(()),
    }
}

fn change_list(current: &str, given: &str, append: bool) -> String {
    let words = |text: &str| -> Vec<String> {
        text.split(',').filter(|word| !word.is_empty()).map(str::to_owned).collect()
    };
    let mut list = words(current);
    for word in words(given) {
        match list.iter().position(|known| *known == word) {
            Some(at) if !append => drop(list.remove(at)),
            None if append => list.push(word),
            _ => {}
        }
    }
    list.join(",")
}

fn invalid(message: &str) -> Refusal {
    (ResponseError::InvalidRequest, Some(message.to_owned()))
}
