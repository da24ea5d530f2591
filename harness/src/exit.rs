//! Exit codes and the errors that lead to them.

/// What the process ends with. The numbers are documented and do not change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Every verdict is a pass.
    Pass = 0,
    /// The harness itself failed.
    Internal = 1,
    /// Wrong usage, or a file that cannot be used.
    Usage = 2,
    /// A bound was exceeded.
    GateFailed = 3,
    /// The environment could not be got ready.
    NotReady = 4,
    /// Too noisy or not valid: nothing can be said.
    Inconclusive = 5,
    /// The deadline passed.
    Timeout = 124,
    /// Interrupted by the user.
    Interrupted = 130,
}

impl Exit {
    /// The exit code for the worst of some verdicts.
    pub fn of(kind: results::VerdictKind) -> Self {
        match kind {
            results::VerdictKind::Pass => Self::Pass,
            results::VerdictKind::Fail => Self::GateFailed,
            results::VerdictKind::Inconclusive | results::VerdictKind::Invalid => {
                Self::Inconclusive
            }
        }
    }
}

/// An error that carries its exit code.
#[derive(Debug, thiserror::Error)]
#[error("{error:#}")]
pub struct Failure {
    /// What the process ends with.
    pub exit: Exit,
    /// What went wrong.
    pub error: anyhow::Error,
}

impl Failure {
    /// Wrong usage, or a file that cannot be used.
    pub fn usage(error: impl Into<anyhow::Error>) -> Self {
        Self { exit: Exit::Usage, error: error.into() }
    }

    /// The environment could not be got ready.
    pub fn not_ready(error: impl Into<anyhow::Error>) -> Self {
        Self { exit: Exit::NotReady, error: error.into() }
    }

    /// The harness itself failed.
    pub fn internal(error: impl Into<anyhow::Error>) -> Self {
        Self { exit: Exit::Internal, error: error.into() }
    }
}
