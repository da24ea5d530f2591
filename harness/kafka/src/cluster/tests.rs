//! The pure cluster, asked in bytes as clients ask it, at times that the tests choose.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_protocol::ResponseError;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::fetch_response::FetchResponse;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::produce_response::PartitionProduceResponse;
use kafka_protocol::messages::{
    ApiKey, BrokerId, FetchRequest, ProduceRequest, RequestHeader, ResponseHeader, TopicName,
};
use kafka_protocol::protocol::{Decodable, Encodable, Request as Message, StrBytes};

use super::*;
use crate::log::batch::tests::sample;
use crate::wire::Output;
use crate::wire::request::decode;
use crate::wire::response::{Question, encode};

mod administration;
mod commits;
mod configs;
mod conversation;
mod elections;
mod failing;
mod failures;
mod histories;
mod internal;
mod numbers;
mod partial;
mod reading;
mod reassignments;
mod replication;
mod sessions;
mod storms;
mod transacting;
mod writing;

/// A cluster, its time, and answers that came later than their requests.
struct World {
    cluster: Cluster,
    now: Duration,
    next_ticket: u64,
    late: Vec<Answer>,
}

const SECOND: Duration = Duration::from_secs(1);

impl World {
    fn new(config: ClusterConfig) -> Self {
        let brokers = config.brokers;
        let mut cluster = Cluster::new(config);
        let port = |id: usize| SocketAddr::from(([127, 0, 0, 1], 9_000 + id as u16));
        cluster.add_listener("default", &(1..=brokers).map(port).collect::<Vec<_>>());
        Self { cluster, now: Duration::ZERO, next_ticket: 1, late: Vec::new() }
    }

    /// Three brokers and a topic "t" of three partitions; partition n is led by broker n + 1.
    fn with_topic() -> Self {
        let mut world = Self::new(ClusterConfig::default());
        world.cluster.create_topic("t", 3).unwrap();
        world
    }

    /// Sends a request and gives its ticket, and the answer if it came at once.
    fn send<R: Message>(
        &mut self,
        broker: i32,
        version: i16,
        request: &R,
    ) -> (u64, Option<R::Response>) {
        let ticket = self.put(broker, version, request);
        (ticket, self.take(ticket).map(|answer| read_answer::<R>(answer, version)))
    }

    /// Sends a request and gives its ticket.
    fn put<R: Message>(&mut self, broker: i32, version: i16, request: &R) -> u64 {
        let key = ApiKey::try_from(R::KEY).unwrap();
        let header = RequestHeader::default()
            .with_request_api_key(R::KEY)
            .with_request_api_version(version)
            .with_correlation_id(77)
            .with_client_id(Some(StrBytes::from_static_str("node-1/tester")));
        let mut frame = BytesMut::new();
        header.encode(&mut frame, key.request_header_version(version)).unwrap();
        request.encode(&mut frame, version).unwrap();
        let decoded = decode(frame.freeze(), 1 << 20).unwrap();
        assert_eq!((decoded.version, &*decoded.client_id), (version, "node-1/tester"));
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        let origin = Origin { ticket, broker, listener: 0, version };
        let client = ClientInfo { client_id: decoded.client_id, host: "/127.0.0.1".into() };
        let (cluster, late) = (&mut self.cluster, &mut self.late);
        cluster.accept(self.now, &origin, &client, (key, decoded.request), late);
        cluster.replace_failed(late);
        ticket
    }

    /// Sends a request that must be answered at once.
    fn ask<R: Message>(&mut self, broker: i32, version: i16, request: &R) -> R::Response {
        self.send(broker, version, request).1.expect("an answer at once")
    }

    /// The late answer to a ticket, if it has come.
    fn take(&mut self, ticket: u64) -> Option<Response> {
        let position = self.late.iter().position(|answer| answer.ticket == ticket)?;
        Some(self.late.remove(position).response)
    }

