//! The requests about transactions and their responses.

use bytes::Bytes;
use kafka_protocol::messages::add_partitions_to_txn_response::AddPartitionsToTxnTopicResult;
use kafka_protocol::messages::{
    AddOffsetsToTxnRequest, AddOffsetsToTxnResponse, AddPartitionsToTxnRequest,
    AddPartitionsToTxnResponse, ApiKey, DescribeProducersRequest, DescribeProducersResponse,
    DescribeTransactionsRequest, DescribeTransactionsResponse, EndTxnRequest, EndTxnResponse,
    ListTransactionsRequest, ListTransactionsResponse, TxnOffsetCommitRequest,
    TxnOffsetCommitResponse, WriteTxnMarkersRequest, WriteTxnMarkersResponse,
};
use kafka_protocol::protocol::{Decodable, Encodable};

use super::chain::Frame;
use super::request::DecodeError;
use super::shape::{Field, fixed, numbers, structs, text, texts};

/// A request about transactions.
#[derive(Debug)]
pub(crate) enum TransactionRequest {
    AddPartitions(AddPartitionsToTxnRequest),
    AddOffsets(AddOffsetsToTxnRequest),
    End(EndTxnRequest),
    CommitOffsets(TxnOffsetCommitRequest),
    WriteMarkers(WriteTxnMarkersRequest),
    Describe(DescribeTransactionsRequest),
    List(ListTransactionsRequest),
    Producers(DescribeProducersRequest),
}

/// The response to a [`TransactionRequest`].
#[derive(Debug)]
pub(crate) enum TransactionResponse {
    AddPartitions(AddPartitionsToTxnResponse),
    AddOffsets(AddOffsetsToTxnResponse),
    End(EndTxnResponse),
    CommitOffsets(TxnOffsetCommitResponse),
    WriteMarkers(WriteTxnMarkersResponse),
    Describe(DescribeTransactionsResponse),
    List(ListTransactionsResponse),
    Producers(DescribeProducersResponse),
}

impl TransactionRequest {
    /// Decodes the body of a request, if it is one about transactions.
    pub(super) fn decode(
        key: ApiKey,
        version: i16,
        mut body: Bytes,
    ) -> Result<Option<Self>, DecodeError> {
        let body = &mut body;
        Ok(Some(match key {
            ApiKey::AddPartitionsToTxn => {
                Self::AddPartitions(AddPartitionsToTxnRequest::decode(body, version)?)
            }
            ApiKey::AddOffsetsToTxn => {
                Self::AddOffsets(AddOffsetsToTxnRequest::decode(body, version)?)
            }
            ApiKey::EndTxn => Self::End(EndTxnRequest::decode(body, version)?),
            ApiKey::TxnOffsetCommit => {
                Self::CommitOffsets(TxnOffsetCommitRequest::decode(body, version)?)
            }
            ApiKey::WriteTxnMarkers => {
                Self::WriteMarkers(WriteTxnMarkersRequest::decode(body, version)?)
            }
            ApiKey::DescribeTransactions => {
                Self::Describe(DescribeTransactionsRequest::decode(body, version)?)
            }
            ApiKey::ListTransactions => Self::List(ListTransactionsRequest::decode(body, version)?),
            ApiKey::DescribeProducers => {
                Self::Producers(DescribeProducersRequest::decode(body, version)?)
            }
            _ => return Ok(None),
        }))
    }
}

impl TransactionResponse {
    /// Appends the body in `version`.
    pub(super) fn encode(&self, frame: &mut Frame, version: i16) -> Result<(), String> {
        let tail = frame.tail();
        let encoded = match self {
            Self::AddPartitions(body) => body.encode(tail, version),
            Self::AddOffsets(body) => body.encode(tail, version),
            Self::End(body) => body.encode(tail, version),
            Self::CommitOffsets(body) => body.encode(tail, version),
            Self::WriteMarkers(body) => body.encode(tail, version),
            Self::Describe(body) => body.encode(tail, version),
            Self::List(body) => body.encode(tail, version),
            Self::Producers(body) => body.encode(tail, version),
        };
        encoded.map_err(|error| error.to_string())
    }

    /// Hands every error code of the response to `see`.
    pub(super) fn errors(&self, see: &mut impl FnMut(i16)) {
        match self {
            Self::AddPartitions(body) => {
                if body.error_code != 0 {
                    see(body.error_code);
                }
                added(&body.results_by_topic_v3_and_below, see);
                for result in &body.results_by_transaction {
                    added(&result.topic_results, see);
                }
            }
            Self::AddOffsets(body) => see(body.error_code),
            Self::End(body) => see(body.error_code),
            Self::CommitOffsets(body) => {
                let partitions = body.topics.iter().flat_map(|topic| &topic.partitions);
                partitions.for_each(|partition| see(partition.error_code));
            }
            Self::WriteMarkers(body) => {
                let topics = body.markers.iter().flat_map(|marker| &marker.topics);
                let partitions = topics.flat_map(|topic| &topic.partitions);
                partitions.for_each(|partition| see(partition.error_code));
            }
            Self::Describe(body) => {
                body.transaction_states.iter().for_each(|state| see(state.error_code));
            }
            Self::List(body) => see(body.error_code),
            Self::Producers(body) => {
                let partitions = body.topics.iter().flat_map(|topic| &topic.partitions);
                partitions.for_each(|partition| see(partition.error_code));
            }
        }
    }
}

fn added(topics: &[AddPartitionsToTxnTopicResult], see: &mut impl FnMut(i16)) {
    let partitions = topics.iter().flat_map(|topic| &topic.results_by_partition);
    partitions.for_each(|partition| see(partition.partition_error_code));
}

const TOPIC: &[Field] = &[text(), numbers(4)];

pub(super) const ADD_PARTITIONS: &[Field] = &[
    structs(&[text(), fixed(8), fixed(2), fixed(1), structs(TOPIC)]).since(4),
    text().until(3),
    fixed(8).until(3),
    fixed(2).until(3),
    structs(TOPIC).until(3),
];

pub(super) const ADD_OFFSETS: &[Field] = &[text(), fixed(8), fixed(2), text()];

pub(super) const END: &[Field] = &[text(), fixed(8), fixed(2), fixed(1)];

pub(super) const COMMIT_OFFSETS: &[Field] = &[
    text(),
    text(),
    fixed(8),
    fixed(2),
    fixed(4).since(3),
    text().since(3),
    text().since(3),
    structs(&[text(), structs(&[fixed(4), fixed(8), fixed(4).since(2), text()])]),
];

pub(super) const WRITE_MARKERS: &[Field] =
    &[structs(&[fixed(8), fixed(2), fixed(1), structs(TOPIC), fixed(4)])];

pub(super) const DESCRIBE: &[Field] = &[texts()];

pub(super) const LIST: &[Field] = &[texts(), numbers(8), fixed(8).since(1), text().since(2)];

pub(super) const PRODUCERS: &[Field] = &[structs(TOPIC)];
