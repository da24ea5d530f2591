//! A seed becomes a cluster, its clients, and the faults they will meet.

use std::time::Duration;

use embedded_kafka::{ClusterConfig, ReplicationLag};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::client::{Client, Consumer, Consuming, Member, Producer, Transactional};
use super::fault::{self, Fault};

/// How long a member of a consumer group by KIP-848 may be silent.
pub(crate) const CONSUMER_SESSION: Duration = Duration::from_millis(600);

/// Everything that a seed decides before the history begins.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) config: ClusterConfig,
    pub(crate) partitions: i32,
    pub(crate) faults: Vec<Fault>,
    pub(crate) faults_end: Duration,
    /// Bytes take up to so long, mostly.
    pub(crate) delay_us_max: u64,
    /// In a healed cluster an answer is owed after so long.
    pub(crate) patience: Duration,
    pub(crate) kinds: Vec<ClientKind>,
    /// How long a client waits between two of its actions, at most.
    pub(crate) pause_ms_max: u64,
}

/// The clients there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClientKind {
    /// Sequences, `acks=all`.
    IdempotentProducer,
    /// No sequences, `acks=all`.
    PlainProducer,
    /// No sequences, `acks=1`.
    HastyProducer,
    /// Reads everything from the beginning.
    Consumer,
    /// Reads everything that is committed from the beginning.
    CommittedConsumer,
    /// Writes transactions as clients before KIP-890 do, or as those after.
    Transactional { newer: bool },
    /// The same as a newer client, with an offset in each transaction.
    Processor,
    /// A member of a classic group.
    Member,
    /// A member of a group by KIP-848.
    Consuming { is_static: bool },
}

impl Plan {
    pub(crate) fn new(seed: u64, random: &mut ChaCha8Rng) -> Self {
        let mut config = ClusterConfig::with_brokers(3);
        config.seed = seed;
        config.detection = Duration::from_millis(random.random_range(20..500));
        config.group_initial_rebalance_delay = Duration::from_millis(random.random_range(0..100));
        config.replication_lag = lag(random);
        config.replica_lag_time_max = Duration::from_millis(random.random_range(100..1_500));
        config.controller_failover = Duration::from_millis(random.random_range(0..200));
        config.flush_interval = Duration::from_millis(random.random_range(1..300));
        config.consumer_session_timeout = CONSUMER_SESSION;
        config.consumer_heartbeat_interval = Duration::from_millis(100);
        let faults_end = Duration::from_millis(random.random_range(500..2_500));
        Self {
            config,
            partitions: random.random_range(1..=3),
            faults: fault::schedule(random, faults_end),
            faults_end,
            delay_us_max: [400, 2_000, 8_000][random.random_range(0..3)],
            patience: Duration::from_secs(10),
            kinds: kinds(random),
            pause_ms_max: random.random_range(60..160),
        }
    }

    /// The clients of the plan, in the order of their numbers.
    pub(crate) fn clients(&self) -> Vec<Box<dyn Client>> {
        let kinds = (0..).zip(&self.kinds);
        kinds
            .map(|(number, kind)| -> Box<dyn Client> {
                match kind {
                    ClientKind::IdempotentProducer => {
                        Box::new(Producer::idempotent(number, self.partitions))
                    }
                    ClientKind::PlainProducer => {
                        Box::new(Producer::plain(number, -1, self.partitions))
                    }
                    ClientKind::HastyProducer => {
                        Box::new(Producer::plain(number, 1, self.partitions))
                    }
                    ClientKind::Consumer => Box::new(Consumer::new(self.partitions, false)),
                    ClientKind::CommittedConsumer => Box::new(Consumer::new(self.partitions, true)),
                    ClientKind::Transactional { newer } => {
                        Box::new(Transactional::new(number, *newer, self.partitions))
                    }
                    ClientKind::Processor => {
                        Box::new(Transactional::with_offsets(number, self.partitions))
                    }
                    ClientKind::Member => Box::new(Member::new(self.partitions)),
                    ClientKind::Consuming { is_static } => {
                        Box::new(Consuming::new(number, *is_static))
                    }
                }
            })
            .collect()
    }
}

/// Followers are in step, or trail by some milliseconds.
fn lag(random: &mut ChaCha8Rng) -> ReplicationLag {
    if random.random_ratio(1, 3) {
        return ReplicationLag::default();
    }
    let delay = Duration::from_micros(random.random_range(100..10_000));
    let jitter = Duration::from_micros(random.random_range(0..20_000));
    ReplicationLag { jitter, ..ReplicationLag::of(delay) }
}

/// The seed's generator of everything that the model draws.
pub(crate) fn random(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

fn kinds(random: &mut ChaCha8Rng) -> Vec<ClientKind> {
    use ClientKind::{CommittedConsumer, Consumer, HastyProducer, IdempotentProducer, Member};
    use ClientKind::{Consuming, PlainProducer, Processor, Transactional};
    let writer = match random.random_range(0..4) {
        0 => PlainProducer,
        1 => HastyProducer,
        _ => IdempotentProducer,
    };
    let newer = random.random_ratio(1, 2);
    let is_static = random.random_ratio(1, 3);
    match random.random_range(0..8) {
        0 => vec![Member; random.random_range(2..=4)],
        1 => vec![IdempotentProducer, Member, Member],
        2 => vec![IdempotentProducer, Consumer],
        3 => vec![Transactional { newer }, CommittedConsumer],
        4 => {
            vec![Transactional { newer: true }, Transactional { newer }, writer, CommittedConsumer]
        }
        5 => vec![Processor, Transactional { newer }, CommittedConsumer],
        6 => {
            let mut members = vec![Consuming { is_static: false }; random.random_range(2..=4)];
            members[0] = Consuming { is_static };
            members[1] = Consuming { is_static };
            members
        }
        _ => vec![IdempotentProducer, writer, Consumer],
    }
}
