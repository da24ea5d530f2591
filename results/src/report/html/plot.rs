//! The frame of a picture: an area with axes that keeps the size of its text whatever width it is
//! given. The picture is as wide as its axes; what stands beside them reaches over its edges, into
//! margins that the style sheet leaves. Heights are pixels; across, positions are shares of the
//! width, and lines are drawn in coordinates of their own that are stretched to it.

use std::fmt::Display;

use super::markup::Markup;
use super::scale::Scale;
use super::trace::{Coordinate, Point, Trace, WIDTH};

/// The least distance of the centres of two labels, in pixels.
pub(super) const LABEL_HEIGHT: f64 = 15.0;

/// A position across, as a share of the width.
pub(super) struct Across(pub(super) f64);

impl Display for Across {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}%", Coordinate(self.0.clamp(0.0, 1.0) * 100.0))
    }
}

/// A picture with a title and a description for those who cannot see it.
pub(super) struct Picture<'a> {
    /// Unique in the page.
    pub(super) id: &'a str,
    /// What it shows.
    pub(super) title: &'a str,
    /// What there is to be seen, in words.
    pub(super) description: &'a str,
    /// In pixels.
    pub(super) height: f64,
    /// Whether names stand at its right, for which wide pages leave room.
    pub(super) labelled: bool,
}

impl Picture<'_> {
    /// Writes the picture; `inside` draws it.
    pub(super) fn write(&self, markup: &mut Markup, inside: impl FnOnce(&mut Markup)) {
        let (title, description) = (format!("{}-title", self.id), format!("{}-text", self.id));
        let attributes: [(&str, &dyn Display); 6] = [
            ("id", &self.id),
            ("class", if self.labelled { &"plot labelled" } else { &"plot" }),
            ("role", &"img"),
            ("width", &"100%"),
            ("height", &Coordinate(self.height)),
            ("aria-labelledby", &format_args!("{title} {description}")),
        ];
        markup.element("svg", &attributes, |markup| {
            markup.leaf("title", &[("id", &title)], self.title);
            markup.leaf("desc", &[("id", &description)], self.description);
            inside(markup);
        });
    }
}

/// One pair of axes in a picture.
#[derive(Clone, Copy, Debug)]
pub(super) struct Area<'a> {
    /// Distance from the picture's top, in pixels.
    pub(super) top: f64,
    /// In pixels.
    pub(super) height: f64,
    /// Across.
    pub(super) x: &'a Scale,
    /// Upwards.
    pub(super) y: &'a Scale,
}

impl Area<'_> {
    /// Writes the area; `inside` draws in its coordinates.
    pub(super) fn write(&self, markup: &mut Markup, inside: impl FnOnce(&mut Markup)) {
        let attributes: [(&str, &dyn Display); 5] = [
            ("x", &0),
            ("y", &Coordinate(self.top)),
            ("width", &"100%"),
            ("height", &Coordinate(self.height)),
            ("overflow", &"visible"),
        ];
        markup.element("svg", &attributes, inside);
    }

    /// Pixels from the area's top to `value`.
    pub(super) fn y_of(&self, value: f64) -> Option<f64> {
        Some(self.height * (1.0 - self.y.share(value)?))
    }

    /// The point of two values in the coordinates of lines; a gap when one is no number.
    pub(super) fn point(&self, x: f64, y: f64) -> Option<Point> {
        Some((self.x.share(x)? * WIDTH, self.y_of(y)?))
    }

    /// Lines across at values of the vertical axis, each with its text at the left.
    pub(super) fn grid(&self, markup: &mut Markup, most: usize, text: impl Fn(f64) -> String) {
        for value in self.y.ticks(most) {
            let Some(y) = self.y_of(value) else { continue };
            let y = Coordinate(y);
            let line: [(&str, &dyn Display); 5] =
                [("class", &"grid"), ("x1", &0), ("x2", &"100%"), ("y1", &y), ("y2", &y)];
            markup.empty("line", &line);
            let place: [(&str, &dyn Display); 5] =
                [("class", &"tick end"), ("x", &0), ("dx", &-8), ("y", &y), ("dy", &".32em")];
            markup.leaf("text", &place, text(value));
        }
    }

    /// A line across at `value`, under whatever is drawn after it.
    pub(super) fn level(&self, markup: &mut Markup, class: &str, value: f64) {
        if let Some(y) = self.y_of(value) {
            segment(markup, class, (0.0, y), (1.0, y));
        }
    }

    /// Lines upwards at `ticks` of the horizontal axis, each with its text below if `texts`.
    pub(super) fn uprights(
        &self,
        markup: &mut Markup,
        ticks: &[f64],
        text: Option<&dyn Fn(f64) -> String>,
    ) {
        for value in ticks {
            let Some(x) = self.x.share(*value).map(Across) else { continue };
            let line: [(&str, &dyn Display); 5] = [
                ("class", &"grid"),
                ("x1", &x),
                ("x2", &x),
                ("y1", &0),
                ("y2", &Coordinate(self.height)),
            ];
            markup.empty("line", &line);
            if let Some(text) = text {
                let place: [(&str, &dyn Display); 3] =
                    [("class", &"tick middle"), ("x", &x), ("y", &Coordinate(self.height + 17.0))];
                markup.leaf("text", &place, text(*value));
            }
        }
    }

    /// A layer for lines, whose coordinates go from 0 to [`WIDTH`] across and are pixels down.
    pub(super) fn lines(&self, markup: &mut Markup, inside: impl FnOnce(&mut Markup)) {
        let height = Coordinate(self.height);
        let attributes: [(&str, &dyn Display); 5] = [
            ("viewBox", &format_args!("0 0 {WIDTH} {height}")),
            ("preserveAspectRatio", &"none"),
            ("width", &"100%"),
            ("height", &height),
            ("overflow", &"visible"),
        ];
        markup.element("svg", &attributes, inside);
    }
}

