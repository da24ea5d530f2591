//! What the controller has recorded about a partition, and how it changes: who is in sync, who
//! leads, and who else may lead without loss (eligible leader replicas, KIP-966, which new
//! clusters of Kafka 4.1 have on).

use super::reassignment::Assignment;

/// The controller's record of one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Registration {
    /// The brokers that keep the partition, the preferred leader first.
    pub(crate) replicas: Vec<i32>,
    /// Replicas that a reassignment adds, and those that leave once these are in sync.
    pub(crate) adding: Vec<i32>,
    pub(crate) removing: Vec<i32>,
    pub(crate) isr: Vec<i32>,
    /// Replicas that left the in-sync set when it was too small for anything to be committed
    /// without them, in the order of their ids. Empty while enough are in sync.
    pub(crate) eligible: Vec<i32>,
    /// Who led when the last replica left the in-sync set.
    pub(crate) last_known_leader: Option<i32>,
    pub(crate) leader: Option<i32>,
    pub(crate) leader_epoch: i32,
}

/// A change of the in-sync set, with all that an election needs to know.
pub(crate) struct Change<'a> {
    /// The in-sync set asked for.
    pub(crate) isr: Vec<i32>,
    /// A broker that came back without a clean shutdown: it may have lost its log's tail.
    pub(crate) unclean_shutdown: Option<i32>,
    /// Whether a replica outside the in-sync set may lead when nobody else can.
    pub(crate) unclean_election: bool,
    pub(crate) min_insync_replicas: usize,
    /// Whether the controller takes a broker for running.
    pub(crate) active: &'a dyn Fn(i32) -> bool,
}

/// Who shall lead, and whether that may lose records.
struct Elected {
    leader: Option<i32>,
    unclean: bool,
}

impl Registration {
    /// A new partition, led by the first replica that is `active`.
    pub(crate) fn new(replicas: &[i32], active: impl Fn(i32) -> bool) -> Self {
        let isr: Vec<i32> = replicas.iter().copied().filter(|&broker| active(broker)).collect();
        Self {
            replicas: replicas.to_vec(),
            adding: Vec::new(),
            removing: Vec::new(),
            leader: isr.first().copied(),
            isr,
            eligible: Vec::new(),
            last_known_leader: None,
            leader_epoch: 0,
        }
    }

    /// The in-sync set without a broker.
    pub(crate) fn isr_without(&self, broker: i32) -> Vec<i32> {
        self.isr.iter().copied().filter(|&replica| replica != broker).collect()
    }

    /// Records a new in-sync set and elects a leader if the present one cannot go on. Every
    /// change of leader, also to none, is a new epoch. Returns whether anything changed.
    pub(crate) fn change(&mut self, change: Change<'_>) -> bool {
        let before = self.clone();
        self.apply(&before, change)
    }

    /// The same with another assignment, which is complete at once if all its replicas are in
    /// sync. Replicas that go begin a new epoch, whoever leads.
    pub(crate) fn reassign(&mut self, assignment: Assignment, change: Change<'_>) -> bool {
        let before = self.clone();
        let Assignment { replicas, adding, removing } = assignment;
        (self.replicas, self.adding, self.removing) = (replicas, adding, removing);
        self.apply(&before, change)
    }

    fn apply(&mut self, before: &Self, mut change: Change<'_>) -> bool {
        self.complete_reassignment(&mut change.isr);
        let minimum = change.min_insync_replicas.min(before.replicas.len());
        let mut eligible = self.eligible_after(&change, minimum);
        let elected = self.elect(&change, &eligible);
        let mut isr = change.isr;
        if elected.leader != self.leader
            && let Some(leader) = elected.leader
        {
            if elected.unclean {
                isr = vec![leader];
                eligible.clear();
            } else if eligible.contains(&leader) {
                isr = vec![leader];
                eligible.retain(|&replica| replica != leader);
            }
        }
        if isr.is_empty() && !self.isr.is_empty() {
            self.last_known_leader = self.leader.or(self.last_known_leader);
        } else if elected.leader.is_some() {
            self.last_known_leader = None;
        }
        (self.isr, self.eligible) = (isr, eligible);
        if elected.leader != self.leader {
            self.lead(elected.leader);
        } else if !before.replicas.iter().all(|id| self.replicas.contains(id)) {
            self.lead(self.leader);
        }
        self != before
    }

