//! What a fault did to users, and how the system came back from it.
//!
//! **The law.** A second is *disturbed* when its response p99 exceeds the objective, when the lag
//! exceeds the threshold, or when messages were scheduled but no result was observed. (A lag that
//! could not be read is taken to be the last one read.) Disturbed seconds form one *episode* until two
//! undisturbed seconds follow each other; the episode ends where those two begin.
//!
//! A fault disturbs twice: when it is installed and when it is healed. An episode that is under
//! way or begins between the two is the installation's, and one that begins within the 5 s from
//! healing is the healing's; later ones are not this fault's, nor are those that begin in or after
//! the second in which the next fault is installed. Recovery is the longer of: installation → end
//! of its last episode, healing → end of the healing's last episode. It is 0 when there is no
//! episode, and absent when an episode is still open at the end of the series.
//!
//! So a crash that the system absorbs in 6 s has a recovery of 6 s, even if the crashed node
//! returns at 20 s and causes a hiccup of 1 s; and a fault that is felt for as long as it lasts
//! has a recovery of its length and what comes after.
//!
//! *Restoring* the objective is the same law with slow and silent seconds alone (silent are also
//! those in which nothing was scheduled, but more waits than the threshold), and *draining* the
//! same with lagging seconds alone: neither is ever longer than the recovery.
//!
//! **The fault's time**, over which messages are counted, runs from installation to its healing
//! or to the end of its last episode, whichever is later; but to the next fault's installation at
//! most, so that nothing counts twice. A second that it touches counts whole, except one in which
//! the next fault is installed.

mod episodes;

use serde::{Deserialize, Serialize};

use crate::series::{SeriesRow, intervals};

pub use episodes::{FaultTimes, Thresholds};
use episodes::{Felt, Trouble, felt};

/// What became of the system and of users in a fault that landed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recovery {
    /// The recovery, in seconds, by the law of this module. Absent when the system had not
    /// recovered by the end of the series.
    pub total_s: Option<f64>,
    /// Installation to the first sign that the system had noticed, in seconds. Signs are those of
    /// [`SignKind`]; one that names whom it is about counts only if that is a target of the fault,
    /// and only within the fault's time. Absent when there was none: the system did not notice,
    /// or did nothing that can be seen.
    pub detect_s: Option<f64>,
    /// What the first sign was; absent without one.
    pub detected_by: Option<SignKind>,
    /// The same as `total_s`, of response times alone: until the response p99 was within the
    /// objective again. 0 when it never left it.
    pub restore_s: Option<f64>,
    /// The same as `total_s`, of the lag alone: until it was back under its threshold. 0 when it
    /// never rose above it.
    pub drain_s: Option<f64>,
    /// Results observed in the fault's time whose response time exceeded the objective.
    pub out_of_objective: u64,
    /// The highest response p99 of a second in the fault's time, in milliseconds; absent when no
    /// result was observed in it.
    pub worst_p99_ms: Option<f64>,
    /// Share of the fault's time under load, 0 to 1, in which nothing moved: messages were
    /// scheduled, and for a second or more no result was observed.
    pub no_progress_share: f64,
}

/// A sign that the system has noticed a fault.
#[derive(Clone, Debug, PartialEq)]
pub struct Sign {
    /// When it was seen, seconds from load start.
    pub at_s: f64,
    /// What it was.
    pub kind: SignKind,
    /// Whom it is about, such as `node-2`; absent when it names nobody.
    pub about: Option<String>,
}

/// The kinds of signs that a system has noticed a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignKind {
    /// The control plane holds a node to be gone.
    NodeNotReady,
    /// The consumer group lost a member, by its session timeout or because it left.
    MemberGone,
    /// A partition has another leader than the broker that led it.
    LeaderChange,
    /// A broker is no longer among the replicas in sync of a partition.
    ReplicaOutOfSync,
    /// The operator decided on more workers. Less is no sign of a fault.
    Decision,
}

impl SignKind {
    /// The words for it in reports.
    pub fn words(self) -> &'static str {
        match self {
            SignKind::NodeNotReady => "node held to be gone",
            SignKind::MemberGone => "group member gone",
            SignKind::LeaderChange => "leader changed",
            SignKind::ReplicaOutOfSync => "replica out of sync",
            SignKind::Decision => "more workers decided on",
        }
    }
}

/// A stretch of at least a second in which messages were scheduled and no result was observed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stall {
    /// Its start, seconds from load start.
    pub start_s: f64,
    /// Its end, seconds from load start.
    pub end_s: f64,
}

