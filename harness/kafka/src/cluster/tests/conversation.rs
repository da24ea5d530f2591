//! Every request in every version served: it passes its shape check, is answered, and the answer
//! is one that the codec of that version reads.

use kafka_protocol::messages::alter_client_quotas_request::{EntityData, EntryData, OpData};
use kafka_protocol::messages::alter_user_scram_credentials_request::{
    ScramCredentialDeletion, ScramCredentialUpsertion,
};
use kafka_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use kafka_protocol::messages::delete_records_request::{
    DeleteRecordsPartition, DeleteRecordsTopic,
};
use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::describe_client_quotas_request::ComponentData;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::describe_user_scram_credentials_request::UserName;
use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::leave_group_request::MemberIdentity;
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::offset_delete_request::{
    OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use kafka_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
};
use kafka_protocol::messages::offset_for_leader_epoch_request::{
    OffsetForLeaderPartition, OffsetForLeaderTopic,
};
use kafka_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use kafka_protocol::messages::*;

use super::*;
use crate::wire::{Api, served};

fn versions<R: Message>() -> std::ops::RangeInclusive<i16> {
    let api = Api::of(R::KEY).unwrap();
    api.version_min..=api.version_max
}

pub(super) fn text(text: &'static str) -> StrBytes {
    StrBytes::from_static_str(text)
}

/// Asks each broker in each version; they lead, coordinate, or refuse.
pub(super) fn converse<R: Message>(request: impl Fn(i16) -> R) {
    for version in versions::<R>() {
        let mut world = World::with_topic();
        world.produce(1, 1, sample(3, None, 40));
        for broker in 1..=3 {
            world.send(broker, version, &request(version));
            world.pass(10 * SECOND);
            let late = std::mem::take(&mut world.late);
            late.into_iter().for_each(|late| drop(read_answer::<R>(late.response, version)));
        }
        super::failing::refused_in_full(version, &request(version));
    }
}

#[test]
fn every_served_request_is_conversed_about() {
    let count = served().len();
    assert_eq!(count, 52, "a request was added: converse about it below or in `transacting`");
}

#[test]
fn cluster_requests() {
    converse(|version| {
        let request = ApiVersionsRequest::default();
        let software = if version >= 3 { text("test") } else { text("") };
        request.with_client_software_name(software.clone()).with_client_software_version(software)
    });
    converse(|version| {
        let named = |topic| MetadataRequestTopic::default().with_name(Some(name(topic)));
        let topics = ["t", "absent", "bad name"].map(named).to_vec();
        let topics = if version == 9 { None } else { Some(topics) };
        MetadataRequest::default().with_topics(topics).with_allow_auto_topic_creation(true)
    });
    converse(|version| {
        let keys = if version >= 4 { vec![text("g"), text("h")] } else { Vec::new() };
        let key = if version < 4 { text("g") } else { text("") };
        FindCoordinatorRequest::default().with_coordinator_keys(keys).with_key(key)
    });
    converse(|version| {
        let request = InitProducerIdRequest::default().with_transaction_timeout_ms(5);
        match version {
            3.. => request.with_producer_id(ProducerId(1)).with_producer_epoch(3),
            _ => request.with_producer_id(ProducerId(-1)).with_producer_epoch(-1),
        }
    });
}

#[test]
fn topic_requests() {
    converse(|_| {
        let configs = ["retention.bytes", "nonsense"].map(|config| {
            CreatableTopicConfig::default().with_name(text(config)).with_value(Some(text("9000")))
        });
        let topic = |topic: &str, configs: &[CreatableTopicConfig]| {
            CreatableTopic::default()
                .with_name(name(topic))
                .with_num_partitions(2)
                .with_replication_factor(-1)
                .with_configs(configs.to_vec())
        };
        let topics = vec![topic("new", &configs[..1]), topic("odd", &configs), topic("t", &[])];
        CreateTopicsRequest::default().with_topics(topics).with_timeout_ms(100)
    });
    converse(|version| {
        let request = DeleteTopicsRequest::default().with_timeout_ms(100);
        let state = |topic| DeleteTopicState::default().with_name(Some(name(topic)));
        match version {
            6.. => request.with_topics(vec![state("t"), state("absent")]),
            _ => request.with_topic_names(vec![name("t"), name("absent")]),
        }
    });
    converse(|_| {
        let resource = |kind: i8, name: &'static str| {
            let resource = DescribeConfigsResource::default().with_resource_type(kind);
            resource.with_resource_name(text(name)).with_configuration_keys(None)
        };
        let resources = vec![resource(2, "t"), resource(2, "x"), resource(4, "1"), resource(9, "")];
        DescribeConfigsRequest::default().with_resources(resources)
    });
    converse(|_| {
        let partition = |index, offset| {
            DeleteRecordsPartition::default().with_partition_index(index).with_offset(offset)
        };
        let partitions = vec![partition(0, 1), partition(1, -1), partition(7, 0)];
        let topic = DeleteRecordsTopic::default().with_name(name("t")).with_partitions(partitions);
        DeleteRecordsRequest::default().with_topics(vec![topic])
    });
}

