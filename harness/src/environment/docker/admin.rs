//! What is asked of a broker: a function a question.

pub(super) mod quotas;

use super::wire::{Connection, checked};
use anyhow::{Context as _, anyhow};
use bytes::{Buf, Bytes};
use kafka_protocol::messages::alter_partition_reassignments_request::{
    ReassignablePartition, ReassignableTopic,
};
use kafka_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use kafka_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use kafka_protocol::messages::delete_records_request::{
    DeleteRecordsPartition, DeleteRecordsTopic,
};
use kafka_protocol::messages::describe_quorum_request::{PartitionData, TopicData};
use kafka_protocol::messages::elect_leaders_request::TopicPartitions;
use kafka_protocol::messages::leave_group_request::MemberIdentity;
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::offset_fetch_request::OffsetFetchRequestGroup;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{
    AlterPartitionReassignmentsRequest, BrokerId, ConsumerProtocolAssignment,
    CreatePartitionsRequest, CreateTopicsRequest, DeleteRecordsRequest, DescribeGroupsRequest,
    DescribeQuorumRequest, ElectLeadersRequest, FindCoordinatorRequest, GroupId, LeaveGroupRequest,
    ListOffsetsRequest, MetadataRequest, OffsetFetchRequest, ProduceRequest, TopicName,
};
use kafka_protocol::protocol::{Decodable, StrBytes};
use std::collections::{BTreeMap, BTreeSet};

/// How long a broker may take to do what it is asked, in milliseconds.
const TIMEOUT_MS: i32 = 5_000;
/// How long it waits for followers that let go of records as well, in milliseconds: nobody waits
/// for that.
const TRIM_TIMEOUT_MS: i32 = 100;
/// The codes that say that nothing is to be done.
const TOPIC_EXISTS: i16 = 36;
const ELECTION_NOT_NEEDED: i16 = 84;
const NOT_ENOUGH_REPLICAS: i16 = 19;
/// A batch without records, of 61 bytes as the shortest is, whose checksum is wrong: nobody writes
/// it.
const CORRUPT_BATCH: [u8; 61] = {
    let mut batch = [0; 61];
    // The length of what follows it, and the version of the format.
    batch[11] = 49;
    batch[16] = 2;
    batch
};
/// The state of a group with members that does not rebalance.
const SETTLED: &str = "Stable";
/// A partition, with its topic.
pub(super) type Place = (String, i32);

/// A partition as a broker knows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Partition {
    /// Its leader, if it has one.
    pub(super) leader: Option<i32>,
    /// Grows with each leader.
    pub(super) epoch: i32,
    /// The brokers that have a copy, the preferred leader first.
    pub(super) replicas: Vec<i32>,
    /// Those that are in sync.
    pub(super) in_sync: BTreeSet<i32>,
    /// Those whose copy is offline.
    pub(super) offline: BTreeSet<i32>,
}

/// What a broker knows of the cluster.
#[derive(Debug, Clone, Default)]
pub(super) struct Metadata {
    /// The brokers that are not fenced.
    pub(super) brokers: BTreeSet<i32>,
    /// The partitions of the topics asked for, where they exist.
    pub(super) partitions: BTreeMap<Place, Partition>,
}

/// A member of a consumer group.
#[derive(Debug, Clone)]
pub(super) struct Member {
    /// Its client id.
    pub(super) client: String,
    /// How many partitions it owns; none while the group rebalances.
    pub(super) owned: usize,
}

/// A consumer group as its coordinator knows it.
#[derive(Debug, Clone, Default)]
pub(super) struct Group {
    /// Whether it has members, and does not rebalance.
    pub(super) settled: bool,
    /// Members by their id.
    pub(super) members: BTreeMap<String, Member>,
    /// The offsets committed.
    pub(super) committed: BTreeMap<Place, i64>,
}

impl Group {
    /// How many partitions the members own.
    pub(super) fn assigned(&self) -> usize {
        self.members.values().map(|member| member.owned).sum()
    }

    /// How many members own partitions; nothing while the group rebalances.
    pub(super) fn owners(&self) -> Option<usize> {
        let owners = self.members.values().filter(|member| member.owned > 0);
        self.settled.then(|| owners.count())
    }
}