/// What was observed of the whole trial.
#[derive(Clone, Copy, Debug)]
pub struct Observed<'a> {
    /// One row a second.
    pub series: &'a [SeriesRow],
    /// Signs that the system noticed something, in any order.
    pub signs: &'a [Sign],
    /// Stretches without progress, in any order, none overlapping another.
    pub stalls: &'a [Stall],
    /// When the load ended, seconds from its start.
    pub load_s: f64,
}

impl Recovery {
    /// The recovery from one fault on `targets`, by the law of this module. Without a single row
    /// after the fault's installation nothing is known: every time is absent.
    pub fn measure(
        observed: &Observed<'_>,
        fault: &FaultTimes,
        targets: &[String],
        thresholds: &Thresholds,
    ) -> Recovery {
        let by = |trouble| felt(observed.series, fault, thresholds, trouble);
        let Some(either) = by(Trouble::Either) else {
            return Recovery::default();
        };
        let time = time_of(fault, &either);
        let sign = first_sign(observed.signs, targets, &time);
        let rows = || intervals(observed.series).filter(|(from_s, row)| time.has(*from_s, row.t_s));
        Recovery {
            total_s: either.longest_s,
            detect_s: sign.map(|sign| sign.at_s - fault.installed_s),
            detected_by: sign.map(|sign| sign.kind),
            restore_s: by(Trouble::Slow).and_then(|felt| felt.longest_s),
            drain_s: by(Trouble::Lagging).and_then(|felt| felt.longest_s),
            out_of_objective: rows().map(|(_, row)| row.out_of_objective).sum(),
            worst_p99_ms: rows().filter_map(|(_, row)| row.response_p99_ms).reduce(f64::max),
            no_progress_share: no_progress_share(observed, &time),
        }
    }
}

/// The worst over the faults that landed. A figure is absent when no fault landed, or one of
/// them has none.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Worst {
    pub(crate) total_s: Option<f64>,
    /// A fault that was neither felt nor noticed counts as 0.
    pub(crate) detect_s: Option<f64>,
    pub(crate) restore_s: Option<f64>,
    pub(crate) drain_s: Option<f64>,
    pub(crate) no_progress_share: Option<f64>,
}

impl Worst {
    pub(crate) fn of<'a>(recoveries: impl Iterator<Item = &'a Recovery> + Clone) -> Worst {
        let worst = |value: fn(&Recovery) -> Option<f64>| {
            recoveries.clone().map(value).reduce(|worst, value| Some(worst?.max(value?))).flatten()
        };
        Worst {
            total_s: worst(|recovery| recovery.total_s),
            detect_s: worst(|recovery| {
                recovery.detect_s.or(recovery.total_s.filter(|felt_s| *felt_s == 0.0))
            }),
            restore_s: worst(|recovery| recovery.restore_s),
            drain_s: worst(|recovery| recovery.drain_s),
            no_progress_share: worst(|recovery| Some(recovery.no_progress_share)),
        }
    }
}

/// The fault's time, in seconds from load start.
struct Time {
    from_s: f64,
    to_s: f64,
    /// Whether it was cut short by the next fault.
    is_cut: bool,
}

impl Time {
    /// Whether the second from `from_s` to `to_s` counts.
    fn has(&self, from_s: f64, to_s: f64) -> bool {
        to_s > self.from_s && if self.is_cut { to_s <= self.to_s } else { from_s < self.to_s }
    }
}

fn time_of(fault: &FaultTimes, felt: &Felt) -> Time {
    let to_s = felt.until_s.map_or(fault.healed_s, |until_s| until_s.max(fault.healed_s));
    let next_s = fault.next_s.filter(|next_s| *next_s < to_s);
    Time {
        from_s: fault.installed_s,
        to_s: next_s.unwrap_or(to_s).max(fault.installed_s),
        is_cut: next_s.is_some(),
    }
}

fn first_sign<'a>(signs: &'a [Sign], targets: &[String], time: &Time) -> Option<&'a Sign> {
    let is_about = |sign: &&Sign| sign.about.as_ref().is_none_or(|about| targets.contains(about));
    signs
        .iter()
        .filter(|sign| sign.at_s >= time.from_s && sign.at_s < time.to_s)
        .filter(is_about)
        .min_by(|left, right| left.at_s.total_cmp(&right.at_s))
}

fn no_progress_share(observed: &Observed<'_>, time: &Time) -> f64 {
    let to_s = time.to_s.min(observed.load_s);
    let length_s = to_s - time.from_s;
    if length_s <= 0.0 {
        return 0.0;
    }
    let within = |stall: &Stall| (stall.end_s.min(to_s) - stall.start_s.max(time.from_s)).max(0.0);
    // Not a sum, which of nothing is −0 and would show.
    let still_s = observed.stalls.iter().map(within).fold(0.0, |sum, part_s| sum + part_s);
    (still_s / length_s).min(1.0)
}

#[cfg(test)]
mod tests;
