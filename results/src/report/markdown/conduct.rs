//! What vouches for the numbers: the account of messages, the harness's health, the environment.

use std::collections::BTreeSet;

use crate::record::RunRecord;
use crate::report::account;
use crate::report::format::{ABSENT, count, milliseconds};
use crate::report::markdown::table::{Table, escape};
use crate::report::markdown::{line, name_of};

/// The account of messages, a row a trial.
pub(super) fn delivery(trials: &[&RunRecord]) -> String {
    let mut table = Table::new(account::headings().into_iter().chain(["payload schemas"]));
    let mut examples = Vec::new();
    for trial in trials {
        let account = &trial.delivery;
        let mut cells = vec![name_of(trial), account.guarantee.words().to_owned()];
        cells.extend(account::COUNTS.map(|(_, of)| count(of(account))));
        let schemas = trial.schema_versions.iter();
        let schemas: Vec<String> =
            schemas.map(|(version, results)| format!("v{version}: {}", count(*results))).collect();
        cells.push(schemas.join(", "));
        table.row(cells);
        examples.extend(account::audit(trial, &name_of(trial)).map(|audit| format!("- {audit}")));
        if !account.lost_examples.is_empty() {
            let lost = account.lost_examples.join("; ");
            examples.push(format!("- Lost in {}, for example: {lost}", name_of(trial)));
        }
    }
    let mut text = table.render();
    if !examples.is_empty() {
        text.push('\n');
    }
    examples.iter().for_each(|example| line(&mut text, &escape(example)));
    text
}

/// The harness's health, a row a trial.
pub(super) fn health(trials: &[&RunRecord]) -> String {
    let mut table = Table::new([
        "trial",
        "dispatch error p99",
        "dispatch error max",
        "missed sends",
        "harness CPU",
        "harness memory",
        "negative latencies",
        "overflowing latencies",
        "skipped",
        "rewound",
        "misstamped",
        "unrecorded",
    ]);
    for trial in trials {
        let health = &trial.health;
        let checks = &health.checks;
        table.row(vec![
            name_of(trial),
            milliseconds(health.dispatch_error_p99_us as f64 / 1e3),
            milliseconds(health.dispatch_error_max_us as f64 / 1e3),
            count(health.missed_sends),
            format!("{:.0} %", health.harness_cpu_share * 100.0),
            format!("{} MiB", count(health.rss_bytes_max >> 20)),
            count(health.negative_latencies),
            count(health.overflow_latencies),
            checks.skipped.map_or(ABSENT.to_owned(), count),
            count(checks.rewound),
            count(checks.misstamped),
            count(checks.unrecorded),
        ]);
    }
    table.render()
}

/// What was emulated and what was real, on which machine, by which program.
pub(super) fn environment(trials: &[&RunRecord]) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut seen = BTreeSet::new();
    let mut add = |text: String| {
        if seen.insert(text.clone()) {
            lines.push(text);
        }
    };
    for trial in trials {
        let environment = &trial.environment;
        add(format!("Environment: {}.", environment.name));
        environment.emulated.iter().for_each(|what| add(format!("Emulated: {what}")));
        environment.real.iter().for_each(|what| add(format!("Real: {what}")));
        for (setting, value) in &environment.settings {
            add(format!("Setting {setting}: {value}"));
        }
        add(format!("Machine: {}", trial.machine.summary()));
        let program = &trial.program;
        add(format!(
            "Program: {}, revision {}, {} build",
            program.version, program.git_revision, program.profile
        ));
        let workload = &trial.workload;
        add(format!(
            "Workload: {} {} events over {} symbols, {} bytes each on average, fingerprint {}",
            count(workload.planned),
            workload.events,
            workload.symbols,
            workload.payload_bytes,
            workload.fingerprint
        ));
    }
    let mut text = String::new();
    lines.iter().for_each(|what| line(&mut text, &format!("- {}", escape(what))));
    text
}
