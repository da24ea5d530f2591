//! How committed offsets end: by age, by request, and with their topic.

use std::collections::BTreeSet;
use std::time::Duration;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::offset_delete_response::{
    OffsetDeleteResponsePartition, OffsetDeleteResponseTopic,
};
use kafka_protocol::messages::{OffsetDeleteRequest, OffsetDeleteResponse};
use kafka_protocol::protocol::StrBytes;

use super::group::Group;
use super::subscription::decode_subscription;
use super::view::CONSUMER_PROTOCOL_TYPE;
use super::{Coordinator, Reply, ReplyBody};
use super::{GroupState, Ticket};

/// How often offsets that are too old are looked for, or as often as they can become so.
pub(super) const CHECK_PERIOD: Duration = Duration::from_secs(10 * 60);

/// From when on an offset that nobody is subscribed to counts as unused.
#[derive(Debug, Clone, Copy)]
enum UnusedSince {
    /// Its commit.
    Commit,
    /// The moment at which the group lost its last member.
    Empty,
}

/// The topics that a group is subscribed to, as far as the coordinator knows.
enum Subscribed {
    Topics(BTreeSet<StrBytes>),
    /// Members speak the consumer protocol, but not so that the coordinator understands them.
    Unknown,
}

impl Subscribed {
    fn has(&self, topic: &StrBytes) -> bool {
        match self {
            Self::Topics(topics) => topics.contains(topic),
            Self::Unknown => true,
        }
    }
}

impl Coordinator {
    /// Drops the offsets that nobody has used for the retention time, and groups in which nothing
    /// is left. Looks only now and then, however often it is called.
    pub(crate) fn expire_offsets(&mut self, now: Duration) {
        if now < self.next_expiry {
            return;
        }
        let retention = self.config.offsets_retention;
        self.next_expiry = now.saturating_add(CHECK_PERIOD.min(retention));
        for group in self.groups.values_mut() {
            group.expire_offsets(now, retention);
        }
        let disposable = self.groups.iter().filter(|(_, group)| group.is_disposable());
        let disposable: Vec<StrBytes> = disposable.map(|(id, _)| id.clone()).collect();
        for id in disposable {
            self.remove_group(&id);
        }
    }

    /// Drops the offsets of topics that are gone.
    pub(super) fn forget_topics(&mut self, gone: &BTreeSet<StrBytes>) {
        for group in self.groups.values_mut() {
            group.offsets.forget(gone);
        }
    }

    /// Deletes offsets of topics that the group is not subscribed to.
    pub(crate) fn offset_delete(
        &mut self,
        ticket: Ticket,
        request: &OffsetDeleteRequest,
        replies: &mut Vec<Reply>,
    ) {
        let outcome = match self.groups.get_mut(&request.group_id.0) {
            _ if request.group_id.is_empty() => Err(ResponseError::InvalidGroupId),
            Some(group) => group.delete_offsets(request),
            None => Err(ResponseError::GroupIdNotFound),
        };
        let response = outcome
            .unwrap_or_else(|error| OffsetDeleteResponse::default().with_error_code(error.code()));
        replies.push(Reply { ticket, body: ReplyBody::OffsetDelete(response) });
    }
}

impl Group {
    fn expire_offsets(&mut self, now: Duration, retention: Duration) {
        let Some(unused_since) = self.unused_since() else { return };
        let subscribed = self.subscribed();
        let empty_since = self.empty_since;
        // An offset that a transaction is about to replace is in use.
        let pending = self.offsets.pending.partitions();
        self.offsets.retain(|topic, index, committed| {
            let since = match unused_since {
                UnusedSince::Commit => committed.at,
                UnusedSince::Empty => empty_since,
            };
            pending.contains(&(topic.clone(), index))
                || subscribed.has(topic)
                || now.saturating_sub(since) < retention
        });
    }

    /// How the group's offsets age; none if they do not.
    fn unused_since(&self) -> Option<UnusedSince> {
        let speaks_consumer = self.protocol_type.as_deref() == Some(CONSUMER_PROTOCOL_TYPE);
        match (&self.consumer, &self.protocol_type, self.state) {
            (Some(_), ..) | (None, None, _) => Some(UnusedSince::Commit),
            (None, Some(_), GroupState::Empty) => Some(UnusedSince::Empty),
            (None, Some(_), GroupState::Stable) if speaks_consumer => {
                matches!(self.subscribed(), Subscribed::Topics(_)).then_some(UnusedSince::Commit)
            }
            _ => None,
        }
    }

    fn subscribed(&self) -> Subscribed {
        if let Some(consumer) = &self.consumer {
            return Subscribed::Topics(consumer.subscribed_topics());
        }
        let mut topics = BTreeSet::new();
        if self.protocol_type.as_deref() != Some(CONSUMER_PROTOCOL_TYPE) {
            return Subscribed::Topics(topics);
        }
        for member in self.members.values() {
            let Some(protocol) = &self.protocol else { return Subscribed::Unknown };
            match decode_subscription(&member.metadata(protocol)) {
                Some(subscription) => topics.extend(subscription.topics),
                None => return Subscribed::Unknown,
            }
        }
        Subscribed::Topics(topics)
    }

    fn delete_offsets(
        &mut self,
        request: &OffsetDeleteRequest,
    ) -> Result<OffsetDeleteResponse, ResponseError> {
        let speaks_consumer = self.protocol_type().as_deref() == Some(CONSUMER_PROTOCOL_TYPE);
        if self.state() != GroupState::Empty && !speaks_consumer {
            return Err(ResponseError::NonEmptyGroup);
        }
        let subscribed = self.subscribed();
        let mut topics = Vec::with_capacity(request.topics.len());
        for topic in &request.topics {
            let refused = subscribed.has(&topic.name.0);
            let code = if refused { ResponseError::GroupSubscribedToTopic.code() } else { 0 };
            let indexes: BTreeSet<i32> =
                topic.partitions.iter().map(|partition| partition.partition_index).collect();
            if !refused {
                self.offsets.remove(&topic.name, &indexes);
            }
            let partitions = indexes.into_iter().map(|index| {
                let partition = OffsetDeleteResponsePartition::default();
                partition.with_partition_index(index).with_error_code(code)
            });
            let answer = OffsetDeleteResponseTopic::default().with_name(topic.name.clone());
            topics.push(answer.with_partitions(partitions.collect()));
        }
        Ok(OffsetDeleteResponse::default().with_topics(topics))
    }
}
