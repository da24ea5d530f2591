//! A scenario that has been checked once and can be trusted from then on.

mod faults;

use super::delivery::{Acks, ExpectedLoss, ExpectedSpec};
use super::problem::{Problem, ScenarioError};
use super::spec::ScenarioSpec;
use crate::environment::{Capability, SOURCE_BYTES_MAX};
use results::{Guarantee, ScenarioIdentity};
use sha2::{Digest, Sha256};
use std::path::Path;
use std::time::Duration;

/// Largest scenario file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// Bytes that a message takes at the brokers beside its payload, at most: key, headers and framing
/// of a record that is a batch of its own, and the batch's places in three logs.
const MESSAGE_OVERHEAD: u64 = 1_000;
const HOUR: Duration = Duration::from_secs(3600);
const NODES_MAX: usize = 64;
const BROKERS_MAX: usize = 9;

/// The longest name of a scenario or suite, in characters.
pub(crate) const NAME_MAX: usize = 40;
/// What a name of a scenario or suite must be: it becomes part of folder names.
pub(super) const PLAIN_NAME: &str = "must be 1 to 40 lower-case letters, digits and dashes";

/// Whether a name is fit for folders.
pub(super) fn is_plain_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=NAME_MAX).contains(&name.len()) && name.chars().all(plain)
}

/// A scenario whose every field has been checked.
#[derive(Debug, Clone)]
pub struct ValidatedScenario {
    /// The scenario as the file says, after `--rate-scale` and other overrides.
    pub spec: ScenarioSpec,
    /// The workload, ready to generate.
    pub workload: workloads::Workload,
    /// The fault schedule, its selectors not yet resolved.
    pub schedule: chaos::Schedule,
    /// The scenario as text, for the record.
    pub yaml: String,
    /// SHA-256 of what is run, in hexadecimal: equal for equal scenarios however they are written.
    pub digest: String,
}

/// Changes that flags make to a scenario before it is validated, and for what it is.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// Multiplies the arrival rate.
    pub rate_scale: Option<f64>,
    /// Replaces the repetitions.
    pub repetitions: Option<u32>,
    /// Replaces the strategies.
    pub strategies: Option<Vec<super::spec::StrategyName>>,
    /// Refuses faults that this environment cannot do; otherwise they are skipped in a run.
    pub environment: Option<Capability>,
}

impl Overrides {
    fn apply(&self, spec: &mut ScenarioSpec) {
        if let Some(scale) = self.rate_scale {
            spec.workload.scale_rate(scale);
            let demands = spec.capacity.iter_mut().flat_map(|capacity| &mut capacity.demands);
            demands.for_each(|demand| *demand *= scale);
        }
        if let Some(repetitions) = self.repetitions {
            spec.repetitions = repetitions;
        }
        if let Some(strategies) = &self.strategies {
            spec.strategies.clone_from(strategies);
        }
    }
}

impl ValidatedScenario {
    /// Reads and validates a file.
    ///
    /// # Errors
    /// When the file cannot be read, is not YAML of the right shape, or cannot be run; the error
    /// names every problem with its line and column.
    pub fn read(path: &Path, overrides: &Overrides) -> Result<Self, ScenarioError> {
        let file = path.display().to_string();
        Self::parse(&file, &read_text(path)?, overrides)
    }

    /// Validates the text of a scenario; `file` is how errors name it.
    ///
    /// # Errors
    /// As [`ValidatedScenario::read`].
    pub fn parse(file: &str, text: &str, overrides: &Overrides) -> Result<Self, ScenarioError> {
        let mut spec: ScenarioSpec = parse_yaml(file, text)?;
        overrides.apply(&mut spec);
        let mut problems = check_fields(&spec);
        let workload = spec.workload.validate(spec.duration).map_err(|found| {
            problems.extend(found.into_iter().map(|p| Problem::new(p.path, p.message)));
        });
        if let Ok(workload) = &workload {
            problems.extend(check_audit(&spec, workload));
        }
        if let Some(environment) = &overrides.environment {
            problems.extend(faults::impossible(&spec, environment));
        }
        let inventory = inventory(&spec);
        let (faults, radius) = (&spec.faults, &spec.blast_radius);
        let schedule = chaos::validate(faults, radius, &inventory, spec.duration);
        let schedule = schedule.map_err(|found| {
            problems.extend(found.into_iter().map(|p| Problem::new(p.path, p.message)));
        });
        match (workload, schedule) {
            (Ok(workload), Ok(schedule)) if problems.is_empty() => {
                let yaml = serde_saphyr::to_string(&spec).map_err(|error| {
                    ScenarioError::Malformed { file: file.to_owned(), report: error.to_string() }
                })?;
                let digest = hexadecimal(&Sha256::digest(yaml.as_bytes()));
                Ok(Self { spec, workload, schedule, yaml, digest })
            }
            _ => Err(ScenarioError::invalid(file, text, problems)),
        }
    }
}

