//! The whole page: well-formed whatever the records hold, bounded, and complete.

mod checker;

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::sample::{Sample, records};
use crate::series::SeriesRow;
use crate::verdict::{Verdict, VerdictKind};

fn page(records: &[RunRecord]) -> String {
    let objectives_ms = BTreeMap::from([("market-open".to_owned(), 50.0)]);
    html(&Comparison::from_records(records).unwrap(), records, &objectives_ms)
}

/// Two strategies with one repetition each, and text of the reader's enemy wherever there is text.
fn hostile(text: &str) -> Vec<RunRecord> {
    let mut records = vec![Sample::new("A", 1).record(), Sample::new("B", 1).record()];
    for record in &mut records {
        record.scenario.name = text.to_owned();
        record.strategy.push_str(text);
        record.run = text.to_owned();
        record.trial = text.to_owned();
        record.replay = text.to_owned();
        record.started_at = text.to_owned();
        record.indicators.currency = text.to_owned();
        record.machine.cpu_model = text.to_owned();
        record.program.git_revision = text.to_owned();
        record.workload.events = text.to_owned();
        record.environment.emulated = vec![text.to_owned()];
        record.environment.settings.insert(text.to_owned(), text.to_owned());
        record.faults[0].name = text.to_owned();
        record.faults[0].evidence = text.to_owned();
        record.delivery.lost_examples = vec![text.to_owned()];
        record.verdict = Verdict { kind: VerdictKind::Fail, reasons: vec![text.to_owned()] };
    }
    records
}

#[test]
fn every_part_is_there_and_the_page_is_well_formed() {
    let page = page(&records());
    let ids = checker::check(&page).unwrap();
    let wanted = [
        "verdict",
        "s1-indicators",
        "s1-percentiles",
        "s1-timeline-1",
        "s1-timeline-2",
        "s1-demand-1",
        "s1-demand-2",
        "s1-frontier",
        "s1-faults-table",
        "s1-fault-1",
        "s1-delivery-table",
        "s1-health-table",
        "s1-environment",
        "s1-replay",
        "s1-origin",
    ];
    for id in wanted {
        assert!(ids.contains(id), "no {id} in {ids:?}");
    }
    // In the percentiles, in each strategy's picture over time, and in the key.
    assert_eq!(page.matches("class=\"line objective\"").count(), 4);
    assert!(page.contains("the objective for the p99, 50.0\u{a0}ms."));
}

#[test]
fn nothing_is_fetched_and_nothing_runs() {
    let page = page(&records());
    for word in
        ["http:", "https:", "//", "<script", "<link", "<img", "url(", "@import", " src=", " on"]
    {
        let said = page.match_indices(word).map(|(at, _)| &page[at..page.len().min(at + 40)]);
        let said: Vec<&str> = said.filter(|said| word != " on" || said.contains('=')).collect();
        let ours = |said: &&str| {
            word == " on" && !said.split_whitespace().next().unwrap_or("").contains('=')
        };
        assert!(said.iter().all(ours), "{said:?}");
    }
}

#[test]
fn the_verdict_comes_first_with_its_reasons() {
    let mut records = records();
    records[0].verdict =
        Verdict { kind: VerdictKind::Fail, reasons: vec!["It was slow.".to_owned()] };
    let page = page(&records);
    assert!(page.contains("<title>FAIL: market-open</title>"));
    let reason = page.find("Thrifty: Repetition 1: It was slow.").unwrap();
    assert!(reason < page.find("s1-comparison").unwrap());
}

#[test]
fn scenarios_of_a_suite_have_contents_and_sections() {
    let mut other = Sample::new("A", 1).record();
    other.scenario.name = "calm".to_owned();
    let page = page(&[Sample::new("A", 1).record(), other]);
    let ids = checker::check(&page).unwrap();
    assert!(page.contains("<a href=\"#s2\">calm</a>"));
    assert!(ids.contains("s2-timeline-1"));
}

