//! What the environment variables say, checked all at once.

use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use super::{Guarantee, PlantedBug, Processing, ServiceTime, Transactions, WorkerError};

/// Everything a worker needs to know.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkerConfig {
    /// `KAFKA_BOOTSTRAP_SERVERS`: `host:port`, comma-separated.
    pub bootstrap_servers: String,
    /// `KAFKA_SOURCE_TOPIC`: where records are read.
    pub source_topic: String,
    /// `KAFKA_RESULT_TOPIC`: where results are written.
    pub result_topic: String,
    /// `KAFKA_DEAD_LETTER_TOPIC`: where records are put that cannot be processed; without it
    /// payloads are not looked at.
    pub dead_letter_topic: Option<String>,
    /// `KAFKA_GROUP_ID`: the consumer group.
    pub group_id: String,
    /// `KAFKA_CLIENT_ID`: the client id of both clients; network faults are matched on it.
    pub client_id: String,
    /// `POD_IP` and `METRICS_PORT`: where metrics are served; nowhere without `METRICS_PORT`.
    pub metrics_address: Option<SocketAddr>,
    /// `KAFKA_FETCH_MIN_BYTES`: a broker waits for this much before it answers a fetch.
    pub fetch_min_bytes: u64,
    /// `KAFKA_FETCH_WAIT_MS`: but no longer than this.
    pub fetch_wait: Duration,
    /// `KAFKA_LINGER_MS`: how long a result waits for company in its batch.
    pub linger: Duration,
    /// `KAFKA_BATCH_BYTES`: largest batch of results.
    pub batch_bytes: u64,
    /// `KAFKA_COMMIT_INTERVAL_MS`: how often offsets are committed.
    pub commit_interval: Duration,
    /// `KAFKA_SESSION_TIMEOUT_MS`: a worker silent for this long loses its partitions.
    pub session_timeout: Duration,
    /// `KAFKA_PROCESSING_GUARANTEE`, with `POD_NAME` and `KAFKA_TRANSACTION_TIMEOUT_MS`: how
    /// results and offsets are committed.
    pub processing: Processing,
    /// `WORKER_SERVICE_TIME`: the law of the service time of a record.
    pub service_time: ServiceTime,
    /// `WORKER_SLOWED_BY`: the share by which every service time is longer than the law says; 0.1
    /// makes a worker that is 10 % slower, for checking gates.
    pub slowed_by: f64,
    /// `WORKER_ATTEMPTS`: of a record that workers die of, with `KAFKA_DEAD_LETTER_TOPIC` and at
    /// least once: as many as know that they may die of it do so, and then it is put aside.
    pub attempts: Option<u32>,
    /// `WORKER_LEAK_BYTES`: memory that each record takes and never gives back.
    pub leak_bytes: u64,
    /// `WORKER_PLANTED_BUG`: a deliberate mistake, for checking the checkers.
    pub planted_bug: Option<PlantedBug>,
}

impl WorkerConfig {
    /// Reads the process's environment.
    ///
    /// # Errors
    /// [`WorkerError::Config`] with every variable that is missing or wrong.
    pub fn from_env() -> Result<Self, WorkerError> {
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    /// Reads variables through a function, so that it can be tried without an environment.
    ///
    /// # Errors
    /// [`WorkerError::Config`] with every variable that is missing or wrong.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, WorkerError> {
        let mut read = Reader { lookup, problems: Vec::new() };
        let config = Self {
            bootstrap_servers: read.required("KAFKA_BOOTSTRAP_SERVERS"),
            source_topic: read.required("KAFKA_SOURCE_TOPIC"),
            result_topic: read.required("KAFKA_RESULT_TOPIC"),
            dead_letter_topic: read.optional("KAFKA_DEAD_LETTER_TOPIC"),
            group_id: read.required("KAFKA_GROUP_ID"),
            client_id: read.required("KAFKA_CLIENT_ID"),
            metrics_address: read.metrics_address(),
            fetch_min_bytes: read.number("KAFKA_FETCH_MIN_BYTES", 1, 1..=100_000_000),
            fetch_wait: read.millis("KAFKA_FETCH_WAIT_MS", 100, 0..=60_000),
            linger: read.millis("KAFKA_LINGER_MS", 5, 0..=60_000),
            batch_bytes: read.number("KAFKA_BATCH_BYTES", 1_000_000, 1..=i32::MAX as u64),
            commit_interval: read.millis("KAFKA_COMMIT_INTERVAL_MS", 500, 10..=60_000),
            session_timeout: read.millis("KAFKA_SESSION_TIMEOUT_MS", 45_000, 100..=300_000),
            processing: read.processing(),
            service_time: read.parsed("WORKER_SERVICE_TIME").unwrap_or_default(),
            slowed_by: read.slowed_by(),
            attempts: read.attempts(),
            leak_bytes: read.number("WORKER_LEAK_BYTES", 0, 0..=1 << 20),
            planted_bug: read.parsed("WORKER_PLANTED_BUG"),
        };
        if config.source_topic == config.result_topic && !config.source_topic.is_empty() {
            read.problems.push(
                "KAFKA_RESULT_TOPIC is the source topic; results would be read again".to_owned(),
            );
        }
        if read.problems.is_empty() { Ok(config) } else { Err(WorkerError::Config(read.problems)) }
    }
}