impl ValidatedScenario {
    /// A scenario that differs from this one by a change, checked like any other.
    ///
    /// # Errors
    /// When the changed scenario cannot be run.
    pub fn derived(&self, change: impl FnOnce(&mut ScenarioSpec)) -> Result<Self, ScenarioError> {
        let file = format!("derived from {}", self.spec.name);
        let mut spec = self.spec.clone();
        change(&mut spec);
        let text = serde_saphyr::to_string(&spec).map_err(|error| ScenarioError::Malformed {
            file: file.clone(),
            report: error.to_string(),
        })?;
        Self::parse(&file, &text, &Overrides::default())
    }

    /// How records name the scenario.
    pub fn identity(&self) -> ScenarioIdentity {
        ScenarioIdentity {
            name: self.spec.name.clone(),
            digest: self.digest.clone(),
            yaml: self.yaml.clone(),
        }
    }
}

/// What faults may be aimed at: no more than there may be, whatever the file says.
pub fn inventory(spec: &ScenarioSpec) -> chaos::Inventory {
    let environment = &spec.environment;
    let (nodes, brokers) = (environment.nodes.min(NODES_MAX), environment.brokers.min(BROKERS_MAX));
    let mut inventory = chaos::Inventory::numbered(nodes, brokers, environment.partitions);
    for members in [&mut inventory.nodes, &mut inventory.brokers] {
        for (place, member) in members.iter_mut().enumerate() {
            member.zone = Some(environment.zone(place));
        }
    }
    for (place, node) in inventory.nodes.iter_mut().enumerate() {
        node.labels = environment.node_labels(place);
    }
    inventory
}

/// Reads a bounded text file.
pub(super) fn read_text(path: &Path) -> Result<String, ScenarioError> {
    results::file::read_bounded(path, FILE_BYTES_MAX)
        .map_err(|error| ScenarioError::Unreadable(error.to_string()))
}

/// Parses YAML into a specification; the error carries line, column and a snippet.
pub(super) fn parse_yaml<T: serde::de::DeserializeOwned>(
    file: &str,
    text: &str,
) -> Result<T, ScenarioError> {
    serde_saphyr::from_str(text).map_err(|error| ScenarioError::Malformed {
        file: file.to_owned(),
        report: error.to_string(),
    })
}

fn check_fields(spec: &ScenarioSpec) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut require = |holds: bool, path: &str, message: String| {
        if !holds {
            problems.push(Problem::new(path, message));
        }
    };
    require(is_plain_name(&spec.name), "name", PLAIN_NAME.to_owned());
    let environment = &spec.environment;
    let between = |value: usize, low: usize, high: usize| (low..=high).contains(&value);
    require(
        between(environment.nodes, 1, NODES_MAX),
        "environment.nodes",
        format!("{} is not from 1 to {NODES_MAX}", environment.nodes),
    );
    require(
        between(environment.brokers, 1, BROKERS_MAX),
        "environment.brokers",
        format!("{} is not from 1 to {BROKERS_MAX}", environment.brokers),
    );
    let zones = environment.nodes.min(26);
    require(
        between(environment.zones, 1, zones),
        "environment.zones",
        format!("{} is not from 1 to {zones}, with {} nodes", environment.zones, environment.nodes),
    );
    require(
        (1..=1024).contains(&environment.partitions),
        "environment.partitions",
        format!("{} is not from 1 to 1024", environment.partitions),
    );
    require(
        spec.duration >= Duration::from_secs(1) && spec.duration <= 24 * HOUR,
        "duration",
        "must be from 1s to 24h".to_owned(),
    );
    require(
        spec.warm_up < spec.duration,
        "warm_up",
        format!("must be shorter than the duration ({:?})", spec.duration),
    );
    require(
        spec.drain <= HOUR && !spec.drain.is_zero(),
        "drain",
        "must be from 1ms to 1h".to_owned(),
    );
    require((1..=100).contains(&spec.repetitions), "repetitions", "must be from 1 to 100".into());
    require(!spec.strategies.is_empty(), "strategies", "must name at least one strategy".into());
    let mut named = spec.strategies.clone();
    named.sort();
    named.dedup();
    let twice = named.len() < spec.strategies.len();
    require(!twice, "strategies", "must name each strategy once".into());
    problems.extend(check_job(spec));
    problems.extend(check_delivery(spec));
    problems.extend(check_durations(spec));
    problems.extend(faults::unfit(spec));
    problems.extend(super::capacity::check(spec));
    problems
}

