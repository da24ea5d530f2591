//! A frame becomes a request: header, shape check, codec, and for Produce the record batches.

use bytes::{Buf, Bytes};
use kafka_protocol::ResponseError;
use kafka_protocol::messages::{
    AlterClientQuotasRequest, AlterUserScramCredentialsRequest, ApiKey, ApiVersionsRequest,
    ConsumerGroupDescribeRequest, ConsumerGroupHeartbeatRequest, CreateTopicsRequest,
    DeleteGroupsRequest, DeleteRecordsRequest, DeleteTopicsRequest, DescribeClientQuotasRequest,
    DescribeConfigsRequest, DescribeGroupsRequest, DescribeUserScramCredentialsRequest,
    FetchRequest, FindCoordinatorRequest, HeartbeatRequest, InitProducerIdRequest,
    JoinGroupRequest, LeaveGroupRequest, ListGroupsRequest, ListOffsetsRequest, MetadataRequest,
    OffsetCommitRequest, OffsetDeleteRequest, OffsetFetchRequest, OffsetForLeaderEpochRequest,
    ProduceRequest, RequestHeader, SaslAuthenticateRequest, SaslHandshakeRequest, SyncGroupRequest,
    TopicName,
};
use kafka_protocol::protocol::{Decodable, StrBytes};
use uuid::Uuid;

use super::admin::AdminRequest;
use super::response::Question;
use super::schema::Api;
use super::shape::ShapeError;
use super::transactional::TransactionRequest;
use crate::log::{Batch, Unfit};

/// A request as the cluster takes it.
#[derive(Debug)]
pub(crate) enum Request {
    /// `nameless`: the client does not say properly what it is.
    ApiVersions {
        nameless: bool,
    },
    /// ApiVersions in a version not served; it is answered in version 0 (KIP-511).
    ApiVersionsUnsupported,
    Admin(Box<AdminRequest>),
    Metadata(MetadataRequest),
    Produce(ProduceWork),
    Fetch(Box<FetchRequest>),
    ListOffsets(ListOffsetsRequest),
    OffsetForLeaderEpoch(OffsetForLeaderEpochRequest),
    CreateTopics(CreateTopicsRequest),
    DeleteTopics(DeleteTopicsRequest),
    DeleteRecords(DeleteRecordsRequest),
    DescribeConfigs(DescribeConfigsRequest),
    InitProducerId(InitProducerIdRequest),
    FindCoordinator(FindCoordinatorRequest),
    JoinGroup(Box<JoinGroupRequest>),
    SyncGroup(Box<SyncGroupRequest>),
    Heartbeat(HeartbeatRequest),
    LeaveGroup(LeaveGroupRequest),
    OffsetCommit(Box<OffsetCommitRequest>),
    OffsetFetch(OffsetFetchRequest),
    DescribeGroups(DescribeGroupsRequest),
    ListGroups(ListGroupsRequest),
    DeleteGroups(DeleteGroupsRequest),
    SaslHandshake(SaslHandshakeRequest),
    SaslAuthenticate(SaslAuthenticateRequest),
    AlterUserScramCredentials(AlterUserScramCredentialsRequest),
    DescribeUserScramCredentials(DescribeUserScramCredentialsRequest),
    ConsumerGroupHeartbeat(Box<ConsumerGroupHeartbeatRequest>),
    ConsumerGroupDescribe(ConsumerGroupDescribeRequest),
    OffsetDelete(OffsetDeleteRequest),
    AlterClientQuotas(AlterClientQuotasRequest),
    DescribeClientQuotas(DescribeClientQuotasRequest),
    Transaction(Box<TransactionRequest>),
}

/// A Produce request with its batches checked.
#[derive(Debug)]
pub(crate) struct ProduceWork {
    pub(crate) transactional_id: Option<StrBytes>,
    pub(crate) acks: i16,
    pub(crate) timeout_ms: i32,
    pub(crate) topics: Vec<ProduceTopic>,
}

#[derive(Debug)]
pub(crate) struct ProduceTopic {
    pub(crate) name: TopicName,
    pub(crate) id: Uuid,
    pub(crate) partitions: Vec<ProducePartition>,
}

#[derive(Debug)]
pub(crate) struct ProducePartition {
    pub(crate) index: i32,
    pub(crate) batches: Result<Vec<Batch>, Unfit>,
}

/// A request with what its answer needs.
#[derive(Debug)]
pub(crate) struct Decoded {
    pub(crate) key: ApiKey,
    pub(crate) version: i16,
    pub(crate) correlation: i32,
    pub(crate) client_id: String,
    pub(crate) request: Request,
}

impl Decoded {
    pub(crate) fn question(&self) -> Question {
        Question { key: self.key, version: self.version, correlation: self.correlation }
    }
}

