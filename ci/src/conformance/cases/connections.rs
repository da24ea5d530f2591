//! Frames, versions and connections: what is answered, and what closes the connection.

use std::time::Duration;

use kafka_protocol::messages::*;

use super::{Case, case};
use crate::conformance::connection::headed;
use crate::conformance::context::Context;
use crate::conformance::names::{error, text};

/// What a fresh connection does after these bytes.
fn after(context: &mut Context<'_>, bytes: &[u8]) -> anyhow::Result<()> {
    let mut connection = context.connect(1)?;
    connection.send_bytes(bytes)?;
    let next = connection.next(Duration::from_secs(5))?;
    context.see(next);
    Ok(())
}

/// What a fresh connection does after this frame.
fn after_frame(context: &mut Context<'_>, body: &[u8]) -> anyhow::Result<()> {
    let length = (body.len() as u32).to_be_bytes();
    after(context, &[&length[..], body].concat())
}

/// The head of a request with a client id: key, version, correlation 7.
pub(super) fn head(key: i16, version: i16) -> Vec<u8> {
    let mut bytes = [key.to_be_bytes(), version.to_be_bytes()].concat();
    bytes.extend([0, 0, 0, 7, 0, 1, b'c']);
    bytes
}

pub(super) fn api_versions() -> ApiVersionsRequest {
    let request = ApiVersionsRequest::default().with_client_software_name(text("conformance"));
    request.with_client_software_version(text("1"))
}

/// The error of ApiVersions sent in a version that it does not have, answered in version 0.
fn future_api_versions(context: &mut Context<'_>, version: i16) -> anyhow::Result<()> {
    let mut connection = context.connect(1)?;
    let mut body = headed(3, 7, &api_versions())?;
    body[2..4].copy_from_slice(&version.to_be_bytes());
    connection.send_frame(&body)?;
    let answer = connection.receive::<ApiVersionsRequest>(0)?;
    let own = answer.api_keys.iter().find(|range| range.api_key == ApiVersionsRequest::KEY);
    let own = own.map(|range| (range.min_version, range.max_version));
    context.see(format!("{} {own:?}", error(answer.error_code)));
    Ok(())
}

use kafka_protocol::protocol::Request as _;

