//! How a partition moves to other replicas (KIP-455). Those to be added and those to be removed
//! are both replicas until the ones added are in sync; then the ones to be removed go. The steps
//! are those of Kafka's controller (`PartitionReassignmentReplicas`, `PartitionReassignmentRevert`).

use super::registration::Registration;

/// Who keeps a partition, and who of them is coming or going.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Assignment {
    pub(crate) replicas: Vec<i32>,
    pub(crate) adding: Vec<i32>,
    pub(crate) removing: Vec<i32>,
}

/// The way back from a reassignment under way.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Return {
    pub(crate) assignment: Assignment,
    pub(crate) isr: Vec<i32>,
    /// Nobody in sync stays, so that going back may lose records.
    pub(crate) unclean: bool,
}

impl Registration {
    /// Whether replicas are coming or going.
    pub(crate) fn is_reassigned(&self) -> bool {
        !self.adding.is_empty() || !self.removing.is_empty()
    }

    /// The number of replicas there will be once nobody is coming or going.
    pub(crate) fn settled_replicas(&self) -> usize {
        self.replicas.iter().filter(|id| !self.removing.contains(id)).count()
    }

    /// The assignment on the way to `target`. As in Kafka what an earlier reassignment adds, or
    /// removes, stays on record where this one has nothing to add, or to remove.
    pub(crate) fn towards(&self, target: &[i32]) -> Assignment {
        let adding = missing(target, &self.replicas);
        let removing = missing(&self.replicas, target);
        let replicas = target.iter().chain(&removing).copied().collect();
        let or = |found: Vec<i32>, before: &Vec<i32>| match found.is_empty() {
            true => before.clone(),
            false => found,
        };
        let (adding, removing) = (or(adding, &self.adding), or(removing, &self.removing));
        Assignment { replicas, adding, removing }
    }

    /// What undoes the reassignment under way. `None` if nobody kept the partition before.
    pub(crate) fn back(&self) -> Option<Return> {
        let stays = |id: &i32| !self.adding.contains(id);
        let replicas: Vec<i32> = self.replicas.iter().copied().filter(stays).collect();
        let mut isr: Vec<i32> = self.isr.iter().copied().filter(stays).collect();
        let unclean = isr.is_empty();
        if unclean {
            isr.push(*replicas.first()?);
        }
        let assignment = Assignment { replicas, adding: Vec::new(), removing: Vec::new() };
        Some(Return { assignment, isr, unclean })
    }

    /// Ends the reassignment if `isr` has all replicas that stay.
    pub(super) fn complete_reassignment(&mut self, isr: &mut Vec<i32>) {
        if !self.is_reassigned() {
            return;
        }
        let stays = |id: &i32| !self.removing.contains(id);
        let replicas: Vec<i32> = self.replicas.iter().copied().filter(stays).collect();
        let in_sync = |id: &i32| isr.contains(id);
        if replicas.is_empty() || !replicas.iter().all(in_sync) {
            return;
        }
        isr.retain(stays);
        self.replicas = replicas;
        (self.adding, self.removing) = (Vec::new(), Vec::new());
    }
}

/// Those of `some` that are not among `others`, in the order of their ids.
fn missing(some: &[i32], others: &[i32]) -> Vec<i32> {
    let mut missing: Vec<i32> = some.iter().copied().filter(|id| !others.contains(id)).collect();
    missing.sort_unstable();
    missing
}

#[cfg(test)]
mod tests {
    use super::super::registration::Change;
    use super::*;

    fn change(isr: &[i32]) -> Change<'static> {
        Change {
            isr: isr.to_vec(),
            unclean_shutdown: None,
            unclean_election: false,
            min_insync_replicas: 1,
            active: &|_| true,
        }
    }

    fn led(registration: &Registration) -> (Option<i32>, i32) {
        (registration.leader, registration.leader_epoch)
    }

    #[test]
    fn those_removed_stay_until_all_added_are_in_sync() {
        let mut registration = Registration::new(&[1, 2], |_| true);
        registration.reassign(registration.towards(&[3, 4]), change(&[1, 2]));
        assert_eq!(registration.replicas, [3, 4, 1, 2]);
        assert_eq!(
            (&registration.adding[..], &registration.removing[..]),
            (&[3, 4][..], &[1, 2][..])
        );
        assert_eq!(led(&registration), (Some(1), 0), "additions begin no epoch");
        assert_eq!(registration.settled_replicas(), 2);
        registration.change(change(&[1, 2, 3]));
        assert!(registration.is_reassigned());
        registration.change(change(&[1, 2, 3, 4]));
        assert_eq!((&registration.replicas[..], &registration.isr[..]), (&[3, 4][..], &[3, 4][..]));
        assert_eq!(led(&registration), (Some(3), 1));
    }

    #[test]
    fn another_order_is_taken_at_once() {
        let mut registration = Registration::new(&[1, 2], |_| true);
        registration.reassign(registration.towards(&[2, 1]), change(&[1, 2]));
        assert_eq!((&registration.replicas[..], led(&registration)), (&[2, 1][..], (Some(1), 0)));
        assert!(!registration.is_reassigned());
    }

    #[test]
    fn a_replica_that_goes_begins_an_epoch_under_the_same_leader() {
        let mut registration = Registration::new(&[1, 2], |_| true);
        registration.reassign(registration.towards(&[1]), change(&[1, 2]));
        assert_eq!((&registration.isr[..], led(&registration)), (&[1][..], (Some(1), 1)));
    }

    #[test]
    fn the_way_back_is_clean_while_one_of_before_is_in_sync() {
        let mut registration = Registration::new(&[1, 2], |_| true);
        assert!(!registration.is_reassigned());
        registration.reassign(registration.towards(&[2, 3, 4]), change(&[1, 2]));
        registration.change(change(&[3, 2]));
        let back = registration.back().unwrap();
        assert_eq!((&back.isr[..], back.unclean), (&[2][..], false));
        assert_eq!(back.assignment.replicas, [2, 1]);
        registration.change(change(&[3]));
        assert_eq!(registration.back().map(|back| (back.isr, back.unclean)), Some((vec![2], true)));
    }
}
