//! What faults can leave behind on brokers in containers, in a few lines.

use super::admin::{Partition, quotas};
use super::brokers::Names;
use super::cluster::Cluster;
use super::engine::{Engine, Limits, State};
use super::readers::Readers;
use crate::environment::local::brokers::name;
use std::collections::BTreeSet;

/// The state of everything that faults can touch. Who leads a partition may differ.
pub(super) async fn footprint(
    (engine, names): (&Engine, &Names),
    cluster: &Cluster,
    readers: &Readers,
) -> Vec<String> {
    let mut lines = Vec::new();
    for (id, view) in cluster.views() {
        let container = names.container(id);
        let state = engine.state(&container).await.unwrap_or_default();
        let limits = engine.limits(&container).await.unwrap_or_default();
        let answers = if view.seen.is_some() { "answers" } else { "is silent" };
        let known = view.metadata.brokers.len();
        lines.push(format!(
            "{} {answers}, knows {known} brokers, {}",
            name(id),
            container_line(&state, &limits)
        ));
    }
    let state = |partition: Partition| {
        let led = if partition.leader.is_some() { "led" } else { "not led" };
        let (copies, in_sync) = (partition.replicas.len(), partition.in_sync.len());
        format!("partitions {led}, {copies} copies, {in_sync} in sync")
    };
    // How many there are is not told: some are added for good.
    let states: BTreeSet<String> = cluster.partitions().into_values().map(state).collect();
    lines.extend(states);
    lines.extend(readers.out_of_order());
    lines.extend(match quotas::in_force(cluster).await {
        Ok(quotas) => quotas,
        Err(error) => vec![format!("quotas are not known: {error:#}")],
    });
    lines
}

fn container_line(state: &State, limits: &Limits) -> String {
    let state = match (state.running, state.paused) {
        (true, false) => "runs",
        (true, true) => "is frozen",
        (false, _) => "has ended",
    };
    // No quota is 0 at first, and -1 once there was one.
    let processors = match limits.cpu_quota_us {
        ..=0 => "all processors".to_owned(),
        quota => format!("{quota} us of a processor"),
    };
    let (memory, networks) = (limits.memory_bytes >> 20, limits.networks);
    format!("{state}, {memory} MiB, {processors}, {networks} networks")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_that_was_lifted_looks_like_none() {
        let state = State { running: true, ..State::default() };
        let limits = |cpu_quota_us| Limits { memory_bytes: 2 << 30, cpu_quota_us, networks: 3 };
        let [never, lifted, rationed] =
            [0, -1, 20_000].map(|quota| container_line(&state, &limits(quota)));
        assert_eq!(never, "runs, 2048 MiB, all processors, 3 networks");
        assert_eq!(never, lifted);
        assert_ne!(never, rationed);
    }
}
