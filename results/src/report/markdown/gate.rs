//! What the gate found, as a page for a comment on a pull request.

use super::page::Page;
use super::reasons;
use super::table::{Table, escape};
use crate::gate::{GateLine, GateResult};
use crate::report::format::counted;

/// The gate's result: the verdict in the first line, then why, what is not in order as a table,
/// and all that was compared folded. At most 64 kB; the last line is a hidden mark by which a
/// program finds its earlier comment.
pub fn gate_markdown(result: &GateResult) -> String {
    let mut page = Page::default();
    let wrong: Vec<&GateLine> = result.lines.iter().filter(|line| !line.ok).collect();
    let count = counted(result.lines.len(), "comparison");
    let verdict = result.verdict.kind.word().to_uppercase();
    let mode = result.mode.word();
    page.open(&format!("# {verdict}: {mode}, {} of {count} not in order\n\n", wrong.len()));
    reasons(&mut page, &result.verdict.reasons);
    if !wrong.is_empty() {
        page.open("\n");
        page.open(&table(&wrong));
    }
    let all: Vec<&GateLine> = result.lines.iter().collect();
    page.fold("All that was compared", &table(&all));
    let sentences: String = result
        .lines
        .iter()
        .map(|line| format!("- {}: {}\n", escape(&line.strategy), escape(&line.sentence)))
        .collect();
    page.fold("In sentences", &sentences);
    page.finish("gate")
}

fn table(lines: &[&GateLine]) -> String {
    let mut table = Table::new(["strategy", "indicator", "against", "measured", "allowed", ""]);
    for line in lines {
        table.row(vec![
            line.strategy.clone(),
            line.indicator.clone(),
            line.against.word().to_owned(),
            line.shown.clone(),
            line.bound.clone(),
            if line.ok { "ok" } else { "NOT OK" }.to_owned(),
        ]);
    }
    table.render()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::gate;
    use crate::objectives::{IndicatorName, Objectives};
    use crate::record::RunRecord;
    use crate::sample::records;
    use crate::verdict::HealthLimits;

    fn page(records: &[RunRecord]) -> String {
        let mut objectives = Objectives::new();
        objectives.set(IndicatorName::P99Response, "< 75ms").unwrap();
        let limits = HealthLimits::default();
        gate_markdown(&gate(records, &objectives, None, 0.1, &limits).unwrap())
    }

    #[test]
    fn the_gate_for_a_pull_request() {
        insta::assert_snapshot!(page(&records()));
    }

    #[test]
    fn a_hostile_name_neither_forges_nor_swells_the_page() {
        let mut records = records();
        for record in &mut records {
            record.strategy = format!("x\n# PASS --> </details> {}", "|".repeat(1 << 20));
            record.delivery.lost = 1;
        }
        records.truncate(1);
        let text = page(&records);
        assert!(text.len() <= 64_000, "{}", text.len());
        assert!(!text.lines().skip(1).any(|line| line.starts_with("# ")));
        assert!(!text.contains("</details> |"));
        assert!(text.ends_with("<!-- stormgauge: gate -->\n"));
    }
}
