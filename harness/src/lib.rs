//! Chaos and benchmarking harness for streaming workloads on Kubernetes.
//!
//! From the outside in:
//!
//! - [`cli`]: the verbs of the `stormgauge` program, one a file, and [`exit`], its exit codes;
//! - [`scenario`]: files read, validated once, and trusted from then on;
//! - [`run`]: every trial of some scenarios in shuffled order, and the run's folder;
//! - [`capacity`]: a run that searches the highest rate that allocations sustain;
//! - [`trial`]: one trial from set-up to record, with its driver, collector and sampler;
//! - [`duet`]: two programs run the same short trial in turns;
//! - [`catalogue`]: the faults, with their parameters and where they can be done;
//! - [`random`]: trials under schedules drawn from seeds, and failures shrunk;
//! - [`soak`]: such trials for hours, each in a process of its own;
//! - [`conformance`]: what every injector promises, and whether it keeps it;
//! - [`environment`]: where a trial runs, behind one trait; `local` is the default;
//! - [`upstream`]: what faults make of the load, and send beside it;
//! - [`oracle`]: the ledger of sends and results, and the checkers;
//! - [`progress`], [`child`], [`leftover`]: what people see, and that nothing stays behind;
//! - [`clock`]: the one door through which time comes in.

/// A line on standard error. Whoever read there may have gone away, which must end nothing.
#[macro_export]
macro_rules! note {
    ($($words:tt)*) => {{
        use std::io::Write as _;
        let _gone = writeln!(std::io::stderr(), $($words)*);
    }};
}

pub mod capacity;
pub mod catalogue;
pub mod child;
pub mod cli;
pub mod clock;
pub mod conformance;
pub mod duet;
pub mod environment;
pub mod exit;
pub mod leftover;
pub mod oracle;
pub mod progress;
pub mod random;
pub mod run;
pub mod scenario;
pub mod soak;
pub mod trial;
pub mod upstream;
