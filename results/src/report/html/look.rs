//! How a strategy looks everywhere in the report: a colour, a pattern of dashes and a shape, so
//! that no one of them is needed to tell it from the others.

use super::escape::clipped;
use super::markup::Markup;

/// Colours, dash patterns and shapes, each strategy with one of each; `style.css` has as many.
const LOOKS: usize = 8;
/// The longest name in a picture, in characters.
const LABEL_CHARACTERS: usize = 18;

/// Shapes of markers around the origin, about 10 pixels wide.
const SHAPES: [&str; LOOKS] = [
    "M-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0 -9 0Z",
    "M-4 -4H4V4H-4Z",
    "M0 -5L5 4H-5Z",
    "M0 -5.5L5.5 0L0 5.5L-5.5 0Z",
    "M0 5L5 -4H-5Z",
    "M-1.5 -5H1.5V-1.5H5V1.5H1.5V5H-1.5V1.5H-5V-1.5H-1.5Z",
    "M-5 -3L0 -5.5L5 -3V3L0 5.5L-5 3Z",
    "M-5 -5L0 -2L5 -5L2 0L5 5L0 2L-5 5L-2 0Z",
];

/// The look of one strategy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Look {
    index: usize,
}

impl Look {
    /// The look of the strategy that is `index`th in the report.
    pub(super) fn of(index: usize) -> Look {
        Look { index: index % LOOKS }
    }

    /// The style sheet's class for its colour and its dashes.
    pub(super) fn class(self) -> &'static str {
        ["s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7"][self.index]
    }

    /// Its shape, around the origin of a picture.
    pub(super) fn marker(self, markup: &mut Markup, class: &str) {
        let class = format!("marker {} {class}", self.class());
        markup.empty("path", &[("class", &class), ("d", &SHAPES[self.index])]);
    }

    /// A short line with its dashes and its shape, to stand before its name in text.
    pub(super) fn swatch(self, markup: &mut Markup) {
        let attributes: [(&str, &dyn std::fmt::Display); 5] = [
            ("class", &"swatch"),
            ("viewBox", &"-20 -8 40 16"),
            ("width", &40),
            ("height", &16),
            ("aria-hidden", &"true"),
        ];
        markup.element("svg", &attributes, |markup| {
            let class = format!("line {}", self.class());
            markup.empty("path", &[("class", &class), ("d", &"M-19 0H19")]);
            self.marker(markup, "");
        });
    }
}

/// A strategy's name, short enough for a picture.
pub(super) fn label(strategy: &str) -> String {
    clipped(strategy, LABEL_CHARACTERS)
}
