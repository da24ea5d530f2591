//! (f) In each generation of a group a partition has exactly one owner: every member is given
//! what the generation's leader assigned to it, and nothing before the leader has assigned.

use std::collections::BTreeMap;

use bytes::Bytes;
use kafka_protocol::protocol::StrBytes;

use super::{Synced, Verdict, share};

type Shares = Vec<(StrBytes, Vec<i32>)>;

/// The assignments of each generation. A coordinator that dies before it has kept one may let the
/// generation's number come again, so that there can be several until a member is answered.
#[derive(Debug, Default)]
pub(super) struct Ownership {
    generations: BTreeMap<i32, Generation>,
}

#[derive(Debug, Default)]
struct Generation {
    brought: Vec<Shares>,
    /// The one that a member was given.
    valid: Option<usize>,
}

impl Ownership {
    pub(super) fn brought(&mut self, synced: &Synced) {
        if synced.shares.is_empty() {
            return;
        }
        let generation = self.generations.entry(synced.generation).or_default();
        if !generation.brought.contains(&synced.shares) {
            generation.brought.push(synced.shares.clone());
        }
    }

    pub(super) fn answered(&mut self, synced: &Synced, assignment: &Bytes) -> Verdict {
        let Synced { generation: number, member, .. } = synced;
        let given = share(assignment);
        let generation = self.generations.entry(*number).or_default();
        let candidates = match generation.valid {
            Some(valid) => valid..valid + 1,
            None => 0..generation.brought.len(),
        };
        for candidate in candidates {
            let mine = generation.brought[candidate].iter().find(|(name, _)| name == member);
            if mine.is_some_and(|(_, mine)| *mine == given) {
                generation.valid = Some(candidate);
                return Ok(());
            }
        }
        Err(format!(
            "in generation {number} member {member} is given {given:?}, where its leader brought \
             {:?}",
            generation.brought
        ))
    }
}
