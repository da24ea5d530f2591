//! Committing and deleting a group's offsets: what does not exist is refused one by one, before
//! the group is looked at.

use std::collections::BTreeSet;
use std::time::Duration;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::offset_commit_request::OffsetCommitRequestTopic;
use kafka_protocol::messages::offset_commit_response::{
    OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};
use kafka_protocol::messages::offset_delete_request::OffsetDeleteRequestTopic;
use kafka_protocol::messages::offset_delete_response::{
    OffsetDeleteResponsePartition, OffsetDeleteResponseTopic,
};
use kafka_protocol::messages::{OffsetCommitRequest, OffsetCommitResponse, OffsetDeleteRequest};

use super::by_topic::{merged, take_unknown};
use super::groups::body_of;
use super::{Cluster, Origin};
use crate::coordinator::{Reply, ReplyBody};

impl Cluster {
    /// Commits what exists. Partitions that do not are refused even where the group is not
    /// coordinated, and come first in the answer, as in Kafka.
    pub(super) fn commit(
        &mut self,
        now: Duration,
        origin: &Origin,
        mut request: OffsetCommitRequest,
        replies: &mut Vec<Reply>,
    ) {
        let unknown = take_unknown(&mut request.topics, |topic, partition| {
            self.exists(topic, partition.partition_index)
        });
        let refused = commit_refused(&unknown, ResponseError::UnknownTopicOrPartition);
        if !unknown.is_empty() {
            request.topics.retain(|topic| !topic.partitions.is_empty());
        }
        let ticket = origin.ticket;
        match self.coordinates(origin.broker, &request.group_id) {
            _ if request.topics.is_empty() && !unknown.is_empty() => {
                replies.push(Reply { ticket, body: ReplyBody::OffsetCommit(refused) });
                return;
            }
            Ok(()) => self.coordinator.offset_commit(now, ticket, origin.version, request, replies),
            Err(error) => {
                let body = ReplyBody::OffsetCommit(commit_refused(&request.topics, error));
                replies.push(Reply { ticket, body });
            }
        }
        if let Some(ReplyBody::OffsetCommit(response)) = body_of(replies, ticket) {
            let answered = std::mem::take(&mut response.topics);
            response.topics = merged(refused.topics, answered);
        }
    }

    /// Deletes offsets of partitions that exist; the others are refused one by one.
    pub(super) fn delete_offsets(
        &mut self,
        origin: &Origin,
        mut request: OffsetDeleteRequest,
        replies: &mut Vec<Reply>,
    ) {
        let unknown = take_unknown(&mut request.topics, |topic, partition| {
            self.exists(topic, partition.partition_index)
        });
        let unknown = unknown.into_iter().map(delete_refused).collect();
        request.topics.retain(|topic| !topic.partitions.is_empty());
        self.coordinator.offset_delete(origin.ticket, &request, replies);
        if let Some(ReplyBody::OffsetDelete(response)) = body_of(replies, origin.ticket)
            && response.error_code == 0
        {
            let answered = std::mem::take(&mut response.topics);
            response.topics = merged(unknown, answered);
        }
    }

    pub(super) fn exists(&self, topic: &str, partition: i32) -> bool {
        let known = self.topics.named(topic).map_or(0, |known| known.partitions.len());
        usize::try_from(partition).is_ok_and(|index| index < known)
    }
}

pub(super) fn commit_refused(
    topics: &[OffsetCommitRequestTopic],
    error: ResponseError,
) -> OffsetCommitResponse {
    let topics = topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|partition| {
            OffsetCommitResponsePartition::default()
                .with_partition_index(partition.partition_index)
                .with_error_code(error.code())
        });
        let partitions = partitions.collect();
        OffsetCommitResponseTopic::default()
            .with_name(topic.name.clone())
            .with_partitions(partitions)
    });
    OffsetCommitResponse::default().with_topics(topics.collect())
}

fn delete_refused(topic: OffsetDeleteRequestTopic) -> OffsetDeleteResponseTopic {
    let indexes: BTreeSet<i32> =
        topic.partitions.iter().map(|partition| partition.partition_index).collect();
    let partitions = indexes.into_iter().map(|index| {
        let refused = OffsetDeleteResponsePartition::default().with_partition_index(index);
        refused.with_error_code(ResponseError::UnknownTopicOrPartition.code())
    });
    OffsetDeleteResponseTopic::default().with_name(topic.name).with_partitions(partitions.collect())
}
