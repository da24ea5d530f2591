//! ElectLeaders (KIP-183, KIP-460): the preferred replica leads again, or any that runs does where
//! nobody else can.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::elect_leaders_response::{PartitionResult, ReplicaElectionResult};
use kafka_protocol::messages::{ElectLeadersRequest, ElectLeadersResponse, TopicName};

use super::partition::registration::Change;
use super::{Cluster, PartitionKey};
use crate::wire::AdminResponse;

const PREFERRED: i8 = 0;
const UNCLEAN: i8 = 1;

impl Cluster {
    /// Elects for the partitions named. Where none are named it does so for all, and is silent
    /// about those that need no election.
    pub(super) fn elect_leaders(&mut self, request: ElectLeadersRequest) -> AdminResponse {
        let mut response = ElectLeadersResponse::default();
        if !matches!(request.election_type, PREFERRED | UNCLEAN) {
            response.error_code = ResponseError::InvalidRequest.code();
            return AdminResponse::ElectLeaders(response);
        }
        let all = request.topic_partitions.is_none();
        let wanted: Vec<(TopicName, Vec<i32>)> = match request.topic_partitions {
            Some(topics) => {
                topics.into_iter().map(|topic| (topic.topic, topic.partitions)).collect()
            }
            None => {
                let topics = self.topics.iter().map(|(_, topic)| topic);
                let indexes = |count: usize| (0i32..).take(count).collect();
                topics.map(|topic| (topic.name.clone(), indexes(topic.partitions.len()))).collect()
            }
        };
        for (name, partitions) in wanted {
            let results = partitions.into_iter().filter_map(|partition| {
                let elected = self.elect_leader(&name, partition, request.election_type);
                let code = elected.err().map_or(0, |error| error.code());
                let silent = all && code == ResponseError::ElectionNotNeeded.code();
                let result = PartitionResult::default().with_partition_id(partition);
                (!silent).then(|| result.with_error_code(code))
            });
            let results = results.collect();
            let result = ReplicaElectionResult::default().with_topic(name);
            response.replica_election_results.push(result.with_partition_result(results));
        }
        AdminResponse::ElectLeaders(response)
    }

    fn elect_leader(
        &mut self,
        topic: &str,
        partition: i32,
        election: i8,
    ) -> Result<(), ResponseError> {
        let unknown = ResponseError::UnknownTopicOrPartition;
        let key: PartitionKey = (self.topics.index(topic).ok_or(unknown)?, partition);
        let topic = self.topics.get_mut(key.0).ok_or(unknown)?;
        let min_insync_replicas = topic.settings.min_insync_replicas;
        let position = usize::try_from(partition).map_err(|_| unknown)?;
        let state = topic.partitions.get_mut(position).ok_or(unknown)?;
        let registration = &mut state.registration;
        let brokers = &self.brokers;
        let active = |id: i32| brokers.get(&id).is_some_and(super::brokers::Broker::may_lead);
        if election == PREFERRED {
            let preferred = registration.replicas.first().copied();
            if preferred == registration.leader {
                return Err(ResponseError::ElectionNotNeeded);
            }
            let ready = |&id: &i32| registration.isr.contains(&id) && active(id);
            let preferred = preferred.filter(ready);
            registration.lead(Some(preferred.ok_or(ResponseError::PreferredLeaderNotAvailable)?));
        } else {
            if registration.leader.is_some() {
                return Err(ResponseError::ElectionNotNeeded);
            }
            registration.change(Change {
                isr: registration.isr.clone(),
                unclean_shutdown: None,
                unclean_election: true,
                min_insync_replicas,
                active: &active,
            });
            if registration.leader.is_none() {
                return Err(ResponseError::EligibleLeadersNotAvailable);
            }
        }
        self.spread(key);
        Ok(())
    }
}
