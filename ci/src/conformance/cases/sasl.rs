//! A connection's way through SASL, with PLAIN: what is answered, and what closes it.

use kafka_protocol::messages::*;
use kafka_protocol::protocol::Request;

use super::connections::{api_versions, head};
use super::{Case, case};
use crate::conformance::connection::{Connection, headed};
use crate::conformance::context::{Context, GROUP};
use crate::conformance::names::{error, text, topic_name};
use crate::conformance::records::{fetch_request, produce_request};
use crate::conformance::sasl::{CLOSING, handshake, outcome, plain, token};

const SASL: &str = "SASL_PLAINTEXT";

/// What a fresh connection does after this frame.
fn after_frame(c: &mut Context<'_>, body: &[u8]) -> anyhow::Result<()> {
    let mut connection = c.connect_secured(SASL)?;
    connection.send_frame(body)?;
    c.see_next(&mut connection)
}

/// Notes what a handshake is answered.
fn see_handshake(
    c: &mut Context<'_>,
    connection: &mut Connection,
    version: i16,
    mechanism: &str,
) -> anyhow::Result<()> {
    let answer = connection.ask(version, &handshake(mechanism))?;
    let mechanisms: Vec<&str> = answer.mechanisms.iter().map(|name| &**name).collect();
    c.see(format!("{} [{}]", error(answer.error_code), mechanisms.join(" ")));
    Ok(())
}

/// A connection of alice.
fn alice(c: &mut Context<'_>) -> anyhow::Result<Connection> {
    let mut connection = c.shake_hands("PLAIN")?;
    let answer = connection.token(&plain("alice", "alice-secret"))?;
    c.see(outcome(&answer));
    Ok(connection)
}

/// How PLAIN answers a message that is refused, and what becomes of the connection.
fn refused(c: &mut Context<'_>, message: &[u8]) -> anyhow::Result<()> {
    let mut connection = c.shake_hands("PLAIN")?;
    let answer = connection.token(message)?;
    c.see_end(&mut connection, &answer)
}

/// The first code of the answer to a request that comes in place of a message of the mechanism.
fn in_place_of_token<R: Request>(
    c: &mut Context<'_>,
    version: i16,
    request: &R,
    codes: impl Fn(&R::Response) -> Vec<i16>,
) -> anyhow::Result<()> {
    let mut connection = c.shake_hands("PLAIN")?;
    let answer = connection.ask(version, request)?;
    let codes = codes(&answer).into_iter().map(error).collect::<Vec<_>>().join(" ");
    let next = connection.next(CLOSING)?;
    c.see(format!("{codes}, then {next}"));
    Ok(())
}

fn other_requests(c: &mut Context<'_>) -> anyhow::Result<()> {
    in_place_of_token(c, 1, &handshake("PLAIN"), |answer| vec![answer.error_code])?;
    in_place_of_token(c, 3, &api_versions(), |answer| vec![answer.error_code])?;
    let named = metadata_request::MetadataRequestTopic::default().with_name(Some(topic_name("t")));
    let metadata = MetadataRequest::default().with_topics(Some(vec![named]));
    in_place_of_token(c, 12, &metadata, |answer| {
        vec![answer.topics[0].error_code, answer.brokers.len() as i16]
    })?;
    let produce = produce_request(-1, "t", 0, bytes::Bytes::new());
    in_place_of_token(c, 11, &produce, |answer| {
        vec![answer.responses[0].partition_responses[0].error_code]
    })?;
    in_place_of_token(c, 12, &fetch_request("t", 0, 0), |answer| {
        vec![answer.error_code, answer.responses[0].partitions[0].error_code]
    })?;
    let coordinator = FindCoordinatorRequest::default()
        .with_key_type(GROUP)
        .with_coordinator_keys(vec![text("g")]);
    in_place_of_token(c, 4, &coordinator, |answer| vec![answer.coordinators[0].error_code])
}

fn bare_tokens(c: &mut Context<'_>) -> anyhow::Result<()> {
    for password in ["alice-secret", "wrong"] {
        let mut connection = c.connect_secured(SASL)?;
        see_handshake(c, &mut connection, 0, "PLAIN")?;
        connection.send_frame(&plain("alice", password))?;
        if password == "wrong" {
            c.see_next(&mut connection)?;
        } else {
            c.see(format!("{} bytes", connection.receive_frame()?.len()));
            c.see_served(&mut connection, SASL)?;
        }
    }
    Ok(())
}

