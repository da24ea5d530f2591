//! A connection's socket, with TLS on it or without. Nothing here waits but for readiness.

use std::io::{self, IoSlice, Read, Write};
use std::sync::Arc;

use rustls::{ServerConfig, ServerConnection};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use super::connection::Failure;
use super::incoming::Incoming;

/// A socket that clients talk to. Without TLS others than its task may write too.
#[derive(Debug)]
pub(super) enum Transport {
    Plain(OwnedReadHalf, Arc<OwnedWriteHalf>),
    Tls(Box<TlsStream>),
}

/// TLS between a socket and a connection. The records are rustls's, so that the socket is read
/// and written by readiness, as without TLS.
#[derive(Debug)]
pub(super) struct TlsStream {
    socket: TcpStream,
    session: ServerConnection,
}

impl Transport {
    pub(super) fn new(
        socket: TcpStream,
        tls: Option<Arc<ServerConfig>>,
    ) -> Result<Self, rustls::Error> {
        Ok(match tls {
            None => {
                let (reading, writing) = socket.into_split();
                Self::Plain(reading, Arc::new(writing))
            }
            Some(config) => {
                let session = ServerConnection::new(config)?;
                Self::Tls(Box::new(TlsStream { socket, session }))
            }
        })
    }

    /// Where others may write.
    pub(super) fn shared(&self) -> Option<Arc<OwnedWriteHalf>> {
        match self {
            Self::Plain(_, writing) => Some(writing.clone()),
            Self::Tls(_) => None,
        }
    }

    /// Waits until something was read, if it may be, or until more can be written, if there is
    /// something. Whether the client has gone.
    pub(super) async fn turn(
        &mut self,
        incoming: &mut Incoming,
        may_read: bool,
        must_write: bool,
    ) -> Result<bool, Failure> {
        match self {
            Self::Plain(reading, writing) => tokio::select! {
                gone = incoming.read(reading), if may_read => gone,
                ready = writing.writable(), if must_write => Ok(ready.map(|()| false)?),
                else => std::future::pending().await,
            },
            Self::Tls(stream) => tokio::select! {
                ready = stream.socket.readable(), if may_read => {
                    ready?;
                    incoming.read_tls(stream)
                }
                ready = stream.socket.writable(), if must_write => Ok(ready.map(|()| false)?),
                else => std::future::pending().await,
            },
        }
    }

    /// Waits until more can be written.
    pub(super) async fn writable(&self) -> io::Result<()> {
        match self {
            Self::Plain(_, writing) => writing.writable().await,
            Self::Tls(stream) => stream.socket.writable().await,
        }
    }

    /// Whether TLS has something to write of its own accord.
    pub(super) fn wants_write(&self) -> bool {
        match self {
            Self::Plain(..) => false,
            Self::Tls(stream) => stream.session.wants_write(),
        }
    }

    /// Takes bytes to write; none only when there are none.
    pub(super) fn try_write(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Plain(_, writing) => match writing.try_write_vectored(slices)? {
                0 => Err(io::ErrorKind::WriteZero.into()),
                written => Ok(written),
            },
            Self::Tls(stream) => stream.write(slices),
        }
    }

    /// Says goodbye where TLS wants that.
    pub(super) fn close(&mut self) {
        if let Self::Tls(stream) = self {
            stream.session.send_close_notify();
            // The client may be gone; then nobody waits for it.
            let _ = stream.flush();
        }
    }
}

impl TlsStream {
    /// Reads what there is, once, and hands over what it decrypts to. Whether the client has gone.
    pub(super) fn read<E>(
        &mut self,
        buffer: &mut [u8],
        mut sink: impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<bool, E>
    where
        E: From<io::Error> + From<rustls::Error>,
    {
        let mut gone = match self.session.read_tls(&mut Socket(&self.socket)) {
            Ok(read) => read == 0,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        if let Err(error) = self.session.process_new_packets() {
            // The client should get the alert that says why.
            let _ = self.flush();
            return Err(error.into());
        }
        loop {
            match self.session.reader().read(buffer) {
                Ok(0) => gone = true,
                Ok(count) => {
                    sink(&buffer[..count])?;
                    continue;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                // The client has gone without saying so.
                Err(_) => gone = true,
            }
            return Ok(gone);
        }
    }

    fn write(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        loop {
            let taken = self.session.writer().write_vectored(slices)?;
            let flushed = self.flush();
            let blocked =
                matches!(&flushed, Err(error) if error.kind() == io::ErrorKind::WouldBlock);
            if taken > 0 && blocked {
                return Ok(taken);
            }
            flushed?;
            if taken > 0 || slices.is_empty() {
                return Ok(taken);
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        while self.session.wants_write() {
            if self.session.write_tls(&mut Socket(&self.socket))? == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
        }
        Ok(())
    }
}

/// A socket that rustls reads and writes without waiting.
struct Socket<'a>(&'a TcpStream);

impl Read for Socket<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(buffer)
    }
}

impl Write for Socket<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.try_write_vectored(slices)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
