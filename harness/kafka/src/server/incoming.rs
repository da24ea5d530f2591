//! What a connection has read and not yet handed over.

use std::collections::VecDeque;

use bytes::{BufMut, Bytes};
use tokio::io::AsyncReadExt;
use tokio::net::tcp::OwnedReadHalf;

use super::connection::Failure;
use super::transport::TlsStream;
use crate::wire::frame::FrameReader;

/// Bytes on their way to become frames, and frames on their way to the cluster.
#[derive(Debug)]
pub(super) struct Incoming {
    reader: FrameReader,
    buffer: Vec<u8>,
    pub(super) frames: VecDeque<Bytes>,
}

impl Incoming {
    pub(super) fn new(frame_bytes_max: usize) -> Self {
        let (buffer, frames) = (FrameReader::buffer(), VecDeque::new());
        Self { reader: FrameReader::new(frame_bytes_max), buffer, frames }
    }

    /// Sets the largest frame from the next on.
    pub(super) fn allow(&mut self, frame_bytes_max: usize) {
        self.reader.allow(frame_bytes_max);
    }

    /// Waits for bytes and reads them, once. Whether the client has gone.
    ///
    /// A large frame is read to where it stays. By tokio's own reading a socket that gave less
    /// than was asked for counts as empty, without another call that only says so.
    pub(super) async fn read(&mut self, socket: &mut OwnedReadHalf) -> Result<bool, Failure> {
        let count = match self.reader.large() {
            Some((frame, missing)) => {
                let count = socket.read_buf(&mut frame.limit(missing)).await?;
                self.reader.filled(count, &mut self.frames);
                count
            }
            None => {
                let count = socket.read(&mut self.buffer).await?;
                self.reader.push(&self.buffer[..count], &mut self.frames)?;
                count
            }
        };
        Ok(count == 0)
    }

    /// Reads what there is, once. Whether the client has gone.
    pub(super) fn read_tls(&mut self, stream: &mut TlsStream) -> Result<bool, Failure> {
        stream.read(&mut self.buffer, |bytes| {
            self.reader.push(bytes, &mut self.frames).map_err(Failure::from)
        })
    }
}
