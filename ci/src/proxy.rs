//! The fault proxy held against a direct connection and against Toxiproxy, and how soon its faults
//! are in force.

pub mod load;
pub mod timing;
pub mod toxiproxy;

use chaos::proxy::{Clients, FaultProxy, Front, Rules};
use std::io;
use std::net::SocketAddr;

/// The node of the client that [`load`] plays.
const NODE: &str = "node-1";
/// The server behind the proxy.
const BROKER: &str = "broker-1";

/// A proxy as the harness puts one before a broker.
///
/// # Errors
/// When no port can be had.
pub async fn ours(upstream: SocketAddr, rules: Rules) -> io::Result<FaultProxy> {
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let (server, clients) = (BROKER.to_owned(), Clients::ByClientId);
    FaultProxy::start(Front { listen, upstream, server, clients }, rules).await
}
