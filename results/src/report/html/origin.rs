//! Where the numbers come from: what was emulated and what was real, how to run it again, and the
//! program, machine, seeds and load that made them.

use std::collections::BTreeSet;

use crate::record::RunRecord;
use crate::report::format::count;

use super::escape::clipped;
use super::markup::Markup;
use super::trials::Scenario;

/// The most entries of a list, and the longest one in characters.
const ENTRIES_MAX: usize = 60;
const ENTRY_CHARACTERS: usize = 600;

/// Each text once, in the order of first appearance.
fn distinct(texts: impl Iterator<Item = String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let new = texts.filter(|text| seen.insert(text.clone()));
    new.take(ENTRIES_MAX).map(|text| clipped(&text, ENTRY_CHARACTERS)).collect()
}

/// What was emulated and what was real, side by side.
pub(super) fn environment(markup: &mut Markup, scenario: &Scenario<'_>) {
    let of =
        |what: fn(&RunRecord) -> &Vec<String>| distinct(scenario.records().flat_map(what).cloned());
    let names = distinct(scenario.records().map(|record| record.environment.name.clone()));
    markup.leaf("p", &[], format_args!("Environment: {}.", names.join(", ")));
    let lists = [
        ("Emulated", of(|record| &record.environment.emulated)),
        ("Real", of(|record| &record.environment.real)),
    ];
    markup.element("div", &[("class", &"pair")], |markup| {
        for (title, entries) in lists {
            markup.element("div", &[], |markup| {
                markup.leaf("h4", &[], title);
                markup.element("ul", &[], |markup| {
                    let none = entries.is_empty().then(|| "nothing".to_owned());
                    for entry in entries.iter().chain(&none) {
                        markup.leaf("li", &[], entry);
                    }
                });
            });
        }
    });
    let settings = scenario.records().flat_map(|record| &record.environment.settings);
    let settings = distinct(settings.map(|(name, value)| format!("{name}: {value}")));
    if !settings.is_empty() {
        markup.leaf("p", &[], format_args!("Settings: {}.", settings.join(", ")));
    }
}

/// A line for each strategy that runs its median trial again, and the rest folded.
pub(super) fn replay(markup: &mut Markup, scenario: &Scenario<'_>) {
    let first = scenario.strategies.iter().map(|s| s.median_trial().replay.clone());
    let first = distinct(first);
    let all = distinct(scenario.records().map(|record| record.replay.clone()));
    let rest: Vec<&String> = all.iter().filter(|command| !first.contains(command)).collect();
    markup.leaf("p", &[("class", &"note")], "A click marks a whole line, ready to copy.");
    first.iter().for_each(|command| block(markup, command));
    if !rest.is_empty() {
        markup.element("details", &[], |markup| {
            markup.leaf("summary", &[], format_args!("{} more", rest.len()));
            rest.iter().for_each(|command| block(markup, command));
        });
    }
}

fn block(markup: &mut Markup, command: &str) {
    markup.element("pre", &[("tabindex", &0)], |markup| markup.leaf("code", &[], command));
}

/// Program, machine, seeds, load and times.
pub(super) fn made_by(markup: &mut Markup, scenario: &Scenario<'_>) {
    let of = |what: &dyn Fn(&RunRecord) -> String| distinct(scenario.records().map(what));
    let seeds = of(&|record| record.seed.to_string());
    let entries = [
        (
            "Program",
            of(&|record| {
                let program = &record.program;
                let (version, revision) = (&program.version, &program.git_revision);
                format!("{version}, revision {revision}, {} build", program.profile)
            }),
        ),
        ("Machine", of(&|record| record.machine.summary())),
        ("Run", of(&|record| record.run.clone())),
        ("Started", of(&|record| record.started_at.clone()).into_iter().take(1).collect()),
        ("Seeds", vec![seeds.join(", ")]),
        ("Scenario", of(&|record| record.scenario.digest.clone())),
        (
            "Workload",
            of(&|record| {
                let load = &record.workload;
                format!(
                    "{} {} events over {} keys, {} bytes each on average",
                    count(load.planned),
                    load.events,
                    load.symbols,
                    load.payload_bytes
                )
            }),
        ),
        ("Fingerprint", of(&|record| record.workload.fingerprint.clone())),
    ];
    markup.element("dl", &[], |markup| {
        for (term, texts) in entries {
            markup.element("div", &[], |markup| {
                markup.leaf("dt", &[], term);
                texts.iter().for_each(|text| markup.leaf("dd", &[], text));
            });
        }
    });
}
