//! Simpler lists of faults: shorter ones, and such on fewer members.

use std::time::Duration;

use serde_json::Value;

use crate::fault::{Fault, FaultSpec};
use crate::schedule::HOLD_MIN;

/// Times are cut to whole numbers of this, as people write them.
const STEP: Duration = HOLD_MIN;

/// The faults with one of them shorter, by most first.
pub fn shorter(faults: &[FaultSpec]) -> Vec<Vec<FaultSpec>> {
    let holds = |fault: &FaultSpec| {
        let hold = fault.r#for;
        let shares = [(1, 4), (1, 2), (3, 4)];
        let holds = shares.map(|(part, of)| cut(hold * part / of));
        holds.into_iter().filter(move |shorter| *shorter < hold).collect::<Vec<_>>()
    };
    one_changed(faults, |fault| {
        holds(fault).into_iter().map(|hold| FaultSpec { r#for: hold, ..fault.clone() }).collect()
    })
}

/// The faults with one of them on fewer members: one, then half of them.
pub fn fewer_members(faults: &[FaultSpec]) -> Vec<Vec<FaultSpec>> {
    one_changed(faults, |fault| {
        let fewer = |kept: fn(usize) -> usize| {
            let changed = reduced(&fault.fault, kept)?;
            Some(FaultSpec { fault: changed, ..fault.clone() })
        };
        [fewer(|_| 1), fewer(|members| members.div_ceil(2))].into_iter().flatten().collect()
    })
}

/// Every list in which one fault has been exchanged for another that can be made of it.
fn one_changed(
    faults: &[FaultSpec],
    changed: impl Fn(&FaultSpec) -> Vec<FaultSpec>,
) -> Vec<Vec<FaultSpec>> {
    let lists = faults.iter().enumerate().flat_map(|(place, fault)| {
        changed(fault).into_iter().map(move |fault| {
            let mut faults = faults.to_vec();
            faults[place] = fault;
            faults
        })
    });
    lists.collect()
}

fn cut(duration: Duration) -> Duration {
    let steps = (duration.as_millis() / STEP.as_millis()).max(1);
    STEP * u32::try_from(steps).unwrap_or(u32::MAX)
}

/// The fault with selectors of several members reduced; nothing if there is none. It is looked
/// for in the fault as scenario files write it, where every selector of every kind is alike.
fn reduced(fault: &Fault, kept: fn(usize) -> usize) -> Option<Fault> {
    let mut value = serde_json::to_value(fault).ok()?;
    reduce(&mut value, kept).then(|| serde_json::from_value(value).ok()).flatten()
}

fn reduce(value: &mut Value, kept: fn(usize) -> usize) -> bool {
    match value {
        Value::Object(fields) => {
            let reduced = fields.iter_mut().map(|(field, value)| match (field.as_str(), value) {
                ("names", Value::Array(names)) => {
                    let before = names.len();
                    names.truncate(kept(before));
                    names.len() < before
                }
                ("count", Value::Number(count)) => {
                    let before = count.as_u64().and_then(|count| usize::try_from(count).ok());
                    let after = before.map(kept);
                    after.into_iter().for_each(|after| *count = after.into());
                    after < before
                }
                (_, value) => reduce(value, kept),
            });
            any_of_all(reduced)
        }
        Value::Array(values) => any_of_all(values.iter_mut().map(|value| reduce(value, kept))),
        _ => false,
    }
}

/// Whether any is true, after all have been looked at.
fn any_of_all(all: impl Iterator<Item = bool>) -> bool {
    all.filter(|is_so| *is_so).count() > 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn faults(value: Value) -> Vec<FaultSpec> {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn one_fault_at_a_time_gets_shorter_in_whole_steps_and_never_too_short() {
        let crash = json!({"node_crash": {"nodes": {"name": "node-1"}}});
        let given = faults(json!([
            {"at": "1s", "for": "1s", "fault": crash},
            {"at": "5s", "for": "100ms", "fault": crash},
        ]));
        let found: Vec<Vec<u128>> = shorter(&given)
            .iter()
            .map(|faults| faults.iter().map(|fault| fault.r#for.as_millis()).collect())
            .collect();
        assert_eq!(found, [[200, 100], [500, 100], [700, 100]]);
    }

    #[test]
    fn members_are_reduced_wherever_they_are_named() {
        let between = json!([
            {"nodes": {"names": ["node-1", "node-2", "node-3"]}},
            {"brokers": {"name": "broker-1"}},
        ]);
        let partition = json!({"network_partition": {"between": between}});
        let given = faults(json!([{"at": "1s", "for": "1s", "fault": partition}]));
        let found: Vec<usize> = fewer_members(&given)
            .iter()
            .map(|faults| {
                let value = serde_json::to_value(&faults[0].fault).unwrap();
                let names = &value["network_partition"]["between"][0]["nodes"]["names"];
                names.as_array().unwrap().len()
            })
            .collect();
        assert_eq!(found, [1, 2]);
        let single = json!({"node_crash": {"nodes": {"name": "node-1"}}});
        let given = faults(json!([{"at": "1s", "for": "1s", "fault": single}]));
        assert!(fewer_members(&given).is_empty());
    }
}
