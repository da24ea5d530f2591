//! The `stormgauge` program.
fn main() {}
