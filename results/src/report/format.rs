//! Values in the units that people think in.

use std::fmt::Display;

use crate::objectives::{IndicatorName, Unit};

/// What stands where nothing was measured.
pub const ABSENT: &str = "–";

/// A duration given in milliseconds, in a sensible unit: `850 µs`, `12.3 ms`, `1.24 s`.
pub fn milliseconds(ms: f64) -> String {
    if ms < 0.9995 {
        format!("{:.0} µs", ms * 1e3)
    } else if ms < 999.5 {
        format!("{} ms", three_digits(ms))
    } else {
        seconds(ms / 1e3)
    }
}

/// A duration given in seconds, in a sensible unit: `0 s`, `850 ms`, `12.3 s`, `5 min 2 s`.
pub fn seconds(s: f64) -> String {
    if s == 0.0 {
        "0 s".to_owned()
    } else if s < 0.9995 {
        milliseconds(s * 1e3)
    } else if s < 119.95 {
        format!("{} s", three_digits(s))
    } else {
        let whole = s.round();
        format!("{} min {} s", count((whole / 60.0).floor() as u64), (whole % 60.0) as u64)
    }
}

/// A share in percent, to a tenth.
pub fn percent(share: f64) -> f64 {
    // Minus nothing is nothing.
    (share * 1e3).round() / 10.0 + 0.0
}

/// A count with its thousands apart: `1,234,567`.
pub fn count(number: u64) -> String {
    apart(&number.to_string())
}

/// A whole number of things, each of which is a `noun`: `1 trial`, `1,234 worker processes`.
pub fn counted(number: impl Display, noun: &str) -> String {
    let number = number.to_string();
    let before_y = noun.strip_suffix('y').filter(|stem| !stem.ends_with(['a', 'e', 'o', 'u']));
    let nouns = match before_y {
        _ if number == "1" => noun.to_owned(),
        Some(stem) => format!("{stem}ies"),
        None if noun.ends_with(['s', 'x']) || noun.ends_with("ch") => format!("{noun}es"),
        None => format!("{noun}s"),
    };
    format!("{} {nouns}", apart(&number))
}

fn apart(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The value of an indicator with its unit.
pub fn value(indicator: IndicatorName, value: f64, currency: &str) -> String {
    match indicator.unit() {
        Unit::MoneyPerHour => format!("{} {currency}/h", money(value)).replace(" /h", "/h"),
        Unit::PerSecond => format!("{}/s", short(indicator, value)),
        Unit::Seconds if indicator == IndicatorName::WorkerSeconds => {
            format!("{} s", short(indicator, value))
        }
        _ => short(indicator, value),
    }
}

/// The value of an indicator as a table shows it, under a heading that gives the unit.
pub fn short(indicator: IndicatorName, value: f64) -> String {
    match indicator.unit() {
        Unit::Milliseconds => milliseconds(value),
        Unit::Seconds if indicator != IndicatorName::WorkerSeconds => seconds(value),
        Unit::MoneyPerHour => money(value),
        Unit::Share => share(value),
        Unit::Seconds | Unit::Count | Unit::PerSecond => number(value),
    }
}

/// A share of a whole in per cent: `0 %`, `3.2 %`, `100 %`.
pub fn share(value: f64) -> String {
    let percent = value * 100.0;
    let decimals = usize::from(percent != 0.0 && percent < 9.95);
    format!("{percent:.decimals$} %")
}

/// `text` with its first letter in upper case.
pub fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// A number to three digits, or whole with its thousands apart.
fn number(value: f64) -> String {
    if value >= 99.95 || value.fract() == 0.0 {
        count(value.round() as u64)
    } else {
        three_digits(value)
    }
}

/// Money to four significant digits at least where it is small, two decimals where it is not.
fn money(value: f64) -> String {
    if value == 0.0 || value >= 10.0 { format!("{value:.2}") } else { format!("{value:.4}") }
}

fn three_digits(value: f64) -> String {
    if value < 9.995 {
        format!("{value:.2}")
    } else if value < 99.95 {
        format!("{value:.1}")
    } else {
        format!("{value:.0}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_three_digits_in_the_unit_that_fits() {
        for (ms, shown) in [
            (0.0, "0 µs"),
            (0.85, "850 µs"),
            (0.9999, "1.00 ms"),
            (1.0, "1.00 ms"),
            (9.999, "10.0 ms"),
            (12.34, "12.3 ms"),
            (143.4, "143 ms"),
            (999.9, "1.00 s"),
            (1_240.0, "1.24 s"),
            (119_960.0, "2 min 0 s"),
            (3_600_000.0, "60 min 0 s"),
        ] {
            assert_eq!(milliseconds(ms), shown, "{ms}");
        }
        assert_eq!(seconds(0.0), "0 s");
        assert_eq!(seconds(0.25), "250 ms");
    }

    #[test]
    fn shares_are_in_per_cent() {
        for (value, shown) in [(0.0, "0 %"), (0.032, "3.2 %"), (0.125, "12 %"), (1.0, "100 %")] {
            assert_eq!(share(value), shown);
        }
        assert_eq!(short(IndicatorName::NoProgress, 0.5), "50 %");
        assert_eq!(short(IndicatorName::WorstDrain, 2.5), "2.50 s");
    }

    #[test]
    fn one_thing_is_no_plural() {
        for (number, noun, words) in [
            (1, "trial", "1 trial"),
            (0, "trial", "0 trials"),
            (1_234, "worker process", "1,234 worker processes"),
            (2, "strategy", "2 strategies"),
            (1, "strategy", "1 strategy"),
            (2, "key", "2 keys"),
            (3, "watch", "3 watches"),
        ] {
            assert_eq!(counted(number, noun), words);
        }
    }

    #[test]
    fn numbers_have_their_thousands_apart() {
        for (number, shown) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")]
        {
            assert_eq!(count(number), shown);
        }
        assert_eq!(value(IndicatorName::Throughput, 49_998.6, ""), "49,999/s");
        assert_eq!(value(IndicatorName::Cost, 0.1234, "USD"), "0.1234 USD/h");
        assert_eq!(value(IndicatorName::Cost, 12.0, ""), "12.00/h");
        assert_eq!(value(IndicatorName::WorkerSeconds, 812.4, ""), "812 s");
        assert_eq!(value(IndicatorName::Lost, 3.0, ""), "3");
    }
}
