//! Clients of a listener and how they come in.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use bytes::Bytes;
use rustls::ServerConfig;

use super::outbox::Outbox;
use super::{Peer, Server, lock};
use crate::coordinator::ClientInfo;
use crate::error::ClusterError;
use crate::security::{ANONYMOUS, SaslMechanism, Security, Session, Step, tls};
use crate::wire::request::RequestError;

/// A client that fails to authenticate is told so after this time, so that trying passwords is
/// slow (`connection.failed.authentication.delay.ms`).
pub(super) const FAILURE_DELAY: Duration = Duration::from_millis(100);

/// What a listener asks of its clients, ready for use.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    pub(super) tls: Option<Arc<ServerConfig>>,
    mechanisms: Vec<SaslMechanism>,
}

/// Who is at the other end of a connection.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) info: ClientInfo,
    pub(super) user: String,
    /// Until the client has authenticated; `None` from the start where it need not.
    pub(super) session: Option<Session>,
}

/// A connection's end became clear while a frame was taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum TakeError {
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error("authentication: {0}")]
    Authentication(String),
}

impl Gate {
    pub(crate) fn new(security: &Security) -> Result<Self, ClusterError> {
        let tls = security.tls.as_ref().map(tls::server_config).transpose()?;
        Ok(Self { tls, mechanisms: security.sasl.clone() })
    }

    pub(super) fn client(&self, peer: &Peer) -> Client {
        let mechanisms = Some(&self.mechanisms).filter(|mechanisms| !mechanisms.is_empty());
        Client {
            info: ClientInfo { client_id: String::new(), host: format!("/{}", peer.address) },
            user: ANONYMOUS.to_owned(),
            session: mechanisms.map(|mechanisms| Session::new(mechanisms.clone())),
        }
    }
}

impl Server {
    /// Sets what a listener asks of its clients.
    pub(crate) fn guard(&self, listener: usize, gate: Gate) {
        lock(&self.gates).insert(listener, Arc::new(gate));
    }

    pub(super) fn gate(&self, listener: usize) -> Arc<Gate> {
        lock(&self.gates).get(&listener).cloned().unwrap_or_default()
    }

    /// Takes a frame of a client that has not authenticated yet.
    pub(super) fn authenticate(
        &self,
        peer: &Peer,
        connection: u32,
        outbox: &Outbox,
        client: &mut Client,
        frame: Bytes,
    ) -> Result<(), TakeError> {
        let Some(session) = &mut client.session else { return Ok(()) };
        let (now, bytes) = (self.clock.now(), frame.len());
        let step = self.with(|cluster, _, _| session.step(frame, cluster.credentials()));
        let (user, failed) = (session.user().map(str::to_owned), session.failed());
        if let Some(metrics) = self.metrics.of(peer.broker) {
            metrics.authentications.fetch_add(u64::from(user.is_some()), Relaxed);
            metrics.authentications_failed.fetch_add(u64::from(failed), Relaxed);
        }
        if let Some(user) = user {
            (client.user, client.session) = (user, None);
        }
        match step {
            Step::Pass(decoded) => {
                self.hand_over(peer, connection, outbox, client, *decoded, (now, bytes));
            }
            Step::Answer(question, response) => {
                let client_id = &client.info.client_id;
                let asked = self.asked((now, bytes), peer.broker, &question, client_id);
                let number = outbox.expect(question, asked);
                outbox.answer(number, *response);
            }
            Step::End(reason) => return Err(TakeError::Authentication(reason)),
        }
        Ok(())
    }
}
