//! Choices drawn from an input's bytes; an input that is used up draws zeros.

use bytes::Bytes;
use kafka_protocol::messages::{GroupId, TopicName, TransactionalId};
use kafka_protocol::protocol::StrBytes;

/// The rest of an input.
pub(crate) struct Draw<'a> {
    rest: &'a [u8],
    /// Names that answers gave, to be used again.
    pub(crate) learned: Learned,
}

/// What a client would remember.
#[derive(Debug, Clone, Default)]
pub(crate) struct Learned {
    pub(crate) member: StrBytes,
    pub(crate) generation: i32,
    pub(crate) producer: i64,
    pub(crate) producer_epoch: i16,
    pub(crate) topic_id: uuid::Uuid,
    pub(crate) session: i32,
}

const NAMES: [&str; 6] = ["t", "g", "tx", "", "absent", "not a name"];

impl<'a> Draw<'a> {
    pub(crate) fn new(rest: &'a [u8]) -> Self {
        Self { rest, learned: Learned::default() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        let Some((&byte, rest)) = self.rest.split_first() else { return 0 };
        self.rest = rest;
        byte
    }

    /// One of so many.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        usize::from(self.byte()) % count.max(1)
    }

    pub(crate) fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// Mostly a small number, sometimes an extreme.
    pub(crate) fn long(&mut self) -> i64 {
        match self.byte() {
            byte @ 0..=199 => i64::from(byte % 20) - 2,
            200..=215 => i64::from(i32::MAX) + i64::from(self.byte()) - 128,
            216..=231 => i64::MAX - i64::from(self.byte()),
            232..=243 => i64::MIN + i64::from(self.byte()),
            _ => i64::from(self.byte()) << (self.byte() % 56),
        }
    }

    pub(crate) fn int(&mut self) -> i32 {
        let long = self.long();
        i32::try_from(long).unwrap_or(if long < 0 { i32::MIN } else { i32::MAX })
    }

    pub(crate) fn short(&mut self) -> i16 {
        let long = self.long();
        i16::try_from(long).unwrap_or(if long < 0 { i16::MIN } else { i16::MAX })
    }

    pub(crate) fn text(&mut self) -> StrBytes {
        match self.byte() {
            byte @ 0..=199 => StrBytes::from_static_str(NAMES[usize::from(byte) % NAMES.len()]),
            200..=239 => self.learned.member.clone(),
            byte => StrBytes::from_string("x".repeat(usize::from(byte - 239) * 40)),
        }
    }

    pub(crate) fn maybe_text(&mut self) -> Option<StrBytes> {
        self.flag().then(|| self.text())
    }

    pub(crate) fn topic(&mut self) -> TopicName {
        if self.byte() < 200 {
            TopicName(StrBytes::from_static_str("t"))
        } else {
            self.text().into()
        }
    }

    pub(crate) fn group(&mut self) -> GroupId {
        if self.byte() < 200 { GroupId(StrBytes::from_static_str("g")) } else { self.text().into() }
    }

    pub(crate) fn transactional_id(&mut self) -> Option<TransactionalId> {
        self.flag().then(|| TransactionalId(self.text()))
    }

    pub(crate) fn topic_id(&mut self) -> uuid::Uuid {
        if self.byte() < 200 { self.learned.topic_id } else { uuid::Uuid::from_u128(7) }
    }

    pub(crate) fn member(&mut self) -> StrBytes {
        if self.byte() < 160 { self.learned.member.clone() } else { self.text() }
    }

    pub(crate) fn generation(&mut self) -> i32 {
        if self.byte() < 160 { self.learned.generation } else { self.int() }
    }

    pub(crate) fn producer(&mut self) -> (i64, i16) {
        match self.byte() {
            0..=159 => (self.learned.producer, self.learned.producer_epoch),
            160..=191 => (-1, -1),
            _ => (self.long(), self.short()),
        }
    }

    /// A few elements.
    pub(crate) fn list<T>(&mut self, mut element: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let count = self.below(4);
        (0..count).map(|_| element(self)).collect()
    }

    pub(crate) fn bytes(&mut self) -> Bytes {
        let count = self.below(24).min(self.rest.len());
        let (bytes, rest) = self.rest.split_at(count);
        self.rest = rest;
        Bytes::copy_from_slice(bytes)
    }
}
