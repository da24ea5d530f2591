//! Throughput and latency through the proxy beside a direct connection, in one run.
//!
//! `cargo bench -p chaos` prints, for each way, what one and four connections move in one
//! direction, and the round trips of a small request while nothing else runs. The ways take turns
//! so that a change of the machine's mood hits all of them alike.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::time::Duration;

use chaos::clock;
use chaos::proxy::{Direction, Effect, FaultProxy, Rule, Rules};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const ROUNDS: usize = 5;
const STREAM_BYTES: usize = 1 << 30;
/// 200-byte messages in batches, as a producer sends them.
const CHUNK_BYTES: usize = 200 * 500;
const ROUND_TRIPS: usize = 20_000;

fn first_frame() -> Vec<u8> {
    let id = b"node-1/bench";
    let mut frame = ((10 + id.len()) as i32).to_be_bytes().to_vec();
    frame.extend([0, 18, 0, 3, 0, 0, 0, 7]);
    frame.extend((id.len() as i16).to_be_bytes());
    frame.extend(id);
    frame
}

/// Swallows a stream up to its end and says one byte, or answers each request of 200 bytes.
async fn upstream(echo: bool) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                stream.set_nodelay(true)?;
                let mut buffer = vec![0; 256 * 1024];
                loop {
                    let read = stream.read(&mut buffer).await?;
                    if read == 0 {
                        return stream.write_all(b"!").await;
                    }
                    if echo {
                        stream.write_all(&buffer[..read]).await?;
                    }
                }
            });
        }
    });
    Ok(address)
}

async fn stream(to: SocketAddr, bytes: usize) -> io::Result<()> {
    let mut stream = TcpStream::connect(to).await?;
    stream.write_all(&first_frame()).await?;
    let chunk = vec![7; CHUNK_BYTES];
    let mut left = bytes;
    while left > 0 {
        let size = left.min(CHUNK_BYTES);
        stream.write_all(&chunk[..size]).await?;
        left -= size;
    }
    stream.shutdown().await?;
    stream.read_exact(&mut [0]).await?;
    Ok(())
}

/// Bytes a second over this many connections.
async fn throughput(to: SocketAddr, connections: usize) -> io::Result<f64> {
    let start = clock::now();
    let streams: Vec<_> =
        (0..connections).map(|_| tokio::spawn(stream(to, STREAM_BYTES / connections))).collect();
    for stream in streams {
        stream.await??;
    }
    Ok(STREAM_BYTES as f64 / (clock::now() - start).as_secs_f64())
}

/// Sorted round trips of one 200-byte request at a time.
async fn round_trips(to: SocketAddr) -> io::Result<Vec<Duration>> {
    let mut stream = TcpStream::connect(to).await?;
    stream.set_nodelay(true)?;
    let mut buffer = first_frame();
    buffer.resize(200, 0);
    let mut took = Vec::with_capacity(ROUND_TRIPS);
    for _ in 0..ROUND_TRIPS {
        let sent = clock::now();
        stream.write_all(&buffer.clone()).await?;
        stream.read_exact(&mut buffer).await?;
        took.push(clock::now() - sent);
    }
    took.sort();
    Ok(took)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[tokio::main(flavor = "multi_thread")]
async fn main() -> io::Result<()> {
    let (sink, echo) = (upstream(false).await?, upstream(true).await?);
    let rules = Rules::new();
    // A rule for others is looked at once and must cost nothing after that.
    rules.install(Rule {
        clients: BTreeSet::from(["node-2".to_owned()]),
        brokers: BTreeSet::from(["broker-1".to_owned()]),
        direction: Direction::Both,
        effect: Effect::Hold,
        expires: clock::now() + Duration::from_secs(3600),
    });
    let any: SocketAddr = ([127, 0, 0, 1], 0).into();
    let sink_proxy = FaultProxy::start(any, sink, "broker-1", rules.clone()).await?;
    let echo_proxy = FaultProxy::start(any, echo, "broker-1", rules.clone()).await?;
    let mut out = io::stdout().lock();
    for connections in [1, 4] {
        let (mut direct, mut through) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            direct.push(throughput(sink, connections).await? / 1e6);
            through.push(throughput(sink_proxy.address(), connections).await? / 1e6);
        }
        let (direct, through) = (median(direct), median(through));
        let messages = through * 1e6 / 200.0 / 1e6;
        writeln!(
            out,
            "throughput, {connections} connections: direct {direct:.0} MB/s, proxy {through:.0} \
             MB/s ({messages:.1} million messages of 200 bytes a second)"
        )?;
    }
    let (mut direct, mut through) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        direct.push(round_trips(echo).await?);
        through.push(round_trips(echo_proxy.address()).await?);
    }
    for (name, share) in [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)] {
        let at = (ROUND_TRIPS as f64 * share) as usize;
        let quantile = |rounds: &[Vec<Duration>]| {
            median(rounds.iter().map(|took| took[at].as_secs_f64() * 1e6).collect())
        };
        let (direct, through) = (quantile(&direct), quantile(&through));
        writeln!(
            out,
            "round trip {name}: direct {direct:.0} us, proxy {through:.0} us, {:.0} us more",
            through - direct
        )?;
    }
    Ok(())
}
