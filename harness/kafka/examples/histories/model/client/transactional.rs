//! A transactional producer: each transaction writes a few batches and is committed or aborted.
//! Newer clients let Produce add the partitions and get a new epoch with each end (KIP-890).

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::add_partitions_to_txn_request::AddPartitionsToTxnTopic;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::*;
use kafka_protocol::protocol::StrBytes;
use rand::RngExt;

use super::super::context::Context;
use super::super::invariant::{Ended, Note, Produced};
use super::super::links::Token;
use super::super::records::{self, Writer};
use super::super::wire::Reply;
use super::offsets::Offsets;
use super::routes::Routes;
use super::{Client, is, topic};

/// FindCoordinator's key type of transactional ids.
const TRANSACTION: i8 = 1;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// It needs a producer id; what was open is given up.
    Begin,
    Idle,
    Write,
    End,
}

/// The producer; it has one request of its own under way at a time.
#[derive(Debug)]
pub(crate) struct Transactional {
    number: u64,
    newer: bool,
    step: Step,
    waiting: Option<Token>,
    coordinator: Option<i32>,
    identity: (i64, i16),
    routes: Routes,
    sequences: Vec<i32>,
    /// Partition, first value and count of what the transaction has still to write.
    open: VecDeque<(usize, u64, u64)>,
    added: BTreeSet<usize>,
    transaction: u64,
    commits: bool,
    next_value: u64,
    finishing: bool,
    /// It commits offsets, too.
    offsets: Option<Offsets>,
}

impl Transactional {
    pub(crate) fn new(number: u64, newer: bool, partitions: i32) -> Self {
        Self {
            number,
            newer,
            step: Step::Begin,
            waiting: None,
            coordinator: None,
            identity: (-1, -1),
            routes: Routes::new(partitions),
            sequences: vec![0; partitions as usize],
            open: VecDeque::new(),
            added: BTreeSet::new(),
            transaction: number << 32,
            commits: true,
            next_value: number << 32,
            finishing: false,
            offsets: None,
        }
    }

    /// A newer client that sends an offset with each transaction.
    pub(crate) fn with_offsets(number: u64, partitions: i32) -> Self {
        Self { offsets: Some(Offsets::new(number)), ..Self::new(number, true, partitions) }
    }

    /// What there is to ask of the group's coordinator now.
    fn ask_group(&mut self, context: &mut Context) -> Option<Token> {
        let offsets = self.offsets.as_ref()?;
        let due = offsets.due.filter(|_| self.step == Step::Write && self.open.is_empty());
        if due.is_none() && !(offsets.must_read && self.step == Step::Idle) {
            return None;
        }
        let Some(coordinator) = offsets.coordinator else { return Some(offsets.find(context)) };
        Some(match due {
            Some(offset) => {
                let (identity, transaction) = (self.identity, self.transaction);
                offsets.send(context, coordinator, identity, transaction, offset)
            }
            None => offsets.read(context, coordinator),
        })
    }

    /// Takes an answer about the group. `None` for one about something else.
    fn take_group(&mut self, reply: &Reply) -> Option<()> {
        let offsets = self.offsets.as_mut()?;
        let code = match reply {
            Reply::FindCoordinator(response) => {
                let found = response.coordinators.first()?;
                if !found.key.starts_with("group") {
                    return None;
                }
                offsets.coordinator = Some(found.node_id.0).filter(|_| found.error_code == 0);
                return Some(());
            }
            Reply::OffsetFetch(response) => {
                let group = response.groups.first()?;
                let parts = group.topics.iter().flat_map(|topic| &topic.partitions);
                let mut codes = parts.map(|part| part.error_code).chain([group.error_code]);
                let code = codes.find(|&code| code != 0).unwrap_or(0);
                offsets.must_read = code != 0;
                code
            }
            Reply::TxnOffsetCommit(response) => {
                let mut parts = response.topics.iter().flat_map(|topic| &topic.partitions);
                let code = parts.next()?.error_code;
                if code == 0 {
                    offsets.due = None;
                }
                code
            }
            _ => return None,
        };
        let waits = [ResponseError::UnstableOffsetCommit, ResponseError::ConcurrentTransactions];
        if code != 0 && !waits.into_iter().any(|error| is(code, error)) {
            offsets.coordinator = None;
            self.refused(code);
        }
        Some(())
    }

    fn id(&self) -> TransactionalId {
        TransactionalId(StrBytes::from_string(format!("tx-{}", self.number)))
    }

