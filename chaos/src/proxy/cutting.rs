//! Waits for a rule that cuts a connection, and cuts it.

use std::sync::Arc;

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};

use super::connection::Link;
use super::effect::{Cut, Effect, Keeps};
use super::rules::RuleState;
use crate::clock;

/// How much is swallowed at a time: nobody waits for it.
const SWALLOW_BYTES: usize = 4 * 1024;

/// Whether this connection is to be cut now.
pub(super) fn is_due(link: &Link<'_>) -> bool {
    next(link).is_some_and(|(due, _, _)| due <= clock::now())
}

/// Waits until this connection is to be cut.
pub(super) async fn due(link: &Link<'_>) -> (Arc<RuleState>, Cut) {
    let mut changes = link.shared.rules.changes();
    loop {
        match next(link) {
            Some((due, state, cut)) if due <= clock::now() => return (state, cut),
            Some((due, state, _)) => {
                let wake = due.min(state.rule.expires);
                tokio::select! {
                    _ = changes.changed() => {}
                    () = sleep_until(wake) => {}
                }
            }
            // The sender lives as long as the proxy.
            None => drop(changes.changed().await),
        }
    }
}

/// The cut that is due first, if there is one.
fn next(link: &Link<'_>) -> Option<(Instant, Arc<RuleState>, Cut)> {
    let (_, matching) = link.shared.rules.matching(&link.group, &link.shared.server);
    let cuts = matching.into_iter().filter_map(|state| match state.rule.effect {
        Effect::Cut(cut) => Some((cut.due(link.established, state.installed)?, state, cut)),
        _ => None,
    });
    cuts.min_by_key(|(due, _, _)| *due)
}

/// Ends a connection. So many bytes of the client's were read and have not been sent.
pub(super) async fn carry_out(
    (state, cut): (Arc<RuleState>, Cut),
    link: &Link<'_>,
    (client, server): (TcpStream, TcpStream),
    unsent: usize,
) {
    link.count(&state);
    state.counters.effect();
    let (keeps_client, keeps_server) = match cut.keeps {
        Keeps::Neither => (false, false),
        Keeps::Client => (true, false),
        Keeps::Server => (false, true),
        Keeps::Both => (true, true),
    };
    if keeps_client {
        state.counters.swallowed(unsent);
    }
    let client = side(client, keeps_client, &state, link);
    let server = side(server, keeps_server, &state, link);
    tokio::join!(client, server);
}

/// Resets one side, at once or when the rule ends.
async fn side(mut stream: TcpStream, keeps: bool, state: &Arc<RuleState>, link: &Link<'_>) {
    if keeps && !silence(&mut stream, state, link).await {
        return;
    }
    // Without lingering, closing sends a reset; a stream that refuses is gone already.
    let _gone = stream.set_zero_linger();
}

/// Swallows what one side sends. Returns whether it was still there when the rule ended.
async fn silence(stream: &mut TcpStream, state: &Arc<RuleState>, link: &Link<'_>) -> bool {
    let ended = link.shared.rules.ended(state);
    tokio::pin!(ended);
    let mut buffer = Vec::with_capacity(SWALLOW_BYTES);
    loop {
        buffer.clear();
        tokio::select! {
            biased;
            () = &mut ended => return true,
            read = stream.read_buf(&mut buffer) => match read {
                Ok(read @ 1..) => state.counters.swallowed(read),
                Ok(0) | Err(_) => return false,
            },
        }
    }
}
