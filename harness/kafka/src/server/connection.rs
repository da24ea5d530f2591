//! One client connection: one task that reads, hands over, and writes.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{BufMut, Bytes};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::authentication::{Client, FAILURE_DELAY};
use super::transport::Transport;
use super::{Peer, Server};
use crate::security::{Session, session};
use crate::wire::Output;
use crate::wire::frame::FrameReader;
use crate::wire::response::encode;

/// Requests read ahead of the answer to the first: enough for pipelining clients.
const REQUESTS_AHEAD: usize = 64;

/// Answers are encoded while less than this waits to be written.
const OUTPUT_BYTES_MAX: usize = 4 << 20;

/// Serves a connection until the client goes, misbehaves, or the broker stops.
pub(crate) async fn serve(
    server: Arc<Server>,
    peer: Peer,
    stream: TcpStream,
    cancel: CancellationToken,
) {
    // Without it small answers wait for acknowledgements; with an error the next read fails too.
    let _ = stream.set_nodelay(true);
    let gate = server.gate(peer.listener);
    let client = gate.client(&peer);
    let stream = match Transport::new(stream, gate.tls.clone()) {
        Ok(stream) => stream,
        Err(reason) => return tracing::debug!(broker = peer.broker, %reason, "closed"),
    };
    let (id, outbox) = server.open(&peer);
    let request_bytes_max = match client.session {
        Some(_) => server.request_bytes_max.min(session::REQUEST_BYTES_MAX),
        None => server.request_bytes_max,
    };
    let mut connection = Connection {
        server: &server,
        peer,
        id,
        outbox: &outbox,
        client,
        stream,
        reader: FrameReader::new(request_bytes_max),
        buffer: FrameReader::buffer(),
        frames: VecDeque::new(),
        muted: None,
        output: Output::default(),
    };
    tokio::select! {
        () = cancel.cancelled() => {}
        ended = connection.run() => match ended {
            Ok(()) => {}
            Err(reason) => tracing::debug!(broker = connection.peer.broker, %reason, "closed"),
        }
    }
    connection.stream.close();
    server.close(id);
}

struct Connection<'a> {
    server: &'a Server,
    peer: Peer,
    id: u32,
    outbox: &'a super::outbox::Outbox,
    client: Client,
    stream: Transport,
    reader: FrameReader,
    buffer: Vec<u8>,
    frames: VecDeque<Bytes>,
    /// Until when the client is throttled.
    muted: Option<Duration>,
    output: Output,
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

impl Connection<'_> {
    async fn run(&mut self) -> Result<(), Failure> {
        loop {
            self.answer()?;
            if !self.frames.is_empty() && self.may_take() {
                self.take()?;
                continue;
            }
            if self.client.session.as_ref().is_some_and(Session::failed) {
                return self.refuse().await;
            }
            if self.write()? {
                continue;
            }
            let may_read = self.frames.is_empty()
                && self.muted.is_none()
                && self.outbox.len() < REQUESTS_AHEAD;
            let must_write = self.output.len() > 0 || self.stream.wants_write();
            tokio::select! {
                ready = self.stream.readable(), if may_read => {
                    ready?;
                    if self.read()? {
                        return Ok(());
                    }
                }
                ready = self.stream.writable(), if must_write => ready?,
                () = self.outbox.ready.notified() => {}
                () = self.server.until(self.muted), if self.muted.is_some() => self.muted = None,
            }
        }
    }

    /// Encodes the answers that are in line.
    fn answer(&mut self) -> Result<(), Failure> {
        while self.output.len() < OUTPUT_BYTES_MAX
            && self.muted.is_none()
            && let Some(mut answered) = self.outbox.next()
        {
            self.muted = self.server.throttle(&self.peer, &self.client, &mut answered);
            self.server.observe(&self.peer, &self.client.info.client_id, &answered);
            encode(answered.response, answered.question, &mut self.output)?;
        }
        Ok(())
    }

    /// The client could not authenticate: it is told so after a while and has to go.
    async fn refuse(&mut self) -> Result<(), Failure> {
        tokio::time::sleep(FAILURE_DELAY).await;
        loop {
            self.answer()?;
            if self.write()? {
                continue;
            }
            if self.output.len() == 0 && !self.stream.wants_write() {
                return Err("authentication failed".into());
            }
            self.stream.writable().await?;
        }
    }

    /// Writes what the socket takes. Whether there may be more to encode at once.
    fn write(&mut self) -> Result<bool, Failure> {
        let full = self.output.len() >= OUTPUT_BYTES_MAX;
        while self.output.len() > 0 || self.stream.wants_write() {
            match self.stream.try_write(&self.output.slices()) {
                Ok(written) => self.output.advance(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(full)
    }

    /// Reads what there is, once, and hands over the frames. Whether the client has gone.
    fn read(&mut self) -> Result<bool, Failure> {
        let gone = match &mut self.stream {
            Transport::Plain(socket) => {
                read_plain(socket, &mut self.reader, &mut self.buffer, &mut self.frames)?
            }
            Transport::Tls(stream) => stream.read(&mut self.buffer, |bytes| {
                self.reader.push(bytes, &mut self.frames).map_err(Failure::from)
            })?,
        };
        self.take()?;
        Ok(gone)
    }

    /// Whether the next request may be handed over. As soon as anybody has a quota it waits for
    /// the answer to the one before, as in Kafka: that answer may say that the client must pause.
    fn may_take(&self) -> bool {
        !self.server.throttles() || self.muted.is_none() && self.outbox.len() == 0
    }

    /// Hands over the frames.
    fn take(&mut self) -> Result<(), Failure> {
        let guarded = self.client.session.is_some();
        while self.may_take()
            && let Some(frame) = self.frames.pop_front()
        {
            self.server.take(&self.peer, self.id, self.outbox, &mut self.client, frame)?;
        }
        if guarded && self.client.session.is_none() {
            self.reader.allow(self.server.request_bytes_max);
        }
        Ok(())
    }
}

/// Without TLS a large frame is read to where it stays.
fn read_plain(
    socket: &TcpStream,
    reader: &mut FrameReader,
    buffer: &mut [u8],
    frames: &mut VecDeque<Bytes>,
) -> Result<bool, Failure> {
    let read = match reader.large() {
        Some((frame, missing)) => {
            let read = socket.try_read_buf(&mut frame.limit(missing));
            if let Ok(count) = read {
                reader.filled(count, frames);
            }
            read
        }
        None => {
            let read = socket.try_read(buffer);
            if let Ok(count) = read {
                reader.push(&buffer[..count], frames)?;
            }
            read
        }
    };
    match read {
        Ok(count) => Ok(count == 0),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
        Err(error) => Err(error.into()),
    }
}
