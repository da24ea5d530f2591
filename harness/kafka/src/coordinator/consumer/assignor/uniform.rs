//! All members are subscribed to the same topics: each keeps what it has up to its quota, and
//! what is left goes to those below theirs. After Kafka's `UniformHomogeneousAssignmentBuilder`.

use super::{Owners, Spec};

pub(super) fn assign(group: &Spec, mut owners: Owners) -> Owners {
    let members = group.members.len();
    let mut held: Vec<Vec<(usize, usize)>> = vec![Vec::new(); members];
    let mut unassigned = Vec::new();
    for (topic, partitions) in owners.iter().enumerate() {
        for (partition, owner) in partitions.iter().enumerate() {
            match owner {
                Some(owner) => held[*owner].push((topic, partition)),
                None => unassigned.push((topic, partition)),
            }
        }
    }
    let total: usize = owners.iter().map(Vec::len).sum();
    let (least, mut with_extra) = (total / members, total % members);
    let mut unfilled = Vec::new();
    for (index, held) in held.into_iter().enumerate() {
        let mut takes_extra = with_extra > 0;
        let quota = least + usize::from(takes_extra);
        unassigned.extend(held.iter().skip(quota));
        let mut room = quota.saturating_sub(held.len());
        // Somebody who has more already may use the extra partition better, unless everybody who
        // is left must take one.
        if room > 0 && takes_extra && members - index > with_extra {
            room -= 1;
            takes_extra = false;
        }
        if room > 0 {
            unfilled.push((index, room));
        }
        with_extra -= usize::from(takes_extra);
    }
    let takers = unfilled.into_iter().flat_map(|(index, room)| std::iter::repeat_n(index, room));
    for ((topic, partition), taker) in unassigned.into_iter().zip(takers) {
        owners[topic][partition] = Some(taker);
    }
    owners
}
