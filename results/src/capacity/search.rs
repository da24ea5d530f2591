//! The search for the highest sustained rate.

/// Factor by which the rate moves until it is bracketed.
const STRIDE: f64 = 1.5;

/// A search in progress: ask [`Search::next_rate`], probe it, [`Search::tell`] what came of it.
///
/// The rate moves by half its size until one is sustained and one is not, then the bracket is
/// halved on a logarithmic scale until its ends differ by no more than the resolution. Then each
/// end is probed once more; one that does not hold becomes the other end, and the search goes on.
#[derive(Clone, Debug)]
pub struct Search {
    resolution: f64,
    probes_left: u32,
    first: f64,
    sustained: Option<Bound>,
    refused: Option<Bound>,
}

/// One end of the bracket.
#[derive(Clone, Copy, Debug)]
struct Bound {
    rate: f64,
    probes: u32,
}

/// How a search ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SearchEnd {
    /// The highest rate that was sustained, in messages a second; absent when none was.
    pub sustained: Option<f64>,
    /// The lowest rate that was not sustained; absent when all were.
    pub refused: Option<f64>,
    /// Whether both ends held twice, within the resolution.
    pub confirmed: bool,
}

impl Search {
    /// A search that begins at `first`, ends when the bracket's ends differ by the share
    /// `resolution` or less, and takes `probes_max` probes at most.
    pub fn new(first: f64, resolution: f64, probes_max: u32) -> Search {
        Search { resolution, probes_left: probes_max, first, sustained: None, refused: None }
    }

    /// The next rate to probe, in messages a second; `None` when the search has ended.
    pub fn next_rate(&self) -> Option<f64> {
        if self.probes_left == 0 {
            return None;
        }
        match (self.sustained, self.refused) {
            (None, None) => Some(self.first),
            (Some(low), None) => Some(low.rate * STRIDE),
            (None, Some(high)) => Some(high.rate / STRIDE),
            (Some(low), Some(high)) if high.rate > low.rate * (1.0 + self.resolution) => {
                Some((low.rate * high.rate).sqrt())
            }
            (Some(low), Some(_)) if low.probes < 2 => Some(low.rate),
            (Some(_), Some(high)) if high.probes < 2 => Some(high.rate),
            _ => None,
        }
    }

    /// Takes in whether the rate that was asked for was sustained.
    pub fn tell(&mut self, rate: f64, sustained: bool) {
        self.probes_left = self.probes_left.saturating_sub(1);
        let (own, other) = if sustained {
            (&mut self.sustained, &mut self.refused)
        } else {
            (&mut self.refused, &mut self.sustained)
        };
        let probes = own.filter(|bound| bound.rate == rate).map_or(0, |bound| bound.probes);
        *own = Some(Bound { rate, probes: probes + 1 });
        // What held once and does not hold again is on this side of the border.
        if other.is_some_and(|bound| bound.rate == rate) {
            *other = None;
            self.reopen(rate, sustained);
        }
    }

    /// Puts the lost end a few resolutions further out, as not yet probed.
    fn reopen(&mut self, rate: f64, sustained: bool) {
        let step = 1.0 + 3.0 * self.resolution;
        let unprobed = |rate| Some(Bound { rate, probes: 0 });
        if sustained {
            self.refused = unprobed(rate * step);
        } else {
            self.sustained = unprobed(rate / step);
        }
    }

    /// Where the search stands.
    pub fn end(&self) -> SearchEnd {
        let probed = |bound: Option<Bound>| bound.filter(|bound| bound.probes > 0);
        let (low, high) = (probed(self.sustained), probed(self.refused));
        let confirmed = match (low, high) {
            (Some(low), Some(high)) => {
                low.probes > 1
                    && high.probes > 1
                    && high.rate <= low.rate * (1.0 + self.resolution) * (1.0 + 1e-12)
            }
            _ => false,
        };
        let rate = |bound: Bound| bound.rate;
        SearchEnd { sustained: low.map(rate), refused: high.map(rate), confirmed }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Searches a system that sustains what `sustains` says of a rate and a probe's number.
    fn search(first: f64, mut sustains: impl FnMut(f64, u32) -> bool) -> (SearchEnd, u32) {
        let mut search = Search::new(first, 0.02, 40);
        let mut probes = 0;
        while let Some(rate) = search.next_rate() {
            probes += 1;
            search.tell(rate, sustains(rate, probes));
        }
        (search.end(), probes)
    }

    #[test]
    fn an_end_that_does_not_hold_again_moves_the_bracket() {
        // The first time that it comes close, the system seems better than it is.
        let mut lucky = true;
        let (end, _) = search(4_000.0, |rate, _| {
            if rate > 5_000.0 && rate < 5_300.0 && lucky {
                lucky = false;
                return true;
            }
            rate <= 5_000.0
        });
        assert!(end.confirmed);
        assert!(end.sustained.unwrap() <= 5_000.0 && end.refused.unwrap() > 5_000.0, "{end:?}");
    }

    #[test]
    fn a_system_that_sustains_everything_has_no_upper_end() {
        let (end, probes) = search(100.0, |_, _| true);
        assert_eq!((end.refused, end.confirmed, probes), (None, false, 40));
    }

    #[test]
    fn a_system_that_sustains_nothing_has_no_lower_end() {
        let (end, _) = search(100.0, |_, _| false);
        assert_eq!((end.sustained, end.confirmed), (None, false));
    }

    proptest! {
        #[test]
        fn a_plain_border_is_found_to_the_resolution(
            first in 1.0f64..100_000.0, border in 10.0f64..50_000.0,
        ) {
            let (end, probes) = search(first, |rate, _| rate <= border);
            let (low, high) = (end.sustained.unwrap(), end.refused.unwrap());
            prop_assert!(end.confirmed, "{end:?} after {probes}");
            prop_assert!(low <= border && border < high && high <= low * 1.02 * (1.0 + 1e-9));
        }

        #[test]
        fn the_search_ends_whatever_it_is_told(answers in prop::collection::vec(any::<bool>(), 40)) {
            let (_, probes) = search(1_000.0, |_, probe| answers[probe as usize - 1]);
            prop_assert!(probes <= 40);
        }
    }
}
