//! Latencies as a record keeps them: a compact encoding for programs, plain numbers for people.

use serde::{Deserialize, Serialize};

use super::counters::Counters;
use super::{Latencies, encoded};

/// A histogram in a file. Programs read `encoded`, which holds every bucket; people read the
/// rest. On reading, both must agree. All values are in microseconds, to three digits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HistogramRecord {
    /// Samples.
    pub count: u64,
    /// Samples below zero, recorded as 0.
    pub negatives: u64,
    /// Samples above one hour, recorded as one hour.
    pub overflows: u64,
    /// The smallest.
    pub min_us: Option<u64>,
    /// The mean.
    pub mean_us: Option<f64>,
    /// The median.
    pub p50_us: Option<u64>,
    /// The 90th percentile.
    pub p90_us: Option<u64>,
    /// The 99th percentile.
    pub p99_us: Option<u64>,
    /// The 99.9th percentile.
    pub p999_us: Option<u64>,
    /// The 99.99th percentile.
    pub p9999_us: Option<u64>,
    /// The largest.
    pub max_us: Option<u64>,
    /// HdrHistogram's V2 encoding, deflated, in base64.
    pub encoded: String,
}

/// Why a histogram in a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum HistogramError {
    /// `encoded` is not base64.
    #[error("encoded: not base64: {0}")]
    Base64(#[from] base64::DecodeError),
    /// `encoded` is not a histogram that this program can have written.
    #[error("encoded: not a histogram of 1 µs to 1 h with three digits: {0}")]
    Encoding(String),
    /// A plain number is not what the histogram says.
    #[error("{field}: is {plain}, but the encoded histogram says {encoded}")]
    Disagrees {
        /// The field.
        field: &'static str,
        /// What the field says.
        plain: String,
        /// What the histogram says.
        encoded: String,
    },
}

impl Latencies {
    /// The form that records keep.
    pub fn to_record(&self) -> HistogramRecord {
        HistogramRecord {
            count: self.count(),
            negatives: self.negatives,
            overflows: self.overflows,
            min_us: self.min_us(),
            mean_us: self.mean_us(),
            p50_us: self.quantile_us(0.5),
            p90_us: self.quantile_us(0.9),
            p99_us: self.quantile_us(0.99),
            p999_us: self.quantile_us(0.999),
            p9999_us: self.quantile_us(0.9999),
            max_us: self.max_us(),
            encoded: self.encoded(),
        }
    }

    /// The recorder that `record` was made from.
    ///
    /// # Errors
    /// When the encoding is broken or hostile, or a plain number disagrees with it.
    pub fn from_record(record: &HistogramRecord) -> Result<Latencies, HistogramError> {
        let histogram = encoded::decode(&record.encoded)?;
        let latencies = Latencies {
            counters: Counters::of(&histogram),
            negatives: record.negatives,
            overflows: record.overflows,
        };
        agree(record, &latencies)?;
        Ok(latencies)
    }
}

impl HistogramRecord {
    /// The recorder that this was made from; as [`Latencies::from_record`].
    ///
    /// # Errors
    /// When the encoding is broken or hostile, or a plain number disagrees with it.
    pub fn decode(&self) -> Result<Latencies, HistogramError> {
        Latencies::from_record(self)
    }
}

/// Compares the plain numbers with those of the decoded histogram.
fn agree(record: &HistogramRecord, latencies: &Latencies) -> Result<(), HistogramError> {
    let pairs = [
        ("count", Some(record.count), Some(latencies.count())),
        ("min_us", record.min_us, latencies.min_us()),
        ("p50_us", record.p50_us, latencies.quantile_us(0.5)),
        ("p90_us", record.p90_us, latencies.quantile_us(0.9)),
        ("p99_us", record.p99_us, latencies.quantile_us(0.99)),
        ("p999_us", record.p999_us, latencies.quantile_us(0.999)),
        ("p9999_us", record.p9999_us, latencies.quantile_us(0.9999)),
        ("max_us", record.max_us, latencies.max_us()),
    ];
    for (field, plain, encoded) in pairs {
        if plain != encoded {
            return Err(disagreement(field, &plain, &encoded));
        }
    }
    let means = (record.mean_us, latencies.mean_us());
    // The mean crosses the file as decimal text, which may move its last bit.
    let same_mean = match means {
        (Some(plain), Some(encoded)) => (plain - encoded).abs() <= 1e-9 * encoded,
        (plain, encoded) => plain == encoded,
    };
    if !same_mean {
        return Err(disagreement("mean_us", &means.0, &means.1));
    }
    let outside = record.negatives.checked_add(record.overflows);
    if outside.is_none_or(|outside| outside > record.count) {
        let plain = format!("{} + {}", record.negatives, record.overflows);
        let encoded = format!("{} samples in all", record.count);
        return Err(HistogramError::Disagrees { field: "negatives + overflows", plain, encoded });
    }
    Ok(())
}

fn disagreement<T: std::fmt::Display>(
    field: &'static str,
    plain: &Option<T>,
    encoded: &Option<T>,
) -> HistogramError {
    let text = |value: &Option<T>| value.as_ref().map_or("absent".to_owned(), T::to_string);
    HistogramError::Disagrees { field, plain: text(plain), encoded: text(encoded) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn some_record() -> HistogramRecord {
        let mut latencies = Latencies::new();
        (1..=1000).for_each(|sample| latencies.record_us(sample * 100));
        latencies.to_record()
    }

    #[test]
    fn an_edited_number_is_named() {
        let record = HistogramRecord { p99_us: Some(1), ..some_record() };
        let error = record.decode().unwrap_err().to_string();
        assert!(error.starts_with("p99_us: is 1, but the encoded histogram says 99"), "{error}");
        let record = HistogramRecord { mean_us: None, ..some_record() };
        assert!(record.decode().unwrap_err().to_string().starts_with("mean_us: is absent"));
        let record = HistogramRecord { negatives: u64::MAX, ..some_record() };
        assert!(record.decode().unwrap_err().to_string().starts_with("negatives + overflows"));
    }

    #[test]
    fn broken_encodings_are_errors() {
        for encoded in ["", "no base64!", "AAAA", "HISTFAAA"] {
            let record = HistogramRecord { encoded: encoded.to_owned(), ..some_record() };
            let error = record.decode().unwrap_err().to_string();
            assert!(error.starts_with("encoded: "), "{error}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn a_record_reads_back_as_it_was_written(
            samples in prop::collection::vec(-10i64..5_000_000_000, 0..200),
        ) {
            let mut latencies = Latencies::new();
            samples.iter().for_each(|sample| latencies.record_us(*sample));
            let record = latencies.to_record();
            let text = serde_json::to_string(&record).unwrap();
            let read: HistogramRecord = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(read.decode().unwrap().to_record(), record);
        }
    }
}