/// Makes an error of an answer's code, with what the broker says of it; 0 is none.
fn explained(code: i16, what: &str, said: &Option<StrBytes>) -> anyhow::Result<()> {
    checked(code, what).with_context(|| said.as_ref().map_or_else(String::new, ToString::to_string))
}

fn topic_name(name: &str) -> TopicName {
    TopicName(StrBytes::from_string(name.to_owned()))
}

/// Brokers and partitions.
pub(super) async fn metadata(
    connection: &mut Connection,
    topics: &[&str],
) -> anyhow::Result<Metadata> {
    let topics = topics
        .iter()
        .map(|name| MetadataRequestTopic::default().with_name(Some(topic_name(name))))
        .collect();
    let request =
        MetadataRequest::default().with_topics(Some(topics)).with_allow_auto_topic_creation(false);
    let answer = connection.ask(9, &request).await?;
    let ids = |ids: &[BrokerId]| ids.iter().map(|id| id.0).collect::<BTreeSet<_>>();
    let mut metadata = Metadata {
        brokers: answer.brokers.iter().map(|broker| broker.node_id.0).collect(),
        partitions: BTreeMap::new(),
    };
    for topic in answer.topics.iter().filter(|topic| topic.error_code == 0) {
        let name = topic.name.as_ref().map_or("", |name| name.0.as_str());
        for partition in &topic.partitions {
            let leader = partition.leader_id.0;
            let view = Partition {
                leader: (leader >= 0).then_some(leader),
                epoch: partition.leader_epoch,
                replicas: partition.replica_nodes.iter().map(|id| id.0).collect(),
                in_sync: ids(&partition.isr_nodes),
                offline: ids(&partition.offline_replicas),
            };
            metadata.partitions.insert((name.to_owned(), partition.partition_index), view);
        }
    }
    Ok(metadata)
}

/// The offsets after the last record that every replica in sync has, of partitions that the
/// broker leads.
pub(super) async fn ends(
    connection: &mut Connection,
    led: &[Place],
) -> anyhow::Result<BTreeMap<Place, i64>> {
    let latest = |(topic, index): &Place| {
        let partition =
            ListOffsetsPartition::default().with_partition_index(*index).with_timestamp(-1);
        ListOffsetsTopic::default().with_name(topic_name(topic)).with_partitions(vec![partition])
    };
    let request = ListOffsetsRequest::default()
        .with_replica_id(BrokerId(-1))
        .with_topics(led.iter().map(latest).collect());
    let answer = connection.ask(6, &request).await?;
    let mut ends = BTreeMap::new();
    for topic in answer.topics {
        for partition in topic.partitions.iter().filter(|partition| partition.error_code == 0) {
            ends.insert((topic.name.0.to_string(), partition.partition_index), partition.offset);
        }
    }
    Ok(ends)
}

/// The active controller with its epoch.
pub(super) async fn controller(connection: &mut Connection) -> anyhow::Result<(i32, i32)> {
    let partition = PartitionData::default().with_partition_index(0);
    let topic = TopicData::default()
        .with_topic_name(topic_name("__cluster_metadata"))
        .with_partitions(vec![partition]);
    let request = DescribeQuorumRequest::default().with_topics(vec![topic]);
    let answer = connection.ask(1, &request).await?;
    let partition = answer.topics.first().and_then(|topic| topic.partitions.first());
    let partition = partition.context("the quorum says nothing of itself")?;
    checked(partition.error_code, "describe the quorum")?;
    Ok((partition.leader_epoch, partition.leader_id.0))
}

/// The broker that coordinates a consumer group.
pub(super) async fn coordinator(connection: &mut Connection, group: &str) -> anyhow::Result<i32> {
    let request =
        FindCoordinatorRequest::default().with_key(StrBytes::from_string(group.to_owned()));
    let answer = connection.ask(3, &request).await?;
    checked(answer.error_code, "find the coordinator")?;
    Ok(answer.node_id.0)
}

