//! One client connection: one task that reads, hands over, and writes.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::authentication::{Client, FAILURE_DELAY};
use super::incoming::Incoming;
use super::throttle::Pause;
use super::transport::Transport;
use super::writer::Writer;
use super::{Peer, Server};
use crate::security::{Session, session};
use crate::wire::response::encode;

/// Requests read ahead of the answer to the first: enough for pipelining clients.
const REQUESTS_AHEAD: usize = 64;

/// Answers are encoded while less than this waits to be written.
const OUTPUT_BYTES_MAX: usize = 4 << 20;

/// Before a connection is closed its client has so long to take the answers that came before. One
/// that does not read would keep it open for ever.
const FAREWELL_MAX: Duration = Duration::from_secs(1);

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
    let broker = peer.broker;
    let (id, writer) = server.open(peer, stream.shared());
    let request_bytes_max = match client.session {
        Some(_) => server.request_bytes_max.min(session::REQUEST_BYTES_MAX),
        None => server.request_bytes_max,
    };
    let incoming = Incoming::new(request_bytes_max);
    let mut connection =
        Connection { server: &server, id, writer: &writer, client, stream, incoming, muted: None };
    tokio::select! {
        () = cancel.cancelled() => {}
        ended = connection.run() => match ended {
            Ok(()) => {}
            Err(reason) => tracing::debug!(broker, %reason, "closed"),
        }
    }
    connection.stream.close();
    server.close(id);
}

struct Connection<'a> {
    server: &'a Server,
    id: u32,
    writer: &'a Writer,
    client: Client,
    stream: Transport,
    incoming: Incoming,
    /// The client is throttled.
    muted: Option<Pause>,
}

pub(super) type Failure = Box<dyn std::error::Error + Send + Sync>;

impl Connection<'_> {
    async fn run(&mut self) -> Result<(), Failure> {
        loop {
            if let Err(reason) = self.answer() {
                // The answers before the one that cannot be given are given.
                self.flush().await?;
                return Err(reason);
            }
            if !self.incoming.frames.is_empty() && self.may_take() {
                self.take()?;
                continue;
            }
            if self.client.session.as_ref().is_some_and(Session::failed) {
                return self.refuse().await;
            }
            if self.write()? {
                continue;
            }
            let may_read = self.incoming.frames.is_empty()
                && self.muted.is_none()
                && self.writer.outbox.len() < REQUESTS_AHEAD;
            let must_write = self.must_write();
            self.writer.sleep(may_read && !must_write);
            let gone = tokio::select! {
                gone = self.stream.turn(&mut self.incoming, may_read, must_write) => gone?,
                () = self.writer.outbox.ready.notified() => false,
                () = self.server.over(self.muted), if self.muted.is_some() => {
                    self.muted = None;
                    false
                }
            };
            self.writer.sleep(false);
            self.take()?;
            if gone {
                return Ok(());
            }
        }
    }

    /// Encodes the answers that are in line.
    fn answer(&mut self) -> Result<(), Failure> {
        let Writer { peer, outbox, .. } = self.writer;
        let mut writing = self.writer.writing();
        if let Some(failure) = writing.failed.take() {
            return Err(failure.into());
        }
        while writing.output.len() < OUTPUT_BYTES_MAX
            && self.muted.is_none()
            && let Some(mut answered) = outbox.next()
        {
            self.muted = self.server.throttle(peer, &self.client, &mut answered);
            self.server.observe(peer, &answered);
            encode(answered.response, answered.question, &mut writing.output)?;
        }
        Ok(())
    }

    /// The client could not authenticate: it is told so after a while and has to go.
    async fn refuse(&mut self) -> Result<(), Failure> {
        tokio::time::sleep(FAILURE_DELAY).await;
        self.answer()?;
        self.flush().await?;
        Err("authentication failed".into())
    }

    /// Writes all that is encoded, if the client takes it.
    async fn flush(&mut self) -> Result<(), Failure> {
        let all = async {
            loop {
                self.write()?;
                if !self.must_write() {
                    return Ok(());
                }
                self.stream.writable().await?;
            }
        };
        tokio::time::timeout(FAREWELL_MAX, all).await?
    }

    /// Whether bytes wait for the socket to take them.
    fn must_write(&self) -> bool {
        self.writer.writing().output.len() > 0 || self.stream.wants_write()
    }

    /// Writes what the socket takes. Whether there may be more to encode at once.
    fn write(&mut self) -> Result<bool, Failure> {
        let output = &mut self.writer.writing().output;
        let full = output.len() >= OUTPUT_BYTES_MAX;
        while output.len() > 0 || self.stream.wants_write() {
            match self.stream.try_write(&output.slices()) {
                Ok(written) => output.advance(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(full)
    }

    /// Whether the next request may be handed over. As soon as anybody has a quota it waits for
    /// the answer to the one before, as in Kafka: that answer may say that the client must pause.
    fn may_take(&self) -> bool {
        !self.server.throttles() || self.muted.is_none() && self.writer.outbox.len() == 0
    }

    /// Hands over the frames.
    fn take(&mut self) -> Result<(), Failure> {
        let guarded = self.client.session.is_some();
        while self.may_take()
            && let Some(frame) = self.incoming.frames.pop_front()
        {
            let Writer { peer, outbox, .. } = self.writer;
            self.server.take(peer, self.id, outbox, &mut self.client, frame)?;
        }
        if guarded && self.client.session.is_none() {
            self.incoming.allow(self.server.request_bytes_max);
        }
        Ok(())
    }
}
