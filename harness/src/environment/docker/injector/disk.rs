//! A log volume that is full: the broker's log folder fails, and the broker ends.

use super::down::PATIENCE;
use super::{Hands, refused, unsupported};
use crate::environment::docker::brokers::Names;
use crate::environment::docker::engine::EngineError;
use crate::environment::local::brokers::name;
use chaos::{DiskState, Installed, Refusal};
use futures::FutureExt;
use futures::future::BoxFuture;

/// Changes the disks of brokers.
pub(super) async fn change(
    hands: Hands,
    ids: Vec<i32>,
    state: DiskState,
) -> Result<Box<dyn Installed>, Refusal> {
    if state != DiskState::Full {
        return unsupported("the brokers' logs lie in memory, which nothing slows down");
    }
    hands.announce(&ids);
    let full = Full { hands, ids, emptied: false };
    for id in &full.ids {
        let fill = format!("dd if=/dev/zero of={} bs=1M 2>/dev/null; true", ballast(*id));
        full.keeper(&fill).await.map_err(refused)?;
    }
    Ok(Box::new(full))
}

/// What fills a broker's volume, as its keeper sees it.
fn ballast(id: i32) -> String {
    format!("{}/ballast", Names::kept(id))
}

struct Full {
    hands: Hands,
    ids: Vec<i32>,
    /// Whether there is space again, and the brokers that had none have ended.
    emptied: bool,
}

impl Full {
    async fn keeper(&self, script: &str) -> Result<String, EngineError> {
        self.hands.engine.run(&self.hands.names.keeper(), &["sh", "-c", script]).await
    }

    async fn empty(&self) -> Result<(), EngineError> {
        for id in &self.ids {
            self.keeper(&format!("rm -f {}", ballast(*id))).await?;
            // A broker that has lost its logs and runs on does not look for them again.
            let container = self.hands.names.container(*id);
            let _ = self.hands.engine.kill(&container, "KILL").await;
        }
        self.hands.until_ended(&self.ids).await
    }

    /// How many replicas each took offline; nothing while one has all.
    async fn sentence(&self) -> Option<String> {
        let mut ends = Vec::new();
        for id in &self.ids {
            let partitions = self.hands.cluster.partitions();
            let offline = partitions.values().filter(|p| p.offline.contains(id)).count();
            let state = self.hands.state(*id).await.ok()?;
            if state.running && offline == 0 {
                return None;
            }
            let how = match state.running {
                true => "runs on".to_owned(),
                false => format!("ended with exit code {}", state.exit_code),
            };
            ends.push(format!(
                "{} has no space left: {offline} replicas offline, it {how}",
                name(*id)
            ));
        }
        Some(ends.join("; "))
    }
}

impl Installed for Full {
    fn evidence(&mut self) -> BoxFuture<'_, Option<String>> {
        self.sentence().boxed()
    }

    fn heal(&mut self) -> BoxFuture<'_, Result<String, String>> {
        async {
            if !self.emptied {
                self.empty().await.map_err(|error| error.to_string())?;
                self.emptied = true;
            }
            self.hands.bring_back(&self.ids, PATIENCE).await
        }
        .boxed()
    }
}
