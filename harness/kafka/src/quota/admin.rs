//! Quotas set and described by requests (KIP-546).

use std::collections::{BTreeMap, BTreeSet};

use kafka_protocol::ResponseError;
use kafka_protocol::messages::alter_client_quotas_request::{EntryData as Alteration, OpData};
use kafka_protocol::messages::alter_client_quotas_response::{
    EntityData as AlteredEntity, EntryData as Altered,
};
use kafka_protocol::messages::describe_client_quotas_request::ComponentData;
use kafka_protocol::messages::describe_client_quotas_response::{EntityData, EntryData, ValueData};
use kafka_protocol::messages::{
    AlterClientQuotasRequest, AlterClientQuotasResponse, DescribeClientQuotasRequest,
    DescribeClientQuotasResponse,
};
use kafka_protocol::protocol::StrBytes;

use super::{ENTITIES_MAX, NAME_BYTES_MAX, QuotaTarget, Quotas};

pub(super) const PRODUCER: &str = "producer_byte_rate";
pub(super) const CONSUMER: &str = "consumer_byte_rate";
pub(super) const REQUEST: &str = "request_percentage";
/// Can be set and described; topics are created however fast they come.
const MUTATION: &str = "controller_mutation_rate";

const USER: &str = "user";
const CLIENT_ID: &str = "client-id";

type Refusal = (ResponseError, String);

impl Quotas {
    /// Sets and removes values, each entity's all or none.
    pub(crate) fn alter(&mut self, request: AlterClientQuotasRequest) -> AlterClientQuotasResponse {
        let only_check = request.validate_only;
        let mut seen = BTreeSet::new();
        let entries = request.entries.into_iter().map(|entry| {
            let outcome = self.alter_one(&entry, &mut seen, only_check);
            let entity = entry.entity.into_iter().map(|part| {
                let entity = AlteredEntity::default().with_entity_type(part.entity_type);
                entity.with_entity_name(part.entity_name)
            });
            let altered = Altered::default().with_entity(entity.collect());
            match outcome {
                Ok(()) => altered.with_error_message(None),
                Err((error, message)) => altered
                    .with_error_code(error.code())
                    .with_error_message(Some(StrBytes::from_string(message))),
            }
        });
        AlterClientQuotasResponse::default().with_entries(entries.collect())
    }

    fn alter_one(
        &mut self,
        entry: &Alteration,
        seen: &mut BTreeSet<QuotaTarget>,
        only_check: bool,
    ) -> Result<(), Refusal> {
        let target = target(entry)?;
        if !seen.insert(target.clone()) {
            return refuse("Ignoring duplicate entity".into());
        }
        let mut keys = BTreeSet::new();
        for op in &entry.ops {
            if !keys.insert(op.key.as_str()) {
                return refuse(format!("Duplicate quota key {}", op.key.as_str()));
            }
            check(op)?;
        }
        let fresh = !self.limits.contains_key(&target);
        if fresh && self.limits.len() >= ENTITIES_MAX {
            let message = "Too many entities with quotas".to_owned();
            return Err((ResponseError::PolicyViolation, message));
        }
        if only_check {
            return Ok(());
        }
        let values = self.limits.entry(target.clone()).or_default();
        for op in &entry.ops {
            match op.remove {
                true => values.remove(op.key.as_str()),
                false => values.insert(op.key.to_string(), op.value),
            };
        }
        if values.is_empty() {
            self.limits.remove(&target);
        }
        Ok(())
    }

    /// The quotas of the entities that fit a filter.
    pub(crate) fn describe(
        &self,
        request: DescribeClientQuotasRequest,
    ) -> DescribeClientQuotasResponse {
        let response = DescribeClientQuotasResponse::default().with_error_message(None);
        let filter = match Filter::new(&request.components, request.strict) {
            Ok(filter) => filter,
            Err((error, message)) => {
                return response
                    .with_error_code(error.code())
                    .with_error_message(Some(StrBytes::from_string(message)))
                    .with_entries(None);
            }
        };
        let found = self.limits.iter().filter(|(target, _)| filter.fits(target));
        let entries = found.map(|(target, values)| {
            let entity = parts(target).map(|(kind, name)| {
                let name = name.clone().map(StrBytes::from_string);
                let entity = EntityData::default().with_entity_name(name);
                entity.with_entity_type(StrBytes::from_static_str(kind))
            });
            let values = values.iter().map(|(key, &value)| {
                let key = StrBytes::from_string(key.clone());
                ValueData::default().with_key(key).with_value(value)
            });
            EntryData::default().with_entity(entity.collect()).with_values(values.collect())
        });
        let entries = entries.collect();
        response.with_entries(Some(entries))
    }
}

