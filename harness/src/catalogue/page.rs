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