    fn act(&mut self, context: &mut Context) {
        if self.waiting.is_some() {
            return;
        }
        self.waiting = self.ask_group(context);
        if self.waiting.is_some() {
            return;
        }
        let coordinator = self.coordinator;
        let token = match (self.step, coordinator) {
            (Step::Idle, _) => {
                if self.finishing {
                    return;
                }
                self.begin(context);
                return self.act(context);
            }
            (Step::Write, Some(coordinator)) => match self.open.front() {
                None => {
                    self.step = Step::End;
                    self.end(context, coordinator)
                }
                Some(&(partition, ..)) if !self.newer && !self.added.contains(&partition) => {
                    self.add(context, coordinator, partition)
                }
                Some(_) => return self.write(context),
            },
            (Step::Begin, Some(coordinator)) => self.init(context, coordinator),
            (Step::End, Some(coordinator)) => self.end(context, coordinator),
            (_, None) => self.find(context),
        };
        self.waiting = Some(token);
    }

    fn begin(&mut self, context: &mut Context) {
        self.transaction += 1;
        self.added.clear();
        self.commits = context.random.random_ratio(2, 3);
        for _ in 0..context.random.random_range(1..=4) {
            let partition = context.random.random_range(0..self.sequences.len());
            let count = context.random.random_range(1..=3);
            self.open.push_back((partition, self.next_value, count));
            self.next_value += count;
        }
        if let Some(offsets) = &mut self.offsets {
            offsets.due = Some((self.transaction & 0xffff_ffff) as i64);
        }
        self.step = Step::Write;
    }

    fn find(&self, context: &mut Context) -> Token {
        let request = FindCoordinatorRequest::default()
            .with_key_type(TRANSACTION)
            .with_coordinator_keys(vec![self.id().0]);
        let broker = context.any_broker();
        context.ask(broker, 4, &request, Note::Find, Duration::from_millis(400))
    }

    fn init(&self, context: &mut Context, coordinator: i32) -> Token {
        let request = InitProducerIdRequest::default()
            .with_transactional_id(Some(self.id()))
            .with_transaction_timeout_ms(1_500)
            .with_producer_id(ProducerId(-1))
            .with_producer_epoch(-1);
        context.ask(coordinator, 4, &request, Note::Identity, Duration::from_millis(600))
    }

    fn add(&self, context: &mut Context, coordinator: i32, partition: usize) -> Token {
        let topic = AddPartitionsToTxnTopic::default().with_name(topic());
        let topic = topic.with_partitions(vec![partition as i32]);
        let request = AddPartitionsToTxnRequest::default()
            .with_v3_and_below_transactional_id(self.id())
            .with_v3_and_below_producer_id(ProducerId(self.identity.0))
            .with_v3_and_below_producer_epoch(self.identity.1)
            .with_v3_and_below_topics(vec![topic]);
        context.ask(coordinator, 3, &request, Note::Add, Duration::from_millis(600))
    }

    fn write(&mut self, context: &mut Context) {
        self.routes.refresh(context);
        let Some(&(partition, first, count)) = self.open.front() else { return };
        let Some((leader, _)) = self.routes.leader(partition) else { return };
        let writer = Writer {
            producer_id: self.identity.0,
            epoch: self.identity.1,
            sequence: self.sequences[partition],
            transactional: true,
        };
        let records = records::write(first, count, writer);
        let data = PartitionProduceData::default().with_index(partition as i32);
        let data = data.with_records(Some(records));
        let data = TopicProduceData::default().with_name(topic()).with_partition_data(vec![data]);
        let request = ProduceRequest::default()
            .with_transactional_id(Some(self.id()))
            .with_acks(-1)
            .with_timeout_ms(500)
            .with_topic_data(vec![data]);
        let note = Note::Produce(Produced {
            producer: self.number,
            partition,
            acks: -1,
            first,
            count,
            ordered: true,
            transaction: Some(self.transaction),
        });
        let version = if self.newer { 12 } else { 11 };
        let timeout = Duration::from_millis(700);
        self.waiting = Some(context.ask(leader, version, &request, note, timeout));
    }