pub(crate) const CASES: &[Case] = &[
    case(
        "connection/a declared length of 2 GB closes it",
        |c| after(c, &[0x7f, 0xff, 0xff, 0xff]),
        &["closed"],
    ),
    case(
        "connection/a length above socket.request.max.bytes closes it",
        |c| after(c, &(104_857_601_u32).to_be_bytes()),
        &["closed"],
    ),
    case("connection/a negative length closes it", |c| after(c, &[255; 4]), &["closed"]),
    case("connection/an empty frame closes it", |c| after(c, &[0; 4]), &["closed"]),
    case(
        "connection/an HTTP request closes it",
        |c| after(c, b"GET / HTTP/1.1\r\n\r\n"),
        &["closed"],
    ),
    case("connection/a torn header closes it", |c| after_frame(c, &[0, 18, 0]), &["closed"]),
    case(
        "connection/an unknown request key closes it",
        |c| after_frame(c, &head(999, 0)),
        &["closed"],
    ),
    case(
        "connection/a negative request key closes it",
        |c| after_frame(c, &head(-1, 0)),
        &["closed"],
    ),
    case(
        "connection/a request of brokers to controllers closes it",
        |c| after_frame(c, &[&head(56, 2)[..], &[0; 20]].concat()),
        &["closed"],
    ),
    case(
        "connection/a version not served closes it",
        |c| after_frame(c, &[&head(3, 99)[..], &[0; 20]].concat()),
        &["closed"],
    ),
    case(
        "connection/a version removed in 4.0 closes it",
        |c| after_frame(c, &[&head(0, 2)[..], &[0; 20]].concat()),
        &["closed"],
    ),
    case(
        "connection/a torn body closes it",
        |c| {
            let request = MetadataRequest::default().with_topics(Some(Vec::new()));
            let body = headed(12, 7, &request)?;
            after_frame(c, &body[..body.len() - 3])
        },
        &["closed"],
    ),
    case(
        "connection/an array longer than its frame closes it",
        |c| after_frame(c, &[&head(3, 1)[..], &[0x7f, 0xff, 0xff, 0xff]].concat()),
        &["closed"],
    ),
    case(
        "connection/bytes after a body are not read",
        |c| {
            let request = MetadataRequest::default().with_topics(Some(Vec::new()));
            let mut body = headed(12, 7, &request)?;
            body.extend_from_slice(&[1, 2, 3]);
            after_frame(c, &body)
        },
        &["an answer"],
    ),
    case(
        "connection/pipelined requests are answered in order",
        |c| {
            let mut connection = c.connect(1)?;
            for correlation in 0..20_u8 {
                let body = headed(0, i32::from(correlation), &ApiVersionsRequest::default())?;
                connection.send_frame(&body)?;
            }
            let mut order = Vec::new();
            for _ in 0..20 {
                order.push(connection.receive_frame()?[3]);
            }
            c.see(format!("{order:?}"));
            Ok(())
        },
        &["[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19]"],
    ),
    case(
        "versions/a newer ApiVersions is answered in version 0",
        |c| future_api_versions(c, 50),
        &["UNSUPPORTED_VERSION Some((0, 4))"],
    ),
    case(
        "versions/ApiVersions of a client with a bad name",
        |c| {
            let request = api_versions().with_client_software_name(text("bad name!"));
            let answer = c.ask(1, 3, &request)?;
            c.see(format!("{} {}", error(answer.error_code), answer.api_keys.len()));
            Ok(())
        },
        &["INVALID_REQUEST 0"],
    ),
    case(
        "versions/ApiVersions in each version",
        |c| {
            for version in 0..=4 {
                let request =
                    if version < 3 { ApiVersionsRequest::default() } else { api_versions() };
                let answer = c.ask(1, version, &request)?;
                c.see(format!("{version} {}", error(answer.error_code)));
            }
            Ok(())
        },
        &["0 NONE", "1 NONE", "2 NONE", "3 NONE", "4 NONE"],
    ),
    case(
        "versions/what clients send is served as far as Kafka serves it",
        ranges,
        &[
            "0 0-13", "1 4-18", "2 1-10", "3 0-13", "8 2-9", "9 1-9", "10 0-6", "11 0-9", "12 0-4",
            "13 0-5", "14 0-5", "15 0-6", "16 0-5", "18 0-4", "19 2-7", "20 1-6", "21 0-2",
            "22 0-5", "23 2-4", "24 0-5", "25 0-4", "26 0-5", "28 0-5", "32 1-4", "33 0-2",
            "35 1-4", "37 0-3", "42 0-2", "43 0-2", "44 0-1", "45 0-1", "46 0-0", "47 0-0",
            "60 0-2", "61 0-0", "65 0-0", "66 0-2", "68 0-1", "69 0-1", "75 0-0",
        ],
    ),
    case(
        "versions/features of the cluster",
        features,
        &[
            "group.version 0-1",
            "transaction.version 0-2",
            "final group.version 1",
            "final transaction.version 2",
        ],
    ),
    case(
        "connection/SASL is not configured",
        |c| {
            let request = SaslHandshakeRequest::default().with_mechanism(text("PLAIN"));
            let answer = c.ask(1, 1, &request)?;
            c.see(format!("{} {:?}", error(answer.error_code), answer.mechanisms));
            Ok(())
        },
        &["ILLEGAL_SASL_STATE []"],
    ),
    case(
        "connection/SASL tokens before a handshake",
        |c| {
            let answer = c.ask(1, 2, &SaslAuthenticateRequest::default())?;
            c.see(error(answer.error_code));
            Ok(())
        },
        &["ILLEGAL_SASL_STATE"],
    ),
];

/// The requests that clients send to brokers and that both must serve alike.
const OF_CLIENTS: [i16; 40] = [
    0, 1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18, 19, 20, 21, 22, 23, 24, 25, 26, 28, 32, 33,
    35, 37, 42, 43, 44, 45, 46, 47, 60, 61, 65, 66, 68, 69, 75,
];

fn ranges(c: &mut Context<'_>) -> anyhow::Result<()> {
    let answer = c.ask(1, 4, &api_versions())?;
    for range in &answer.api_keys {
        if OF_CLIENTS.contains(&range.api_key) {
            c.see(format!("{} {}-{}", range.api_key, range.min_version, range.max_version));
        }
    }
    Ok(())
}

fn features(c: &mut Context<'_>) -> anyhow::Result<()> {
    let answer = c.ask(1, 4, &api_versions())?;
    let watched = ["group.version", "transaction.version"];
    for feature in answer.supported_features.iter().filter(|f| watched.contains(&&*f.name)) {
        c.see(format!("{} {}-{}", &*feature.name, feature.min_version, feature.max_version));
    }
    for feature in answer.finalized_features.iter().filter(|f| watched.contains(&&*f.name)) {
        c.see(format!("final {} {}", &*feature.name, feature.max_version_level));
    }
    Ok(())
}
