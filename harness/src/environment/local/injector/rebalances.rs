//! A group that is made to rebalance again and again.

use crate::clock::Anchor;
use chaos::{Installed, Refusal};
use embedded_kafka::{EmbeddedKafka, GroupState};
use futures::FutureExt;
use futures::future::BoxFuture;
use results::report::format::counted;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Generations that are a storm.
const GENERATIONS_MIN: i32 = 2;
/// How often the end of the last rebalance is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Lets a group rebalance every so often, for `limit` at most.
pub(super) fn begin(
    kafka: &Arc<EmbeddedKafka>,
    group: &'static str,
    every: Duration,
    limit: Duration,
) -> Result<Box<dyn Installed>, Refusal> {
    let before = generation(kafka, group)
        .ok_or_else(|| Refusal::Failed(format!("there is no group {group}")))?;
    let stop = CancellationToken::new();
    let storm = Storm {
        kafka: Arc::clone(kafka),
        group,
        before,
        _ends_when_dropped: stop.clone().drop_guard(),
        stop: stop.clone(),
    };
    tokio::spawn(blow(Arc::clone(kafka), group, every, Anchor::ahead(limit), stop));
    Ok(Box::new(storm))
}

async fn blow(
    kafka: Arc<EmbeddedKafka>,
    group: &'static str,
    every: Duration,
    limit: Anchor,
    stop: CancellationToken,
) {
    let mut timer = interval(every);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while limit.elapsed_ns() < 0 {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = timer.tick() => { kafka.unsettle_group(group); }
        }
    }
}

struct Storm {
    kafka: Arc<EmbeddedKafka>,
    group: &'static str,
    /// The generation before the first rebalance.
    before: i32,
    stop: CancellationToken,
    _ends_when_dropped: DropGuard,
}

impl Storm {
    fn sentence(&self) -> Option<String> {
        let now = generation(&self.kafka, self.group)?;
        (now - self.before >= GENERATIONS_MIN).then(|| account(self.group, self.before, now))
    }

    async fn settle(&self) -> String {
        self.stop.cancel();
        loop {
            let view = self.kafka.group(self.group);
            // A group that everybody left has nothing to settle.
            match view.filter(|view| !view.members.is_empty()) {
                Some(view) if view.state == GroupState::Stable => {
                    return format!(
                        "{}; stable with {}",
                        account(self.group, self.before, view.generation),
                        counted(view.members.len(), "member")
                    );
                }
                Some(_) => sleep(LOOK_EVERY).await,
                None => return format!("{} has no members", self.group),
            }
        }
    }
}

fn account(group: &str, before: i32, now: i32) -> String {
    format!("group {group} began {} generations, {before} to {now}", now - before)
}

fn generation(kafka: &EmbeddedKafka, group: &str) -> Option<i32> {
    kafka.group(group).map(|view| view.generation)
}

impl Installed for Storm {
    fn evidence(&mut self) -> BoxFuture<'_, Option<String>> {
        let sentence = self.sentence();
        async move { sentence }.boxed()
    }

    fn heal(&mut self) -> BoxFuture<'_, Result<String, String>> {
        async move { Ok(self.settle().await) }.boxed()
    }
}
