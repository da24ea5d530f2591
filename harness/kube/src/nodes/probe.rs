//! Readiness probes: a small HTTP/1.0 GET, and the rule that turns answers into readiness.

use std::net::SocketAddr;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Container, Probe};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Interval, MissedTickBehavior};

use crate::clock;

/// The status line is all that is wanted; an answer is read no further than this.
const STATUS_LINE_BYTES_MAX: u64 = 512;

/// A readiness probe as it is carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ProbePlan {
    address: SocketAddr,
    path: String,
    initial_delay: Duration,
    period: Duration,
    timeout: Duration,
    successes: u32,
    failures: u32,
}

/// The port that is asked instead of the one in the pod's template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PortSwap {
    /// The template's port.
    pub(super) from: u16,
    /// The pod's own.
    pub(super) to: u16,
}

/// Reads the container's readiness probe; none when it has none.
///
/// # Errors
/// The sentence says what of the probe is not supported or wrong.
pub(super) fn plan(
    container: &Container,
    address: std::net::Ipv4Addr,
    swap: Option<PortSwap>,
) -> Result<Option<ProbePlan>, String> {
    let Some(probe) = &container.readiness_probe else { return Ok(None) };
    let Some(http) = &probe.http_get else {
        return Err("readinessProbe: only httpGet is emulated".to_owned());
    };
    if http.scheme.as_deref().is_some_and(|scheme| !scheme.eq_ignore_ascii_case("http")) {
        return Err("readinessProbe.httpGet.scheme: only HTTP is emulated".to_owned());
    }
    let path = http.path.clone().unwrap_or_else(|| "/".to_owned());
    if !path.starts_with('/') || path.contains(|it: char| it.is_ascii_control() || it == ' ') {
        return Err(format!("readinessProbe.httpGet.path: {path:?} is not a path"));
    }
    let port = port(container, &http.port)?;
    let port = swap.filter(|swap| swap.from == port).map_or(port, |swap| swap.to);
    let seconds = |value: Option<i32>, default: i32, least: i32| {
        Duration::from_secs(u64::try_from(value.unwrap_or(default).max(least)).unwrap_or(1))
    };
    let Probe { initial_delay_seconds, period_seconds, timeout_seconds, .. } = probe;
    let count = |value: Option<i32>, default: u32| {
        value.and_then(|it| u32::try_from(it).ok()).unwrap_or(default).max(1)
    };
    Ok(Some(ProbePlan {
        address: SocketAddr::from((address, port)),
        path,
        initial_delay: seconds(*initial_delay_seconds, 0, 0),
        period: seconds(*period_seconds, 10, 1),
        timeout: seconds(*timeout_seconds, 1, 1),
        successes: count(probe.success_threshold, 1),
        failures: count(probe.failure_threshold, 3),
    }))
}

fn port(container: &Container, port: &IntOrString) -> Result<u16, String> {
    let number = match port {
        IntOrString::Int(number) => *number,
        IntOrString::String(name) => container
            .ports
            .iter()
            .flatten()
            .find(|port| port.name.as_ref() == Some(name))
            .map(|port| port.container_port)
            .or_else(|| name.parse().ok())
            .ok_or_else(|| format!("readinessProbe.httpGet.port: no port is named {name:?}"))?,
    };
    u16::try_from(number)
        .ok()
        .filter(|number| *number > 0)
        .ok_or_else(|| format!("readinessProbe.httpGet.port: {number} is not a port"))
}

/// Carries a probe out and remembers what the answers came to.
#[derive(Debug)]
pub(super) struct Prober {
    plan: ProbePlan,
    ticks: Interval,
    tally: Tally,
}

impl Prober {
    /// Begins to probe a container that starts now. It is not ready at first.
    pub(super) fn start(plan: ProbePlan) -> Self {
        let mut ticks =
            tokio::time::interval_at(clock::instant() + plan.initial_delay, plan.period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let tally =
            Tally { successes: plan.successes, failures: plan.failures, run: 0, ready: false };
        Self { plan, ticks, tally }
    }

    /// Probes until readiness changes and says what it is now. May be dropped and called again.
    pub(super) async fn change(&mut self) -> bool {
        loop {
            self.ticks.tick().await;
            let ask = get(self.plan.address, &self.plan.path);
            let answer = tokio::time::timeout(self.plan.timeout, ask).await;
            // As the kubelet does, redirections count as success.
            let success = matches!(answer, Ok(Some(200..=399)));
            if self.tally.count(success) {
                return self.tally.ready;
            }
        }
    }
}

/// Readiness as a function of answers.
#[derive(Debug)]
struct Tally {
    successes: u32,
    failures: u32,
    run: u32,
    ready: bool,
}

impl Tally {
    /// Counts an answer; true when readiness changed.
    fn count(&mut self, success: bool) -> bool {
        if success == self.ready {
            self.run = 0;
            return false;
        }
        self.run += 1;
        let threshold = if self.ready { self.failures } else { self.successes };
        if self.run < threshold {
            return false;
        }
        self.run = 0;
        self.ready = success;
        true
    }
}

/// The status code of the answer to a GET; none when there is no answer that can be read.
async fn get(address: SocketAddr, path: &str) -> Option<u16> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    let request =
        format!("GET {path} HTTP/1.0\r\nHost: {address}\r\nUser-Agent: kube-probe\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = Vec::new();
    let mut limited = stream.take(STATUS_LINE_BYTES_MAX);
    while !answer.contains(&b'\n') {
        if limited.read_buf(&mut answer).await.ok()? == 0 {
            break;
        }
    }
    status_code(&answer)
}

fn status_code(answer: &[u8]) -> Option<u16> {
    let line = answer.split(|byte| *byte == b'\n').next()?;
    let mut words = std::str::from_utf8(line).ok()?.split(' ');
    words.next()?.starts_with("HTTP/1.").then_some(())?;
    words.next()?.trim_end().parse().ok()
}

#[cfg(test)]
mod tests;
