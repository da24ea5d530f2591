//! What an operator tells of itself at its own endpoint, the address of which is in its log.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Longest that it may take to answer.
const PATIENCE: Duration = Duration::from_secs(1);
/// Most bytes of an answer or of a log that are read.
const BYTES_MAX: u64 = 16 << 20;

/// Passes that an operator has made, failed ones too; nothing if it does not tell.
pub(super) async fn passes(log: &Path) -> Option<u64> {
    let answer = metrics(log).await?;
    Some(sum(&answer, "controller_runtime_reconcile_total"))
}

/// Whether an operator holds the lease; nothing if it does not tell.
pub(super) async fn leads(log: &Path) -> Option<bool> {
    let answer = metrics(log).await?;
    Some(sum(&answer, "streaming_operator_leading") > 0)
}

async fn metrics(log: &Path) -> Option<String> {
    ask(address(&tokio::fs::read_to_string(log).await.ok()?)?).await
}

/// The metrics that are told here, with what HTTP says before; nothing if they do not come soon.
pub(super) async fn ask(address: SocketAddr) -> Option<String> {
    tokio::time::timeout(PATIENCE, get(address, "/metrics")).await.ok()?.ok()
}

/// The address that the latest operator with this log listens on.
fn address(log: &str) -> Option<SocketAddr> {
    let line = log.lines().rev().find(|line| line.contains("listening"))?;
    let (_, address) = line.split_once("address=")?;
    address.split_whitespace().next()?.parse().ok()
}

async fn get(address: SocketAddr, path: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).await?;
    let mut answer = String::new();
    stream.take(BYTES_MAX).read_to_string(&mut answer).await?;
    Ok(answer)
}

/// The sum of a counter over its labels.
fn sum(metrics: &str, counter: &str) -> u64 {
    let samples = metrics.lines().filter_map(|line| line.strip_prefix(counter));
    samples.filter_map(|sample| sample.rsplit(' ').next()?.parse::<u64>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_address_in_a_log_is_the_operators() {
        let line = |port| {
            format!(
                "2026-01-01T00:00:00Z  INFO operator::run: listening address=127.0.0.1:{port}\n"
            )
        };
        let log = format!("{}ready\n{}ready\n", line(1), line(2));
        assert_eq!(address(&log), Some(SocketAddr::from(([127, 0, 0, 1], 2))));
        assert_eq!(address("ready\n"), None);
    }

    #[test]
    fn a_counter_is_summed_over_its_labels() {
        let metrics = "HTTP/1.0 200 OK\r\n\r\n# TYPE a_total counter\n\
                       a_total{result=\"error\"} 2\na_total{result=\"success\"} 40\nb_total 7\n";
        assert_eq!(sum(metrics, "a_total"), 42);
        assert_eq!(sum(metrics, "c_total"), 0);
    }
}
