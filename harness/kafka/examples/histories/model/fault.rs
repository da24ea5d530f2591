//! What goes wrong, when, and how it heals.

use std::time::Duration;

use embedded_kafka::{ClusterError, Disk, Isolation, ReplicationLag};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::TOPIC;
use super::context::{Context, Event};

/// Kinds of faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// A broker's process dies; what it had written is still there when it is started again.
    Crash,
    /// A broker loses what it had not flushed, while everybody else is in sync.
    PowerLoss,
    /// A broker stops in order.
    Shutdown,
    /// Another in-sync replica leads.
    LeaderMove,
    /// A broker hears nothing of the others.
    CutFromPeers,
    /// A broker hears nothing of clients.
    CutFromClients,
    /// The active controller ends.
    ControllerCrash,
    /// A broker's replicas trail.
    SlowReplication,
    /// A broker's appends take long.
    SlowDisk,
    /// A broker's next append fails and takes its logs offline.
    FullDisk,
    /// A client's connection breaks.
    ConnectionLoss,
}

impl Kind {
    /// Its name in reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Crash => "crash",
            Self::PowerLoss => "power loss",
            Self::Shutdown => "controlled shutdown",
            Self::LeaderMove => "leader move",
            Self::CutFromPeers => "cut from peers",
            Self::CutFromClients => "cut from clients",
            Self::ControllerCrash => "controller crash",
            Self::SlowReplication => "slow replication",
            Self::SlowDisk => "slow disk",
            Self::FullDisk => "full disk",
            Self::ConnectionLoss => "connection loss",
        }
    }

    /// Whether it takes a broker out of replication.
    fn takes_brokers(self) -> bool {
        use Kind::{Crash, CutFromPeers, FullDisk, PowerLoss, Shutdown};
        matches!(self, Crash | PowerLoss | Shutdown | CutFromPeers | FullDisk)
    }

    fn draw(random: &mut ChaCha8Rng) -> Self {
        match random.random_range(0..32) {
            0..6 => Self::Crash,
            6..9 => Self::PowerLoss,
            9..11 => Self::Shutdown,
            11..16 => Self::LeaderMove,
            16..20 => Self::CutFromPeers,
            20..21 => Self::CutFromClients,
            21..23 => Self::ControllerCrash,
            23..28 => Self::SlowReplication,
            28..29 => Self::SlowDisk,
            29..30 => Self::FullDisk,
            _ => Self::ConnectionLoss,
        }
    }
}

/// A fault of a plan. Its target is drawn when it is due.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fault {
    pub(crate) at: Duration,
    pub(crate) lasts: Duration,
    pub(crate) kind: Kind,
}

/// What has to be done when a fault is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Healing {
    /// The broker is started again.
    Restart(i32),
    /// The broker reaches everybody again.
    Connect(i32),
    /// The broker's replicas trail as they did before.
    Hurry(i32),
    /// The broker has a good disk; one whose logs went offline is started again with it.
    Mend(i32),
}

/// Faults until `end`, spaced as the seed will have it.
pub(crate) fn schedule(random: &mut ChaCha8Rng, end: Duration) -> Vec<Fault> {
    let mut faults = Vec::new();
    let spacing = random.random_range(60..900);
    let mut at = Duration::from_millis(random.random_range(20..400));
    while at < end {
        let lasts = Duration::from_millis(random.random_range(5..1_200));
        faults.push(Fault { at, lasts, kind: Kind::draw(random) });
        at += Duration::from_millis(random.random_range(spacing / 4..spacing * 2));
    }
    faults
}

