//! Hostile frames: refused without a panic and without reserving what they declare.

use proptest::prelude::*;

use super::*;
use crate::wire::schema::served;

fn frame(key: i16, version: i16, body: &[u8]) -> Bytes {
    let mut frame = Vec::new();
    frame.extend_from_slice(&key.to_be_bytes());
    frame.extend_from_slice(&version.to_be_bytes());
    frame.extend_from_slice(&[0, 0, 0, 9, 255, 255]);
    if Api::of(key).is_some_and(|api| api.flexible(version)) {
        frame.push(0);
    }
    frame.extend_from_slice(body);
    frame.into()
}

#[test]
fn a_count_that_the_bytes_cannot_hold_is_refused_before_memory_is_reserved() {
    let metadata = decode(frame(3, 1, &i32::MAX.to_be_bytes()), 1_000).unwrap_err();
    assert!(matches!(metadata, RequestError::Shape { source: ShapeError::Truncated, .. }));
    let compact = decode(frame(3, 9, &[255, 255, 255, 255, 15]), 1_000).unwrap_err();
    assert!(matches!(compact, RequestError::Shape { source: ShapeError::Truncated, .. }));
}

#[test]
fn more_elements_than_any_client_sends_are_refused() {
    let mut body = 150_000i32.to_be_bytes().to_vec();
    body.extend(vec![0; 400_000]);
    let many = decode(frame(3, 1, &body), 1_000).unwrap_err();
    assert!(matches!(many, RequestError::Shape { source: ShapeError::TooMany, .. }));
}

#[test]
fn unknown_requests_and_versions_are_refused() {
    assert!(matches!(decode(frame(999, 0, &[]), 1_000), Err(RequestError::UnknownApi(999))));
    let too_new = decode(frame(0, 99, &[]), 1_000);
    assert!(matches!(too_new, Err(RequestError::Version { version: 99, .. })));
    let api_versions = decode(frame(18, 99, &[]), 1_000).unwrap();
    assert!(matches!(api_versions.request, Request::ApiVersionsUnsupported));
    assert_eq!((api_versions.version, api_versions.correlation), (0, 9));
}

#[test]
fn small_records_do_not_keep_a_large_frame_alive() {
    let whole = Bytes::from(vec![0; 1_000]);
    let large = whole.slice(..600);
    assert_eq!(own(large.clone(), 1_000).as_ptr(), large.as_ptr());
    let small = whole.slice(..400);
    assert_ne!(own(small.clone(), 1_000).as_ptr(), small.as_ptr());
}

proptest! {
    #[test]
    fn no_bytes_make_the_decoder_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = decode(bytes.into(), 1_000);
    }

    #[test]
    fn no_body_makes_a_known_request_panic(
        api in 0..served().len(),
        version in 0i16..20,
        body in prop::collection::vec(prop_oneof![any::<u8>(), Just(0), Just(1), Just(2)], 0..200),
    ) {
        let _ = decode(frame(served()[api].key as i16, version, &body), 1_000);
    }
}
