//! What breaks: faults, schedules, the journal and the fault proxy.
//!
//! A map of the crate, in the order in which a trial uses it:
//!
//! | Module | Holds |
//! |---|---|
//! | [`selector`] | who is hit: [`Selector`], [`Group`], [`Inventory`] |
//! | [`fault`] | what is done to them: one file a fault, the [`Fault`] enum and the catalogue |
//! | [`schedule`] | [`validate`] with its [`BlastRadius`], the seeded plan, and when each of it is due |
//! | [`random`] | schedules drawn from a seed |
//! | [`shrink`](mod@shrink) | from a schedule that fails to a smaller one that still fails |
//! | [`injector`] | the seam to an environment: [`Injector`], [`Installed`], [`Action`] |
//! | [`keeper`] | faults that heal themselves, at their limit or when nobody waits for them |
//! | [`journal`] | what was about to be done, fsynced before it is done |
//! | [`conduct`](mod@conduct) | the plan played against a clock: install, evidence, heal |
//! | [`proxy`] | a proxy that holds, delays and swallows what flows between named groups, and cuts it off |
//! | [`clock`] | the one door through which time comes in |
//!
//! The invariant behind all of it: a fault counts only with evidence that it landed, and a trial
//! is over only when everything installed has been healed.

pub mod clock;
pub mod conduct;
pub mod fault;
pub mod injector;
pub mod journal;
pub mod keeper;
pub mod proxy;
pub mod random;
pub mod schedule;
pub mod selector;
pub mod shrink;
mod words;

pub use conduct::{FaultEvent, FaultOutcome, FaultState, FaultStep, conduct};
pub use fault::{
    Affected, ApiError, BrokerError, DiskState, FailurePolicy, Fault, FaultKind, FaultSpec,
    RequestKind, Side, StaleReads, Workers, catalogue,
};
pub use injector::{Action, Injector, Installed, Refusal, Targets};
pub use journal::{Journal, JournalEntry};
pub use keeper::Keeper;
pub use schedule::condition::Condition;
pub use schedule::cue::{Cue, Due, Watch};
pub use schedule::radius::{BlastRadius, Reach};
pub use schedule::view::{Phase, Reading, View};
pub use schedule::{PlannedFault, Schedule, ScheduleProblem, validate};
pub use selector::{Group, Inventory, Member, Role, Selector, TopicRole};
