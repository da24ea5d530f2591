//! Lost: acknowledged by the broker, and no result after the drain.

use super::{EXAMPLES_MAX, Ledger};

/// How many messages were lost, and the first of them.
pub(super) fn lost(ledger: &Ledger) -> (u64, Vec<String>) {
    let examples =
        ledger.missing().take(EXAMPLES_MAX).map(|position| format!("message {position} lost"));
    (ledger.missing().count() as u64, examples.collect())
}