fn asked_again(c: &mut Context<'_>) -> anyhow::Result<()> {
    let mut connection = c.connect_secured(SASL)?;
    let mut newer = headed(3, 7, &api_versions())?;
    newer[2..4].copy_from_slice(&50_i16.to_be_bytes());
    connection.send_frame(&newer)?;
    c.see(error(connection.receive::<ApiVersionsRequest>(0)?.error_code));
    let nameless = api_versions().with_client_software_name(text("bad name!"));
    c.see(error(connection.ask(3, &nameless)?.error_code));
    let before = connection.ask(3, &api_versions())?;
    c.see(error(before.error_code));
    see_handshake(c, &mut connection, 1, "PLAIN")?;
    connection.token(&plain("alice", "alice-secret"))?;
    let after = connection.ask(3, &api_versions())?;
    c.see(format!("the same afterwards {}", before.api_keys == after.api_keys));
    Ok(())
}

fn too_late(c: &mut Context<'_>) -> anyhow::Result<()> {
    let mut connection = alice(c)?;
    see_handshake(c, &mut connection, 1, "PLAIN")?;
    let answer = connection.token(&plain("alice", "alice-secret"))?;
    c.see(outcome(&answer));
    c.see_served(&mut connection, SASL)
}

fn large_frames(c: &mut Context<'_>) -> anyhow::Result<()> {
    let length = 524_289_u32.to_be_bytes();
    let mut connection = c.connect_secured(SASL)?;
    connection.send_bytes(&length)?;
    c.see_next(&mut connection)?;
    let mut connection = alice(c)?;
    connection.send_bytes(&length)?;
    let next = connection.next(std::time::Duration::from_millis(300))?;
    c.see(next);
    Ok(())
}

fn all_at_once(c: &mut Context<'_>) -> anyhow::Result<()> {
    let mut connection = c.connect_secured(SASL)?;
    let request = MetadataRequest::default().with_topics(Some(Vec::new()));
    connection.send(3, &api_versions())?;
    connection.send(1, &handshake("PLAIN"))?;
    connection.send(2, &token(&plain("alice", "alice-secret")))?;
    connection.send(12, &request)?;
    c.see(error(connection.receive::<ApiVersionsRequest>(3)?.error_code));
    c.see(error(connection.receive::<SaslHandshakeRequest>(1)?.error_code));
    c.see(error(connection.receive::<SaslAuthenticateRequest>(2)?.error_code));
    c.see(connection.receive::<MetadataRequest>(12)?.brokers.len());
    Ok(())
}