/// A consumer group; only its coordinator knows it.
pub(super) async fn group(connection: &mut Connection, name: &str) -> anyhow::Result<Group> {
    let id = GroupId(StrBytes::from_string(name.to_owned()));
    let request = DescribeGroupsRequest::default().with_groups(vec![id.clone()]);
    let described = connection.ask(5, &request).await?;
    let described = described.groups.into_iter().next().context("no group is described")?;
    checked(described.error_code, "describe the group")?;
    let settled = described.group_state.as_str() == SETTLED;
    let mut group = Group { settled, ..Group::default() };
    for described in described.members {
        let owned = owned(&described.member_assignment);
        let member = Member { client: described.client_id.to_string(), owned };
        group.members.insert(described.member_id.to_string(), member);
    }
    let request = OffsetFetchRequest::default()
        .with_groups(vec![OffsetFetchRequestGroup::default().with_group_id(id).with_topics(None)]);
    let fetched = connection.ask(8, &request).await?;
    let fetched = fetched.groups.into_iter().next().context("no offsets are told")?;
    checked(fetched.error_code, "fetch offsets")?;
    for topic in fetched.topics {
        for partition in topic.partitions {
            let place = (topic.name.0.to_string(), partition.partition_index);
            group.committed.insert(place, partition.committed_offset);
        }
    }
    Ok(group)
}

/// Tells a group's coordinator that a member leaves.
pub(super) async fn throw_out(
    connection: &mut Connection,
    group: &str,
    member: &str,
) -> anyhow::Result<()> {
    let member = MemberIdentity::default().with_member_id(StrBytes::from_string(member.to_owned()));
    let request = LeaveGroupRequest::default()
        .with_group_id(GroupId(StrBytes::from_string(group.to_owned())))
        .with_members(vec![member]);
    let answer = connection.ask(4, &request).await?;
    checked(answer.error_code, "leave the group")?;
    let mut members = answer.members.iter();
    members.try_for_each(|member| checked(member.error_code, "leave the group"))
}

/// Whether a partition's leader refuses to write with `acks=all` because too few are in sync. It is
/// asked to write what it cannot: it looks at those in sync first.
pub(super) async fn lacks_replicas(
    connection: &mut Connection,
    (topic, index): &Place,
) -> anyhow::Result<bool> {
    let partition = PartitionProduceData::default()
        .with_index(*index)
        .with_records(Some(Bytes::from_static(&CORRUPT_BATCH)));
    let topic = TopicProduceData::default()
        .with_name(topic_name(topic))
        .with_partition_data(vec![partition]);
    let request = ProduceRequest::default()
        .with_acks(-1)
        .with_timeout_ms(TIMEOUT_MS)
        .with_topic_data(vec![topic]);
    let answer = connection.ask(9, &request).await?;
    let mut partitions = answer.responses.iter().flat_map(|topic| &topic.partition_responses);
    Ok(partitions.any(|partition| partition.error_code == NOT_ENOUGH_REPLICAS))
}

/// How many partitions an assignment gives; none while the group rebalances.
fn owned(assignment: &Bytes) -> usize {
    let mut rest = assignment.clone();
    if rest.len() < 2 {
        return 0;
    }
    let version = rest.get_i16().clamp(0, 3);
    ConsumerProtocolAssignment::decode(&mut rest, version).map_or(0, |assignment| {
        assignment.assigned_partitions.iter().map(|topic| topic.partitions.len()).sum()
    })
}

/// Creates topics alike, those that are not there yet.
pub(super) async fn create_topics(
    connection: &mut Connection,
    topics: &[(&str, i32)],
    replicas: i16,
    settings: &[(&str, String)],
) -> anyhow::Result<()> {
    let setting = |(name, value): &(&str, String)| {
        CreatableTopicConfig::default()
            .with_name(StrBytes::from_string((*name).to_owned()))
            .with_value(Some(StrBytes::from_string(value.clone())))
    };
    let topic = |(name, partitions): &(&str, i32)| {
        CreatableTopic::default()
            .with_name(topic_name(name))
            .with_num_partitions(*partitions)
            .with_replication_factor(replicas)
            .with_configs(settings.iter().map(setting).collect())
    };
    let request = CreateTopicsRequest::default()
        .with_topics(topics.iter().map(topic).collect())
        .with_timeout_ms(TIMEOUT_MS);
    let answer = connection.ask(6, &request).await?;
    let mut refused = answer.topics.iter().filter(|topic| topic.error_code != TOPIC_EXISTS);
    refused.try_for_each(|topic| {
        explained(topic.error_code, topic.name.0.as_str(), &topic.error_message)
    })
}

