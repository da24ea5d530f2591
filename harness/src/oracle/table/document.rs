//! The table as a file for readers.

use super::bugs::Row;
use crate::oracle::Checker;

const HEAD: &str = "\
# The checkers, checked

Written by a test, `UPDATE_CHECKERS=1 cargo test -p harness --lib`; the same test holds it to be up
to date. In memory, with the driver's stamps, the ledger, the collector's intake and the verdict as
trials use them, each bug below is planted at one place and must be caught by exactly the checkers
marked with ●. Every checker has a bug that passes when that checker is left out. Where a scenario
is named, `stormgauge suite checkers` or `durability` shows the same in real trials.

## Checkers

";

const BUGS: &str = "
A trial with findings of both kinds is invalid: what it found about the job may be the harness's
doing.

## Planted bugs

";

const TAIL: &str = "
## Other names

Jepsen's classes of Kafka anomalies, as far as results show them: a *lost write*, or one *unseen*
after the drain, is `lost`; a *duplicate* is `duplicated`; a *poll skip* is `skipped`; a
*non-monotonic poll* is `rewound`; a *non-monotonic send* is `reordered`, within a key. An *aborted
read* is `duplicated` under exactly once, since the record is processed again. Send offsets of the
source topic, and offsets below those that transactions let nobody read, are not checked.
";

/// The whole file.
pub(super) fn document(rows: &[Row]) -> String {
    let mut text = HEAD.to_owned();
    line(&mut text, &["checker", "what it finds", "a trial with a finding", "memory"]);
    line(&mut text, &["---"; 4]);
    for checker in Checker::ALL {
        let name = format!("`{}`", checker.as_str());
        let consequence = checker.consequence().words();
        line(&mut text, &[&name, checker.words(), consequence, checker.memory()]);
    }
    text.push_str(BUGS);
    let names = Checker::ALL.map(Checker::as_str);
    line(&mut text, &[&["in", "bug"], &names[..], &["verdict", "scenario"]].concat());
    line(&mut text, &["---"; Checker::ALL.len() + 4]);
    for row in rows {
        let marks = Checker::ALL.map(|checker| if row.found.contains(&checker) { "●" } else { "" });
        let scenario = row.scenario.map_or(String::new(), |name| format!("`{name}`"));
        let (head, tail) = ([row.place.word(), row.bug], [row.verdict.word(), &scenario]);
        line(&mut text, &[&head[..], &marks, &tail].concat());
    }
    text.push_str(TAIL);
    text
}

fn line(text: &mut String, cells: &[&str]) {
    cells.iter().for_each(|cell| {
        text.push_str("| ");
        text.push_str(cell);
        text.push(' ');
    });
    text.push_str("|\n");
}
