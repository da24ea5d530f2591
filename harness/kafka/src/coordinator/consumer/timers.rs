//! What ends for a member when its time is over.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kafka_protocol::protocol::StrBytes;

/// What a timer waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Wait {
    /// The next heartbeat.
    Session,
    /// The revocation of partitions, asked for in this member epoch.
    Revocation(i32),
    /// JoinGroup of a member that speaks the classic protocol.
    Join,
    /// SyncGroup of a member that speaks the classic protocol.
    Sync,
}

/// One timer of each kind for each member.
#[derive(Debug, Default)]
pub(super) struct Timers {
    deadlines: BTreeSet<(Duration, StrBytes, Wait)>,
    members: BTreeMap<StrBytes, BTreeMap<u8, (Duration, Wait)>>,
}

impl Timers {
    /// Starts a timer, or starts it anew.
    pub(super) fn start(&mut self, member: &StrBytes, wait: Wait, deadline: Duration) {
        self.stop(member, wait);
        self.deadlines.insert((deadline, member.clone(), wait));
        self.members.entry(member.clone()).or_default().insert(kind(wait), (deadline, wait));
    }

    /// Starts a timer unless it runs.
    pub(super) fn start_if_absent(&mut self, member: &StrBytes, wait: Wait, deadline: Duration) {
        let timers = self.members.get(member);
        if !timers.is_some_and(|timers| timers.contains_key(&kind(wait))) {
            self.start(member, wait, deadline);
        }
    }

    /// Stops a timer; the number in a wait does not matter.
    pub(super) fn stop(&mut self, member: &StrBytes, wait: Wait) {
        let Some(timers) = self.members.get_mut(member) else { return };
        if let Some((deadline, wait)) = timers.remove(&kind(wait)) {
            self.deadlines.remove(&(deadline, member.clone(), wait));
        }
        if timers.is_empty() {
            self.members.remove(member);
        }
    }

    /// Stops all timers of a member.
    pub(super) fn stop_all(&mut self, member: &StrBytes) {
        for (deadline, wait) in self.members.remove(member).unwrap_or_default().into_values() {
            self.deadlines.remove(&(deadline, member.clone(), wait));
        }
    }

    /// Stops everything.
    pub(super) fn clear(&mut self) {
        self.deadlines.clear();
        self.members.clear();
    }

    pub(super) fn next(&self) -> Option<Duration> {
        self.deadlines.first().map(|(deadline, ..)| *deadline)
    }

    /// Takes the first timer that is over at `now`.
    pub(super) fn pop_due(&mut self, now: Duration) -> Option<(StrBytes, Wait)> {
        let (deadline, ..) = self.deadlines.first()?;
        if *deadline > now {
            return None;
        }
        let (_, member, wait) = self.deadlines.first().cloned()?;
        self.stop(&member, wait);
        Some((member, wait))
    }
}

fn kind(wait: Wait) -> u8 {
    match wait {
        Wait::Session => 0,
        Wait::Revocation(_) => 1,
        Wait::Join => 2,
        Wait::Sync => 3,
    }
}
