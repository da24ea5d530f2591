//! Replicas as administrators see them: DescribeLogDirs (KIP-113, KIP-827).

use std::collections::BTreeSet;

use kafka_protocol::messages::describe_log_dirs_response::{
    DescribeLogDirsPartition, DescribeLogDirsResult, DescribeLogDirsTopic,
};
use kafka_protocol::messages::{DescribeLogDirsRequest, DescribeLogDirsResponse};
use kafka_protocol::protocol::StrBytes;

use super::{Cluster, Origin};
use crate::wire::AdminResponse;

/// The name of a broker's log directory. Its logs are in memory.
pub(super) fn log_dir(broker: i32) -> String {
    format!("/memory/broker-{broker}")
}

impl Cluster {
    /// The replicas that a broker keeps, with their bytes and how far they are behind.
    pub(super) fn describe_log_dirs(
        &self,
        origin: &Origin,
        request: DescribeLogDirsRequest,
    ) -> AdminResponse {
        let wanted = request.topics.map(|topics| {
            let each = topics.into_iter().flat_map(|topic| {
                topic.partitions.into_iter().map(move |index| (topic.topic.clone(), index))
            });
            each.collect::<BTreeSet<_>>()
        });
        let topics = self.topics.iter().filter_map(|(_, topic)| {
            let asked = |index| match &wanted {
                None => true,
                Some(wanted) => wanted.contains(&(topic.name.clone(), index)),
            };
            let kept = (0i32..).zip(&topic.partitions).filter(|&(index, _)| asked(index));
            let partitions: Vec<_> = kept
                .filter_map(|(index, partition)| {
                    let replica = partition.replica(origin.broker)?;
                    let ahead = partition.leader().and_then(|id| partition.replica(id));
                    let end = ahead.map_or(0, |leader| leader.high_watermark());
                    let lag = (end - replica.log.end()).max(0);
                    let size = i64::try_from(replica.log.bytes()).unwrap_or(i64::MAX);
                    let described = DescribeLogDirsPartition::default();
                    let described = described.with_partition_index(index).with_offset_lag(lag);
                    Some(described.with_partition_size(size))
                })
                .collect();
            let described = DescribeLogDirsTopic::default().with_name(topic.name.clone());
            (!partitions.is_empty()).then(|| described.with_partitions(partitions))
        });
        let result = DescribeLogDirsResult::default()
            .with_log_dir(StrBytes::from_string(log_dir(origin.broker)))
            .with_topics(topics.collect());
        AdminResponse::DescribeLogDirs(
            DescribeLogDirsResponse::default().with_results(vec![result]),
        )
    }
}
