//! A group that is made to rebalance again and again: its coordinator is told that a member leaves,
//! which comes back as soon as it learns of that.

use super::down::PATIENCE;
use super::{Hands, LOOK_EVERY};
use crate::clock::Anchor;
use crate::environment::GROUP;
use crate::environment::docker::admin::{self, Group};
use crate::environment::docker::cluster::locked;
use chaos::Installed;
use futures::FutureExt;
use futures::future::BoxFuture;
use results::report::format::counted;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Generations that are a storm.
const GENERATIONS_MIN: usize = 2;

/// Lets the job's group rebalance every so often, for `limit` at most.
pub(super) fn begin(hands: Hands, every: Duration, limit: Duration) -> Box<dyn Installed> {
    let stop = CancellationToken::new();
    let turmoil = Arc::<Mutex<Turmoil>>::default();
    let blowing = blow(hands.clone(), Arc::clone(&turmoil), every, Anchor::ahead(limit));
    tokio::spawn(stop.clone().run_until_cancelled_owned(blowing));
    let _ends_when_dropped = stop.clone().drop_guard();
    Box::new(Storm { hands, turmoil, stop, _ends_when_dropped })
}

/// Throws out one member after the other, each once the group is done with the last.
async fn blow(hands: Hands, turmoil: Arc<Mutex<Turmoil>>, every: Duration, limit: Anchor) {
    let mut timer = interval(every);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while limit.elapsed_ns() < 0 {
        timer.tick().await;
        let group = hands.cluster.group();
        let Some((member, client)) = locked(&turmoil).next(&group) else { continue };
        match throw_out(&hands, &member).await {
            Ok(()) => locked(&turmoil).thrown_out.push((member, client)),
            // The coordinator has moved, or the member has gone by itself.
            Err(error) => tracing::debug!(%error, member, "not thrown out"),
        }
    }
}

async fn throw_out(hands: &Hands, member: &str) -> anyhow::Result<()> {
    let coordinator = hands.cluster.coordinator();
    let coordinator = coordinator.ok_or_else(|| anyhow::anyhow!("there is no coordinator"))?;
    let mut connection = hands.cluster.connect_to(coordinator).await?;
    admin::throw_out(&mut connection, GROUP, member).await
}

/// What became of a group since it is made to rebalance.
#[derive(Debug, Default)]
struct Turmoil {
    /// Members by their ids, of which nobody gets one a second time, each with its client id.
    thrown_out: Vec<(String, String)>,
    /// The members when the group was last seen to be settled.
    settled: BTreeSet<String>,
    /// Generations begun, at least: a coordinator does not tell their number, but a generation
    /// keeps its members, so that a group settled with others has begun another.
    generations: usize,
}

impl Turmoil {
    /// Takes note of the group, and whether it is done with the last who was thrown out.
    fn see(&mut self, group: &Group) -> bool {
        if !group.settled {
            return false;
        }
        let members: BTreeSet<String> = group.members.keys().cloned().collect();
        if members != self.settled {
            self.generations += usize::from(!self.settled.is_empty());
            self.settled = members;
        }
        self.thrown_out.last().is_none_or(|(last, _)| !group.members.contains_key(last))
    }

    /// Who is to be thrown out now, each worker in its turn; nobody while the group is not done with
    /// the last.
    fn next(&mut self, group: &Group) -> Option<(String, String)> {
        let turn = self.thrown_out.len().checked_rem(group.members.len())?;
        let (id, member) = group.members.iter().nth(turn)?;
        self.see(group).then(|| (id.clone(), member.client.clone()))
    }

    /// Whether everybody who was thrown out has come back.
    fn is_whole(&self, group: &Group) -> bool {
        let present: BTreeSet<&String> = group.members.values().map(|it| &it.client).collect();
        self.thrown_out.iter().all(|(_, client)| present.contains(client))
    }

    fn sentence(&self) -> String {
        let thrown_out = counted(self.thrown_out.len(), "member");
        let generations = counted(self.generations, "generation");
        format!("group {GROUP} began at least {generations}: {thrown_out} thrown out")
    }
}

struct Storm {
    hands: Hands,
    turmoil: Arc<Mutex<Turmoil>>,
    stop: CancellationToken,
    _ends_when_dropped: DropGuard,
}

impl Storm {
    fn sentence(&self) -> Option<String> {
        let mut turmoil = locked(&self.turmoil);
        turmoil.see(&self.hands.cluster.group());
        (turmoil.generations >= GENERATIONS_MIN).then(|| turmoil.sentence())
    }

    /// Waits until the group is settled, with all who were thrown out.
    async fn settle(&self) -> Result<String, String> {
        self.stop.cancel();
        let begun = Anchor::now();
        loop {
            let group = self.hands.cluster.group();
            let done = locked(&self.turmoil).see(&group);
            let whole = locked(&self.turmoil).is_whole(&group);
            let late = begun.elapsed() > PATIENCE;
            // A worker that has ended meanwhile does not come back.
            if done && (whole || late) {
                let members = counted(group.members.len(), "member");
                return Ok(format!("{}; stable with {members}", locked(&self.turmoil).sentence()));
            }
            if late {
                // A group that everybody left has nothing to settle.
                let none = group.members.is_empty();
                let left = none.then(|| format!("group {GROUP} has no members"));
                return left.ok_or_else(|| format!("group {GROUP} rebalances after {PATIENCE:?}"));
            }
            sleep(LOOK_EVERY).await;
        }
    }
}

impl Installed for Storm {
    fn evidence(&mut self) -> BoxFuture<'_, Option<String>> {
        let sentence = self.sentence();
        async move { sentence }.boxed()
    }

    fn heal(&mut self) -> BoxFuture<'_, Result<String, String>> {
        self.settle().boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::docker::admin::Member;

    fn group(settled: bool, members: &[&str]) -> Group {
        let member = |id: &&str| {
            let client = id.split('-').next().unwrap_or_default().to_owned();
            ((*id).to_owned(), Member { client, owned: 1 })
        };
        let members = members.iter().map(member);
        Group { settled, members: members.collect(), ..Group::default() }
    }

    #[test]
    fn members_are_thrown_out_in_turn_each_once_the_group_is_done_with_the_last() {
        let mut turmoil = Turmoil::default();
        assert_eq!(turmoil.next(&group(false, &[])), None);
        for (settled, members, expected) in [
            (true, ["a-1", "b-1"], Some("a-1")),
            (true, ["a-1", "b-1"], None),
            (false, ["a-2", "b-1"], None),
            (true, ["a-2", "b-1"], Some("b-1")),
            (true, ["a-2", "b-2"], Some("a-2")),
        ] {
            let next = turmoil.next(&group(settled, &members));
            let id = next.as_ref().map(|(id, _)| id.as_str());
            assert_eq!(id, expected, "{settled} {members:?}");
            turmoil.thrown_out.extend(next);
        }
        assert!(turmoil.is_whole(&group(true, &["a-3", "b-2"])));
        assert!(!turmoil.is_whole(&group(true, &["b-2"])));
    }

    #[test]
    fn only_a_settled_group_with_other_members_has_begun_a_generation() {
        let mut turmoil = Turmoil::default();
        for (settled, members, generations) in [
            (true, ["a-1", "b-1"], 0),
            (true, ["a-1", "b-1"], 0),
            (false, ["a-2", "b-1"], 0),
            (true, ["a-2", "b-1"], 1),
            (true, ["a-2", "b-2"], 2),
        ] {
            turmoil.see(&group(settled, &members));
            assert_eq!(turmoil.generations, generations, "{settled} {members:?}");
        }
    }
}
