//! Reading transactions: DescribeTransactions, ListTransactions and the handle's view.

use std::collections::BTreeSet;
use std::time::Duration;

use kafka_protocol::ResponseError;
use kafka_protocol::protocol::StrBytes;

use super::state::{Transaction, TransactionState};
use super::{Coordinator, Participant};

/// The topic that Kafka keeps committed offsets in.
const OFFSETS_TOPIC: &str = "__consumer_offsets";

/// One transactional id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionView {
    /// The transactional id.
    pub id: String,
    /// The producer that has it.
    pub producer_id: i64,
    /// The producer's epoch; older ones are fenced.
    pub epoch: i16,
    /// How far its transaction has come.
    pub state: TransactionState,
    /// The transaction is aborted when it has been under way for longer.
    pub timeout: Duration,
    /// When the transaction began, counted from the cluster's start; `None` before the first.
    pub started: Option<Duration>,
    /// The partitions that take part and have no marker yet: topic and index. Offsets that are
    /// committed with the transaction stand as a partition of `__consumer_offsets`.
    pub partitions: Vec<(String, i32)>,
}

/// What a list of transactions is to hold; an empty filter lets all pass.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    pub(crate) states: Vec<StrBytes>,
    pub(crate) producer_ids: Vec<i64>,
    /// Only transactions that began longer ago.
    pub(crate) longer_than: Option<Duration>,
}

impl Listing {
    /// The names among the filters that are no state.
    pub(crate) fn unknown_states(&self) -> Vec<StrBytes> {
        let unknown = self.states.iter().filter(|name| state_named(name).is_none());
        unknown.cloned().collect()
    }
}

impl Coordinator {
    /// One transactional id.
    pub(crate) fn describe(&self, id: &StrBytes) -> Result<TransactionView, ResponseError> {
        if id.is_empty() {
            return Err(ResponseError::InvalidRequest);
        }
        let known = self.transactions.get(id).ok_or(ResponseError::TransactionalIdNotFound)?;
        Ok(view(id, known))
    }

    /// The transactional ids that pass the filters.
    pub(crate) fn list_matching(&self, now: Duration, listing: &Listing) -> Vec<TransactionView> {
        let wanted: Vec<_> = listing.states.iter().filter_map(|name| state_named(name)).collect();
        let ids: BTreeSet<i64> = listing.producer_ids.iter().copied().collect();
        let passes = |known: &Transaction| {
            let long_enough = listing.longer_than.is_none_or(|least| {
                // Without a beginning the age counts from 1970, as in Kafka.
                known.started.is_none_or(|started| now.saturating_sub(started) > least)
            });
            long_enough
                && (listing.states.is_empty() || wanted.contains(&known.state))
                && (ids.is_empty() || ids.contains(&known.producer_id))
        };
        let passing = self.transactions.iter().filter(|(_, known)| passes(known));
        passing.map(|(id, known)| view(id, known)).collect()
    }

    /// All transactional ids.
    pub(crate) fn views(&self) -> Vec<TransactionView> {
        self.transactions.iter().map(|(id, known)| view(id, known)).collect()
    }
}

fn state_named(name: &str) -> Option<TransactionState> {
    TransactionState::ALL.into_iter().find(|state| state.name() == name)
}

fn view(id: &StrBytes, known: &Transaction) -> TransactionView {
    let partitions = known.participants.iter().map(|participant| match participant {
        Participant::Partition(topic, partition) => (topic.to_string(), *partition),
        Participant::Offsets(slot) => (OFFSETS_TOPIC.to_owned(), *slot),
    });
    TransactionView {
        id: id.to_string(),
        producer_id: known.producer_id,
        epoch: known.epoch,
        state: known.state,
        timeout: known.timeout,
        started: known.started,
        partitions: partitions.collect(),
    }
}
