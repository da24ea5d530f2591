//! Quantities of CPU and memory.
//!
//! Source: the grammar in `k8s.io/apimachinery/pkg/api/resource/quantity.go`.

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

/// Thousandths of a CPU, rounded up; none when it cannot be read.
pub(crate) fn cpu_millis(quantity: &Quantity) -> Option<u64> {
    scaled(&quantity.0, 1000.0)
}

/// A plain count or bytes, rounded up; none when it cannot be read.
pub(crate) fn whole(quantity: &Quantity) -> Option<u64> {
    scaled(&quantity.0, 1.0)
}

fn scaled(text: &str, scale: f64) -> Option<u64> {
    let number_end = number_length(text);
    let (number, suffix) = text.split_at(number_end);
    let number: f64 = number.parse().ok()?;
    let value = (number * multiplier(suffix)? * scale).ceil();
    // Beyond 2^53 a float no longer counts single bytes, and no node is that large.
    (0.0..9.0e15).contains(&value).then_some(value as u64)
}

/// Where the number ends: `1e3` is a number, while `1E` is one followed by the suffix exa.
fn number_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let digits = |from: usize| {
        bytes[from..].iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'.').count()
    };
    let end = digits(0);
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let exponent = digits((end + 1 + sign).min(bytes.len()));
        if exponent > 0 {
            return end + 1 + sign + exponent;
        }
    }
    end
}

fn multiplier(suffix: &str) -> Option<f64> {
    Some(match suffix {
        "n" => 1e-9,
        "u" => 1e-6,
        "m" => 1e-3,
        "" => 1.0,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "P" => 1e15,
        "E" => 1e18,
        "Ki" => 1024.0,
        "Mi" => 1024.0 * 1024.0,
        "Gi" => 1024.0 * 1024.0 * 1024.0,
        "Ti" => 1024.0_f64.powi(4),
        "Pi" => 1024.0_f64.powi(5),
        "Ei" => 1024.0_f64.powi(6),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_read_as_kubernetes_reads_them() {
        for (text, millis) in [
            ("100m", Some(100)),
            ("1", Some(1000)),
            ("0.5", Some(500)),
            ("1500u", Some(2)),
            ("2e3", Some(2_000_000)),
            ("", None),
            ("-1", None),
            ("1x", None),
            ("1.2.3", None),
            ("NaN", None),
            ("1Ei", None),
            ("1é", None),
        ] {
            assert_eq!(cpu_millis(&Quantity(text.into())), millis, "{text}");
        }
        for (text, bytes) in [
            ("64Mi", Some(64 << 20)),
            ("1.5Gi", Some(3 << 29)),
            ("1e6", Some(1_000_000)),
            ("128M", Some(128_000_000)),
            ("1E", None),
        ] {
            assert_eq!(whole(&Quantity(text.into())), bytes, "{text}");
        }
    }
}
