use k8s_openapi::api::apps::v1::RollingUpdateDeployment;
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use proptest::prelude::*;

use super::*;

fn set(name: &str, specified: i32, available: i32) -> Set {
    Set { name: name.into(), specified, available }
}

fn to(name: &str, replicas: i32) -> Scaling {
    Scaling { name: name.into(), replicas }
}

const QUARTER: Bounds = Bounds { surge: 1, unavailable: 1 };

/// Its name, the wanted replicas, the newest set, the older ones, and the step.
type Situation = (&'static str, i32, Set, Vec<Set>, Vec<Scaling>);

#[test]
fn each_situation_has_its_step() {
    let table: [Situation; 8] = [
        ("first rollout", 4, set("new", 0, 0), vec![], vec![to("new", 4)]),
        ("settled", 4, set("new", 4, 4), vec![], vec![]),
        ("scaled down", 1, set("new", 4, 4), vec![], vec![to("new", 1)]),
        ("to zero", 0, set("new", 4, 4), vec![], vec![to("new", 0)]),
        ("surge", 4, set("new", 0, 0), vec![set("old", 4, 4)], vec![to("new", 1)]),
        ("old gives way", 4, set("new", 1, 0), vec![set("old", 4, 4)], vec![to("old", 3)]),
        ("waits", 4, set("new", 2, 0), vec![set("old", 3, 3)], vec![]),
        (
            "unhealthy old pods first",
            4,
            set("new", 1, 0),
            vec![set("oldest", 3, 3), set("old", 1, 0)],
            vec![to("old", 0)],
        ),
    ];
    for (name, desired, newest, older, expected) in table {
        assert_eq!(rolling_step(desired, QUARTER, &newest, &older), expected, "{name}");
    }
}

#[test]
fn recreate_waits_for_the_last_old_pod() {
    let old = [set("old", 2, 2)];
    assert_eq!(recreate_step(3, &set("new", 0, 0), &old, 2), [to("old", 0)]);
    let old = [set("old", 0, 0)];
    assert_eq!(recreate_step(3, &set("new", 0, 0), &old, 1), []);
    assert_eq!(recreate_step(3, &set("new", 0, 0), &old, 0), [to("new", 3)]);
}

#[test]
fn percentages_round_up_for_surge_and_down_for_unavailable() {
    let rolling = |surge: &str, unavailable: &str| RollingUpdateDeployment {
        max_surge: Some(IntOrString::String(surge.into())),
        max_unavailable: Some(IntOrString::String(unavailable.into())),
    };
    assert_eq!(bounds(None, 10), Ok(Bounds { surge: 3, unavailable: 2 }));
    assert_eq!(bounds(Some(&rolling("0%", "0%")), 3), Ok(Bounds { surge: 0, unavailable: 1 }));
    assert!(bounds(Some(&rolling("x", "0%")), 3).is_err());
    let negative =
        RollingUpdateDeployment { max_surge: Some(IntOrString::Int(-1)), max_unavailable: None };
    assert!(bounds(Some(&negative), 3).unwrap_err().contains("maxSurge"));
}

proptest! {
    /// Whatever the sizes, a rollout whose pods become available in time ends, and on the way
    /// neither bound is crossed.
    #[test]
    fn a_rollout_ends_within_its_bounds(
        desired in 0..12_i32,
        old_size in 0..12_i32,
        surge in 0..4_i32,
        unavailable in 1..4_i32,
    ) {
        let bounds = Bounds { surge, unavailable: unavailable.min(desired) };
        prop_assume!(bounds.surge + bounds.unavailable > 0 || desired == 0);
        let mut newest = set("new", 0, 0);
        let mut old = set("old", old_size, old_size);
        for _ in 0..100 {
            let steps = rolling_step(desired, bounds, &newest, std::slice::from_ref(&old));
            if steps.is_empty() && newest.available == newest.specified {
                break;
            }
            let idle = steps.is_empty();
            for step in steps {
                let set = if step.name == "new" { &mut newest } else { &mut old };
                let grew = step.replicas > set.specified;
                set.specified = step.replicas;
                set.available = set.available.min(step.replicas);
                if grew {
                    prop_assert!(newest.specified + old.specified <= desired + bounds.surge);
                } else if old_size >= desired {
                    prop_assert!(
                        newest.available + old.available >= desired - bounds.unavailable
                    );
                }
            }
            if idle {
                newest.available = newest.specified;
            }
        }
        prop_assert_eq!((newest.specified, old.specified), (desired, 0));
    }
}