#[test]
fn record_requests() {
    for version in versions::<ProduceRequest>() {
        let mut world = World::with_topic();
        let id = world.cluster.topics.named("t").unwrap().id;
        for (broker, expected) in [(1, 0), (2, ResponseError::NotLeaderOrFollower.code())] {
            let mut request = produce_request(0, -1, sample(1, None, 30));
            if version >= 13 {
                request.topic_data[0].name = TopicName::default();
                request.topic_data[0].topic_id = id;
            }
            let answer = world.ask(broker, version, &request);
            assert_eq!(answer.responses[0].partition_responses[0].error_code, expected);
            let hinted = version >= 10 && broker == 2;
            assert_eq!(answer.node_endpoints.len(), usize::from(hinted), "version {version}");
        }
    }
    for version in versions::<FetchRequest>() {
        let mut world = World::with_topic();
        world.produce(1, 1, sample(3, None, 6_000));
        world.produce(1, 1, sample(3, None, 40));
        let id = world.cluster.topics.named("t").unwrap().id;
        for broker in [1, 2, 3] {
            let mut request = fetch_request(0, 0, 0, 0);
            if broker == 3 {
                world.cluster.move_leader("t", 0, Some(1), &mut world.late).unwrap_err();
                world.cluster.move_leader("t", 0, Some(2), &mut world.late).unwrap();
                request.topics[0].partitions[0].current_leader_epoch = 0;
            }
            if version >= 13 {
                request.topics[0].topic = TopicName::default();
                request.topics[0].topic_id = id;
            }
            if version >= 15 {
                request.replica_id = BrokerId(-1);
            }
            let answer = world.ask(broker, version, &request);
            let refused = match broker {
                2 if version < 11 => Some(ResponseError::NotLeaderOrFollower),
                3 if version >= 9 => Some(ResponseError::FencedLeaderEpoch),
                3 => Some(ResponseError::NotLeaderOrFollower),
                _ => None,
            };
            let Some(refused) = refused else {
                assert_eq!((error(&answer), bases(&answer)), (0, vec![0, 3]), "version {version}");
                continue;
            };
            assert_eq!(error(&answer), refused.code(), "version {version} at {broker}");
            assert_eq!(answer.node_endpoints.len(), usize::from(version >= 16));
        }
    }
    converse(|version| {
        let timestamps = [-1, -2, -3, -4, -5, 0, 1_500, i64::MAX];
        let partitions = timestamps.into_iter().flat_map(|timestamp| {
            let partition = ListOffsetsPartition::default().with_timestamp(timestamp);
            let epoch = if version >= 4 { 0 } else { -1 };
            [0, 1, 9].map(|index| {
                partition.clone().with_partition_index(index).with_current_leader_epoch(epoch)
            })
        });
        let partitions = partitions.collect();
        let topic = ListOffsetsTopic::default().with_name(name("t")).with_partitions(partitions);
        ListOffsetsRequest::default().with_replica_id(BrokerId(-1)).with_topics(vec![topic])
    });
    converse(|_| {
        let partition = |epoch: i32| {
            let partition = OffsetForLeaderPartition::default().with_leader_epoch(epoch);
            partition.with_current_leader_epoch(-1)
        };
        let partitions = vec![partition(0), partition(3)];
        let topic =
            OffsetForLeaderTopic::default().with_topic(name("t")).with_partitions(partitions);
        OffsetForLeaderEpochRequest::default()
            .with_replica_id(BrokerId(-2))
            .with_topics(vec![topic])
    });
}

