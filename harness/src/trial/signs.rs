//! Signs that the environment has noticed a fault: nodes held to be gone, members gone from the
//! group, leaders changed, replicas out of sync. Decisions of the operator are noted elsewhere.

use crate::clock::Anchor;
use crate::environment::{Environment, Standing};
use k8s_openapi::api::core::v1::Node;
use kube::Api;
use kube::api::ListParams;
use results::recovery::{Sign, SignKind};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

/// Time between two looks: how exactly a detection is timed.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// The control plane is asked at every second look.
const LOOKS_A_QUESTION: u64 = 2;
/// Longest that it may take to answer.
const PATIENCE: Duration = Duration::from_millis(100);

/// Watches a trial until told to stop. What cannot be asked shows no sign.
pub(super) async fn watch(
    environment: &dyn Environment,
    anchor: Anchor,
    stop: &CancellationToken,
) -> Vec<Sign> {
    let nodes: Api<Node> = Api::all(environment.kube());
    let mut timer = interval(LOOK_EVERY);
    timer.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut signs = Vec::new();
    let mut before = environment.standing();
    let mut gone_before = BTreeSet::new();
    for look in 0u64.. {
        tokio::select! {
            () = stop.cancelled() => break,
            _ = timer.tick() => {}
        }
        let at_s = anchor.elapsed().as_secs_f64();
        let now = environment.standing();
        signs.extend(changes(&before, &now, at_s));
        before = now;
        if look.is_multiple_of(LOOKS_A_QUESTION)
            && let Ok(Ok(list)) = timeout(PATIENCE, nodes.list(&ListParams::default())).await
        {
            let gone: BTreeSet<String> = list.items.into_iter().filter_map(gone).collect();
            let fresh = gone.difference(&gone_before);
            signs.extend(fresh.map(|node| sign(at_s, SignKind::NodeNotReady, node)));
            gone_before = gone;
        }
    }
    signs
}

/// The node's name if the control plane holds it to be gone.
fn gone(node: Node) -> Option<String> {
    let conditions = node.status?.conditions?;
    let ready = conditions.iter().find(|condition| condition.type_ == "Ready")?;
    (ready.status != "True").then_some(node.metadata.name)?
}

/// The signs between two looks, one for each broker or node that something was noticed of.
fn changes(before: &Standing, now: &Standing, at_s: f64) -> Vec<Sign> {
    let deposed = before
        .leaders
        .iter()
        .filter(|(partition, leader)| now.leaders.get(*partition).is_some_and(|l| l != *leader))
        .map(|(_, leader)| (SignKind::LeaderChange, leader));
    let dropped = before.in_sync.iter().flat_map(|(partition, brokers)| {
        let left = now.in_sync.get(partition);
        brokers
            .iter()
            .filter(move |broker| left.is_some_and(|left| !left.contains(*broker)))
            .map(|broker| (SignKind::ReplicaOutOfSync, broker))
    });
    let members = before
        .members
        .iter()
        .filter(|(member, _)| !now.members.contains_key(*member))
        .map(|(_, node)| (SignKind::MemberGone, node));
    let mut found: Vec<Sign> = Vec::new();
    for (kind, about) in deposed.chain(dropped).chain(members) {
        let sign = sign(at_s, kind, about);
        if !found.contains(&sign) {
            found.push(sign);
        }
    }
    found
}

fn sign(at_s: f64, kind: SignKind, about: &str) -> Sign {
    Sign { at_s, kind, about: Some(about.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(leader: Option<&str>, in_sync: &[&str], members: &[(&str, &str)]) -> Standing {
        let pair = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
        Standing {
            leaders: leader.map(|leader| pair(("source/0", leader))).into_iter().collect(),
            in_sync: [("source/0".to_owned(), in_sync.iter().map(ToString::to_string).collect())]
                .into(),
            members: members.iter().copied().map(pair).collect(),
        }
    }

    #[test]
    fn what_changed_is_told_with_whom_it_is_about() {
        let both = [("m1", "node-1"), ("m2", "node-2"), ("m3", "node-2")];
        let before = standing(Some("broker-1"), &["broker-1", "broker-2"], &both);
        let now = standing(Some("broker-2"), &["broker-2"], &both[..1]);
        let found: Vec<_> = changes(&before, &now, 3.5)
            .into_iter()
            .map(|sign| (sign.at_s, sign.kind, sign.about.unwrap()))
            .collect();
        assert_eq!(
            found,
            [
                (3.5, SignKind::LeaderChange, "broker-1".to_owned()),
                (3.5, SignKind::ReplicaOutOfSync, "broker-1".to_owned()),
                (3.5, SignKind::MemberGone, "node-2".to_owned()),
            ]
        );
    }

    #[test]
    fn what_comes_back_or_is_not_known_is_no_sign() {
        let before = standing(None, &["broker-2"], &[]);
        let now = standing(Some("broker-1"), &["broker-1", "broker-2"], &[("m1", "node-1")]);
        assert_eq!(changes(&before, &now, 1.0), []);
        let unknown = Standing::default();
        assert_eq!(changes(&standing(Some("broker-1"), &["broker-1"], &[]), &unknown, 1.0), []);
        assert_eq!(changes(&now, &now, 1.0), []);
    }

    #[test]
    fn a_node_is_gone_unless_it_is_ready() {
        let node = |status: &str| -> Node {
            serde_json::from_value(serde_json::json!({
                "metadata": { "name": "node-1" },
                "status": { "conditions": [{ "type": "Ready", "status": status }] },
            }))
            .unwrap()
        };
        assert_eq!(gone(node("Unknown")).as_deref(), Some("node-1"));
        assert_eq!(gone(node("False")).as_deref(), Some("node-1"));
        assert_eq!(gone(node("True")), None);
        assert_eq!(gone(Node::default()), None);
    }
}
