//! The requests that are served: their versions and their shapes, after Kafka's message
//! definitions (`clients/src/main/resources/common/message`).

use kafka_protocol::messages::ApiKey;

use crate::coordinator::VERSIONS;

use super::shape::{Field, ShapeError, blob, check, fixed, maybe, numbers, structs, text, texts};
use super::transactional;

/// One kind of request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Api {
    pub(crate) key: ApiKey,
    pub(crate) version_min: i16,
    pub(crate) version_max: i16,
    flexible_since: i16,
    fields: &'static [Field],
}

impl Api {
    /// The entry of a request's key, if it is served.
    pub(crate) fn of(key: i16) -> Option<&'static Self> {
        APIS.iter().find(|api| api.key as i16 == key)
    }

    /// Whether this version is served.
    pub(crate) fn serves(&self, version: i16) -> bool {
        (self.version_min..=self.version_max).contains(&version)
    }

    /// Whether this version uses compact lengths and tagged fields.
    pub(crate) fn flexible(&self, version: i16) -> bool {
        version >= self.flexible_since
    }

    /// Holds a request's body against its shape.
    pub(crate) fn check(&self, version: i16, body: &[u8]) -> Result<(), ShapeError> {
        check(self.fields, version, self.flexible(version), body)
    }
}

/// Every kind of request that is served.
pub(crate) fn served() -> &'static [Api] {
    APIS
}

const fn api(key: ApiKey, range: (i16, i16), flexible: i16, fields: &'static [Field]) -> Api {
    Api { key, version_min: range.0, version_max: range.1, flexible_since: flexible, fields }
}

/// A request of the group coordinator, in the versions that it serves.
const fn group(key: ApiKey, flexible: i16, fields: &'static [Field]) -> Api {
    let mut index = 0;
    while VERSIONS[index].0 as i16 != key as i16 {
        index += 1;
    }
    let (_, version_min, version_max) = VERSIONS[index];
    api(key, (version_min, version_max), flexible, fields)
}

