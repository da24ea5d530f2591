//! The replicas' logs, for observers that compare them.

use super::Cluster;
use super::partition::Partition;
use super::partition::replica::Replica;
use crate::log::Batch;
use crate::view::{BatchView, ReplicaView};

impl Cluster {
    /// The copies of a partition, in the order of its assignment.
    pub(crate) fn replicas(&self, topic: &str, partition: i32) -> Option<Vec<ReplicaView>> {
        let topic = self.topics.named(topic)?;
        let partition = topic.partitions.get(usize::try_from(partition).ok()?)?;
        let views = partition.replicas().iter().map(|replica| self.inspect(partition, replica));
        Some(views.collect())
    }

    fn inspect(&self, partition: &Partition, replica: &Replica) -> ReplicaView {
        let log = &replica.log;
        ReplicaView {
            broker: replica.broker,
            running: self.alive(replica.broker),
            in_sync: partition.registration.isr.contains(&replica.broker),
            leads: replica.leads(),
            leader_epoch: replica.leader_epoch(),
            log_start: log.start(),
            log_end: log.end(),
            high_watermark: replica.high_watermark(),
            durable_end: replica.durable_end(self.now, self.config.flush_interval),
            batches: log.batches_from(log.start()).map(view).collect(),
        }
    }
}

fn view(batch: &Batch) -> BatchView {
    BatchView {
        base_offset: batch.base_offset,
        last_offset: batch.last_offset(),
        leader_epoch: batch.leader_epoch,
        checksum: batch.checksum(),
    }
}
