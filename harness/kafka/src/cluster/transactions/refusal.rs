//! The refusals of requests about transactions, whole.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::add_partitions_to_txn_response::AddPartitionsToTxnResult;
use kafka_protocol::messages::{
    AddOffsetsToTxnResponse, AddPartitionsToTxnResponse, EndTxnResponse, ProducerId,
};

use super::requests::{VERSION_BATCH, results};
use crate::coordinator::transactional_refusal;
use crate::wire::{TransactionRequest, TransactionResponse};

/// The answer that says nothing but an error to a producer's request.
pub(in super::super) fn refusal(
    version: i16,
    request: &TransactionRequest,
    error: ResponseError,
) -> Option<TransactionResponse> {
    let code = error.code();
    Some(match request {
        TransactionRequest::AddPartitions(request) => {
            let response = AddPartitionsToTxnResponse::default();
            let response = match version {
                VERSION_BATCH.. => {
                    let transactions = request.transactions.iter().map(|wanted| {
                        AddPartitionsToTxnResult::default()
                            .with_transactional_id(wanted.transactional_id.clone())
                            .with_topic_results(results(&wanted.topics, |_, _| code))
                    });
                    response.with_results_by_transaction(transactions.collect())
                }
                _ => {
                    let topics = results(&request.v3_and_below_topics, |_, _| code);
                    response.with_results_by_topic_v3_and_below(topics)
                }
            };
            TransactionResponse::AddPartitions(response)
        }
        TransactionRequest::AddOffsets(_) => TransactionResponse::AddOffsets(
            AddOffsetsToTxnResponse::default().with_error_code(code),
        ),
        TransactionRequest::End(_) => {
            let response = EndTxnResponse::default().with_error_code(code);
            let nobody = response.with_producer_id(ProducerId(-1)).with_producer_epoch(-1);
            TransactionResponse::End(nobody)
        }
        TransactionRequest::CommitOffsets(request) => {
            TransactionResponse::CommitOffsets(transactional_refusal(&request.topics, error))
        }
        TransactionRequest::WriteMarkers(_)
        | TransactionRequest::Describe(_)
        | TransactionRequest::List(_)
        | TransactionRequest::Producers(_) => return None,
    })
}
