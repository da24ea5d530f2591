//! The consumer protocol's subscription, as members of classic groups encode it.

use bytes::{Buf as _, Bytes};
use kafka_protocol::protocol::StrBytes;

/// Topics and partitions decoded from one subscription; one with more counts as malformed.
const ELEMENTS_MAX: usize = 16_384;

/// What a consumer says when it joins.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Subscription {
    /// The version that it speaks; assignments for it are encoded in the same.
    pub(super) version: i16,
    pub(super) topics: Vec<StrBytes>,
    /// The partitions that it has, from version 1 on.
    pub(super) owned: Vec<(StrBytes, Vec<i32>)>,
    /// From version 3 on.
    pub(super) rack: Option<StrBytes>,
}

/// Why bytes of the consumer protocol cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unreadable {
    /// They end within a number, or are of a version that cannot be.
    Short,
    /// A length or a count is negative, or more than there is.
    Absurd,
    /// There is something in them that only an assignor of the members' own understands.
    Custom,
}

/// Decodes a subscription; none if it is malformed.
pub(super) fn decode_subscription(metadata: &Bytes) -> Option<Subscription> {
    read_subscription(metadata).ok()
}

/// Decodes a subscription.
///
/// The layout (`ConsumerProtocolSubscription`): i16 version; i32 count of topics, each a string
/// with an i16 length; i32 length of user data, -1 for none; from version 1 on an i32 count of
/// topics owned, each with an i32 count of i32 partitions; from 2 an i32 generation; from 3 a rack
/// id. Later versions append, so any version is read.
pub(super) fn read_subscription(metadata: &Bytes) -> Result<Subscription, Unreadable> {
    let mut bytes = metadata.clone();
    let version = short(&mut bytes)?;
    if version < 0 {
        return Err(Unreadable::Short);
    }
    let mut subscription = Subscription { version, ..Subscription::default() };
    let mut left = ELEMENTS_MAX;
    for _ in 0..count(&mut bytes, &mut left)? {
        subscription.topics.push(text(&mut bytes)?);
    }
    let user_data = usize::try_from(int(&mut bytes)?).unwrap_or(0);
    if user_data > bytes.remaining() {
        return Err(Unreadable::Absurd);
    }
    bytes.advance(user_data);
    if version >= 1 {
        for _ in 0..count(&mut bytes, &mut left)? {
            let topic = text(&mut bytes)?;
            let mut partitions = Vec::new();
            for _ in 0..count(&mut bytes, &mut left)? {
                partitions.push(int(&mut bytes)?);
            }
            subscription.owned.push((topic, partitions));
        }
    }
    if version >= 3 {
        int(&mut bytes)?;
        subscription.rack = optional_text(&mut bytes)?;
    }
    Ok(subscription)
}

pub(super) fn short(bytes: &mut Bytes) -> Result<i16, Unreadable> {
    bytes.try_get_i16().map_err(|_| Unreadable::Short)
}

pub(super) fn int(bytes: &mut Bytes) -> Result<i32, Unreadable> {
    bytes.try_get_i32().map_err(|_| Unreadable::Short)
}

/// A count of elements, each of which is at least a byte; `left` is how many more are taken.
pub(super) fn count(bytes: &mut Bytes, left: &mut usize) -> Result<usize, Unreadable> {
    let count = usize::try_from(int(bytes)?).map_err(|_| Unreadable::Absurd)?;
    *left = left.checked_sub(count).ok_or(Unreadable::Absurd)?;
    if count > bytes.remaining() { Err(Unreadable::Absurd) } else { Ok(count) }
}

pub(super) fn text(bytes: &mut Bytes) -> Result<StrBytes, Unreadable> {
    optional_text(bytes)?.ok_or(Unreadable::Absurd)
}

/// A string, which may be null.
fn optional_text(bytes: &mut Bytes) -> Result<Option<StrBytes>, Unreadable> {
    let length = short(bytes)?;
    if length == -1 {
        return Ok(None);
    }
    let length = usize::try_from(length).ok().filter(|length| *length <= bytes.remaining());
    let text = bytes.split_to(length.ok_or(Unreadable::Absurd)?);
    let text = String::from_utf8(text.to_vec()).map_err(|_| Unreadable::Absurd)?;
    Ok(Some(StrBytes::from_string(text)))
}

#[cfg(test)]
mod tests {
    use bytes::BufMut as _;
    use proptest::prelude::*;

    use super::*;

    fn encoded(version: i16) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.put_i16(version);
        bytes.put_slice(b"\0\0\0\x01\0\x01t\0\0\0\x02uu");
        bytes.put_slice(b"\0\0\0\x01\0\x01t\0\0\0\x01\0\0\0\x05");
        bytes.put_slice(b"\0\0\0\x07\0\x01r");
        bytes
    }

    #[test]
    fn each_version_is_read_as_far_as_it_goes() {
        let decoded = |version| decode_subscription(&encoded(version).into()).unwrap();
        let topic = StrBytes::from_static_str("t");
        for version in 0..=4 {
            assert_eq!(decoded(version).topics, std::slice::from_ref(&topic));
            assert_eq!(decoded(version).owned.len(), usize::from(version >= 1));
            assert_eq!(decoded(version).rack.is_some(), version >= 3);
        }
        assert_eq!(decoded(1).owned, [(topic, vec![5])]);
    }

    #[test]
    fn a_count_beyond_the_bound_is_refused_before_memory_is_spent() {
        let bytes = [0, 0, 0x7f, 0xff, 0xff, 0xff];
        assert_eq!(decode_subscription(&Bytes::copy_from_slice(&bytes)), None);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            drop(decode_subscription(&bytes.into()));
        }
    }
}
