//! A member of a group and the requests it is waiting on.

use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::ResponseError;
use kafka_protocol::protocol::StrBytes;

use super::context::Context;
use super::{ReplyBody, Ticket, join, sync};

/// A request whose answer waits, with the version to answer it in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parked {
    pub(super) ticket: Ticket,
    pub(super) version: i16,
}

/// A protocol a member offers, with its opaque metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Protocol {
    pub(super) name: StrBytes,
    pub(super) metadata: Bytes,
}

/// What a member says about itself when it joins.
#[derive(Debug, Clone)]
pub(super) struct Membership {
    pub(super) instance: Option<StrBytes>,
    pub(super) client_id: StrBytes,
    pub(super) client_host: StrBytes,
    pub(super) rebalance_timeout: Duration,
    pub(super) session_timeout: Duration,
    /// In the order of preference.
    pub(super) protocols: Vec<Protocol>,
}

/// A member of a group.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) membership: Membership,
    pub(super) assignment: Bytes,
    pub(super) awaiting_join: Option<Parked>,
    pub(super) awaiting_sync: Option<Parked>,
    /// True until its first generation begins.
    pub(super) is_new: bool,
    session_deadline: Duration,
}

impl Member {
    pub(super) fn new(membership: Membership) -> Self {
        Self {
            membership,
            assignment: Bytes::new(),
            awaiting_join: None,
            awaiting_sync: None,
            is_new: true,
            session_deadline: Duration::MAX,
        }
    }

    pub(super) fn is_static(&self) -> bool {
        self.membership.instance.is_some()
    }

    pub(super) fn keep_alive(&mut self, now: Duration) {
        self.keep_alive_for(now, self.membership.session_timeout);
    }

    pub(super) fn keep_alive_for(&mut self, now: Duration, timeout: Duration) {
        self.session_deadline = now.saturating_add(timeout);
    }

    /// Answers what it waits for with an error; a join under this member id.
    pub(super) fn refuse_waiting(
        &mut self,
        cx: &mut Context<'_>,
        id: &StrBytes,
        error: ResponseError,
    ) {
        if let Some(parked) = self.awaiting_join.take() {
            let response = join::refusal(parked.version, error, id.clone());
            cx.reply_parked(parked, ReplyBody::JoinGroup(response));
        }
        if let Some(parked) = self.awaiting_sync.take() {
            cx.reply_parked(parked, ReplyBody::SyncGroup(sync::refusal(error)));
        }
    }

    /// When the session ends. A member that waits for an answer cannot send heartbeats, so its
    /// session does not end, except before its first generation: it may have given up long ago
    /// and come back under another id.
    pub(super) fn deadline(&self) -> Option<Duration> {
        let waits = self.awaiting_join.is_some() || self.awaiting_sync.is_some();
        (self.is_new || !waits).then_some(self.session_deadline)
    }

    pub(super) fn offers(&self, protocol: &StrBytes) -> bool {
        self.membership.protocols.iter().any(|offered| offered.name == *protocol)
    }

    /// The metadata it offers with `protocol`; empty if it does not offer it.
    pub(super) fn metadata(&self, protocol: &StrBytes) -> Bytes {
        let mut protocols = self.membership.protocols.iter();
        let offered = protocols.find(|offered| offered.name == *protocol);
        offered.map(|offered| offered.metadata.clone()).unwrap_or_default()
    }
}
