//! Frames of requests: the versions that the cluster says it serves, and one beyond.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::{ApiVersionsRequest, ApiVersionsResponse, RequestHeader};
use kafka_protocol::protocol::{Decodable, Encodable, Request, StrBytes};

use crate::draw::Draw;

/// A request's frame and how its answer is read.
pub(crate) struct Question {
    pub(crate) key: i16,
    pub(crate) version: i16,
    pub(crate) frame: BytesMut,
}

/// Encodes what `build` makes for a drawn version; `None` if that version has no such fields.
pub(crate) fn question<R: Request>(
    draw: &mut Draw,
    build: impl FnOnce(&mut Draw, i16) -> R,
) -> Option<Question> {
    let (least, most) = served().get(&R::KEY).copied().unwrap_or((0, 0));
    let version = match draw.byte() {
        0..=95 => most,
        byte => least + i16::from(byte) % (most - least + 1),
    };
    let request = build(draw, version);
    let mut frame = BytesMut::new();
    let header = RequestHeader::default()
        .with_request_api_key(R::KEY)
        .with_request_api_version(version)
        .with_client_id(Some(StrBytes::from_static_str("fuzz")));
    header.encode(&mut frame, R::header_version(version)).ok()?;
    request.encode(&mut frame, version).ok()?;
    Some(Question { key: R::KEY, version, frame })
}

fn served() -> &'static BTreeMap<i16, (i16, i16)> {
    static SERVED: OnceLock<BTreeMap<i16, (i16, i16)>> = OnceLock::new();
    SERVED.get_or_init(|| {
        let mut cluster = crate::cluster();
        let connection = cluster.connect(1).expect("broker 1 runs");
        let mut frame = BytesMut::new();
        let header = RequestHeader::default()
            .with_request_api_key(ApiVersionsRequest::KEY)
            .with_request_api_version(0);
        header.encode(&mut frame, 1).expect("a plain header");
        cluster.send(connection, &frame);
        let mut answer: Bytes = cluster.receive(connection).expect("an answer").split_off(4);
        let answer = ApiVersionsResponse::decode(&mut answer, 0).expect("versions");
        let ranges = answer.api_keys.iter();
        ranges.map(|api| (api.api_key, (api.min_version, api.max_version))).collect()
    })
}