/// What a description asks for: for each kind of entity a name, the default, or any.
struct Filter {
    exact: BTreeMap<String, Option<String>>,
    any: BTreeSet<String>,
    strict: bool,
}

impl Filter {
    fn new(components: &[ComponentData], strict: bool) -> Result<Self, Refusal> {
        let mut filter = Self { exact: BTreeMap::new(), any: BTreeSet::new(), strict };
        for component in components {
            let kind = component.entity_type.to_string();
            if kind.is_empty() {
                return refuse("Invalid empty entity type.".into());
            }
            if filter.exact.contains_key(&kind) || filter.any.contains(&kind) {
                return refuse(format!("Entity type {kind} cannot appear more than once."));
            }
            if ![USER, CLIENT_ID].contains(&&*kind) {
                let message = format!("Unsupported entity type {kind}");
                return Err((ResponseError::UnsupportedVersion, message));
            }
            match (component.match_type, &component._match) {
                (0, Some(name)) => {
                    filter.exact.insert(kind, Some(name.to_string()));
                }
                (1, None) => {
                    filter.exact.insert(kind, None);
                }
                (2, None) => {
                    filter.any.insert(kind);
                }
                (0..=2, _) => return refuse("Match string and match type do not agree.".into()),
                (other, _) => return refuse(format!("Unknown match type {other}")),
            }
        }
        Ok(filter)
    }

    fn fits(&self, target: &QuotaTarget) -> bool {
        let names: BTreeMap<&str, &Option<String>> = parts(target).collect();
        let asked = self.exact.len() + self.any.len();
        let mut exact = self.exact.iter();
        (!self.strict || names.len() == asked)
            && exact.all(|(kind, name)| names.get(&**kind) == Some(&name))
            && self.any.iter().all(|kind| names.contains_key(&**kind))
    }
}

fn parts(target: &QuotaTarget) -> impl Iterator<Item = (&'static str, &Option<String>)> {
    let user = target.user.iter().map(|name| (USER, name));
    user.chain(target.client_id.iter().map(|name| (CLIENT_ID, name)))
}

fn target(entry: &Alteration) -> Result<QuotaTarget, Refusal> {
    let mut target = QuotaTarget::default();
    for part in &entry.entity {
        let name = part.entity_name.as_ref().map(ToString::to_string);
        if name.as_ref().is_some_and(|name| name.len() > NAME_BYTES_MAX) {
            return refuse("Client quota entity name is too long".into());
        }
        let place = match part.entity_type.as_str() {
            USER => &mut target.user,
            CLIENT_ID => &mut target.client_id,
            other => return refuse(format!("Unhandled client quota entity type: {other}")),
        };
        if place.replace(name).is_some() {
            let kind = part.entity_type.as_str();
            return refuse(format!("Invalid client quota entity, duplicate entity entry {kind}"));
        }
    }
    match target == QuotaTarget::default() {
        true => refuse("Invalid empty client quota entity".into()),
        false => Ok(target),
    }
}

fn check(op: &OpData) -> Result<(), Refusal> {
    let key = op.key.as_str();
    if op.remove {
        return Ok(());
    }
    let whole = match key {
        PRODUCER | CONSUMER => true,
        REQUEST | MUTATION => false,
        _ => return refuse(format!("Invalid configuration key {key}")),
    };
    if op.value.is_nan() || op.value <= 0.0 {
        return refuse(format!("Quota {key} must be greater than 0"));
    }
    if whole && op.value > i64::MAX as f64 {
        return refuse(format!("Proposed value for {key} is too large for a LONG."));
    }
    if whole && op.value % 1.0 > 1e-6 {
        return refuse(format!("{key} cannot be a fractional value."));
    }
    Ok(())
}

fn refuse<T>(message: String) -> Result<T, Refusal> {
    Err((ResponseError::InvalidRequest, message))
}