/// Every other duration, with the least and the most that make sense.
fn check_durations(spec: &ScenarioSpec) -> Vec<Problem> {
    let (environment, job) = (&spec.environment, &spec.job);
    let millisecond = Duration::from_millis(1);
    let bounded = [
        ("environment.broker_detection", environment.broker_detection, Duration::ZERO),
        ("environment.node_grace", environment.node_grace, 200 * millisecond),
        ("environment.eviction_delay", environment.eviction_delay, Duration::ZERO),
        ("job.worker.start_delay", job.worker.start_delay, Duration::ZERO),
        ("job.worker.termination_grace", job.worker.termination_grace, Duration::ZERO),
        ("job.scaling.stabilization_window", job.scaling.stabilization_window, Duration::ZERO),
        ("job.scaling.cooldown", job.scaling.cooldown, Duration::ZERO),
        ("job.objectives.p99_latency", job.objectives.p99_latency, millisecond),
        ("job.objectives.lag_time", job.objectives.lag_time, millisecond),
        ("job.objectives.recovery", job.objectives.recovery, millisecond),
    ];
    let wrong = bounded.iter().filter(|(_, value, least)| value < least || *value > HOUR);
    wrong
        .map(|(path, value, least)| {
            let (value, least) =
                (humantime::format_duration(*value), humantime::format_duration(*least));
            Problem::new(*path, format!("{value} is not from {least} to 1h"))
        })
        .collect()
}

fn check_job(spec: &ScenarioSpec) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut require = |holds: bool, path: &str, message: &str| {
        if !holds {
            problems.push(Problem::new(path, message));
        }
    };
    let scaling = &spec.job.scaling;
    require(
        scaling.max_replicas >= 1 && scaling.max_replicas <= 1000,
        "job.scaling.max_replicas",
        "must be from 1 to 1000",
    );
    require(
        scaling.min_replicas <= scaling.max_replicas,
        "job.scaling.min_replicas",
        "must not exceed max_replicas",
    );
    require(
        scaling.sync_period >= Duration::from_millis(100) && scaling.sync_period <= HOUR,
        "job.scaling.sync_period",
        "must be from 100ms to 1h",
    );
    require(
        scaling.tolerance.is_finite() && (0.0..1.0).contains(&scaling.tolerance),
        "job.scaling.tolerance",
        "must be at least 0 and below 1",
    );
    let worker = &spec.job.worker;
    require(
        worker
            .command
            .as_ref()
            .is_none_or(|command| command.first().is_some_and(|program| !program.is_empty())),
        "job.worker.command",
        "must have at least the program's name",
    );
    require(
        worker.service_time.parse::<workloads::worker::ServiceTime>().is_ok(),
        "job.worker.service_time",
        "must be like `constant 200us`, `exponential 1ms` or `lognormal 1ms 0.5`",
    );
    require(
        worker.session_timeout >= Duration::from_millis(500) && worker.session_timeout <= HOUR / 2,
        "job.worker.session_timeout",
        "must be from 500ms to 30m",
    );
    let limits = worker.limits.clone().unwrap_or_default();
    let environment = &spec.environment;
    for (value, range, path) in [
        (limits.cpu_millis, 10..=1_000_000, "job.worker.limits.cpu_millis"),
        (limits.memory_mib, 16..=1_048_576, "job.worker.limits.memory_mib"),
        (environment.node_cpu_millis, 10..=1_000_000, "environment.node_cpu_millis"),
        (environment.node_memory_mib, 64..=16_777_216, "environment.node_memory_mib"),
    ] {
        let fits = value.is_none_or(|value| range.contains(&value));
        require(fits, path, &format!("must be from {} to {}", range.start(), range.end()));
    }
    require(
        spec.price.worker_hour.is_finite() && spec.price.worker_hour >= 0.0,
        "price.worker_hour",
        "must be a number of at least 0",
    );
    let named = spec.price.currency.len() == 3
        && spec.price.currency.chars().all(|c| c.is_ascii_uppercase());
    require(named, "price.currency", "must be three capital letters");
    require(
        spec.planted.as_ref().is_none_or(|bug| bug.parse::<super::planted::Planted>().is_ok()),
        "planted",
        "must be commit_before_processing, lose_when_rebalance_meets_restart, \
         swap_within_key[:N], drop_one_in:N, drop_from:N, \
         duplicate_hides_loss[:N] or invent_one_in:N in the worker, or stamp_at_send, \
         drop_slower_than:DURATION or skip_poll:N in the harness",
    );
    problems
}

fn check_delivery(spec: &ScenarioSpec) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut require = |holds: bool, path: &str, message: &str| {
        if !holds {
            problems.push(Problem::new(path, message));
        }
    };
    let (delivery, own) = (&spec.delivery, spec.job.worker.command.is_some());
    require(
        delivery.processing != Guarantee::AtMostOnce || own,
        "delivery.processing",
        "at_most_once needs a worker of your own (job.worker.command); \
         the reference worker does at_least_once and exactly_once",
    );
    require(
        delivery.processing != Guarantee::ExactlyOnce || delivery.acks == Acks::All,
        "delivery.acks",
        "must be all with exactly_once: with leader the load itself may hold a message twice",
    );
    let by_brokers = |expected: &ExpectedSpec| expected.lost == ExpectedLoss::ByBrokers;
    require(
        delivery.audit || !spec.expected.as_ref().is_some_and(by_brokers),
        "expected.lost",
        "by_brokers can only be told with delivery.audit: true",
    );
    problems
}

