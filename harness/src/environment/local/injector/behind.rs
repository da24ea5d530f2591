//! How far a broker's followers are behind their leaders.

use super::super::brokers;
use embedded_kafka::ReplicaView;
use results::report::format::counted;

/// How far a broker's copies are behind.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Behind {
    pub(super) broker: i32,
    pub(super) records: i64,
    pub(super) partitions: usize,
}

impl Behind {
    /// The measure in words; nothing if the broker is behind on nothing.
    pub(super) fn sentence(&self) -> Option<String> {
        let Self { broker, records, partitions } = self;
        (*records > 0).then(|| {
            let (records, partitions) =
                (counted(records, "record"), counted(partitions, "partition"));
            format!("{} is {records} behind on {partitions}", brokers::name(*broker))
        })
    }
}

/// Counts what a broker's followers lack of what their leaders have.
pub(super) fn behind(broker: i32, replicas: &[Vec<ReplicaView>]) -> Behind {
    let gaps = replicas.iter().filter_map(|copies| {
        let leader =
            copies.iter().filter(|copy| copy.leads).max_by_key(|copy| copy.leader_epoch)?;
        let follower = copies.iter().find(|copy| copy.broker == broker && !copy.leads)?;
        Some(leader.log_end - follower.log_end).filter(|gap| *gap > 0)
    });
    let gaps: Vec<i64> = gaps.collect();
    Behind { broker, records: gaps.iter().sum(), partitions: gaps.len() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copy(broker: i32, leads: bool, log_end: i64) -> ReplicaView {
        ReplicaView {
            broker,
            running: true,
            in_sync: true,
            leads,
            leader_epoch: 0,
            log_start: 0,
            log_end,
            high_watermark: 0,
            durable_end: 0,
            batches: Vec::new(),
        }
    }

    #[test]
    fn followers_are_counted_against_their_leaders() {
        let replicas = [
            vec![copy(1, true, 100), copy(2, false, 60)],
            vec![copy(1, false, 10), copy(2, true, 10)],
            vec![copy(1, true, 7), copy(2, false, 5)],
            vec![copy(1, false, 4), copy(2, false, 5)],
        ];
        assert_eq!(behind(2, &replicas), Behind { broker: 2, records: 42, partitions: 2 });
        let sentence = behind(2, &replicas).sentence();
        assert_eq!(sentence.unwrap(), "broker-2 is 42 records behind on 2 partitions");
        assert_eq!(behind(1, &replicas).sentence(), None);
    }
}
