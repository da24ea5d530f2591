//! New topics and where their replicas go; producer ids.

use std::collections::BTreeMap;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::TopicName;
use kafka_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use kafka_protocol::protocol::StrBytes;
use rand::Rng;
use uuid::Uuid;

use super::Cluster;
use super::configs::TopicSettings;
use super::creation::Refusal;
use super::partition::{Partition, Surroundings};
use super::topics::{Topic, TopicIndex, check_name};
use crate::error::ClusterError;

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

    /// Adds partitions to a topic, up to so many in all.
    pub(crate) fn grow_topic(&mut self, name: &str, partitions: i32) -> Result<(), ClusterError> {
        let wanted = CreatePartitionsTopic::default()
            .with_name(TopicName(StrBytes::from_string(name.to_owned())))
            .with_count(partitions)
            .with_assignments(None);
        self.grow(&wanted, false)
            .map_err(|(_, reason)| ClusterError::Topic { topic: name.to_owned(), reason })
    }

    pub(super) fn add_topic(&mut self, name: &str, count: i32) -> Result<TopicIndex, Refusal> {
        check_name(name)?;
        self.topics.check_free(name)?;
        self.topics.check_room(count, count)?;
        let replicas = self.config.replication_factor;
        let assignment = self.assign(count, replicas)?;
        let settings = TopicSettings::new(BTreeMap::new(), &self.defaults);
        let name = TopicName(StrBytes::from_string(name.to_owned()));
        Ok(self.insert_topic(name, &assignment, settings))
    }

    /// Spreads replicas over the brokers that run, leaders in turn.
    pub(super) fn assign(&mut self, count: i32, replicas: usize) -> Result<Vec<Vec<i32>>, Refusal> {
        let brokers: Vec<i32> = self.known_brokers().map(|(id, _)| id).collect();
        if replicas == 0 || replicas > brokers.len() {
            let registered = self.brokers.len();
            let message = format!(
                "Unable to replicate the partition {replicas} time(s): The target replication \
                 factor of {replicas} cannot be reached because only {registered} broker(s) are \
                 registered."
            );
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

    pub(super) fn insert_topic(
        &mut self,
        name: TopicName,
        assignment: &[Vec<i32>],
        settings: TopicSettings,
    ) -> TopicIndex {
        let id = new_id(&mut self.random);
        let partitions = self.new_partitions(assignment, settings.min_insync_replicas);
        self.topics.add(Topic { name, id, partitions, settings })
    }

    /// Empty partitions on these replicas.
    pub(super) fn new_partitions(
        &self,
        assignment: &[Vec<i32>],
        min_insync_replicas: usize,
    ) -> Vec<Partition> {
        let around = Surroundings {
            brokers: &self.brokers,
            min_insync_replicas,
            lag_time_max: self.config.replica_lag_time_max,
            flush_messages: self.config.flush_messages,
            defect: self.config.defect,
            now: self.now,
        };
        assignment.iter().map(|replicas| Partition::new(replicas, around)).collect()
    }
}
