//! What a rule does to the bytes, or to the connections, that it concerns.

mod bandwidth;
mod cut;
mod delay;
mod loss;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use cut::{Cut, Keeps};
pub use delay::{Delay, JitterLaw};
pub use loss::Loss;

pub(super) use bandwidth::{Link, piece_bytes};

/// The longest that one rule makes a chunk late; longer delays are cut to it.
pub const DELAY_MAX: Duration = Duration::from_secs(3600);

/// Which way bytes flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Both ways.
    Both,
    /// From clients to servers.
    ToServer,
    /// From servers to clients.
    ToClient,
}

impl Direction {
    pub(super) fn covers(self, flow: Self) -> bool {
        self == Self::Both || self == flow
    }
}

/// What is done to the connections that a rule concerns.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Effect {
    /// Nothing is forwarded. Up to one buffer is read and kept; the rest waits in the kernel.
    Hold,
    /// Each chunk is delivered late, never before the one that came before it.
    Delay(Delay),
    /// Packets are lost; what they held arrives when it has been sent again.
    Loss(Loss),
    /// All connections of the rule share one link each way.
    Bandwidth {
        /// What it carries in a second; 0 counts as 1.
        bytes_per_s: u64,
    },
    /// When one side closes a connection, the other one learns of it late.
    SlowClose {
        /// How late, up to [`DELAY_MAX`].
        delay: Duration,
    },
    /// Connections end; who keeps a side of one does not learn of it.
    Cut(Cut),
}
