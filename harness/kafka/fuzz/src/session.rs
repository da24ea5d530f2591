//! A client's side of the fuzzed conversation.

use std::time::Duration;

use bytes::Bytes;
use embedded_kafka::Simulation;
use kafka_protocol::messages::{
    ApiKey, ConsumerGroupHeartbeatResponse, EndTxnResponse, FetchResponse, InitProducerIdResponse,
    JoinGroupResponse, MetadataResponse, ResponseHeader,
};
use kafka_protocol::protocol::Decodable;

use crate::draw::{Draw, Learned};
use crate::frame::Question;
use crate::{admin, changes, clients, transactions};

/// A cluster and a connection to each broker.
pub(crate) struct Session {
    pub(crate) cluster: Simulation,
    connections: [Option<u32>; 3],
    asked: u32,
}

impl Session {
    pub(crate) fn new(cluster: Simulation) -> Self {
        Self { cluster, connections: [None; 3], asked: 0 }
    }

    pub(crate) fn pass(&mut self, time: Duration) {
        let to = self.cluster.now() + time;
        self.cluster.advance(to);
    }

    /// Sends one request to one broker, damaged if the input says so.
    pub(crate) fn ask(&mut self, choice: u8, draw: &mut Draw) {
        let question = match choice {
            32..=120 => clients::question_for(choice, draw),
            121..=170 => transactions::question_for(choice, draw),
            171..=205 => changes::question_for(choice, draw),
            _ => admin::question_for(choice, draw),
        };
        let Some(Question { key, version, mut frame }) = question else { return };
        self.asked += 1;
        frame[4..8].copy_from_slice(&self.asked.to_be_bytes());
        let whole = frame.clone();
        for _ in 0..draw.below(12).saturating_sub(8) {
            let position = usize::from(draw.byte()) << 1 | usize::from(draw.flag());
            let position = position % frame.len();
            frame[position] = draw.byte();
        }
        if draw.byte() > 250 {
            frame.truncate(usize::from(draw.byte()));
        }
        let place = draw.below(3);
        let broker = place as i32 + 1;
        let open = self.connections[place].filter(|&connection| self.cluster.is_open(connection));
        let Some(connection) = open.or_else(|| self.cluster.connect(broker)) else { return };
        self.connections[place] = Some(connection);
        self.cluster.send(connection, &frame);
        while let Some(answer) = self.cluster.receive(connection) {
            // The codec of another answer than its own is not made for what it gets.
            if frame == whole && answer.starts_with(&self.asked.to_be_bytes()) {
                learn(&mut draw.learned, key, version, answer);
            }
        }
    }
}

/// Remembers what later requests may name.
fn learn(learned: &mut Learned, key: i16, version: i16, mut answer: Bytes) {
    let Ok(key) = ApiKey::try_from(key) else { return };
    let header = key.response_header_version(version);
    if ResponseHeader::decode(&mut answer, header).is_err() {
        return;
    }
    match key {
        ApiKey::JoinGroup => {
            if let Ok(joined) = JoinGroupResponse::decode(&mut answer, version) {
                (learned.member, learned.generation) = (joined.member_id, joined.generation_id);
            }
        }
        ApiKey::InitProducerId => {
            if let Ok(producer) = InitProducerIdResponse::decode(&mut answer, version) {
                learned.producer = producer.producer_id.0;
                learned.producer_epoch = producer.producer_epoch;
            }
        }
        ApiKey::EndTxn => {
            if let Ok(ended) = EndTxnResponse::decode(&mut answer, version)
                && ended.producer_id.0 >= 0
            {
                (learned.producer, learned.producer_epoch) =
                    (ended.producer_id.0, ended.producer_epoch);
            }
        }
        ApiKey::ConsumerGroupHeartbeat => {
            if let Ok(beaten) = ConsumerGroupHeartbeatResponse::decode(&mut answer, version)
                && let Some(member) = beaten.member_id
            {
                (learned.member, learned.generation) = (member, beaten.member_epoch);
            }
        }
        ApiKey::Metadata => {
            if let Ok(metadata) = MetadataResponse::decode(&mut answer, version)
                && let Some(topic) = metadata.topics.first()
            {
                learned.topic_id = topic.topic_id;
            }
        }
        ApiKey::Fetch => {
            if let Ok(fetched) = FetchResponse::decode(&mut answer, version) {
                learned.session = fetched.session_id;
            }
        }
        _ => {}
    }
}
