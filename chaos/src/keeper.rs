//! Faults that heal themselves: at their limit, or once nobody is left who could heal them.
//!
//! An installation runs in a task of its own, so that nothing is ever half installed because
//! somebody stopped waiting for it.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use tokio::sync::{Mutex, oneshot};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::clock;
use crate::injector::{Action, Injector, Installed, Refusal};
use crate::selector::Role;

/// How often a fault is asked again to heal itself after it failed to.
const RETRY_PERIOD: Duration = Duration::from_secs(1);

/// An injector whose faults end by themselves.
pub struct Keeper {
    injector: Arc<dyn Injector>,
    tasks: TaskTracker,
    closing: CancellationToken,
}

impl Keeper {
    /// Keeps watch over what this injector installs.
    pub fn new(injector: Arc<dyn Injector>) -> Self {
        Self { injector, tasks: TaskTracker::new(), closing: CancellationToken::new() }
    }

    /// How many faults are in force, or on their way in or out.
    pub fn in_force(&self) -> usize {
        self.tasks.len()
    }

    /// Heals what is still in force, once, and lets go of the environment.
    pub async fn close(&self) {
        self.closing.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Injector for Keeper {
    fn broker(&self, role: Role) -> Option<String> {
        self.injector.broker(role)
    }

    fn install<'a>(
        &'a self,
        action: &'a Action,
        limit: Duration,
    ) -> BoxFuture<'a, Result<Box<dyn Installed>, Refusal>> {
        let (give, take) = oneshot::channel();
        let (injector, action) = (Arc::clone(&self.injector), action.clone());
        let (closing, end) = (self.closing.clone(), clock::now() + limit);
        self.tasks.spawn(async move {
            match injector.install(&action, limit).await {
                Err(refusal) => {
                    // Nothing was installed, so that nobody needs to hear of it.
                    let _gone = give.send(Err(refusal));
                }
                Ok(installed) => watch(Kept::new(installed), give, end, closing).await,
            }
        });
        async move {
            match take.await {
                Ok(answer) => Ok(Box::new(answer?) as Box<dyn Installed>),
                // It panicked: nobody knows what is in force, which is no refusal.
                Err(_) => std::panic::resume_unwind(Box::new("installing panicked")),
            }
        }
        .boxed()
    }
}

/// Hands a fault over and heals it at its limit, unless that was done before.
async fn watch(
    kept: Kept,
    give: oneshot::Sender<Result<Handed, Refusal>>,
    end: Instant,
    closing: CancellationToken,
) {
    let gone = CancellationToken::new();
    let handed = Handed { kept: kept.clone(), _gone: gone.clone().drop_guard() };
    // One that nobody takes is gone at once.
    drop(give.send(Ok(handed)));
    tokio::select! {
        biased;
        () = kept.over.cancelled() => return,
        () = gone.cancelled() => {}
        () = closing.cancelled() => {}
        () = sleep_until(end) => {}
    }
    while let Err(error) = kept.heal().await {
        tracing::error!(%error, "a fault that nobody healed does not heal itself");
        tokio::select! {
            () = closing.cancelled() => break,
            () = tokio::time::sleep(RETRY_PERIOD) => {}
        }
    }
    kept.force.lock().await.take();
}

/// A fault in force, which its installer and its watch share.
#[derive(Clone)]
struct Kept {
    /// Nothing once it has healed by itself: it holds on to the environment.
    force: Arc<Mutex<Option<Box<dyn Installed>>>>,
    over: CancellationToken,
}

impl Kept {
    fn new(installed: Box<dyn Installed>) -> Self {
        let force = Arc::new(Mutex::new(Some(installed)));
        Self { force, over: CancellationToken::new() }
    }

    /// Ends the fault, again if asked to again.
    async fn heal(&self) -> Result<String, String> {
        let mut force = self.force.lock().await;
        let Some(installed) = force.as_mut() else { return Ok("it healed by itself".to_owned()) };
        let measured = installed.heal().await?;
        self.over.cancel();
        Ok(measured)
    }
}

/// What the installer gets. Nobody else can heal it, so that dropping it does.
struct Handed {
    kept: Kept,
    _gone: DropGuard,
}

impl Installed for Handed {
    fn evidence(&mut self) -> BoxFuture<'_, Option<String>> {
        async move { self.kept.force.lock().await.as_mut()?.evidence().await }.boxed()
    }

    fn heal(&mut self) -> BoxFuture<'_, Result<String, String>> {
        self.kept.heal().boxed()
    }
}
