//! ListOffsets, OffsetForLeaderEpoch and DeleteRecords.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::delete_records_response::{
    DeleteRecordsPartitionResult, DeleteRecordsTopicResult,
};
use kafka_protocol::messages::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsTopicResponse,
};
use kafka_protocol::messages::offset_for_leader_epoch_response::{
    EpochEndOffset, OffsetForLeaderTopicResult,
};
use kafka_protocol::messages::{
    DeleteRecordsRequest, DeleteRecordsResponse, ListOffsetsRequest, ListOffsetsResponse,
    OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse,
};

use super::fetch::READ_COMMITTED;
use super::internal::is_internal;
use super::partition::replica::Replica;
use super::{Cluster, Origin};
use crate::error::ClusterError;
use crate::view::PartitionView;
use crate::wire::Response;

const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const MAX_TIMESTAMP: i64 = -3;
const EARLIEST_LOCAL: i64 = -4;
const LATEST_TIERED: i64 = -5;

impl Cluster {
    /// The partitions of a topic.
    pub(crate) fn partitions(&self, topic: &str) -> Option<Vec<PartitionView>> {
        let topic = self.topics.named(topic)?;
        let views = topic.partitions.iter().enumerate();
        Some(views.map(|(index, partition)| partition.view(index as i32)).collect())
    }

    /// Deletes the records before `before`; -1 means all that consumers can see. Returns the new
    /// start of the log.
    pub(crate) fn delete_before(
        &mut self,
        topic: &str,
        partition: i32,
        before: i64,
    ) -> Result<i64, ClusterError> {
        let index = self.topics.index(topic);
        let index = index.ok_or_else(|| ClusterError::UnknownTopic(topic.to_owned()))?;
        let state = self
            .topics
            .partition_mut(index, partition)
            .ok_or_else(|| ClusterError::UnknownPartition { topic: topic.to_owned(), partition })?;
        let refused = |_| ClusterError::OffsetOutOfRange {
            topic: topic.to_owned(),
            partition,
            offset: before,
        };
        let Some(leader) = state.leader() else { return Err(refused(())) };
        let deleted = state.replica_mut(leader).ok_or(()).map_err(refused)?;
        let low_watermark = delete(deleted, before).map_err(|_| refused(()))?;
        self.replicated((index, partition), leader);
        Ok(low_watermark)
    }

    pub(super) fn list_offsets(&self, origin: &Origin, request: ListOffsetsRequest) -> Response {
        let committed = request.isolation_level == READ_COMMITTED;
        let topics = request.topics.into_iter().map(|topic| {
            let partitions = topic.partitions.iter().map(|wanted| {
                let epoch = if origin.version >= 4 { wanted.current_leader_epoch } else { -1 };
                let result = ListOffsetsPartitionResponse::default()
                    .with_partition_index(wanted.partition_index);
                let led = match served_from(wanted.timestamp) <= origin.version {
                    true => self.led(origin, &topic.name, wanted.partition_index, epoch),
                    false => Err(ResponseError::UnsupportedVersion),
                };
                let found = led.and_then(|partition| {
                    let found = find(partition, wanted.timestamp, committed)?;
                    Ok((partition, found))
                });
                match found {
                    Ok((partition, Some((offset, timestamp)))) => {
                        let epoch = partition.leader_epoch();
                        let epoch = if origin.version >= 4 { epoch } else { -1 };
                        result
                            .with_offset(offset)
                            .with_timestamp(timestamp)
                            .with_leader_epoch(epoch)
                    }
                    Ok((_, None)) => result.with_offset(-1).with_timestamp(-1),
                    Err(ResponseError::OffsetNotAvailable) if origin.version < 5 => {
                        let error = ResponseError::LeaderNotAvailable.code();
                        result.with_error_code(error).with_offset(-1).with_timestamp(-1)
                    }
                    Err(error) => {
                        result.with_error_code(error.code()).with_offset(-1).with_timestamp(-1)
                    }
                }
            });
            let partitions = partitions.collect();
            ListOffsetsTopicResponse::default().with_name(topic.name).with_partitions(partitions)
        });
        let topics = topics.collect();
        Response::ListOffsets(ListOffsetsResponse::default().with_topics(topics))
    }

