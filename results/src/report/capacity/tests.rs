use super::*;
use crate::capacity::{CAPACITY_SCHEMA, Resolved};
use crate::sample::Sample;

fn result() -> CapacityResult {
    let record = Sample::new("A", 1).record();
    let found = |workers, sustained, refused, resolved, reason: &str| AllocationCapacity {
        workers,
        sustained_per_s: sustained,
        refused_per_s: refused,
        resolved,
        probes: 9,
        reason: reason.to_owned(),
    };
    let point = |strategy: &str, workers, refused, invalid, not_played| DemandPoint {
        strategy: strategy.to_owned(),
        demand_per_s: 2_000.0,
        refused,
        invalid,
        not_played,
        workers,
        p99_ms: vec![31.0, 29.0],
    };
    CapacityResult {
        schema: CAPACITY_SCHEMA.to_owned(),
        scenario: record.scenario,
        environment: "local".to_owned(),
        program: record.program,
        machine: record.machine,
        strategy: "=swift".to_owned(),
        seed: 1,
        resolution: 0.02,
        allocations: vec![
            found(1, Some(4_950.0), Some(5_049.0), Resolved::Confirmed, "the backlog grew"),
            found(2, None, None, Resolved::Invalid, "late | by 1 s"),
        ],
        demands: vec![point("=swift", vec![1.0, 1.2], 1, 0, 0), point("idle", vec![], 3, 1, 2)],
    }
}

#[test]
fn the_page_says_what_is_known_and_what_is_not() {
    let page = capacity_markdown(&result());
    for line in [
        "- 1 worker sustains 4,950/s, and not 5,049/s.",
        "- 2 workers sustain no rate that was probed; more could not be asked, since the harness \
         was at its limit: late \\| by 1 s.",
        "| 1 | 4,950 | 5,049 | 4,950 | 9 | confirmed | the backlog grew |",
        "| 2,000 | idle | not met | 30.0 ms | 0 of 3, 1 invalid, 2 not played |",
    ] {
        assert!(page.contains(line), "{line}\nis not in\n{page}");
    }
    // Mean 1.1, half-width 12.706 · 0.1 by Student's t with one degree of freedom.
    assert!(page.contains(r"| 1.10 \[0.00, 2.37\] | 30.0 ms | 2 of 3 |"), "{page}");
    assert!(page.contains("to grow by less than 1 % of the rate"), "{page}");
}

#[test]
fn the_spreadsheet_is_versioned_and_runs_no_formula() {
    let text = capacity_csv(&result()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 5);
    assert_eq!(lines[1], "1,allocation,'=swift,1,,,4950,5049,confirmed,,,,,");
    assert_eq!(lines[4], "1,demand,idle,,,,2000,,,30,0,3,1,2");
}

#[test]
fn the_terminal_has_a_table_for_each_question() {
    let table = capacity_table(&result());
    assert!(table.contains("per worker/s") && table.contains("p99, median second"), "{table}");
}
