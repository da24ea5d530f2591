//! The server's socket: while the server is gone its port refuses, and connections are cut.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::super::ApiServer;
use super::Faults;
use crate::clock;

/// Connections waiting to be accepted.
const BACKLOG: u32 = 1024;
/// After a failure (no more file descriptors, say) the next attempt comes only then.
const PAUSE: Duration = Duration::from_millis(20);

/// A listener that a fault can shut.
pub(in super::super) struct Door {
    server: ApiServer,
    address: SocketAddr,
    state: State,
}

/// What all connections of a server share.
#[derive(Debug, Default)]
pub(super) struct Connections {
    /// Cuts those of now.
    cut: CancellationToken,
    /// Held by each of them.
    held: Arc<()>,
}

impl Connections {
    /// Cuts every connection and says how many there were.
    pub(super) fn cut(&mut self) -> usize {
        let Self { cut, held } = std::mem::take(self);
        let count = Arc::strong_count(&held) - 1;
        cut.cancel();
        count
    }

    fn add(&self, stream: TcpStream) -> Connection {
        let cut = Box::pin(self.cut.clone().cancelled_owned());
        Connection { stream, cut, _held: Arc::clone(&self.held) }
    }
}

enum State {
    Open(TcpListener),
    /// The port is kept, so that nobody else gets it.
    Shut(TcpSocket),
    /// Between the two.
    Closed,
}

impl Door {
    pub(in super::super) fn new(server: ApiServer, listener: TcpListener) -> io::Result<Self> {
        let address = listener.local_addr()?;
        Ok(Self { server, address, state: State::Open(listener) })
    }

    fn shut(&mut self) -> io::Result<()> {
        if matches!(self.state, State::Shut(_)) {
            return Ok(());
        }
        self.state = State::Closed;
        let socket = bound(self.address)?;
        self.state = State::Shut(socket);
        Ok(())
    }

    fn open(&mut self) -> io::Result<()> {
        let socket = match std::mem::replace(&mut self.state, State::Closed) {
            State::Open(listener) => {
                self.state = State::Open(listener);
                return Ok(());
            }
            State::Shut(socket) => socket,
            State::Closed => bound(self.address)?,
        };
        self.state = State::Open(socket.listen(BACKLOG)?);
        Ok(())
    }

    /// Goes to the state that the faults ask for, and says until when if it is shut.
    fn adjust(&mut self) -> io::Result<Option<Instant>> {
        match self.server.shared.faults.down() {
            Some(until) => self.shut().map(|()| Some(until)),
            None => self.open().map(|()| None),
        }
    }
}

fn bound(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

impl axum::serve::Listener for Door {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        let mut changed = self.server.shared.faults.changed.subscribe();
        loop {
            changed.borrow_and_update();
            let until = match self.adjust() {
                Ok(until) => until,
                Err(error) => {
                    tracing::warn!(address = %self.address, %error, "the API's port");
                    Some(clock::instant() + PAUSE)
                }
            };
            tokio::select! {
                accepted = accept(&self.state) => match accepted {
                    Ok((stream, peer)) => {
                        if let Some(connection) = self.server.shared.faults.admit(stream) {
                            return (connection, peer);
                        }
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(PAUSE).await;
                    }
                },
                _ = changed.changed() => {}
                () = clock::reach(until) => {}
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

async fn accept(state: &State) -> io::Result<(TcpStream, SocketAddr)> {
    match state {
        State::Open(listener) => listener.accept().await,
        State::Shut(_) | State::Closed => std::future::pending().await,
    }
}

/// A connection that a fault can cut.
pub(in super::super) struct Connection {
    stream: TcpStream,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
    _held: Arc<()>,
}

impl Faults {
    /// Takes in a connection that was accepted, unless the server has gone in the meantime.
    fn admit(&self, stream: TcpStream) -> Option<Connection> {
        let rules = self.rules();
        rules.down(clock::instant()).is_none().then(|| self.connections().add(stream))
    }
}

impl Connection {
    fn check(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        match self.cut.as_mut().poll(context) {
            Poll::Ready(()) => Err(io::ErrorKind::ConnectionReset.into()),
            Poll::Pending => Ok(()),
        }
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
