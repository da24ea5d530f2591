//! The steps of a connection that authenticates, each in one line.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::{
    MetadataRequest, SaslAuthenticateRequest, SaslAuthenticateResponse, SaslHandshakeRequest,
    SaslHandshakeResponse,
};
use rustls::SupportedProtocolVersion;

use super::connection::Connection;
use super::context::Context;
use super::names::{error, text};
use super::tls;

/// Within this time a broker that closes a connection has done so.
pub(crate) const CLOSING: Duration = Duration::from_secs(10);

/// A request for a mechanism.
pub(crate) fn handshake(mechanism: &str) -> SaslHandshakeRequest {
    SaslHandshakeRequest::default().with_mechanism(text(mechanism))
}

/// A request with a message of the mechanism.
pub(crate) fn token(message: &[u8]) -> SaslAuthenticateRequest {
    SaslAuthenticateRequest::default().with_auth_bytes(Bytes::copy_from_slice(message))
}

/// A client's only message of PLAIN.
pub(crate) fn plain(user: &str, password: &str) -> Vec<u8> {
    format!("\0{user}\0{password}").into_bytes()
}

/// What an answer to a message of the mechanism says of success.
pub(crate) fn outcome(answer: &SaslAuthenticateResponse) -> String {
    let message = said(answer.error_message.as_deref());
    let lifetime = match answer.session_lifetime_ms {
        0 => String::new(),
        limited => format!(", for {limited} ms"),
    };
    format!("{}{message}{lifetime}", error(answer.error_code))
}

/// An error's message after its code.
pub(crate) fn said(message: Option<&str>) -> String {
    match message {
        None => ": null".to_owned(),
        Some("") => String::new(),
        Some(message) => format!(": {message}"),
    }
}

impl Connection {
    /// Asks for a mechanism, in version 1.
    pub(crate) fn handshake(&mut self, mechanism: &str) -> anyhow::Result<SaslHandshakeResponse> {
        self.ask(1, &handshake(mechanism))
    }

    /// Sends a message of the mechanism, in version 2.
    pub(crate) fn token(&mut self, message: &[u8]) -> anyhow::Result<SaslAuthenticateResponse> {
        self.ask(2, &token(message))
    }
}

impl Context<'_> {
    /// A connection to broker 1's listener for this security protocol, without TLS.
    pub(crate) fn connect_secured(&self, protocol: &str) -> anyhow::Result<Connection> {
        Connection::open(self.secured_address(protocol)?)
    }

    /// As [`Context::connect_secured`], with TLS of this version.
    pub(crate) fn connect_tls(
        &self,
        protocol: &str,
        version: &'static SupportedProtocolVersion,
    ) -> anyhow::Result<Connection> {
        let config = tls::client(&self.tools.certificate, version)?;
        Connection::open_tls(self.secured_address(protocol)?, config)
    }

    fn secured_address(&self, protocol: &str) -> anyhow::Result<SocketAddr> {
        let addresses = match protocol {
            "PLAINTEXT" => self.subject.bootstrap(),
            secured => self.subject.secured(secured)?,
        };
        Ok(addresses.split(',').next().unwrap_or_default().parse()?)
    }

    /// A connection to the listener with SASL that has asked for a mechanism.
    pub(crate) fn shake_hands(&mut self, mechanism: &str) -> anyhow::Result<Connection> {
        let mut connection = self.connect_secured("SASL_PLAINTEXT")?;
        let code = connection.handshake(mechanism)?.error_code;
        anyhow::ensure!(code == 0, "handshake for {mechanism}: {}", error(code));
        Ok(connection)
    }

    /// Notes what comes next on a connection that may close.
    pub(crate) fn see_next(&mut self, connection: &mut Connection) -> anyhow::Result<()> {
        let next = connection.next(CLOSING)?;
        self.see(next);
        Ok(())
    }

    /// Notes a refusal, and what comes after it.
    pub(crate) fn see_end(
        &mut self,
        connection: &mut Connection,
        answer: &SaslAuthenticateResponse,
    ) -> anyhow::Result<()> {
        let next = connection.next(CLOSING)?;
        self.see(format!("{}, then {next}", outcome(answer)));
        Ok(())
    }

    /// Notes that requests are served, and whether the brokers' addresses are those of the
    /// listener.
    pub(crate) fn see_served(
        &mut self,
        connection: &mut Connection,
        protocol: &str,
    ) -> anyhow::Result<()> {
        let request = MetadataRequest::default().with_topics(Some(Vec::new()));
        let answer = connection.ask(12, &request)?;
        let mut told = answer.brokers;
        told.sort_by_key(|broker| broker.node_id);
        let told = told.iter().map(|broker| format!("{}:{}", &*broker.host, broker.port));
        let own = told.collect::<Vec<_>>().join(",") == self.subject.secured(protocol)?;
        self.see(format!("served, addresses of the listener {own}"));
        Ok(())
    }
}
