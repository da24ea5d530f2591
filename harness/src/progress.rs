//! Progress on standard error: a live line on a terminal, a plain line now and then elsewhere.

use chaos::{FaultEvent, FaultStep};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Seconds between two plain lines.
const PLAIN_EVERY_S: u64 = 5;

/// What a trial shows while it runs. Cheap to update; shown at most a few times a second.
#[derive(Debug)]
pub struct Progress {
    bar: Option<ProgressBar>,
    plain: bool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    trial: String,
    phase: String,
    faults: Vec<String>,
}

/// One second of a trial in figures.
#[derive(Debug, Clone, Copy)]
pub struct Tick {
    /// Since load start.
    pub elapsed: Duration,
    /// Of the load.
    pub duration: Duration,
    /// Messages a second by the schedule.
    pub offered: f64,
    /// Messages a second acknowledged.
    pub achieved: f64,
    /// Response time p99 so far.
    pub p99_ms: Option<f64>,
    /// Records that the job has not committed.
    pub lag_records: u64,
    /// Ready workers.
    pub workers: u32,
    /// Workers that the strategy wants.
    pub wanted: u32,
}

impl Progress {
    /// Progress on standard error, or none at all when `quiet`.
    pub fn new(quiet: bool) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let bar = (!quiet && terminal).then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(4));
            if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
                bar.set_style(style);
            }
            bar
        });
        Self { bar, plain: !quiet && !terminal, state: Mutex::new(State::default()) }
    }

    /// A trial starts; `number` of `total`.
    pub fn trial(&self, name: &str, number: usize, total: usize) {
        let mut state = self.lock();
        state.trial = format!("[{number}/{total}] {name}");
        state.faults.clear();
    }

    /// A probe starts: the trial of this number, of which nobody knows how many there will be.
    pub fn probe(&self, name: &str, number: u64) {
        let mut state = self.lock();
        state.trial = format!("[{number}] {name}");
        state.faults.clear();
    }

    /// A phase starts.
    pub fn phase(&self, phase: &str) {
        let line = {
            let mut state = self.lock();
            phase.clone_into(&mut state.phase);
            format!("{} {phase}", state.trial)
        };
        self.show(&line, true);
    }

    /// A second of load has passed.
    pub fn tick(&self, tick: &Tick) {
        let line = {
            let state = self.lock();
            describe(&state, tick)
        };
        let due = tick.elapsed.as_secs().is_multiple_of(PLAIN_EVERY_S);
        self.show(&line, due);
    }

    /// Something happened to a fault.
    pub fn fault(&self, event: &FaultEvent) {
        let line = {
            let mut state = self.lock();
            match &event.step {
                FaultStep::Installing(_) => state.faults.push(event.name.clone()),
                FaultStep::Healed(_) | FaultStep::HealFailed(_) | FaultStep::Skipped(_) => {
                    state.faults.retain(|fault| *fault != event.name);
                }
                FaultStep::Installed | FaultStep::Landed(_) | FaultStep::Indeterminate(_) => {}
            }
            let Some(words) = words(&event.step) else { return };
            let at = event.at.as_secs_f64();
            format!("{} {at:.1} s: {} {words}", state.trial, event.name)
        };
        self.say(&line);
    }

    /// A line that stays.
    pub fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(line),
            None if self.plain => crate::note!("{line}"),
            None => {}
        }
    }

    /// Removes the live line.
    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn show(&self, line: &str, due: bool) {
        match &self.bar {
            Some(bar) => {
                bar.set_message(line.to_owned());
                bar.tick();
            }
            None if self.plain && due => crate::note!("{line}"),
            None => {}
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is worth a line of its own.
fn words(step: &FaultStep) -> Option<String> {
    match step {
        FaultStep::Installing(_) | FaultStep::Installed => None,
        FaultStep::Landed(evidence) => Some(format!("landed: {evidence}")),
        FaultStep::Skipped(reason) => Some(format!("skipped: {reason}")),
        FaultStep::Indeterminate(reason) => Some(format!("without evidence: {reason}")),
        FaultStep::Healed(measured) => Some(format!("healed: {measured}")),
        FaultStep::HealFailed(reason) => Some(format!("NOT HEALED: {reason}")),
    }
}

fn describe(state: &State, tick: &Tick) -> String {
    let p99 = tick.p99_ms.map_or_else(|| "-".to_owned(), |p99| format!("{p99:.0} ms"));
    let left = tick.duration.saturating_sub(tick.elapsed).as_secs();
    let fault = if state.faults.is_empty() { "none".to_owned() } else { state.faults.join(" + ") };
    format!(
        "{} {}: offered {:.0}/s achieved {:.0}/s p99 {p99} lag {} workers {}/{} fault {fault}, \
         {left} s left",
        state.trial,
        state.phase,
        tick.offered,
        tick.achieved,
        tick.lag_records,
        tick.workers,
        tick.wanted
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tick_reads_as_one_line() {
        let state = State {
            trial: "[1/3] smoke-low_latency-1".into(),
            phase: "load".into(),
            faults: vec!["node-crash".into()],
        };
        let tick = Tick {
            elapsed: Duration::from_secs(12),
            duration: Duration::from_secs(30),
            offered: 2000.0,
            achieved: 1999.6,
            p99_ms: Some(42.3),
            lag_records: 17,
            workers: 3,
            wanted: 4,
        };
        assert_eq!(
            describe(&state, &tick),
            "[1/3] smoke-low_latency-1 load: offered 2000/s achieved 2000/s p99 42 ms lag 17 \
             workers 3/4 fault node-crash, 18 s left"
        );
    }
}
