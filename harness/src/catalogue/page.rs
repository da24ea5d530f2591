//! The catalogue as markdown.

use super::{Entry, Parameter, Word};
use std::fmt::Write;

const HEAD: &str = "\
# Faults

Everything that a scenario can break. Written by a test, `UPDATE_DOCS=1 cargo test -p harness --lib
catalogue`; the same test holds it to be up to date. `stormgauge list faults -o json` says the same.

A fault counts only with evidence that it landed, and every fault heals itself at its limit, ten
seconds after the end that the scenario sets, even if nobody heals it.
";

/// Faults that one could expect here, and why they would not be what they say.
const NOT_OFFERED: [(&str, &str); 3] = [
    (
        "DNS failure for bootstrap names",
        "clients get their brokers by address, and brokers tell them addresses. A client resolves \
         names by the C library, which asks the resolver of the whole machine; to give a process \
         another one takes root, or a client changed for the purpose. What it would do to a worker \
         that starts, `network_blackhole` and `slow_start` do",
    ),
    (
        "a full or slow disk of a node",
        "a worker's output goes through a pipe to its pod's log, which the harness writes, and the \
         reference worker writes no file: it would notice nothing. A file system of a node's own \
         takes root, and a limit to the size of files ends in another error (EFBIG). What a kubelet \
         makes of a full disk is `disk_pressure`; disks of brokers are `broker_disk`",
    ),
    (
        "a choice of the operator that leads",
        "an environment has one operator, which holds the lease; the second one of \
         `operator_twice` does not ask for it",
    ),
];

pub(super) fn page(entries: &[Entry], words: &[Word]) -> String {
    let mut page = HEAD.to_owned();
    page += "\n| fault | what it does | where |\n|---|---|---|\n";
    for entry in entries {
        let Entry { fault, description, environments, .. } = entry;
        let (description, places) = (cell(description), environments.join(", "));
        let _ = writeln!(page, "| [`{fault}`](#{fault}) | {description} | {places} |");
    }
    for entry in entries {
        let Entry { fault, description, evidence, healing, .. } = entry;
        let _ = write!(page, "\n## {fault}\n\n{}\n\n", sentence(description));
        entry.parameters.iter().for_each(|parameter| page += &line(parameter));
        if !entry.parameters.is_empty() {
            page.push('\n');
        }
        let _ = writeln!(page, "Evidence: {evidence}.\n\nHealing: {healing}.");
    }
    page += "\n# Not offered\n\n";
    for (fault, reason) in NOT_OFFERED {
        let _ = writeln!(page, "- {}: {reason}.", sentence(fault).trim_end_matches('.'));
    }
    page += "\n# Words\n";
    for Word { name, description, values } in words {
        let _ = write!(page, "\n## {name}\n\n{description}\n\n");
        for (value, meaning) in values {
            let meaning = Some(meaning).filter(|words| !words.is_empty());
            let meaning = meaning.map(|words| format!(": {words}")).unwrap_or_default();
            let _ = writeln!(page, "- `{value}`{meaning}");
        }
    }
    page
}

fn line(parameter: &Parameter) -> String {
    let Parameter { name, form, required, description } = parameter;
    let optional = if *required { "" } else { ", optional" };
    format!("- `{name}` (`{form}`{optional}): {description}\n")
}

/// A phrase as a sentence of its own.
fn sentence(phrase: &str) -> String {
    let mut letters = phrase.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

/// A column ends where a bar is.
fn cell(words: &str) -> String {
    words.replace('|', "\\|")
}
