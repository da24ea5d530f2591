//! Producers: with sequences as Kafka's idempotent producer keeps them, or without.

use std::collections::VecDeque;
use std::time::Duration;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{
    InitProducerIdRequest, ProduceRequest, ProduceResponse, ProducerId,
};
use rand::RngExt;

use super::super::context::Context;
use super::super::invariant::{Note, Produced};
use super::super::links::Token;
use super::super::records::{self, Writer};
use super::super::wire::Reply;
use super::routes::Routes;
use super::{Client, is, topic};

/// Batches of one partition on their way at once.
const FLYING_MAX: usize = 5;

/// Batches that a producer writes at most.
const BATCHES_MAX: u32 = 40;

/// Writes numbered values to random partitions until it is told to finish, and each of its
/// batches again until it is acknowledged.
#[derive(Debug)]
pub(crate) struct Producer {
    number: u64,
    acks: i16,
    idempotent: bool,
    identity: Option<(i64, i16)>,
    asked_identity: Option<Token>,
    routes: Routes,
    lanes: Vec<Lane>,
    next_value: u64,
    left: u32,
}

/// What is on its way to one partition, in order.
#[derive(Debug, Default)]
struct Lane {
    next_sequence: i32,
    /// The leader has taken a batch, so that it knows the producer.
    established: bool,
    batches: VecDeque<Batch>,
}

#[derive(Debug)]
struct Batch {
    first: u64,
    count: u64,
    sequence: i32,
    token: Option<Token>,
    /// It was sent when all before it were acknowledged.
    oldest: bool,
    again: bool,
    /// It stays until all before it are acknowledged, too: the broker knows a producer's last
    /// five batches again, so no more than these may be open.
    acknowledged: bool,
}

impl Producer {
    pub(crate) fn idempotent(number: u64, partitions: i32) -> Self {
        Self { idempotent: true, ..Self::plain(number, -1, partitions) }
    }

    pub(crate) fn plain(number: u64, acks: i16, partitions: i32) -> Self {
        Self {
            number,
            acks,
            idempotent: false,
            identity: None,
            asked_identity: None,
            routes: Routes::new(partitions),
            lanes: (0..partitions).map(|_| Lane::default()).collect(),
            next_value: number << 32,
            left: BATCHES_MAX,
        }
    }

    fn ask_identity(&mut self, context: &mut Context) {
        let request = InitProducerIdRequest::default()
            .with_transactional_id(None)
            .with_transaction_timeout_ms(1_000)
            .with_producer_id(ProducerId(-1))
            .with_producer_epoch(-1);
        let broker = context.any_broker();
        let timeout = Duration::from_millis(500);
        self.asked_identity = Some(context.ask(broker, 4, &request, Note::Identity, timeout));
    }

    fn begin_batch(&mut self, context: &mut Context) {
        let partition = context.random.random_range(0..self.lanes.len());
        let lane = &mut self.lanes[partition];
        if lane.batches.len() >= FLYING_MAX || self.left == 0 {
            return;
        }
        let count = context.random.random_range(1..=3);
        let (first, sequence) = (self.next_value, lane.next_sequence);
        lane.batches.push_back(Batch {
            first,
            count,
            sequence,
            token: None,
            oldest: false,
            again: false,
            acknowledged: false,
        });
        lane.next_sequence += count as i32;
        self.next_value += count;
        self.left -= 1;
    }

    /// Sends what may be sent: after a failure only the first batch goes, until all before it are
    /// acknowledged, so that nothing overtakes it.
    fn pump(&mut self, context: &mut Context) {
        if self.idempotent && self.identity.is_none() {
            if self.asked_identity.is_none() {
                self.ask_identity(context);
            }
            return;
        }
        self.routes.refresh(context);
        for partition in 0..self.lanes.len() {
            let Some((leader, _)) = self.routes.leader(partition) else { continue };
            for position in 0..self.lanes[partition].batches.len() {
                let lane = &self.lanes[partition];
                let batch = &lane.batches[position];
                let one_by_one = !self.idempotent || batch.again || !lane.established;
                if position > 0 && (one_by_one || lane.batches[0].again) {
                    break;
                }
                if batch.token.is_none() && !batch.acknowledged {
                    self.send(context, leader, partition, position);
                }
            }
        }
    }

