//! Tables in markdown, safe from what their cells hold.

use crate::report::misleads;

/// Takes no room, and parts what would be read as one word.
const WORD_JOINER: char = '\u{2060}';

/// A table under construction.
pub(in crate::report) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these headings.
    pub(in crate::report) fn new<T: Into<String>>(headings: impl IntoIterator<Item = T>) -> Table {
        Table { rows: vec![headings.into_iter().map(Into::into).collect()] }
    }

    /// Adds a row.
    pub(in crate::report) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// The table as markdown.
    pub(in crate::report) fn render(&self) -> String {
        let mut text = String::new();
        for (index, row) in self.rows.iter().enumerate() {
            let cells: Vec<String> = row.iter().map(|cell| escape(cell)).collect();
            text.push_str(&format!("| {} |\n", cells.join(" | ")));
            if index == 0 {
                text.push_str(&format!("|{}\n", "---|".repeat(row.len())));
            }
        }
        text
    }
}

/// Text that shows as itself: on one line, without a meaning in markdown or HTML, and without
/// calling people (`@name`) or pointing to issues (`#1`) where the page is a comment.
pub(in crate::report) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut before = ' ';
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        let after = rest.peek().copied().unwrap_or(' ');
        let within_word = before.is_alphanumeric() && after.is_alphanumeric();
        match character {
            '<' => escaped.push_str("&lt;"),
            '&' => escaped.push_str("&amp;"),
            '#' | '@' if after.is_alphanumeric() => {
                escaped.push(character);
                escaped.push(WORD_JOINER);
            }
            '_' if within_word => escaped.push(character),
            '|' | '`' | '*' | '[' | ']' | '\\' | '_' | '~' | '#' => {
                escaped.push('\\');
                escaped.push(character);
            }
            misleading if misleads(misleading) => escaped.push(' '),
            plain => escaped.push(plain),
        }
        before = character;
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_shows_as_itself() {
        for (text, escaped) in [
            ("low_latency", "low_latency"),
            ("_so_ ~~not~~", "\\_so\\_ \\~\\~not\\~\\~"),
            ("# Title", "\\# Title"),
            ("<b>|\n`x`", "&lt;b>\\| \\`x\\`"),
            ("\u{202e}ssap\u{2028}", " ssap "),
        ] {
            assert_eq!(escape(text), escaped);
        }
    }

    #[test]
    fn nobody_is_called_and_no_issue_is_meant() {
        assert_eq!(escape("fast #1, @you"), "fast #\u{2060}1, @\u{2060}you");
    }
}
