//! When faults are due, and which of them can meet.

use super::*;

#[test]
fn a_time_that_cannot_be_is_refused_with_its_place_and_what_is_allowed() {
    let leader = json!({"leader_of": {"topic": "result", "partition": 0}});
    let cases = [
        ("60s", "1s", broker(leader), "faults[0].at: due at 1m; allowed: before 1m"),
        (
            "55s",
            "6s",
            crash(json!({"count": 1})),
            "faults[0].for: ends at 1m 1s, after the load; \
             allowed: at most 5s, so that at + for is within 1m",
        ),
        (
            "1s",
            "99ms",
            crash(json!({"count": 1})),
            "faults[0].for: lasts 99ms; allowed: 100ms and above",
        ),
    ];
    for (at, hold, fault, expected) in cases {
        assert_eq!(problems(&[spec(at, hold, fault)]), [expected]);
    }
}

#[test]
fn times_that_do_not_go_together_are_refused() {
    let cases = [
        (
            json!({}),
            "faults[0].at: nothing says when; allowed: a time such as `at: 30s`, or a condition \
             in `when` or `while`",
        ),
        (
            json!({"at": "1s", "when": "lag_records > 5"}),
            "faults[0].when: both a time and a condition say when; allowed: `at`, or `when` with \
             `from`",
        ),
        (
            json!({"every": "5s", "when": "lag_records > 5", "count": 2}),
            "faults[0].every: allowed: only with `at`, its first time",
        ),
        (
            json!({"at": "1s", "from": "5s"}),
            "faults[0].from: allowed: only with `when` or `while` in place of `at`",
        ),
        (
            json!({"at": "1s", "every": "5s"}),
            "faults[0].every: nobody knows how often; allowed: with one of `count` and `until`",
        ),
        (
            json!({"at": "1s", "every": "5s", "count": 2, "until": "9s"}),
            "faults[0].every: nobody knows how often; allowed: with one of `count` and `until`",
        ),
        (
            json!({"at": "1s", "count": 2}),
            "faults[0].count: allowed: only with `every`, or a condition",
        ),
        (
            json!({"when": "lag_records > 5", "count": 0}),
            "faults[0].count: 0 times; allowed: 1 to 256",
        ),
        (
            json!({"at": "1s", "every": "2900ms", "count": 2}),
            "faults[0].every: again after 2s 900ms; allowed: 3s and above, so that it is over by \
             then",
        ),
        (
            json!({"at": "8s", "every": "10s", "count": 7}),
            "faults[0].count: 7 times; allowed: up to 6 within 1m",
        ),
        (
            json!({"at": "8s", "every": "10s", "until": "59s"}),
            "faults[0].until: 59s; allowed: 8s to 58s",
        ),
        (
            json!({"when": "lag_records > 5", "from": "59s"}),
            "faults[0].from: 59s; allowed: up to 58s",
        ),
        (
            json!({"while": "lag_records > 5", "from": "9s", "until": "8s"}),
            "faults[0].until: 8s; allowed: 9s to 58s",
        ),
        (
            json!({"when": "lag_records > 5", "while": "lag_records < 5"}),
            "faults[0].when: it would never begin: `lag_records > 5` and `lag_records < 5` never \
             hold together",
        ),
        (
            json!({"at": "9s", "while": "time < 9s"}),
            "faults[0].while: it would never begin: `time >= 9s` and `time < 9s` never hold \
             together",
        ),
        (
            json!({"when": "time < 9s", "from": "10s"}),
            "faults[0].when: it would never begin: `time >= 10s` and `time < 9s` never hold \
             together",
        ),
        (
            json!({"when": "fault == node_crash-1"}),
            "faults[0].when: no other fault is called \"node_crash-1\"; allowed: ",
        ),
    ];
    for (times, expected) in cases {
        assert_eq!(problems(&[timed(times, crash(json!({"count": 1})))]), [expected]);
    }
}

#[test]
fn a_fault_that_comes_again_is_planned_for_each_of_its_times() {
    let every = |end: Value| {
        let mut times = json!({"at": "5s", "every": "10s"});
        times.as_object_mut().unwrap().extend(end.as_object().unwrap().clone());
        let specs = [timed(times, crash(json!({"count": 1})))];
        let plan = sound(&specs, &inventory(3, 3)).resolve(7);
        let at = plan.iter().map(|fault| (fault.name.clone(), fault.cue.time().unwrap().as_secs()));
        (at.collect::<Vec<_>>(), plan)
    };
    let (times, plan) = every(json!({"count": 3}));
    let expected = [("node_crash-1 #1", 5), ("node_crash-1 #2", 15), ("node_crash-1 #3", 25)];
    assert_eq!(times, expected.map(|(name, at)| (name.to_owned(), at)));
    assert!(plan.iter().all(|fault| fault.listed == "node_crash-1"));
    assert_eq!(every(json!({"until": "25s"})), (times, plan));
    let drawn: BTreeSet<u64> =
        every(json!({"until": "58s"})).1.iter().map(|f| f.action.seed).collect();
    assert_eq!(drawn.len(), 6, "each time has draws of its own");
}

#[test]
fn what_can_only_meet_is_left_to_the_moment_and_what_must_meet_is_refused() {
    let one = || broker(json!({"name": "broker-1"}));
    let first = || spec("1s", "10s", one());
    let lagging = timed(json!({"when": "lag_records > 5"}), one());
    assert_eq!(problems(&[first(), lagging]), [""; 0]);
    let contradicts = "faults[1].fault.broker_crash.brokers: contradicts \"broker_crash-1\", which \
         has broker-1 down at the same time; allowed: other targets, or a second between the two";
    for field in ["when", "while"] {
        let during = timed(json!({field: "fault == broker_crash-1"}), one());
        assert_eq!(problems(&[first(), during]), [contradicts]);
        let after = timed(json!({field: "fault != broker_crash-1"}), one());
        assert_eq!(problems(&[first(), after]), [""; 0]);
    }
    let another = timed(json!({"when": "fault == broker_crash-1"}), broker(json!({"count": 1})));
    let found = problems(&[timed(json!({"at": "1s", "every": "9s", "count": 3}), one()), another]);
    assert_eq!(
        found,
        ["faults[1].fault.broker_crash.brokers: 2 of 3 brokers would be down at once with \
          \"broker_crash-1 #1\"; allowed: up to 1, so that a majority stays up"]
    );
    let alone = timed(json!({"when": "lag_records > 5"}), broker(json!("all")));
    assert_eq!(problems(&[alone]).len(), 1, "too much by itself");
}
