//! What brokers in containers are to be, whoever wants them.

use crate::environment::{DEAD_LETTER_TOPIC, RESULT_TOPIC, SOURCE_TOPIC};
use crate::scenario::ValidatedScenario;
use crate::upstream;
use chaos::{Fault, FaultSpec};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long followers that copy nothing are held to be in sync, where a fault lets them: they are to
/// fall out while it lasts.
const LAG_TIME_MAX: Duration = Duration::from_millis(1_500);

/// What is wanted of brokers.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Their image.
    pub image: String,
    /// How many there are.
    pub brokers: usize,
    /// How soon the end of one is to be noticed; it takes longer where that is too soon.
    pub detection: Duration,
    /// What they keep to the end beside what goes by retention, in bytes each.
    pub kept_bytes: u64,
    /// The topics that they have from the beginning, with their partitions.
    pub topics: Vec<(&'static str, i32)>,
    /// More listeners for this machine: a name, which for the official image must not end in `SSL`,
    /// and its security protocol.
    pub listeners: Vec<(String, String)>,
    /// More settings by the names that Kafka has for them. They go before the environment's own.
    pub settings: BTreeMap<String, String>,
}

impl Wanted {
    /// What a scenario wants.
    pub(super) fn by(scenario: &ValidatedScenario, image: &str) -> Self {
        let (spec, workload) = (&scenario.spec, &scenario.workload);
        let log = workload.total().saturating_mul(workload.payload_bytes() as u64 + 200);
        let partitions = spec.environment.partitions;
        let dead_letters = upstream::has_dead_letters(spec).then_some((DEAD_LETTER_TOPIC, 1));
        let topics = [(SOURCE_TOPIC, partitions), (RESULT_TOPIC, partitions)];
        let held_back = |fault: &FaultSpec| matches!(fault.fault, Fault::UnderReplicated(_));
        let lag_time =
            spec.faults.iter().any(held_back).then(|| {
                ("replica.lag.time.max.ms".to_owned(), LAG_TIME_MAX.as_millis().to_string())
            });
        Self {
            image: image.to_owned(),
            brokers: spec.environment.brokers,
            detection: spec.environment.broker_detection,
            // An audited source log is read from its beginning when all is over.
            kept_bytes: if spec.delivery.audit { log } else { 0 },
            topics: topics.into_iter().chain(dead_letters).collect(),
            settings: lag_time.into_iter().collect(),
            ..Self::default()
        }
    }
}

/// The variable by which Kafka's images take a setting.
pub(super) fn variable(setting: &str) -> String {
    let escaped = setting.replace('_', "__").replace('-', "___").replace('.', "_");
    format!("KAFKA_{}", escaped.to_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_with_any_letters_is_said_as_kafkas_images_read_it() {
        assert_eq!(variable("num.io.threads"), "KAFKA_NUM_IO_THREADS");
        assert_eq!(variable("a.scram-sha-256.b_c"), "KAFKA_A_SCRAM___SHA___256_B__C");
    }
}
