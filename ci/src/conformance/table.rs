//! The outcome of every case, as a table and as a list of differences.

use std::fmt::Write as _;

use serde_json::json;
use tabled::builder::Builder;
use tabled::settings::Style;

/// What one case gave on both subjects.
pub(crate) struct Outcome {
    /// The case's name, `area/what it is about`.
    pub(crate) case: &'static str,
    /// What must be observed.
    pub(crate) expected: Vec<String>,
    /// What was observed on the embedded cluster.
    pub(crate) embedded: Vec<String>,
    /// What was observed on Apache Kafka.
    pub(crate) apache: Vec<String>,
    /// Why the case was run again, on the embedded cluster and on Apache Kafka.
    pub(crate) again: [Option<String>; 2],
}

impl Outcome {
    fn same(&self) -> bool {
        self.embedded == self.apache
    }

    /// Whether both subjects did what was expected.
    pub(crate) fn good(&self) -> bool {
        self.embedded == self.expected && self.apache == self.expected
    }
}

/// One line a case.
pub(crate) fn table(outcomes: &[Outcome]) -> String {
    let mut table = Builder::new();
    table.push_record(["case", "embedded", "Apache Kafka", "same?"]);
    for outcome in outcomes {
        let verdict = |seen: &[String], again| match (seen == outcome.expected, again) {
            (true, false) => "ok",
            (true, true) => "ok, the second time",
            (false, _) => "UNEXPECTED",
        };
        let same = if outcome.same() { "yes" } else { "NO" };
        let [ours, theirs] = outcome.again.each_ref().map(Option::is_some);
        let (ours, theirs) = (verdict(&outcome.embedded, ours), verdict(&outcome.apache, theirs));
        table.push_record([outcome.case, ours, theirs, same]);
    }
    table.build().with(Style::sharp()).to_string()
}

/// The counts, in one line.
pub(crate) fn counts(outcomes: &[Outcome]) -> String {
    let good = outcomes.iter().filter(|outcome| outcome.good()).count();
    let same = outcomes.iter().filter(|outcome| outcome.same()).count();
    let all = outcomes.len();
    let again = outcomes.iter().flat_map(|outcome| &outcome.again).flatten().count();
    let different = all - same;
    format!(
        "{all} cases, {same} the same on both, {different} different, {good} as expected, \
         {again} run again"
    )
}

/// Every case that is not good, with what was seen where.
pub(crate) fn differences(outcomes: &[Outcome]) -> String {
    let mut text = String::new();
    for outcome in outcomes {
        for why in outcome.again.iter().flatten() {
            let _ = writeln!(text, "## {}, run again after it {why}", outcome.case);
        }
    }
    for outcome in outcomes.iter().filter(|outcome| !outcome.good()) {
        let _ = writeln!(text, "## {}", outcome.case);
        let rows = outcome.embedded.len().max(outcome.apache.len()).max(outcome.expected.len());
        for row in 0..rows {
            let line = |of: &[String]| of.get(row).cloned().unwrap_or_else(|| "(nothing)".into());
            let (ours, theirs) = (line(&outcome.embedded), line(&outcome.apache));
            let expected = line(&outcome.expected);
            if ours == theirs && theirs == expected {
                let _ = writeln!(text, "    both      {ours}");
                continue;
            }
            let _ = writeln!(text, "  * embedded  {ours}\n    Apache    {theirs}");
            if theirs != expected {
                let _ = writeln!(text, "    expected  {expected}");
            }
        }
    }
    text
}

/// What was expected and seen, by case.
pub(crate) fn json(outcomes: &[Outcome]) -> String {
    let cases = outcomes.iter().map(|outcome| {
        let Outcome { case, expected, embedded, apache, .. } = outcome;
        let seen = json!({"expected": expected, "embedded": embedded, "apache": apache});
        ((*case).to_owned(), seen)
    });
    serde_json::Value::Object(cases.collect()).to_string()
}
