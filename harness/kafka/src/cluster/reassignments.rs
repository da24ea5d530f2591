//! AlterPartitionReassignments and ListPartitionReassignments (KIP-455, KIP-860), with the
//! refusals of Kafka's controller (`ReplicationControlManager`). What is asked for is recorded at
//! once; replication brings the new replicas into the in-sync set, which completes it.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::alter_partition_reassignments_request::ReassignablePartition;
use kafka_protocol::messages::alter_partition_reassignments_response::{
    ReassignablePartitionResponse, ReassignableTopicResponse,
};
use kafka_protocol::messages::list_partition_reassignments_response::{
    OngoingPartitionReassignment, OngoingTopicReassignment,
};
use kafka_protocol::messages::{
    AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse, BrokerId,
    ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse, TopicName,
};
use kafka_protocol::protocol::StrBytes;

use super::Cluster;
use super::creation::Refusal;
use super::partition::Partition;
use super::partition::reassignment::{Assignment, Return};
use super::partition::registration::Change;
use crate::wire::AdminResponse;

impl Cluster {
    /// Moves partitions to other replicas, or cancels that they move.
    pub(super) fn alter_reassignments(
        &mut self,
        request: AlterPartitionReassignmentsRequest,
    ) -> AdminResponse {
        let resize = request.allow_replication_factor_change;
        let topics = request.topics.into_iter().map(|topic| {
            let partitions = topic.partitions.into_iter().map(|wanted| {
                let result = ReassignablePartitionResponse::default();
                let result = result.with_partition_index(wanted.partition_index);
                match self.reassign(&topic.name, &wanted, resize) {
                    Ok(()) => result.with_error_message(None),
                    Err((error, message)) => result
                        .with_error_code(error.code())
                        .with_error_message(Some(StrBytes::from_string(message))),
                }
            });
            let partitions = partitions.collect();
            ReassignableTopicResponse::default().with_name(topic.name).with_partitions(partitions)
        });
        let response = AlterPartitionReassignmentsResponse::default()
            .with_responses(topics.collect())
            .with_allow_replication_factor_change(resize)
            .with_error_message(None);
        AdminResponse::AlterPartitionReassignments(response)
    }

    fn reassign(
        &mut self,
        name: &TopicName,
        wanted: &ReassignablePartition,
        resize: bool,
    ) -> Result<(), Refusal> {
        let unknown = |what: String| (ResponseError::UnknownTopicOrPartition, what);
        let index = wanted.partition_index;
        let absent = || unknown(format!("Unable to find a topic named {}.", &***name));
        let topic = self.topics.index(name).ok_or_else(absent)?;
        let state = self.topics.get(topic).ok_or_else(absent)?;
        let position = usize::try_from(index).unwrap_or(usize::MAX);
        let partition = state
            .partitions
            .get(position)
            .ok_or_else(|| unknown(format!("Unable to find partition {}:{index}.", &***name)))?;
        let settings = (state.settings.min_insync_replicas, state.settings.unclean_election);
        let (assignment, isr, unclean) = match &wanted.replicas {
            None => {
                let back = self.cancellation(name, index, partition, settings.1)?;
                (back.assignment, back.isr, settings.1)
            }
            Some(target) => {
                let assignment = self.reassignment(partition, target, resize)?;
                (assignment, partition.registration.isr.clone(), false)
            }
        };
        let brokers = &self.brokers;
        let active = |id: i32| brokers.get(&id).is_some_and(super::brokers::Broker::may_lead);
        if let Some(partition) = self.topics.partition_mut(topic, index) {
            let change = Change {
                isr,
                unclean_shutdown: None,
                unclean_election: unclean,
                min_insync_replicas: settings.0,
                active: &active,
            };
            partition.registration.reassign(assignment, change);
        }
        self.spread((topic, index));
        Ok(())
    }

    fn reassignment(
        &self,
        partition: &Partition,
        target: &[BrokerId],
        resize: bool,
    ) -> Result<Assignment, Refusal> {
        let target = self.manual_replicas(target, None)?;
        let before = partition.registration.settled_replicas();
        if !resize && before != target.len() {
            let after = target.len();
            let message = format!("The replication factor is changed from {before} to {after}");
            return Err((ResponseError::InvalidReplicationFactor, message));
        }
        Ok(partition.registration.towards(&target))
    }

    fn cancellation(
        &self,
        name: &str,
        index: i32,
        partition: &Partition,
        unclean_election: bool,
    ) -> Result<Return, Refusal> {
        if !partition.registration.is_reassigned() {
            let message = "No partition reassignment is in progress.".to_owned();
            return Err((ResponseError::NoReassignmentInProgress, message));
        }
        let back = partition.registration.back();
        back.filter(|back| !back.unclean || unclean_election).ok_or_else(|| {
            let message = format!(
                "Unable to revert partition assignment for {name}:{index} because it would \
                 require an unclean leader election."
            );
            (ResponseError::InvalidReplicaAssignment, message)
        })
    }

    /// The partitions that are on the move, of these topics or of all.
    pub(super) fn list_reassignments(
        &self,
        request: ListPartitionReassignmentsRequest,
    ) -> AdminResponse {
        let topics = match request.topics {
            None => self.topics.iter().map(|(_, topic)| (topic, None)).collect(),
            Some(wanted) => {
                let named = wanted.into_iter();
                let named =
                    named.map(|it| (self.topics.named(&it.name), Some(it.partition_indexes)));
                named.filter_map(|(topic, indexes)| Some((topic?, indexes))).collect::<Vec<_>>()
            }
        };
        let topics = topics.into_iter().filter_map(|(topic, indexes)| {
            let indexes = indexes.unwrap_or_else(|| (0..topic.partitions.len() as i32).collect());
            let moving = indexes.into_iter().filter_map(|index| {
                ongoing(index, topic.partitions.get(usize::try_from(index).ok()?)?)
            });
            let moving: Vec<_> = moving.collect();
            let listed = OngoingTopicReassignment::default().with_name(topic.name.clone());
            (!moving.is_empty()).then(|| listed.with_partitions(moving))
        });
        let response = ListPartitionReassignmentsResponse::default()
            .with_topics(topics.collect())
            .with_error_message(None);
        AdminResponse::ListPartitionReassignments(response)
    }
}

fn ongoing(index: i32, partition: &Partition) -> Option<OngoingPartitionReassignment> {
    let registration = &partition.registration;
    let ids = |ids: &[i32]| ids.iter().copied().map(BrokerId).collect();
    registration.is_reassigned().then(|| {
        OngoingPartitionReassignment::default()
            .with_partition_index(index)
            .with_replicas(ids(&registration.replicas))
            .with_adding_replicas(ids(&registration.adding))
            .with_removing_replicas(ids(&registration.removing))
    })
}
