//! Answers in place of a broker's, and what is in a broker's answer.

use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_protocol::ResponseError;
use kafka_protocol::messages::{ApiKey, MetadataResponse, ProduceResponse, ResponseHeader};
use kafka_protocol::protocol::Decodable;

use super::frames::Head;
use crate::cluster::{refusal, says};
use crate::fault::RequestOutcome;
use crate::wire::request::Decoded;
use crate::wire::response::{Question, encode};
use crate::wire::{Output, Response};

/// The answer that says nothing but this error; nothing where it has no place for it.
pub(super) fn refused(asked: &Decoded, error: ResponseError) -> Option<Bytes> {
    let response = refusal(asked.version, &asked.request, error)?;
    let told = says(&response, RequestOutcome::Error(error.code()));
    told.then(|| framed(response, asked.question()))?
}

/// A request for the broker's versions, in place of another one.
pub(super) fn stand_in(head: &Head) -> Bytes {
    let mut frame = BytesMut::new();
    frame.put_i16(ApiKey::ApiVersions as i16);
    frame.put_i16(0);
    frame.put_i32(head.correlation);
    frame.put_i16(-1);
    frame.freeze()
}

/// A broker's answer about topics with this error for each of them; nothing if it names none.
pub(super) fn blamed(question: Question, answer: &Bytes, code: i16) -> Option<Bytes> {
    let mut response: MetadataResponse = decoded(question, answer)?;
    if response.topics.is_empty() {
        return None;
    }
    for topic in &mut response.topics {
        topic.error_code = code;
        topic.partitions.clear();
    }
    framed(Response::Metadata(response), question)
}

/// Whether a broker wrote all that it was sent.
pub(super) fn all_written(question: Question, answer: &Bytes) -> bool {
    let response = decoded::<ProduceResponse>(question, answer);
    response.is_some_and(|response| Response::Produce(response).first_error() == 0)
}

/// How long a broker tells a client to pause.
pub(super) fn pause(question: Question, answer: &Bytes) -> Duration {
    let told = match question.key {
        ApiKey::Produce => {
            decoded::<ProduceResponse>(question, answer).map(|it| it.throttle_time_ms)
        }
        // First in the body; the rest of it may be large.
        ApiKey::Fetch => body(question, answer).and_then(|mut body| body.try_get_i32().ok()),
        _ => None,
    };
    Duration::from_millis(told.and_then(|told| u64::try_from(told).ok()).unwrap_or(0))
}

fn body(question: Question, answer: &Bytes) -> Option<Bytes> {
    let mut body = answer.clone();
    let version = question.key.response_header_version(question.version);
    ResponseHeader::decode(&mut body, version).ok()?;
    Some(body)
}

fn decoded<R: Decodable>(question: Question, answer: &Bytes) -> Option<R> {
    R::decode(&mut body(question, answer)?, question.version).ok()
}

/// A frame without its length.
fn framed(response: Response, question: Question) -> Option<Bytes> {
    let mut output = Output::default();
    encode(response, question, &mut output).ok()?;
    let mut frame: Bytes = output.slices().iter().flat_map(|piece| piece.to_vec()).collect();
    frame.advance(4);
    Some(frame)
}
