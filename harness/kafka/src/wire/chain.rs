//! Output without copies: a response is a chain of own bytes and shared record batches, written
//! with one vectored call.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// A shared piece shorter than this is copied: one more entry in a vectored write costs more.
const SHARED_BYTES_MIN: usize = 4_096;

/// A frame under construction. The length field in front is filled in by [`Frame::finish`].
#[derive(Debug)]
pub(crate) struct Frame {
    done: Vec<BytesMut>,
    shared: Vec<(usize, Bytes)>,
    tail: BytesMut,
    length: usize,
}

impl Frame {
    pub(crate) fn new() -> Self {
        let mut tail = BytesMut::with_capacity(256);
        tail.put_i32(0);
        Self { done: Vec::new(), shared: Vec::new(), tail, length: 0 }
    }

    /// Where small fields are written.
    pub(crate) fn tail(&mut self) -> &mut BytesMut {
        &mut self.tail
    }

    /// Adds `bytes` without copying them if they are many.
    pub(crate) fn put_shared(&mut self, bytes: Bytes) {
        if bytes.len() < SHARED_BYTES_MIN {
            self.tail.put_slice(&bytes);
            return;
        }
        self.length += self.tail.len() + bytes.len();
        self.done.push(std::mem::take(&mut self.tail));
        self.shared.push((self.done.len(), bytes));
    }

    /// Sets the length and hands the frame to `output`. `None` when it exceeds Kafka's 2 GiB.
    pub(crate) fn finish(mut self, output: &mut Output) -> Option<()> {
        self.length += self.tail.len();
        self.done.push(self.tail);
        let length = i32::try_from(self.length - 4).ok()?;
        self.done.first_mut()?[..4].copy_from_slice(&length.to_be_bytes());
        let mut shared = self.shared.into_iter().peekable();
        for (index, own) in self.done.into_iter().enumerate() {
            output.push(own.freeze());
            if let Some((_, bytes)) = shared.next_if(|(after, _)| *after == index + 1) {
                output.push(bytes);
            }
        }
        Some(())
    }
}

/// What a connection has still to write.
#[derive(Debug, Default)]
pub(crate) struct Output {
    pieces: VecDeque<Bytes>,
    bytes: usize,
}

impl Output {
    /// Adds a piece at the end.
    pub(crate) fn push(&mut self, piece: Bytes) {
        if !piece.is_empty() {
            self.bytes += piece.len();
            self.pieces.push_back(piece);
        }
    }

    /// Bytes not yet written.
    pub(crate) fn len(&self) -> usize {
        self.bytes
    }

    /// Takes the first `bytes` out, in one piece; `None` when there are not so many.
    pub(crate) fn take(&mut self, bytes: usize) -> Option<Bytes> {
        if self.bytes < bytes {
            return None;
        }
        let mut taken = BytesMut::with_capacity(bytes);
        while taken.len() < bytes {
            let front = self.pieces.front()?;
            let step = front.len().min(bytes - taken.len());
            taken.extend_from_slice(&front[..step]);
            self.advance(step);
        }
        Some(taken.freeze())
    }

    /// The next pieces, as many as one vectored write takes well.
    pub(crate) fn slices(&self) -> Vec<IoSlice<'_>> {
        self.pieces.iter().take(64).map(|piece| IoSlice::new(piece)).collect()
    }

    /// Forgets the first `written` bytes.
    pub(crate) fn advance(&mut self, mut written: usize) {
        self.bytes -= written.min(self.bytes);
        while let Some(front) = self.pieces.front_mut() {
            if front.len() > written {
                front.advance(written);
                return;
            }
            written -= front.len();
            self.pieces.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_keep_their_order_however_they_are_written() {
        let mut frame = Frame::new();
        frame.tail().put_slice(b"head");
        frame.put_shared(Bytes::from(vec![1; 5_000]));
        frame.put_shared(Bytes::from(vec![2; 5_000]));
        frame.put_shared(Bytes::from_static(b"small"));
        frame.tail().put_slice(b"tail");
        let mut output = Output::default();
        frame.finish(&mut output).unwrap();
        let mut expected = 10_013i32.to_be_bytes().to_vec();
        expected.extend_from_slice(b"head");
        expected.extend(vec![1; 5_000]);
        expected.extend(vec![2; 5_000]);
        expected.extend_from_slice(b"smalltail");
        assert_eq!(output.len(), expected.len());
        let mut written = Vec::new();
        while output.len() > 0 {
            let step: Vec<u8> =
                output.slices().iter().flat_map(|piece| piece.to_vec()).take(777).collect();
            output.advance(step.len());
            written.extend(step);
        }
        assert_eq!(written, expected);
    }
}
