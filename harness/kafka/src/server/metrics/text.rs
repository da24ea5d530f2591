//! Prometheus' text format.

use std::fmt::{Display, Write};

/// Kafka's documentation explains its metrics; the exporter's own help says no more than this.
const HELP: &str = "Kafka's metric of this name, as the JMX exporter gives it.";

/// A text under construction. The samples of one metric must come together.
#[derive(Debug, Default)]
pub(super) struct Text(String);

impl Text {
    /// Says what the samples of the metric `name` are.
    pub(super) fn family(&mut self, name: &str, kind: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "# HELP {name} {HELP}\n# TYPE {name} {kind}");
    }

    /// Adds a sample.
    pub(super) fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.0.push_str(name);
        for (position, (label, value)) in labels.iter().enumerate() {
            let open = if position == 0 { '{' } else { ',' };
            let _ = write!(self.0, "{open}{label}=\"");
            for letter in value.chars() {
                match letter {
                    '\\' => self.0.push_str("\\\\"),
                    '"' => self.0.push_str("\\\""),
                    '\n' => self.0.push_str("\\n"),
                    other => self.0.push(other),
                }
            }
            self.0.push('"');
        }
        let close = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.0, "{close} {value}");
    }

    pub(super) fn finish(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_values_are_escaped() {
        let mut text = Text::default();
        text.family("up", "gauge");
        text.sample("up", &[], 1);
        text.sample("up", &[("a", "x\"\\\n"), ("b", "")], 0.5);
        let expected = format!(
            "# HELP up {HELP}\n# TYPE up gauge\nup 1\nup{{a=\"x\\\"\\\\\\n\",b=\"\"}} 0.5\n"
        );
        assert_eq!(text.finish(), expected);
    }
}
