//! Faults between the requests; those that make no sense now are refused, not wrong.

use std::time::Duration;

use embedded_kafka::{Disk, Isolation, ReplicationLag};

use crate::draw::Draw;
use crate::session::Session;

pub(crate) fn strike(session: &mut Session, draw: &mut Draw) {
    let broker = draw.below(4) as i32;
    let time = Duration::from_millis(u64::from(draw.byte()));
    let cluster = &mut session.cluster;
    match draw.below(12) {
        0 => drop(cluster.crash_broker(broker)),
        1 => drop(cluster.crash_broker_losing_unflushed(broker)),
        2 => drop(cluster.shutdown_broker(broker)),
        3 | 4 => drop(cluster.restart_broker(broker)),
        5 => drop(cluster.isolate_broker(broker, Isolation::FromPeers)),
        6 => drop(cluster.isolate_broker(broker, Isolation::FromClients)),
        7 => drop(cluster.heal_broker(broker)),
        8 => drop(cluster.crash_controller(time)),
        9 => drop(cluster.set_disk(broker, Disk::Slow { delay: time })),
        10 => drop(cluster.set_disk(broker, if draw.flag() { Disk::Full } else { Disk::Normal })),
        _ => drop(cluster.set_replication_lag(broker, ReplicationLag::of(time))),
    }
    drop(cluster.move_leader("t", draw.int(), draw.flag().then_some(broker)));
}
