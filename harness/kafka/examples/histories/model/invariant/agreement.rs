//! (b) The logs of the replicas in sync agree up to the leader's high watermark: batch by batch,
//! by offsets, epoch and checksum.

use embedded_kafka::{BatchView, ReplicaView};

use super::Verdict;

/// Compares the replicas of a partition. A broker that is down, or that was started and has not
/// heard of the leader yet, cannot be compared: a power loss may have cost it what the others
/// have, and the controller learns of that only from it.
pub(super) fn compare(partition: i32, replicas: &[ReplicaView]) -> Verdict {
    let leading = replicas.iter().filter(|replica| replica.leads && replica.running);
    let Some(leader) = leading.max_by_key(|replica| replica.leader_epoch) else { return Ok(()) };
    if !leader.in_sync {
        return Ok(());
    }
    let committed = leader.high_watermark;
    let in_sync = replicas.iter().filter(|replica| replica.in_sync && replica.running);
    for replica in in_sync.filter(|replica| replica.leader_epoch == leader.leader_epoch) {
        if replica.log_end < committed {
            return Err(format!(
                "partition {partition}: broker {} is in sync and ends at {}, where the leader {} \
                 has committed {committed}",
                replica.broker, replica.log_end, leader.broker
            ));
        }
        let start = leader.log_start.max(replica.log_start);
        let own = span(&replica.batches, start, committed);
        if let Some((one, other)) =
            own.zip(span(&leader.batches, start, committed)).find(|(one, other)| one != other)
        {
            return Err(format!(
                "partition {partition}: broker {} has {one:?}, the leader {} has {other:?}",
                replica.broker, leader.broker
            ));
        }
    }
    Ok(())
}

fn span(batches: &[BatchView], start: i64, end: i64) -> impl Iterator<Item = &BatchView> {
    let after = batches.iter().skip_while(move |batch| batch.last_offset < start);
    after.take_while(move |batch| batch.base_offset < end)
}
