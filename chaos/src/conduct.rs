//! The plan played against the clock: each fault is installed when due, watched for evidence,
//! and healed on every path out. When it is due, and how long it lasts, its [`Watch`] says.

mod outcome;
mod stage;
#[cfg(test)]
mod tests;

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
use crate::schedule::cue::{Due, LOOK_EVERY, Watch};
use crate::schedule::view::{Reading, View};

use stage::Stage;

/// How often a fault in force is asked for evidence.
pub const EVIDENCE_PERIOD: Duration = Duration::from_millis(20);
/// How much longer than planned a target waits before it heals itself.
pub const LIMIT_GRACE: Duration = Duration::from_secs(10);

const INSTALL_MAX: Duration = Duration::from_secs(10);
const HEAL_MAX: Duration = Duration::from_secs(10);
/// How often a fault that does not heal is asked to.
pub const HEAL_ATTEMPTS: u32 = 3;
const HEAL_PAUSE: Duration = Duration::from_millis(200);
const SENTENCE_BYTES_MAX: usize = 4096;

/// Plays a plan and returns what became of each fault, in the order in which they were due: one
/// outcome for each time that a fault came, or why it never did. `reading` is asked often by
/// conditions, and has to answer at once.
///
/// A fault that is refused, fails or panics stops no other. On cancellation everything that is
/// installed is healed, the latest first. Dropping the future instead leaves healing to the
/// injector: a [`Keeper`](crate::Keeper) heals what nobody else can heal any more.
pub async fn conduct(
    plan: Vec<PlannedFault>,
    injector: &dyn Injector,
    journal: &Journal,
    start: Instant,
    cancel: CancellationToken,
    reading: &(dyn Fn() -> Reading + Sync),
    progress: &(dyn Fn(FaultEvent) + Sync),
) -> Vec<FaultOutcome> {
    let conductor = Conductor {
        injector,
        journal,
        start,
        cancel,
        reading,
        progress,
        stage: Mutex::default(),
        changed: Notify::new(),
    };
    let conductor = &conductor;
    let plays = plan.into_iter().enumerate();
    let plays = plays.map(|(index, fault)| conductor.play(index, fault));
    let mut outcomes: Vec<FaultOutcome> =
        futures::future::join_all(plays).await.into_iter().flatten().collect();
    outcomes.sort_by_key(|outcome| outcome.due);
    outcomes
}

struct Conductor<'a> {
    injector: &'a dyn Injector,
    journal: &'a Journal,
    start: Instant,
    cancel: CancellationToken,
    reading: &'a (dyn Fn() -> Reading + Sync),
    progress: &'a (dyn Fn(FaultEvent) + Sync),
    stage: Mutex<Stage>,
    /// Wakes those that wait for others: for their turn to heal, or by a condition on faults.
    changed: Notify,
}

impl Conductor<'_> {
    /// Follows a fault of the plan until it has come as often as it will.
    async fn play(&self, index: usize, fault: PlannedFault) -> Vec<FaultOutcome> {
        let mut watch = Watch::new(fault.cue.clone());
        let mut outcomes = Vec::new();
        tokio::select! {
            () = self.cancel.cancelled() => {}
            () = sleep_until(self.start) => {}
        }
        loop {
            if self.cancel.is_cancelled() {
                if outcomes.is_empty() {
                    let reason = "cancelled before it was due".to_owned();
                    outcomes.push(self.skip(FaultOutcome::planned(&fault), reason).await);
                }
                return outcomes;
            }
            match watch.look(&self.view()) {
                Due::Now => {
                    let fault = fault.numbered(watch.begun());
                    outcomes.push(self.once(index, fault, &mut watch).await);
                }
                Due::Wait(until) => tokio::select! {
                    () = self.cancel.cancelled() => {}
                    () = self.changed.notified() => {}
                    () = sleep_until(self.start + until) => {}
                },
                Due::Missed(reason) => {
                    outcomes.push(self.skip(FaultOutcome::planned(&fault), reason).await);
                }
                Due::Over => return outcomes,
            }
        }
    }

    /// A fault that is due now, until it is over.
    async fn once(&self, index: usize, mut fault: PlannedFault, watch: &mut Watch) -> FaultOutcome {
        let mut outcome = FaultOutcome::due(&fault, self.elapsed());
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
                self.stage().installed(index, &fault);
                self.changed.notify_waiters();
                self.tell(&outcome, FaultStep::Installed);
                self.in_force(index, &fault, installed, watch, &mut outcome).await;
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
        watch: &mut Watch,
        outcome: &mut FaultOutcome,
    ) {
        let end = clock::now() + fault.hold;
        let interrupted = self.interrupted(watch);
        tokio::pin!(interrupted);
        let observed = tokio::select! {
            biased;
            answer = self.observe(&mut *installed, end) => answer,
            reason = &mut interrupted => Err(format!("{reason} before there was evidence")),
        };
        match observed {
            Ok(evidence) => {
                let evidence = clipped(evidence);
                outcome.landed = Some(self.elapsed());
                outcome.state = FaultState::Landed { evidence: evidence.clone() };
                let name = outcome.name.clone();
                let entry = JournalEntry::FaultLanded { name, evidence: evidence.clone() };
                self.record(entry).await;
                self.tell(outcome, FaultStep::Landed(evidence));
                tokio::select! {
                    _ = interrupted => {}
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

    /// Ends with a reason when the fault is to be healed before its time.
    async fn interrupted(&self, watch: &mut Watch) -> &'static str {
        let ceased = async {
            while watch.goes_on(&self.view()) {
                if !watch.is_conditional() {
                    return std::future::pending().await;
                }
                tokio::select! {
                    () = self.changed.notified() => {}
                    () = sleep(LOOK_EVERY) => {}
                }
            }
        };
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => "cancelled",
            () = ceased => "what it lasts for no longer held",
        }
    }

    /// Asks for evidence until there is some or the time is over. The last question is asked when
    /// the time is over.
    async fn observe(&self, installed: &mut dyn Installed, end: Instant) -> Result<String, String> {
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

    /// Finds the target by its role, and has the stage decide on the fault.
    fn admit(&self, index: usize, fault: &mut PlannedFault) -> Result<(), String> {
        if let Some(role) = fault.action.role() {
            let find = AssertUnwindSafe(|| self.injector.broker(role));
            let broker = match std::panic::catch_unwind(find) {
                Ok(Some(broker)) => broker,
                Ok(None) => return Err(format!("there is no {role} now")),
                Err(_) => return Err(format!("finding the {role} panicked")),
            };
            if !fault.reach.contains(&broker) {
                return Err(format!("{broker}, the {role} now, is outside the blast radius"));
            }
            fault.reach = vec![broker.clone()];
            fault.action.targets.brokers = vec![broker];
        }
        self.stage().admit(index, fault)
    }

    /// Waits until everything that was installed later is over.
    async fn turn(&self, index: usize) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if self.stage().is_last(index) {
                return;
            }
            changed.await;
        }
    }

    fn release(&self, index: usize, action: &Action) {
        self.stage().release(index, action);
        self.changed.notify_waiters();
    }

    fn leave(&self, index: usize) {
        self.stage().leave(index);
        self.changed.notify_waiters();
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

    fn view(&self) -> View {
        let reading = (self.reading)();
        self.stage().view(self.elapsed(), reading)
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
