//! Building HTML so that it is balanced and escaped by construction: names of elements and
//! attributes are constants, and everything else goes through the escape.

use std::fmt::{Display, Write};

use super::escape::Escaped;

/// An attribute: its name, and a value that is escaped when it is written.
pub(super) type Attribute<'a> = (&'static str, &'a dyn Display);

/// HTML under construction.
#[derive(Debug, Default)]
pub(super) struct Markup {
    text: String,
}

impl Markup {
    /// Nothing yet.
    pub(super) fn new() -> Markup {
        Markup::default()
    }

    /// An element with what `inside` writes into it.
    pub(super) fn element(
        &mut self,
        tag: &'static str,
        attributes: &[Attribute<'_>],
        inside: impl FnOnce(&mut Markup),
    ) {
        self.open(tag, attributes);
        self.text.push('>');
        inside(self);
        self.write(format_args!("</{tag}>"));
        if BLOCKS.contains(&tag) {
            self.text.push('\n');
        }
    }

    /// An element that holds nothing but text.
    pub(super) fn leaf(
        &mut self,
        tag: &'static str,
        attributes: &[Attribute<'_>],
        text: impl Display,
    ) {
        self.element(tag, attributes, |markup| markup.text(text));
    }

    /// An element without content: `<meta …/>`, `<path …/>`.
    pub(super) fn empty(&mut self, tag: &'static str, attributes: &[Attribute<'_>]) {
        self.open(tag, attributes);
        self.text.push_str("/>");
    }

    /// Text, which shows as itself.
    pub(super) fn text(&mut self, text: impl Display) {
        self.write(format_args!("{}", Escaped(text)));
    }

    /// A name, which may break after each of its joints and nowhere else.
    pub(super) fn name(&mut self, name: &str) {
        for part in name.split_inclusive(['_', '-', '.', '/']) {
            self.text(part);
            if part.len() < name.len() {
                self.empty("wbr", &[]);
            }
        }
    }

    /// The style sheet or the document type: a constant that is written as it is.
    pub(super) fn constant(&mut self, text: &'static str) {
        self.text.push_str(text);
    }

    /// The finished text.
    pub(super) fn finish(self) -> String {
        self.text
    }

    fn open(&mut self, tag: &'static str, attributes: &[Attribute<'_>]) {
        self.write(format_args!("<{tag}"));
        for (name, value) in attributes {
            self.write(format_args!(" {name}=\"{}\"", Escaped(value)));
        }
    }

    fn write(&mut self, arguments: std::fmt::Arguments<'_>) {
        // Writing to a string does not fail.
        let _ = self.text.write_fmt(arguments);
    }
}

/// Elements that a line ends after, for those who read the source.
const BLOCKS: [&str; 15] = [
    "html", "head", "h1", "h2", "h3", "p", "li", "tr", "section", "figure", "table", "svg", "dl",
    "pre", "div",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_break_at_their_joints() {
        let mut markup = Markup::new();
        markup.name("low_latency<");
        assert_eq!(markup.finish(), "low_<wbr/>latency&lt;<wbr/>");
    }

    #[test]
    fn elements_close_and_hold_escaped_text() {
        let mut markup = Markup::new();
        markup.element("p", &[("class", &"a\"b"), ("id", &7)], |markup| {
            markup.text("1 < 2 & ");
            markup.leaf("b", &[], "</p>");
            markup.empty("br", &[]);
        });
        assert_eq!(
            markup.finish(),
            "<p class=\"a&quot;b\" id=\"7\">1 &lt; 2 &amp; <b>&lt;/p&gt;</b><br/></p>\n"
        );
    }
}
