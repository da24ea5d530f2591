//! What vouches for the numbers: the account of every message, and the health of the harness.

use crate::record::{HarnessChecks, RunRecord};
use crate::report::account;
use crate::report::format::{ABSENT, count, counted, milliseconds, seconds};
use crate::steadiness::SteadyState;
use crate::verdict::HealthLimits;

use super::escape::clipped;
use super::markup::Markup;
use super::tables::{Cell, ROWS_MAX, Table};
use super::trials::Scenario;

/// The longest example of a lost message, in characters.
const EXAMPLE_CHARACTERS: usize = 200;

/// The delivery check: a sentence, a row a trial, and examples of what was lost.
pub(super) fn delivery(markup: &mut Markup, scenario: &Scenario<'_>) {
    let trials: Vec<&RunRecord> = scenario.records().collect();
    markup.leaf("p", &[], summary(&trials));
    let id = format!("{}-delivery-table", scenario.id);
    let caption = "What became of every message. A marked count is one that the guarantee forbids.";
    let rows = trials.iter().map(|trial| account(trial)).collect();
    Table { id: &id, caption, headings: &account::headings(), rows }.write(markup);
    markup.element("ul", &[("class", &"sentences")], |markup| {
        for trial in trials.iter().take(ROWS_MAX) {
            examples(markup, trial);
        }
    });
}

fn account(trial: &RunRecord) -> Vec<Cell> {
    let delivery = &trial.delivery;
    let forbidden = delivery.guarantee.forbidden(delivery);
    let counted = account::COUNTS.map(|(heading, of)| {
        let breaks = forbidden.iter().any(|(name, number)| *name == heading && *number > 0);
        Cell::marked(count(of(delivery)), breaks)
    });
    let named = [name_of(trial).into(), delivery.guarantee.words().into()];
    named.into_iter().chain(counted).collect()
}

fn summary(trials: &[&RunRecord]) -> String {
    let broken = trials.iter().filter(|trial| {
        trial.delivery.guarantee.forbidden(&trial.delivery).iter().any(|(_, number)| *number > 0)
    });
    let all = counted(trials.len(), "trial");
    match broken.count() {
        0 => format!("The delivery guarantee was kept in {all}."),
        broken => format!("The delivery guarantee was broken in {broken} of {all}."),
    }
}

fn examples(markup: &mut Markup, trial: &RunRecord) {
    let name = name_of(trial);
    if let Some(audit) = account::audit(trial, &name) {
        markup.leaf("li", &[], audit);
    }
    let lost: Vec<String> = trial
        .delivery
        .lost_examples
        .iter()
        .take(crate::record::LOST_EXAMPLES_MAX)
        .map(|example| clipped(example, EXAMPLE_CHARACTERS))
        .collect();
    if !lost.is_empty() {
        markup.leaf("li", &[], format_args!("Lost in {name}, for example: {}.", lost.join("; ")));
    }
}

/// The harness's health, a row a trial; marked is what makes a trial invalid.
pub(super) fn health(markup: &mut Markup, scenario: &Scenario<'_>) {
    let limits = HealthLimits::default();
    let headings = [
        "trial",
        "dispatch error p99",
        "greatest",
        "missed sends",
        "harness CPU",
        "harness memory",
    ];
    let row = |trial: &RunRecord| -> Vec<Cell> {
        let health = &trial.health;
        let late = health.dispatch_error_p99_us > limits.dispatch_error_p99_us_max;
        let missed_max = limits.missed_sends_share_max * trial.delivery.planned as f64;
        let micros = |us: u64| milliseconds(us as f64 / 1e3);
        vec![
            name_of(trial).into(),
            Cell::marked(micros(health.dispatch_error_p99_us), late),
            micros(health.dispatch_error_max_us).into(),
            Cell::marked(count(health.missed_sends), health.missed_sends as f64 > missed_max),
            format!("{:.0} %", health.harness_cpu_share * 100.0).into(),
            format!("{} MiB", count(health.rss_bytes_max >> 20)).into(),
        ]
    };
    let id = format!("{}-health-table", scenario.id);
    let caption = "Dispatch error: from the intended time to the hand-over to the client. CPU: the \
                   harness's share of all processors.";
    let rows = scenario.records().map(row).collect();
    Table { id: &id, caption, headings: &headings, rows }.write(markup);
    checks(markup, scenario);
    baseline(markup, scenario);
}

/// What the harness found wrong with its own measuring, a row a trial; anything makes it invalid.
fn checks(markup: &mut Markup, scenario: &Scenario<'_>) {
    let names = HarnessChecks::default().counts().map(|(name, _)| name);
    let headings = ["trial", "negative latencies", "over an hour"].into_iter().chain(names);
    let row = |trial: &RunRecord| -> Vec<Cell> {
        let health = &trial.health;
        let marked = |number: u64| Cell::marked(count(number), number > 0);
        let found = health.checks.counts().map(|(name, number)| match health.checks.skipped {
            None if name == "skipped" => ABSENT.into(),
            _ => marked(number),
        });
        let latencies = [health.negative_latencies, health.overflow_latencies].map(marked);
        [name_of(trial).into()].into_iter().chain(latencies).chain(found).collect()
    };
    let id = format!("{}-checks-table", scenario.id);
    let caption = "What the harness found wrong with its own measuring. Skipped or rewound: results \
                   that it did not read, or read out of order; misstamped: with another intended \
                   time than planned; unrecorded: not in the response times, or there alone.";
    let rows = scenario.records().map(row).collect();
    Table { id: &id, caption, headings: &headings.collect::<Vec<_>>(), rows }.write(markup);
}

/// Whether there was a baseline, and how well its p99 is known; a row a trial.
fn baseline(markup: &mut Markup, scenario: &Scenario<'_>) {
    let headings = [
        "trial",
        "baseline",
        "warm-up planned",
        "found",
        "autocorrelation",
        "effective seconds",
        "steady p99",
    ];
    let absent = || ABSENT.to_owned();
    let row = |trial: &RunRecord| -> Vec<Cell> {
        let found = &trial.steadiness;
        let (word, alarming) = match found.state {
            SteadyState::Steady => ("steady", false),
            SteadyState::Unsteady => ("unsteady", true),
            SteadyState::TooShort => ("too short to say", false),
        };
        let p99 = found.p99.as_ref();
        let interval = p99.map(|p99| {
            let shown = |end: Option<f64>| end.map_or("unknown".to_owned(), milliseconds);
            format!("{} to {}", shown(p99.low_ms), shown(p99.high_ms))
        });
        vec![
            name_of(trial).into(),
            Cell::marked(word, alarming),
            seconds(found.warm_up_planned_s).into(),
            found.warm_up_found_s.map_or_else(absent, seconds).into(),
            found.autocorrelation.map_or_else(absent, |r| format!("{r:.2}")).into(),
            found.effective_seconds.map_or_else(absent, |s| format!("{s:.0}")).into(),
            Cell::from(p99.map_or_else(absent, |p99| milliseconds(p99.value_ms)))
                .with_note(interval),
        ]
    };
    let id = format!("{}-baseline-table", scenario.id);
    let caption = "The steady phase before the first burst or fault: did its level stay, and what is \
                   its p99, with an interval at 95 % within the trial.";
    let rows = scenario.records().map(row).collect();
    Table { id: &id, caption, headings: &headings, rows }.write(markup);
}

/// A trial's short name.
pub(super) fn name_of(trial: &RunRecord) -> String {
    format!("{} #{}", clipped(&trial.strategy, 40), trial.repetition)
}
