//! Conditions by the API conventions: a transition time that changes only with the status.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use super::memory::whole_seconds;

/// A condition to report.
pub(super) struct Report {
    pub(super) type_: &'static str,
    pub(super) status: bool,
    pub(super) reason: &'static str,
    pub(super) message: String,
}

/// The conditions to write: transition times are taken over where the status did not change.
pub(super) fn conditions(
    before: &[Condition],
    reports: Vec<Report>,
    generation: Option<i64>,
    now: Timestamp,
) -> Vec<Condition> {
    let condition = |report: Report| {
        let status = if report.status { "True" } else { "False" };
        let kept = before
            .iter()
            .find(|before| before.type_ == report.type_ && before.status == status)
            .map(|before| before.last_transition_time.clone());
        Condition {
            type_: report.type_.to_owned(),
            status: status.to_owned(),
            reason: report.reason.to_owned(),
            message: bounded(report.message),
            observed_generation: generation,
            last_transition_time: kept.unwrap_or(Time(whole_seconds(now))),
        }
    };
    reports.into_iter().map(condition).collect()
}

/// Whoever wrote a message, it must fit.
fn bounded(mut message: String) -> String {
    const BYTES_MAX: usize = 4096;
    if message.len() > BYTES_MAX {
        message.truncate(message.floor_char_boundary(BYTES_MAX));
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(status: bool, message: &str) -> Vec<Report> {
        let message = message.to_owned();
        vec![Report { type_: "Ready", status, reason: "Because", message }]
    }

    #[test]
    fn the_transition_time_changes_only_with_the_status() {
        let time = |second| Timestamp::from_second(second).unwrap();
        let first = conditions(&[], report(false, "one"), Some(1), time(10));
        let same = conditions(&first, report(false, "two"), Some(2), time(20));
        assert_eq!(same[0].last_transition_time, Time(time(10)));
        assert_eq!(same[0].message, "two");
        assert_eq!(same[0].observed_generation, Some(2));
        let other = conditions(&same, report(true, "two"), Some(2), time(30));
        assert_eq!(other[0].last_transition_time, Time(time(30)));
    }

    #[test]
    fn a_long_message_is_cut_at_a_character() {
        let long = "ä".repeat(5000);
        let cut = conditions(&[], report(true, &long), None, Timestamp::UNIX_EPOCH);
        assert_eq!(cut[0].message.len(), 4096);
    }
}
