//! OpenMessaging Benchmark, as somebody has built it elsewhere: its case of one topic, sixteen
//! partitions and messages of 1 KB.

use super::pipeline::Period;
use super::process;
use crate::micro::now;
use anyhow::Context;
use serde::Deserialize;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use tokio::process::Child;

/// The case, and its settings of Kafka clients. Their batches may get as large as our driver's.
const CASE: &str = "workloads/1-topic-16-partitions-1kb.yaml";
const CLIENTS: &str = "driver-kafka/kafka-throughput.yaml";
/// How long its clients wait for company in a batch there.
pub const LINGER_MS: &str = "1";
const HEAP: &str = "1g";
/// It plays for a minute, and may take half of one to close its consumer.
const LIMIT: Duration = Duration::from_secs(180);
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Periods of ten seconds until Java has compiled what runs.
const WARM_UP: usize = 2;

/// A checkout of it, built.
#[derive(Debug)]
pub struct Omb {
    folder: PathBuf,
    class_path: String,
}

impl Omb {
    /// What was built in this folder by Maven.
    ///
    /// # Errors
    /// When it is none.
    pub fn built_in(folder: &Path) -> anyhow::Result<Self> {
        // It runs in another folder.
        let folder = folder.canonicalize().with_context(|| folder.display().to_string())?;
        let framework = folder.join("benchmark-framework/target");
        let libraries = framework.join("classpath.txt");
        let libraries = std::fs::read_to_string(&libraries)
            .with_context(|| format!("{}: build its modules first", libraries.display()))?;
        let class_path = format!("{}:{}", framework.join("classes").display(), libraries.trim());
        Ok(Self { folder, class_path })
    }

    /// Plays the case for a minute at this rate instead of its own. It makes its own topic.
    ///
    /// # Errors
    /// When it fails or leaves no results.
    pub async fn run(&self, bootstrap: &str, rate_per_s: u64) -> anyhow::Result<Vec<Period>> {
        let folder = TempDir::new()?;
        let [case, clients, results] =
            ["case.yaml", "clients.yaml", "results.json"].map(|name| folder.path().join(name));
        let payload = self.folder.join("payload/payload-1Kb.data");
        let said = [
            ("payloadFile", format!("\"{}\"", payload.display())),
            ("producerRate", rate_per_s.to_string()),
            ("testDurationMinutes", "1".to_owned()),
            ("warmupDurationMinutes", "0".to_owned()),
        ];
        std::fs::write(&case, with(&self.read(CASE)?, &said))?;
        std::fs::write(&clients, self.read(CLIENTS)?.replace("localhost:9092", bootstrap))?;
        let mut command = process::command(&self.class_path, HEAP);
        command.arg("io.openmessaging.benchmark.Benchmark").current_dir(folder.path());
        command.arg("--drivers").arg(&clients).arg("--output").arg(&results).arg(&case);
        let printed = folder.path().join("printed");
        command.stdout(File::create(&printed)?).stderr(Stdio::null()).stdin(Stdio::null());
        let run = command.kill_on_drop(true).spawn().context("cannot run java")?;
        let results = written(&results, run).await;
        let said = || std::fs::read_to_string(&printed).unwrap_or_default();
        let periods = results.with_context(said)?.periods();
        Ok(periods.into_iter().skip(WARM_UP).collect())
    }

    fn read(&self, name: &str) -> anyhow::Result<String> {
        let path = self.folder.join(name);
        std::fs::read_to_string(&path).with_context(|| path.display().to_string())
    }
}

/// The results, as soon as they are written. It then takes its time to end, if it does at all.
async fn written(path: &Path, mut run: Child) -> anyhow::Result<Results> {
    let start = now();
    loop {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        if let Ok(results) = serde_json::from_str(&text) {
            return Ok(results);
        }
        anyhow::ensure!(run.try_wait()?.is_none(), "it ended without results");
        anyhow::ensure!(start.elapsed() < LIMIT, "it has no results in time");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// A file of YAML, flat, with other values.
fn with(text: &str, said: &[(&str, String)]) -> String {
    let is_said = |line: &&str| said.iter().any(|(key, _)| line.starts_with(&format!("{key}:")));
    let rest = text.lines().filter(|line| !is_said(line)).map(str::to_owned);
    let said = said.iter().map(|(key, value)| format!("{key}: {value}"));
    rest.chain(said).collect::<Vec<_>>().join("\n")
}

/// What it writes, a value a period of ten seconds; times in milliseconds.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Results {
    publish_rate: Vec<f64>,
    #[serde(rename = "publishLatency50pct")]
    publish_p50: Vec<f64>,
    #[serde(rename = "publishLatency99pct")]
    publish_p99: Vec<f64>,
    #[serde(rename = "endToEndLatency50pct")]
    end_to_end_p50: Vec<f64>,
    #[serde(rename = "endToEndLatency99pct")]
    end_to_end_p99: Vec<f64>,
}

impl Results {
    fn periods(&self) -> Vec<Period> {
        let publish = self.publish_p50.iter().zip(&self.publish_p99);
        let end_to_end = self.end_to_end_p50.iter().zip(&self.end_to_end_p99);
        let all = self.publish_rate.iter().zip(publish.zip(end_to_end));
        all.map(|(per_s, (publish, end_to_end))| Period {
            per_s: *per_s,
            publish_ms: [*publish.0, *publish.1],
            end_to_end_ms: [*end_to_end.0, *end_to_end.1],
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_replaced_or_added_and_the_rest_stays() {
        let text = "name: a\nproducerRate: 50000\ntopics: 1\n";
        let said = [("producerRate", "9".to_owned()), ("more", "x".to_owned())];
        assert_eq!(with(text, &said), "name: a\ntopics: 1\nproducerRate: 9\nmore: x");
    }

    #[test]
    fn results_are_read_period_by_period() {
        let results: Results = serde_json::from_str(
            r#"{ "workload": "w", "publishRate": [1.0, 2.0], "consumeRate": [1.0, 2.0],
                 "publishLatency50pct": [3.0, 4.0], "publishLatency99pct": [5.0, 6.0],
                 "endToEndLatency50pct": [7.0, 8.0], "endToEndLatency99pct": [9.0, 10.0] }"#,
        )
        .unwrap();
        let second = results.periods()[1];
        assert_eq!((second.per_s, second.publish_ms), (2.0, [4.0, 6.0]));
        assert_eq!(second.end_to_end_ms, [8.0, 10.0]);
    }
}
