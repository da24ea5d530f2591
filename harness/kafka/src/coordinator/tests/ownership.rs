//! Whatever members of a consumer group do and in whatever order, and whichever answers are lost:
//! each partition has one owner at every moment, and epochs never go back.

use proptest::prelude::*;
use uuid::Uuid;

use super::consumers::{Consumer, settle};
use super::*;

const CLIENTS: usize = 5;

#[derive(Debug, Clone)]
enum Step {
    Beat { client: usize, full: bool, answered: bool, revokes: bool },
    Leave { client: usize },
    Restart { client: usize },
    Resubscribe { client: usize, topics: usize },
    Grow { partitions: i32 },
    Pass { seconds: u64 },
    Failover,
}

fn step() -> impl Strategy<Value = Step> {
    let client = 0..CLIENTS;
    let beat = (client.clone(), any::<bool>(), 0..5u8, any::<bool>());
    prop_oneof![
        20 => beat.prop_map(|(client, full, answered, revokes)| {
            Step::Beat { client, full, answered: answered > 0, revokes }
        }),
        1 => client.clone().prop_map(|client| Step::Leave { client }),
        1 => client.clone().prop_map(|client| Step::Restart { client }),
        2 => (client, 0usize..3)
            .prop_map(|(client, topics)| Step::Resubscribe { client, topics }),
        1 => (1i32..12).prop_map(|partitions| Step::Grow { partitions }),
        3 => (0u64..40).prop_map(|seconds| Step::Pass { seconds }),
        1 => Just(Step::Failover),
    ]
}

struct World {
    jig: Jig,
    clients: Vec<Consumer>,
    /// What each client was asked to have and has not taken up yet.
    asked: Vec<Option<Vec<(Uuid, i32)>>>,
    restarts: usize,
    partitions: i32,
    epochs: (i32, i32),
}

impl World {
    fn new() -> Self {
        let mut jig = Jig::new();
        jig.know(&[("orders", 6), ("others", 3)]);
        let client = |index: usize| match index {
            0 | 1 => Consumer::with_instance(&format!("client-{index}"), &format!("i-{index}")),
            _ => Consumer::new(&format!("client-{index}")),
        };
        Self {
            jig,
            clients: (0..CLIENTS).map(client).collect(),
            asked: vec![None; CLIENTS],
            restarts: 0,
            partitions: 6,
            epochs: (0, 0),
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Beat { client, full, answered, revokes } => {
                self.beat(client, full, answered, revokes);
            }
            Step::Leave { client } => self.leave(client),
            Step::Restart { client } => self.restart(client),
            Step::Resubscribe { client, topics } => {
                let all = [vec!["orders"], vec!["orders", "others"], vec![]];
                self.clients[client].topics = all[topics].clone();
            }
            Step::Grow { partitions } => {
                self.partitions = self.partitions.max(partitions);
                self.jig.know(&[("orders", self.partitions), ("others", 3)]);
            }
            Step::Pass { seconds } => self.jig.pass(Duration::from_secs(seconds)),
            Step::Failover => self.jig.fail_over(),
        }
        self.check();
    }

    fn beat(&mut self, index: usize, full: bool, answered: bool, revokes: bool) {
        if revokes && let Some(asked) = self.asked[index].take() {
            self.clients[index].owned = asked;
        }
        let client = &self.clients[index];
        let request = if full || client.epoch == 0 { client.request() } else { client.bare() };
        let response = self.jig.beat_raw(1, request);
        if !answered {
            return;
        }
        if response.error_code != NONE {
            let client = &mut self.clients[index];
            (client.epoch, client.owned, self.asked[index]) = (0, Vec::new(), None);
            return;
        }
        let mut taker = self.clients[index].clone();
        taker.take(&response);
        let had = std::mem::take(&mut self.clients[index].owned);
        if response.assignment.is_some() {
            self.asked[index] = Some(std::mem::take(&mut taker.owned));
        }
        // What is new is taken up at once, what is to go goes when the client comes to it.
        let mut owned = had;
        let new = self.asked[index].iter().flatten().filter(|new| !owned.contains(new));
        let new: Vec<_> = new.copied().collect();
        owned.extend(new);
        self.clients[index].owned = owned;
        self.clients[index].epoch = taker.epoch;
    }

    fn leave(&mut self, index: usize) {
        let client = &mut self.clients[index];
        if client.epoch > 0 {
            let epoch = if client.instance.is_some() { -2 } else { -1 };
            self.jig.beat_raw(1, client.bare().with_member_epoch(epoch));
        }
        self.restart(index);
    }

    fn restart(&mut self, index: usize) {
        self.restarts += 1;
        let client = &mut self.clients[index];
        client.id = text(&format!("client-{index}-{}", self.restarts));
        (client.epoch, client.owned, self.asked[index]) = (0, Vec::new(), None);
    }

    fn check(&mut self) {
        let Some(view) = self.jig.coordinator.view(GROUP) else { return };
        let epochs = (view.generation, view.assignment_epoch);
        assert!(epochs.0 >= self.epochs.0 && epochs.1 >= self.epochs.1, "an epoch went back");
        assert!(epochs.1 <= epochs.0);
        self.epochs = epochs;
        let mut owners: BTreeMap<(String, i32), String> = BTreeMap::new();
        let mut own = |topic: String, partition: i32, owner: &str| {
            let earlier = owners.insert((topic, partition), owner.to_owned());
            assert!(earlier.is_none_or(|earlier| earlier == owner), "{partition} has two owners");
        };
        for member in &view.members {
            assert!(member.epoch <= view.assignment_epoch);
            for (topic, partition) in &member.partitions {
                own(topic.clone(), *partition, &member.member_id);
            }
            // A client that has been removed and has not heard of it is no owner any more.
            let client = self.clients.iter().find(|client| *client.id == member.member_id);
            for (topic, partition) in client.iter().flat_map(|client| &client.owned) {
                let name = ["orders", "others"]
                    .into_iter()
                    .find(|name| super::consumers::topic_id(name) == *topic);
                own(name.unwrap().to_owned(), *partition, &member.member_id);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn a_partition_has_one_owner_whatever_happens(
        steps in proptest::collection::vec(step(), 1..120),
    ) {
        let mut world = World::new();
        for step in steps {
            world.take(step);
        }
        // With everybody gone for a session the group is empty; then it settles from anew.
        world.jig.pass(Duration::from_secs(3600));
        if let Some(view) = world.jig.coordinator.view(GROUP) {
            prop_assert_eq!(view.state, GroupState::Empty);
        }
        prop_assert_eq!(world.jig.coordinator.next_deadline(), None);
        let mut fresh: Vec<Consumer> =
            (0..3).map(|index| Consumer::new(&format!("fresh-{index}"))).collect();
        settle(&mut world.jig, &mut fresh.iter_mut().collect::<Vec<_>>());
        let owned: usize = fresh.iter().map(|client| client.owned.len()).sum();
        prop_assert_eq!(owned, world.partitions as usize);
    }
}
