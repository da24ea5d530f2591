//! Runs many seeded histories of small clients against the cluster under faults and checks what
//! must hold.
//!
//! `cargo run --release -p embedded-kafka --example histories -- --count 100000 --seed 1`
//!
//! `--replay SEED` prints the whole history of one seed.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use embedded_kafka::Defect;

mod model;
mod options;

use model::{Outcome, Violation};
use options::Options;

/// The last lines of a history with a violation that are shown.
const LINES_SHOWN: usize = 80;

/// What the histories so far have come to.
#[derive(Debug, Default)]
struct Totals {
    histories: u64,
    operations: u64,
    faults: BTreeMap<&'static str, u64>,
    digests: Vec<(u64, u64)>,
    /// Seed and violation; the smallest seed stays.
    violation: Option<(u64, Violation)>,
}

impl Totals {
    fn add(&mut self, seed: u64, outcome: Outcome) {
        self.histories += 1;
        self.operations += outcome.operations;
        for (fault, count) in outcome.faults {
            *self.faults.entry(fault).or_default() += count;
        }
        self.digests.push((seed, outcome.digest));
        if let Some(violation) = outcome.violation
            && self.violation.as_ref().is_none_or(|(known, _)| seed < *known)
        {
            self.violation = Some((seed, violation));
        }
    }
}

fn main() -> io::Result<ExitCode> {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(message) => {
            writeln!(io::stderr(), "{message}")?;
            return Ok(ExitCode::from(2));
        }
    };
    match options.replay {
        Some(seed) => replay(seed, options.defect),
        None => search(&options),
    }
}

fn replay(seed: u64, defect: Option<Defect>) -> io::Result<ExitCode> {
    let outcome = model::run(seed, defect, true);
    let mut out = io::stdout().lock();
    for line in &outcome.lines {
        writeln!(out, "{line}")?;
    }
    writeln!(out, "seed {seed}: digest {:016x}, {:?}", outcome.digest, outcome.violation)?;
    Ok(if outcome.violation.is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn search(options: &Options) -> io::Result<ExitCode> {
    #[expect(clippy::disallowed_methods, reason = "an example that measures real time")]
    let start = Instant::now();
    let next = AtomicU64::new(options.seed);
    let stop = AtomicBool::new(false);
    let totals = Mutex::new(Totals::default());
    std::thread::scope(|scope| {
        for _ in 0..options.threads {
            scope.spawn(|| work(options, &next, &stop, &totals));
        }
        let mut shown = 0;
        while !stop.load(Ordering::Relaxed) && next.load(Ordering::Relaxed) < options.end() {
            std::thread::sleep(Duration::from_millis(50));
            let done = totals.lock().map_or(0, |totals| totals.histories);
            if done >= shown + options.count / 10 {
                shown = done;
                let _shown = writeln!(io::stderr(), "{done} histories");
            }
        }
    });
    let totals = totals.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    report(options, &totals, start.elapsed())
}

fn work(options: &Options, next: &AtomicU64, stop: &AtomicBool, totals: &Mutex<Totals>) {
    while !stop.load(Ordering::Relaxed) {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        if seed >= options.end() {
            return;
        }
        let outcome = model::run(seed, options.defect, false);
        stop.fetch_or(outcome.violation.is_some(), Ordering::Relaxed);
        let Ok(mut totals) = totals.lock() else { return };
        totals.add(seed, outcome);
    }
}

fn report(options: &Options, totals: &Totals, elapsed: Duration) -> io::Result<ExitCode> {
    let mut out = io::stdout().lock();
    let rate = totals.histories as f64 / elapsed.as_secs_f64();
    writeln!(out, "histories   {} ({rate:.0} a second)", totals.histories)?;
    writeln!(out, "operations  {}", totals.operations)?;
    for (fault, count) in &totals.faults {
        writeln!(out, "fault       {fault}: {count}")?;
    }
    writeln!(out, "violations  {}", u8::from(totals.violation.is_some()))?;
    writeln!(out, "digest      {:016x}", model::combine(totals.digests.iter().copied()))?;
    writeln!(out, "seconds     {:.1}", elapsed.as_secs_f64())?;
    let Some((seed, Violation { invariant, text })) = &totals.violation else {
        return Ok(if options.defect.is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    };
    let lines = model::run(*seed, options.defect, true).lines;
    for line in lines.iter().skip(lines.len().saturating_sub(LINES_SHOWN)) {
        writeln!(out, "{line}")?;
    }
    writeln!(out, "seed {seed} violates {invariant}: {text}")?;
    let Some(defect) = options.defect else { return Ok(ExitCode::FAILURE) };
    writeln!(out, "{defect:?} was caught after {} histories", seed - options.seed + 1)?;
    Ok(ExitCode::SUCCESS)
}
