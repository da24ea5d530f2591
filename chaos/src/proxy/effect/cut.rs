//! Connections that end, with or without the knowledge of both sides.

use std::time::Duration;

use tokio::time::Instant;

/// Connections end: each side sees a reset, or keeps a connection that is dead.
///
/// On a side that keeps it nothing arrives any more, what it sends is swallowed, and the reset
/// comes when the rule ends: by then nobody knows the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// How long after the rule has begun to concern it a connection ends.
    pub after: Duration,
    /// Which side keeps it.
    pub keeps: Keeps,
    /// Whether connections that were opened after the rule end too.
    pub newcomers: bool,
}

/// Which side of a connection does not learn that it has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeps {
    /// Both are told.
    Neither,
    /// The client.
    Client,
    /// The server.
    Server,
    /// Both.
    Both,
}

impl Cut {
    /// When a connection ends, if ever.
    pub(crate) fn due(&self, established: Instant, installed: Instant) -> Option<Instant> {
        let concerned = self.newcomers || established <= installed;
        let begins = concerned.then(|| established.max(installed))?;
        begins.checked_add(self.after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    #[tokio::test(start_paused = true)]
    async fn a_connection_ends_so_long_after_the_rule_concerns_it() {
        let second = Duration::from_secs(1);
        let early = clock::now();
        let (installed, late) = (early + second, early + 2 * second);
        let cut = Cut { after: second, keeps: Keeps::Neither, newcomers: true };
        assert_eq!(cut.due(early, installed), Some(installed + second));
        assert_eq!(cut.due(late, installed), Some(late + second));
        let of_old = Cut { newcomers: false, ..cut };
        assert_eq!(of_old.due(early, installed), Some(installed + second));
        assert_eq!(of_old.due(late, installed), None);
    }
}