    /// Lets time pass; everything due on the way is done when it is due.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.cluster.next_deadline().filter(|&at| at <= end) {
            self.now = self.now.max(at);
            self.cluster.advance(self.now, &mut self.late);
            self.cluster.replace_failed(&mut self.late);
        }
        self.now = end;
    }

    fn produce_parked(&mut self, broker: i32, acks: i16, records: Bytes) -> u64 {
        let (ticket, answer) = self.send(broker, 9, &produce_request(broker - 1, acks, records));
        assert!(answer.is_none(), "{answer:?}");
        ticket
    }

    /// Produces to the partition that `broker` led first.
    fn produce(&mut self, broker: i32, acks: i16, records: Bytes) -> PartitionProduceResponse {
        self.produce_to(broker, broker - 1, acks, records)
    }

    fn produce_to(
        &mut self,
        broker: i32,
        partition: i32,
        acks: i16,
        records: Bytes,
    ) -> PartitionProduceResponse {
        let response = self.ask(broker, 11, &produce_request(partition, acks, records));
        response.responses[0].partition_responses[0].clone()
    }

    fn fetch(&mut self, broker: i32, partition: i32, offset: i64) -> FetchResponse {
        self.ask(broker, 12, &fetch_request(partition, offset, 0, 0))
    }
}

fn read_answer<R: Message>(answer: Response, version: i16) -> R::Response {
    let key = ApiKey::try_from(R::KEY).unwrap();
    let mut output = Output::default();
    encode(answer, Question { key, version, correlation: 77 }, &mut output).unwrap();
    let written: Vec<u8> = output.slices().iter().flat_map(|piece| piece.to_vec()).collect();
    let mut written = Bytes::from(written);
    assert_eq!(written.get_i32() as usize, written.len(), "the frame's length");
    let header =
        ResponseHeader::decode(&mut written, key.response_header_version(version)).unwrap();
    assert_eq!(header.correlation_id, 77);
    let response = R::Response::decode(&mut written, version).unwrap();
    assert!(written.is_empty(), "{key:?} version {version}: bytes left over");
    response
}

fn produce_request(partition: i32, acks: i16, records: Bytes) -> ProduceRequest {
    let data = PartitionProduceData::default().with_index(partition).with_records(Some(records));
    let topic = TopicProduceData::default().with_name(name("t")).with_partition_data(vec![data]);
    ProduceRequest::default().with_acks(acks).with_timeout_ms(1_500).with_topic_data(vec![topic])
}

fn fetch_request(partition: i32, offset: i64, min_bytes: i32, wait_ms: i32) -> FetchRequest {
    let wanted = FetchPartition::default()
        .with_partition(partition)
        .with_fetch_offset(offset)
        .with_current_leader_epoch(-1)
        .with_partition_max_bytes(1 << 20);
    let topic = FetchTopic::default().with_topic(name("t")).with_partitions(vec![wanted]);
    FetchRequest::default()
        .with_min_bytes(min_bytes)
        .with_max_wait_ms(wait_ms)
        .with_max_bytes(50 << 20)
        .with_session_epoch(-1)
        .with_replica_id(BrokerId(-1))
        .with_topics(vec![topic])
}

fn name(text: &str) -> TopicName {
    TopicName(StrBytes::from_string(text.to_owned()))
}

/// The base offsets of the whole batches in a fetch answer's only partition.
fn bases(response: &FetchResponse) -> Vec<i64> {
    let mut records = response.responses[0].partitions[0].records.clone().unwrap_or_default();
    let mut bases = Vec::new();
    while records.len() >= 12 {
        let length = 12 + (&records[8..12]).get_i32() as usize;
        if length > records.len() {
            break;
        }
        bases.push((&records[..8]).get_i64());
        records.advance(length);
    }
    bases
}

fn error(response: &FetchResponse) -> i16 {
    response.responses[0].partitions[0].error_code
}
