//! What the fuzz targets do with their bytes. No input may panic, and none may make the cluster
//! reserve what was only declared: the runner bounds the memory.

use std::time::Duration;

use embedded_kafka::{ClusterConfig, Simulation};

mod admin;
mod changes;
mod clients;
mod draw;
mod faults;
mod frame;
mod session;
mod transactions;

use draw::Draw;
use session::Session;

/// Requests and faults of one input at most, so that an input stays quick.
const STEPS_MAX: usize = 64;

/// Three brokers, a topic of two partitions, small bounds.
fn cluster() -> Simulation {
    let mut config = ClusterConfig::with_brokers(3);
    config.detection = Duration::from_millis(100);
    config.retention_bytes = 64 << 10;
    config.request_bytes_max = 1 << 20;
    config.auto_create_topics = true;
    let mut cluster = Simulation::new(config);
    cluster.create_topic("t", 2).expect("a fresh cluster takes a topic");
    cluster
}

/// Bytes as they come from a socket, cut where the input says, then time.
pub fn stream(data: &[u8]) {
    let mut cluster = cluster();
    let connection = cluster.connect(1).expect("broker 1 runs");
    let (&cut, bytes) = data.split_first().unwrap_or((&1, &[]));
    for piece in bytes.chunks(usize::from(cut).max(1)) {
        cluster.write(connection, piece);
        while cluster.receive(connection).is_some() {}
    }
    let declared = cluster.connect(1).expect("broker 1 runs");
    cluster.write(declared, &i32::MAX.to_be_bytes());
    assert!(!cluster.is_open(declared), "2 GB declared are refused before they are read");
    cluster.advance(Duration::from_secs(120));
}

/// Requests with drawn fields, each perhaps damaged, and faults.
pub fn requests(data: &[u8]) {
    let mut draw = Draw::new(data);
    let mut session = Session::new(cluster());
    for _ in 0..STEPS_MAX {
        if draw.is_empty() {
            break;
        }
        match draw.byte() {
            0..=15 => faults::strike(&mut session, &mut draw),
            16..=31 => session.pass(Duration::from_millis(u64::from(draw.byte()) * 20)),
            choice => session.ask(choice, &mut draw),
        }
    }
    session.pass(Duration::from_secs(120));
}
