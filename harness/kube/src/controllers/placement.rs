//! Which node a pod goes to: the filters that rule nodes out, and the score among the rest.
//!
//! A simple stand-in for kube-scheduler's plugins NodeUnschedulable, NodeReady (by condition and by
//! taints), NodeSelector, NodeResourcesFit and, as the score, fewest pods and then the name.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Node, Pod, PodSpec, Taint, Toleration};

use super::{pods, quantity};

/// A node and what is promised on it already.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    name: String,
    node: Node,
    pods: u64,
    cpu_millis: u64,
    memory_bytes: u64,
}

/// What a pod asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Request {
    cpu_millis: u64,
    memory_bytes: u64,
}

/// The nodes with the pods that are on them.
pub(super) fn candidates(nodes: Vec<Node>, all_pods: &[Pod]) -> Vec<Candidate> {
    let mut candidates: Vec<Candidate> = nodes
        .into_iter()
        .filter_map(|node| {
            let name = node.metadata.name.clone()?;
            Some(Candidate { name, node, pods: 0, cpu_millis: 0, memory_bytes: 0 })
        })
        .collect();
    candidates.sort_by(|left, right| left.name.cmp(&right.name));
    for pod in all_pods.iter().filter(|pod| !pods::is_finished(pod)) {
        let bound = pods::node(pod);
        if let Some(candidate) = candidates.iter_mut().find(|it| Some(it.name.as_str()) == bound) {
            candidate.take(request(pod).unwrap_or(Request { cpu_millis: 0, memory_bytes: 0 }));
        }
    }
    candidates
}

/// Chooses a node for `pod` and counts the pod there.
///
/// # Errors
/// The sentence says for each reason how many nodes it rules out.
pub(super) fn place(pod: &Pod, candidates: &mut [Candidate]) -> Result<String, String> {
    let spec = pod.spec.clone().unwrap_or_default();
    if let Some(term) = unsupported(&spec) {
        return Err(format!("{term} is not supported by this scheduler"));
    }
    let request = request(pod).ok_or("a resource request cannot be read as a quantity")?;
    let total = candidates.len();
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    let mut best: Option<&mut Candidate> = None;
    for candidate in candidates {
        match obstacle(candidate, &spec, request) {
            Some(reason) => *reasons.entry(reason).or_default() += 1,
            // Candidates go by name, so that the first of equals stays.
            None if best.as_ref().is_none_or(|best| candidate.pods < best.pods) => {
                best = Some(candidate);
            }
            None => {}
        }
    }
    match best {
        Some(candidate) => {
            candidate.take(request);
            Ok(candidate.name.clone())
        }
        None => {
            let list: Vec<_> =
                reasons.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
            Err(format!("0/{total} nodes are available: {}.", list.join(", ")))
        }
    }
}

impl Candidate {
    fn take(&mut self, request: Request) {
        self.pods += 1;
        self.cpu_millis = self.cpu_millis.saturating_add(request.cpu_millis);
        self.memory_bytes = self.memory_bytes.saturating_add(request.memory_bytes);
    }
}

/// A hard rule that this scheduler does not know, so that it cannot be silently broken.
fn unsupported(spec: &PodSpec) -> Option<&'static str> {
    let affinity = spec.affinity.as_ref();
    let node = affinity.and_then(|affinity| affinity.node_affinity.as_ref());
    let near = affinity.and_then(|affinity| affinity.pod_affinity.as_ref());
    let far = affinity.and_then(|affinity| affinity.pod_anti_affinity.as_ref());
    if node.is_some_and(|it| it.required_during_scheduling_ignored_during_execution.is_some()) {
        return Some("required node affinity");
    }
    if near.is_some_and(|it| it.required_during_scheduling_ignored_during_execution.is_some()) {
        return Some("required pod affinity");
    }
    if far.is_some_and(|it| it.required_during_scheduling_ignored_during_execution.is_some()) {
        return Some("required pod anti-affinity");
    }
    let spread = spec.topology_spread_constraints.iter().flatten();
    let mut hard = spread.filter(|constraint| constraint.when_unsatisfiable == "DoNotSchedule");
    hard.next().map(|_| "a topology spread constraint with DoNotSchedule")
}

