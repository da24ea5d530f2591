//! Failures in random order, from seeds: what all replicas in sync acknowledged is never lost, and
//! replicas in sync agree on what is committed.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::fault::{Defect, Disk, Isolation, ReplicationLag};

/// Storms of a test run.
const SEEDS: u64 = 200;
const MILLISECOND: Duration = Duration::from_millis(1);

struct Storm {
    world: World,
    random: ChaCha8Rng,
    next_producer: i64,
    /// Producer ids by the tickets of the produces under way; each produces one record.
    waiting: BTreeMap<u64, i64>,
    /// Offset and producer of each record acknowledged with `acks=all`.
    acknowledged: Vec<(i64, i64)>,
}

impl Storm {
    fn new(seed: u64, defect: Option<Defect>) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut world = World::new(ClusterConfig {
            detection: 50 * MILLISECOND,
            controller_failover: random.random_range(0..40) * MILLISECOND,
            replica_lag_time_max: 200 * MILLISECOND,
            replication_lag: lag(&mut random),
            seed,
            defect,
            ..ClusterConfig::default()
        });
        world.cluster.create_topic("t", 1).unwrap();
        let (waiting, acknowledged) = (BTreeMap::new(), Vec::new());
        Self { world, random, next_producer: 1, waiting, acknowledged }
    }

    /// Produces one record to whoever a client would take for the leader.
    fn produce(&mut self, acks: i16) {
        let zombies = (1..=3).filter(|&broker| {
            self.world.cluster.topics.partition_mut(0, 0).unwrap().led(broker, -1).is_ok()
        });
        let leaders: Vec<i32> = zombies.collect();
        if leaders.is_empty() {
            return;
        }
        let broker = leaders[self.random.random_range(0..leaders.len())];
        let id = self.next_producer;
        self.next_producer += 1;
        let request = produce_request(0, acks, sample(1, Some((id, 0, 0)), 0));
        let (ticket, answer) = self.world.send(broker, 9, &request);
        match answer {
            Some(answer) if acks == -1 => self.acknowledge(&answer, id),
            None if acks == -1 => drop(self.waiting.insert(ticket, id)),
            _ => {}
        }
    }

    fn acknowledge(
        &mut self,
        answer: &kafka_protocol::messages::produce_response::ProduceResponse,
        id: i64,
    ) {
        let part = &answer.responses[0].partition_responses[0];
        if part.error_code == 0 {
            self.acknowledged.push((part.base_offset, id));
        }
    }

    fn strike(&mut self) {
        let (broker, now) = (self.random.random_range(1..=3), self.world.now);
        let World { cluster, late, .. } = &mut self.world;
        // Many of these do not apply to the broker's state and are refused.
        match self.random.random_range(0..16) {
            0 => drop(cluster.crash(now, broker)),
            1 => drop(cluster.shut_down(now, broker, late)),
            2..=4 => drop(cluster.restart(now, broker, late)),
            5 => drop(cluster.isolate(now, broker, Isolation::FromPeers)),
            6 => drop(cluster.isolate(now, broker, Isolation::FromClients)),
            7..=9 => drop(cluster.heal(now, broker, late)),
            10..=11 => drop(cluster.move_leader("t", 0, None, late)),
            12 => drop(cluster.crash_controller(now, 30 * MILLISECOND)),
            13 => drop(cluster.set_lag(now, broker, lag(&mut self.random), late)),
            14 => {
                let disks = [Disk::Full, Disk::Slow { delay: 20 * MILLISECOND }, Disk::Normal];
                let disk = disks[self.random.random_range(0..3)];
                drop(cluster.set_disk(now, broker, disk, late));
            }
            _ => {}
        }
    }

    fn step(&mut self) {
        match self.random.random_range(0..4) {
            0 => self.strike(),
            1 => self.produce(1),
            _ => self.produce(-1),
        }
        let time = self.random.random_range(0..30) * MILLISECOND;
        self.world.pass(time);
        for Answer { ticket, response } in std::mem::take(&mut self.world.late) {
            if let Some(id) = self.waiting.remove(&ticket) {
                self.acknowledge(&read_answer::<ProduceRequest>(response, 9), id);
            }
        }
    }

    /// Offset and producer of each record of a replica.
    fn records(&self, broker: i32) -> Vec<(i64, i64)> {
        let partition = &self.world.cluster.topics.named("t").unwrap().partitions[0];
        let log = &partition.replica(broker).unwrap().log;
        log.batches_from(0).map(|batch| (batch.base_offset, batch.producer_id)).collect()
    }

    fn check(&self) -> Result<(), String> {
        let partition = &self.world.cluster.topics.named("t").unwrap().partitions[0];
        let record = &partition.registration;
        if let Some(leader) = record.leader {
            let kept = self.records(leader);
            if let Some(lost) = self.acknowledged.iter().find(|record| !kept.contains(record)) {
                return Err(format!("{lost:?} is lost at {:?}, {record:?}", self.world.now));
            }
        }
        let in_sync = record.isr.iter().map(|&broker| {
            let visible = partition.replica(broker).unwrap().high_watermark();
            (visible, self.records(broker))
        });
        let in_sync: Vec<_> = in_sync.collect();
        let committed = in_sync.iter().map(|(visible, _)| *visible).min().unwrap_or(0);
        let below = |records: &Vec<(i64, i64)>| {
            records.iter().copied().filter(|record| record.0 < committed).collect::<Vec<_>>()
        };
        match in_sync.windows(2).all(|pair| below(&pair[0].1) == below(&pair[1].1)) {
            true => Ok(()),
            false => Err(format!("logs differ below {committed}: {in_sync:?}, {record:?}")),
        }
    }

    /// Lets a storm of 120 steps pass.
    fn rage(&mut self) -> Result<(), String> {
        for _ in 0..120 {
            self.step();
            self.check()?;
        }
        self.calm();
        self.check()
    }

    fn calm(&mut self) {
        let World { cluster, late, now, .. } = &mut self.world;
        for broker in 1..=3 {
            drop(cluster.set_disk(*now, broker, Disk::Normal, late));
            if cluster.brokers[&broker].offline {
                drop(cluster.crash(*now, broker));
            }
            drop(cluster.heal(*now, broker, late));
            drop(cluster.restart(*now, broker, late));
        }
        self.world.pass(20 * SECOND);
    }
}

