//! A series in one line of text.

/// How values map to heights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// From zero to the greatest value.
    Linear,
    /// By the logarithm, from the least to the greatest value.
    Logarithmic,
}

const HEIGHTS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The values as a line of at most `width` blocks, each the greatest of its share of the values;
/// a dot where there is none.
pub fn sparkline(values: &[Option<f64>], width: usize, scale: Scale) -> String {
    let columns = values.len().min(width);
    let greatest_of = |column: usize| {
        let share = &values[column * values.len() / columns..(column + 1) * values.len() / columns];
        share.iter().flatten().copied().filter(|value| value.is_finite()).reduce(f64::max)
    };
    let condensed: Vec<Option<f64>> = (0..columns).map(greatest_of).collect();
    let height = |value: f64| match scale {
        Scale::Linear => value.max(0.0),
        Scale::Logarithmic => value.max(1e-3).ln(),
    };
    let heights = || condensed.iter().flatten().map(|value| height(*value));
    let top = heights().fold(f64::NEG_INFINITY, f64::max);
    let bottom = match scale {
        Scale::Linear => 0.0,
        Scale::Logarithmic => heights().fold(f64::INFINITY, f64::min),
    };
    let block = |value: &Option<f64>| {
        let Some(value) = value else { return '·' };
        let share = if top > bottom { (height(*value) - bottom) / (top - bottom) } else { 0.0 };
        HEIGHTS[((share * 7.0).round() as usize).min(7)]
    };
    condensed.iter().map(block).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(values: &[f64]) -> Vec<Option<f64>> {
        values.iter().copied().map(Some).collect()
    }

    #[test]
    fn heights_follow_the_values() {
        assert_eq!(sparkline(&some(&[0.0, 1.0, 3.5, 7.0]), 10, Scale::Linear), "▁▂▅█");
        assert_eq!(sparkline(&some(&[1.0, 10.0, 100.0]), 10, Scale::Logarithmic), "▁▅█");
    }

    #[test]
    fn peaks_survive_condensing() {
        let mut values = some(&[1.0; 100]);
        values[57] = Some(50.0);
        let line = sparkline(&values, 10, Scale::Linear);
        assert_eq!(line.chars().count(), 10);
        assert_eq!(line.chars().position(|block| block == '█'), Some(5));
    }

    #[test]
    fn nothing_and_gaps_are_drawn_as_such() {
        assert_eq!(sparkline(&[], 10, Scale::Linear), "");
        assert_eq!(sparkline(&some(&[1.0]), 0, Scale::Linear), "");
        assert_eq!(sparkline(&[None, Some(2.0), None], 10, Scale::Linear), "·█·");
        assert_eq!(sparkline(&[None, Some(f64::NAN)], 10, Scale::Logarithmic), "··");
        assert_eq!(sparkline(&some(&[5.0, 5.0]), 10, Scale::Logarithmic), "▁▁");
        assert_eq!(sparkline(&some(&[0.0, 0.0]), 10, Scale::Linear), "▁▁");
    }
}
