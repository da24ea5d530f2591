//! The consumer protocol's assignment, as the leader encodes it for a member.

use bytes::{Buf as _, BufMut as _, Bytes};

use super::catalog::Catalog;
use super::consumer::Partitions;
use super::subscription::{Unreadable, count, int, short, text};

/// Bytes of a topic name Kafka accepts.
const TOPIC_BYTES_MAX: usize = 249;
/// The latest version of the assignment.
const VERSION_MAX: i16 = 3;
/// Partitions decoded from one assignment; one with more counts as malformed.
const PARTITIONS_MAX: usize = 16_384;

/// The topics and partitions in an assignment; empty if it is malformed or absurdly large.
///
/// The layout (`ConsumerProtocolAssignment`): i16 version; i32 count of topics, each a string with
/// an i16 length and an i32 count of i32 partitions; user data, which is of no interest here.
/// Later versions append fields, so any version is read as version 0.
pub(super) fn decode_assignment(assignment: &Bytes) -> Vec<(String, i32)> {
    decode(assignment.clone()).map(|(partitions, _)| partitions).unwrap_or_default()
}

/// The topics and partitions in an assignment that has nothing else in it.
pub(super) fn only_partitions(assignment: &Bytes) -> Result<Vec<(String, i32)>, Unreadable> {
    if assignment.is_empty() {
        return Ok(Vec::new());
    }
    let (partitions, mut rest) = decode(assignment.clone())?;
    let user_data = usize::try_from(int(&mut rest)?).unwrap_or(0);
    match user_data {
        0 => Ok(partitions),
        _ if user_data > rest.remaining() => Err(Unreadable::Absurd),
        _ => Err(Unreadable::Custom),
    }
}

/// Encodes an assignment in `version`. Topics that have been deleted are left out.
pub(super) fn encode_assignment(version: i16, partitions: &Partitions, catalog: &Catalog) -> Bytes {
    let topics = partitions.iter().filter_map(|(id, set)| Some((catalog.name(id)?, set)));
    let topics: Vec<_> = topics.collect();
    let mut bytes = Vec::new();
    bytes.put_i16(version.min(VERSION_MAX));
    bytes.put_i32(i32::try_from(topics.len()).unwrap_or(0));
    for (name, set) in topics {
        bytes.put_i16(i16::try_from(name.len()).unwrap_or(0));
        bytes.put_slice(name.as_bytes());
        bytes.put_i32(i32::try_from(set.len()).unwrap_or(0));
        set.iter().for_each(|partition| bytes.put_i32(*partition));
    }
    bytes.put_i32(-1);
    bytes.into()
}

/// Decodes topics and partitions; what follows them comes back too.
fn decode(mut bytes: Bytes) -> Result<(Vec<(String, i32)>, Bytes), Unreadable> {
    let version = short(&mut bytes)?;
    if version < 0 {
        return Err(Unreadable::Short);
    }
    let mut partitions = Vec::new();
    let mut left = PARTITIONS_MAX;
    let mut topics_left = PARTITIONS_MAX;
    for _ in 0..count(&mut bytes, &mut topics_left)? {
        let topic = text(&mut bytes)?;
        if topic.len() > TOPIC_BYTES_MAX {
            return Err(Unreadable::Absurd);
        }
        for _ in 0..count(&mut bytes, &mut left)? {
            partitions.push((topic.to_string(), int(&mut bytes)?));
        }
    }
    Ok((partitions, bytes))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded(topics: &[(&str, &[i32])]) -> Vec<u8> {
        let mut bytes = vec![0, 1];
        bytes.put_i32(topics.len() as i32);
        for (topic, partitions) in topics {
            bytes.put_i16(topic.len() as i16);
            bytes.put_slice(topic.as_bytes());
            bytes.put_i32(partitions.len() as i32);
            partitions.iter().for_each(|partition| bytes.put_i32(*partition));
        }
        bytes.put_i32(-1);
        bytes
    }

    #[test]
    fn topics_and_partitions_come_back_in_order() {
        let decoded = decode_assignment(&encoded(&[("b", &[2, 0]), ("a", &[7])]).into());
        assert_eq!(decoded, [("b".into(), 2), ("b".into(), 0), ("a".into(), 7)]);
    }

    #[test]
    fn a_truncated_assignment_is_empty() {
        let bytes = encoded(&[("orders", &[0, 1, 2])]);
        for length in 0..bytes.len() - 4 {
            assert_eq!(decode_assignment(&bytes[..length].to_vec().into()), []);
        }
    }

    #[test]
    fn a_count_beyond_the_bound_is_refused_before_memory_is_spent() {
        let many: Vec<i32> = (0..=PARTITIONS_MAX as i32).collect();
        assert_eq!(decode_assignment(&encoded(&[("orders", &many)]).into()), []);
        assert_eq!(decode_assignment(&encoded(&[("orders", &many[1..])]).into()).len(), 16_384);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(decode_assignment(&bytes.into()).len() <= PARTITIONS_MAX);
        }
    }
}