/// Gives a topic so many partitions in all.
pub(super) async fn grow_topic(
    connection: &mut Connection,
    topic: &str,
    partitions: i32,
) -> anyhow::Result<()> {
    let topic = CreatePartitionsTopic::default()
        .with_name(topic_name(topic))
        .with_count(partitions)
        .with_assignments(None);
    let request =
        CreatePartitionsRequest::default().with_topics(vec![topic]).with_timeout_ms(TIMEOUT_MS);
    let answer = connection.ask(3, &request).await?;
    answer.results.iter().try_for_each(|topic| {
        explained(topic.error_code, topic.name.0.as_str(), &topic.error_message)
    })
}

/// Lets go of the records below these offsets, of partitions that the broker leads.
pub(super) async fn delete_records(
    connection: &mut Connection,
    below: &BTreeMap<Place, i64>,
) -> anyhow::Result<()> {
    let topic = |((topic, index), offset): (&Place, &i64)| {
        let partition =
            DeleteRecordsPartition::default().with_partition_index(*index).with_offset(*offset);
        DeleteRecordsTopic::default().with_name(topic_name(topic)).with_partitions(vec![partition])
    };
    let request = DeleteRecordsRequest::default()
        .with_topics(below.iter().map(topic).collect())
        .with_timeout_ms(TRIM_TIMEOUT_MS);
    // A partition that refuses is asked again with the next offset.
    connection.ask(2, &request).await.map(drop)
}

/// Says which brokers have copies of a partition, the preferred leader first.
pub(super) async fn reassign(
    connection: &mut Connection,
    (topic, index): &Place,
    replicas: &[i32],
) -> anyhow::Result<()> {
    let partition = ReassignablePartition::default()
        .with_partition_index(*index)
        .with_replicas(Some(replicas.iter().map(|id| BrokerId(*id)).collect()));
    let topic =
        ReassignableTopic::default().with_name(topic_name(topic)).with_partitions(vec![partition]);
    let request = AlterPartitionReassignmentsRequest::default()
        .with_timeout_ms(TIMEOUT_MS)
        .with_topics(vec![topic]);
    let answer = connection.ask(0, &request).await?;
    checked(answer.error_code, "reassign")?;
    let mut partitions = answer.responses.iter().flat_map(|topic| &topic.partitions);
    partitions.try_for_each(|partition| checked(partition.error_code, "reassign a partition"))
}

/// Has the preferred leader of a partition elected.
pub(super) async fn elect_preferred(
    connection: &mut Connection,
    (topic, index): &Place,
) -> anyhow::Result<()> {
    let partition =
        TopicPartitions::default().with_topic(topic_name(topic)).with_partitions(vec![*index]);
    let request = ElectLeadersRequest::default()
        .with_election_type(0)
        .with_topic_partitions(Some(vec![partition]))
        .with_timeout_ms(TIMEOUT_MS);
    let answer = connection.ask(2, &request).await?;
    checked(answer.error_code, "elect leaders")?;
    let results = answer.replica_election_results.iter().flat_map(|topic| &topic.partition_result);
    for result in results {
        if ![0, ELECTION_NOT_NEEDED].contains(&result.error_code) {
            let why = result.error_message.as_ref().map_or("", |text| text.as_str());
            return Err(anyhow!("election refused with code {}: {why}", result.error_code));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::{BufMut, BytesMut};
    use kafka_protocol::messages::consumer_protocol_assignment::TopicPartition;
    use kafka_protocol::protocol::Encodable;

    #[test]
    fn what_members_own_is_counted_and_a_broken_assignment_owns_nothing() {
        let topic =
            TopicPartition::default().with_topic(topic_name("t")).with_partitions(vec![0, 3, 4]);
        let assignment =
            ConsumerProtocolAssignment::default().with_assigned_partitions(vec![topic]);
        let mut bytes = BytesMut::new();
        bytes.put_i16(1);
        assignment.encode(&mut bytes, 1).unwrap();
        let bytes = bytes.freeze();
        assert_eq!(owned(&bytes), 3);
        for end in 0..bytes.len() {
            assert_eq!(owned(&bytes.slice(..end)), 0, "{end} bytes");
        }
        assert_eq!(owned(&Bytes::new()), 0);
    }
}