/// Why a frame is no request. Kafka closes the connection then, and so do we.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RequestError {
    #[error("api key {0} is not served")]
    UnknownApi(i16),
    #[error("{key:?} version {version} is not served")]
    Version { key: ApiKey, version: i16 },
    #[error("request header: {0}")]
    Header(String),
    #[error("{key:?} version {version}: {source}")]
    Shape { key: ApiKey, version: i16, source: ShapeError },
    #[error("{key:?} version {version}: {reason}")]
    Body { key: ApiKey, version: i16, reason: String },
}

/// The number of a frame's kind of request.
pub(crate) fn key_of(frame: &[u8]) -> Result<i16, RequestError> {
    peek(frame).map(|(key, _)| key)
}

/// Decodes one frame.
pub(crate) fn decode(mut frame: Bytes, batch_bytes_max: usize) -> Result<Decoded, RequestError> {
    let frame_bytes = frame.len();
    let (key, version) = peek(&frame)?;
    let api = Api::of(key).ok_or(RequestError::UnknownApi(key))?;
    let key = api.key;
    if !api.serves(version) {
        return unsupported(key, version, &frame);
    }
    let header = open(api, version, &mut frame)?;
    let request = body(key, version, frame, frame_bytes, batch_bytes_max)
        .map_err(|error| RequestError::Body { key, version, reason: error.to_string() })?;
    let client_id = header.client_id.map(|id| id.to_string()).unwrap_or_default();
    Ok(Decoded { key, version, correlation: header.correlation_id, client_id, request })
}

/// The acknowledgements that a Produce asks for; nothing for a frame that is none. Its batches are not
/// looked at.
pub(crate) fn acks(mut frame: Bytes) -> Option<i16> {
    let (key, version) = peek(&frame).ok()?;
    let api = Api::of(key).filter(|api| api.key == ApiKey::Produce && api.serves(version))?;
    open(api, version, &mut frame).ok()?;
    message(frame, version).ok().map(|request: ProduceRequest| request.acks)
}

/// Takes the header off a frame and holds what remains against the shape of its body.
fn open(api: &Api, version: i16, frame: &mut Bytes) -> Result<RequestHeader, RequestError> {
    let key = api.key;
    check_header(api, version, frame)?;
    let header = RequestHeader::decode(frame, key.request_header_version(version))
        .map_err(|error| RequestError::Header(error.to_string()))?;
    api.check(version, frame).map_err(|source| RequestError::Shape { key, version, source })?;
    Ok(header)
}

fn peek(mut frame: &[u8]) -> Result<(i16, i16), RequestError> {
    if frame.len() < 8 {
        return Err(RequestError::Header("shorter than 8 bytes".into()));
    }
    Ok((frame.get_i16(), frame.get_i16()))
}

/// The tags of a header are held against its bytes as those of a body are.
fn check_header(api: &Api, version: i16, frame: &[u8]) -> Result<(), RequestError> {
    let truncated = || RequestError::Header("ends within a field".into());
    let mut length = frame.get(8..10).ok_or_else(truncated)?;
    let client_id_bytes = usize::try_from(length.get_i16()).unwrap_or(0);
    let tags = frame.get(10 + client_id_bytes..).ok_or_else(truncated)?;
    super::shape::check(&[], version, api.flexible(version), tags)
        .map_err(|error| RequestError::Header(error.to_string()))
}

fn unsupported(key: ApiKey, version: i16, frame: &[u8]) -> Result<Decoded, RequestError> {
    if key != ApiKey::ApiVersions {
        return Err(RequestError::Version { key, version });
    }
    let correlation = (&frame[4..8]).get_i32();
    let request = Request::ApiVersionsUnsupported;
    Ok(Decoded { key, version: 0, correlation, client_id: String::new(), request })
}

pub(super) type DecodeError = Box<dyn std::error::Error + Send + Sync>;