#[test]
fn membership_requests() {
    converse(|version| {
        let protocol = JoinGroupRequestProtocol::default().with_name(text("range"));
        let protocol = protocol.with_metadata(Bytes::from_static(b"metadata"));
        let instance = (version >= 5).then(|| text("static"));
        JoinGroupRequest::default()
            .with_group_id(GroupId(text("g")))
            .with_session_timeout_ms(6_000)
            .with_rebalance_timeout_ms(if version >= 1 { 3_000 } else { -1 })
            .with_protocol_type(text("consumer"))
            .with_group_instance_id(instance)
            .with_protocols(vec![protocol])
    });
    converse(|_| {
        let assignment = SyncGroupRequestAssignment::default().with_member_id(text("m"));
        let assignment = assignment.with_assignment(Bytes::from_static(b"assignment"));
        let request = SyncGroupRequest::default().with_group_id(GroupId(text("g")));
        request.with_member_id(text("m")).with_assignments(vec![assignment])
    });
    converse(|_| {
        HeartbeatRequest::default().with_group_id(GroupId(text("g"))).with_member_id(text("m"))
    });
    converse(|version| {
        let request = LeaveGroupRequest::default().with_group_id(GroupId(text("g")));
        match version {
            3.. => request.with_members(vec![MemberIdentity::default().with_member_id(text("m"))]),
            _ => request.with_member_id(text("m")),
        }
    });
    converse(|_| {
        let groups = vec![GroupId(text("g")), GroupId(text("h"))];
        DescribeGroupsRequest::default().with_groups(groups)
    });
    converse(|version| {
        let states = if version >= 4 { vec![text("Stable"), text("Empty")] } else { Vec::new() };
        ListGroupsRequest::default().with_states_filter(states)
    });
    converse(|version| {
        let regex = (version >= 1).then(|| text("t.*"));
        ConsumerGroupHeartbeatRequest::default()
            .with_group_id(GroupId(text("modern")))
            .with_member_id(text("m"))
            .with_rebalance_timeout_ms(5_000)
            .with_subscribed_topic_names(Some(vec![name("t")]))
            .with_subscribed_topic_regex(regex)
            .with_topic_partitions(Some(Vec::new()))
    });
    converse(|_| {
        let groups = vec![GroupId(text("modern")), GroupId(text("absent"))];
        ConsumerGroupDescribeRequest::default().with_group_ids(groups)
    });
    converse(|_| DeleteGroupsRequest::default().with_groups_names(vec![GroupId(text("g"))]));
}

#[test]
fn offset_requests() {
    converse(|_| {
        let partition = |index| {
            let partition = OffsetCommitRequestPartition::default().with_partition_index(index);
            partition.with_committed_offset(5).with_committed_leader_epoch(-1)
        };
        let topic = |topic: &str| {
            let topic = OffsetCommitRequestTopic::default().with_name(name(topic));
            topic.with_partitions(vec![partition(0), partition(9)])
        };
        OffsetCommitRequest::default()
            .with_group_id(GroupId(text("g")))
            .with_generation_id_or_member_epoch(-1)
            .with_retention_time_ms(-1)
            .with_topics(vec![topic("t"), topic("absent")])
    });
    converse(|_| {
        let partition = OffsetDeleteRequestPartition::default().with_partition_index(1);
        let topic = |topic: &str| {
            let topic = OffsetDeleteRequestTopic::default().with_name(name(topic));
            topic.with_partitions(vec![partition.clone()])
        };
        let request = OffsetDeleteRequest::default().with_group_id(GroupId(text("g")));
        request.with_topics(vec![topic("t"), topic("absent")])
    });
    converse(|version| {
        if version >= 8 {
            let topic = OffsetFetchRequestTopics::default().with_name(name("t"));
            let topic = topic.with_partition_indexes(vec![0, 1]);
            let groups = ["g", "h", "i"].map(|id| {
                let group = OffsetFetchRequestGroup::default().with_group_id(GroupId(text(id)));
                group.with_topics(Some(vec![topic.clone()]))
            });
            return OffsetFetchRequest::default().with_groups(groups.to_vec());
        }
        let topic = OffsetFetchRequestTopic::default().with_name(name("t"));
        let topic = topic.with_partition_indexes(vec![0, 1]);
        let request = OffsetFetchRequest::default().with_group_id(GroupId(text("g")));
        request.with_topics(Some(vec![topic]))
    });
}

#[test]
fn access_requests() {
    converse(|_| SaslHandshakeRequest::default().with_mechanism(text("PLAIN")));
    converse(|_| SaslAuthenticateRequest::default().with_auth_bytes(Bytes::from_static(b"x")));
    converse(|_| {
        let deletion = ScramCredentialDeletion::default().with_name(text("absent"));
        let upsertion = ScramCredentialUpsertion::default().with_name(text("u"));
        let upsertion = upsertion.with_mechanism(2).with_iterations(4_096);
        AlterUserScramCredentialsRequest::default()
            .with_deletions(vec![deletion.with_mechanism(1)])
            .with_upsertions(vec![upsertion.with_salted_password(Bytes::from_static(b"salted"))])
    });
    converse(|_| {
        let user = |name| UserName::default().with_name(text(name));
        let users = ["a", "b", "a"].map(user).to_vec();
        DescribeUserScramCredentialsRequest::default().with_users(Some(users))
    });
}

#[test]
fn quota_requests() {
    converse(|_| {
        let entity = |kind| EntityData::default().with_entity_type(text(kind));
        let entry = |kind| {
            let op = OpData::default().with_key(text("producer_byte_rate")).with_value(1e12);
            let entry = EntryData::default().with_ops(vec![op]);
            entry.with_entity(vec![entity(kind).with_entity_name(None), entity("user")])
        };
        AlterClientQuotasRequest::default().with_entries(vec![entry("client-id"), entry("x")])
    });
    converse(|_| {
        let component = ComponentData::default().with_entity_type(text("user"));
        let component = component.with_match_type(2).with_match(None);
        DescribeClientQuotasRequest::default().with_components(vec![component])
    });
}