fn request(pod: &Pod) -> Option<Request> {
    let mut sum = Request { cpu_millis: 0, memory_bytes: 0 };
    for container in pod.spec.iter().flat_map(|spec| &spec.containers) {
        let resources = container.resources.as_ref();
        // A limit without a request is the request, as the API server's defaulting has it.
        let asked = |name: &str| {
            let requests = resources.and_then(|resources| resources.requests.as_ref());
            let limits = resources.and_then(|resources| resources.limits.as_ref());
            requests.and_then(|all| all.get(name)).or_else(|| limits.and_then(|all| all.get(name)))
        };
        if let Some(cpu) = asked("cpu") {
            sum.cpu_millis = sum.cpu_millis.saturating_add(quantity::cpu_millis(cpu)?);
        }
        if let Some(memory) = asked("memory") {
            sum.memory_bytes = sum.memory_bytes.saturating_add(quantity::whole(memory)?);
        }
    }
    Some(sum)
}

/// Why the pod cannot go there, as it reads after a count of nodes.
fn obstacle(candidate: &Candidate, spec: &PodSpec, request: Request) -> Option<String> {
    let node = &candidate.node;
    let node_spec = node.spec.clone().unwrap_or_default();
    let tolerations = spec.tolerations.as_deref().unwrap_or_default();
    for taint in node_spec.taints.iter().flatten() {
        if taint.effect != "PreferNoSchedule" && !tolerates(tolerations, taint) {
            return Some(format!("node(s) had untolerated taint {{{}}}", taint.key));
        }
    }
    if !is_ready(node) {
        return Some("node(s) were not ready".to_owned());
    }
    if node_spec.unschedulable == Some(true) {
        return Some("node(s) were unschedulable".to_owned());
    }
    let labels = node.metadata.labels.clone().unwrap_or_default();
    let wanted = spec.node_selector.iter().flatten();
    if wanted.into_iter().any(|(key, value)| labels.get(key) != Some(value)) {
        return Some("node(s) didn't match the pod's node selector".to_owned());
    }
    let status = node.status.as_ref();
    let allocatable = status.and_then(|status| status.allocatable.as_ref());
    let room = |name: &str| allocatable.and_then(|all| all.get(name));
    let fits = |limit: Option<u64>, used: u64, more: u64| {
        more == 0 || limit.is_none_or(|limit| used.saturating_add(more) <= limit)
    };
    let cpu = room("cpu").and_then(quantity::cpu_millis);
    let memory = room("memory").and_then(quantity::whole);
    let count = room("pods").and_then(quantity::whole);
    if !fits(count, candidate.pods, 1) {
        return Some("too many pods".to_owned());
    }
    if !fits(cpu, candidate.cpu_millis, request.cpu_millis) {
        return Some("insufficient cpu".to_owned());
    }
    if !fits(memory, candidate.memory_bytes, request.memory_bytes) {
        return Some("insufficient memory".to_owned());
    }
    None
}

/// Whether the node's Ready condition is True.
pub(super) fn is_ready(node: &Node) -> bool {
    let conditions = node.status.as_ref().and_then(|status| status.conditions.as_ref());
    let mut ready = conditions.into_iter().flatten().filter(|it| it.type_ == "Ready");
    ready.any(|condition| condition.status == "True")
}

/// Whether one of the tolerations covers the taint.
pub(super) fn tolerates(tolerations: &[Toleration], taint: &Taint) -> bool {
    tolerations.iter().any(|toleration| {
        let key = toleration.key.as_deref().unwrap_or_default();
        let effect = toleration.effect.as_deref().unwrap_or_default();
        let value = match toleration.operator.as_deref() {
            Some("Exists") => true,
            _ => {
                !key.is_empty()
                    && toleration.value.as_deref().unwrap_or_default()
                        == taint.value.as_deref().unwrap_or_default()
            }
        };
        value
            && (key.is_empty() || key == taint.key)
            && (effect.is_empty() || effect == taint.effect)
    })
}

#[cfg(test)]
mod tests;
