//! (d) Committed offsets are monotone by generation: no commit of an older generation is taken
//! after one of a newer, a newer generation goes on where the last has stopped, and what was
//! committed is what is fetched.

use std::collections::BTreeMap;

use kafka_protocol::messages::{OffsetCommitResponse, OffsetFetchResponse};

use super::{Committed, Verdict};

/// What each partition's owners have committed.
#[derive(Debug, Default)]
pub(super) struct Commits {
    partitions: BTreeMap<i32, Progress>,
}

#[derive(Debug, Default)]
struct Progress {
    generation: i32,
    offset: Option<i64>,
    /// Commits that a broker has and has not answered.
    open: Vec<i64>,
}

impl Commits {
    pub(super) fn arrived(&mut self, committed: &Committed) {
        for &(partition, offset) in &committed.offsets {
            self.partitions.entry(partition).or_default().open.push(offset);
        }
    }

    pub(super) fn answered(
        &mut self,
        committed: &Committed,
        response: &OffsetCommitResponse,
    ) -> Verdict {
        for part in response.topics.iter().flat_map(|topic| &topic.partitions) {
            let partition = part.partition_index;
            let mut offsets = committed.offsets.iter();
            let offset = offsets.find(|(known, _)| *known == partition).map(|(_, offset)| *offset);
            let offset = offset.ok_or_else(|| format!("partition {partition} not committed"))?;
            let progress = self.partitions.entry(partition).or_default();
            if part.error_code == 0 {
                progress.open.clear();
                progress
                    .accept(committed.generation, offset)
                    .map_err(|text| format!("partition {partition}: {text}"))?;
            } else if let Some(open) = progress.open.iter().position(|&open| open == offset) {
                progress.open.remove(open);
            }
        }
        Ok(())
    }

    pub(super) fn fetched(&self, response: &OffsetFetchResponse) -> Verdict {
        let parts = response.groups.iter().filter(|group| group.error_code == 0);
        let parts = parts.flat_map(|group| &group.topics).flat_map(|topic| &topic.partitions);
        for part in parts.filter(|part| part.error_code == 0) {
            let fetched = Some(part.committed_offset).filter(|&offset| offset >= 0);
            let progress = self.partitions.get(&part.partition_index);
            let committed = progress.and_then(|progress| progress.offset);
            let open = progress.is_some_and(|progress| {
                fetched.is_some_and(|fetched| progress.open.contains(&fetched))
            });
            if fetched != committed && !open {
                return Err(format!(
                    "partition {}: {committed:?} was committed and {fetched:?} is fetched",
                    part.partition_index
                ));
            }
        }
        Ok(())
    }
}

impl Progress {
    fn accept(&mut self, generation: i32, offset: i64) -> Verdict {
        let (before, behind) = (self.generation, self.offset.is_some_and(|last| offset < last));
        if generation < before || generation > before && behind {
            let last = self.offset;
            return Err(format!(
                "generation {generation} commits {offset} after {last:?} of generation {before}"
            ));
        }
        (self.generation, self.offset) = (generation, Some(offset));
        Ok(())
    }
}
