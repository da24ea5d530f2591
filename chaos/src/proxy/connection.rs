//! One client, its broker, and the two pumps between them.

use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::header::{self, HEADER_BYTES_MAX, Header};
use super::pump::{End, Pump};
use super::rules::{Direction, RuleState};
use super::{BUFFER_BYTES, Shared};

const CONNECT_MAX: Duration = Duration::from_secs(10);
const HEADER_MAX: Duration = Duration::from_secs(60);

/// What the two pumps of a connection have in common.
pub(super) struct Link<'a> {
    pub(super) shared: &'a Shared,
    /// The client's group, from its first request.
    pub(super) group: String,
    /// Number of the connection at this proxy; jitter differs by it.
    pub(super) number: u64,
    /// Rules that have counted this connection.
    counted: Mutex<Vec<u64>>,
}

impl Link<'_> {
    /// Counts this connection for a rule, once.
    pub(super) fn count(&self, state: &RuleState) {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        if !counted.contains(&state.number) {
            counted.push(state.number);
            state.count_connection();
        }
    }
}

/// Serves a client until either side is gone.
pub(super) async fn serve(mut client: TcpStream, number: u64, shared: &Shared) {
    let connected = timeout(CONNECT_MAX, TcpStream::connect(shared.upstream)).await;
    let Ok(Ok(mut upstream)) = connected else {
        shared.upstream_refused.fetch_add(1, Ordering::Relaxed);
        return;
    };
    // Without it small requests would wait for each other; a socket that refuses is closing.
    let (Ok(()), Ok(())) = (client.set_nodelay(true), upstream.set_nodelay(true)) else {
        return;
    };
    let mut first = Vec::with_capacity(BUFFER_BYTES);
    let Ok(group) = timeout(HEADER_MAX, first_group(&mut client, &mut first)).await else {
        shared.silent.fetch_add(1, Ordering::Relaxed);
        return;
    };
    let group = match group {
        Ok(Header::Group(group)) => group,
        Ok(Header::Malformed(reason)) => {
            shared.malformed.fetch_add(1, Ordering::Relaxed);
            tracing::debug!(reason, broker = shared.broker, "not a Kafka request");
            return;
        }
        // Closed before it said who it was.
        Ok(Header::Incomplete) | Err(_) => return,
    };
    let link = Link { shared, group, number, counted: Mutex::default() };
    pump_both(&mut client, &mut upstream, &link, first).await;
}

async fn pump_both(
    client: &mut TcpStream,
    upstream: &mut TcpStream,
    link: &Link<'_>,
    first: Vec<u8>,
) {
    let (from_client, to_client) = client.split();
    let (from_broker, to_broker) = upstream.split();
    let to_broker = Pump::new(link, Direction::ToBroker, from_client, to_broker, first).run();
    let none = Vec::with_capacity(BUFFER_BYTES);
    let to_client = Pump::new(link, Direction::ToClient, from_broker, to_client, none).run();
    tokio::pin!(to_broker, to_client);
    tokio::select! {
        // The broker has ended the connection, or the client does not listen any more.
        _ = &mut to_client => {}
        end = &mut to_broker => {
            // The client has said its last word; the broker may still be answering.
            if end == End::Finished {
                to_client.await;
            }
        }
    }
}

/// Reads until the group is known. What was read stays in `bytes`, to be forwarded.
async fn first_group(client: &mut TcpStream, bytes: &mut Vec<u8>) -> io::Result<Header> {
    loop {
        let read = client.read_buf(bytes).await?;
        let parsed = header::parse(&bytes[..bytes.len().min(HEADER_BYTES_MAX)]);
        if parsed != Header::Incomplete || read == 0 {
            return Ok(parsed);
        }
    }
}
