//! Where a series is best split in two, by the energy distance of the parts.

/// A split of a series in two.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Split {
    /// The first value of the second part.
    pub at: usize,
    /// The energy statistic Q̂: how different the parts are, weighted by their lengths.
    pub statistic: f64,
}

/// Working memory of [`Scan::best_split`], so that many series of like length can be looked at
/// without asking for memory again.
#[derive(Clone, Debug, Default)]
pub struct Scan {
    /// Σ |xᵢ − xⱼ| over i < t ≤ j < κ, by t.
    between: Vec<f64>,
    /// Σ |xᵢ − xⱼ| over i < j < t, by t.
    within: Vec<f64>,
    /// `within` over t − 1, by t.
    within_scaled: Vec<f64>,
    /// 1 / k, by k.
    inverse: Vec<f64>,
    /// Σ |xᵢ − x| over i < t for the value x under consideration, by t.
    to_this: Vec<f64>,
}

impl Scan {
    /// The place τ at which the values before it differ most from those after it, up to some κ:
    /// Q̂(τ, κ) = (mn/(m+n)) [(2/mn) Σ|xᵢ − yⱼ| − C(m,2)⁻¹ Σ|xᵢ − xₖ| − C(n,2)⁻¹ Σ|yⱼ − yₖ|], the
    /// largest over all τ and κ that leave both parts `part_min` values (two at least). `None` when
    /// there are too few values.
    ///
    /// One pass of n²/2 steps: what a value adds to the sums for each τ is its distance to the
    /// values before τ, so that no matrix of distances is kept.
    ///
    /// Source: Matteson and James, "A nonparametric approach for multiple change point analysis
    /// of multivariate data", arXiv 1306.4933, section 2.
    pub fn best_split(&mut self, values: &[f64], part_min: usize) -> Option<Split> {
        let part_min = part_min.max(2);
        if values.len() < 2 * part_min {
            return None;
        }
        self.reset(values.len());
        let mut best = Split { at: part_min, statistic: f64::NEG_INFINITY };
        for last in 1..values.len() {
            self.add(values, last);
            let end = last + 1;
            if end < 2 * part_min {
                continue;
            }
            let taus = part_min..end - part_min + 1;
            let scale = 2.0 / end as f64;
            let highest = self.highest(taus.clone(), end);
            if highest * scale > best.statistic {
                let at = taus.clone().find(|tau| self.unscaled(*tau, end) >= highest);
                best = Split { at: at.unwrap_or(taus.start), statistic: highest * scale };
            }
        }
        best.statistic.is_finite().then_some(best)
    }

    fn reset(&mut self, n: usize) {
        for sums in [&mut self.between, &mut self.within, &mut self.within_scaled] {
            sums.clear();
            sums.resize(n + 1, 0.0);
        }
        self.to_this.resize(n + 1, 0.0);
        for k in self.inverse.len()..=n {
            self.inverse.push(1.0 / k as f64);
        }
    }

    /// Takes in the value at `last`, which no τ may lie behind.
    fn add(&mut self, values: &[f64], last: usize) {
        let this = values[last];
        let mut sum = 0.0;
        for (value, to_this) in values[..last].iter().zip(&mut self.to_this[1..]) {
            sum += (value - this).abs();
            *to_this = sum;
        }
        for (between, to_this) in self.between[1..=last].iter_mut().zip(&self.to_this[1..]) {
            *between += to_this;
        }
        self.within[last + 1] = self.within[last] + sum;
        self.within_scaled[last + 1] = self.within[last + 1] * self.inverse[last];
    }

    /// Q̂(τ, κ) · κ/2.
    fn unscaled(&self, tau: usize, end: usize) -> f64 {
        let (m, n) = (tau as f64, (end - tau) as f64);
        let after = self.within[end] - self.within[tau] - self.between[tau];
        self.between[tau] - n * self.within_scaled[tau] - m * after * self.inverse[end - tau - 1]
    }

    /// The largest of [`Scan::unscaled`], in lanes that the processor takes at once.
    fn highest(&self, taus: std::ops::Range<usize>, end: usize) -> f64 {
        const LANES: usize = 4;
        let all = self.within[end];
        let between = &self.between[taus.clone()];
        let within = &self.within[taus.clone()];
        let scaled = &self.within_scaled[taus.clone()];
        let inverse = &self.inverse[end - taus.end..end - taus.start];
        let count = taus.len();
        let at = |index: usize| {
            let (m, n) = ((taus.start + index) as f64, (end - taus.start - index) as f64);
            let after = all - within[index] - between[index];
            between[index] - n * scaled[index] - m * after * inverse[count - 1 - index]
        };
        let mut highest = [f64::NEG_INFINITY; LANES];
        let mut index = 0;
        while index + LANES <= count {
            for (lane, highest) in highest.iter_mut().enumerate() {
                let value = at(index + lane);
                *highest = if value > *highest { value } else { *highest };
            }
            index += LANES;
        }
        let rest = (index..count).map(at);
        highest.into_iter().chain(rest).fold(f64::NEG_INFINITY, f64::max)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The definition, in the plainest way.
    fn statistic(x: &[f64], y: &[f64]) -> f64 {
        let (m, n) = (x.len() as f64, y.len() as f64);
        let sum = |left: &[f64], right: &[f64]| -> f64 {
            left.iter().flat_map(|a| right.iter().map(move |b| (a - b).abs())).sum()
        };
        let within = |part: &[f64], size: f64| sum(part, part) / 2.0 / (size * (size - 1.0) / 2.0);
        let distance = 2.0 / (m * n) * sum(x, y) - within(x, m) - within(y, n);
        m * n / (m + n) * distance
    }

    fn plainly(values: &[f64], part_min: usize) -> Option<Split> {
        let ends = 2 * part_min..=values.len();
        let splits = ends.flat_map(|end| (part_min..=end - part_min).map(move |at| (at, end)));
        splits
            .map(|(at, end)| Split { at, statistic: statistic(&values[..at], &values[at..end]) })
            .max_by(|a, b| a.statistic.total_cmp(&b.statistic))
    }

    #[test]
    fn a_step_worked_by_hand() {
        // Three 0 against three 1: 9/6 * (2/9 * 9 - 0 - 0) = 3.
        let split = Scan::default().best_split(&[0.0, 0.0, 0.0, 1.0, 1.0, 1.0], 2).unwrap();
        assert_eq!(split.at, 3);
        assert!((split.statistic - 3.0).abs() < 1e-12);
    }

    #[test]
    fn too_few_values_have_no_split() {
        assert_eq!(Scan::default().best_split(&[1.0; 9], 5), None);
        assert_eq!(Scan::default().best_split(&[1.0; 3], 0), None);
        assert_eq!(Scan::default().best_split(&[f64::NAN; 10], 5), None);
        assert!(Scan::default().best_split(&[1.0; 10], 5).is_some());
    }

    proptest! {
        #[test]
        fn the_pass_agrees_with_the_definition(
            values in prop::collection::vec(-1e3f64..1e3, 6..40),
            shorter in prop::collection::vec(-1e3f64..1e3, 6..20),
            part_min in 2usize..4,
        ) {
            // The same working memory again, on another length.
            let mut scan = Scan::default();
            for series in [&values, &shorter] {
                let (fast, plain) = (scan.best_split(series, part_min), plainly(series, part_min));
                let (fast, plain) = (fast.unwrap(), plain.unwrap());
                let close = (fast.statistic - plain.statistic).abs() <= 1e-7 * plain.statistic.abs().max(1.0);
                prop_assert!(close, "{fast:?} {plain:?}");
            }
        }
    }
}
