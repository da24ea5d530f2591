//! The gate's lines as a table for a terminal.

use tabled::builder::Builder;
use tabled::settings::Style;

use crate::gate::GateResult;
use crate::report::terminal::printable;

/// The gate's lines as a table, then a sentence for each line that is not in order, then each
/// warning once.
pub fn gate_table(result: &GateResult) -> String {
    let mut builder = Builder::default();
    builder.push_record(["strategy", "indicator", "against", "measured", "allowed", ""]);
    for line in &result.lines {
        builder.push_record([
            printable(&line.strategy).as_str(),
            &line.indicator,
            line.against.word(),
            &printable(&line.shown),
            &printable(&line.bound),
            if line.ok { "ok" } else { "NOT OK" },
        ]);
    }
    let mut table = builder.build();
    table.with(Style::sharp());
    let mut text = format!("{table}\n{}", result.verdict.kind.word().to_uppercase());
    for reason in &result.verdict.reasons {
        text.push_str("\n- ");
        text.push_str(&printable(reason));
    }
    for warning in warnings(result) {
        text.push_str("\n- ");
        text.push_str(&printable(warning));
    }
    for warning in &result.warnings {
        text.push_str("\n- Warning: ");
        text.push_str(&printable(warning));
    }
    text.push('\n');
    text
}

/// The warnings of lines that are in order, which no reason of the verdict carries.
fn warnings(result: &GateResult) -> Vec<&str> {
    let mut warnings: Vec<&str> = result
        .lines
        .iter()
        .filter(|line| line.ok)
        .filter_map(|line| line.sentence.find("(Warning: ").map(|at| &line.sentence[at..]))
        .collect();
    warnings.sort_unstable();
    warnings.dedup();
    warnings
}