    /// Begins a new epoch under `leader`.
    pub(crate) fn lead(&mut self, leader: Option<i32>) {
        self.leader = leader;
        self.leader_epoch += 1;
    }

    fn eligible_after(&self, change: &Change<'_>, minimum: usize) -> Vec<i32> {
        if change.isr.len() >= minimum {
            return Vec::new();
        }
        let candidates = self.eligible.iter().chain(&self.isr).copied();
        let mut eligible: Vec<i32> = candidates
            .filter(|replica| !change.isr.contains(replica))
            .filter(|&replica| change.unclean_shutdown != Some(replica))
            .collect();
        eligible.sort_unstable();
        eligible.dedup();
        eligible
    }

    fn elect(&self, change: &Change<'_>, eligible: &[i32]) -> Elected {
        let active = |replica: &i32| (change.active)(*replica);
        let may_lead = |replica: &i32| {
            let claim = if change.isr.is_empty() { eligible } else { &change.isr };
            claim.contains(replica) && active(replica)
        };
        let present = self.leader.filter(may_lead);
        let clean = present.or_else(|| self.replicas.iter().copied().find(may_lead));
        if clean.is_some() {
            return Elected { leader: clean, unclean: false };
        }
        let nobody_else = change.isr.is_empty() && eligible.is_empty();
        let last_known = self.last_known_leader.filter(|_| nobody_else).filter(active);
        let any = || self.replicas.iter().copied().find(active).filter(|_| change.unclean_election);
        let leader = last_known.or_else(any);
        Elected { leader, unclean: leader.is_some() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(registration: &mut Registration, isr: &[i32], down: &[i32]) {
        let active = |broker: i32| !down.contains(&broker);
        registration.change(Change {
            isr: isr.to_vec(),
            unclean_shutdown: None,
            unclean_election: false,
            min_insync_replicas: 2,
            active: &active,
        });
    }

    #[test]
    fn who_leaves_a_set_that_is_too_small_stays_eligible() {
        let mut registration = Registration::new(&[1, 2, 3], |_| true);
        change(&mut registration, &[1, 3], &[2]);
        assert_eq!(registration.eligible, [0; 0], "two are enough");
        change(&mut registration, &[1], &[2, 3]);
        assert_eq!((&registration.isr[..], &registration.eligible[..]), (&[1][..], &[3][..]));
        change(&mut registration, &[], &[1, 2, 3]);
        assert_eq!(registration.eligible, [1, 3]);
        assert_eq!((registration.leader, registration.leader_epoch), (None, 1));
        change(&mut registration, &[], &[1, 2]);
        assert_eq!((registration.leader, registration.leader_epoch), (Some(3), 2));
        assert_eq!((&registration.isr[..], &registration.eligible[..]), (&[3][..], &[1][..]));
    }

    #[test]
    fn the_last_known_leader_leads_when_nobody_is_eligible_any_more() {
        let mut registration = Registration::new(&[1], |_| true);
        let mut change = |down: bool| {
            registration.change(Change {
                isr: Vec::new(),
                unclean_shutdown: Some(1),
                unclean_election: false,
                min_insync_replicas: 2,
                active: &|_| !down,
            });
            (registration.leader, registration.leader_epoch, registration.isr.clone())
        };
        assert_eq!(change(true), (None, 1, vec![]));
        assert_eq!(change(false), (Some(1), 2, vec![1]));
    }

    #[test]
    fn an_unclean_election_takes_the_first_replica_that_runs() {
        let mut registration = Registration::new(&[1, 2, 3], |broker| broker == 1);
        registration.change(Change {
            isr: Vec::new(),
            unclean_shutdown: Some(1),
            unclean_election: true,
            min_insync_replicas: 1,
            active: &|broker| broker == 3,
        });
        assert_eq!((registration.leader, &registration.isr[..]), (Some(3), &[3][..]));
        assert_eq!(registration.eligible, [0; 0]);
    }
}
