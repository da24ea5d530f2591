//! One target of the benchmark: what was measured and what it is held to.

/// Which side of the target is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// The figure must reach the target.
    AtLeast,
    /// The figure must not exceed the target.
    AtMost,
}

/// Prints a line and says whether the target was met.
pub fn report(name: &str, measured: f64, wanted: Wanted, target: f64, unit: &str) -> bool {
    let met = match wanted {
        Wanted::AtLeast => measured >= target,
        Wanted::AtMost => measured <= target,
    };
    let sign = match wanted {
        Wanted::AtLeast => ">=",
        Wanted::AtMost => "<=",
    };
    let word = if met { "ok" } else { "short" };
    println!("{name} {}{unit} {sign}{}{unit} {word}", figure(measured), figure(target));
    met
}

/// Three significant digits at least, without a tail of noise.
fn figure(value: f64) -> String {
    if value.abs() >= 100.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}
