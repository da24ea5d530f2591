use super::*;
use proptest::prelude::*;

fn group(partitions: &[usize], members: &[&[usize]]) -> Spec {
    let first = members.first().copied().unwrap_or_default();
    Spec {
        topics: partitions
            .iter()
            .enumerate()
            .map(|(id, &partitions)| TopicSpec { id: Uuid::from_u128(id as u128), partitions })
            .collect(),
        members: members
            .iter()
            .map(|topics| MemberSpec { instance: None, topics: topics.to_vec() })
            .collect(),
        homogeneous: members.iter().all(|topics| *topics == first),
    }
}

fn loads(group: &Spec, owners: &Owners) -> Vec<usize> {
    let mut loads = vec![0; group.members.len()];
    owners.iter().flatten().flatten().for_each(|&owner| loads[owner] += 1);
    loads
}

fn moved(before: &Owners, after: &Owners) -> usize {
    let pairs = before.iter().flatten().zip(after.iter().flatten());
    pairs.filter(|(before, after)| before.is_some() && before != after).count()
}

#[test]
fn range_gives_each_a_contiguous_part_of_each_topic() {
    let group = group(&[5, 2], &[&[0, 1], &[0, 1], &[0, 1]]);
    let owners = Assignor::Range.assign(&group, group.nobody());
    let expected = [vec![0, 0, 1, 1, 2], vec![0, 1]];
    assert_eq!(owners, expected.map(|topic| topic.into_iter().map(Some).collect::<Vec<_>>()));
}

#[test]
fn range_puts_static_members_first_by_instance() {
    let mut group = group(&[3], &[&[0], &[0], &[0]]);
    group.members[1].instance = Some(StrBytes::from_static_str("b"));
    group.members[2].instance = Some(StrBytes::from_static_str("a"));
    let owners = Assignor::Range.assign(&group, group.nobody());
    assert_eq!(owners, [vec![Some(2), Some(1), Some(0)]]);
}

#[test]
fn uniform_moves_only_what_a_newcomer_gets() {
    let two = group(&[6], &[&[0], &[0]]);
    let before = Assignor::Uniform.assign(&two, two.nobody());
    let three = group(&[6], &[&[0], &[0], &[0]]);
    let after = Assignor::Uniform.assign(&three, before.clone());
    assert_eq!(loads(&three, &after), [2, 2, 2]);
    assert_eq!(moved(&before, &after), 2);
}

#[test]
fn a_member_with_fewer_topics_gets_more_of_them() {
    let group = group(&[4, 4], &[&[0], &[0, 1]]);
    let owners = Assignor::Uniform.assign(&group, group.nobody());
    assert_eq!(loads(&group, &owners), [4, 4]);
    assert!(owners[1].iter().all(|owner| *owner == Some(1)));
}

/// Partitions of each topic, and the topics of each member.
fn any_group() -> impl Strategy<Value = (Vec<usize>, Vec<Vec<usize>>, Vec<usize>)> {
    (1usize..5).prop_flat_map(|topics| {
        let subscription = proptest::collection::btree_set(0..topics, 0..=topics);
        let subscription = subscription.prop_map(|set| set.into_iter().collect::<Vec<_>>());
        (
            proptest::collection::vec(0usize..9, topics),
            proptest::collection::vec(subscription, 1..7),
            proptest::collection::vec(0usize..7, 40),
        )
    })
}

proptest! {
    #[test]
    fn every_partition_that_is_wanted_has_one_owner_who_wants_it(
        (partitions, members, before) in any_group(),
        range in any::<bool>(),
    ) {
        let views: Vec<&[usize]> = members.iter().map(Vec::as_slice).collect();
        let group = group(&partitions, &views);
        let mut earlier = group.nobody();
        for (slot, owner) in earlier.iter_mut().flatten().zip(before) {
            *slot = Some(owner).filter(|owner| *owner < members.len());
        }
        // A homogeneous group never has targets outside its topics.
        if group.homogeneous && members[0].len() < partitions.len() {
            return Ok(());
        }
        let assignor = if range { Assignor::Range } else { Assignor::Uniform };
        let owners = assignor.assign(&group, earlier.clone());
        for (topic, owned) in owners.iter().enumerate() {
            let wanted = members.iter().any(|topics| topics.contains(&topic));
            for owner in owned {
                prop_assert_eq!(owner.is_some(), wanted);
                prop_assert!(owner.is_none_or(|owner| members[owner].contains(&topic)));
            }
        }
        if group.homogeneous && !range {
            let loads = loads(&group, &owners);
            let spread = loads.iter().max().unwrap() - loads.iter().min().unwrap();
            prop_assert!(spread <= 1, "{loads:?}");
            let again = assignor.assign(&group, owners.clone());
            prop_assert_eq!(&again, &owners, "a balanced assignment stays");
        }
    }
}
