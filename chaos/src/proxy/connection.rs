//! One client, its server, and the two pumps between them.

use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::effect::Direction;
use super::header::{self, HEADER_BYTES_MAX, Header};
use super::pump::{End, Pump};
use super::rules::RuleState;
use super::{BUFFER_BYTES, Clients, Shared, cutting};
use crate::clock;

const CONNECT_MAX: Duration = Duration::from_secs(10);
const HEADER_MAX: Duration = Duration::from_secs(60);

/// What the two pumps of a connection have in common.
pub(super) struct Link<'a> {
    pub(super) shared: &'a Shared,
    /// The client's group.
    pub(super) group: String,
    /// Number of the connection at this proxy; what is drawn differs by it.
    pub(super) number: u64,
    pub(super) established: Instant,
    /// Rules that have counted this connection.
    counted: Mutex<Vec<u64>>,
}

impl Link<'_> {
    /// Counts this connection for a rule, once.
    pub(super) fn count(&self, state: &RuleState) {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        if !counted.contains(&state.number) {
            counted.push(state.number);
            state.counters.connection();
        }
    }
}

/// Serves a client until either side is gone.
pub(super) async fn serve(mut client: TcpStream, number: u64, shared: &Shared) {
    let established = clock::now();
    let connected = timeout(CONNECT_MAX, TcpStream::connect(shared.upstream)).await;
    let Ok(Ok(mut server)) = connected else {
        shared.upstream_refused.fetch_add(1, Ordering::Relaxed);
        return;
    };
    // Without it small requests would wait for each other; a socket that refuses is closing.
    let (Ok(()), Ok(())) = (client.set_nodelay(true), server.set_nodelay(true)) else {
        return;
    };
    let mut first = Vec::with_capacity(BUFFER_BYTES);
    let Some(group) = group(&mut client, &mut first, shared).await else {
        return;
    };
    let link = Link { shared, group, number, established, counted: Mutex::default() };
    let unsent = if cutting::is_due(&link) { first.len() } else { 0 };
    let cut = tokio::select! {
        biased;
        cut = cutting::due(&link) => cut,
        () = pump_both(&mut client, &mut server, &link, first) => return,
    };
    cutting::carry_out(cut, &link, (client, server), unsent).await;
}

async fn pump_both(
    client: &mut TcpStream,
    server: &mut TcpStream,
    link: &Link<'_>,
    first: Vec<u8>,
) {
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    let to_server = Pump::new(link, Direction::ToServer, from_client, to_server, first).run();
    let none = Vec::with_capacity(BUFFER_BYTES);
    let to_client = Pump::new(link, Direction::ToClient, from_server, to_client, none).run();
    tokio::pin!(to_server, to_client);
    tokio::select! {
        end = &mut to_client => {
            // The client does not listen any more, and the server has still to learn of it.
            if end == End::Refused {
                to_server.await;
            }
        }
        end = &mut to_server => {
            // The client has said its last word; the server may still be answering.
            if end != End::Abandoned {
                to_client.await;
            }
        }
    }
}

/// The group of a client, or nothing if the connection is to be closed. What was read stays in
/// `first`, to be forwarded.
async fn group(client: &mut TcpStream, first: &mut Vec<u8>, shared: &Shared) -> Option<String> {
    if let Clients::Group(group) = &shared.clients {
        return Some(group.clone());
    }
    let Ok(header) = timeout(HEADER_MAX, first_header(client, first)).await else {
        shared.silent.fetch_add(1, Ordering::Relaxed);
        return None;
    };
    match header {
        Ok(Header::Group(group)) => Some(group),
        Ok(Header::Malformed(reason)) => {
            shared.malformed.fetch_add(1, Ordering::Relaxed);
            tracing::debug!(reason, server = shared.server, "not a Kafka request");
            None
        }
        // Closed before it said who it was.
        Ok(Header::Incomplete) | Err(_) => None,
    }
}

async fn first_header(client: &mut TcpStream, bytes: &mut Vec<u8>) -> io::Result<Header> {
    loop {
        let read = client.read_buf(bytes).await?;
        let parsed = header::parse(&bytes[..bytes.len().min(HEADER_BYTES_MAX)]);
        if parsed != Header::Incomplete || read == 0 {
            return Ok(parsed);
        }
    }
}
