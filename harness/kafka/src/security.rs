//! Who may come in, and how: TLS, SASL and the credentials of users. Everything but TLS is pure.

mod admin;
mod credentials;
mod plain;
mod scram;
mod self_signed;
pub(crate) mod session;
mod settings;
pub(crate) mod tls;

pub(crate) use credentials::Credentials;
pub(crate) use session::{Session, Step};
pub use settings::{SaslMechanism, Security, Tls, User};

/// The user of a connection that did not authenticate, as Kafka calls it.
pub(crate) const ANONYMOUS: &str = "ANONYMOUS";

#[cfg(test)]
mod tests;
