//! Cutting a byte stream into frames. A frame that declares more than is allowed is refused
//! before any of it is read or reserved.

use bytes::{Bytes, BytesMut};

/// Bytes asked of the socket at a time.
const READ_BYTES: usize = 64 << 10;

/// Collects the bytes of one connection. Each frame gets an allocation of its own of just its
/// size, so that a stored record batch keeps no strange bytes alive.
#[derive(Debug)]
pub(crate) struct FrameReader {
    frame_bytes_max: usize,
    length: Vec<u8>,
    frame: Option<BytesMut>,
    missing: usize,
}

/// The stream cannot be understood any further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("frame length {declared} is outside 1..={allowed}")]
pub(crate) struct FrameLength {
    declared: i32,
    allowed: usize,
}

impl FrameReader {
    pub(crate) fn new(frame_bytes_max: usize) -> Self {
        Self { frame_bytes_max, length: Vec::with_capacity(4), frame: None, missing: 0 }
    }

    /// Sets the largest frame from the next on.
    pub(crate) fn allow(&mut self, frame_bytes_max: usize) {
        self.frame_bytes_max = frame_bytes_max;
    }

    /// A buffer for [`FrameReader::push`].
    pub(crate) fn buffer() -> Vec<u8> {
        vec![0; READ_BYTES]
    }

    /// Takes bytes from the stream and adds the frames they complete to `frames`.
    pub(crate) fn push(
        &mut self,
        mut bytes: &[u8],
        frames: &mut impl Extend<Bytes>,
    ) -> Result<(), FrameLength> {
        while !bytes.is_empty() {
            let Some(frame) = &mut self.frame else {
                bytes = self.push_length(bytes)?;
                continue;
            };
            let (here, rest) = bytes.split_at(self.missing.min(bytes.len()));
            frame.extend_from_slice(here);
            self.missing -= here.len();
            bytes = rest;
            if self.missing == 0
                && let Some(frame) = self.frame.take()
            {
                frames.extend([frame.freeze()]);
            }
        }
        Ok(())
    }

    /// The unfilled rest of a large frame, to read into without a detour.
    pub(crate) fn large(&mut self) -> Option<(&mut BytesMut, usize)> {
        match &mut self.frame {
            Some(frame) if self.missing >= READ_BYTES => Some((frame, self.missing)),
            _ => None,
        }
    }

    /// Says that `count` bytes were read into the buffer given by [`FrameReader::large`].
    pub(crate) fn filled(&mut self, count: usize, frames: &mut impl Extend<Bytes>) {
        self.missing -= count.min(self.missing);
        if self.missing == 0
            && let Some(frame) = self.frame.take()
        {
            frames.extend([frame.freeze()]);
        }
    }

    fn push_length<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], FrameLength> {
        let (here, rest) = bytes.split_at((4 - self.length.len()).min(bytes.len()));
        self.length.extend_from_slice(here);
        if let Ok(length) = <[u8; 4]>::try_from(self.length.as_slice()) {
            let declared = i32::from_be_bytes(length);
            let allowed = self.frame_bytes_max;
            self.missing = usize::try_from(declared)
                .ok()
                .filter(|declared| (1..=allowed).contains(declared))
                .ok_or(FrameLength { declared, allowed })?;
            self.length.clear();
            self.frame = Some(BytesMut::with_capacity(self.missing));
        }
        Ok(rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_declared_length_over_the_bound_is_refused_at_once() {
        for declared in [-1, 0, 1_001, i32::MAX, i32::MIN] {
            let mut frames = Vec::new();
            let mut reader = FrameReader::new(1_000);
            let refused = reader.push(&declared.to_be_bytes(), &mut frames).unwrap_err();
            assert_eq!(refused, FrameLength { declared, allowed: 1_000 });
        }
    }

    proptest! {
        #[test]
        fn frames_survive_any_cutting(
            bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..200), 1..8),
            step in 1usize..50,
        ) {
            let stream: Vec<u8> = bodies
                .iter()
                .flat_map(|body| [(body.len() as i32).to_be_bytes().to_vec(), body.clone()])
                .flatten()
                .collect();
            let mut reader = FrameReader::new(1_000);
            let mut frames = Vec::new();
            for piece in stream.chunks(step) {
                reader.push(piece, &mut frames).unwrap();
            }
            prop_assert_eq!(frames, bodies);
        }
    }
}
