//! Histories: small clients, a random interleaving of what they send, and faults in between, all
//! from a seed and in virtual time; invariants look at every answer.

use std::collections::BTreeMap;
use std::time::Duration;

use embedded_kafka::{Defect, Simulation};

mod client;
mod context;
mod digest;
mod fault;
mod invariant;
mod links;
mod plan;
mod records;
mod trace;
mod wire;
mod world;

use client::Consumer;
use context::{Context, Event};
use digest::Digest;
use invariant::Observer;
pub(crate) use invariant::Violation;
use plan::Plan;
use trace::Trace;
use world::World;

/// The one topic that clients write and read.
const TOPIC: &str = "t";

/// After the faults everything must come to rest within so long.
const REST_MAX: Duration = Duration::from_secs(60);

/// What came of a history.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) operations: u64,
    /// Faults that struck, by their names.
    pub(crate) faults: BTreeMap<&'static str, u64>,
    /// Of every request, every answer and the final logs.
    pub(crate) digest: u64,
    pub(crate) violation: Option<Violation>,
    /// The readable history, if it was asked for.
    pub(crate) lines: Vec<String>,
}

/// Runs the history of a seed.
pub(crate) fn run(seed: u64, defect: Option<Defect>, traced: bool) -> Outcome {
    let mut random = plan::random(seed);
    let mut plan = Plan::new(seed, &mut random);
    plan.config.defect = defect;
    let mut trace = Trace::new(traced);
    trace.add(Duration::ZERO, || format!("seed {seed}: {plan:#?}"));
    let mut cluster = Simulation::new(plan.config.clone());
    let created = cluster.create_topic(TOPIC, plan.partitions);
    debug_assert!(created.is_ok());
    let observer = Observer::new(plan.partitions);
    let mut world = World {
        clients: plan.clients(),
        context: Context::new(cluster, random, plan, observer, trace),
    };
    live(&mut world);
    let World { mut context, .. } = world;
    for partition in 0..context.plan.partitions {
        let replicas = context.cluster.replicas(TOPIC, partition).unwrap_or_default();
        for batch in replicas.iter().flat_map(|replica| &replica.batches) {
            context.digest.number(batch.base_offset as u64);
            context.digest.number(u64::from(batch.checksum) << 32 | batch.leader_epoch as u64);
        }
    }
    Outcome {
        operations: context.operations,
        faults: context.observer.faults(),
        digest: context.digest.value(),
        violation: context.observer.violation.take(),
        lines: context.trace.into_lines(),
    }
}

/// Faults, rest, and a reading of everything.
fn live(world: &mut World) {
    let context = &mut world.context;
    for number in 0..context.plan.faults.len() {
        context.at(context.plan.faults[number].at, Event::Fault(number));
    }
    let end = context.plan.faults_end;
    context.at(end, Event::HealAll);
    (0..world.clients.len()).for_each(|client| world.wake(client));
    world.run(end, |world| world.context.healed);
    let rest = world.context.now + REST_MAX;
    if !world.run(rest, |world| world.clients.iter().all(|client| client.is_done())) {
        let names = world.clients.iter().filter(|client| !client.is_done());
        let names = names.map(|client| client.describe()).collect::<Vec<_>>().join("; ");
        return world.context.observer.restless(&names);
    }
    // What `acks=1` left behind is replicated in its own time.
    while !world.replicated() && world.context.now < rest {
        let soon = world.context.now + Duration::from_millis(20);
        world.run(soon, |_| false);
        world.context.now = soon;
    }
    if !world.replicated() {
        return world.context.observer.restless("the replicas");
    }
    let readers = world.clients.len();
    let partitions = world.context.plan.partitions;
    world.clients.push(Box::new(Consumer::last(partitions, false)));
    world.clients.push(Box::new(Consumer::last(partitions, true)));
    (readers..world.clients.len()).for_each(|client| world.wake(client));
    let rest = world.context.now + REST_MAX;
    if !world.run(rest, |world| world.clients[readers..].iter().all(|reader| reader.is_done())) {
        return world.context.observer.restless("the last readers");
    }
    world.compare_replicas();
    if world.context.observer.violation.is_none() {
        world.context.observer.finish();
    }
}

/// A digest of many histories that does not depend on the order in which they ran.
pub(crate) fn combine(digests: impl Iterator<Item = (u64, u64)>) -> u64 {
    digests.fold(0, |all, (seed, digest)| {
        let mut one = Digest::new();
        one.number(seed);
        one.number(digest);
        all ^ one.value()
    })
}
