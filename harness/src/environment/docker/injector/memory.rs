//! Brokers that may take less memory than they do: the kernel kills them.

use super::down::PATIENCE;
use super::{Hands, refused};
use crate::environment::docker::engine::EngineError;
use crate::environment::local::brokers::name;
use bollard::models::ContainerUpdateBody;
use chaos::{Installed, Refusal};
use futures::FutureExt;
use futures::future::BoxFuture;

/// What a broker may still take once it is told to take no more, in bytes: a limit below what is
/// in use may be refused.
const LEFT_BYTES: i64 = 4 << 20;
/// Takes more than that at once. The kernel kills the process that has the most, which is the
/// broker's.
const GREED: &str = "head -c 100000000 /dev/zero | tail -c 100000000 >/dev/null";

/// Lets brokers have no more memory than they have, and takes some of it.
pub(super) async fn exhaust(hands: Hands, ids: Vec<i32>) -> Result<Box<dyn Installed>, Refusal> {
    hands.announce(&ids);
    let mut before = Vec::new();
    for id in &ids {
        let container = hands.names.container(*id);
        let (limited, used) = hands.engine.memory(&container).await.map_err(refused)?;
        before.push(limited);
        limit(&hands, *id, used + LEFT_BYTES).await.map_err(refused)?;
        let engine = hands.engine.clone();
        // It ends with the container, or is killed in its place: then there is no evidence.
        tokio::spawn(async move { engine.run(&container, &["sh", "-c", GREED]).await });
    }
    Ok(Box::new(Exhausted { hands, ids, before }))
}

async fn limit(hands: &Hands, id: i32, bytes: i64) -> Result<(), EngineError> {
    let limits =
        ContainerUpdateBody { memory: Some(bytes), memory_swap: Some(bytes), ..Default::default() };
    hands.engine.update(&hands.names.container(id), limits).await
}

struct Exhausted {
    hands: Hands,
    ids: Vec<i32>,
    /// What each could take before, in bytes.
    before: Vec<i64>,
}

impl Exhausted {
    /// How each ended; nothing while one runs.
    async fn sentence(&self) -> Option<String> {
        let mut ends = Vec::new();
        for id in &self.ids {
            let state = self.hands.state(*id).await.ok()?;
            if state.running || !state.oom_killed {
                return None;
            }
            ends.push(format!("{} was killed for its memory", name(*id)));
        }
        Some(ends.join("; "))
    }
}

impl Installed for Exhausted {
    fn evidence(&mut self) -> BoxFuture<'_, Option<String>> {
        self.sentence().boxed()
    }

    fn heal(&mut self) -> BoxFuture<'_, Result<String, String>> {
        async {
            for (id, before) in self.ids.iter().zip(&self.before) {
                let restored = limit(&self.hands, *id, *before).await;
                restored.map_err(|error| error.to_string())?;
            }
            self.hands.bring_back(&self.ids, PATIENCE).await
        }
        .boxed()
    }
}
