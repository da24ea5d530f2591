//! The source log as it was read at the end: which messages the brokers still have.

use super::Ledger;
use super::bits::Bits;
use results::SourceAudit;

/// The messages found in the source log: one bit each.
#[derive(Debug)]
pub struct SourceLog {
    present: Bits,
}

impl SourceLog {
    /// An empty log for `planned` messages.
    pub fn new(planned: u64) -> Self {
        Self { present: Bits::new(planned) }
    }

    /// Notes a message of this trial in the log.
    pub fn note(&self, position: u64) {
        self.present.set(position);
    }

    /// What the log lacks of what was acknowledged.
    pub(super) fn audit(&self, ledger: &Ledger) -> SourceAudit {
        ledger.absent(&self.present).fold(
            SourceAudit { absent: 0, absent_and_lost: 0 },
            |audit, (_, observed)| SourceAudit {
                absent: audit.absent + 1,
                absent_and_lost: audit.absent_and_lost + u64::from(!observed),
            },
        )
    }
}
