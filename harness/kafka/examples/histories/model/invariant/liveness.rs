//! (h) Every request to a healed cluster is answered in bounded time, in bytes that its codec
//! reads, and every client comes to an end.

use super::Verdict;

pub(super) fn unanswered(what: &str) -> Verdict {
    Err(format!("no answer in a healed cluster: {what}"))
}

pub(super) fn restless(who: &str) -> Verdict {
    Err(format!("a healed cluster does not come to rest: {who}"))
}

pub(super) fn unreadable(what: &str) -> Verdict {
    Err(format!("an answer that is none: {what}"))
}
