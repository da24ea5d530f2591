//! Where a response says for how long its client is throttled.

use super::Response;
use super::transactional::TransactionResponse;

impl Response {
    /// Sets the time in milliseconds, where the response has a place for it.
    pub(crate) fn set_throttle(&mut self, ms: i32) {
        match self {
            Self::ApiVersions(body) => body.throttle_time_ms = ms,
            Self::Metadata(body) => body.throttle_time_ms = ms,
            Self::Produce(body) => body.throttle_time_ms = ms,
            Self::Fetch(body) => body.throttle_time_ms = ms,
            Self::ListOffsets(body) => body.throttle_time_ms = ms,
            Self::OffsetForLeaderEpoch(body) => body.throttle_time_ms = ms,
            Self::CreateTopics(body) => body.throttle_time_ms = ms,
            Self::DeleteTopics(body) => body.throttle_time_ms = ms,
            Self::DeleteRecords(body) => body.throttle_time_ms = ms,
            Self::DescribeConfigs(body) => body.throttle_time_ms = ms,
            Self::InitProducerId(body) => body.throttle_time_ms = ms,
            Self::FindCoordinator(body) => body.throttle_time_ms = ms,
            Self::JoinGroup(body) => body.throttle_time_ms = ms,
            Self::SyncGroup(body) => body.throttle_time_ms = ms,
            Self::Heartbeat(body) => body.throttle_time_ms = ms,
            Self::LeaveGroup(body) => body.throttle_time_ms = ms,
            Self::OffsetCommit(body) => body.throttle_time_ms = ms,
            Self::OffsetFetch(body) => body.throttle_time_ms = ms,
            Self::DescribeGroups(body) => body.throttle_time_ms = ms,
            Self::ListGroups(body) => body.throttle_time_ms = ms,
            Self::DeleteGroups(body) => body.throttle_time_ms = ms,
            Self::Admin(body) => body.set_throttle(ms),
            Self::Transaction(body) => transaction(body, ms),
            Self::OffsetDelete(body) => body.throttle_time_ms = ms,
            Self::ConsumerGroupHeartbeat(body) => body.throttle_time_ms = ms,
            Self::ConsumerGroupDescribe(body) => body.throttle_time_ms = ms,
            Self::AlterUserScramCredentials(body) => body.throttle_time_ms = ms,
            Self::DescribeUserScramCredentials(body) => body.throttle_time_ms = ms,
            Self::AlterClientQuotas(body) => body.throttle_time_ms = ms,
            Self::DescribeClientQuotas(body) => body.throttle_time_ms = ms,
            _ => {}
        }
    }
}

fn transaction(response: &mut TransactionResponse, ms: i32) {
    match response {
        TransactionResponse::AddPartitions(body) => body.throttle_time_ms = ms,
        TransactionResponse::AddOffsets(body) => body.throttle_time_ms = ms,
        TransactionResponse::End(body) => body.throttle_time_ms = ms,
        TransactionResponse::CommitOffsets(body) => body.throttle_time_ms = ms,
        // Only brokers send these to each other.
        TransactionResponse::WriteMarkers(_) => {}
        TransactionResponse::Describe(body) => body.throttle_time_ms = ms,
        TransactionResponse::List(body) => body.throttle_time_ms = ms,
        TransactionResponse::Producers(body) => body.throttle_time_ms = ms,
    }
}
