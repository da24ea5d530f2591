//! One target of the benchmark: what was measured and what it is held to.

use std::io::{self, Write};

/// Which side of the target is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// The figure must reach the target.
    AtLeast,
    /// The figure must not exceed the target.
    AtMost,
}

/// Prints a line that says whether the target was met.
///
/// # Errors
/// When standard output cannot be written.
pub fn report(
    name: &str,
    measured: f64,
    wanted: Wanted,
    target: f64,
    unit: &str,
) -> io::Result<()> {
    let (met, sign) = match wanted {
        Wanted::AtLeast => (measured >= target, ">="),
        Wanted::AtMost => (measured <= target, "<="),
    };
    let word = if met { "ok" } else { "short" };
    let (measured, target) = (figure(measured), figure(target));
    writeln!(io::stdout(), "{name} {measured}{unit} {sign}{target}{unit} {word}")
}

/// Three significant digits at least, without a tail of noise.
fn figure(value: f64) -> String {
    if value.abs() >= 100.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}
