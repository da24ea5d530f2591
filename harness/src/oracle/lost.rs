//! Lost: acknowledged by the broker, and no result after the drain.

use super::{EXAMPLES_MAX, Ledger};

/// How many messages were lost, and the positions of the first of them.
pub(super) fn lost(ledger: &Ledger) -> (u64, Vec<u64>) {
    (ledger.missing().count() as u64, ledger.missing().take(EXAMPLES_MAX).collect())
}
