//! From a case that fails to a smaller one that still fails.
//!
//! | Module | Holds |
//! |---|---|
//! | [`ddmin`](mod@ddmin) | which parts of a case are needed |
//! | [`Trials`] | trials that may be flaky: repeated, remembered, bounded, counted |
//! | [`faults`] | simpler lists of faults: shorter ones, fewer members |
//!
//! Nothing here knows a clock, a file or what a trial is: the caller tries a case and says what
//! came of it.

pub mod ddmin;
pub mod faults;
#[cfg(test)]
mod tests;
mod trials;

pub use ddmin::ddmin;
pub use trials::{LET_GO_MAX, Limits, Said, Tally, Trials};

/// What can be made smaller.
pub trait Case: Clone + PartialEq {
    /// How many parts it has, each of which may be left out.
    fn parts(&self) -> usize;

    /// The case with these of its parts alone, in order; nothing if there is no such case.
    fn only(&self, parts: &[usize]) -> Option<Self>;

    /// In how many respects it can be made simpler.
    fn respects(&self) -> usize;

    /// Cases that are simpler in one respect, the most daring first. Whoever goes on from one of
    /// them again and again must come to an end.
    fn simpler(&self, respect: usize) -> Vec<Self>;
}

/// What shrinking gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shrunk<C> {
    /// The smallest case found that fails.
    pub case: C,
    /// How often the case failed that was to be shrunk, when it was tried again. It may never have:
    /// rare failures show up in smaller cases too, where less is in their way.
    pub before: Tally,
    /// How often `case` failed when it was tried again, after it had been chosen: trials by which
    /// it was chosen would flatter it.
    pub after: Tally,
    /// Trials in all.
    pub trials: u32,
    /// Whether nothing smaller was left to try. Otherwise the trials were used up, or the caller
    /// stopped.
    pub is_complete: bool,
}

/// Leaves out every part that is not needed, then makes the case simpler in each respect. Only what
/// was seen to fail takes the place of what failed before.
///
/// A case that fails in a share of its trials is tried so often that one which fails as often as
/// the first is let go with a probability of [`LET_GO_MAX`] at most, as far as [`Limits::repeats`]
/// allows; but parts are left out after one trial each first, which finds most of them soon.
/// `may_go_on` is asked before each trial of the search; those that count how often the first and
/// the last case fail are run all the same.
pub async fn shrink<C: Case>(
    case: C,
    limits: Limits,
    may_go_on: impl FnMut() -> bool,
    try_once: impl AsyncFnMut(&C) -> Said,
) -> Shrunk<C> {
    let mut trials = Trials::new(limits, may_go_on, try_once);
    let before = trials.again(&case).await;
    let mut best = fewer(case, &mut trials).await;
    trials.expect(before);
    best = fewer(best, &mut trials).await;
    for respect in 0..best.respects() {
        best = simpler(best, respect, &mut trials).await;
    }
    let is_complete = !trials.is_over();
    let after = trials.again(&best).await;
    Shrunk { case: best, before, after, trials: trials.spent(), is_complete }
}

/// The case with no part that could be left out.
async fn fewer<C: Case, F: AsyncFnMut(&C) -> Said, G: FnMut() -> bool>(
    case: C,
    trials: &mut Trials<C, F, G>,
) -> C {
    let parts: Vec<usize> = (0..case.parts()).collect();
    let whole = &case;
    let needed = ddmin(&parts, async |parts: &[usize]| match whole.only(parts) {
        Some(candidate) => trials.fails(&candidate).await,
        None => false,
    });
    let needed = needed.await;
    case.only(&needed).unwrap_or(case)
}

/// The case made simpler in one respect for as long as it fails.
async fn simpler<C: Case, F: AsyncFnMut(&C) -> Said, G: FnMut() -> bool>(
    mut case: C,
    respect: usize,
    trials: &mut Trials<C, F, G>,
) -> C {
    'again: loop {
        for candidate in case.simpler(respect) {
            if trials.fails(&candidate).await {
                case = candidate;
                continue 'again;
            }
        }
        return case;
    }
}
