//! Which program of a pair goes first: drawn for each pair on its own.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use results::gate::Role;

/// Who starts the numbered pair.
///
/// The draws are independent, with no balance forced: then, if both programs are alike, each
/// pair's difference is as likely to be for as against the candidate whatever the others are, and
/// the error rate of the decision rests on nothing else.
pub(super) fn first(seed: u64, number: u32) -> Role {
    let mut draws = ChaCha8Rng::seed_from_u64(seed);
    draws.set_stream(u64::from(number));
    if draws.random() { Role::Baseline } else { Role::Candidate }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_starts_is_drawn_from_the_seed() {
        let starts = |seed| (1..60).map(move |number| first(seed, number));
        assert!(starts(1).eq(starts(1)));
        assert!(!starts(1).eq(starts(2)));
        let baseline = starts(1).filter(|role| *role == Role::Baseline).count();
        // Four standard deviations of a fair coin.
        assert!((15..45).contains(&baseline), "{baseline} of 59");
    }
}