#[test]
fn records_without_anything_to_draw_still_make_a_page() {
    let mut record = Sample::new("A", 1).record();
    record.series.clear();
    record.faults.clear();
    record.response = crate::Latencies::new().to_record();
    record.indicators = crate::record::Indicators::default();
    let page = page(&[record]);
    checker::check(&page).unwrap();
    assert!(page.contains("No response was observed."));
    assert!(page.contains("The records hold no series."));
    assert!(page.contains("No faults were scheduled."));
}

#[test]
fn numbers_that_are_none_do_not_reach_a_picture() {
    let mut records = records();
    for (index, value) in [f64::NAN, f64::INFINITY, 1e308, -1.0].into_iter().enumerate() {
        let row = &mut records[0].series[index * 2];
        row.offered = value;
        row.achieved = value;
        row.response_p99_ms = Some(value);
        row.demand_replicas = Some(value);
        records[0].faults[0].landed_s = Some(value);
    }
    let page = page(&records);
    checker::check(&page).unwrap();
    assert!(!page.contains("NaN") && !page.contains("inf\"") && !page.contains("inf "));
}

#[test]
fn strategies_differ_without_colour() {
    let records: Vec<RunRecord> =
        ["A", "B", "C", "D"].map(|name| Sample::new(name, 1).record()).to_vec();
    let page = page(&records);
    let style = include_str!("style.css");
    let dash = |class: &str| {
        let rule = style.split(&format!(".{class} {{ --look")).nth(1).unwrap();
        rule.split('}').next().unwrap().split("--dash:").nth(1).map(str::to_owned)
    };
    let classes = ["s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7"];
    assert_eq!(classes.map(dash).into_iter().collect::<BTreeSet<_>>().len(), classes.len());
    let shape = |class: &str| {
        let marker = page.split(&format!("class=\"marker {class} \" d=\"")).nth(1).unwrap();
        marker.split('"').next().unwrap().to_owned()
    };
    let shapes: BTreeSet<String> = classes[..4].iter().map(|class| shape(class)).collect();
    assert_eq!(shapes.len(), 4);
}

/// A trial of an hour, in which every second differs.
fn hour(strategy: &'static str, repetition: u32) -> RunRecord {
    let mut record = Sample::new(strategy, repetition).record();
    let row = |second: u32| {
        let noise = f64::from(second.wrapping_mul(2_654_435_761) >> 8) / f64::from(1u32 << 24);
        SeriesRow {
            t_s: f64::from(second + 1),
            offered: 2_000.0 + 300.0 * noise,
            achieved: 2_000.0 + 290.0 * noise,
            response_p99_ms: Some(20.0 + 400.0 * noise * noise),
            lag_records: Some((5_000.0 * noise) as u64),
            ready_replicas: 2 + (20.0 * noise) as u32,
            demand_replicas: Some(2.0 + 9.0 * noise),
            ..SeriesRow::default()
        }
    };
    record.series = (0..3_600).map(row).collect();
    record
}

#[test]
fn the_page_of_an_hour_is_bounded_whatever_the_repetitions() {
    let run = |repetitions: u32| -> String {
        let trials = ["A", "B", "C"].into_iter().flat_map(|strategy| {
            (1..=repetitions).map(move |repetition| hour(strategy, repetition))
        });
        page(&trials.collect::<Vec<RunRecord>>())
    };
    let (one, four) = (run(1).len(), run(4).len());
    assert!(four < 1_000_000, "{four} bytes");
    assert!(four < 3 * one, "{one} and {four} bytes");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn no_text_from_a_record_breaks_the_page(
        text in prop_oneof![
            any::<String>(),
            "[<>\"'&;/! a-z-]{0,60}",
            Just("</style></title><script>alert(1)</script><svg onload=x>".to_owned()),
        ],
    ) {
        let hostile = page(&hostile(&text));
        let ids = checker::check(&hostile);
        prop_assert!(ids.is_ok(), "{ids:?}");
        prop_assert!(!hostile.contains("<script"));
    }
}

#[test]
fn long_texts_are_clipped() {
    let short = page(&hostile("x")).len();
    let long = page(&hostile(&"<x>".repeat(100_000))).len();
    assert!(long < short + 200_000, "{short} and {long} bytes");
}
