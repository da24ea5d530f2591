//! Transactions in the cluster: which broker coordinates which transactional id, the way to the
//! coordinator, and what a transaction's end sets in motion.

use std::collections::BTreeMap;
use std::time::Duration;

use kafka_protocol::ResponseError;
use kafka_protocol::protocol::StrBytes;

use super::brokers::Broker;
use super::groups::slot;
use super::internal::Coordination;
use super::{Answer, COORDINATOR_SLOTS, Cluster, Origin, Timer};
use crate::coordinator::Ticket;
use crate::transactions::{Coordinator, TransactionConfig, TransactionView};
use crate::wire::{Response, TransactionRequest, TransactionResponse};

mod admission;
mod describe;
mod ending;
mod markers;
mod refusal;
mod requests;

use admission::ParkedAdmission;
use markers::{Markers, ParkedMarkers};
pub(super) use refusal::refusal;

/// How often markers are tried again whose partition or coordinator was away.
const RETRY_PERIOD: Duration = Duration::from_millis(50);

/// How often producers and transactional ids are looked at that nobody uses any more.
const EXPIRY_PERIOD: Duration = Duration::from_secs(600);

/// How long a partition remembers a producer that is silent (`producer.id.expiration.ms`).
const PRODUCER_EXPIRATION: Duration = Duration::from_secs(24 * 3600);

/// The transaction coordinators and what they wait for.
#[derive(Debug)]
pub(super) struct Transacting {
    pub(super) coordinator: Coordinator,
    /// The coordinating broker of each slot, as of the groups.
    slots: Vec<Option<i32>>,
    /// How often each slot has moved: markers of an earlier coordinator are refused.
    epochs: Vec<i32>,
    markers: Markers,
    /// Produces that wait for the end of the transaction before.
    admissions: BTreeMap<Ticket, ParkedAdmission>,
    /// Transactions that have come to their end, for whom others may wait.
    completed: Vec<StrBytes>,
    /// Requests to write markers that wait for the in-sync replicas.
    marker_requests: BTreeMap<Ticket, ParkedMarkers>,
}

impl Transacting {
    pub(super) fn new(brokers: &[i32]) -> Self {
        let slots = (0..COORDINATOR_SLOTS).map(|slot| brokers.get(slot % brokers.len()).copied());
        Self {
            coordinator: Coordinator::new(TransactionConfig::default()),
            slots: slots.collect(),
            epochs: vec![0; COORDINATOR_SLOTS],
            markers: Markers::default(),
            admissions: BTreeMap::new(),
            completed: Vec::new(),
            marker_requests: BTreeMap::new(),
        }
    }

    /// The first timer of a cluster's transactions.
    pub(super) fn first_timer() -> (Duration, Timer) {
        (EXPIRY_PERIOD, Timer::TransactionExpiry)
    }

    /// The requests parked at a broker.
    pub(super) fn parked(&self, broker: i32) -> impl Iterator<Item = Ticket> {
        let admissions = self.admissions.iter().filter(move |(_, wait)| wait.broker() == broker);
        let markers = self.marker_requests.iter().filter(move |(_, wait)| wait.broker == broker);
        admissions.map(|(&ticket, _)| ticket).chain(markers.map(|(&ticket, _)| ticket))
    }

    /// The coordinating broker of each slot.
    pub(super) fn slots(&self) -> &[Option<i32>] {
        &self.slots
    }

    /// The broker that coordinates a transactional id.
    pub(super) fn coordinates(&self, id: &str) -> Option<i32> {
        self.slots.get(slot(id)).copied().flatten()
    }
}

impl Cluster {
    /// The transactional ids, in their order.
    pub(crate) fn transactions(&self) -> Vec<TransactionView> {
        self.transactions.coordinator.views()
    }

    /// Takes a request about transactions.
    pub(super) fn transaction_request(
        &mut self,
        origin: &Origin,
        request: TransactionRequest,
        answers: &mut Vec<Answer>,
    ) {
        let response = match request {
            TransactionRequest::AddPartitions(request) => {
                TransactionResponse::AddPartitions(self.add_partitions(origin, request))
            }
            TransactionRequest::AddOffsets(request) => {
                TransactionResponse::AddOffsets(self.add_offsets(origin, &request))
            }
            TransactionRequest::End(request) => {
                TransactionResponse::End(self.end_transaction(origin, &request))
            }
            TransactionRequest::CommitOffsets(request) => {
                TransactionResponse::CommitOffsets(self.commit_in_transaction(origin, request))
            }
            TransactionRequest::WriteMarkers(request) => {
                self.write_markers(origin, &request, answers);
                return self.settle(answers);
            }
            TransactionRequest::Describe(request) => {
                TransactionResponse::Describe(self.describe_transactions(origin, &request))
            }
            TransactionRequest::List(request) => {
                TransactionResponse::List(self.list_transactions(origin, request))
            }
            TransactionRequest::Producers(request) => {
                TransactionResponse::Producers(self.describe_producers(origin, &request))
            }
        };
        answers.push(Answer { ticket: origin.ticket, response: Response::Transaction(response) });
        self.settle(answers);
    }

