//! One client connection: one task that reads, hands over, and writes.

use std::io;
use std::sync::Arc;

use bytes::{BufMut, Bytes};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use super::{Peer, Server};
use crate::coordinator::ClientInfo;
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
    let (id, outbox) = server.open(&peer);
    let client = ClientInfo { client_id: String::new(), host: format!("/{}", peer.address) };
    let reader = FrameReader::new(server.request_bytes_max);
    let mut connection = Connection {
        server: &server,
        peer,
        id,
        outbox: &outbox,
        client,
        stream,
        reader,
        buffer: FrameReader::buffer(),
        frames: Vec::new(),
        output: Output::default(),
    };
    tokio::select! {
        () = cancel.cancelled() => {}
        ended = connection.run() => match ended {
            Ok(()) => {}
            Err(reason) => tracing::debug!(broker = connection.peer.broker, %reason, "closed"),
        }
    }
    server.close(id);
}

struct Connection<'a> {
    server: &'a Server,
    peer: Peer,
    id: u32,
    outbox: &'a super::outbox::Outbox,
    client: ClientInfo,
    stream: TcpStream,
    reader: FrameReader,
    buffer: Vec<u8>,
    frames: Vec<Bytes>,
    output: Output,
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

impl Connection<'_> {
    async fn run(&mut self) -> Result<(), Failure> {
        loop {
            self.answer()?;
            if self.write()? {
                continue;
            }
            let may_read = self.outbox.len() < REQUESTS_AHEAD;
            let must_write = self.output.len() > 0;
            tokio::select! {
                ready = self.stream.readable(), if may_read => {
                    ready?;
                    if self.read()? {
                        return Ok(());
                    }
                }
                ready = self.stream.writable(), if must_write => ready?,
                () = self.outbox.ready.notified() => {}
            }
        }
    }

    /// Encodes the answers that are in line.
    fn answer(&mut self) -> Result<(), Failure> {
        while self.output.len() < OUTPUT_BYTES_MAX
            && let Some(answered) = self.outbox.next()
        {
            self.server.observe(&self.peer, &self.client.client_id, &answered);
            encode(answered.response, answered.question, &mut self.output)?;
        }
        Ok(())
    }

    /// Writes what the socket takes. Whether there may be more to encode at once.
    fn write(&mut self) -> Result<bool, Failure> {
        let full = self.output.len() >= OUTPUT_BYTES_MAX;
        while self.output.len() > 0 {
            match self.stream.try_write_vectored(&self.output.slices()) {
                Ok(0) => return Err("the client takes no more".into()),
                Ok(written) => self.output.advance(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(full)
    }

    /// Reads what there is, once, and hands over the frames. Whether the client has gone.
    fn read(&mut self) -> Result<bool, Failure> {
        let read = match self.reader.large() {
            Some((frame, missing)) => {
                let read = self.stream.try_read_buf(&mut frame.limit(missing));
                if let Ok(count) = read {
                    self.reader.filled(count, &mut self.frames);
                }
                read
            }
            None => {
                let read = self.stream.try_read(&mut self.buffer);
                if let Ok(count) = read {
                    self.reader.push(&self.buffer[..count], &mut self.frames)?;
                }
                read
            }
        };
        match read {
            Ok(0) => return Ok(true),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        for frame in self.frames.drain(..) {
            self.server.take(&self.peer, self.id, self.outbox, &mut self.client, frame)?;
        }
        Ok(false)
    }
}
