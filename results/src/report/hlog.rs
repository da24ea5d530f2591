//! `response.hlog`: response times second by second, as HdrHistogram's interval log.
//!
//! Lines without a tag hold what the response figures of a trial are made of; those tagged
//! [`WARM_UP_TAG`] hold the responses of the warm-up, which are in no figure. So a reader that
//! asks for no tag gets exactly the trial's percentiles from the sum of all lines.
//! Source of the format: <https://github.com/HdrHistogram/HdrHistogram>, `HistogramLogWriter`.

use std::time::Duration;

use crate::latencies::Latencies;

/// The most intervals that a log holds: a day of seconds.
pub const INTERVALS_MAX: usize = 86_400;
/// The tag of response times in the warm-up.
pub const WARM_UP_TAG: &str = "warm-up";

/// One interval of a log.
#[derive(Clone, Copy, Debug)]
pub struct Interval<'a> {
    /// Its start, from the start of the load.
    pub start: Duration,
    /// How long it is.
    pub length: Duration,
    /// Response times that count.
    pub measured: &'a Latencies,
    /// Response times of messages whose intended time lies in the warm-up.
    pub warm_up: &'a Latencies,
}

/// The first lines of the log of a load that started at `start_us`, in microseconds since the
/// Unix epoch; `trial` is the trial's name.
pub fn header(trial: &str, start_us: u64) -> String {
    let trial: String = trial.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let start = seconds(Duration::from_micros(start_us));
    format!(
        "#[Stormgauge: response times of trial {trial}, in microseconds]\n\
         #[Tag={WARM_UP_TAG}: responses of the warm-up, which are in no figure]\n\
         #[Histogram log format version 1.2]\n\
         #[StartTime: {start} (seconds since epoch)]\n\
         #[BaseTime: {start} (seconds since epoch)]\n\
         \"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\
         \"Interval_Compressed_Histogram\"\n"
    )
}

/// The lines of an interval: one without a tag, and one for the warm-up where it has responses.
/// The largest value is in milliseconds, as is customary in such logs.
pub fn interval(interval: Interval<'_>) -> String {
    let line = |latencies: &Latencies| {
        format!(
            "{},{},{:.3},{}\n",
            seconds(interval.start),
            seconds(interval.length),
            latencies.max_us().unwrap_or(0) as f64 / 1e3,
            latencies.encoded()
        )
    };
    let mut text = line(interval.measured);
    if !interval.warm_up.is_empty() {
        text.push_str(&format!("Tag={WARM_UP_TAG},{}", line(interval.warm_up)));
    }
    text
}

fn seconds(duration: Duration) -> String {
    format!("{:.3}", duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use hdrhistogram::serialization::Deserializer;
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

    use super::*;

    fn recorded(samples: impl IntoIterator<Item = i64>) -> Latencies {
        let mut latencies = Latencies::new();
        samples.into_iter().for_each(|sample| latencies.record_us(sample));
        latencies
    }

    fn second(start_s: u64, measured: &Latencies, warm_up: &Latencies) -> String {
        let start = Duration::from_secs(start_s);
        interval(Interval { start, length: Duration::from_secs(1), measured, warm_up })
    }

    #[test]
    fn the_lines_are_those_of_the_format() {
        let text = header("a\nb", 1_700_000_000_250_000)
            + &second(0, &Latencies::new(), &recorded([1_500]))
            + &second(1, &recorded([2_000]), &Latencies::new());
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "#[Stormgauge: response times of trial a b, in microseconds]");
        assert_eq!(lines[2], "#[Histogram log format version 1.2]");
        assert_eq!(lines[3], "#[StartTime: 1700000000.250 (seconds since epoch)]");
        assert!(lines[6].starts_with("0.000,1.000,0.000,HIST"), "{}", lines[6]);
        assert!(lines[7].starts_with("Tag=warm-up,0.000,1.000,1.500,HIST"), "{}", lines[7]);
        assert!(lines[8].starts_with("1.000,1.000,2.000,HIST"), "{}", lines[8]);
        assert_eq!(lines.len(), 9);
    }

    #[test]
    fn the_intervals_without_a_tag_add_up_to_the_trial() {
        let parts: Vec<Latencies> = (0..5).map(|s| recorded((1..500).map(|n| n * n + s))).collect();
        let mut whole = Latencies::new();
        let mut text = header("t", 1_700_000_000_000_000);
        for (index, part) in parts.iter().enumerate() {
            whole.merge(part);
            text.push_str(&second(index as u64, part, &recorded([9_999_999])));
        }
        let mut read = hdrhistogram::Histogram::<u64>::new(3).unwrap();
        let mut tagged = 0;
        for entry in IntervalLogIterator::new(text.as_bytes()) {
            let LogEntry::Interval(interval) = entry.unwrap() else { continue };
            if interval.tag().is_some() {
                tagged += 1;
                continue;
            }
            let encoded = interval.encoded_histogram();
            let bytes = base64::engine::general_purpose::STANDARD.decode(encoded).unwrap();
            let part: hdrhistogram::Histogram<u64> =
                Deserializer::new().deserialize(&mut bytes.as_slice()).unwrap();
            read.add(part).unwrap();
        }
        assert_eq!(tagged, 5);
        assert_eq!(read.len(), whole.count());
        for quantile in [0.0, 0.5, 0.99, 0.999, 1.0] {
            assert_eq!(Some(read.value_at_quantile(quantile)), whole.quantile_us(quantile));
        }
    }
}
