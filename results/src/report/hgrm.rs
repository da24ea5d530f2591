//! `response.hgrm`: the distribution of response times as text, as HdrHistogram prints it and its
//! plotters read it.
//!
//! Source of the format: <https://github.com/HdrHistogram/HdrHistogram>,
//! `AbstractHistogram.outputPercentileDistribution`, with five ticks for each half of the distance
//! to 100 %, three digits, and values in milliseconds.

use crate::latencies::Latencies;

/// Lines for each half of the distance that is left to 100 %.
const TICKS_PER_HALF_DISTANCE: u32 = 5;
/// Microseconds in the unit of the text.
const US_PER_MS: f64 = 1e3;
/// Buckets of each doubling of the range, for three digits.
const SUB_BUCKETS: u32 = 2048;

/// The distribution of `latencies`, values in milliseconds.
pub fn hgrm(latencies: &Latencies) -> String {
    let histogram = latencies.histogram();
    let ms = |us: f64| us / US_PER_MS;
    let mut text = format!(
        "{:>12} {:>14} {:>10} {:>14}\n\n",
        "Value", "Percentile", "TotalCount", "1/(1-Percentile)"
    );
    let mut total = 0u64;
    for step in histogram.iter_quantiles(TICKS_PER_HALF_DISTANCE) {
        total = total.saturating_add(step.count_since_last_iteration());
        let value = ms(step.value_iterated_to() as f64);
        let quantile = step.quantile_iterated_to();
        text.push_str(&format!("{value:12.3} {quantile:14.12} {total:10}"));
        if quantile < 1.0 {
            text.push_str(&format!(" {:14.2}", 1.0 / (1.0 - quantile)));
        }
        text.push('\n');
    }
    let (mean, deviation) = (ms(histogram.mean()), ms(histogram.stdev()));
    let max = ms(latencies.max_us().unwrap_or(0) as f64);
    let (count, buckets) = (latencies.count(), histogram.buckets());
    text.push_str(&format!(
        "#[Mean    = {mean:12.3}, StdDeviation   = {deviation:12.3}]\n\
         #[Max     = {max:12.3}, Total count    = {count:12}]\n\
         #[Buckets = {buckets:12}, SubBuckets     = {SUB_BUCKETS:12}]\n"
    ));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distribution_of_a_few_values_is_as_worked_by_hand() {
        let mut latencies = Latencies::new();
        [1_000, 2_000, 3_000, 4_000].into_iter().for_each(|us| latencies.record_us(us));
        let text = hgrm(&latencies);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "       Value     Percentile TotalCount 1/(1-Percentile)");
        assert_eq!(lines[1], "");
        assert_eq!(lines[2], "       1.000 0.000000000000          1           1.00");
        assert_eq!(lines[3], "       1.000 0.100000000000          1           1.11");
        assert!(lines.contains(&"       2.000 0.500000000000          2           2.00"), "{text}");
        assert!(lines.contains(&"       4.001 1.000000000000          4"), "{text}");
        assert!(lines[lines.len() - 3].starts_with("#[Mean    =        2.50"), "{text}");
        assert!(
            text.ends_with("#[Buckets =           22, SubBuckets     =         2048]\n"),
            "{text}"
        );
    }

    #[test]
    fn nothing_recorded_has_no_lines_but_the_frame() {
        let text = hgrm(&Latencies::new());
        assert_eq!(text.lines().count(), 5);
        assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
    }
}
