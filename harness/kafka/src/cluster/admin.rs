//! Topics created, deleted and described; producer ids.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::create_topics_response::{
    CreatableTopicConfigs, CreatableTopicResult,
};
use kafka_protocol::messages::delete_topics_response::DeletableTopicResult;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult,
};
use kafka_protocol::messages::{
    CreateTopicsRequest, CreateTopicsResponse, DeleteTopicsRequest, DeleteTopicsResponse,
    DescribeConfigsRequest, DescribeConfigsResponse, InitProducerIdRequest, InitProducerIdResponse,
    ProducerId, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use rand::Rng;
use uuid::Uuid;

use super::partition::{Partition, Surroundings};
use super::topics::{Topic, TopicIndex, TopicSettings};
use super::{Cluster, Origin};
use crate::error::ClusterError;
use crate::wire::Response;

const RESOURCE_TOPIC: i8 = 2;
const RESOURCE_BROKER: i8 = 4;
const SOURCE_TOPIC: i8 = 1;
const SOURCE_BROKER: i8 = 4;
const SOURCE_DEFAULT: i8 = 5;

type Refusal = (ResponseError, String);

/// A random id from the cluster's seed.
pub(super) fn new_id(random: &mut impl Rng) -> Uuid {
    let mut bytes = [0; 16];
    random.fill_bytes(&mut bytes);
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}

impl Cluster {
    /// Creates a topic with the cluster's own settings.
    pub(crate) fn create_topic(&mut self, name: &str, partitions: i32) -> Result<(), ClusterError> {
        self.add_topic(name, partitions)
            .map(drop)
            .map_err(|(_, reason)| ClusterError::Topic { topic: name.to_owned(), reason })
    }

    pub(super) fn add_topic(&mut self, name: &str, count: i32) -> Result<TopicIndex, Refusal> {
        self.topics.check_new(name, count)?;
        let replicas = self.config.replication_factor;
        let assignment = self.assign(count, replicas)?;
        let settings = TopicSettings::new(&self.config);
        let name = TopicName(StrBytes::from_string(name.to_owned()));
        Ok(self.insert_topic(name, &assignment, settings))
    }

    /// Spreads replicas over the brokers that run, leaders in turn.
    fn assign(&mut self, count: i32, replicas: usize) -> Result<Vec<Vec<i32>>, Refusal> {
        let brokers: Vec<i32> = self.known_brokers().map(|(id, _)| id).collect();
        if replicas == 0 || replicas > brokers.len() {
            let message = format!("Replication factor {replicas} with {} brokers.", brokers.len());
            return Err((ResponseError::InvalidReplicationFactor, message));
        }
        let first = self.next_first_replica;
        self.next_first_replica = first.wrapping_add(count as usize);
        let place = |number: usize| brokers[number % brokers.len()];
        let assignment = (0..count as usize).map(|partition| {
            // Followers shift with every round, so that a dead leader's load is spread.
            let shift = if brokers.len() > 2 { partition / brokers.len() } else { 0 };
            let follower = |index: usize| match index {
                0 => 0,
                _ => 1 + (shift + index - 1) % (brokers.len() - 1),
            };
            (0..replicas).map(|index| place(first + partition + follower(index))).collect()
        });
        Ok(assignment.collect())
    }

    fn insert_topic(
        &mut self,
        name: TopicName,
        assignment: &[Vec<i32>],
        settings: TopicSettings,
    ) -> TopicIndex {
        let id = new_id(&mut self.random);
        let around = Surroundings {
            brokers: &self.brokers,
            min_insync_replicas: settings.min_insync_replicas,
            lag_time_max: self.config.replica_lag_time_max,
            flush_messages: self.config.flush_messages,
            defect: self.config.defect,
            now: self.now,
        };
        let partitions = assignment.iter().map(|replicas| Partition::new(replicas, around));
        let partitions = partitions.collect();
        self.topics.add(Topic { name, id, partitions, settings })
    }

    pub(super) fn create_topics(
        &mut self,
        origin: &Origin,
        request: CreateTopicsRequest,
    ) -> Response {
        let only_check = request.validate_only;
        let topics = request.topics.into_iter().map(|topic| {
            let name = topic.name.clone();
            let result = CreatableTopicResult::default().with_name(name);
            match self.create_one(origin, topic, only_check) {
                Ok(created) => created,
                Err((error, message)) => result
                    .with_error_code(error.code())
                    .with_error_message(Some(StrBytes::from_string(message)))
                    .with_num_partitions(-1)
                    .with_replication_factor(-1),
            }
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
        let mut settings = TopicSettings::new(&self.config);
        for config in &topic.configs {
            let set = settings.set(&config.name, config.value.as_deref());
            set.map_err(|message| (ResponseError::InvalidConfig, message))?;
        }
        let assignment = self.requested_assignment(&topic)?;
        let result = CreatableTopicResult::default()
            .with_name(topic.name.clone())
            .with_num_partitions(assignment.len() as i32)
            .with_replication_factor(assignment.first().map_or(-1, |first| first.len() as i16))
            .with_configs(Some(created_configs(origin, &settings)));
        if only_check {
            return Ok(result);
        }
        let index = self.insert_topic(topic.name, &assignment, settings);
        let id = self.topics.get(index).map(|topic| topic.id).unwrap_or_default();
        Ok(result.with_topic_id(id))
    }

    fn requested_assignment(&mut self, topic: &CreatableTopic) -> Result<Vec<Vec<i32>>, Refusal> {
        if topic.assignments.is_empty() {
            let count = match topic.num_partitions {
                -1 => self.config.default_partitions,
                count => count,
            };
            self.topics.check_new(&topic.name, count)?;
            let replicas = match topic.replication_factor {
                -1 => self.config.replication_factor,
                factor => usize::try_from(factor).unwrap_or(0),
            };
            return self.assign(count, replicas);
        }
        let count = i32::try_from(topic.assignments.len()).unwrap_or(i32::MAX);
        self.topics.check_new(&topic.name, count)?;
        let mut assignment = vec![Vec::new(); topic.assignments.len()];
        for given in &topic.assignments {
            let place = usize::try_from(given.partition_index).ok();
            let place = place.and_then(|index| assignment.get_mut(index));
            let mut brokers: Vec<i32> = given.broker_ids.iter().map(|broker| broker.0).collect();
            let ordered = brokers.clone();
            brokers.sort_unstable();
            brokers.dedup();
            let exist = brokers.iter().all(|broker| self.brokers.contains_key(broker));
            match place {
                Some(place) if place.is_empty() && exist && brokers.len() == ordered.len() => {
                    *place = ordered;
                }
                _ => return Err(bad_assignment()),
            }
        }
        let wrong = assignment.iter().any(Vec::is_empty);
        if wrong { Err(bad_assignment()) } else { Ok(assignment) }
    }

    /// Deletes topics. Who waits on them is answered by `settle`.
    pub(super) fn delete_topics(&mut self, request: DeleteTopicsRequest) -> Response {
        let by_name = request.topic_names.into_iter().map(|name| (Some(name), Uuid::nil()));
        let by_state = request.topics.into_iter().map(|state| (state.name, state.topic_id));
        let responses = by_name.chain(by_state).map(|(name, id)| {
            let index = match &name {
                Some(name) => self.topics.index(name),
                None => self.topics.index_of_id(&id),
            };
            let result = DeletableTopicResult::default().with_topic_id(id);
            let Some(topic) = index.and_then(|index| self.topics.remove(index)) else {
                let error = match &name {
                    Some(_) => ResponseError::UnknownTopicOrPartition,
                    None => ResponseError::UnknownTopicId,
                };
                return result.with_name(name).with_error_code(error.code());
            };
            if let Some(index) = index {
                self.traffic.forget(index);
            }
            for partition in &topic.partitions {
                self.woken.extend_from_slice(&partition.fetches);
                self.acknowledged.extend_from_slice(&partition.produces);
            }
            result.with_name(Some(topic.name)).with_topic_id(topic.id)
        });
        let responses = responses.collect();
        Response::DeleteTopics(DeleteTopicsResponse::default().with_responses(responses))
    }

    pub(super) fn describe_configs(&self, request: DescribeConfigsRequest) -> Response {
        let results = request.resources.into_iter().map(|resource| self.describe(resource));
        Response::DescribeConfigs(
            DescribeConfigsResponse::default().with_results(results.collect()),
        )
    }

    fn describe(&self, resource: DescribeConfigsResource) -> DescribeConfigsResult {
        let name = resource.resource_name;
        let found = match resource.resource_type {
            RESOURCE_TOPIC => match self.topics.named(&name) {
                Some(topic) => Ok(topic_configs(&topic.settings)),
                None => Err(ResponseError::UnknownTopicOrPartition),
            },
            RESOURCE_BROKER => match name.parse() {
                Ok(id) if self.brokers.contains_key(&id) => Ok(self.broker_configs(id)),
                _ => Err(ResponseError::InvalidRequest),
            },
            _ => Err(ResponseError::InvalidRequest),
        };
        let result = DescribeConfigsResult::default()
            .with_resource_type(resource.resource_type)
            .with_resource_name(name);
        let wanted = resource.configuration_keys;
        match found {
            Ok(configs) => {
                let asked = |config: &DescribeConfigsResourceResult| {
                    wanted.as_ref().is_none_or(|names| names.contains(&config.name))
                };
                result.with_configs(configs.into_iter().filter(asked).collect())
            }
            Err(error) => result
                .with_error_code(error.code())
                .with_error_message(Some(StrBytes::from_static_str("no such resource"))),
        }
    }

    fn broker_configs(&self, id: i32) -> Vec<DescribeConfigsResourceResult> {
        let config = &self.config;
        let values = [
            ("auto.create.topics.enable", config.auto_create_topics.to_string()),
            ("broker.id", id.to_string()),
            ("default.replication.factor", config.replication_factor.to_string()),
            ("log.retention.bytes", config.retention_bytes.to_string()),
            ("log.retention.ms", config.retention.as_millis().to_string()),
            ("message.max.bytes", config.message_bytes_max.to_string()),
            ("min.insync.replicas", config.min_insync_replicas.to_string()),
            ("num.partitions", config.default_partitions.to_string()),
            ("socket.request.max.bytes", config.request_bytes_max.to_string()),
            ("unclean.leader.election.enable", config.unclean_election.to_string()),
        ];
        values.into_iter().map(|(name, value)| one_config(name, value, SOURCE_BROKER)).collect()
    }

    /// Ids for idempotent producers. There are no transactions, and a producer that asks for
    /// them is told so.
    pub(super) fn init_producer_id(&mut self, request: InitProducerIdRequest) -> Response {
        let refused = InitProducerIdResponse::default().with_producer_id(ProducerId(-1));
        if request.transactional_id.is_some() {
            let code = ResponseError::InvalidRequest.code();
            return Response::InitProducerId(refused.with_producer_epoch(-1).with_error_code(code));
        }
        let keeps = request.producer_id.0 >= 0
            && request.producer_id.0 < self.next_producer_id
            && (0..i16::MAX - 1).contains(&request.producer_epoch);
        let (id, epoch) = if keeps {
            (request.producer_id.0, request.producer_epoch + 1)
        } else {
            let id = self.next_producer_id;
            self.next_producer_id += 1;
            (id, 0)
        };
        let response = InitProducerIdResponse::default();
        Response::InitProducerId(
            response.with_producer_id(ProducerId(id)).with_producer_epoch(epoch),
        )
    }
}

fn bad_assignment() -> Refusal {
    let message = "Replica assignment must name brokers that exist for partitions 0 to n-1.";
    (ResponseError::InvalidReplicaAssignment, message.into())
}

fn source(settings: &TopicSettings, name: &str) -> i8 {
    if settings.own.contains(&name) { SOURCE_TOPIC } else { SOURCE_DEFAULT }
}

fn topic_configs(settings: &TopicSettings) -> Vec<DescribeConfigsResourceResult> {
    let values = settings.list().into_iter();
    values.map(|(name, value)| one_config(name, value, source(settings, name))).collect()
}

fn one_config(name: &'static str, value: String, source: i8) -> DescribeConfigsResourceResult {
    DescribeConfigsResourceResult::default()
        .with_name(StrBytes::from_static_str(name))
        .with_value(Some(StrBytes::from_string(value)))
        .with_config_source(source)
}

fn created_configs(origin: &Origin, settings: &TopicSettings) -> Vec<CreatableTopicConfigs> {
    if origin.version < 5 {
        return Vec::new();
    }
    let configs = settings.list().into_iter().map(|(name, value)| {
        CreatableTopicConfigs::default()
            .with_name(StrBytes::from_static_str(name))
            .with_value(Some(StrBytes::from_string(value)))
            .with_config_source(source(settings, name))
    });
    configs.collect()
}
