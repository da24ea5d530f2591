//! Reads what a worker's metrics endpoint says: the few series of the worker contract from
//! Prometheus text. Lines that make no sense are passed over, whoever wrote them.

use super::Histogram;

/// One look at one worker.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct WorkerSample {
    /// Records processed since the worker started.
    pub records_total: Option<f64>,
    /// Seconds that the worker was busy since it started.
    pub busy_seconds_total: Option<f64>,
    /// Latencies: intended send time to result acknowledged.
    pub latency: Histogram,
    /// Service times: work start to work end of one record.
    pub service: Histogram,
}

impl WorkerSample {
    /// Whether there is anything to go by.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Reads Prometheus text. Series of one name with several label sets are added up; numbers that
/// are negative or not finite are passed over.
#[must_use]
pub fn parse(text: &str) -> WorkerSample {
    let mut sample = WorkerSample::default();
    for line in text.lines() {
        let Some((name, labels, value)) = series(line) else { continue };
        match name {
            "streaming_worker_records_total" => add(&mut sample.records_total, value),
            "streaming_worker_busy_seconds_total" => add(&mut sample.busy_seconds_total, value),
            "streaming_worker_latency_seconds_bucket" => {
                add_bucket(&mut sample.latency, labels, value);
            }
            "streaming_worker_service_seconds_bucket" => {
                add_bucket(&mut sample.service, labels, value);
            }
            _ => {}
        }
    }
    sample
}

/// Name, text between the braces, and value of a line. A timestamp after the value is allowed.
fn series(line: &str) -> Option<(&str, &str, f64)> {
    let line = line.trim();
    if line.starts_with('#') || !line.starts_with("streaming_worker_") {
        return None;
    }
    let name_end = line.find(['{', ' ', '\t'])?;
    let (name, rest) = line.split_at(name_end);
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(inside) => {
            let close = closing_brace(inside)?;
            (&inside[..close], &inside[close + 1..])
        }
        None => ("", rest),
    };
    let value: f64 = rest.split_whitespace().next()?.parse().ok()?;
    (value.is_finite() && value >= 0.0).then_some((name, labels, value))
}

/// Place of the brace that closes the labels: not one inside quotes.
fn closing_brace(text: &str) -> Option<usize> {
    let mut quoted = false;
    let mut escaped = false;
    for (place, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'}' if !quoted => return Some(place),
            _ => {}
        }
    }
    None
}

/// The raw value of a label. Values that matter here hold no escapes.
fn label<'a>(labels: &'a str, wanted: &str) -> Option<&'a str> {
    let mut rest = labels;
    loop {
        let (name, after) = rest.split_once('=')?;
        let value = after.trim_start().strip_prefix('"')?;
        let close = closing_quote(value)?;
        if name.trim_matches([',', ' ', '\t']) == wanted {
            return Some(&value[..close]);
        }
        rest = &value[close + 1..];
    }
}

fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (place, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(place),
            _ => {}
        }
    }
    None
}

fn add(total: &mut Option<f64>, value: f64) {
    *total = Some(total.unwrap_or(0.0) + value);
}

fn add_bucket(histogram: &mut Histogram, labels: &str, count: f64) {
    if let Some(bound_s) = label(labels, "le").and_then(|text| text.parse().ok()) {
        histogram.add(bound_s, count);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::super::histogram::BUCKETS_MAX;
    use super::*;

    #[test]
    fn the_series_of_the_contract_are_read() {
        let sample = parse(
            "# HELP streaming_worker_records_total Records.\n\
             # TYPE streaming_worker_records_total counter\n\
             streaming_worker_records_total{topic=\"a\"} 40\n\
             streaming_worker_records_total{topic=\"b} \\\"odd\"} 2 1700000000000\r\n\
             streaming_worker_busy_seconds_total 1.5e-1\n\
             streaming_worker_latency_seconds_bucket{le=\"+Inf\"} 3\n\
             streaming_worker_latency_seconds_bucket{topic=\"x,le=\",le=\"0.001\"} 1\n\
             streaming_worker_service_seconds_bucket{le=\"0.00256\"} 4 1700000000000\n\
             streaming_worker_service_seconds_bucket{le=\"+Inf\"} 5\n\
             streaming_worker_service_seconds_sum 0.01\n\
             streaming_worker_assigned_partitions 6\n\
             something_else 9\n",
        );
        assert_eq!(sample.records_total, Some(42.0));
        assert_eq!(sample.busy_seconds_total, Some(0.15));
        assert_eq!(sample.latency.buckets(), [(0.001, 1.0), (f64::INFINITY, 3.0)]);
        assert_eq!(sample.service.buckets(), [(0.00256, 4.0), (f64::INFINITY, 5.0)]);
    }

    #[test]
    fn nonsense_is_passed_over() {
        for text in [
            "streaming_worker_records_total NaN",
            "streaming_worker_records_total -4",
            "streaming_worker_records_total +Inf",
            "streaming_worker_records_total",
            "streaming_worker_records_total{",
            "streaming_worker_records_total{a=\"} 3",
            "streaming_worker_records_total{a=\"\\\"} 3",
            "streaming_worker_records_total} 3",
            "streaming_worker_records_total_more 3",
            "streaming_worker_latency_seconds_bucket{le=\"NaN\"} 3",
            "streaming_worker_latency_seconds_bucket{le=0.1} 3",
            "streaming_worker_latency_seconds_bucket 3",
            "\u{0}\u{0}",
        ] {
            assert!(parse(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn buckets_are_bounded() {
        let lines: String = (0..10_000)
            .map(|n| format!("streaming_worker_latency_seconds_bucket{{le=\"{n}\"}} 1\n"))
            .collect();
        assert_eq!(parse(&lines).latency.buckets().len(), BUCKETS_MAX);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in any::<String>(), cut in 0..200_usize) {
            let _ = parse(&text);
            let line = format!("streaming_worker_latency_seconds_bucket{{{text}}} {text}");
            let _ = parse(&line);
            let cut: String = line.chars().take(cut).collect();
            let _ = parse(&cut);
        }
    }
}