/// A fault of the plan is due; one that has no target now does nothing.
pub(crate) fn strike(context: &mut Context, number: usize) {
    let Fault { lasts, kind, .. } = context.plan.faults[number];
    let broker = context.any_broker();
    if kind.takes_brokers() && !may_take(context, kind) {
        return;
    }
    let cluster = &mut context.cluster;
    let healing = match kind {
        Kind::Crash => cluster.crash_broker(broker).map(|()| Some(Healing::Restart(broker))),
        Kind::PowerLoss => {
            context.power_lost = true;
            cluster.crash_broker_losing_unflushed(broker).map(|()| Some(Healing::Restart(broker)))
        }
        Kind::Shutdown => cluster.shutdown_broker(broker).map(|()| Some(Healing::Restart(broker))),
        Kind::LeaderMove => {
            let partition = context.random.random_range(0..context.plan.partitions);
            cluster.move_leader(TOPIC, partition, None).map(|_| None)
        }
        Kind::CutFromPeers => cut(context, broker, Isolation::FromPeers),
        Kind::CutFromClients => cut(context, broker, Isolation::FromClients),
        Kind::ControllerCrash => Ok(cluster.crash_controller(lasts / 4).and(None)),
        Kind::SlowReplication => slow_replication(context, broker),
        Kind::SlowDisk => {
            let disk = Disk::Slow { delay: lasts / 8 };
            cluster.set_disk(broker, disk).map(|()| Some(Healing::Mend(broker)))
        }
        Kind::FullDisk => {
            context.full_disks.insert(broker);
            cluster.set_disk(broker, Disk::Full).map(|()| Some(Healing::Mend(broker)))
        }
        Kind::ConnectionLoss => Ok(break_connection(context)),
    };
    let Ok(healing) = healing else { return };
    let now = context.now;
    if let Some(healing) = healing {
        context.taken += usize::from(!matches!(healing, Healing::Hurry(_)));
        context.at(now + lasts, Event::Heal(healing));
    }
    context.trace.add(now, || format!("*** {}: broker {broker}, {healing:?}", kind.name()));
    context.observer.struck(kind);
}

/// A fault is over.
pub(crate) fn heal(context: &mut Context, healing: Healing) {
    let now = context.now;
    if !matches!(healing, Healing::Hurry(_)) {
        context.taken = context.taken.saturating_sub(1);
    }
    let cluster = &mut context.cluster;
    let healed = match healing {
        Healing::Restart(broker) => cluster.restart_broker(broker),
        Healing::Connect(broker) => cluster.heal_broker(broker),
        Healing::Hurry(broker) => {
            cluster.set_replication_lag(broker, context.plan.config.replication_lag)
        }
        Healing::Mend(broker) => mend(context, broker),
    };
    if healed.is_ok() {
        context.trace.add(now, || format!("*** healed: {healing:?}"));
    }
}

/// Everything gets well: what is down starts, what is cut off is connected.
pub(crate) fn heal_all(context: &mut Context) {
    for broker in 1..=context.plan.config.brokers as i32 {
        heal(context, Healing::Connect(broker));
        heal(context, Healing::Hurry(broker));
        heal(context, Healing::Mend(broker));
        heal(context, Healing::Restart(broker));
    }
    context.healed = true;
    let now = context.now;
    context.trace.add(now, || "*** no more faults".to_owned());
}

type Struck = Result<Option<Healing>, ClusterError>;

/// Kafka promises nothing when those who have a record lose power before others have it, or when
/// all end before it is noticed that one of them has lost power: its power is taken only while
/// everybody is well, and until everybody is again no other broker is taken.
fn may_take(context: &mut Context, kind: Kind) -> bool {
    let power = kind == Kind::PowerLoss;
    if !power && !context.power_lost {
        return true;
    }
    let well = context.taken == 0
        && (0..context.plan.partitions).all(|partition| {
            let replicas = context.cluster.replicas(TOPIC, partition).unwrap_or_default();
            replicas.iter().all(|replica| replica.in_sync && replica.running)
        });
    context.power_lost &= !well;
    well
}

fn cut(context: &mut Context, broker: i32, isolation: Isolation) -> Struck {
    context.cluster.isolate_broker(broker, isolation)?;
    Ok(Some(Healing::Connect(broker)))
}

fn slow_replication(context: &mut Context, broker: i32) -> Struck {
    let delay = context.milliseconds(1..200);
    let lag = ReplicationLag { jitter: delay, ..ReplicationLag::of(delay) };
    context.cluster.set_replication_lag(broker, lag)?;
    Ok(Some(Healing::Hurry(broker)))
}

/// A broker whose disk was full gets a new process, too: its logs may be offline.
fn mend(context: &mut Context, broker: i32) -> Result<(), ClusterError> {
    context.cluster.set_disk(broker, Disk::Normal)?;
    if context.full_disks.remove(&broker) && context.cluster.crash_broker(broker).is_ok() {
        context.cluster.restart_broker(broker)?;
    }
    Ok(())
}

fn break_connection(context: &mut Context) -> Option<Healing> {
    if !context.by_connection.is_empty() {
        let nth = context.random.random_range(0..context.by_connection.len());
        let (&connection, _) = context.by_connection.iter().nth(nth)?;
        context.cluster.close(connection);
    }
    None
}
