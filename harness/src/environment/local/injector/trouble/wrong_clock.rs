//! Nodes whose clocks are wrong, and what their workers take for the time.

use super::super::super::operator_endpoint::ask;
use super::names;
use crate::clock;
use crate::environment::NAMESPACE;
use chaos::{Installed, Refusal};
use embedded_kube::{ClockShift, NodeHandle};
use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, Client};
use std::net::SocketAddr;
use std::time::Duration;

/// Says where a pod tells its metrics.
const METRICS_PORT: &str = "prometheus.io/port";
/// What a worker takes for the time.
const TIME: &str = "streaming_worker_time_seconds ";
/// A clock is wrong from here on; and right, once it is healed.
const WRONG_US: i64 = 50_000;
/// How often a clock that was set right is looked at, and for how long.
const LOOK_EVERY: Duration = Duration::from_millis(20);
const LOOKS: usize = 50;

/// What is wrong with a clock.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wrong {
    /// What it shows too much from the beginning on, in microseconds.
    pub(super) offset_us: i64,
    /// What it gains in each second, in microseconds.
    pub(super) drift_us_per_s: i64,
}

/// Puts the clocks of the nodes wrong, for `limit` at most.
pub(super) fn shift(
    client: Client,
    nodes: Vec<NodeHandle>,
    wrong: Wrong,
    limit: Duration,
) -> Result<Box<dyn Installed>, Refusal> {
    let since_us = clock::unix_us();
    let limit_us = u64::try_from(limit.as_micros()).unwrap_or(u64::MAX);
    let until_us = since_us.saturating_add(limit_us);
    let Wrong { offset_us, drift_us_per_s } = wrong;
    let shift = ClockShift { since_us, until_us, offset_us, drift_us_per_s };
    let wrong = WrongClocks { pods: Api::namespaced(client, NAMESPACE), nodes, shift };
    match wrong.set(Some(shift)) {
        Ok(()) => Ok(Box::new(wrong)),
        Err(error) => {
            let undone = wrong.set(None).err().map(|error| format!("; then {error}"));
            Err(Refusal::Failed(format!("{error}{}", undone.unwrap_or_default())))
        }
    }
}

struct WrongClocks {
    pods: Api<Pod>,
    nodes: Vec<NodeHandle>,
    shift: ClockShift,
}

/// A clock that was asked.
struct Seen {
    pod: String,
    /// What it showed too much, in microseconds.
    off_us: i64,
}

impl WrongClocks {
    fn set(&self, shift: Option<ClockShift>) -> Result<(), String> {
        let set = |node: &NodeHandle| {
            let set = node.shift_clock(shift);
            set.map_err(|error| format!("the clock of {}: {error}", node.name()))
        };
        self.nodes.iter().try_for_each(set)
    }

    /// Asks the workers that run on the nodes; those that do not tell are left out.
    async fn look(&self) -> Vec<Seen> {
        let processes = self.nodes.iter().flat_map(NodeHandle::processes);
        let asked = processes.map(|process| async move {
            let pod = self.pods.get(&process.pod).await.ok()?;
            let off_us = off(address(&pod)?).await?;
            Some(Seen { pod: process.pod, off_us })
        });
        join_all(asked).await.into_iter().flatten().collect()
    }

    /// A node proves nothing unless a worker there tells the wrong time, and none the right one.
    async fn evidence(&self) -> Option<String> {
        let expected = self.shift.at(clock::unix_us());
        let seen = self.look().await;
        let all = !seen.is_empty() && seen.iter().all(|seen| is_off(seen.off_us, expected));
        all.then(|| seen.iter().map(Seen::sentence).collect::<Vec<_>>().join(", "))
    }

    async fn heal(&self) -> Result<String, String> {
        self.set(None)?;
        let mut seen = Vec::new();
        for _ in 0..LOOKS {
            tokio::time::sleep(LOOK_EVERY).await;
            seen = self.look().await;
            if seen.iter().all(|seen| seen.off_us.abs() < WRONG_US) {
                let asked = format!("{} workers tell the time", seen.len());
                return Ok(format!("the clocks of {} are right, {asked}", names(&self.nodes)));
            }
        }
        Err(seen.iter().map(Seen::sentence).collect::<Vec<_>>().join(", "))
    }
}

impl Seen {
    fn sentence(&self) -> String {
        let by = Duration::from_micros(self.off_us.unsigned_abs()).as_secs_f64();
        let way = if self.off_us < 0 { "slow" } else { "fast" };
        format!("the clock of {} is {by:.3} s {way}", self.pod)
    }
}

/// Whether a clock is off by about as much as it should be.
fn is_off(off_us: i64, expected_us: i64) -> bool {
    let error = off_us.abs_diff(expected_us);
    off_us.abs() >= WRONG_US && error <= expected_us.unsigned_abs() / 2
}

fn address(pod: &Pod) -> Option<SocketAddr> {
    let ip = pod.status.as_ref()?.pod_ip.as_ref()?.parse().ok()?;
    let port = pod.metadata.annotations.as_ref()?.get(METRICS_PORT)?.parse().ok()?;
    Some(SocketAddr::new(ip, port))
}

/// What a worker's clock shows too much: against the middle of the time that its answer took.
async fn off(address: SocketAddr) -> Option<i64> {
    let before = clock::unix_us();
    let answer = ask(address).await?;
    let after = clock::unix_us();
    let middle = i64::try_from(before.midpoint(after)).ok()?;
    Some(told(&answer)?.saturating_sub(middle))
}

/// The time that metrics tell, in microseconds since the Unix epoch.
fn told(metrics: &str) -> Option<i64> {
    let seconds = metrics.lines().find_map(|line| line.strip_prefix(TIME))?;
    let seconds: f64 = seconds.trim().parse().ok()?;
    seconds.is_finite().then(|| (seconds * 1e6).round() as i64)
}

impl Installed for WrongClocks {
    fn evidence(&mut self) -> BoxFuture<'_, Option<String>> {
        WrongClocks::evidence(self).boxed()
    }

    fn heal(&mut self) -> BoxFuture<'_, Result<String, String>> {
        WrongClocks::heal(self).boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_off_only_by_about_what_it_should_be() {
        assert!(is_off(5_000_000, 5_000_000) && is_off(-80_000, -100_000));
        assert!(!is_off(-5_000_000, 5_000_000), "the other way");
        assert!(!is_off(40_000, 41_000), "too little to tell");
        assert!(!is_off(3_000_000, 1_000_000), "by something else");
    }

    #[test]
    fn the_time_is_found_among_metrics() {
        let metrics = "# TYPE streaming_worker_time_seconds gauge\r\n\
                       streaming_worker_time_seconds 1767225600.250000\r\nother 1\r\n";
        assert_eq!(told(metrics), Some(1_767_225_600_250_000));
        assert_eq!(told("streaming_worker_time_seconds soon"), None);
        assert_eq!(told("streaming_worker_time_seconds NaN"), None);
        assert_eq!(told(""), None);
    }
}
