//! One connection to one broker: typed requests, one at a time.

use anyhow::{Context as _, anyhow, ensure};
use bytes::{BufMut, BytesMut};
use kafka_protocol::messages::{ApiKey, RequestHeader, ResponseHeader};
use kafka_protocol::protocol::{Decodable, Encodable, Request, StrBytes};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How the harness names itself to brokers where it neither sends nor reads records.
const CLIENT_ID: &str = "stormgauge/0";
/// The longest answer that is taken, in bytes.
const ANSWER_BYTES_MAX: usize = 16 << 20;

/// A connection to a broker. After an error it cannot be used again.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    correlation: i32,
}

impl Connection {
    /// Connects.
    pub(super) async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, correlation: 0 })
    }

    /// Sends a request and waits for its answer, for as long as it takes.
    pub(super) async fn ask<R: Request>(
        &mut self,
        version: i16,
        request: &R,
    ) -> anyhow::Result<R::Response> {
        let key = ApiKey::try_from(R::KEY).map_err(|()| anyhow!("no request has this key"))?;
        self.correlation = self.correlation.wrapping_add(1);
        self.stream.write_all(&frame(key, version, self.correlation, request)?).await?;
        let length = usize::try_from(self.stream.read_i32().await?)?;
        ensure!(length <= ANSWER_BYTES_MAX, "an answer of {length} bytes");
        let mut body = BytesMut::zeroed(length);
        self.stream.read_exact(&mut body).await?;
        let mut body = body.freeze();
        let header = ResponseHeader::decode(&mut body, key.response_header_version(version))?;
        ensure!(header.correlation_id == self.correlation, "the answer to another request");
        R::Response::decode(&mut body, version).with_context(|| format!("the answer to {key:?}"))
    }
}

/// A request with its header and the length in front.
fn frame<R: Request>(
    key: ApiKey,
    version: i16,
    correlation: i32,
    request: &R,
) -> anyhow::Result<BytesMut> {
    let header = RequestHeader::default()
        .with_request_api_key(R::KEY)
        .with_request_api_version(version)
        .with_correlation_id(correlation)
        .with_client_id(Some(StrBytes::from_static_str(CLIENT_ID)));
    let mut frame = BytesMut::new();
    frame.put_i32(0);
    header.encode(&mut frame, key.request_header_version(version))?;
    request.encode(&mut frame, version)?;
    let length = i32::try_from(frame.len() - 4)?;
    frame[..4].copy_from_slice(&length.to_be_bytes());
    Ok(frame)
}

/// Makes an error of an answer's code; 0 is none.
pub(super) fn checked(code: i16, what: &str) -> anyhow::Result<()> {
    match kafka_protocol::ResponseError::try_from_code(code) {
        None => Ok(()),
        Some(error) => Err(anyhow!("{what}: {error}")),
    }
}
