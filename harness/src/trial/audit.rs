//! The audit: reads the whole source log at the end, to learn which messages its brokers still have.

use super::collector::{is_final, stamp_of};
use super::reader;
use crate::clock::Anchor;
use crate::oracle::SourceLog;
use rdkafka::consumer::BaseConsumer;
use rdkafka::error::KafkaError;
use std::collections::BTreeSet;
use std::time::Duration;

/// How long reading may take.
const LIMIT: Duration = Duration::from_secs(20);

/// What an audit needs.
#[derive(Debug)]
pub(super) struct AuditPlan {
    /// Bootstrap servers.
    pub(super) bootstrap: String,
    /// Source topic.
    pub(super) topic: String,
    /// Its partitions.
    pub(super) partitions: i32,
    /// Tag of the trial in stamps.
    pub(super) trial: u32,
    /// Messages of the trial.
    pub(super) planned: u64,
}

/// Why the source log could not be read as a whole.
#[derive(Debug, thiserror::Error)]
pub(super) enum AuditError {
    /// The client refused; an offset out of range means that the log's start is gone.
    #[error("read the source log: {0}")]
    Client(#[from] KafkaError),
    /// Partitions whose end was not reached in time.
    #[error("read the source log: after {LIMIT:?} the end of {0} partitions was not reached")]
    Late(usize),
}

/// Reads every partition from offset 0 to its end.
pub(super) fn read(plan: &AuditPlan) -> Result<SourceLog, AuditError> {
    let log = SourceLog::new(plan.planned);
    let consumer = connect(plan)?;
    let mut open: BTreeSet<i32> = (0..plan.partitions).collect();
    let limit = Anchor::ahead(LIMIT);
    while !open.is_empty() {
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => {
                let stamp = stamp_of(&message).filter(|stamp| stamp.trial == plan.trial);
                stamp.iter().for_each(|stamp| log.note(stamp.position));
            }
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                open.remove(&partition);
            }
            Some(Err(error)) if is_final(&error) => return Err(error.into()),
            // librdkafka recovers from every other error by itself.
            Some(Err(_)) | None => {}
        }
        if limit.elapsed_ns() >= 0 {
            return Err(AuditError::Late(open.len()));
        }
    }
    Ok(log)
}

fn connect(plan: &AuditPlan) -> Result<BaseConsumer, KafkaError> {
    let settings = [
        ("client.id", crate::environment::AUDIT_CLIENT),
        ("group.id", "stormgauge-audit"),
        ("enable.partition.eof", "true"),
        ("fetch.wait.max.ms", "20"),
    ];
    reader::from_start(&plan.bootstrap, (&plan.topic, plan.partitions), &settings)
}