/// The line through a trace.
pub(super) fn line(markup: &mut Markup, class: impl Display, trace: &Trace) {
    path(markup, format_args!("line {class}"), &trace.path());
}

/// A path in a layer of lines; nothing when there is nothing to draw.
pub(super) fn path(markup: &mut Markup, class: impl Display, d: &str) {
    if !d.is_empty() {
        let stroke: (&str, &dyn Display) = ("vector-effect", &"non-scaling-stroke");
        markup.empty("path", &[("class", &class), stroke, ("d", &d)]);
    }
}

/// Something small at a share of the width and pixels down, drawn around its own origin.
pub(super) fn at(markup: &mut Markup, x: f64, y: f64, inside: impl FnOnce(&mut Markup)) {
    let attributes: [(&str, &dyn Display); 3] =
        [("x", &Across(x)), ("y", &Coordinate(y)), ("overflow", &"visible")];
    markup.element("svg", &attributes, inside);
}

/// A line between two places, each a share of the width and pixels down.
pub(super) fn segment(markup: &mut Markup, class: &str, from: (f64, f64), to: (f64, f64)) {
    let attributes: [(&str, &dyn Display); 5] = [
        ("class", &class),
        ("x1", &Across(from.0)),
        ("x2", &Across(to.0)),
        ("y1", &Coordinate(from.1)),
        ("y2", &Coordinate(to.1)),
    ];
    markup.empty("line", &attributes);
}

/// Moves labels apart that would overlap, as little as that takes, between 0 and `height`.
pub(super) fn spread(wanted: &[f64], height: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|a, b| wanted[*a].total_cmp(&wanted[*b]));
    let mut places = wanted.to_vec();
    let mut least = f64::NEG_INFINITY;
    for index in &order {
        places[*index] = places[*index].max(least);
        least = places[*index] + LABEL_HEIGHT;
    }
    let mut most = height;
    for index in order.iter().rev() {
        places[*index] = places[*index].min(most);
        most = places[*index] - LABEL_HEIGHT;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_that_would_overlap_move_apart() {
        assert_eq!(spread(&[50.0, 10.0], 100.0), [50.0, 10.0]);
        assert_eq!(spread(&[50.0, 52.0, 51.0], 100.0), [50.0, 80.0, 65.0]);
        assert_eq!(spread(&[99.0, 100.0], 100.0), [85.0, 100.0]);
        assert_eq!(spread(&[], 100.0), [0.0; 0]);
    }

    #[test]
    fn a_frame_keeps_its_text_at_any_width() {
        let (x, y) = (Scale::between(0.0, 10.0), Scale::linear([4.0].into_iter(), 2));
        let area = Area { top: 10.0, height: 50.0, x: &x, y: &y };
        let picture = Picture {
            id: "p",
            title: "A <plot>",
            description: "Nothing.",
            height: 80.0,
            labelled: true,
        };
        let mut markup = Markup::new();
        picture.write(&mut markup, |markup| {
            area.write(markup, |markup| {
                area.grid(markup, 3, |value| value.to_string());
                area.uprights(markup, &[5.0], Some(&|value| format!("{value} s")));
                area.lines(markup, |markup| {
                    let points = [area.point(0.0, 1.0), area.point(10.0, 3.0)];
                    line(markup, "s0", &Trace::new(points.into_iter()));
                });
                at(markup, 0.5, 20.0, |markup| markup.leaf("text", &[], "here"));
            });
        });
        insta::assert_snapshot!(markup.finish());
    }
}