static APIS: &[Api] = &[
    api(ApiKey::Produce, (3, 13), 9, &[text(), fixed(2), fixed(4), structs(PRODUCE_TOPIC)]),
    api(ApiKey::Fetch, (4, 18), 12, FETCH),
    api(ApiKey::ListOffsets, (1, 10), 6, LIST_OFFSETS),
    api(ApiKey::Metadata, (0, 13), 9, METADATA),
    group(ApiKey::OffsetCommit, 8, OFFSET_COMMIT),
    group(ApiKey::OffsetFetch, 6, OFFSET_FETCH),
    api(ApiKey::FindCoordinator, (0, 6), 3, FIND_COORDINATOR),
    group(ApiKey::JoinGroup, 6, JOIN_GROUP),
    group(ApiKey::Heartbeat, 4, &[text(), fixed(4), text(), text().since(3)]),
    group(ApiKey::LeaveGroup, 4, LEAVE_GROUP),
    group(ApiKey::SyncGroup, 4, SYNC_GROUP),
    group(ApiKey::DescribeGroups, 5, &[texts(), fixed(1).since(3)]),
    group(ApiKey::ListGroups, 3, &[texts().since(4), texts().since(5)]),
    api(ApiKey::ApiVersions, (0, 4), 3, &[text().since(3), text().since(3)]),
    api(ApiKey::AlterConfigs, (0, 2), 2, &[structs(ALTERED), fixed(1)]),
    api(ApiKey::IncrementalAlterConfigs, (0, 1), 1, &[structs(STEPWISE), fixed(1)]),
    api(ApiKey::ListConfigResources, (0, 1), 0, &[numbers(1).since(1)]),
    api(ApiKey::CreatePartitions, (0, 3), 2, CREATE_PARTITIONS),
    api(ApiKey::DescribeCluster, (0, 2), 0, &[fixed(1), fixed(1).since(1), fixed(1).since(2)]),
    api(ApiKey::DescribeTopicPartitions, (0, 0), 0, DESCRIBE_TOPIC_PARTITIONS),
    api(ApiKey::DescribeLogDirs, (1, 4), 2, &[structs(PARTITIONS)]),
    api(ApiKey::ElectLeaders, (0, 2), 2, &[fixed(1).since(1), structs(PARTITIONS), fixed(4)]),
    api(ApiKey::AlterPartitionReassignments, (0, 1), 0, ALTER_REASSIGNMENTS),
    api(ApiKey::ListPartitionReassignments, (0, 0), 0, &[fixed(4), structs(PARTITIONS)]),
    api(ApiKey::DescribeQuorum, (0, 2), 0, &[structs(&[text(), structs(&[fixed(4)])])]),
    api(ApiKey::DescribeAcls, (1, 3), 2, ACL_FILTER),
    api(ApiKey::CreateAcls, (1, 3), 2, &[structs(ACL)]),
    api(ApiKey::DeleteAcls, (1, 3), 2, &[structs(ACL_FILTER)]),
    api(ApiKey::CreateTopics, (2, 7), 5, &[structs(CREATE_TOPIC), fixed(4), fixed(1)]),
    api(ApiKey::DeleteTopics, (1, 6), 4, DELETE_TOPICS),
    api(ApiKey::DeleteRecords, (0, 2), 2, &[structs(DELETE_RECORDS_TOPIC), fixed(4)]),
    api(ApiKey::InitProducerId, (0, 5), 2, INIT_PRODUCER_ID),
    api(ApiKey::AddPartitionsToTxn, (0, 5), 3, transactional::ADD_PARTITIONS),
    api(ApiKey::AddOffsetsToTxn, (0, 4), 3, transactional::ADD_OFFSETS),
    api(ApiKey::EndTxn, (0, 5), 3, transactional::END),
    api(ApiKey::WriteTxnMarkers, (1, 1), 1, transactional::WRITE_MARKERS),
    api(ApiKey::TxnOffsetCommit, (0, 5), 3, transactional::COMMIT_OFFSETS),
    api(ApiKey::DescribeProducers, (0, 0), 0, transactional::PRODUCERS),
    api(ApiKey::DescribeTransactions, (0, 0), 0, transactional::DESCRIBE),
    api(ApiKey::ListTransactions, (0, 2), 0, transactional::LIST),
    api(ApiKey::OffsetForLeaderEpoch, (2, 4), 4, &[fixed(4).since(3), structs(EPOCH_TOPIC)]),
    api(ApiKey::DescribeConfigs, (1, 4), 4, DESCRIBE_CONFIGS),
    group(ApiKey::DeleteGroups, 2, &[texts()]),
    api(ApiKey::SaslHandshake, (0, 1), i16::MAX, &[text()]),
    api(ApiKey::SaslAuthenticate, (0, 2), 2, &[blob()]),
    api(ApiKey::DescribeUserScramCredentials, (0, 0), 0, &[structs(&[text()])]),
    api(ApiKey::AlterUserScramCredentials, (0, 0), 0, ALTER_SCRAM),
    group(ApiKey::ConsumerGroupHeartbeat, 0, CONSUMER_HEARTBEAT),
    group(ApiKey::OffsetDelete, i16::MAX, &[text(), structs(&[text(), structs(&[fixed(4)])])]),
    group(ApiKey::ConsumerGroupDescribe, 0, &[texts(), fixed(1)]),
    api(ApiKey::DescribeClientQuotas, (0, 1), 1, DESCRIBE_QUOTAS),
    api(ApiKey::AlterClientQuotas, (0, 1), 1, &[structs(ALTER_QUOTAS), fixed(1)]),
];

const ALTER_SCRAM: &[Field] =
    &[structs(&[text(), fixed(1)]), structs(&[text(), fixed(1), fixed(4), blob(), blob()])];

const DESCRIBE_QUOTAS: &[Field] = &[structs(&[text(), fixed(1), text()]), fixed(1)];

const ALTER_QUOTAS: &[Field] =
    &[structs(&[text(), text()]), structs(&[text(), fixed(8), fixed(1)])];

const PRODUCE_TOPIC: &[Field] =
    &[text().until(12), fixed(16).since(13), structs(&[fixed(4), blob()])];

