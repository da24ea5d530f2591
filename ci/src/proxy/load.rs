//! Batches of messages over plain sockets, and a server that acknowledges each: at a fixed rate,
//! and as fast as can be. Threads and blocking calls, so that no runtime is measured.

use crate::micro::{now, punctual, wait_until};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

/// Messages in a batch, of 200 bytes each, as a producer sends them.
pub const BATCH_MESSAGES: u64 = 100;
pub(super) const BATCH_BYTES: usize = 200 * BATCH_MESSAGES as usize;
pub(super) const ACK_BYTES: usize = 8;

/// The first request of a Kafka client of node-1, by which the fault proxy knows it.
pub(super) const GREETING: &[u8] = b"\0\0\0\x16\0\x12\0\x03\0\0\0\x07\0\x0cnode-1/bench";

/// A server that acknowledges every batch. It lives as long as the process.
///
/// # Errors
/// When no port can be had.
pub fn sink() -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A client that goes ends it.
            thread::spawn(move || acknowledge(stream));
        }
    });
    Ok(address)
}

fn acknowledge(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.read_exact(&mut [0; GREETING.len()])?;
    let mut batch = vec![0; BATCH_BYTES];
    for number in 0_u64.. {
        stream.read_exact(&mut batch)?;
        stream.write_all(&number.to_be_bytes())?;
    }
    Ok(())
}

fn connect(to: SocketAddr) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(to)?;
    stream.set_nodelay(true)?;
    stream.write_all(GREETING)?;
    Ok(stream)
}

/// Offers this many messages a second over one connection, a batch at a time. Gives the time from
/// each batch's intended time to its acknowledgement, sorted, and the messages carried a second.
///
/// # Errors
/// When the connection breaks.
pub fn paced(
    to: SocketAddr,
    rate_per_s: u64,
    batches: u64,
) -> anyhow::Result<(Vec<Duration>, f64)> {
    let stream = connect(to)?;
    let start = now() + Duration::from_millis(50);
    let due = |number: u64| {
        start + Duration::from_nanos(number * BATCH_MESSAGES * 1_000_000_000 / rate_per_s)
    };
    thread::scope(|scope| {
        let mut writer = &stream;
        let sent = scope.spawn(move || -> io::Result<()> {
            punctual()?;
            let batch = vec![7; BATCH_BYTES];
            (0..batches).try_for_each(|number| {
                wait_until(due(number));
                writer.write_all(&batch)
            })
        });
        let mut took = Vec::new();
        for number in 0..batches {
            (&stream).read_exact(&mut [0; ACK_BYTES])?;
            took.push(now().saturating_duration_since(due(number)));
        }
        let carried = (batches * BATCH_MESSAGES) as f64 / start.elapsed().as_secs_f64();
        sent.join().map_err(|_| anyhow::anyhow!("the sending thread panicked"))??;
        took.sort();
        Ok((took, carried))
    })
}

/// Messages a second over so many connections that send as fast as they can.
///
/// # Errors
/// When a connection breaks.
pub fn saturated(to: SocketAddr, connections: u64, batches: u64) -> anyhow::Result<f64> {
    let start = now();
    thread::scope(|scope| {
        let each: Vec<_> =
            (0..connections).map(|_| scope.spawn(move || flood(to, batches))).collect();
        each.into_iter().try_for_each(|one| match one.join() {
            Ok(done) => Ok(done?),
            Err(_) => anyhow::bail!("a sending thread panicked"),
        })
    })?;
    let messages = connections * batches * BATCH_MESSAGES;
    Ok(messages as f64 / start.elapsed().as_secs_f64())
}

fn flood(to: SocketAddr, batches: u64) -> io::Result<()> {
    let stream = connect(to)?;
    let mut acknowledgements = stream.try_clone()?;
    thread::scope(|scope| {
        let heard = scope.spawn(move || {
            (0..batches).try_for_each(|_| acknowledgements.read_exact(&mut [0; ACK_BYTES]))
        });
        let batch = vec![7; BATCH_BYTES];
        (0..batches).try_for_each(|_| (&stream).write_all(&batch))?;
        heard.join().unwrap_or_else(|_| Err(io::Error::other("the reading thread panicked")))
    })
}
