//! `response.hgrm`: the distribution of response times as text, as HdrHistogram prints it and its
//! plotters read it.
//!
//! Source of the format: <https://github.com/HdrHistogram/HdrHistogram>,
//! `AbstractHistogram.outputPercentileDistribution`, with five ticks for each half of the distance
//! to 100 %, three digits, and values in milliseconds.

use crate::latencies::Latencies;

/// Lines for each half of the distance that is left to 100 %.
const TICKS_PER_HALF_DISTANCE: f64 = 5.0;
/// Microseconds in the unit of the text.
const US_PER_MS: f64 = 1e3;
/// Buckets of each doubling of the range, for three digits.
const SUB_BUCKETS: u32 = 2048;

/// The distribution of `latencies`, values in milliseconds.
pub fn hgrm(latencies: &Latencies) -> String {
    let histogram = latencies.histogram();
    let ms = |us: f64| us / US_PER_MS;
    let mut text = String::from("       Value     Percentile TotalCount 1/(1-Percentile)\n\n");
    for line in lines(latencies) {
        let (value, share) = (ms(line.value_us as f64), line.percent / 100.0);
        text.push_str(&format!("{value:12.3} {} {:10}", twelve_decimals(share), line.total));
        if line.percent < 100.0 {
            text.push_str(&format!(" {:14.2}", 1.0 / (1.0 - share)));
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

/// A share with twelve decimals. Of two that are as near, the original prints the greater.
fn twelve_decimals(share: f64) -> String {
    let trillionths = (share * 1e12 + 0.5).floor() as u64;
    format!("{}.{:012}", trillionths / 1_000_000_000_000, trillionths % 1_000_000_000_000)
}

/// A line of the distribution.
struct Line {
    value_us: u64,
    percent: f64,
    /// Samples up to that value.
    total: u64,
}

/// The lines, by the arithmetic of the original in percent, so that both break ties alike. (The
/// iterator of the library used here counts in shares, which moves some lines by a bucket.)
fn lines(latencies: &Latencies) -> Vec<Line> {
    let count = latencies.count();
    let mut lines = Vec::new();
    let mut percent = 0.0;
    let mut total = 0u64;
    for step in latencies.histogram().iter_recorded() {
        total = total.saturating_add(step.count_at_value());
        let value_us = step.value_iterated_to();
        while percent < 100.0 && 100.0 * total as f64 / count as f64 >= percent {
            lines.push(Line { value_us, percent, total });
            if total == count {
                break;
            }
            let next = percent + 100.0 / ticks(percent);
            // With absurdly many samples the steps become too small to add.
            percent = if next > percent { next } else { 100.0 };
        }
        if total == count {
            lines.push(Line { value_us, percent: 100.0, total });
        }
    }
    lines
}

/// How many lines of the present distance the whole range would have.
fn ticks(percent: f64) -> f64 {
    let halvings = (100.0 / (100.0 - percent)).log2().trunc();
    TICKS_PER_HALF_DISTANCE * 2f64.powf(halvings + 1.0)
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
    fn a_share_halfway_between_two_is_rounded_up() {
        assert_eq!(twelve_decimals(0.999_780_273_437_5), "0.999780273438");
        assert_eq!(twelve_decimals(0.05), "0.050000000000");
        assert_eq!(twelve_decimals(1.0), "1.000000000000");
    }

    #[test]
    fn absurdly_many_samples_have_an_end() {
        let mut latencies = Latencies::new();
        latencies.record_us(1);
        for _ in 0..51 {
            latencies.merge(&latencies.clone());
        }
        latencies.record_us(2_000_000);
        let text = hgrm(&latencies);
        assert!(text.lines().count() < 1_000);
        assert!(text.contains("    2000.895 1.000000000000 2251799813685249\n"), "{text}");
    }

    #[test]
    fn nothing_recorded_has_no_lines_but_the_frame() {
        let text = hgrm(&Latencies::new());
        assert_eq!(text.lines().count(), 5);
        assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
    }
}
