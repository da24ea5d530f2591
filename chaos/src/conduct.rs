//! The plan played against the clock: each fault is installed when due, watched for evidence,
//! and healed on every path out.

mod outcome;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

pub use outcome::{FaultEvent, FaultOutcome, FaultState, FaultStep};

use crate::clock;
use crate::injector::{Action, Injector, Installed};
use crate::journal::{Journal, JournalEntry, JournalError};
use crate::schedule::PlannedFault;
use crate::selector::Pool;

/// How often a fault in force is asked for evidence.
pub const EVIDENCE_PERIOD: Duration = Duration::from_millis(20);
/// How much longer than planned a target waits before it heals itself.
pub const LIMIT_GRACE: Duration = Duration::from_secs(10);

const INSTALL_MAX: Duration = Duration::from_secs(10);
const HEAL_MAX: Duration = Duration::from_secs(10);
const HEAL_ATTEMPTS: u32 = 3;
const HEAL_PAUSE: Duration = Duration::from_millis(200);
const SENTENCE_BYTES_MAX: usize = 4096;

/// Plays a plan and returns what became of each fault, in the order of the plan.
///
/// A fault that is refused, fails or panics stops no other. On cancellation everything that is
/// installed is healed, the latest first. Dropping the future instead leaves healing to the time
/// limit that each target was given.
pub async fn conduct(
    plan: Vec<PlannedFault>,
    injector: &dyn Injector,
    journal: &Journal,
    start: Instant,
    cancel: CancellationToken,
    progress: &(dyn Fn(FaultEvent) + Sync),
) -> Vec<FaultOutcome> {
    let conductor = Conductor {
        injector,
        journal,
        start,
        cancel,
        progress,
        stage: Mutex::default(),
        healed: Notify::new(),
    };
    let conductor = &conductor;
    let plays = plan.into_iter().enumerate();
    let plays = plays.map(|(index, fault)| conductor.play(index, fault));
    futures::future::join_all(plays).await
}

struct Conductor<'a> {
    injector: &'a dyn Injector,
    journal: &'a Journal,
    start: Instant,
    cancel: CancellationToken,
    progress: &'a (dyn Fn(FaultEvent) + Sync),
    stage: Mutex<Stage>,
    /// Wakes those that wait for their turn to heal.
    healed: Notify,
}

/// What is in force.
#[derive(Default)]
struct Stage {
    /// Faults not yet over, in the order in which they were installed.
    order: Vec<usize>,
    /// Targets that are down, each with the fault that did it.
    down: BTreeMap<(Pool, String), String>,
}

