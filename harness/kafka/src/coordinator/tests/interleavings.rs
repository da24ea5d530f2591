//! Whatever clients do and in whatever order, the invariants hold.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const CLIENTS: usize = 6;
const MEMBERS_MAX: usize = 5;

#[derive(Debug, Clone)]
enum Step {
    Join { client: usize, version: i16 },
    ChangeMetadata { client: usize },
    Sync { client: usize },
    Heartbeat { client: usize },
    Leave { client: usize },
    Commit { client: usize },
    Restart { client: usize },
    Abandon { nth: usize },
    Pass { milliseconds: u64 },
    Failover,
}

fn step() -> impl Strategy<Value = Step> {
    let client = 0..CLIENTS;
    prop_oneof![
        8 => (client.clone(), 0i16..=9)
            .prop_map(|(client, version)| Step::Join { client, version }),
        1 => client.clone().prop_map(|client| Step::ChangeMetadata { client }),
        8 => client.clone().prop_map(|client| Step::Sync { client }),
        3 => client.clone().prop_map(|client| Step::Heartbeat { client }),
        1 => client.clone().prop_map(|client| Step::Leave { client }),
        3 => client.clone().prop_map(|client| Step::Commit { client }),
        1 => client.prop_map(|client| Step::Restart { client }),
        1 => (0usize..8).prop_map(|nth| Step::Abandon { nth }),
        4 => (0u64..20_000).prop_map(|milliseconds| Step::Pass { milliseconds }),
        1 => Just(Step::Failover),
    ]
}

/// The clients, what they await and what has been seen of the group.
struct World {
    jig: Jig,
    clients: Vec<Client>,
    /// Requests not answered yet, with the client that sent them.
    open: BTreeMap<Ticket, usize>,
    abandoned: BTreeSet<Ticket>,
    /// Who was told to be the leader, by generation.
    leaders: BTreeMap<i32, StrBytes>,
    generation: i32,
    committed: Option<i64>,
}

impl World {
    fn new() -> Self {
        let client = |index: usize| match index % 3 {
            0 => Client::with_instance(&format!("static-{index}")),
            _ => Client::new(&format!("dynamic-{index}")),
        };
        Self {
            jig: Jig::with(|config| config.members_max = MEMBERS_MAX),
            clients: (0..CLIENTS).map(client).collect(),
            open: BTreeMap::new(),
            abandoned: BTreeSet::new(),
            leaders: BTreeMap::new(),
            generation: 0,
            committed: None,
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Join { client, version } => {
                let ticket = self.jig.join_version(version, &self.clients[client]);
                self.open.insert(ticket, client);
            }
            Step::ChangeMetadata { client } => {
                self.clients[client].protocols = vec![("range", "changed"), ("sticky", "too")];
            }
            Step::Sync { client } => {
                let assignments: Vec<_> =
                    self.clients.iter().map(|client| (client, assignment(0))).collect();
                let ticket = self.jig.sync(&self.clients[client], &assignments);
                self.open.insert(ticket, client);
            }
            Step::Heartbeat { client } => {
                self.jig.heartbeat(&self.clients[client]);
            }
            Step::Leave { client } => drop(self.jig.leave(&[&self.clients[client]])),
            Step::Commit { client } => self.commit(client),
            Step::Restart { client } => self.clients[client].member_id = StrBytes::new(),
            Step::Abandon { nth } => {
                if let Some(ticket) = self.open.keys().nth(nth).copied() {
                    self.jig.coordinator.abandon(ticket);
                    self.open.remove(&ticket);
                    self.abandoned.insert(ticket);
                }
            }
            Step::Pass { milliseconds } => self.jig.pass(Duration::from_millis(milliseconds)),
            Step::Failover => self.jig.fail_over(),
        }
        self.read_answers();
        self.check();
    }

    /// A commit goes through exactly if the client is a member of the current generation and the
    /// group is not between the barrier and the assignment.
    fn commit(&mut self, client: usize) {
        let before = self.jig.coordinator.view(GROUP);
        let client = &self.clients[client];
        let offset = self.committed.unwrap_or(0) + 1;
        let code = self.jig.commit(client, offset);
        if code == NONE {
            self.committed = Some(offset);
            let view = before.expect("a generation is of a group");
            assert_eq!(client.generation, view.generation);
            assert_ne!(view.state, GroupState::CompletingRebalance);
            assert!(view.members.iter().any(|member| member.member_id == *client.member_id));
        }
        assert_eq!(self.jig.coordinator.committed(GROUP, "orders", 0), self.committed);
    }

    fn read_answers(&mut self) {
        for ticket in &self.abandoned {
            assert!(!self.jig.is_answered(*ticket), "an abandoned request was answered");
        }
        let answered: Vec<(Ticket, usize)> = self
            .open
            .iter()
            .filter(|(ticket, _)| self.jig.is_answered(**ticket))
            .map(|(ticket, client)| (*ticket, *client))
            .collect();
        for (ticket, client) in answered {
            self.open.remove(&ticket);
            if let Some(ReplyBody::JoinGroup(answer)) = self.jig.answers.get(&ticket) {
                let answer = answer.clone();
                self.read_join(client, &answer);
            }
        }
    }

    fn read_join(&mut self, client: usize, answer: &JoinGroupResponse) {
        match answer.error_code {
            MEMBER_ID_REQUIRED => self.clients[client].member_id = answer.member_id.clone(),
            UNKNOWN_MEMBER_ID | FENCED_INSTANCE_ID => {
                self.clients[client].member_id = StrBytes::new();
            }
            NONE => {
                self.clients[client].member_id = answer.member_id.clone();
                self.clients[client].generation = answer.generation_id;
                let leads = answer.leader == answer.member_id;
                if leads && !answer.skip_assignment {
                    let leader = self
                        .leaders
                        .entry(answer.generation_id)
                        .or_insert_with(|| answer.member_id.clone());
                    assert_eq!(*leader, answer.member_id, "two leaders in a generation");
                }
                assert!(leads || answer.members.is_empty());
            }
            _ => {}
        }
    }

    fn check(&mut self) {
        let Some(view) = self.jig.coordinator.view(GROUP) else { return };
        assert!(view.generation >= self.generation, "the generation went back");
        self.generation = view.generation;
        assert!(view.members.len() <= 2 * MEMBERS_MAX);
        assert!(self.jig.coordinator.parked.len() <= 2 * view.members.len());
        assert_eq!(
            view.members.is_empty() && view.state != GroupState::PreparingRebalance,
            view.state == GroupState::Empty
        );
        let parked: BTreeSet<Ticket> = self.open.keys().copied().collect();
        assert_eq!(self.jig.coordinator.parked, parked, "every request is parked or answered");
        let deadline = self.jig.coordinator.next_deadline();
        assert!(view.members.is_empty() || deadline.is_some(), "somebody waits for ever");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn any_interleaving_keeps_the_invariants(
        steps in proptest::collection::vec(step(), 1..120),
    ) {
        let mut world = World::new();
        for step in steps {
            world.take(step);
        }
        // With nobody left to act every wait comes to an end and the group empties.
        world.jig.pass(Duration::from_secs(3600));
        world.read_answers();
        world.check();
        prop_assert!(world.open.is_empty());
        if let Some(view) = world.jig.coordinator.view(GROUP) {
            prop_assert_eq!(view.state, GroupState::Empty);
        }
        prop_assert_eq!(world.jig.coordinator.next_deadline(), None);
    }
}
