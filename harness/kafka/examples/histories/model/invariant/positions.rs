//! (h) Offsets sent with a transaction are seen if it is committed and not otherwise, together
//! with what it wrote.

use std::collections::BTreeMap;

use kafka_protocol::messages::OffsetFetchResponse;

use super::{Ended, SentOffset, Verdict};

/// The offset of each transactional producer's own group.
#[derive(Debug, Default)]
pub(super) struct Positions {
    producers: BTreeMap<u64, Position>,
}

#[derive(Debug, Default)]
struct Position {
    /// What is committed: the offset and its transaction.
    committed: Option<(i64, u64)>,
    /// Transactions with their offsets whose end is not known, and whether a broker was asked to
    /// commit them.
    open: BTreeMap<u64, (i64, bool)>,
}

impl Positions {
    pub(super) fn arrived(&mut self, sent: &SentOffset) {
        let position = self.producers.entry(sent.producer).or_default();
        if position.committed.is_none_or(|(_, transaction)| transaction < sent.transaction) {
            position.open.entry(sent.transaction).or_insert((sent.offset, false));
        }
    }

    pub(super) fn asked(&mut self, ended: &Ended) {
        for position in self.producers.values_mut() {
            if let Some((_, asked)) = position.open.get_mut(&ended.transaction) {
                *asked |= ended.commits;
            }
        }
    }

    pub(super) fn ended(&mut self, ended: &Ended) {
        for position in self.producers.values_mut() {
            if let Some((offset, _)) = position.open.remove(&ended.transaction)
                && ended.commits
            {
                position.commit(offset, ended.transaction);
            }
        }
    }

    /// What is fetched as stable has an end that is known from now on. Gives the transaction that
    /// it shows to be committed.
    pub(super) fn fetched(
        &mut self,
        producer: u64,
        response: &OffsetFetchResponse,
    ) -> Result<Option<u64>, String> {
        let parts = response.groups.iter().filter(|group| group.error_code == 0);
        let mut parts = parts.flat_map(|group| &group.topics).flat_map(|topic| &topic.partitions);
        let Some(part) = parts.next().filter(|part| part.error_code == 0) else { return Ok(None) };
        let position = self.producers.entry(producer).or_default();
        let fetched = Some(part.committed_offset).filter(|&offset| offset >= 0);
        if fetched == position.committed.map(|(offset, _)| offset) {
            return Ok(None);
        }
        let asked = position.open.iter().find(|(_, open)| open.1 && Some(open.0) == fetched);
        let Some((&transaction, &(offset, _))) = asked else {
            return Err(format!(
                "the offset of producer {producer} is {fetched:?}, with {position:?}"
            ));
        };
        position.commit(offset, transaction);
        Ok(Some(transaction))
    }

    /// A transaction whose values are read as committed has its offset committed, too: `seen` says
    /// whether they are.
    pub(super) fn finish(&self, seen: impl Fn(u64) -> bool) -> Verdict {
        for (producer, position) in &self.producers {
            let last = position.committed.map_or(0, |(_, transaction)| transaction);
            let torn = position.open.keys().find(|&&open| open > last && seen(open));
            if let Some(torn) = torn {
                return Err(format!(
                    "producer {producer}: what transaction {torn:#x} wrote is read as committed, \
                     and the offset it sent is not: {position:?}"
                ));
            }
        }
        Ok(())
    }
}

impl Position {
    fn commit(&mut self, offset: i64, transaction: u64) {
        self.committed = Some((offset, transaction));
        self.open.retain(|&open, _| open > transaction);
    }
}
