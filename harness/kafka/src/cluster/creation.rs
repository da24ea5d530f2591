//! CreateTopics, CreatePartitions and DeleteTopics, with the refusals of Kafka's controller
//! (`ReplicationControlManager`).

use std::collections::{BTreeMap, BTreeSet};

use kafka_protocol::ResponseError;
use kafka_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use kafka_protocol::messages::create_partitions_response::CreatePartitionsTopicResult;
use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::create_topics_response::CreatableTopicResult;
use kafka_protocol::messages::delete_topics_response::DeletableTopicResult;
use kafka_protocol::messages::{
    BrokerId, CreatePartitionsRequest, CreatePartitionsResponse, CreateTopicsRequest,
    CreateTopicsResponse, DeleteTopicsRequest, DeleteTopicsResponse, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use super::configs::{TopicSettings, check_all};
use super::quorum::METADATA_TOPIC;
use super::topics::check_name;
use super::{Cluster, Origin};
use crate::wire::{AdminResponse, Response};

pub(super) type Refusal = (ResponseError, String);

type Assignment = Vec<Vec<i32>>;

impl Cluster {
    pub(super) fn create_topics(
        &mut self,
        origin: &Origin,
        request: CreateTopicsRequest,
    ) -> Response {
        let only_check = request.validate_only;
        let (topics, repeated) = once(request.topics, |topic| topic.name.clone());
        let topics = topics.into_iter().map(|topic| {
            let name = topic.name.clone();
            let created = match repeated.contains(&name) {
                true => refuse(ResponseError::InvalidRequest, "Duplicate topic name.".into()),
                false => self.create_one(origin, topic, only_check),
            };
            created.unwrap_or_else(|(error, message)| {
                CreatableTopicResult::default()
                    .with_name(name)
                    .with_error_code(error.code())
                    .with_error_message(Some(StrBytes::from_string(message)))
                    .with_num_partitions(-1)
                    .with_replication_factor(-1)
            })
        });
        let topics = topics.collect();
        Response::CreateTopics(CreateTopicsResponse::default().with_topics(topics))
    }

    fn create_one(
        &mut self,
        origin: &Origin,
        topic: CreatableTopic,
        only_check: bool,
    ) -> Result<CreatableTopicResult, Refusal> {
        if &*topic.name == METADATA_TOPIC {
            let message = format!("Creation of internal topic {METADATA_TOPIC} is prohibited.");
            return refuse(ResponseError::InvalidRequest, message);
        }
        check_name(&topic.name)?;
        self.topics.check_free(&topic.name)?;
        let configs = topic.configs.iter();
        let configs = configs.map(|config| (&*config.name, config.value.as_deref()));
        let own = check_all(configs).map_err(|message| (ResponseError::InvalidConfig, message))?;
        let settings = TopicSettings::new(own, &self.defaults);
        let assignment = self.requested_assignment(&topic)?;
        let replicas = assignment.first().map_or(-1, |first| first.len() as i16);
        let mut result = CreatableTopicResult::default()
            .with_name(topic.name.clone())
            .with_num_partitions(assignment.len() as i32)
            .with_replication_factor(replicas);
        if origin.version >= 5 {
            result.configs = Some(self.created_configs(origin, &settings));
        }
        if only_check {
            return Ok(result);
        }
        let index = self.insert_topic(topic.name, &assignment, settings);
        let id = self.topics.get(index).map(|topic| topic.id).unwrap_or_default();
        Ok(result.with_topic_id(id))
    }

    fn requested_assignment(&mut self, topic: &CreatableTopic) -> Result<Assignment, Refusal> {
        if topic.assignments.is_empty() {
            return self.automatic_assignment(topic);
        }
        let manual = |what: &str| {
            let message =
                format!("A manual partition assignment was specified, but {what} set to -1.");
            refuse(ResponseError::InvalidRequest, message)
        };
        if topic.replication_factor != -1 {
            return manual("replication factor was not");
        }
        if topic.num_partitions != -1 {
            return manual("numPartitions was not");
        }
        let count = i32::try_from(topic.assignments.len()).unwrap_or(i32::MAX);
        self.topics.check_room(count, count)?;
        let mut assignment = BTreeMap::new();
        let mut factor = None;
        for given in &topic.assignments {
            let index = given.partition_index;
            if assignment.contains_key(&index) {
                let message =
                    format!("Found multiple manual partition assignments for partition {index}");
                return refuse(ResponseError::InvalidReplicaAssignment, message);
            }
            let replicas = self.first_replicas(index, &given.broker_ids, factor)?;
            factor = Some(replicas.len());
            assignment.insert(index, replicas);
        }
        if !assignment.keys().copied().eq(0..count) {
            let message = "partitions should be a consecutive 0-based integer sequence";
            return refuse(ResponseError::InvalidReplicaAssignment, message.into());
        }
        Ok(assignment.into_values().collect())
    }

    fn automatic_assignment(&mut self, topic: &CreatableTopic) -> Result<Assignment, Refusal> {
        let factor = match topic.replication_factor {
            -1 => self.config.replication_factor,
            factor => usize::try_from(factor).unwrap_or(0),
        };
        if factor == 0 {
            let message =
                "Replication factor must be larger than 0, or -1 to use the default value.";
            return refuse(ResponseError::InvalidReplicationFactor, message.into());
        }
        let count = match topic.num_partitions {
            -1 => self.config.default_partitions,
            count => count,
        };
        if count < 1 {
            let message = "Number of partitions was set to an invalid non-positive value.";
            return refuse(ResponseError::InvalidPartitions, message.into());
        }
        self.topics.check_room(count, count)?;
        self.assign(count, factor)
    }

    /// Holds the replicas that somebody chose for a partition against Kafka's rules.
    pub(super) fn manual_replicas(
        &self,
        brokers: &[BrokerId],
        factor: Option<usize>,
    ) -> Result<Vec<i32>, Refusal> {
        let wrong = |what: String| {
            let message = format!("The manual partition assignment includes {what}");
            refuse(ResponseError::InvalidReplicaAssignment, message)
        };
        if brokers.is_empty() {
            return wrong("an empty replica list.".into());
        }
        let replicas: Vec<i32> = brokers.iter().map(|broker| broker.0).collect();
        let mut sorted = replicas.clone();
        sorted.sort_unstable();
        if let Some(absent) = sorted.iter().find(|id| !self.brokers.contains_key(id)) {
            return wrong(format!("broker {absent}, but no such broker is registered."));
        }
        if let Some(twice) = sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            return wrong(format!("the broker {} more than once.", twice[0]));
        }
        if let Some(factor) = factor.filter(|&factor| factor != replicas.len()) {
            return wrong(format!(
                "a partition with {} replica(s), but this is not consistent with previous \
                 partitions, which have {factor} replica(s).",
                replicas.len()
            ));
        }
        Ok(replicas)
    }

    /// The same for a new partition `index`, which somebody must lead.
    fn first_replicas(
        &self,
        index: i32,
        brokers: &[BrokerId],
        factor: Option<usize>,
    ) -> Result<Vec<i32>, Refusal> {
        let replicas = self.manual_replicas(brokers, factor)?;
        if self.known_brokers().any(|(id, _)| replicas.contains(&id)) {
            return Ok(replicas);
        }
        let message = format!(
            "All brokers specified in the manual partition assignment for partition {index} are \
             fenced or in controlled shutdown."
        );
        refuse(ResponseError::InvalidReplicaAssignment, message)
    }

    pub(super) fn create_partitions(&mut self, request: CreatePartitionsRequest) -> AdminResponse {
        let only_check = request.validate_only;
        let (topics, repeated) = once(request.topics, |topic| topic.name.clone());
        let results = topics.into_iter().map(|topic| {
            let result = CreatePartitionsTopicResult::default().with_name(topic.name.clone());
            let grown = match repeated.contains(&topic.name) {
                true => refuse(ResponseError::InvalidRequest, "Duplicate topic name.".into()),
                false => self.grow(&topic, only_check),
            };
            match grown {
                Ok(()) => result,
                Err((error, message)) => result
                    .with_error_code(error.code())
                    .with_error_message(Some(StrBytes::from_string(message))),
            }
        });
        let results = results.collect();
        let response = CreatePartitionsResponse::default().with_results(results);
        AdminResponse::CreatePartitions(response)
    }

    pub(super) fn grow(
        &mut self,
        wanted: &CreatePartitionsTopic,
        only_check: bool,
    ) -> Result<(), Refusal> {
        let unknown = (
            ResponseError::UnknownTopicOrPartition,
            "This server does not host this topic-partition.".to_owned(),
        );
        let index = self.topics.index(&wanted.name).ok_or_else(|| unknown.clone())?;
        let topic = self.topics.get(index).ok_or(unknown)?;
        let present = topic.partitions.len() as i32;
        let factor = topic.partitions.first().map_or(1, |first| first.registration.replicas.len());
        let min_insync_replicas = topic.settings.min_insync_replicas;
        let name = &*wanted.name;
        if wanted.count == present {
            let message = format!("Topic already has {present} partition(s).");
            return refuse(ResponseError::InvalidPartitions, message);
        }
        if wanted.count < present {
            let message = format!(
                "The topic {name} currently has {present} partition(s); {} would not be an \
                 increase.",
                wanted.count
            );
            return refuse(ResponseError::InvalidPartitions, message);
        }
        let added = wanted.count - present;
        self.topics.check_room(wanted.count, added)?;
        let assignment = match &wanted.assignments {
            None => self.assign(added, factor)?,
            Some(chosen) if chosen.len() != added as usize => {
                let message = format!(
                    "Attempted to add {added} additional partition(s), but only {} assignment(s) \
                     were specified.",
                    chosen.len()
                );
                return refuse(ResponseError::InvalidReplicaAssignment, message);
            }
            Some(chosen) => (present..)
                .zip(chosen)
                .map(|(place, given)| self.first_replicas(place, &given.broker_ids, Some(factor)))
                .collect::<Result<_, _>>()?,
        };
        if !only_check {
            let partitions = self.new_partitions(&assignment, min_insync_replicas);
            self.topics.grow(index, partitions);
        }
        Ok(())
    }

    /// Deletes topics. Who waits on them is answered by `settle`.
    pub(super) fn delete_topics(&mut self, request: DeleteTopicsRequest) -> Response {
        let by_name = request.topic_names.into_iter().map(|name| (Some(name), Uuid::nil()));
        let by_state = request.topics.into_iter().map(|state| (state.name, state.topic_id));
        let (wanted, repeated) = once(by_name.chain(by_state), Clone::clone);
        let responses = wanted.into_iter().map(|(name, id)| {
            let result = DeletableTopicResult::default().with_topic_id(id);
            match self.delete_one(name.as_ref(), id, repeated.contains(&(name.clone(), id))) {
                Ok((name, id)) => result.with_name(Some(name)).with_topic_id(id),
                Err((error, message)) => result
                    .with_name(name)
                    .with_error_code(error.code())
                    .with_error_message(message.map(StrBytes::from_static_str)),
            }
        });
        let responses = responses.collect();
        Response::DeleteTopics(DeleteTopicsResponse::default().with_responses(responses))
    }

    fn delete_one(
        &mut self,
        name: Option<&TopicName>,
        id: Uuid,
        twice: bool,
    ) -> Result<(TopicName, Uuid), (ResponseError, Option<&'static str>)> {
        let invalid = |why| Err((ResponseError::InvalidRequest, Some(why)));
        let (index, unknown) = match name {
            Some(_) if !id.is_nil() => {
                return invalid("You may not specify both topic name and topic id.");
            }
            None if id.is_nil() => return invalid("Neither topic name nor id were specified."),
            Some(_) if twice => return invalid("Duplicate topic name."),
            None if twice => return invalid("Duplicate topic id."),
            Some(name) => (self.topics.index(name), ResponseError::UnknownTopicOrPartition),
            None => (self.topics.index_of_id(&id), ResponseError::UnknownTopicId),
        };
        let index = index.ok_or((unknown, None))?;
        let topic = self.topics.remove(index).ok_or((unknown, None))?;
        self.traffic.forget(index);
        for partition in &topic.partitions {
            self.woken.extend_from_slice(&partition.fetches);
            self.acknowledged.extend_from_slice(&partition.produces);
        }
        Ok((topic.name, topic.id))
    }
}

fn refuse<T>(error: ResponseError, message: String) -> Result<T, Refusal> {
    Err((error, message))
}

/// The first of each key, and the keys of which there were more.
fn once<T, K: Ord>(
    items: impl IntoIterator<Item = T>,
    key: impl Fn(&T) -> K,
) -> (Vec<T>, BTreeSet<K>) {
    let (mut seen, mut repeated) = (BTreeSet::new(), BTreeSet::new());
    let first = |item: &T| {
        let fresh = seen.insert(key(item));
        if !fresh {
            repeated.insert(key(item));
        }
        fresh
    };
    (items.into_iter().filter(first).collect(), repeated)
}
