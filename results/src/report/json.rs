//! Comparison and gate for programs.

use crate::comparison::Comparison;
use crate::gate::GateResult;

/// The comparison as JSON, ending in a line break.
///
/// # Errors
/// Never for a comparison made of records that were checked.
pub fn comparison_json(comparison: &Comparison) -> serde_json::Result<String> {
    Ok(serde_json::to_string_pretty(comparison)? + "\n")
}

/// The gate's result as JSON, ending in a line break.
///
/// # Errors
/// Never for a result that [`crate::gate()`] gave.
pub fn gate_json(result: &GateResult) -> serde_json::Result<String> {
    Ok(serde_json::to_string_pretty(result)? + "\n")
}