    fn send(&mut self, context: &mut Context, leader: i32, partition: usize, position: usize) {
        let batch = &mut self.lanes[partition].batches[position];
        let writer = match self.identity {
            Some((producer_id, epoch)) => {
                Writer { producer_id, epoch, sequence: batch.sequence, transactional: false }
            }
            None => Writer::PLAIN,
        };
        let records = records::write(batch.first, batch.count, writer);
        let data = PartitionProduceData::default().with_index(partition as i32);
        let data = data.with_records(Some(records));
        let data = TopicProduceData::default().with_name(topic()).with_partition_data(vec![data]);
        let timeout = context.milliseconds(150..800);
        let request = ProduceRequest::default()
            .with_acks(self.acks)
            .with_timeout_ms(timeout.as_millis() as i32)
            .with_topic_data(vec![data]);
        let note = Note::Produce(Produced {
            producer: self.number,
            partition,
            acks: self.acks,
            first: batch.first,
            count: batch.count,
            ordered: self.idempotent,
            transaction: None,
        });
        let timeout = timeout + Duration::from_millis(200);
        batch.oldest = position == 0;
        batch.token = Some(context.ask(leader, 11, &request, note, timeout));
    }

    fn produced(&mut self, context: &mut Context, token: Token, response: &ProduceResponse) {
        let parts = response.responses.iter().flat_map(|topic| &topic.partition_responses);
        let code = parts.map(|part| part.error_code).next().unwrap_or(0);
        let Some((partition, position)) = self.find(token) else { return };
        let lane = &mut self.lanes[partition];
        if code == 0 || is(code, ResponseError::DuplicateSequenceNumber) {
            lane.batches[position].acknowledged = true;
            lane.batches[position].token = None;
            while lane.batches.front().is_some_and(|batch| batch.acknowledged) {
                lane.batches.pop_front();
            }
            lane.established = true;
            return self.pump(context);
        }
        let oldest = lane.batches[position].oldest;
        let valid = context.asked_leader(token, partition);
        if self.idempotent && oldest && valid && is(code, ResponseError::OutOfOrderSequenceNumber) {
            let first = lane.batches[position].first;
            context.observer.out_of_order(self.number, partition, first);
        }
        self.again(context, token);
    }

    /// The batch goes again, after a while.
    fn again(&mut self, context: &mut Context, token: Token) {
        let Some((partition, position)) = self.find(token) else { return };
        let batch = &mut self.lanes[partition].batches[position];
        (batch.token, batch.again) = (None, true);
        self.routes.doubt();
        let pause = context.milliseconds(5..60);
        context.wake_in(pause);
    }

    fn find(&self, token: Token) -> Option<(usize, usize)> {
        self.lanes.iter().enumerate().find_map(|(partition, lane)| {
            let position = lane.batches.iter().position(|batch| batch.token == Some(token))?;
            Some((partition, position))
        })
    }
}

impl Client for Producer {
    fn wake(&mut self, context: &mut Context) {
        if !context.healed {
            self.begin_batch(context);
            let pause = context.milliseconds(1..context.plan.pause_ms_max);
            context.wake_in(pause);
        }
        self.pump(context);
    }

    fn answered(&mut self, context: &mut Context, token: Token, reply: Reply) {
        match reply {
            Reply::Metadata(response) => {
                self.routes.learn(token, &response);
                let unknown = (0..self.lanes.len()).any(|lane| self.routes.leader(lane).is_none());
                if unknown {
                    context.wake_in(Duration::from_millis(40));
                }
            }
            Reply::InitProducerId(response) => {
                self.asked_identity = None;
                if response.error_code != 0 {
                    return context.wake_in(Duration::from_millis(40));
                }
                self.identity = Some((response.producer_id.0, response.producer_epoch));
            }
            Reply::Produce(response) => return self.produced(context, token, &response),
            _ => {}
        }
        if self.routes.leader(0).is_some() || self.identity.is_some() {
            self.pump(context);
        }
    }

    fn lost(&mut self, context: &mut Context, token: Token) {
        if self.asked_identity == Some(token) {
            self.asked_identity = None;
        } else if !self.routes.lost(token) {
            return self.again(context, token);
        }
        context.wake_in(Duration::from_millis(20));
    }

    fn finish(&mut self) {
        self.left = 0;
    }

    fn is_done(&self) -> bool {
        self.left == 0 && self.lanes.iter().all(|lane| lane.batches.is_empty())
    }

    fn describe(&self) -> String {
        format!("{self:?}")
    }
}
