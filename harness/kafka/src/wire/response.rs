//! Responses become frames.

use bytes::{BufMut, Bytes};
use kafka_protocol::messages::{
    AlterClientQuotasResponse, AlterUserScramCredentialsResponse, ApiKey, ApiVersionsResponse,
    ConsumerGroupDescribeResponse, ConsumerGroupHeartbeatResponse, CreateTopicsResponse,
    DeleteGroupsResponse, DeleteRecordsResponse, DeleteTopicsResponse,
    DescribeClientQuotasResponse, DescribeConfigsResponse, DescribeGroupsResponse,
    DescribeUserScramCredentialsResponse, FindCoordinatorResponse, HeartbeatResponse,
    InitProducerIdResponse, JoinGroupResponse, LeaveGroupResponse, ListGroupsResponse,
    ListOffsetsResponse, MetadataResponse, OffsetCommitResponse, OffsetDeleteResponse,
    OffsetFetchResponse, OffsetForLeaderEpochResponse, ProduceResponse, SaslAuthenticateResponse,
    SaslHandshakeResponse, SyncGroupResponse,
};
use kafka_protocol::protocol::Encodable;

use super::admin::AdminResponse;
use super::chain::{Frame, Output};
use super::fetch::FetchAnswer;
use super::transactional::TransactionResponse;
use crate::coordinator::ReplyBody;

/// What goes back to a client.
#[derive(Debug)]
pub(crate) enum Response {
    /// Nothing: an `acks=0` Produce that went well.
    Nothing,
    /// The connection is closed: how an `acks=0` producer learns that something went wrong.
    Close,
    ApiVersions(ApiVersionsResponse),
    Admin(Box<AdminResponse>),
    Metadata(MetadataResponse),
    Produce(ProduceResponse),
    Fetch(FetchAnswer),
    ListOffsets(ListOffsetsResponse),
    OffsetForLeaderEpoch(OffsetForLeaderEpochResponse),
    CreateTopics(CreateTopicsResponse),
    DeleteTopics(DeleteTopicsResponse),
    DeleteRecords(DeleteRecordsResponse),
    DescribeConfigs(DescribeConfigsResponse),
    InitProducerId(InitProducerIdResponse),
    FindCoordinator(FindCoordinatorResponse),
    JoinGroup(JoinGroupResponse),
    SyncGroup(SyncGroupResponse),
    Heartbeat(HeartbeatResponse),
    LeaveGroup(LeaveGroupResponse),
    OffsetCommit(OffsetCommitResponse),
    OffsetFetch(OffsetFetchResponse),
    DescribeGroups(DescribeGroupsResponse),
    ListGroups(ListGroupsResponse),
    DeleteGroups(DeleteGroupsResponse),
    SaslHandshake(SaslHandshakeResponse),
    SaslAuthenticate(SaslAuthenticateResponse),
    AlterUserScramCredentials(AlterUserScramCredentialsResponse),
    DescribeUserScramCredentials(DescribeUserScramCredentialsResponse),
    AlterClientQuotas(AlterClientQuotasResponse),
    DescribeClientQuotas(DescribeClientQuotasResponse),
    /// A message of a SASL mechanism without a response around it.
    SaslToken(Bytes),
    ConsumerGroupHeartbeat(ConsumerGroupHeartbeatResponse),
    ConsumerGroupDescribe(ConsumerGroupDescribeResponse),
    OffsetDelete(OffsetDeleteResponse),
    Transaction(TransactionResponse),
}

impl From<ReplyBody> for Response {
    fn from(body: ReplyBody) -> Self {
        match body {
            ReplyBody::JoinGroup(body) => Self::JoinGroup(body),
            ReplyBody::SyncGroup(body) => Self::SyncGroup(body),
            ReplyBody::Heartbeat(body) => Self::Heartbeat(body),
            ReplyBody::LeaveGroup(body) => Self::LeaveGroup(body),
            ReplyBody::OffsetCommit(body) => Self::OffsetCommit(body),
            ReplyBody::OffsetFetch(body) => Self::OffsetFetch(body),
            ReplyBody::DescribeGroups(body) => Self::DescribeGroups(body),
            ReplyBody::ListGroups(body) => Self::ListGroups(body),
            ReplyBody::DeleteGroups(body) => Self::DeleteGroups(body),
            ReplyBody::ConsumerGroupHeartbeat(body) => Self::ConsumerGroupHeartbeat(body),
            ReplyBody::OffsetDelete(body) => Self::OffsetDelete(body),
            ReplyBody::ConsumerGroupDescribe(body) => Self::ConsumerGroupDescribe(body),
        }
    }
}