/// An audited source log is kept in memory to the end.
fn check_audit(spec: &ScenarioSpec, workload: &workloads::Workload) -> Option<Problem> {
    let bytes = workload.total().saturating_mul(workload.payload_bytes() as u64 + MESSAGE_OVERHEAD);
    (spec.delivery.audit && bytes > SOURCE_BYTES_MAX).then(|| {
        let message = format!(
            "the source log may take {} MiB; allowed: up to {} MiB, by a lower rate or a \
             shorter duration",
            bytes >> 20,
            SOURCE_BYTES_MAX >> 20
        );
        Problem::new("delivery.audit", message)
    })
}

/// The digest of what a trial of this scenario meets: which strategies are tried how often makes no
/// difference to any one trial.
///
/// # Errors
/// When the scenario cannot be written as text.
pub fn digest_of_a_trial(spec: &ScenarioSpec) -> anyhow::Result<String> {
    let mut spec = spec.clone();
    spec.repetitions = 1;
    spec.strategies = super::spec::StrategyName::all();
    let yaml = serde_saphyr::to_string(&spec)?;
    Ok(hexadecimal(&Sha256::digest(yaml.as_bytes())))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_have_nodes_and_brokers_in_turn() {
        let text = super::super::builtin::scenario("smoke").unwrap();
        let parsed = |zones: usize| {
            let environment = format!("environment: {{ nodes: 3, brokers: 3, zones: {zones} }}");
            let lines = text.lines().map(|line| {
                if line.starts_with("environment:") { environment.as_str() } else { line }
            });
            let text = lines.collect::<Vec<_>>().join("\n");
            ValidatedScenario::parse("it", &text, &Overrides::default())
        };
        let error = parsed(4).unwrap_err().to_string();
        assert!(error.contains("environment.zones: 4 is not from 1 to 3"), "{error}");
        let inventory = inventory(&parsed(2).unwrap().spec);
        for members in [&inventory.nodes, &inventory.brokers] {
            let zones: Vec<_> = members.iter().filter_map(|it| it.zone.as_deref()).collect();
            assert_eq!(zones, ["a", "b", "a"]);
        }
        assert_eq!(inventory.nodes[1].labels["topology.kubernetes.io/zone"], "b");
    }

    #[test]
    fn no_number_of_nodes_is_too_much_for_the_check() {
        let text = super::super::builtin::scenario("smoke").unwrap();
        let text = text.replace("nodes: 2,", "nodes: 9999999999999999,");
        let error = ValidatedScenario::parse("it", &text, &Overrides::default()).unwrap_err();
        let expected = "environment.nodes: 9999999999999999 is not from 1 to 64";
        assert!(error.to_string().contains(expected), "{error}");
    }

    #[test]
    fn limits_of_workers_and_nodes_are_in_their_range_or_named() {
        let text = super::super::builtin::scenario("smoke").unwrap();
        let parsed = |limits: &str, node: &str| {
            let text = text.replace("worker: {", &format!("worker: {{ limits: {{ {limits} }},"));
            let text = text.replace("nodes: 2,", &format!("nodes: 2, {node},"));
            ValidatedScenario::parse("it", &text, &Overrides::default())
        };
        let fine = parsed("cpu_millis: 500, memory_mib: 64", "node_cpu_millis: 1500").unwrap();
        assert_eq!(fine.spec.job.worker.limits.unwrap().memory_mib, Some(64));
        let error = parsed("cpu_millis: 5", "node_memory_mib: 1").unwrap_err().to_string();
        assert!(error.contains("job.worker.limits.cpu_millis: must be from 10"), "{error}");
        assert!(error.contains("environment.node_memory_mib: must be from 64"), "{error}");
    }

    #[test]
    fn an_audited_source_log_has_room_for_every_message_in_a_batch_of_its_own() {
        let text = super::super::builtin::scenario("durability-acks-all").unwrap();
        let parsed = |rate: &str| {
            let text = text.replace("rate_per_s: 2000", &format!("rate_per_s: {rate}"));
            let text = text.replace("payload_bytes: 200", "payload_bytes: 1000");
            ValidatedScenario::parse("it", &text, &Overrides::default()).map(drop)
        };
        parsed("150000").unwrap();
        let error = parsed("160000").unwrap_err().to_string();
        assert!(error.contains("may take 2136 MiB; allowed: up to 2048 MiB"), "{error}");
    }
}
