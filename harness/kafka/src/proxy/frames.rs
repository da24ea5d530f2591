//! The frames of one direction of a connection, and what the first bytes of a request say.

use std::collections::VecDeque;
use std::io;

use bytes::{Buf, Bytes};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};

use crate::wire::frame::FrameReader;

/// The largest frame in bytes, as brokers take it by default.
const FRAME_BYTES_MAX: usize = 100 << 20;

/// Reads frames.
pub(super) struct Frames<'a> {
    stream: ReadHalf<'a>,
    reader: FrameReader,
    buffer: Vec<u8>,
    ready: VecDeque<Bytes>,
}

impl<'a> Frames<'a> {
    pub(super) fn new(stream: ReadHalf<'a>) -> Self {
        let (reader, buffer) = (FrameReader::new(FRAME_BYTES_MAX), FrameReader::buffer());
        Self { stream, reader, buffer, ready: VecDeque::new() }
    }

    /// The next frame without its length; nothing at the end of the stream.
    pub(super) async fn next(&mut self) -> io::Result<Option<Bytes>> {
        while self.ready.is_empty() {
            let count = self.stream.read(&mut self.buffer).await?;
            if count == 0 {
                return Ok(None);
            }
            let pushed = self.reader.push(&self.buffer[..count], &mut self.ready);
            pushed.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        }
        Ok(self.ready.pop_front())
    }

    /// Waits until the other side has closed the connection. One that still has something to say is
    /// not heard out for it.
    pub(super) async fn gone(&mut self) {
        if matches!(self.stream.peek(&mut [0]).await, Ok(1..)) {
            std::future::pending().await
        }
    }
}

/// Writes a frame with its length.
pub(super) async fn write(stream: &mut WriteHalf<'_>, frame: Bytes) -> io::Result<()> {
    let length = i32::try_from(frame.len()).map_err(io::Error::other)?;
    let mut whole = Bytes::copy_from_slice(&length.to_be_bytes()).chain(frame);
    stream.write_all_buf(&mut whole).await
}

/// What every request begins with, whatever its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) key: i16,
    pub(super) version: i16,
    pub(super) correlation: i32,
    pub(super) client_id: String,
}

impl Head {
    /// Reads it from a frame; nothing from one that is no request.
    pub(super) fn of(mut frame: &[u8]) -> Option<Self> {
        let key = frame.try_get_i16().ok()?;
        let version = frame.try_get_i16().ok()?;
        let correlation = frame.try_get_i32().ok()?;
        let length = match frame.try_get_i16().ok()? {
            -1 => 0,
            length => usize::try_from(length).ok()?,
        };
        let client_id = str::from_utf8(frame.get(..length)?).ok()?.to_owned();
        Some(Self { key, version, correlation, client_id })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_head_is_read_whole_or_not_at_all() {
        let frame = [0, 1, 0, 12, 0, 0, 0, 7, 0, 3, b'n', b'/', b'w', 0];
        let head = Head { key: 1, version: 12, correlation: 7, client_id: "n/w".to_owned() };
        assert_eq!(Head::of(&frame), Some(head.clone()));
        for cut in 0..13 {
            assert_eq!(Head::of(&frame[..cut]), None, "cut at {cut}");
        }
        let nameless = [0, 1, 0, 12, 0, 0, 0, 7, 0xff, 0xff];
        assert_eq!(Head::of(&nameless), Some(Head { client_id: String::new(), ..head }));
        assert_eq!(Head::of(&[0, 1, 0, 12, 0, 0, 0, 7, 0xff, 0xfe]), None, "a length below -1");
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_strange(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = Head::of(&bytes);
        }
    }
}
