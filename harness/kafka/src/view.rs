//! What the handle shows of the cluster's state.

use std::net::SocketAddr;

/// One partition as the cluster's controller knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionView {
    /// The partition's index within its topic.
    pub partition: i32,
    /// The broker that leads, if one does. Until a crash is detected this is the dead broker.
    pub leader: Option<i32>,
    /// How often leadership has changed.
    pub leader_epoch: i32,
    /// The brokers that keep the partition, the preferred leader first.
    pub replicas: Vec<i32>,
    /// The replicas in sync.
    pub isr: Vec<i32>,
    /// Replicas that may lead without loss though they are not in sync (KIP-966).
    pub eligible_leaders: Vec<i32>,
    /// The first offset that can be read.
    pub log_start: i64,
    /// The offset after the last one that consumers see.
    pub high_watermark: i64,
    /// The offset after the last one that consumers of committed records see.
    pub last_stable: i64,
    /// Bytes of record batches kept.
    pub bytes: u64,
}

/// One broker's copy of a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplicaView {
    /// The broker that keeps it.
    pub broker: i32,
    /// Whether the broker runs.
    pub running: bool,
    /// Whether the controller has it among the replicas in sync.
    pub in_sync: bool,
    /// Whether the broker takes itself for the leader.
    pub leads: bool,
    /// The leader epoch that the broker believes in.
    pub leader_epoch: i32,
    /// The first offset of its log.
    pub log_start: i64,
    /// The offset after the last record of its log.
    pub log_end: i64,
    /// The offset after the last record that consumers would see here.
    pub high_watermark: i64,
    /// The offset after the last record that a loss of power now would spare.
    pub durable_end: i64,
    /// The batches of its log, in order.
    pub batches: Vec<BatchView>,
}

/// A batch of records in a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchView {
    /// Offset of its first record.
    pub base_offset: i64,
    /// Offset of its last record.
    pub last_offset: i64,
    /// The epoch of the leader that appended it.
    pub leader_epoch: i32,
    /// Its checksum: the CRC-32C of its attributes, its producer and its records.
    pub checksum: u32,
}

/// One broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerView {
    /// The broker's id, from 1.
    pub id: i32,
    /// Whether it runs.
    pub alive: bool,
    /// The address of its default listener, the same after a restart.
    pub address: SocketAddr,
    /// Client connections open on all its listeners.
    pub connections: usize,
}

/// What a crash cut off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrashReport {
    /// Client connections closed.
    pub connections_cut: usize,
    /// Partitions that the broker led.
    pub leaderships_lost: usize,
}

/// A change of leadership.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaderMove {
    /// The broker that led before, if one did.
    pub from: Option<i32>,
    /// The broker that leads now.
    pub to: i32,
    /// The new leader epoch.
    pub epoch: i32,
}
