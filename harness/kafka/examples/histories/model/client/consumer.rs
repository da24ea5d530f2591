//! A consumer by assignment: it reads all partitions from their beginning.

use std::time::Duration;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::fetch_response::PartitionData;
use kafka_protocol::messages::{BrokerId, FetchRequest, FetchResponse};

use super::super::context::Context;
use super::super::invariant::{Fetched, Note};
use super::super::links::Token;
use super::super::records;
use super::super::wire::Reply;
use super::routes::Routes;
use super::{Client, is, topic};

/// Reads until it is told to finish, or up to the end of everything.
#[derive(Debug)]
pub(crate) struct Consumer {
    routes: Routes,
    places: Vec<Place>,
    /// The fetches under way, with what each asks for.
    flying: Vec<(Token, Vec<usize>)>,
    finishing: bool,
    /// It reads a cluster at rest to its end.
    last: bool,
    /// It reads committed records only.
    committed: bool,
}

/// How far a partition has been read.
#[derive(Debug, Clone, Default)]
struct Place {
    position: i64,
    epoch: i32,
    at_end: bool,
}

impl Consumer {
    pub(crate) fn new(partitions: i32, committed: bool) -> Self {
        let places = vec![Place { epoch: -1, ..Place::default() }; partitions as usize];
        let routes = Routes::new(partitions);
        Self { routes, places, flying: Vec::new(), finishing: false, last: false, committed }
    }

    /// Reads a cluster at rest to its end.
    pub(crate) fn last(partitions: i32, committed: bool) -> Self {
        Self { last: true, ..Self::new(partitions, committed) }
    }

    /// One Fetch for each leader that is not asked already.
    fn pump(&mut self, context: &mut Context) {
        if self.is_done() {
            return;
        }
        self.routes.refresh(context);
        for broker in 1..=context.plan.config.brokers as i32 {
            let leads = |&partition: &usize| {
                let leader = self.routes.leader(partition);
                let busy = self.flying.iter().any(|(_, wanted)| wanted.contains(&partition));
                leader.is_some_and(|(leader, _)| leader == broker) && !busy
            };
            let wanted: Vec<usize> = (0..self.places.len()).filter(leads).collect();
            if !wanted.is_empty() {
                self.fetch(context, broker, wanted);
            }
        }
    }

    fn fetch(&mut self, context: &mut Context, broker: i32, wanted: Vec<usize>) {
        let partitions = wanted.iter().map(|&partition| {
            let place = &self.places[partition];
            let epoch = self.routes.leader(partition).map_or(-1, |(_, epoch)| epoch);
            FetchPartition::default()
                .with_partition(partition as i32)
                .with_current_leader_epoch(epoch)
                .with_last_fetched_epoch(place.epoch)
                .with_fetch_offset(place.position)
                .with_log_start_offset(-1)
                .with_partition_max_bytes(4_096)
        });
        let wanted_topic = FetchTopic::default().with_topic(topic());
        let wanted_topic = wanted_topic.with_partitions(partitions.collect());
        let request = FetchRequest::default()
            .with_replica_id(BrokerId(-1))
            .with_max_wait_ms(if self.last { 0 } else { 150 })
            .with_min_bytes(1)
            .with_max_bytes(1 << 20)
            .with_session_epoch(-1)
            .with_isolation_level(i8::from(self.committed))
            .with_topics(vec![wanted_topic]);
        let epoch = |partition| self.routes.leader(partition).map_or(-1, |(_, epoch)| epoch);
        let places = wanted.iter().map(|&at| (at, epoch(at), self.places[at].position));
        let (places, last, committed) = (places.collect(), self.last, self.committed);
        let note = Note::Fetch(Fetched { broker, places, last, committed });
        let token = context.ask(broker, 12, &request, note, Duration::from_millis(600));
        self.flying.push((token, wanted));
    }

    fn fetched(&mut self, context: &mut Context, response: &FetchResponse) {
        for part in response.responses.iter().flat_map(|topic| &topic.partitions) {
            let index = part.partition_index as usize;
            if part.error_code != 0 || part.diverging_epoch.end_offset >= 0 {
                self.refused(context, index, part);
            } else if let Some(place) = self.places.get_mut(index) {
                let batches = records::read(part.records.clone().unwrap_or_default());
                if let Some(last) = batches.unwrap_or_default().last() {
                    place.position = last.last_offset + 1;
                    place.epoch = last.leader_epoch;
                }
                place.at_end = place.position >= part.high_watermark;
            }
        }
    }

    fn refused(&mut self, context: &mut Context, index: usize, part: &PartitionData) {
        self.routes.doubt();
        let position = self.places[index].position;
        let end = part.diverging_epoch.end_offset;
        if is(part.error_code, ResponseError::OffsetOutOfRange) || end >= 0 && end < position {
            context.observer.position_lost(index, position);
        }
    }
}

impl Client for Consumer {
    fn wake(&mut self, context: &mut Context) {
        self.pump(context);
    }

    fn answered(&mut self, context: &mut Context, token: Token, reply: Reply) {
        match reply {
            Reply::Metadata(response) => self.routes.learn(token, &response),
            Reply::Fetch(response) => {
                self.flying.retain(|(flying, _)| *flying != token);
                self.fetched(context, &response);
            }
            _ => {}
        }
        let pause = context.milliseconds(5..context.plan.pause_ms_max);
        context.wake_in(if self.last { Duration::from_millis(1) } else { pause });
    }

    fn lost(&mut self, context: &mut Context, token: Token) {
        if !self.routes.lost(token) {
            self.flying.retain(|(flying, _)| *flying != token);
            self.routes.doubt();
        }
        context.wake_in(Duration::from_millis(20));
    }

    fn finish(&mut self) {
        self.finishing = true;
    }

    fn is_done(&self) -> bool {
        let read = || self.places.iter().all(|place| place.at_end);
        self.finishing && self.flying.is_empty() || self.last && read()
    }

    fn describe(&self) -> String {
        format!("{self:?}")
    }
}
