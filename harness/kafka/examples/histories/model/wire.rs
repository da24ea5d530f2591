//! Requests to frames and frames to answers, by the codecs of `kafka-protocol`.

use std::fmt::Write as _;

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::*;
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Request, StrBytes};

macro_rules! replies {
    ($($name:ident($response:ident, $request:ident)),* $(,)?) => {
        /// An answer, by what was asked.
        #[derive(Debug)]
        pub(crate) enum Reply {
            $($name(Box<$response>)),*
        }

        /// Decodes the answer to a request of this kind; `None` when the bytes are no answer.
        pub(crate) fn decode(key: i16, version: i16, mut frame: Bytes) -> Option<Reply> {
            $(if key == $request::KEY {
                let header = $response::header_version(version);
                ResponseHeader::decode(&mut frame, header).ok()?;
                let response = $response::decode(&mut frame, version).ok()?;
                return frame.is_empty().then(|| Reply::$name(Box::new(response)));
            })*
            None
        }
    };
}

replies! {
    Metadata(MetadataResponse, MetadataRequest),
    InitProducerId(InitProducerIdResponse, InitProducerIdRequest),
    Produce(ProduceResponse, ProduceRequest),
    Fetch(FetchResponse, FetchRequest),
    FindCoordinator(FindCoordinatorResponse, FindCoordinatorRequest),
    JoinGroup(JoinGroupResponse, JoinGroupRequest),
    SyncGroup(SyncGroupResponse, SyncGroupRequest),
    Heartbeat(HeartbeatResponse, HeartbeatRequest),
    LeaveGroup(LeaveGroupResponse, LeaveGroupRequest),
    AddPartitionsToTxn(AddPartitionsToTxnResponse, AddPartitionsToTxnRequest),
    EndTxn(EndTxnResponse, EndTxnRequest),
    OffsetCommit(OffsetCommitResponse, OffsetCommitRequest),
    OffsetFetch(OffsetFetchResponse, OffsetFetchRequest),
    ConsumerGroupHeartbeat(ConsumerGroupHeartbeatResponse, ConsumerGroupHeartbeatRequest),
    TxnOffsetCommit(TxnOffsetCommitResponse, TxnOffsetCommitRequest),
}

/// A request as a frame without its length field.
pub(crate) fn encode<R: Request>(version: i16, correlation: u32, request: &R) -> Bytes {
    let header = RequestHeader::default()
        .with_request_api_key(R::KEY)
        .with_request_api_version(version)
        .with_correlation_id(correlation as i32)
        .with_client_id(Some(StrBytes::from_static_str("model")));
    let mut frame = BytesMut::with_capacity(192);
    let written = header
        .encode(&mut frame, R::header_version(version))
        .and_then(|()| request.encode(&mut frame, version));
    debug_assert!(written.is_ok(), "{written:?}");
    frame.freeze()
}

/// What a reader of the history wants to know of an answer.
pub(crate) fn brief(reply: &Reply) -> String {
    let mut text = String::new();
    let _written = match reply {
        Reply::Produce(response) => {
            let mut parts = response.responses.iter().flat_map(|topic| &topic.partition_responses);
            parts.try_fold((), |(), part| {
                write!(text, "partition {} ", part.index)?;
                write!(text, "error {} offset {}; ", part.error_code, part.base_offset)
            })
        }
        Reply::Fetch(response) => {
            let mut parts = response.responses.iter().flat_map(|topic| &topic.partitions);
            parts.try_fold((), |(), part| {
                let bytes = part.records.as_ref().map_or(0, Bytes::len);
                write!(text, "partition {} error {} ", part.partition_index, part.error_code)?;
                write!(text, "high watermark {} bytes {bytes}; ", part.high_watermark)
            })
        }
        Reply::Metadata(response) => {
            let mut parts = response.topics.iter().flat_map(|topic| &topic.partitions);
            parts.try_fold((), |(), part| {
                let (leader, epoch) = (part.leader_id.0, part.leader_epoch);
                write!(text, "partition {} leader {leader} ", part.partition_index)?;
                write!(text, "epoch {epoch} in sync {:?}; ", part.isr_nodes)
            })
        }
        Reply::JoinGroup(response) => write!(
            text,
            "error {} generation {} member {} leader {}",
            response.error_code, response.generation_id, response.member_id, response.leader
        ),
        Reply::SyncGroup(response) => {
            write!(text, "error {} assignment {:?}", response.error_code, response.assignment)
        }
        other => write!(text, "{other:?}"),
    };
    text
}