const FETCH: &[Field] = &[
    fixed(4).until(14),
    fixed(4),
    fixed(4),
    fixed(4),
    fixed(1),
    fixed(4).since(7),
    fixed(4).since(7),
    structs(&[text().until(12), fixed(16).since(13), structs(FETCH_PARTITION)]),
    structs(&[text().until(12), fixed(16).since(13), numbers(4)]).since(7),
    text().since(11),
];
const FETCH_PARTITION: &[Field] =
    &[fixed(4), fixed(4).since(9), fixed(8), fixed(4).since(12), fixed(8).since(5), fixed(4)];

const LIST_OFFSETS: &[Field] = &[
    fixed(4),
    fixed(1).since(2),
    structs(&[text(), structs(&[fixed(4), fixed(4).since(4), fixed(8)])]),
    fixed(4).since(10),
];

const METADATA: &[Field] = &[
    structs(&[fixed(16).since(10), text()]),
    fixed(1).since(4),
    fixed(1).since(8).until(10),
    fixed(1).since(8),
];

const OFFSET_COMMIT: &[Field] = &[
    text(),
    fixed(4),
    text(),
    text().since(7),
    fixed(8).until(4),
    structs(&[text(), structs(&[fixed(4), fixed(8), fixed(4).since(6), text()])]),
];

const OFFSET_FETCH: &[Field] = &[
    text().until(7),
    structs(OFFSET_FETCH_TOPIC).until(7),
    structs(&[text(), text().since(9), fixed(4).since(9), structs(OFFSET_FETCH_TOPIC)]).since(8),
    fixed(1).since(7),
];
const OFFSET_FETCH_TOPIC: &[Field] = &[text(), numbers(4)];

const FIND_COORDINATOR: &[Field] = &[text().until(3), fixed(1).since(1), texts().since(4)];

const JOIN_GROUP: &[Field] = &[
    text(),
    fixed(4),
    fixed(4).since(1),
    text(),
    text().since(5),
    text(),
    structs(&[text(), blob()]),
    text().since(8),
];

const LEAVE_GROUP: &[Field] =
    &[text(), text().until(2), structs(&[text(), text(), text().since(5)]).since(3)];

const SYNC_GROUP: &[Field] = &[
    text(),
    fixed(4),
    text(),
    text().since(3),
    text().since(5),
    text().since(5),
    structs(&[text(), blob()]),
];

const CONSUMER_HEARTBEAT: &[Field] = &[
    text(),
    text(),
    fixed(4),
    text(),
    text(),
    fixed(4),
    texts(),
    text().since(1),
    text(),
    structs(&[fixed(16), numbers(4)]),
];

const CREATE_TOPIC: &[Field] =
    &[text(), fixed(4), fixed(2), structs(&[fixed(4), numbers(4)]), structs(&[text(), text()])];

const DELETE_TOPICS: &[Field] =
    &[structs(&[text(), fixed(16)]).since(6), texts().until(5), fixed(4)];

const DELETE_RECORDS_TOPIC: &[Field] = &[text(), structs(&[fixed(4), fixed(8)])];

const INIT_PRODUCER_ID: &[Field] = &[text(), fixed(4), fixed(8).since(3), fixed(2).since(3)];

const EPOCH_TOPIC: &[Field] = &[text(), structs(&[fixed(4), fixed(4), fixed(4)])];

const DESCRIBE_CONFIGS: &[Field] =
    &[structs(&[fixed(1), text(), texts()]), fixed(1), fixed(1).since(3)];

const PARTITIONS: &[Field] = &[text(), numbers(4)];

const ALTERED: &[Field] = &[fixed(1), text(), structs(&[text(), text()])];
const STEPWISE: &[Field] = &[fixed(1), text(), structs(&[text(), fixed(1), text()])];

const CREATE_PARTITIONS: &[Field] =
    &[structs(&[text(), fixed(4), structs(&[numbers(4)])]), fixed(4), fixed(1)];

const ALTER_REASSIGNMENTS: &[Field] =
    &[fixed(4), fixed(1).since(1), structs(&[text(), structs(&[fixed(4), numbers(4)])])];

const DESCRIBE_TOPIC_PARTITIONS: &[Field] =
    &[structs(&[text()]), fixed(4), maybe(&[text(), fixed(4)])];

const ACL: &[Field] = &[fixed(1), text(), fixed(1), text(), text(), fixed(1), fixed(1)];
const ACL_FILTER: &[Field] = ACL;
