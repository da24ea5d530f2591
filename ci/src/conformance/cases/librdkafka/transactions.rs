//! librdkafka's transactions: exactly once from topic to topic, fences, leaders that die.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::producer::{BaseRecord, Producer as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::super::{Case, breaking, case};
use super::{LIMIT, Producer, client, number, producer, see_first_numbers, send};
use crate::conformance::context::Context;
use crate::micro::now;

fn transactional(c: &Context<'_>) -> anyhow::Result<Producer> {
    let settings = [("transactional.id", &*c.name("x")), ("message.timeout.ms", "60000")];
    let producer = producer(c, &settings)?;
    patient(|| producer.init_transactions(LIMIT))?;
    Ok(producer)
}

/// Tries a step of a transaction until it does not fail with an error that says: try again.
fn patient(step: impl Fn() -> Result<(), KafkaError>) -> Result<(), KafkaError> {
    let start = now();
    loop {
        match step() {
            Err(KafkaError::Transaction(error))
                if error.is_retriable() && start.elapsed() < LIMIT => {}
            outcome => return outcome,
        }
    }
}

/// Copies messages from one topic to the other, with what it has read in the same transaction.
struct Copier {
    consumer: BaseConsumer,
    producer: Producer,
    from: String,
    to: String,
}

impl Copier {
    fn new(c: &Context<'_>, from: &str, to: &str) -> anyhow::Result<Self> {
        let group = c.name("copiers");
        let settings = [
            ("group.id", &*group),
            ("auto.offset.reset", "earliest"),
            ("enable.auto.commit", "false"),
            ("session.timeout.ms", "6000"),
        ];
        let consumer: BaseConsumer = client(c, &settings).create()?;
        consumer.subscribe(&[from])?;
        let producer = transactional(c)?;
        Ok(Self { consumer, producer, from: from.to_owned(), to: to.to_owned() })
    }

    /// Begins a transaction and copies so many messages in it.
    fn copy(&self, messages: usize) -> anyhow::Result<()> {
        self.producer.begin_transaction()?;
        let (start, mut next) = (now(), 0);
        for copied in 0..messages {
            let message = loop {
                ensure!(start.elapsed() < LIMIT, "{copied} of {messages} messages came");
                if let Some(Ok(message)) = self.consumer.poll(Duration::from_millis(100)) {
                    break message;
                }
            };
            next = message.offset() + 1;
            let value = number(&message).to_string();
            let record: BaseRecord<'_, (), str> = BaseRecord::to(&self.to).payload(&*value);
            self.producer.send(record.partition(0)).map_err(|(error, _)| error)?;
        }
        let mut offsets = TopicPartitionList::new();
        offsets.add_partition_offset(&self.from, 0, Offset::Offset(next))?;
        let group = self.consumer.group_metadata().context("no metadata of the group")?;
        Ok(patient(|| self.producer.send_offsets_to_transaction(&offsets, &group, LIMIT))?)
    }

    fn commit(&self) -> Result<(), KafkaError> {
        patient(|| self.producer.commit_transaction(LIMIT))
    }

    /// Where the group goes on when this member has left.
    fn committed(&self) -> anyhow::Result<String> {
        let mut asked = TopicPartitionList::new();
        asked.add_partition(&self.from, 0);
        let committed = self.consumer.committed_offsets(asked, LIMIT)?;
        let found = committed.find_partition(&self.from, 0).context("no partition 0")?;
        Ok(format!("committed {:?}", found.offset()))
    }
}

/// Two transactions are committed, one is aborted, one is a zombie's.
fn exactly_once(c: &mut Context<'_>) -> anyhow::Result<()> {
    let (from, to) = (c.topic("from", 1)?, c.topic("to", 1)?);
    let feeder = producer(c, &[])?;
    send(&feeder, &from, 1, 0..60)?;
    feeder.flush(LIMIT)?;
    let first = Copier::new(c, &from, &to)?;
    first.copy(20)?;
    first.commit()?;
    c.see(first.committed()?);
    first.copy(20)?;
    patient(|| first.producer.abort_transaction(LIMIT))?;
    c.see(format!("after an abort {}", first.committed()?));
    first.consumer.seek(&from, 0, Offset::Offset(20), LIMIT)?;
    first.copy(10)?;
    let Copier { consumer, producer: zombie, .. } = first;
    drop(consumer);
    let second = Copier::new(c, &from, &to)?;
    let fenced = patient(|| zombie.commit_transaction(LIMIT));
    let fatal = matches!(&fenced, Err(KafkaError::Transaction(error)) if error.is_fatal());
    let code = fenced.err().and_then(|error| error.rdkafka_error_code());
    c.see(format!("the zombie's commit: {code:?} fatal {fatal}"));
    second.copy(40)?;
    second.commit()?;
    c.see(second.committed()?);
    see_first_numbers(c, &to, 1)
}

pub(crate) const CASES: &[Case] = &[
    case(
        "librdkafka/exactly once with an abort and a zombie",
        exactly_once,
        &[
            "committed Offset(20)",
            "after an abort committed Offset(20)",
            "the zombie's commit: Some(Fenced) fatal true",
            "committed Offset(60)",
            "60 messages, each once and in order: true",
        ],
    ),
    breaking(
        "librdkafka/a leader dies in the middle of a transaction",
        |c| {
            let topic = c.topic("t", 3)?;
            let producer = transactional(c)?;
            for (first, commit) in [(0, true), (60, false), (60, true)] {
                producer.begin_transaction()?;
                send(&producer, &topic, 3, first..first + 30)?;
                producer.flush(LIMIT)?;
                let leader = c.leader(&topic, 0)?;
                // One death is enough: the transaction that is aborted has its leader move too.
                let dies = first == 0 || !commit;
                if dies {
                    c.subject.crash(leader)?;
                }
                let sent = send(&producer, &topic, 3, first + 30..first + 60);
                let ended = match commit {
                    true => patient(|| producer.commit_transaction(LIMIT)),
                    false => patient(|| producer.abort_transaction(LIMIT)),
                };
                if dies {
                    c.subject.restart(leader)?;
                }
                sent?;
                c.see(format!("commit {commit}: {:?}", ended.err()));
                (0..3).try_for_each(|partition| c.in_sync(&topic, partition))?;
            }
            see_first_numbers(c, &topic, 3)
        },
        &[
            "commit true: None",
            "commit false: None",
            "commit true: None",
            "120 messages, each once and in order: true",
        ],
    ),
];