impl Conductor<'_> {
    async fn play(&self, index: usize, mut fault: PlannedFault) -> FaultOutcome {
        let mut outcome = FaultOutcome::planned(&fault);
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => {
                return self.skip(outcome, "cancelled before it was due".to_owned()).await;
            }
            () = sleep_until(self.start + fault.due) => {}
        }
        let admitted = self.admit(index, &mut fault);
        outcome.targets = fault.action.targets();
        if let Err(reason) = admitted {
            return self.skip(outcome, reason).await;
        }
        self.tell(&outcome, FaultStep::Installing(outcome.targets.clone()));
        let limit = fault.hold.saturating_add(LIMIT_GRACE);
        if let Err(error) = self.announce(&outcome, limit).await {
            self.release(index, &fault.action);
            return self.skip(outcome, error.to_string()).await;
        }
        let install = async { self.injector.install(&fault.action, limit).await };
        match guarded(INSTALL_MAX, install).await {
            Ok(Ok(installed)) => {
                outcome.installed = Some(self.elapsed());
                self.tell(&outcome, FaultStep::Installed);
                self.in_force(index, &fault, installed, &mut outcome).await;
                outcome
            }
            Ok(Err(refusal)) => {
                self.release(index, &fault.action);
                self.skip(outcome, refusal.to_string()).await
            }
            // It may be half installed: what it takes down stays taken until the end.
            Err(failure) => {
                self.leave(index);
                self.unproven(&mut outcome, format!("installing {failure}")).await;
                outcome
            }
        }
    }

    /// From installed to healed.
    async fn in_force(
        &self,
        index: usize,
        fault: &PlannedFault,
        mut installed: Box<dyn Installed>,
        outcome: &mut FaultOutcome,
    ) {
        let end = clock::now() + fault.hold;
        match self.observe(&mut *installed, end).await {
            Ok(evidence) => {
                let evidence = clipped(evidence);
                outcome.landed = Some(self.elapsed());
                outcome.state = FaultState::Landed { evidence: evidence.clone() };
                let name = outcome.name.clone();
                let entry = JournalEntry::FaultLanded { name, evidence: evidence.clone() };
                self.record(entry).await;
                self.tell(outcome, FaultStep::Landed(evidence));
                tokio::select! {
                    () = self.cancel.cancelled() => {}
                    () = sleep_until(end) => {}
                }
            }
            Err(reason) => self.unproven(outcome, reason).await,
        }
        if self.cancel.is_cancelled() {
            self.turn(index).await;
        }
        self.heal(&mut *installed, outcome).await;
        if outcome.heal_error.is_none() {
            self.release(index, &fault.action);
        } else {
            self.leave(index);
        }
    }

    /// Asks for evidence until there is some, the time is over, or the run is cancelled. The last
    /// question is asked when the time is over.
    async fn observe(&self, installed: &mut dyn Installed, end: Instant) -> Result<String, String> {
        let watch = async {
            loop {
                let left = end.saturating_duration_since(clock::now()).max(EVIDENCE_PERIOD);
                match guarded(left, async { installed.evidence().await }).await {
                    Ok(Some(evidence)) => return Ok(evidence),
                    Ok(None) | Err(Failure::Late(_)) => {}
                    Err(failure @ Failure::Panicked) => {
                        // It lasts as long as planned all the same.
                        sleep_until(end).await;
                        return Err(format!("looking for evidence {failure}"));
                    }
                }
                if clock::now() >= end {
                    return Err("no evidence by the time it was healed".to_owned());
                }
                sleep_until((clock::now() + EVIDENCE_PERIOD).min(end)).await;
            }
        };
        tokio::select! {
            biased;
            answer = watch => answer,
            () = self.cancel.cancelled() => Err("cancelled before there was evidence".to_owned()),
        }
    }

    async fn heal(&self, installed: &mut dyn Installed, outcome: &mut FaultOutcome) {
        let mut last = String::new();
        for attempt in 1..=HEAL_ATTEMPTS {
            let heal = async { installed.heal().await };
            match guarded(HEAL_MAX, heal).await {
                Ok(Ok(measured)) => {
                    let measured = clipped(measured);
                    outcome.healed = Some(self.elapsed());
                    outcome.healing = Some(measured.clone());
                    let name = outcome.name.clone();
                    let entry = JournalEntry::FaultHealed { name, measured: measured.clone() };
                    self.record(entry).await;
                    self.tell(outcome, FaultStep::Healed(measured));
                    return;
                }
                Ok(Err(error)) => last = error,
                Err(failure) => last = format!("healing {failure}"),
            }
            if attempt < HEAL_ATTEMPTS {
                sleep(HEAL_PAUSE).await;
            }
        }
        let error = clipped(last);
        outcome.heal_error = Some(error.clone());
        let name = outcome.name.clone();
        self.record(JournalEntry::FaultHealFailed { name, error: error.clone() }).await;
        self.tell(outcome, FaultStep::HealFailed(error));
    }

    /// Finds targets by role, checks the blast radius against what is down now, and claims them.
    fn admit(&self, index: usize, fault: &mut PlannedFault) -> Result<(), String> {
        if let Some(role) = fault.action.role() {
            let find = AssertUnwindSafe(|| self.injector.broker(role));
            match std::panic::catch_unwind(find) {
                Ok(Some(broker)) => fault.action.targets.brokers = vec![broker],
                Ok(None) => return Err(format!("there is no {role} now")),
                Err(_) => return Err(format!("finding the {role} panicked")),
            }
        }
        let mut stage = self.stage();
        if let Some((pool, targets)) = fault.action.takes_down() {
            for target in targets {
                if let Some(other) = stage.down.get(&(pool, target.clone())) {
                    return Err(format!("{target} is still down by {other:?}"));
                }
            }
            let down = stage.down.keys().filter(|(other, _)| *other == pool).count();
            let wanted = targets.len();
            if let Some(allowed) = fault.down_max
                && down + wanted > allowed
            {
                return Err(format!("{down} down already and {wanted} more; allowed: {allowed}"));
            }
            for target in targets {
                stage.down.insert((pool, target.clone()), fault.name.clone());
            }
        }
        stage.order.push(index);
        Ok(())
    }

    /// Waits until everything that was installed later is over.
    async fn turn(&self, index: usize) {
        loop {
            let healed = self.healed.notified();
            tokio::pin!(healed);
            healed.as_mut().enable();
            if self.stage().order.last().is_none_or(|last| *last == index) {
                return;
            }
            healed.await;
        }
    }

    /// The fault is over and its targets are back.
    fn release(&self, index: usize, action: &Action) {
        if let Some((pool, targets)) = action.takes_down() {
            let mut stage = self.stage();
            for target in targets {
                stage.down.remove(&(pool, target.clone()));
            }
        }
        self.leave(index);
    }

    /// The fault is over, but nobody knows whether its targets are back: they stay counted.
    fn leave(&self, index: usize) {
        self.stage().order.retain(|other| *other != index);
        self.healed.notify_waiters();
    }

    async fn skip(&self, mut outcome: FaultOutcome, reason: String) -> FaultOutcome {
        let reason = clipped(reason);
        let name = outcome.name.clone();
        self.record(JournalEntry::FaultSkipped { name, reason: reason.clone() }).await;
        self.tell(&outcome, FaultStep::Skipped(reason.clone()));
        outcome.state = FaultState::Skipped { reason };
        outcome
    }

    async fn unproven(&self, outcome: &mut FaultOutcome, reason: String) {
        let reason = clipped(reason);
        let name = outcome.name.clone();
        self.record(JournalEntry::FaultIndeterminate { name, reason: reason.clone() }).await;
        self.tell(outcome, FaultStep::Indeterminate(reason.clone()));
        outcome.state = FaultState::Indeterminate { reason };
    }

    /// Writes down what is about to be done; without that it must not be done.
    async fn announce(&self, outcome: &FaultOutcome, limit: Duration) -> Result<(), JournalError> {
        let entry = JournalEntry::FaultInstalling {
            name: outcome.name.clone(),
            kind: outcome.kind.clone(),
            targets: outcome.targets.clone(),
            limit_us: u64::try_from(limit.as_micros()).unwrap_or(u64::MAX),
        };
        self.append(entry).await
    }

    /// Writes down what was seen. A full disk must not keep a fault from being healed.
    async fn record(&self, entry: JournalEntry) {
        if let Err(error) = self.append(entry).await {
            tracing::warn!(%error, "the journal misses an entry");
        }
    }

    async fn append(&self, entry: JournalEntry) -> Result<(), JournalError> {
        let journal = self.journal.clone();
        // The disk is waited for on a thread of its own, away from the load.
        match tokio::task::spawn_blocking(move || journal.append(entry)).await {
            Ok(written) => written,
            Err(error) => Err(std::io::Error::other(error).into()),
        }
    }

    fn tell(&self, outcome: &FaultOutcome, step: FaultStep) {
        (self.progress)(FaultEvent {
            name: outcome.name.clone(),
            kind: outcome.kind.clone(),
            at: self.elapsed(),
            step,
        });
    }

    fn elapsed(&self) -> Duration {
        clock::now().saturating_duration_since(self.start)
    }

    fn stage(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a call into the environment gave no answer.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("did not end within {0:?}")]
    Late(Duration),
    #[error("panicked")]
    Panicked,
}

/// Runs a call into the environment so that neither its panic nor its silence harms the others.
async fn guarded<T>(limit: Duration, call: impl Future<Output = T>) -> Result<T, Failure> {
    match timeout(limit, AssertUnwindSafe(call).catch_unwind()).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(_)) => Err(Failure::Panicked),
        Err(_) => Err(Failure::Late(limit)),
    }
}

/// Keeps a sentence from the environment within the bounds of a journal line.
fn clipped(mut sentence: String) -> String {
    if sentence.len() > SENTENCE_BYTES_MAX {
        sentence.truncate(sentence.floor_char_boundary(SENTENCE_BYTES_MAX));
        sentence.push('…');
    }
    sentence
}
