//! The listening sockets of a broker, and the task that accepts on each.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connection::serve;
use super::{Peer, Server};

/// Connections waiting to be accepted.
const BACKLOG: u32 = 1024;

/// After a failed accept (no more file descriptors, say) the next is tried only then.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// A socket bound to a port of loopback, chosen by the system or given.
pub(crate) fn bind(address: Option<SocketAddr>) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address.unwrap_or_else(|| SocketAddr::from((Ipv4Addr::LOCALHOST, 0))))?;
    Ok(socket)
}

/// Starts to accept connections on a bound socket.
pub(crate) fn listen(
    server: &Arc<Server>,
    socket: TcpSocket,
    broker: i32,
    listener: usize,
    cancel: &CancellationToken,
    tasks: &TaskTracker,
) -> io::Result<()> {
    let sockets = socket.listen(BACKLOG)?;
    let (server, cancel, tracker) = (server.clone(), cancel.clone(), tasks.clone());
    tasks.spawn(async move {
        let accepting = accept(server, sockets, broker, listener, cancel.clone(), tracker);
        tokio::select! {
            () = cancel.cancelled() => {}
            () = accepting => {}
        }
    });
    Ok(())
}

async fn accept(
    server: Arc<Server>,
    sockets: TcpListener,
    broker: i32,
    listener: usize,
    cancel: CancellationToken,
    tasks: TaskTracker,
) {
    loop {
        match sockets.accept().await {
            Ok((stream, address)) => {
                let peer = Peer { broker, listener, address: address.ip() };
                tasks.spawn(serve(server.clone(), peer, stream, cancel.clone()));
            }
            Err(error) => {
                tracing::warn!(broker, %error, "accept failed");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}
