//! How soon after it was due a fault is in force and healed, as its traffic feels it: a plan of
//! partitions played by the conductor, with its journal on disk, over a connection that is busy.

use super::load::{ACK_BYTES, BATCH_BYTES, GREETING, sink};
use super::{BROKER, NODE, ours};
use chaos::fault::{NetworkPartition, PairDirection};
use chaos::proxy::{Direction, Effect, Rule, RuleId, Rules};
use chaos::{
    Action, Cue, Fault, Group, Injector, Installed, Journal, PlannedFault, Reading, Refusal, Role,
    Selector, Targets, clock, conduct,
};
use futures::FutureExt;
use futures::future::BoxFuture;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

const FAULTS: u32 = 50;
const PERIOD: Duration = Duration::from_millis(200);
const HOLD: Duration = Duration::from_millis(100);
/// Within this after a fault has taken effect, everything that had passed before is acknowledged.
const QUIET: Duration = Duration::from_millis(20);
/// How often a batch is sent.
const PACE: Duration = Duration::from_millis(1);

/// The worst of many faults.
#[derive(Debug, Clone, Copy, Default)]
pub struct Delays {
    /// From the time it was due to its first effect.
    pub in_force: Duration,
    /// From the time its healing was due until the held bytes were acknowledged.
    pub healed: Duration,
}

/// Plays many partitions and gives the worst delays.
///
/// # Errors
/// When a socket or the journal fails, or a fault does not land.
pub async fn worst() -> anyhow::Result<Delays> {
    let rules = Rules::new();
    let proxy = ours(sink()?, rules.clone()).await?;
    let folder = tempfile::tempdir()?;
    let journal = Journal::create(folder.path().join("journal.jsonl"))?;
    let acknowledged = traffic(proxy.address()).await?;
    let network = Network { rules, installed: Mutex::default() };
    let start = clock::now() + PERIOD;
    let plan = (0..FAULTS).map(planned).collect();
    let cancel = CancellationToken::new();
    let reading = Reading::default;
    let outcomes = conduct(plan, &network, &journal, start, cancel, &reading, &|_| {}).await;
    // What the last partition held is still on its way.
    tokio::time::sleep(PERIOD).await;
    let mut acknowledged = acknowledged.lock().map_err(|_| anyhow::anyhow!("no times"))?.clone();
    acknowledged.sort();
    let mut worst = Delays::default();
    for outcome in outcomes {
        let installed = outcome.installed.ok_or_else(|| anyhow::anyhow!("{outcome:?}"))?;
        let due = start + outcome.due;
        let effect = network.effect(due);
        let effect = effect.ok_or_else(|| anyhow::anyhow!("without effect: {outcome:?}"))?;
        worst.in_force = worst.in_force.max(effect - due);
        let heard = acknowledged.iter().find(|heard| **heard > effect + QUIET);
        let heard = heard.ok_or_else(|| anyhow::anyhow!("{} was not healed", outcome.name))?;
        worst.healed = worst.healed.max(heard.saturating_duration_since(start + installed + HOLD));
    }
    Ok(worst)
}

fn planned(number: u32) -> PlannedFault {
    let fault = Fault::NetworkPartition(NetworkPartition {
        between: (Group::Nodes(Selector::All), Group::Brokers(Selector::All)),
        direction: PairDirection::Both,
    });
    let targets = Targets {
        clients: vec![NODE.to_owned()],
        brokers: vec![BROKER.to_owned()],
        ..Targets::default()
    };
    let name = format!("partition-{number}");
    PlannedFault {
        name: name.clone(),
        listed: name,
        cue: Cue::at(PERIOD * number),
        hold: HOLD,
        action: Action { fault, targets, seed: 0 },
        reach: Vec::new(),
        down_max: Vec::new(),
    }
}

/// Sends batches for as long as anybody listens; gives when each was acknowledged.
async fn traffic(to: SocketAddr) -> anyhow::Result<Arc<Mutex<Vec<Instant>>>> {
    let mut stream = TcpStream::connect(to).await?;
    stream.set_nodelay(true)?;
    stream.write_all(GREETING).await?;
    let (reader, mut writer) = stream.into_split();
    let times = Arc::<Mutex<Vec<Instant>>>::default();
    tokio::spawn(listen(reader, Arc::clone(&times)));
    tokio::spawn(async move {
        let batch = vec![7; BATCH_BYTES];
        let mut pace = tokio::time::interval(PACE);
        while writer.write_all(&batch).await.is_ok() {
            pace.tick().await;
        }
    });
    Ok(times)
}

async fn listen(mut reader: OwnedReadHalf, times: Arc<Mutex<Vec<Instant>>>) {
    while reader.read_exact(&mut [0; ACK_BYTES]).await.is_ok() {
        if let Ok(mut times) = times.lock() {
            times.push(clock::now());
        }
    }
}

/// The proxies, and when each rule was installed.
struct Network {
    rules: Rules,
    installed: Mutex<Vec<(Instant, RuleId)>>,
}

impl Network {
    /// When the rule that was due then had its first effect.
    fn effect(&self, due: Instant) -> Option<Instant> {
        let installed = self.installed.lock().ok()?;
        let (at, id) = installed.iter().find(|(at, _)| *at >= due)?;
        Some(*at + self.rules.counters(id).first_effect?)
    }
}

impl Injector for Network {
    fn broker(&self, _role: Role) -> Option<String> {
        None
    }

    fn install<'a>(
        &'a self,
        action: &'a Action,
        limit: Duration,
    ) -> BoxFuture<'a, Result<Box<dyn Installed>, Refusal>> {
        async move {
            let effect = (Direction::Both, Effect::Hold);
            let rule = Rule::between(&action.targets, effect, action.seed, limit);
            let (at, id) = (clock::now(), self.rules.install(rule));
            let mut installed =
                self.installed.lock().map_err(|error| Refusal::Failed(error.to_string()))?;
            installed.push((at, id.clone()));
            Ok(Box::new(Partition { rules: self.rules.clone(), id }) as Box<dyn Installed>)
        }
        .boxed()
    }
}

struct Partition {
    rules: Rules,
    id: RuleId,
}

impl Installed for Partition {
    fn evidence(&mut self) -> BoxFuture<'_, Option<String>> {
        let counters = self.rules.counters(&self.id);
        async move { counters.first_effect.map(|first| format!("{first:?}")) }.boxed()
    }

    fn heal(&mut self) -> BoxFuture<'_, Result<String, String>> {
        let counters = self.rules.remove(&self.id);
        async move { Ok(format!("{counters:?}")) }.boxed()
    }
}
