//! A request as the bytes that go to a broker.

use bytes::{BufMut, BytesMut};
use kafka_protocol::messages::{ApiKey, RequestHeader};
use kafka_protocol::protocol::{Encodable, Request, StrBytes};

/// A request with its header and the length in front.
pub(crate) fn frame<R: Request>(
    client_id: &'static str,
    version: i16,
    correlation: i32,
    request: &R,
) -> anyhow::Result<BytesMut> {
    let key = api_key::<R>()?;
    let header = RequestHeader::default()
        .with_request_api_key(R::KEY)
        .with_request_api_version(version)
        .with_correlation_id(correlation)
        .with_client_id(Some(StrBytes::from_static_str(client_id)));
    let mut frame = BytesMut::new();
    frame.put_i32(0);
    header.encode(&mut frame, key.request_header_version(version))?;
    request.encode(&mut frame, version)?;
    let length = i32::try_from(frame.len() - 4)?;
    frame[..4].copy_from_slice(&length.to_be_bytes());
    Ok(frame)
}

/// The request's kind.
pub(crate) fn api_key<R: Request>() -> anyhow::Result<ApiKey> {
    ApiKey::try_from(R::KEY).map_err(|()| anyhow::anyhow!("no request has key {}", R::KEY))
}