/// The request that a response answers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question {
    pub(crate) key: ApiKey,
    pub(crate) version: i16,
    pub(crate) correlation: i32,
}

/// The connection must be closed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ResponseFailure {
    #[error("closed for an error that has no response")]
    Close,
    #[error("{key:?} version {version}: response not encodable: {reason}")]
    Encode { key: ApiKey, version: i16, reason: String },
}

/// Appends the response to `question` to `output`.
pub(crate) fn encode(
    response: Response,
    question: Question,
    output: &mut Output,
) -> Result<(), ResponseFailure> {
    let Question { key, version, correlation } = question;
    match &response {
        Response::Nothing => return Ok(()),
        Response::Close => return Err(ResponseFailure::Close),
        Response::SaslToken(token) => {
            let mut frame = Frame::new();
            frame.tail().put_slice(token);
            return frame.finish(output).ok_or(ResponseFailure::Close);
        }
        _ => {}
    }
    let mut frame = Frame::new();
    frame.tail().put_i32(correlation);
    if key.response_header_version(version) >= 1 {
        frame.tail().put_u8(0);
    }
    let failure = |reason: String| ResponseFailure::Encode { key, version, reason };
    body(response, &mut frame, version).map_err(failure)?;
    frame.finish(output).ok_or_else(|| failure("longer than 2 GiB".into()))
}

fn body(response: Response, frame: &mut Frame, version: i16) -> Result<(), String> {
    match response {
        Response::Nothing | Response::Close | Response::SaslToken(_) => Ok(()),
        Response::Fetch(answer) => {
            answer.encode(frame, version);
            Ok(())
        }
        Response::Transaction(body) => body.encode(frame, version),
        Response::ApiVersions(body) => plain(&body, frame, version),
        Response::Metadata(body) => plain(&body, frame, version),
        Response::Produce(body) => plain(&body, frame, version),
        Response::ListOffsets(body) => plain(&body, frame, version),
        Response::OffsetForLeaderEpoch(body) => plain(&body, frame, version),
        Response::CreateTopics(body) => plain(&body, frame, version),
        Response::DeleteTopics(body) => plain(&body, frame, version),
        Response::DeleteRecords(body) => plain(&body, frame, version),
        Response::DescribeConfigs(body) => plain(&body, frame, version),
        Response::InitProducerId(body) => plain(&body, frame, version),
        Response::FindCoordinator(body) => plain(&body, frame, version),
        Response::JoinGroup(body) => plain(&body, frame, version),
        Response::SyncGroup(body) => plain(&body, frame, version),
        Response::Heartbeat(body) => plain(&body, frame, version),
        Response::LeaveGroup(body) => plain(&body, frame, version),
        Response::OffsetCommit(body) => plain(&body, frame, version),
        Response::OffsetFetch(body) => plain(&body, frame, version),
        Response::DescribeGroups(body) => plain(&body, frame, version),
        Response::ListGroups(body) => plain(&body, frame, version),
        Response::DeleteGroups(body) => plain(&body, frame, version),
        Response::AlterClientQuotas(body) => plain(&body, frame, version),
        Response::DescribeClientQuotas(body) => plain(&body, frame, version),
        Response::SaslHandshake(body) => plain(&body, frame, version),
        Response::SaslAuthenticate(body) => plain(&body, frame, version),
        Response::AlterUserScramCredentials(body) => plain(&body, frame, version),
        Response::DescribeUserScramCredentials(body) => plain(&body, frame, version),
        Response::ConsumerGroupHeartbeat(body) => plain(&body, frame, version),
        Response::OffsetDelete(body) => plain(&body, frame, version),
        Response::ConsumerGroupDescribe(body) => plain(&body, frame, version),
        Response::Admin(body) => body.encode(frame, version),
    }
}

fn plain<M: Encodable>(message: &M, frame: &mut Frame, version: i16) -> Result<(), String> {
    message.encode(frame.tail(), version).map_err(|error| error.to_string())
}