fn lag(random: &mut ChaCha8Rng) -> ReplicationLag {
    let jitter = random.random_range(0..3) * 10 * MILLISECOND;
    match random.random_range(0..3) {
        0 => ReplicationLag::default(),
        1 => ReplicationLag { jitter, ..ReplicationLag::of(5 * MILLISECOND) },
        _ => ReplicationLag { jitter, ..ReplicationLag::of(80 * MILLISECOND) },
    }
}

#[test]
fn nothing_that_all_acknowledged_is_lost_and_all_agree_in_the_end() {
    let mut acknowledged = 0;
    for seed in 0..SEEDS {
        let mut storm = Storm::new(seed, None);
        storm.rage().unwrap_or_else(|violation| panic!("seed {seed}: {violation}"));
        let view = storm.world.cluster.partitions("t").unwrap().remove(0);
        assert_eq!((view.leader.is_some(), view.isr.len()), (true, 3), "seed {seed}: {view:?}");
        let records = storm.records(1);
        assert_eq!(records, storm.records(2), "seed {seed}");
        assert_eq!(records, storm.records(3), "seed {seed}");
        acknowledged += storm.acknowledged.len();
    }
    assert!(acknowledged > 2_000, "{acknowledged}: the storms must leave something to lose");
}

#[test]
fn planted_bugs_are_found() {
    for defect in [
        Defect::HighWatermarkTooEarly,
        Defect::TruncateToHighWatermark,
        Defect::ZombieLeaderNotFenced,
    ] {
        let found = (0..SEEDS).find(|&seed| Storm::new(seed, Some(defect)).rage().is_err());
        assert!(found.is_some(), "{defect:?}");
    }
}
