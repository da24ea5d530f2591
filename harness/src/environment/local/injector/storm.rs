//! A flood of connections to brokers that ask once and go.

use chaos::{Installed, Refusal};
use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use results::report::format::counted;
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

/// How often each connection is dropped and opened again.
const PERIOD: Duration = Duration::from_secs(1);
/// How long it takes to open all of them.
const OPENING: Duration = Duration::from_millis(500);
/// Files that one connection takes in this process: client, proxy on both sides, broker.
const FILES_EACH: u64 = 4;
/// Files that the process needs for everything else.
const FILES_ELSE: u64 = 512;
/// Asks for the API versions, as the client `storm`, with the correlation id 1.
const REQUEST: &[u8] = b"\0\0\0\x0f\0\x12\0\0\0\0\0\x01\0\x05storm";
/// Size and correlation id: the beginning of every answer.
const ANSWER_BYTES: usize = 8;

/// Opens so many connections to each broker again and again, for `limit` at most.
pub(in crate::environment) fn raise(
    fronts: &BTreeMap<String, SocketAddr>,
    names: &[String],
    connections: u32,
    limit: Duration,
) -> Result<Box<dyn Installed>, Refusal> {
    let files = FILES_EACH * u64::from(connections) * names.len() as u64 + FILES_ELSE;
    if let Some(allowed) = files_max().filter(|allowed| *allowed < files) {
        let reason = format!("it takes {files} open files, and `ulimit -n` is {allowed}");
        return Err(Refusal::Unsupported(reason));
    }
    let mut storm =
        Storm { floods: Vec::new(), connections: connections.into(), tasks: JoinSet::new() };
    for name in names {
        let front = fronts.get(name).copied();
        let front = front.ok_or_else(|| Refusal::Failed(format!("there is no broker {name}")))?;
        let counts = Arc::new(Counts::default());
        storm.tasks.spawn(timeout(limit, flood(front, connections, Arc::clone(&counts))));
        storm.floods.push((name.clone(), counts));
    }
    Ok(Box::new(storm))
}

/// How many files this process may have open, if there is a limit.
fn files_max() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current
}

struct Storm {
    floods: Vec<(String, Arc<Counts>)>,
    /// To each broker.
    connections: u64,
    /// They end with it.
    tasks: JoinSet<Result<(), tokio::time::error::Elapsed>>,
}

/// What became of the connections to one broker.
#[derive(Debug, Default)]
struct Counts {
    answered: AtomicU64,
    failed: AtomicU64,
    open: AtomicU64,
    open_max: AtomicU64,
}

/// Each connection has its own moment, since a thousand at one would take the machine from all else,
/// the load driver too. They are open at once all the same.
async fn flood(front: SocketAddr, connections: u32, counts: Arc<Counts>) {
    let each = (0..connections).map(async |number| {
        sleep(OPENING * number / connections).await;
        let mut rounds = interval(PERIOD);
        rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut open = None;
        loop {
            rounds.tick().await;
            drop(open.take());
            open = timeout(PERIOD, ask(front)).await.ok().and_then(Result::ok).map(|stream| {
                counts.answered.fetch_add(1, Ordering::Relaxed);
                Open::of(stream, &counts)
            });
            if open.is_none() {
                counts.failed.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    join_all(each).await;
}

/// A connection that counts as open until it is dropped.
struct Open<'a> {
    _stream: TcpStream,
    counts: &'a Counts,
}

impl<'a> Open<'a> {
    fn of(stream: TcpStream, counts: &'a Counts) -> Self {
        let open = counts.open.fetch_add(1, Ordering::Relaxed) + 1;
        counts.open_max.fetch_max(open, Ordering::Relaxed);
        Self { _stream: stream, counts }
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.counts.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A connection over which the broker has answered once.
async fn ask(front: SocketAddr) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(front).await?;
    // Dropped with a reset: thousands that linger would use up the ports.
    stream.set_zero_linger()?;
    stream.write_all(REQUEST).await?;
    stream.read_exact(&mut [0; ANSWER_BYTES]).await?;
    Ok(stream)
}

impl Storm {
    /// Whether as many connections have been tried as there are to be at once.
    fn has_risen(&self) -> bool {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let tried = |counts: &Counts| read(&counts.answered) + read(&counts.failed);
        self.floods.iter().all(|(_, counts)| tried(counts) >= self.connections)
    }

    /// What each broker went through; nothing while one has not answered.
    fn sentence(&self) -> Option<String> {
        let each = self.floods.iter().map(|(name, counts)| {
            let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
            let (answered, open) = (read(&counts.answered), read(&counts.open_max));
            let failed = read(&counts.failed);
            (answered > 0).then(|| {
                format!(
                    "{name} answered on {}, {open} of them at once, and {failed} failed",
                    counted(answered, "connection")
                )
            })
        });
        each.collect::<Option<Vec<String>>>().map(|sentences| sentences.join("; "))
    }
}

impl Installed for Storm {
    fn evidence(&mut self) -> BoxFuture<'_, Option<String>> {
        let sentence = self.sentence().filter(|_| self.has_risen());
        async move { sentence }.boxed()
    }

    fn heal(&mut self) -> BoxFuture<'_, Result<String, String>> {
        async {
            self.tasks.shutdown().await;
            Ok(self.sentence().unwrap_or_else(|| "no connection was answered".to_owned()))
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::brokers;
    use super::*;
    use embedded_kafka::EmbeddedKafka;

    const LIMIT: Duration = Duration::from_secs(20);

    fn fronts(kafka: &EmbeddedKafka) -> BTreeMap<String, SocketAddr> {
        let servers = kafka.bootstrap_servers();
        let addresses = servers.split(',').map(|server| server.parse().unwrap());
        (1..).map(brokers::name).zip(addresses).collect()
    }

    fn open(kafka: &EmbeddedKafka) -> usize {
        kafka.brokers().iter().map(|broker| broker.connections).sum()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_storm_is_answered_and_leaves_no_connection() {
        let kafka = EmbeddedKafka::start(1).await.unwrap();
        let mut storm = raise(&fronts(&kafka), &[brokers::name(1)], 50, LIMIT).unwrap();
        let landed = async {
            loop {
                if let Some(sentence) = storm.evidence().await {
                    return sentence;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let sentence = timeout(LIMIT, landed).await.unwrap();
        let expected = "broker-1 answered on 50 connections, 50 of them at once, and 0 failed";
        assert_eq!(sentence, expected);
        let healed = storm.heal().await.unwrap();
        assert_eq!(storm.heal().await.unwrap(), healed);
        let gone = async {
            while open(&kafka) > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(LIMIT, gone).await.unwrap();
        kafka.shutdown().await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_storm_ends_by_itself_and_one_that_cannot_be_is_refused() {
        let kafka = EmbeddedKafka::start(1).await.unwrap();
        let limit = Duration::from_millis(600);
        let mut storm = raise(&fronts(&kafka), &[brokers::name(1)], 2, limit).unwrap();
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        let sentence = storm.evidence().await.unwrap();
        assert!(sentence.contains(" on 2 connections"), "{sentence}");
        let refused = raise(&fronts(&kafka), &[brokers::name(9)], 2, limit).err().unwrap();
        assert_eq!(refused, Refusal::Failed("there is no broker broker-9".to_owned()));
        if files_max().is_some() {
            let refused = raise(&fronts(&kafka), &[brokers::name(1)], u32::MAX, limit);
            assert!(matches!(refused.err().unwrap(), Refusal::Unsupported(_)));
        }
        kafka.shutdown().await;
    }
}
