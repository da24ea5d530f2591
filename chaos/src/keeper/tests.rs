use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::Semaphore;

use super::*;
use crate::fault::{Fault, FetchStall};
use crate::injector::Targets;
use crate::selector::Selector;

const LIMIT: Duration = Duration::from_secs(5);

/// An environment that counts, and installs only when it is let.
struct Counting {
    let_install: Semaphore,
    /// Attempts to heal that fail.
    failures: AtomicU32,
    installed: AtomicU32,
    healed: AtomicU32,
}

impl Counting {
    fn new(failures: u32) -> Arc<Self> {
        Arc::new(Self {
            let_install: Semaphore::new(0),
            failures: AtomicU32::new(failures),
            installed: AtomicU32::new(0),
            healed: AtomicU32::new(0),
        })
    }

    fn counts(&self) -> (u32, u32) {
        (self.installed.load(Ordering::SeqCst), self.healed.load(Ordering::SeqCst))
    }
}

struct Shared(Arc<Counting>);

impl Injector for Shared {
    fn broker(&self, _role: Role) -> Option<String> {
        None
    }

    fn install<'a>(
        &'a self,
        _action: &'a Action,
        _limit: Duration,
    ) -> BoxFuture<'a, Result<Box<dyn Installed>, Refusal>> {
        async move {
            self.0.let_install.acquire().await.expect("it is never closed").forget();
            self.0.installed.fetch_add(1, Ordering::SeqCst);
            Ok(Box::new(Shared(Arc::clone(&self.0))) as Box<dyn Installed>)
        }
        .boxed()
    }
}

impl Installed for Shared {
    fn evidence(&mut self) -> BoxFuture<'_, Option<String>> {
        async { Some("in force".to_owned()) }.boxed()
    }

    fn heal(&mut self) -> BoxFuture<'_, Result<String, String>> {
        let fails = self.0.failures.load(Ordering::SeqCst) > 0;
        let (count, answer) = if fails {
            (&self.0.failures, Err("not yet".to_owned()))
        } else {
            (&self.0.healed, Ok("healed".to_owned()))
        };
        if fails {
            count.fetch_sub(1, Ordering::SeqCst);
        } else {
            count.fetch_add(1, Ordering::SeqCst);
        }
        async { answer }.boxed()
    }
}

fn action() -> Action {
    let fault = Fault::FetchStall(FetchStall { brokers: Selector::All });
    Action { fault, targets: Targets::default(), seed: 1 }
}

#[tokio::test(start_paused = true)]
async fn what_is_healed_in_time_does_not_heal_itself() {
    let environment = Counting::new(0);
    environment.let_install.add_permits(1);
    let keeper = Keeper::new(Arc::new(Shared(Arc::clone(&environment))));
    let action = action();
    let mut installed = keeper.install(&action, LIMIT).await.unwrap();
    assert_eq!(installed.evidence().await.unwrap(), "in force");
    assert_eq!(installed.heal().await.unwrap(), "healed");
    assert_eq!(installed.heal().await.unwrap(), "healed");
    drop(installed);
    tokio::time::sleep(LIMIT * 2).await;
    assert_eq!((environment.counts(), keeper.in_force()), ((1, 2), 0));
    assert_eq!(Arc::strong_count(&environment), 2, "the fault has let go of it");
}

#[tokio::test(start_paused = true)]
async fn what_nobody_heals_heals_itself_at_its_limit_and_tries_until_it_has() {
    let environment = Counting::new(2);
    environment.let_install.add_permits(1);
    let keeper = Keeper::new(Arc::new(Shared(Arc::clone(&environment))));
    let mut installed = keeper.install(&action(), LIMIT).await.unwrap();
    tokio::time::sleep(LIMIT - Duration::from_millis(1)).await;
    assert_eq!((environment.counts(), keeper.in_force()), ((1, 0), 1));
    tokio::time::sleep(RETRY_PERIOD * 3).await;
    assert_eq!((environment.counts(), keeper.in_force()), ((1, 1), 0));
    assert_eq!(installed.heal().await.unwrap(), "it healed by itself");
    assert_eq!((installed.evidence().await, environment.counts()), (None, (1, 1)));
}

#[tokio::test(start_paused = true)]
async fn an_installation_that_nobody_waits_for_any_more_is_undone() {
    let environment = Counting::new(0);
    let keeper = Keeper::new(Arc::new(Shared(Arc::clone(&environment))));
    let action = action();
    let cancelled = tokio::time::timeout(Duration::from_secs(1), keeper.install(&action, LIMIT));
    assert!(cancelled.await.is_err());
    environment.let_install.add_permits(1);
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(environment.counts(), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_fault_that_is_dropped_heals_at_once_even_if_nobody_took_it() {
    let environment = Counting::new(0);
    environment.let_install.add_permits(2);
    let keeper = Keeper::new(Arc::new(Shared(Arc::clone(&environment))));
    let action = action();
    drop(keeper.install(&action, LIMIT).await.unwrap());
    let waiting = keeper.install(&action, LIMIT);
    // It is installed before anybody asks for it.
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(environment.counts(), (2, 1));
    drop(waiting);
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!((environment.counts(), keeper.in_force()), ((2, 2), 0));
}

#[tokio::test(start_paused = true)]
async fn closing_heals_what_is_in_force_and_lets_go_of_what_does_not_heal() {
    for failures in [0, u32::MAX] {
        let environment = Counting::new(failures);
        environment.let_install.add_permits(1);
        let keeper = Keeper::new(Arc::new(Shared(Arc::clone(&environment))));
        let _kept = keeper.install(&action(), LIMIT).await.unwrap();
        keeper.close().await;
        assert_eq!(environment.counts(), (1, u32::from(failures == 0)));
        assert_eq!(Arc::strong_count(&environment), 2, "the fault has let go of it");
    }
}