    fn end(&self, context: &mut Context, coordinator: i32) -> Token {
        let request = EndTxnRequest::default()
            .with_transactional_id(self.id())
            .with_producer_id(ProducerId(self.identity.0))
            .with_producer_epoch(self.identity.1)
            .with_committed(self.commits);
        let note = Note::End(Ended { transaction: self.transaction, commits: self.commits });
        let version = if self.newer { 5 } else { 4 };
        context.ask(coordinator, version, &request, note, Duration::from_millis(700))
    }

    fn took_identity(&mut self, identity: (i64, i16)) {
        if identity != self.identity {
            self.identity = identity;
            self.sequences.fill(0);
        }
    }

    /// Takes a refusal: goes on later, or begins anew where Kafka's clients would.
    fn refused(&mut self, code: i16) {
        use ResponseError::{
            InvalidProducerEpoch, InvalidProducerIdMapping, InvalidTxnState,
            OutOfOrderSequenceNumber, ProducerFenced, TransactionAbortable, UnknownProducerId,
        };
        let fatal = [
            InvalidProducerEpoch,
            InvalidProducerIdMapping,
            InvalidTxnState,
            OutOfOrderSequenceNumber,
            ProducerFenced,
            TransactionAbortable,
            UnknownProducerId,
        ];
        if fatal.into_iter().any(|error| is(code, error)) {
            self.step = Step::Begin;
            self.open.clear();
            if let Some(offsets) = &mut self.offsets {
                (offsets.due, offsets.must_read) = (None, true);
            }
        } else if !is(code, ResponseError::ConcurrentTransactions) {
            self.coordinator = None;
            self.routes.doubt();
        }
    }

    fn take(&mut self, reply: Reply) {
        if self.take_group(&reply).is_some() {
            return;
        }
        match reply {
            Reply::FindCoordinator(response) => {
                let found = response.coordinators.first().filter(|found| found.error_code == 0);
                self.coordinator = found.map(|found| found.node_id.0);
            }
            Reply::InitProducerId(response) if response.error_code == 0 => {
                self.took_identity((response.producer_id.0, response.producer_epoch));
                self.step = Step::Idle;
            }
            Reply::InitProducerId(response) => self.refused(response.error_code),
            Reply::AddPartitionsToTxn(response) => {
                let results = response.results_by_topic_v3_and_below.iter();
                let mut results = results.flat_map(|topic| &topic.results_by_partition);
                let code = results.next().map_or(0, |result| result.partition_error_code);
                match (code, self.open.front()) {
                    (0, Some(&(partition, ..))) => drop(self.added.insert(partition)),
                    _ => self.refused(code),
                }
            }
            Reply::Produce(response) => {
                let mut parts =
                    response.responses.iter().flat_map(|topic| &topic.partition_responses);
                let code = parts.next().map_or(0, |part| part.error_code);
                if code != 0 {
                    return self.refused(code);
                }
                if let Some((partition, _, count)) = self.open.pop_front() {
                    self.sequences[partition] += count as i32;
                }
            }
            Reply::EndTxn(response) if response.error_code == 0 => {
                self.step = Step::Idle;
                if self.newer && response.producer_id.0 >= 0 {
                    self.took_identity((response.producer_id.0, response.producer_epoch));
                }
            }
            Reply::EndTxn(response) => self.refused(response.error_code),
            _ => {}
        }
    }
}

impl Client for Transactional {
    fn wake(&mut self, context: &mut Context) {
        self.act(context);
    }

    fn answered(&mut self, context: &mut Context, token: Token, reply: Reply) {
        if let Reply::Metadata(response) = &reply {
            self.routes.learn(token, response);
        } else if self.waiting == Some(token) {
            self.waiting = None;
            self.take(reply);
        }
        let pause = context.milliseconds(1..context.plan.pause_ms_max / 2);
        context.wake_in(pause);
    }

    fn lost(&mut self, context: &mut Context, token: Token) {
        if !self.routes.lost(token) && self.waiting == Some(token) {
            self.waiting = None;
            self.coordinator = None;
            if let Some(offsets) = &mut self.offsets {
                offsets.coordinator = None;
            }
            self.routes.doubt();
        }
        context.wake_in(Duration::from_millis(25));
    }

    fn finish(&mut self) {
        self.finishing = true;
        if let Some(offsets) = &mut self.offsets {
            offsets.must_read = true;
        }
    }

    fn is_done(&self) -> bool {
        let reads = self.offsets.as_ref().is_some_and(|offsets| offsets.must_read);
        self.finishing && self.step == Step::Idle && !reads
    }

    fn describe(&self) -> String {
        format!("{self:?}")
    }
}
