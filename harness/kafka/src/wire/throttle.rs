//! Where a response says for how long its client is throttled.

use super::Response;
use super::transactional::TransactionResponse;

impl Response {
    /// Sets the time in milliseconds, where the response has a place for it in this version.
    /// Whether it has.
    pub(crate) fn set_throttle(&mut self, version: i16, ms: i32) -> bool {
        let (since, place) = match self {
            Self::ApiVersions(body) => (1, &mut body.throttle_time_ms),
            Self::Metadata(body) => (3, &mut body.throttle_time_ms),
            Self::Produce(body) => (0, &mut body.throttle_time_ms),
            Self::Fetch(body) => (0, &mut body.throttle_time_ms),
            Self::ListOffsets(body) => (2, &mut body.throttle_time_ms),
            Self::OffsetForLeaderEpoch(body) => (0, &mut body.throttle_time_ms),
            Self::CreateTopics(body) => (0, &mut body.throttle_time_ms),
            Self::DeleteTopics(body) => (0, &mut body.throttle_time_ms),
            Self::DeleteRecords(body) => (0, &mut body.throttle_time_ms),
            Self::DescribeConfigs(body) => (0, &mut body.throttle_time_ms),
            Self::InitProducerId(body) => (0, &mut body.throttle_time_ms),
            Self::FindCoordinator(body) => (1, &mut body.throttle_time_ms),
            Self::JoinGroup(body) => (2, &mut body.throttle_time_ms),
            Self::SyncGroup(body) => (1, &mut body.throttle_time_ms),
            Self::Heartbeat(body) => (1, &mut body.throttle_time_ms),
            Self::LeaveGroup(body) => (1, &mut body.throttle_time_ms),
            Self::OffsetCommit(body) => (3, &mut body.throttle_time_ms),
            Self::OffsetFetch(body) => (3, &mut body.throttle_time_ms),
            Self::DescribeGroups(body) => (1, &mut body.throttle_time_ms),
            Self::ListGroups(body) => (1, &mut body.throttle_time_ms),
            Self::DeleteGroups(body) => (0, &mut body.throttle_time_ms),
            Self::Admin(body) => return body.set_throttle(ms),
            Self::Transaction(body) => return transaction(body, ms),
            Self::OffsetDelete(body) => (0, &mut body.throttle_time_ms),
            Self::ConsumerGroupHeartbeat(body) => (0, &mut body.throttle_time_ms),
            Self::ConsumerGroupDescribe(body) => (0, &mut body.throttle_time_ms),
            Self::AlterUserScramCredentials(body) => (0, &mut body.throttle_time_ms),
            Self::DescribeUserScramCredentials(body) => (0, &mut body.throttle_time_ms),
            Self::AlterClientQuotas(body) => (0, &mut body.throttle_time_ms),
            Self::DescribeClientQuotas(body) => (0, &mut body.throttle_time_ms),
            _ => return false,
        };
        let has = version >= since;
        if has {
            *place = ms;
        }
        has
    }
}

fn transaction(response: &mut TransactionResponse, ms: i32) -> bool {
    match response {
        TransactionResponse::AddPartitions(body) => body.throttle_time_ms = ms,
        TransactionResponse::AddOffsets(body) => body.throttle_time_ms = ms,
        TransactionResponse::End(body) => body.throttle_time_ms = ms,
        TransactionResponse::CommitOffsets(body) => body.throttle_time_ms = ms,
        // Only brokers send these to each other.
        TransactionResponse::WriteMarkers(_) => return false,
        TransactionResponse::Describe(body) => body.throttle_time_ms = ms,
        TransactionResponse::List(body) => body.throttle_time_ms = ms,
        TransactionResponse::Producers(body) => body.throttle_time_ms = ms,
    }
    true
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;
    use kafka_protocol::messages::*;
    use kafka_protocol::protocol::{Encodable, Message};

    use super::*;

    /// Holds the versions against those whose codec writes the time.
    macro_rules! agree {
        ($($name:ident: $body:ident),*) => { $(
            for version in $body::VERSIONS.min..=$body::VERSIONS.max {
                let bytes = |ms| {
                    let mut bytes = BytesMut::new();
                    let body = $body::default().with_throttle_time_ms(ms);
                    body.encode(&mut bytes, version).unwrap();
                    bytes
                };
                let has = Response::$name($body::default()).set_throttle(version, 77);
                assert_eq!(has, bytes(77) != bytes(0), "{} {version}", stringify!($name));
            }
        )* };
    }

    #[test]
    fn only_versions_that_tell_of_the_time_have_a_place_for_it() {
        agree!(ApiVersions: ApiVersionsResponse, Metadata: MetadataResponse);
        agree!(Produce: ProduceResponse, ListOffsets: ListOffsetsResponse);
        agree!(FindCoordinator: FindCoordinatorResponse, JoinGroup: JoinGroupResponse);
        agree!(SyncGroup: SyncGroupResponse, Heartbeat: HeartbeatResponse);
        agree!(LeaveGroup: LeaveGroupResponse, OffsetCommit: OffsetCommitResponse);
        agree!(OffsetFetch: OffsetFetchResponse, DescribeGroups: DescribeGroupsResponse);
        agree!(ListGroups: ListGroupsResponse, InitProducerId: InitProducerIdResponse);
        agree!(CreateTopics: CreateTopicsResponse, DeleteTopics: DeleteTopicsResponse);
        assert!(!Response::Nothing.set_throttle(9, 77));
    }
}
