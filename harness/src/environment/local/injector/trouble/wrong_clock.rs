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
const WRONG_US: u64 = 50_000;
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
    let Wrong { offset_us, drift_us_per_s } = wrong;
    let shift = ClockShift::lasting(clock::unix_us(), limit, offset_us, drift_us_per_s);
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    /// When, in microseconds since the Unix epoch: in the middle of the time that the answer took.
    at_us: u64,
    /// What it showed too much then, in microseconds.
    off_us: i64,
    /// By how much that may be wrong: half of the time that the answer took.
    within_us: u64,
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
    async fn look(&self) -> Vec<(String, Seen)> {
        let processes = self.nodes.iter().flat_map(NodeHandle::processes);
        let asked = processes.map(|process| async move {
            let pod = self.pods.get(&process.pod).await.ok()?;
            let seen = Seen::of(address(&pod)?).await?;
            Some((process.pod, seen))
        });
        join_all(asked).await.into_iter().flatten().collect()
    }

    /// A node proves nothing unless a worker there tells the wrong time, and none the right one.
    async fn evidence(&self) -> Option<String> {
        let seen = self.look().await;
        let is_wrong = |(_, seen): &(String, Seen)| seen.is_off(self.shift.at(seen.at_us));
        (!seen.is_empty() && seen.iter().all(is_wrong)).then(|| sentence(&seen))
    }

    async fn heal(&self) -> Result<String, String> {
        self.set(None)?;
        let mut seen = Vec::new();
        for _ in 0..LOOKS {
            tokio::time::sleep(LOOK_EVERY).await;
            seen = self.look().await;
            if seen.iter().all(|(_, seen)| seen.may_be_right()) {
                let asked = format!("{} workers tell the time", seen.len());
                return Ok(format!("the clocks of {} are right, {asked}", names(&self.nodes)));
            }
        }
        Err(sentence(&seen))
    }
}

impl Seen {
    async fn of(address: SocketAddr) -> Option<Self> {
        let before = clock::unix_us();
        let answer = ask(address).await?;
        let after = clock::unix_us();
        let at_us = before.midpoint(after);
        let off_us = told(&answer)?.saturating_sub(i64::try_from(at_us).ok()?);
        Some(Self { at_us, off_us, within_us: after.saturating_sub(before).div_ceil(2) })
    }

    /// Whether it is off by about as much as it should be, and surely off.
    fn is_off(self, expected_us: i64) -> bool {
        let error = self.off_us.abs_diff(expected_us);
        !self.may_be_right() && error <= expected_us.unsigned_abs() / 2
    }

    fn may_be_right(self) -> bool {
        self.off_us.unsigned_abs() < WRONG_US.saturating_add(self.within_us)
    }
}

fn sentence(seen: &[(String, Seen)]) -> String {
    let seconds = |us| Duration::from_micros(us).as_secs_f64();
    let each = seen.iter().map(|(pod, seen)| {
        let (by, within) = (seconds(seen.off_us.unsigned_abs()), seconds(seen.within_us));
        let way = if seen.off_us < 0 { "slow" } else { "fast" };
        format!("the clock of {pod} is {by:.3} s (± {within:.3} s) {way}")
    });
    each.collect::<Vec<_>>().join(", ")
}

fn address(pod: &Pod) -> Option<SocketAddr> {
    let ip = pod.status.as_ref()?.pod_ip.as_ref()?.parse().ok()?;
    let port = pod.metadata.annotations.as_ref()?.get(METRICS_PORT)?.parse().ok()?;
    Some(SocketAddr::new(ip, port))
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
    fn a_clock_is_off_only_by_about_what_it_should_be_and_by_more_than_the_question_took() {
        let seen = |off_us, within_us| Seen { at_us: 0, off_us, within_us };
        assert!(seen(5_000_000, 1_000).is_off(5_000_000));
        assert!(seen(-80_000, 1_000).is_off(-100_000));
        assert!(!seen(-5_000_000, 0).is_off(5_000_000), "the other way");
        assert!(!seen(40_000, 0).is_off(41_000), "too little to tell");
        assert!(!seen(3_000_000, 0).is_off(1_000_000), "by something else");
        assert!(!seen(80_000, 30_001).is_off(80_000), "the answer took too long");
        assert!(seen(80_000, 30_001).may_be_right() && !seen(80_000, 30_000).may_be_right());
        let said = sentence(&[("it".to_owned(), seen(-80_000, 1_500))]);
        assert_eq!(said, "the clock of it is 0.080 s (± 0.002 s) slow");
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