pub(crate) const CASES: &[Case] = &[
    case(
        "sasl/a user comes in by PLAIN",
        |c| {
            let mut connection = alice(c)?;
            c.see_served(&mut connection, SASL)
        },
        &["NONE", "served, addresses of the listener true"],
    ),
    case(
        "sasl/a mechanism that is not enabled",
        |c| {
            for version in [0, 1] {
                let mut connection = c.connect_secured(SASL)?;
                see_handshake(c, &mut connection, version, "GSSAPI")?;
                c.see_next(&mut connection)?;
            }
            Ok(())
        },
        &[
            "UNSUPPORTED_SASL_MECHANISM [PLAIN SCRAM-SHA-512 SCRAM-SHA-256]",
            "closed",
            "UNSUPPORTED_SASL_MECHANISM [PLAIN SCRAM-SHA-512 SCRAM-SHA-256]",
            "closed",
        ],
    ),
    case(
        "sasl/a handshake in a version not served",
        |c| after_frame(c, &[&head(17, 2)[..], b"\0\x05PLAIN"].concat()),
        &["closed"],
    ),
    case(
        "sasl/a torn handshake",
        |c| after_frame(c, &[&head(17, 1)[..], b"\0\x05PLA"].concat()),
        &["closed"],
    ),
    case(
        "sasl/a wrong password",
        |c| refused(c, &plain("alice", "wrong")),
        &[
            "SASL_AUTHENTICATION_FAILED: Authentication failed: Invalid username or password, then closed",
        ],
    ),
    case(
        "sasl/an unknown user",
        |c| refused(c, &plain("bob", "alice-secret")),
        &[
            "SASL_AUTHENTICATION_FAILED: Authentication failed: Invalid username or password, then closed",
        ],
    ),
    case(
        "sasl/no user and no password",
        |c| {
            refused(c, &plain("", "alice-secret"))?;
            refused(c, &plain("alice", ""))
        },
        &[
            "SASL_AUTHENTICATION_FAILED: Authentication failed: username not specified, then closed",
            "SASL_AUTHENTICATION_FAILED: Authentication failed: password not specified, then closed",
        ],
    ),
    case(
        "sasl/messages that are not PLAIN's",
        |c| {
            refused(c, b"")?;
            refused(c, b"alice")?;
            refused(c, b"\xff\xfe\0alice")?;
            refused(c, b"\0alice\0alice-secret\0more\0still more")
        },
        &[
            "SASL_AUTHENTICATION_FAILED: Invalid SASL/PLAIN response: expected 3 tokens, got 1, then closed",
            "SASL_AUTHENTICATION_FAILED: Invalid SASL/PLAIN response: expected 3 tokens, got 1, then closed",
            "SASL_AUTHENTICATION_FAILED: Invalid SASL/PLAIN response: expected 3 tokens, got 2, then closed",
            "SASL_AUTHENTICATION_FAILED: Invalid SASL/PLAIN response: expected 3 tokens, got 4, then closed",
        ],
    ),
    case(
        "sasl/an authorization id",
        |c| {
            let mut connection = c.shake_hands("PLAIN")?;
            let answer = connection.token(b"alice\0alice\0alice-secret")?;
            c.see(outcome(&answer));
            refused(c, b"bob\0alice\0alice-secret")
        },
        &[
            "NONE",
            "SASL_AUTHENTICATION_FAILED: Authentication failed: Client requested an authorization \
             id that is different from username, then closed",
        ],
    ),
    case(
        "sasl/a request before the handshake",
        |c| {
            let request = MetadataRequest::default().with_topics(Some(Vec::new()));
            after_frame(c, &headed(12, 7, &request)?)?;
            after_frame(c, &headed(2, 7, &token(&plain("alice", "alice-secret")))?)
        },
        &["closed", "closed"],
    ),
    case(
        "sasl/other requests in place of a message",
        other_requests,
        &[
            "ILLEGAL_SASL_STATE, then closed",
            "ILLEGAL_SASL_STATE, then closed",
            "ILLEGAL_SASL_STATE NONE, then closed",
            "ILLEGAL_SASL_STATE, then closed",
            "ILLEGAL_SASL_STATE ILLEGAL_SASL_STATE, then closed",
            "ILLEGAL_SASL_STATE, then closed",
        ],
    ),
    case(
        "sasl/requests that are none in place of a message",
        |c| {
            let torn = [&head(36, 1)[..], &[0, 0, 0, 9, 0]].concat();
            let newer = [&head(36, 9)[..], &[0; 8]].concat();
            for body in [&head(999, 0)[..], &head(3, 99), &torn, &newer, b"", b"GET / HTTP/1.1"] {
                let mut connection = c.shake_hands("PLAIN")?;
                connection.send_frame(body)?;
                c.see_next(&mut connection)?;
            }
            Ok(())
        },
        &["closed", "closed", "closed", "closed", "closed", "closed"],
    ),
    case(
        "sasl/versions are asked once",
        |c| {
            let mut connection = c.connect_secured(SASL)?;
            c.see(error(connection.ask(3, &api_versions())?.error_code));
            connection.send(3, &api_versions())?;
            c.see_next(&mut connection)
        },
        &["NONE", "closed"],
    ),
    case(
        "sasl/versions are asked again after an error",
        asked_again,
        &[
            "UNSUPPORTED_VERSION",
            "INVALID_REQUEST",
            "NONE",
            "NONE [PLAIN SCRAM-SHA-512 SCRAM-SHA-256]",
            "the same afterwards true",
        ],
    ),
    case(
        "sasl/a handshake of version 0 and bare messages",
        bare_tokens,
        &[
            "NONE [PLAIN SCRAM-SHA-512 SCRAM-SHA-256]",
            "0 bytes",
            "served, addresses of the listener true",
            "NONE [PLAIN SCRAM-SHA-512 SCRAM-SHA-256]",
            "closed",
        ],
    ),
    case(
        "sasl/a handshake and a message when all is done",
        too_late,
        &[
            "NONE",
            "ILLEGAL_SASL_STATE []",
            "ILLEGAL_SASL_STATE: SaslAuthenticate request received after successful authentication",
            "served, addresses of the listener true",
        ],
    ),
    case(
        "sasl/frames above sasl.server.max.receive.size",
        large_frames,
        &["closed", "NONE", "silence"],
    ),
    case("sasl/all steps sent at once", all_at_once, &["NONE", "NONE", "NONE", "3"]),
    case(
        "sasl/what is no request closes it",
        |c| {
            for body in [&b"\x60\x81\x9e"[..], b"", b"GET / HTTP/1.1\r\n\r\n", &head(-1, 0)] {
                after_frame(c, body)?;
            }
            Ok(())
        },
        &["closed", "closed", "closed", "closed"],
    ),
];
