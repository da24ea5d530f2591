//! How many replicas each ReplicaSet of a Deployment should have next.
//!
//! Source: `rolling.go` and `recreate.go` of Kubernetes' Deployment controller. Left out: replicas
//! are not spread in proportion over several ReplicaSets when a Deployment is scaled in
//! mid-rollout; the newest one takes them.

use k8s_openapi::api::apps::v1::RollingUpdateDeployment;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

/// A ReplicaSet as far as a rollout looks at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Set {
    /// Its name.
    pub(super) name: String,
    /// Replicas wanted (`spec.replicas`).
    pub(super) specified: i32,
    /// Replicas that serve (`status.availableReplicas`).
    pub(super) available: i32,
}

/// How far a rolling update may stray from the wanted number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bounds {
    /// Pods above it.
    pub(super) surge: i32,
    /// Unavailable pods below it.
    pub(super) unavailable: i32,
}

/// A ReplicaSet's next number of replicas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scaling {
    /// Which ReplicaSet.
    pub(super) name: String,
    /// Its new `spec.replicas`.
    pub(super) replicas: i32,
}

/// Reads `maxSurge` and `maxUnavailable`; both are 25% unless given.
///
/// # Errors
/// The sentence says which one is neither a count nor a percentage.
pub(super) fn bounds(
    rolling: Option<&RollingUpdateDeployment>,
    desired: i32,
) -> Result<Bounds, String> {
    let resolve = |value: Option<&IntOrString>, up: bool, field: &str| {
        let percent = match value {
            None => 25,
            Some(IntOrString::Int(count)) if *count >= 0 => return Ok(*count),
            Some(IntOrString::String(text)) => text
                .strip_suffix('%')
                .and_then(|number| number.parse::<u16>().ok())
                .ok_or_else(|| format!("{field}: `{text}` is not a percentage such as `25%`"))?,
            Some(IntOrString::Int(count)) => return Err(format!("{field}: {count} is negative")),
        };
        let share = i64::from(desired) * i64::from(percent);
        let share = if up { (share + 99) / 100 } else { share / 100 };
        Ok(i32::try_from(share).unwrap_or(i32::MAX))
    };
    let surge = resolve(rolling.and_then(|rolling| rolling.max_surge.as_ref()), true, "maxSurge")?;
    let unavailable = resolve(
        rolling.and_then(|rolling| rolling.max_unavailable.as_ref()),
        false,
        "maxUnavailable",
    )?;
    // With both at zero nothing could ever move.
    let unavailable = if surge == 0 && unavailable == 0 { 1 } else { unavailable };
    Ok(Bounds { surge, unavailable: unavailable.min(desired) })
}

/// The next step of a rolling update; empty when there is none. `older` goes oldest first.
pub(super) fn rolling_step(
    desired: i32,
    bounds: Bounds,
    newest: &Set,
    older: &[Set],
) -> Vec<Scaling> {
    let total = newest.specified.saturating_add(older.iter().map(|set| set.specified).sum());
    if newest.specified > desired {
        return vec![scaling(newest, desired)];
    }
    let room = desired.saturating_add(bounds.surge) - total;
    let growth = room.min(desired - newest.specified);
    if growth > 0 {
        return vec![scaling(newest, newest.specified + growth)];
    }
    shrink_older(desired, bounds, newest, older, total)
}

fn shrink_older(
    desired: i32,
    bounds: Bounds,
    newest: &Set,
    older: &[Set],
    total: i32,
) -> Vec<Scaling> {
    let available_min = desired - bounds.unavailable;
    let newest_unavailable = (newest.specified - newest.available).max(0);
    let mut spare = total - available_min - newest_unavailable;
    let mut next: Vec<i32> = older.iter().map(|set| set.specified).collect();
    // Pods that do not serve cost no availability, so they go first.
    for (set, replicas) in older.iter().zip(&mut next) {
        let unhealthy = (set.specified - set.available).clamp(0, spare.max(0));
        *replicas -= unhealthy;
        spare -= unhealthy;
    }
    let serving: i32 = newest.available + older.iter().map(|set| set.available).sum::<i32>();
    let mut removable = (serving - available_min).min(spare).max(0);
    for replicas in &mut next {
        let removed = (*replicas).min(removable);
        *replicas -= removed;
        removable -= removed;
    }
    let changed = older.iter().zip(next).filter(|(set, replicas)| set.specified != *replicas);
    changed.map(|(set, replicas)| scaling(set, replicas)).collect()
}

/// The next step of a replacement at one stroke: nothing new before the last old pod is gone.
pub(super) fn recreate_step(
    desired: i32,
    newest: &Set,
    older: &[Set],
    old_pods: usize,
) -> Vec<Scaling> {
    let shrinking: Vec<_> =
        older.iter().filter(|set| set.specified > 0).map(|set| scaling(set, 0)).collect();
    if !shrinking.is_empty() {
        return shrinking;
    }
    if old_pods == 0 && newest.specified != desired {
        return vec![scaling(newest, desired)];
    }
    Vec::new()
}

fn scaling(set: &Set, replicas: i32) -> Scaling {
    Scaling { name: set.name.clone(), replicas }
}

#[cfg(test)]
mod tests;