fn body(
    key: ApiKey,
    version: i16,
    body: Bytes,
    frame_bytes: usize,
    batch_bytes_max: usize,
) -> Result<Request, DecodeError> {
    Ok(match key {
        ApiKey::ApiVersions => {
            let client: ApiVersionsRequest = message(body, version)?;
            let names = [&client.client_software_name, &client.client_software_version];
            let nameless = version >= 3 && !names.into_iter().all(|name| names_software(name));
            Request::ApiVersions { nameless }
        }
        ApiKey::Metadata => Request::Metadata(message(body, version)?),
        ApiKey::Produce => {
            let request = message(body, version)?;
            Request::Produce(produce(version, request, frame_bytes, batch_bytes_max))
        }
        ApiKey::Fetch => Request::Fetch(Box::new(message(body, version)?)),
        ApiKey::ListOffsets => Request::ListOffsets(message(body, version)?),
        ApiKey::OffsetForLeaderEpoch => Request::OffsetForLeaderEpoch(message(body, version)?),
        ApiKey::CreateTopics => Request::CreateTopics(message(body, version)?),
        ApiKey::DeleteTopics => Request::DeleteTopics(message(body, version)?),
        ApiKey::DeleteRecords => Request::DeleteRecords(message(body, version)?),
        ApiKey::DescribeConfigs => Request::DescribeConfigs(message(body, version)?),
        ApiKey::InitProducerId => Request::InitProducerId(message(body, version)?),
        ApiKey::FindCoordinator => Request::FindCoordinator(message(body, version)?),
        ApiKey::JoinGroup => Request::JoinGroup(Box::new(message(body, version)?)),
        ApiKey::SyncGroup => Request::SyncGroup(Box::new(message(body, version)?)),
        ApiKey::Heartbeat => Request::Heartbeat(message(body, version)?),
        ApiKey::LeaveGroup => Request::LeaveGroup(message(body, version)?),
        ApiKey::OffsetCommit => Request::OffsetCommit(Box::new(message(body, version)?)),
        ApiKey::OffsetFetch => Request::OffsetFetch(message(body, version)?),
        ApiKey::DescribeGroups => Request::DescribeGroups(message(body, version)?),
        ApiKey::ListGroups => Request::ListGroups(message(body, version)?),
        ApiKey::DeleteGroups => Request::DeleteGroups(message(body, version)?),
        ApiKey::SaslHandshake => Request::SaslHandshake(message(body, version)?),
        ApiKey::SaslAuthenticate => Request::SaslAuthenticate(message(body, version)?),
        ApiKey::AlterUserScramCredentials => {
            Request::AlterUserScramCredentials(message(body, version)?)
        }
        ApiKey::DescribeUserScramCredentials => {
            Request::DescribeUserScramCredentials(message(body, version)?)
        }
        ApiKey::ConsumerGroupHeartbeat => {
            Request::ConsumerGroupHeartbeat(Box::new(message(body, version)?))
        }
        ApiKey::OffsetDelete => Request::OffsetDelete(message(body, version)?),
        ApiKey::ConsumerGroupDescribe => Request::ConsumerGroupDescribe(message(body, version)?),
        ApiKey::AlterClientQuotas => Request::AlterClientQuotas(message(body, version)?),
        ApiKey::DescribeClientQuotas => Request::DescribeClientQuotas(message(body, version)?),
        other => {
            if let Some(request) = TransactionRequest::decode(other, version, body.clone())? {
                return Ok(Request::Transaction(Box::new(request)));
            }
            let mut body = body;
            let request = AdminRequest::decode(other, &mut body, version);
            let request = request.ok_or_else(|| format!("{other:?} has no decoder"))??;
            Request::Admin(Box::new(request))
        }
    })
}

/// Letters and digits, with dots and hyphens between them (KIP-511).
fn names_software(name: &str) -> bool {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric();
    let bytes = name.as_bytes();
    bytes.first().is_some_and(plain)
        && bytes.last().is_some_and(plain)
        && bytes.iter().all(|byte| plain(byte) || b"-.".contains(byte))
}

fn message<M: Decodable>(mut body: Bytes, version: i16) -> Result<M, DecodeError> {
    Ok(M::decode(&mut body, version)?)
}

/// The first version of Produce whose records may be compressed with zstd.
const ZSTD_VERSION: i16 = 7;

const ZSTD: i16 = 4;

fn produce(
    version: i16,
    request: ProduceRequest,
    frame_bytes: usize,
    batch_bytes_max: usize,
) -> ProduceWork {
    let too_early = |batch: &Batch| version < ZSTD_VERSION && batch.codec() == Some(ZSTD);
    let topics = request.topic_data.into_iter().map(|topic| {
        let partitions = topic.partition_data.into_iter().map(|partition| {
            let records = partition.records.ok_or(Unfit::Missing);
            let batches = records
                .and_then(|records| Batch::split(own(records, frame_bytes), batch_bytes_max));
            let batches = batches.and_then(|batches| match batches.iter().any(too_early) {
                true => Err(Unfit::Sent(ResponseError::UnsupportedCompressionType)),
                false => Ok(batches),
            });
            ProducePartition { index: partition.index, batches }
        });
        let partitions = partitions.collect();
        ProduceTopic { name: topic.name, id: topic.topic_id, partitions }
    });
    ProduceWork {
        transactional_id: request.transactional_id.map(|id| id.0),
        acks: request.acks,
        timeout_ms: request.timeout_ms,
        topics: topics.collect(),
    }
}

/// Stored records keep their whole frame alive. Where they are less than half of it they get a
/// copy of their own, so that memory stays below twice the bytes that retention counts.
fn own(records: Bytes, frame_bytes: usize) -> Bytes {
    if records.len() * 2 < frame_bytes { Bytes::copy_from_slice(&records) } else { records }
}

#[cfg(test)]
mod tests;
