//! Tables: a caption, headings that say what they are the heading of, and a frame that scrolls
//! where the page is narrower than the table.

use crate::report::format::counted;

use super::escape::with_units;
use super::markup::{Attribute, Markup};

/// The most rows of a table; the files beside the report have them all.
pub(super) const ROWS_MAX: usize = 120;

/// A table of text. The first cell of each row is its heading.
pub(super) struct Table<'a> {
    /// Unique in the page.
    pub(super) id: &'a str,
    /// What it is a table of.
    pub(super) caption: &'a str,
    /// The headings of the columns.
    pub(super) headings: &'a [&'a str],
    /// The rows, as many cells in each as there are headings.
    pub(super) rows: Vec<Vec<Cell>>,
}

/// A cell.
#[derive(Debug)]
pub(super) struct Cell {
    text: String,
    /// A note below it.
    small: Option<String>,
    /// Whether it needs the reader's attention.
    alarming: bool,
    /// Whether it holds sentences instead of a figure.
    prose: bool,
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Cell {
        Cell { text: text.into(), small: None, alarming: false, prose: false }
    }
}

impl Cell {
    /// A cell that is marked when `alarming`.
    pub(super) fn marked(text: impl Into<String>, alarming: bool) -> Cell {
        Cell { text: text.into(), small: None, alarming, prose: false }
    }

    /// The same cell, marked when `alarming`.
    pub(super) fn alarming(self, alarming: bool) -> Cell {
        Cell { alarming, ..self }
    }

    /// The same cell, with a note below what it says.
    pub(super) fn with_note(self, note: Option<String>) -> Cell {
        Cell { small: note.map(|note| with_units(&note)), ..self }
    }

    /// A cell of running text.
    pub(super) fn prose(text: impl Into<String>) -> Cell {
        Cell { text: text.into(), small: None, alarming: false, prose: true }
    }

    /// Writes the cell, which stands under `heading`.
    pub(super) fn write(&self, markup: &mut Markup, heading: &str) {
        let class = match self.prose {
            true => "text",
            false if self.alarming => "alarm",
            false => "",
        };
        let attributes: [Attribute<'_>; 3] =
            [("class", &class), ("role", &"cell"), ("data-of", &heading)];
        markup.element("td", &attributes, |markup| {
            if self.alarming {
                markup.leaf("span", &[("aria-hidden", &"true")], "▲ ");
            }
            markup.text(&self.text);
            if let Some(small) = &self.small {
                markup.leaf("small", &[], small);
            }
        });
    }
}

impl Table<'_> {
    /// Writes the table, and says how many rows are left out.
    pub(super) fn write(self, markup: &mut Markup) {
        let left_out = self.rows.len().saturating_sub(ROWS_MAX);
        framed(markup, self.id, self.caption, |markup| {
            markup.element("thead", &[("role", &"rowgroup")], |markup| {
                markup.element("tr", &[("role", &"row")], |markup| {
                    let heading: [Attribute<'_>; 2] =
                        [("scope", &"col"), ("role", &"columnheader")];
                    self.headings.iter().for_each(|text| markup.leaf("th", &heading, text));
                });
            });
            markup.element("tbody", &[("role", &"rowgroup")], |markup| {
                for row in self.rows.iter().take(ROWS_MAX) {
                    let attributes: [Attribute<'_>; 1] = [("role", &"row")];
                    markup.element("tr", &attributes, |markup| cells(markup, row, self.headings));
                }
            });
        });
        if left_out > 0 {
            markup.leaf("p", &[], format_args!("{} left out here.", counted(left_out, "more row")));
        }
    }
}

fn cells(markup: &mut Markup, row: &[Cell], headings: &[&str]) {
    for (index, (cell, heading)) in row.iter().zip(headings).enumerate() {
        if index == 0 {
            let heading: [Attribute<'_>; 2] = [("scope", &"row"), ("role", &"rowheader")];
            markup.element("th", &heading, |markup| markup.name(&cell.text));
            continue;
        }
        cell.write(markup, heading);
    }
}

/// A table in its frame, with what `inside` writes after the caption.
pub(super) fn framed(
    markup: &mut Markup,
    id: &str,
    caption: &str,
    inside: impl FnOnce(&mut Markup),
) {
    let name = format!("{id}-caption");
    // The frame takes the focus so that the arrow keys scroll it.
    let frame: [(&str, &dyn std::fmt::Display); 4] =
        [("class", &"frame"), ("role", &"region"), ("aria-labelledby", &name), ("tabindex", &0)];
    markup.element("div", &frame, |markup| {
        // Narrow pages lay rows out as blocks, after which browsers forget what they are.
        markup.element("table", &[("id", &id), ("role", &"table")], |markup| {
            markup.leaf("caption", &[("id", &name)], caption);
            inside(markup);
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_say_what_they_head_and_alarms_have_a_sign() {
        let mut markup = Markup::new();
        let rows = vec![vec!["A #1".into(), Cell::marked("3", true), "4".into()]];
        Table { id: "t", caption: "Some", headings: &["trial", "lost", "found"], rows }
            .write(&mut markup);
        insta::assert_snapshot!(markup.finish());
    }

    #[test]
    fn long_tables_end_and_say_so() {
        let rows = (0..ROWS_MAX + 5).map(|row| vec![row.to_string().into()]).collect();
        let mut markup = Markup::new();
        Table { id: "t", caption: "Many", headings: &["row"], rows }.write(&mut markup);
        let text = markup.finish();
        assert_eq!(text.matches("<tr ").count(), ROWS_MAX + 1);
        assert!(text.contains("5 more rows left out here."));
    }
}
