//! A client that says exactly what a case wants said: one connection, one request at a time.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::ResponseHeader;
use kafka_protocol::protocol::{Decodable, Request};
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use crate::frame::{api_key, frame};

/// Longer than anything that a broker makes a client wait for in these cases.
const ANSWER_WAIT: Duration = Duration::from_secs(60);

/// What requests are written to and answers are read from: a socket, or TLS on one.
trait Stream: Read + Write + Send {}

impl<T: Read + Write + Send> Stream for T {}

/// One TCP connection to one broker.
pub(crate) struct Connection {
    stream: Box<dyn Stream>,
    /// The same connection, for its time limits.
    socket: TcpStream,
    correlation: i32,
}

impl Connection {
    /// Connects, or says why not.
    pub(crate) fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let socket = connect(address)?;
        Ok(Self { stream: Box::new(socket.try_clone()?), socket, correlation: 0 })
    }

    /// Connects with TLS.
    pub(crate) fn open_tls(address: SocketAddr, tls: Arc<ClientConfig>) -> anyhow::Result<Self> {
        let socket = connect(address)?;
        let session = ClientConnection::new(tls, address.ip().into())?;
        let stream = StreamOwned::new(session, socket.try_clone()?);
        Ok(Self { stream: Box::new(stream), socket, correlation: 0 })
    }

    /// Sends a request and waits for its answer.
    pub(crate) fn ask<R: Request>(
        &mut self,
        version: i16,
        request: &R,
    ) -> anyhow::Result<R::Response> {
        self.send(version, request)?;
        self.receive::<R>(version)
    }

    /// Sends a request whose answer is taken later with [`Connection::receive`].
    pub(crate) fn send<R: Request>(&mut self, version: i16, request: &R) -> anyhow::Result<()> {
        self.correlation += 1;
        self.send_bytes(&frame("conformance", version, self.correlation, request)?)
    }

    /// The answer to the request sent first among those not yet answered.
    pub(crate) fn receive<R: Request>(&mut self, version: i16) -> anyhow::Result<R::Response> {
        let mut body = self.receive_frame()?;
        let key = api_key::<R>()?;
        ResponseHeader::decode(&mut body, key.response_header_version(version))?;
        let answer = R::Response::decode(&mut body, version)
            .with_context(|| format!("the answer to {key:?} version {version}"))?;
        ensure!(body.is_empty(), "{key:?} version {version}: {} bytes left over", body.len());
        Ok(answer)
    }

    /// Sends these bytes as one frame, whatever they are.
    pub(crate) fn send_frame(&mut self, body: &[u8]) -> anyhow::Result<()> {
        let length = u32::try_from(body.len())?.to_be_bytes();
        self.send_bytes(&[&length[..], body].concat())
    }

    /// Sends these bytes.
    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        Ok(self.stream.write_all(bytes)?)
    }

    /// One frame of the broker, without its length.
    pub(crate) fn receive_frame(&mut self) -> anyhow::Result<Bytes> {
        let mut length = [0; 4];
        self.stream.read_exact(&mut length)?;
        let mut body = vec![0; u32::from_be_bytes(length) as usize];
        self.stream.read_exact(&mut body)?;
        Ok(body.into())
    }

    /// All that the broker still says before it closes the connection.
    pub(crate) fn rest(&mut self) -> anyhow::Result<Vec<u8>> {
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest)?;
        Ok(rest)
    }

    /// What comes next on this connection: `closed`, `an answer`, or `silence` for `wait`.
    pub(crate) fn next(&mut self, wait: Duration) -> anyhow::Result<&'static str> {
        self.socket.set_read_timeout(Some(wait))?;
        let mut length = [0; 4];
        let read = self.stream.read(&mut length);
        self.socket.set_read_timeout(Some(ANSWER_WAIT))?;
        match read {
            Ok(0) => Ok("closed"),
            Ok(_) => Ok("an answer"),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Ok("silence"),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => Ok("closed"),
            Err(error) => bail!(error),
        }
    }
}

fn connect(address: SocketAddr) -> anyhow::Result<TcpStream> {
    let socket = TcpStream::connect_timeout(&address, Duration::from_secs(5))?;
    socket.set_read_timeout(Some(ANSWER_WAIT))?;
    socket.set_nodelay(true)?;
    Ok(socket)
}

/// A request with its header, without the length in front.
pub(crate) fn headed<R: Request>(
    version: i16,
    correlation: i32,
    request: &R,
) -> anyhow::Result<BytesMut> {
    Ok(frame("conformance", version, correlation, request)?.split_off(4))
}
