//! What goes wrong, when, and how it heals.

use std::time::Duration;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::TOPIC;
use super::context::{Context, Event};

/// Kinds of faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// A broker's process dies; what it had written is still there when it is started again.
    Crash,
    /// Another in-sync replica leads.
    LeaderMove,
    /// A client's connection breaks.
    ConnectionLoss,
}

impl Kind {
    /// Its name in reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Crash => "crash",
            Self::LeaderMove => "leader move",
            Self::ConnectionLoss => "connection loss",
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
}

/// Faults until `end`, one every 300 ms or so.
pub(crate) fn schedule(random: &mut ChaCha8Rng, end: Duration) -> Vec<Fault> {
    let mut faults = Vec::new();
    let spacing = random.random_range(100..900);
    let mut at = Duration::from_millis(random.random_range(20..400));
    while at < end {
        let kind = match random.random_range(0..10) {
            0..4 => Kind::Crash,
            4..8 => Kind::LeaderMove,
            _ => Kind::ConnectionLoss,
        };
        let lasts = Duration::from_millis(random.random_range(5..1_200));
        faults.push(Fault { at, lasts, kind });
        at += Duration::from_millis(random.random_range(spacing / 4..spacing * 2));
    }
    faults
}

/// A fault of the plan is due; one that has no target now does nothing.
pub(crate) fn strike(context: &mut Context, number: usize) {
    let Fault { lasts, kind, .. } = context.plan.faults[number];
    let struck = match kind {
        Kind::Crash => crash(context, lasts),
        Kind::LeaderMove => move_leader(context),
        Kind::ConnectionLoss => break_connection(context),
    };
    let Some(what) = struck else { return };
    let now = context.now;
    context.trace.add(now, || format!("*** {}: {what}", kind.name()));
    context.observer.struck(kind);
}

pub(crate) fn heal(context: &mut Context, healing: Healing) {
    let now = context.now;
    let healed = match healing {
        Healing::Restart(broker) => context.cluster.restart_broker(broker),
    };
    if healed.is_ok() {
        context.trace.add(now, || format!("*** healed: {healing:?}"));
    }
}

/// Everything gets well: what is down starts.
pub(crate) fn heal_all(context: &mut Context) {
    let brokers = context.plan.config.brokers as i32;
    (1..=brokers).for_each(|broker| heal(context, Healing::Restart(broker)));
    context.healed = true;
    let now = context.now;
    context.trace.add(now, || "*** no more faults".to_owned());
}

fn crash(context: &mut Context, lasts: Duration) -> Option<String> {
    let broker = context.any_broker();
    context.cluster.crash_broker(broker).ok()?;
    let heal_at = context.now + lasts;
    context.at(heal_at, Event::Heal(Healing::Restart(broker)));
    Some(format!("broker {broker} for {lasts:?}"))
}

fn move_leader(context: &mut Context) -> Option<String> {
    let partition = context.random.random_range(0..context.plan.partitions);
    let moved = context.cluster.move_leader(TOPIC, partition, None).ok()?;
    Some(format!(
        "partition {partition} from {:?} to {} in epoch {}",
        moved.from, moved.to, moved.epoch
    ))
}

fn break_connection(context: &mut Context) -> Option<String> {
    if context.by_connection.is_empty() {
        return None;
    }
    let nth = context.random.random_range(0..context.by_connection.len());
    let (&connection, &link) = context.by_connection.iter().nth(nth)?;
    context.cluster.close(connection);
    let link = &context.links[link];
    Some(format!("client {} at broker {}", link.client, link.broker))
}