    pub(super) fn epoch_ends(
        &self,
        origin: &Origin,
        request: OffsetForLeaderEpochRequest,
    ) -> Response {
        let topics = request.topics.into_iter().map(|topic| {
            let partitions = topic.partitions.iter().map(|wanted| {
                let result = EpochEndOffset::default()
                    .with_partition(wanted.partition)
                    .with_leader_epoch(-1)
                    .with_end_offset(-1);
                let current = wanted.current_leader_epoch;
                match self.led(origin, &topic.topic, wanted.partition, current) {
                    Ok(partition) => match partition.epoch_end(wanted.leader_epoch) {
                        Some((epoch, end)) => result.with_leader_epoch(epoch).with_end_offset(end),
                        None => result,
                    },
                    Err(error) => result.with_error_code(error.code()),
                }
            });
            let partitions = partitions.collect();
            OffsetForLeaderTopicResult::default()
                .with_topic(topic.topic)
                .with_partitions(partitions)
        });
        let topics = topics.collect();
        Response::OffsetForLeaderEpoch(OffsetForLeaderEpochResponse::default().with_topics(topics))
    }

    pub(super) fn delete_records(
        &mut self,
        origin: &Origin,
        request: DeleteRecordsRequest,
    ) -> Response {
        let topics = request.topics.into_iter().map(|topic| {
            let partitions = topic.partitions.iter().map(|wanted| {
                let index = wanted.partition_index;
                let result = DeleteRecordsPartitionResult::default().with_partition_index(index);
                let key = self.topics.index(&topic.name).map(|topic| (topic, index));
                let deletes = key.and_then(|key| Some(self.topics.get(key.0)?.settings.deletes));
                let state = key.and_then(|key| self.topics.partition_mut(key.0, key.1));
                let led = state.ok_or(ResponseError::UnknownTopicOrPartition);
                let led = led.and_then(|state| state.led_mut(origin.broker));
                let led = match deletes {
                    _ if is_internal(&topic.name) => Err(ResponseError::InvalidTopicException),
                    Some(false) => led.and(Err(ResponseError::PolicyViolation)),
                    _ => led,
                };
                let deleted = led.and_then(|led| delete(led, wanted.offset));
                if let (Ok(_), Some(key)) = (&deleted, key) {
                    self.replicated(key, origin.broker);
                }
                match deleted {
                    Ok(low_watermark) => result.with_low_watermark(low_watermark),
                    Err(error) => result.with_low_watermark(-1).with_error_code(error.code()),
                }
            });
            let partitions = partitions.collect();
            DeleteRecordsTopicResult::default().with_name(topic.name).with_partitions(partitions)
        });
        let topics = topics.collect();
        Response::DeleteRecords(DeleteRecordsResponse::default().with_topics(topics))
    }

    /// The partition, if the broker that was asked leads it.
    fn led(
        &self,
        origin: &Origin,
        topic: &str,
        partition: i32,
        epoch: i32,
    ) -> Result<&Replica, ResponseError> {
        let unknown = ResponseError::UnknownTopicOrPartition;
        let position = usize::try_from(partition).map_err(|_| unknown)?;
        let topic = self.topics.named(topic).ok_or(unknown)?;
        let partition = topic.partitions.get(position).ok_or(unknown)?;
        if !self.topic_seen(origin.broker, topic.id) {
            return Err(unknown);
        }
        partition.led(origin.broker, epoch)
    }
}

/// The first version of ListOffsets that knows what a timestamp means.
fn served_from(timestamp: i64) -> i16 {
    match timestamp {
        0.. | LATEST | EARLIEST => 1,
        MAX_TIMESTAMP => 7,
        EARLIEST_LOCAL => 8,
        LATEST_TIERED => 9,
        _ => i16::MAX,
    }
}

/// Offset and timestamp of what a ListOffsets timestamp names; -1 where there is no timestamp. A
/// new leader does not say what is last before its high watermark is that of its own epoch
/// (KIP-207).
fn find(
    partition: &Replica,
    timestamp: i64,
    committed: bool,
) -> Result<Option<(i64, i64)>, ResponseError> {
    let found = look_up(partition, timestamp, committed);
    let beyond = timestamp == LATEST || found.is_none() && timestamp != LATEST_TIERED;
    match beyond && partition.awaits_high_watermark() {
        true => Err(ResponseError::OffsetNotAvailable),
        false => Ok(found),
    }
}

fn look_up(partition: &Replica, timestamp: i64, committed: bool) -> Option<(i64, i64)> {
    let end = if committed { partition.last_stable() } else { partition.high_watermark() };
    match timestamp {
        LATEST => Some((end, -1)),
        EARLIEST | EARLIEST_LOCAL => Some((partition.log.start(), -1)),
        MAX_TIMESTAMP => partition.log.newest(end),
        LATEST_TIERED => None,
        timestamp => partition.log.first_at(timestamp, end),
    }
}

fn delete(partition: &mut Replica, before: i64) -> Result<i64, ResponseError> {
    let visible = partition.high_watermark();
    let before = if before == -1 { visible } else { before };
    if !(0..=visible).contains(&before) {
        return Err(ResponseError::OffsetOutOfRange);
    }
    partition.log.advance_start(before);
    Ok(partition.log.start())
}
