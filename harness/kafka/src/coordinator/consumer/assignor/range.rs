//! Of each topic a contiguous range of partitions for each subscriber; those with an instance id
//! come first. After Kafka's `RangeAssignor`.

use super::{Owners, Spec};

pub(super) fn assign(group: &Spec) -> Owners {
    let mut owners = group.nobody();
    let mut order: Vec<usize> = (0..group.members.len()).collect();
    order.sort_by_key(|&index| {
        let instance = group.members[index].instance.as_ref();
        (instance.is_none(), instance, index)
    });
    let mut place = vec![0; order.len()];
    for (at, &member) in order.iter().enumerate() {
        place[member] = at;
    }
    for (topic, mut subscribers) in group.subscribers().into_iter().enumerate() {
        subscribers.sort_unstable_by_key(|&member| place[member]);
        let partitions = group.topics[topic].partitions;
        let (quota, mut extra) = match subscribers.len() {
            0 => continue,
            count => (partitions / count, partitions % count),
        };
        let mut next = 0;
        for member in subscribers {
            let end = next + quota + usize::from(extra > 0);
            extra = extra.saturating_sub(1);
            owners[topic][next..end].fill(Some(member));
            next = end;
        }
    }
    owners
}