/// Reads the value of `WORKER_SLOWED_BY`; nothing slows nothing.
///
/// # Errors
/// Says what is allowed.
pub fn parse_slowed_by(text: &str) -> Result<f64, String> {
    const SLOWED_BY_MAX: f64 = 100.0;
    match text.parse() {
        _ if text.is_empty() => Ok(0.0),
        Ok(share) if (0.0..=SLOWED_BY_MAX).contains(&share) => Ok(share),
        _ => Err(format!("is {text:?}; allowed: a share from 0 to {SLOWED_BY_MAX}, such as 0.1")),
    }
}

struct Reader<F> {
    lookup: F,
    problems: Vec<String>,
}

impl<F: Fn(&str) -> Option<String>> Reader<F> {
    /// An empty variable counts as absent, as in most container tools.
    fn optional(&self, name: &str) -> Option<String> {
        (self.lookup)(name).filter(|value| !value.is_empty())
    }

    fn required(&mut self, name: &str) -> String {
        self.optional(name).unwrap_or_else(|| {
            self.problems.push(format!("{name} is not set"));
            String::new()
        })
    }

    fn parsed<T: FromStr>(&mut self, name: &str) -> Option<T>
    where
        T::Err: Display,
    {
        match self.optional(name)?.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.problems.push(format!("{name}: {error}"));
                None
            }
        }
    }

    fn number(&mut self, name: &str, default: u64, allowed: RangeInclusive<u64>) -> u64 {
        let Some(text) = self.optional(name) else { return default };
        match text.parse() {
            Ok(value) if allowed.contains(&value) => value,
            _ => {
                let (least, most) = (allowed.start(), allowed.end());
                self.problems.push(format!("{name} is {text:?}; allowed: {least} to {most}"));
                default
            }
        }
    }

    fn millis(&mut self, name: &str, default: u64, allowed: RangeInclusive<u64>) -> Duration {
        Duration::from_millis(self.number(name, default, allowed))
    }

    fn slowed_by(&mut self) -> f64 {
        let text = self.optional("WORKER_SLOWED_BY").unwrap_or_default();
        parse_slowed_by(&text).unwrap_or_else(|problem| {
            self.problems.push(format!("WORKER_SLOWED_BY {problem}"));
            0.0
        })
    }

    fn attempts(&mut self) -> Option<u32> {
        self.optional("WORKER_ATTEMPTS")?;
        let attempts = self.number("WORKER_ATTEMPTS", 1, 1..=100);
        if self.optional("KAFKA_DEAD_LETTER_TOPIC").is_none() {
            let problem = "WORKER_ATTEMPTS needs KAFKA_DEAD_LETTER_TOPIC, to put records aside";
            self.problems.push(problem.to_owned());
        }
        let guarantee = self.optional("KAFKA_PROCESSING_GUARANTEE");
        let other =
            |name: String| name.parse().is_ok_and(|it: Guarantee| it != Guarantee::AtLeastOnce);
        if guarantee.is_some_and(other) {
            let problem = "WORKER_ATTEMPTS needs KAFKA_PROCESSING_GUARANTEE=at_least_once";
            self.problems.push(problem.to_owned());
        }
        u32::try_from(attempts).ok()
    }

    fn processing(&mut self) -> Processing {
        let guarantee = self.parsed("KAFKA_PROCESSING_GUARANTEE").unwrap_or_default();
        // librdkafka allows no less than a second.
        let timeout = self.millis("KAFKA_TRANSACTION_TIMEOUT_MS", 10_000, 1_000..=900_000);
        match guarantee {
            Guarantee::AtLeastOnce => Processing::AtLeastOnce,
            Guarantee::ExactlyOnce => {
                // An absent group is reported where it is read for itself.
                let group = self.optional("KAFKA_GROUP_ID").unwrap_or_default();
                let pod = self.required("POD_NAME");
                Processing::ExactlyOnce(Transactions { id: format!("{group}/{pod}"), timeout })
            }
        }
    }

    fn metrics_address(&mut self) -> Option<SocketAddr> {
        self.optional("METRICS_PORT")?;
        let port = self.number("METRICS_PORT", 0, 0..=u64::from(u16::MAX));
        let ip: Option<IpAddr> = self.parsed("POD_IP");
        let ip = ip.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        Some(SocketAddr::new(ip, u16::try_from(port).unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    fn read(changes: &[(&str, &str)]) -> Result<WorkerConfig, Vec<String>> {
        let mut variables = HashMap::from([
            ("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9092"),
            ("KAFKA_SOURCE_TOPIC", "in"),
            ("KAFKA_RESULT_TOPIC", "out"),
            ("KAFKA_GROUP_ID", "group"),
            ("KAFKA_CLIENT_ID", "node-1/pod-1"),
        ]);
        variables.extend(changes.iter().copied());
        WorkerConfig::from_lookup(|name| variables.get(name).map(|&value| value.to_owned()))
            .map_err(|error| match error {
                WorkerError::Config(problems) => problems,
                other => vec![other.to_string()],
            })
    }

    #[test]
    fn the_required_variables_are_enough() {
        let config = read(&[]).unwrap();
        assert_eq!(config.client_id, "node-1/pod-1");
        assert_eq!(config.metrics_address, None);
        assert_eq!(config.service_time, ServiceTime::default());
        assert_eq!(config.planted_bug, None);
        assert_eq!(config.processing, Processing::AtLeastOnce);
    }

    #[test]
    fn exactly_once_has_a_transactional_id_of_group_and_pod() {
        let config = read(&[
            ("KAFKA_PROCESSING_GUARANTEE", "exactly_once"),
            ("POD_NAME", "pod-1"),
            ("KAFKA_TRANSACTION_TIMEOUT_MS", "2500"),
        ])
        .unwrap();
        let timeout = Duration::from_millis(2_500);
        let id = "group/pod-1".to_owned();
        assert_eq!(config.processing, Processing::ExactlyOnce(Transactions { id, timeout }));
        let problems = read(&[("KAFKA_PROCESSING_GUARANTEE", "exactly_once")]).unwrap_err();
        assert_eq!(problems, ["POD_NAME is not set"]);
        let problems = read(&[("KAFKA_PROCESSING_GUARANTEE", "maybe")]).unwrap_err();
        assert!(problems[0].starts_with("KAFKA_PROCESSING_GUARANTEE: "), "{problems:?}");
    }

    #[test]
    fn every_variable_is_read() {
        let config = read(&[
            ("METRICS_PORT", "9464"),
            ("POD_IP", "127.7.1.2"),
            ("KAFKA_FETCH_MIN_BYTES", "1000"),
            ("KAFKA_FETCH_WAIT_MS", "20"),
            ("KAFKA_LINGER_MS", "0"),
            ("KAFKA_BATCH_BYTES", "65536"),
            ("KAFKA_COMMIT_INTERVAL_MS", "250"),
            ("KAFKA_SESSION_TIMEOUT_MS", "6000"),
            ("WORKER_SERVICE_TIME", "exponential 200us"),
            ("WORKER_SLOWED_BY", "0.1"),
            ("KAFKA_DEAD_LETTER_TOPIC", "aside"),
            ("WORKER_ATTEMPTS", "3"),
            ("WORKER_PLANTED_BUG", "drop_one_in:100000"),
        ])
        .unwrap();
        assert_eq!(config.metrics_address, "127.7.1.2:9464".parse().ok());
        assert_eq!(config.fetch_min_bytes, 1000);
        assert_eq!(config.fetch_wait, Duration::from_millis(20));
        assert_eq!(config.linger, Duration::ZERO);
        assert_eq!(config.batch_bytes, 65_536);
        assert_eq!(config.commit_interval, Duration::from_millis(250));
        assert_eq!(config.session_timeout, Duration::from_secs(6));
        assert_eq!(config.service_time.to_string(), "exponential 200us");
        assert!((config.slowed_by - 0.1).abs() < f64::EPSILON);
        assert_eq!(config.dead_letter_topic.as_deref(), Some("aside"));
        assert_eq!(config.attempts, Some(3));
        assert_eq!(config.planted_bug, Some(PlantedBug::DropOneIn { every: 100_000 }));
    }

    #[test]
    fn every_problem_is_reported_with_its_variable_and_what_is_allowed() {
        let problems = read(&[
            ("KAFKA_GROUP_ID", ""),
            ("KAFKA_LINGER_MS", "-1"),
            ("METRICS_PORT", "70000"),
            ("POD_IP", "nowhere"),
            ("WORKER_SERVICE_TIME", "sometimes"),
            ("WORKER_PLANTED_BUG", "gremlin"),
            ("WORKER_SLOWED_BY", "NaN"),
            ("WORKER_ATTEMPTS", "0"),
            ("KAFKA_RESULT_TOPIC", "in"),
        ])
        .unwrap_err();
        let start = |text: &str| problems.iter().any(|problem| problem.starts_with(text));
        assert!(start("KAFKA_GROUP_ID is not set"), "{problems:?}");
        assert!(start("KAFKA_LINGER_MS is \"-1\"; allowed: 0 to 60000"), "{problems:?}");
        assert!(start("METRICS_PORT is \"70000\"; allowed: 0 to 65535"), "{problems:?}");
        assert!(start("POD_IP: "), "{problems:?}");
        assert!(start("WORKER_SERVICE_TIME: "), "{problems:?}");
        assert!(start("WORKER_PLANTED_BUG: "), "{problems:?}");
        assert!(start("KAFKA_RESULT_TOPIC is the source topic"), "{problems:?}");
        assert!(start("WORKER_SLOWED_BY is \"NaN\"; allowed: "), "{problems:?}");
        assert!(start("WORKER_ATTEMPTS is \"0\"; allowed: 1 to 100"), "{problems:?}");
        assert!(start("WORKER_ATTEMPTS needs KAFKA_DEAD_LETTER_TOPIC"), "{problems:?}");
        assert_eq!(problems.len(), 10);
    }
}
