//! The client group, read from the first request header of a connection.
//!
//! Every Kafka request begins with its size (i32), API key (i16), API version (i16), correlation
//! id (i32) and client id (a string with an i16 length, or -1 for none), whatever its version.

/// The largest request that brokers accept by default, in bytes.
const REQUEST_BYTES_MAX: i32 = 100 * 1024 * 1024;
/// The longest client id, in bytes.
const CLIENT_ID_BYTES_MAX: usize = 1024;
/// Size, API key, API version, correlation id and the client id's length, in bytes.
const FIXED_BYTES: usize = 14;
/// The most bytes that are looked at.
pub(super) const HEADER_BYTES_MAX: usize = FIXED_BYTES + CLIENT_ID_BYTES_MAX;
/// API keys and versions above these have never been given out.
const API_KEY_MAX: i16 = 255;
const API_VERSION_MAX: i16 = 127;

/// What the first bytes of a connection say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Header {
    /// The header is not yet whole.
    Incomplete,
    /// These bytes are no Kafka request, for this reason.
    Malformed(&'static str),
    /// A request of this group; the name is empty if the client gave no id.
    Group(String),
}

/// Reads the group from the first bytes of a connection. What is wrong is found as early as it
/// can be, so that a stranger is not waited for.
pub(super) fn parse(bytes: &[u8]) -> Header {
    if let Some(size) = int::<4>(bytes, 0).map(i32::from_be_bytes)
        && !(FIXED_BYTES as i32 - 4..=REQUEST_BYTES_MAX).contains(&size)
    {
        return Header::Malformed("request size");
    }
    if let Some(key) = int::<2>(bytes, 4).map(i16::from_be_bytes)
        && !(0..=API_KEY_MAX).contains(&key)
    {
        return Header::Malformed("api key");
    }
    if let Some(version) = int::<2>(bytes, 6).map(i16::from_be_bytes)
        && !(0..=API_VERSION_MAX).contains(&version)
    {
        return Header::Malformed("api version");
    }
    let (Some(size), Some(length)) = (int::<4>(bytes, 0), int::<2>(bytes, 12)) else {
        return Header::Incomplete;
    };
    let length = i16::from_be_bytes(length);
    if length == -1 {
        return Header::Group(String::new());
    }
    let rest = i64::from(i32::from_be_bytes(size)) - (FIXED_BYTES as i64 - 4);
    let Ok(length) = usize::try_from(length) else {
        return Header::Malformed("client id length");
    };
    if length > CLIENT_ID_BYTES_MAX || length as i64 > rest {
        return Header::Malformed("client id length");
    }
    let Some(client_id) = bytes.get(FIXED_BYTES..FIXED_BYTES + length) else {
        return Header::Incomplete;
    };
    match std::str::from_utf8(client_id) {
        Ok(client_id) => {
            let group = client_id.split_once('/').map_or(client_id, |(group, _)| group);
            Header::Group(group.to_owned())
        }
        Err(_) => Header::Malformed("client id is not UTF-8"),
    }
}

fn int<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn request(client_id: Option<&[u8]>) -> Vec<u8> {
        let mut bytes = vec![0, 18, 0, 3, 0, 0, 0, 7];
        match client_id {
            Some(id) => {
                bytes.extend((id.len() as i16).to_be_bytes());
                bytes.extend(id);
            }
            None => bytes.extend((-1_i16).to_be_bytes()),
        }
        let mut framed = (bytes.len() as i32).to_be_bytes().to_vec();
        framed.extend(bytes);
        framed
    }

    #[test]
    fn the_group_is_the_client_id_up_to_the_first_slash() {
        let group = |id: &str| parse(&request(Some(id.as_bytes())));
        assert_eq!(group("node-3/job-abc"), Header::Group("node-3".to_owned()));
        assert_eq!(group("node-3/a/b"), Header::Group("node-3".to_owned()));
        assert_eq!(group("driver"), Header::Group("driver".to_owned()));
        assert_eq!(group(""), Header::Group(String::new()));
        assert_eq!(parse(&request(None)), Header::Group(String::new()));
    }

    #[test]
    fn every_cut_before_the_end_of_the_client_id_is_incomplete() {
        let whole = request(Some(b"node-1/a"));
        for cut in 0..whole.len() {
            assert_eq!(parse(&whole[..cut]), Header::Incomplete, "cut at {cut}");
        }
    }

    #[test]
    fn what_is_no_request_is_malformed() {
        let malformed = |bytes: &[u8]| match parse(bytes) {
            Header::Malformed(reason) => reason,
            other => panic!("{other:?}"),
        };
        assert_eq!(malformed(b"GET / HTTP/1.1\r\n"), "request size");
        assert_eq!(malformed(&[0x16, 3, 1, 2, 0, 1]), "request size");
        assert_eq!(malformed(&[0xff; 4]), "request size");
        assert_eq!(malformed(&[0, 0, 0, 9]), "request size");
        assert_eq!(malformed(&[0, 0, 0, 20, 0x7f, 0]), "api key");
        assert_eq!(malformed(&[0, 0, 0, 20, 0, 18, 0xff, 0]), "api version");
        let mut longer_than_request = request(Some(b"abc"));
        longer_than_request[13] = 4;
        assert_eq!(malformed(&longer_than_request), "client id length");
        let mut negative = request(Some(b"abc"));
        negative[12..14].copy_from_slice(&(-2_i16).to_be_bytes());
        assert_eq!(malformed(&negative), "client id length");
        assert_eq!(malformed(&request(Some(&[b'a'; 1025]))), "client id length");
        assert_eq!(malformed(&request(Some(&[0xc3, 0x28]))), "client id is not UTF-8");
    }

    proptest! {
        #[test]
        fn any_bytes_are_judged_within_the_bound(
            bytes in proptest::collection::vec(any::<u8>(), HEADER_BYTES_MAX..HEADER_BYTES_MAX + 8)
        ) {
            prop_assert_ne!(parse(&bytes), Header::Incomplete);
        }
    }
}
