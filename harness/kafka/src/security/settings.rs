//! What a listener asks of its clients.

use std::fmt;

use crate::error::ClusterError;

/// What a listener asks of its clients. The default is neither TLS nor authentication.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Security {
    /// Whether connections are TLS.
    pub tls: Option<Tls>,
    /// The mechanisms by which clients may authenticate; none means that they do not. Which of
    /// them are served is told to clients in this order.
    pub sasl: Vec<SaslMechanism>,
}

/// The broker's side of TLS 1.2 and 1.3. All brokers share it.
#[derive(Clone, PartialEq, Eq)]
pub struct Tls {
    /// The certificate and its chain, in PEM, the broker's own first.
    pub certificate_pem: String,
    /// Its private key, in PEM.
    pub key_pem: String,
    /// When set, clients must present a certificate that one of these (in PEM) has signed.
    pub client_ca_pem: Option<String>,
}

/// A SASL mechanism.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SaslMechanism {
    /// Name and password as they are (RFC 4616).
    Plain,
    /// Salted challenge and response (RFC 5802) with SHA-256.
    ScramSha256,
    /// Salted challenge and response (RFC 5802) with SHA-512.
    ScramSha512,
}

/// A user who may authenticate by every mechanism of a listener.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// The name.
    pub name: String,
    /// The password.
    pub password: String,
}

impl Security {
    /// Every mechanism, without TLS (Kafka's `SASL_PLAINTEXT`), in the order in which a broker of
    /// Kafka with the three of them names them.
    pub fn sasl() -> Self {
        use SaslMechanism::{Plain, ScramSha256, ScramSha512};
        Self { tls: None, sasl: vec![Plain, ScramSha512, ScramSha256] }
    }
}

impl Tls {
    /// TLS with a new key and a certificate of its own for `localhost`, `127.0.0.1` and `::1`.
    /// Clients trust it when they are given `certificate_pem` as their authority.
    ///
    /// # Errors
    ///
    /// When the system has no randomness.
    pub fn self_signed() -> Result<Self, ClusterError> {
        super::self_signed::create()
    }
}

impl SaslMechanism {
    /// The name that clients use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "PLAIN",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha512 => "SCRAM-SHA-512",
        }
    }
}

impl User {
    /// A user.
    pub fn new(name: impl Into<String>, password: impl Into<String>) -> Self {
        Self { name: name.into(), password: password.into() }
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let client_ca = self.client_ca_pem.is_some();
        formatter.debug_struct("Tls").field("client_ca", &client_ca).finish_non_exhaustive()
    }
}

impl fmt::Debug for User {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("User").field("name", &self.name).finish_non_exhaustive()
    }
}