    /// Whether `broker` answers for the transactional id.
    fn check_coordinator(&self, broker: i32, id: &str) -> Result<(), ResponseError> {
        match self.transactions.coordinates(id) {
            Some(coordinator) if coordinator == broker => Ok(()),
            Some(_) => Err(ResponseError::NotCoordinator),
            None => Err(ResponseError::CoordinatorNotAvailable),
        }
    }

    /// The transactional id's coordinator and its epoch, if it can do anything.
    fn transaction_coordinator(&self, id: &str) -> Option<(i32, i32)> {
        let connected = |id: &i32| self.brokers.get(id).is_some_and(Broker::is_connected);
        let coordinator = self.transactions.coordinates(id).filter(connected)?;
        Some((coordinator, self.transactions.epochs.get(slot(id)).copied()?))
    }

    /// Whether a request of one broker comes to another.
    fn reaches(&self, from: i32, to: i32) -> bool {
        let connected = |id: i32| self.brokers.get(&id).is_some_and(Broker::is_connected);
        if from == to { self.alive(to) } else { connected(from) && connected(to) }
    }

    /// Another broker takes over the transactional ids that `broker` coordinated. It ends what the
    /// one before had begun to end.
    pub(super) fn move_transactions(&mut self, broker: i32) {
        let next = self.next_running(broker);
        if !self.has_internal(Coordination::Transactions) {
            let moved = |slot: &Option<i32>| if *slot == Some(broker) { next } else { *slot };
            self.move_transactions_to(self.transactions.slots.iter().map(moved).collect());
        }
    }

    /// These coordinate the slots from now on.
    pub(super) fn move_transactions_to(&mut self, coordinators: Vec<Option<i32>>) {
        let state = &mut self.transactions;
        let slots = state.slots.iter_mut().zip(&mut state.epochs);
        for ((coordinator, epoch), next) in slots.zip(coordinators) {
            if *coordinator != next {
                *coordinator = next;
                *epoch += 1;
            }
        }
        self.end_again();
    }

    /// A broker runs again: it coordinates what nobody did.
    pub(super) fn adopt_transactions(&mut self, broker: i32) {
        if !self.has_internal(Coordination::Transactions) {
            for slot in &mut self.transactions.slots {
                slot.get_or_insert(broker);
            }
        }
        self.end_again();
    }

    /// The next time at which a transaction must be aborted.
    pub(super) fn next_abort(&self) -> Option<Duration> {
        self.transactions.coordinator.next_deadline()
    }

    /// Aborts the transactions whose time is up.
    pub(super) fn abort_overdue(&mut self) {
        let (brokers, slots) = (&self.brokers, &self.transactions.slots);
        let available = |id: &str| {
            let broker = slots.get(slot(id)).copied().flatten();
            broker.and_then(|broker| brokers.get(&broker)).is_some_and(Broker::is_connected)
        };
        self.transactions.coordinator.abort_due(self.now, available, RETRY_PERIOD);
    }

    /// Forgets producers and transactional ids that nobody has used for long.
    pub(super) fn expire_producers(&mut self) {
        let before = self.now.checked_sub(PRODUCER_EXPIRATION);
        let partitions = self.topics.iter_mut().flat_map(|(_, topic)| &mut topic.partitions);
        for partition in partitions.filter(|_| before.is_some()) {
            partition.expire_producers(before.unwrap_or_default());
        }
        self.transactions.coordinator.expire(self.now);
        self.timers.insert((self.now + EXPIRY_PERIOD, Timer::TransactionExpiry));
    }

    /// Unix time in milliseconds at a time of the cluster's clock.
    fn unix_ms(&self, at: Duration) -> i64 {
        i64::try_from((self.started_at + at).as_millis()).unwrap_or(i64::MAX)
    }

    /// Gives up a parked request about transactions.
    pub(super) fn unpark_transaction(&mut self, ticket: Ticket) {
        self.transactions.admissions.remove(&ticket);
        self.transactions.marker_requests.remove(&ticket);
    }

    /// A parked request about transactions has waited long enough.
    pub(super) fn expire_transaction(&mut self, ticket: Ticket, answers: &mut Vec<Answer>) {
        self.expire_admission(ticket, answers);
        self.expire_markers(ticket, answers);
    }
}
