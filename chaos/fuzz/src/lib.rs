//! What the fuzz target does with its bytes: some become rules, the others go to an echo server
//! through a proxy. No input may panic or hang, none may make the proxy keep a connection or
//! memory, and what is not cut comes back exact, or the connection is closed with a reason.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use chaos::clock;
use chaos::proxy::{Clients, Effect, FaultProxy, Front, Rule, RuleId, Rules};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::time::{sleep, timeout};

mod draw;

use draw::Draw;

/// How long one input may take. Rules make nothing later than they last.
const PATIENCE: Duration = Duration::from_secs(5);
/// The first request of the client `n/a`.
const GREETING: &[u8] = b"\0\0\0\x0d\0\x12\0\x03\0\0\0\x07\0\x03n/a";

thread_local! {
    /// Kept from input to input, so that what an input leaves behind adds up.
    static BENCH: RefCell<Option<(Runtime, Bench)>> = const { RefCell::new(None) };
}

/// An echo server behind a proxy for Kafka clients and one for clients of a single group.
struct Bench {
    rules: Rules,
    proxies: [FaultProxy; 2],
}

/// Plays one input.
pub fn proxy(data: &[u8]) {
    BENCH.with_borrow_mut(|bench| {
        let (runtime, bench) = bench.get_or_insert_with(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.expect("a runtime starts");
            let bench = runtime.block_on(Bench::start()).expect("loopback has free ports");
            (runtime, bench)
        });
        let played = runtime.block_on(async { timeout(PATIENCE, bench.play(data)).await });
        played.expect("no input hangs").expect("loopback works");
    });
}

impl Bench {
    async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let upstream = listener.local_addr()?;
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(echo(stream));
            }
        });
        let rules = Rules::new();
        let front = |clients| Front {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            upstream,
            server: "s".to_owned(),
            clients,
        };
        let kafka = FaultProxy::start(front(Clients::ByClientId), rules.clone()).await?;
        let group = front(Clients::Group("n".to_owned()));
        let group = FaultProxy::start(group, rules.clone()).await?;
        Ok(Self { rules, proxies: [kafka, group] })
    }

    async fn play(&self, data: &[u8]) -> io::Result<()> {
        let mut draw = Draw::new(data);
        let asks_nobody = draw.flag();
        let proxy = &self.proxies[usize::from(asks_nobody)];
        let (greets, early, piece) = (draw.flag(), draw.flag(), usize::from(draw.byte()) + 1);
        let rules: Vec<Rule> = (0..draw.byte() % 4).map(|_| rule(&mut draw)).collect();
        let cuts = rules.iter().any(|rule| matches!(rule.effect, Effect::Cut(_)));
        let mut sent = if greets { GREETING.to_vec() } else { Vec::new() };
        sent.extend(draw.rest());

        let malformed = proxy.stats().malformed;
        let mut installed: Vec<RuleId> = Vec::new();
        let mut install = || installed.extend(rules.iter().cloned().map(|r| self.rules.install(r)));
        if early {
            install();
        }
        let stream = TcpStream::connect(proxy.address()).await?;
        // A reset leaves no port in TIME_WAIT: inputs are many.
        stream.set_zero_linger()?;
        stream.set_nodelay(true)?;
        let (mut reader, mut writer) = stream.into_split();
        let reading = tokio::spawn(async move {
            let mut back = Vec::new();
            let end = reader.read_to_end(&mut back).await;
            (back, end.is_ok())
        });
        let mut whole = true;
        for part in sent.chunks(piece) {
            whole = whole && writer.write_all(part).await.is_ok();
            tokio::task::yield_now().await;
        }
        if !early {
            install();
            tokio::task::yield_now().await;
        }
        for id in &installed {
            self.rules.remove(id);
        }
        whole = whole && writer.shutdown().await.is_ok();
        let (back, ended) = reading.await.map_err(io::Error::other)?;
        drop(writer);

        assert!(sent.starts_with(&back), "other bytes came back");
        let refused = proxy.stats().malformed > malformed;
        if refused {
            assert_eq!(back, b"", "a stranger was answered");
        } else if !cuts && whole && ended {
            let known = asks_nobody || greets || !back.is_empty();
            assert!(!known || back == sent, "bytes are missing");
        }
        while proxy.connections() > 0 {
            sleep(Duration::from_micros(50)).await;
        }
        Ok(())
    }
}

fn rule(draw: &mut Draw<'_>) -> Rule {
    Rule {
        clients: BTreeSet::from(["n".to_owned()]),
        servers: BTreeSet::from(["s".to_owned()]),
        direction: draw.direction(),
        effect: draw.effect(),
        seed: u64::from(draw.byte()),
        expires: clock::now() + Duration::from_micros(u64::from(draw.byte()) * 40),
    }
}

/// Sends back whatever comes, then resets.
async fn echo(mut stream: TcpStream) -> io::Result<()> {
    stream.set_zero_linger()?;
    let mut buffer = vec![0; 16 * 1024];
    loop {
        match stream.read(&mut buffer).await? {
            0 => return stream.shutdown().await,
            read => stream.write_all(&buffer[..read]).await?,
        }
    }
}
