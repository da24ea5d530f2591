//! What a group needs from its coordinator while it handles one request or timer.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::protocol::StrBytes;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
use uuid::Builder;

use super::catalog::Catalog;
use super::member::Parked;
use super::{GroupConfig, Reply, ReplyBody, Ticket};

/// The time, the bounds, the source of ids and the way out for answers.
pub(super) struct Context<'a> {
    pub(super) now: Duration,
    pub(super) config: &'a GroupConfig,
    pub(super) catalog: &'a Catalog,
    pub(super) member_ids: &'a mut MemberIds,
    pub(super) parked: &'a mut BTreeSet<Ticket>,
    pub(super) replies: &'a mut Vec<Reply>,
}

impl Context<'_> {
    pub(super) fn reply(&mut self, ticket: Ticket, body: ReplyBody) {
        self.replies.push(Reply { ticket, body });
    }

    pub(super) fn park(&mut self, ticket: Ticket, version: i16) -> Parked {
        self.parked.insert(ticket);
        Parked { ticket, version }
    }

    /// Answers a parked request, unless its connection went away.
    pub(super) fn reply_parked(&mut self, parked: Parked, body: ReplyBody) {
        if self.parked.remove(&parked.ticket) {
            self.reply(parked.ticket, body);
        }
    }
}

/// Makes member ids as Kafka does: what the member calls itself, a dash, a random UUID.
#[derive(Debug)]
pub(super) struct MemberIds(ChaCha8Rng);

impl MemberIds {
    pub(super) fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    pub(super) fn next(&mut self, name: &str) -> StrBytes {
        StrBytes::from_string(format!("{name}-{}", self.next_uuid().as_str()))
    }

    /// An id for a member that need not have a name in it.
    pub(super) fn next_uuid(&mut self) -> StrBytes {
        let mut random = [0; 16];
        self.0.fill_bytes(&mut random);
        let uuid = Builder::from_random_bytes(random).into_uuid();
        StrBytes::from_string(uuid.to_string())
    }
}

/// A copy of its own. Decoded strings are slices of the request's frame and keep all of it alive.
pub(super) fn detached(text: &StrBytes) -> StrBytes {
    StrBytes::from_string(text.as_str().to_owned())
}

/// A copy of its own, as [`detached`].
pub(super) fn detached_bytes(bytes: &Bytes) -> Bytes {
    Bytes::copy_from_slice(bytes)
}
