use super::*;
use crate::sample::Sample;

/// Three trials of a strategy in an environment.
fn three(environment: &str, strategy: &'static str, p99s: [f64; 3]) -> Vec<RunRecord> {
    let trial = |(repetition, p99_ms)| {
        let mut record = Sample::new(strategy, repetition).record();
        record.seed = u64::from(repetition);
        record.environment.name = environment.to_owned();
        record.indicators.p99_ms = Some(p99_ms);
        record
    };
    (1..).zip(p99s).map(trial).collect()
}

fn agreement(records: [Vec<RunRecord>; 4]) -> Agreement {
    let records = records.concat();
    Agreement::of(&records.iter().collect::<Vec<_>>(), IndicatorName::P99Response).unwrap()
}

#[test]
fn one_order_everywhere_is_said_once() {
    let found = agreement([
        three("docker", "A", [20.0, 21.0, 22.0]),
        three("docker", "B", [50.0, 51.0, 52.0]),
        three("local", "A", [1.0, 1.1, 1.2]),
        three("local", "B", [9.0, 8.0, 7.0]),
    ]);
    assert_eq!(
        found.sentences,
        ["By the p99 response time, docker and local order the strategies alike: A, B."]
    );
}

#[test]
fn an_order_that_really_differs_is_told_from_noise() {
    let found = agreement([
        three("docker", "A", [50.0, 51.0, 52.0]),
        three("docker", "B", [20.0, 21.0, 22.0]),
        three("local", "A", [1.0, 1.1, 1.2]),
        three("local", "B", [9.0, 8.0, 7.0]),
    ]);
    assert!(found.swaps[0].real, "{found:?}");
    assert_eq!(
        found.sentences[0],
        "By the p99 response time, the order is not the same. Best first, docker: B, A; local: A, B."
    );
    assert!(found.sentences[1].contains("the environments really differ"), "{found:?}");
    let phase =
        "Of the slowest 1 % of the messages in docker, 100 % were sent in the phase `steady`.";
    assert_eq!(found.sentences[2], phase);

    let noise = agreement([
        three("docker", "A", [50.0, 20.0, 52.0]),
        three("docker", "B", [20.0, 51.0, 22.0]),
        three("local", "A", [1.0, 9.0, 1.2]),
        three("local", "B", [9.0, 1.0, 7.0]),
    ]);
    assert!(!noise.swaps[0].real);
    assert!(noise.sentences[1].contains("which may be noise (p = "), "{noise:?}");
}

#[test]
fn who_are_equal_are_in_no_order() {
    for same in [0.0, 5.0] {
        let found = agreement([
            three("docker", "A", [20.0, 21.0, 22.0]),
            three("docker", "B", [50.0, 51.0, 52.0]),
            three("local", "A", [same; 3]),
            three("local", "B", [same; 3]),
        ]);
        assert_eq!(found.swaps, [], "{same}");
    }
}

#[test]
fn the_chance_of_two_gaps_is_that_of_published_tables() {
    // t = 0.5 / sqrt(0.01 + 0.01) = 3.5355 with 4 degrees of freedom: p = 0.02411.
    let gap = |mean| Gap { mean, error: 0.1, freedom: 2.0, paired: true };
    let p_value = of_two_gaps(gap(0.0), gap(0.5)).unwrap();
    assert!((p_value - 0.024_11).abs() < 5e-5, "{p_value}");
}

#[test]
fn one_environment_has_nothing_to_agree_with() {
    let records = [three("local", "A", [1.0, 2.0, 3.0]), three("local", "B", [2.0, 3.0, 4.0])];
    let records = records.concat();
    let all: Vec<&RunRecord> = records.iter().collect();
    assert_eq!(Agreement::of(&all, IndicatorName::P99Response), None);
}
