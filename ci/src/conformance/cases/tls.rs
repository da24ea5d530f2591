//! TLS, alone and below SASL, and clients that expect the one and meet the other.

use std::time::Duration;

use kafka_protocol::messages::MetadataRequest;
use rustls::SupportedProtocolVersion;
use rustls::version::{TLS12, TLS13};

use super::{Case, case};
use crate::conformance::connection::headed;
use crate::conformance::context::Context;
use crate::conformance::names::error;
use crate::conformance::sasl::{outcome, plain};
use crate::conformance::scram::{Deviation, Scram, exchange};

fn served(c: &mut Context<'_>, version: &'static SupportedProtocolVersion) -> anyhow::Result<()> {
    let mut connection = c.connect_tls("SSL", version)?;
    c.see_served(&mut connection, "SSL")
}

/// What a client with TLS meets at a listener without.
fn too_much(c: &mut Context<'_>, protocol: &str) -> anyhow::Result<()> {
    let mut connection = c.connect_tls(protocol, &TLS13)?;
    let request = MetadataRequest::default().with_topics(Some(Vec::new()));
    let asked = connection.ask(12, &request);
    c.see(asked.map_or("no answer", |_| "an answer"));
    Ok(())
}

/// What a client without TLS meets at a listener with it.
fn too_little(c: &mut Context<'_>, protocol: &str) -> anyhow::Result<()> {
    let request = MetadataRequest::default().with_topics(Some(Vec::new()));
    let mut connection = c.connect_secured(protocol)?;
    connection.send_frame(&headed(12, 7, &request)?)?;
    // The last byte says why, and libraries differ in that.
    let (alert, fatal) = (21, 2);
    let told = connection.rest()?;
    c.see(format!("a fatal alert {}", told.len() == 7 && [told[0], told[5]] == [alert, fatal]));
    Ok(())
}

fn sasl_over_tls(c: &mut Context<'_>) -> anyhow::Result<()> {
    let user = c.scram_user(Scram::Sha512, "user", "secret")?;
    let mut connection = c.connect_tls("SASL_SSL", &TLS13)?;
    c.see(error(connection.handshake("SCRAM-SHA-512")?.error_code));
    let as_user = (&*user, "secret");
    let last = exchange(&mut connection, Scram::Sha512, as_user, &Deviation::default())?;
    c.see(outcome(&last));
    c.see_served(&mut connection, "SASL_SSL")?;
    let mut connection = c.connect_tls("SASL_SSL", &TLS12)?;
    c.see(error(connection.handshake("PLAIN")?.error_code));
    let answer = connection.token(&plain("alice", "wrong"))?;
    c.see_end(&mut connection, &answer)
}

fn frames(c: &mut Context<'_>) -> anyhow::Result<()> {
    for bytes in [[0x7f, 255, 255, 255], [0; 4]] {
        let mut connection = c.connect_tls("SSL", &TLS13)?;
        connection.send_bytes(&bytes)?;
        c.see_next(&mut connection)?;
    }
    // The first half of a frame, and nothing.
    let mut connection = c.connect_tls("SSL", &TLS13)?;
    connection.send_bytes(&[0, 0])?;
    let next = connection.next(Duration::from_millis(300))?;
    c.see(next);
    Ok(())
}

pub(crate) const CASES: &[Case] = &[
    case(
        "tls/a client with TLS 1.2",
        |c| served(c, &TLS12),
        &["served, addresses of the listener true"],
    ),
    case(
        "tls/a client with TLS 1.3",
        |c| served(c, &TLS13),
        &["served, addresses of the listener true"],
    ),
    case("tls/a client without TLS", |c| too_little(c, "SSL"), &["a fatal alert true"]),
    case(
        "tls/a client without TLS where there is SASL",
        |c| too_little(c, "SASL_SSL"),
        &["a fatal alert true"],
    ),
    case("tls/a client with TLS where there is none", |c| too_much(c, "PLAINTEXT"), &["no answer"]),
    case(
        "tls/a client with TLS where there is SASL alone",
        |c| too_much(c, "SASL_PLAINTEXT"),
        &["no answer"],
    ),
    case("tls/frames that close the connection", frames, &["closed", "closed", "silence"]),
    case(
        "tls/SASL over it",
        sasl_over_tls,
        &[
            "NONE",
            "NONE",
            "served, addresses of the listener true",
            "NONE",
            "SASL_AUTHENTICATION_FAILED: Authentication failed: Invalid username or password, \
             then closed",
        ],
    ),
];
