//! Lines over a plot: points to runs, runs to paths, and what is left of many points when each
//! pixel column keeps its least and its greatest.

use std::fmt::Write;

/// The width of a plot's own coordinates; pictures are stretched to the width that there is.
pub(super) const WIDTH: f64 = 1000.0;
/// Columns in which extremes are kept: about the pixels that a plot has.
const COLUMNS: usize = 400;

/// A point in a plot's coordinates: x from 0 to [`WIDTH`], y in pixels from the top.
pub(super) type Point = (f64, f64);

/// Points in order of x, in stretches between which nothing was measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Trace {
    runs: Vec<Vec<Point>>,
}

impl Trace {
    /// Joins points that follow each other; an absent one, or one that is no number, leaves a gap.
    pub(super) fn new(points: impl Iterator<Item = Option<Point>>) -> Trace {
        let mut runs = vec![Vec::new()];
        for point in points {
            match point.filter(|(x, y)| x.is_finite() && y.is_finite()) {
                Some((x, y)) => {
                    let point = (x.clamp(0.0, WIDTH), y);
                    if let Some(run) = runs.last_mut() {
                        run.push(point);
                    }
                }
                None => runs.push(Vec::new()),
            }
        }
        runs.retain(|run| !run.is_empty());
        Trace { runs }
    }

    /// As [`Trace::new`], but each value holds until the next point, or to `end_x`.
    pub(super) fn steps(points: impl Iterator<Item = Option<Point>>, end_x: f64) -> Trace {
        let points: Vec<Option<Point>> = points.collect();
        let next_x = |index: usize| match points.get(index + 1) {
            Some(Some((x, _))) => Some(*x),
            Some(None) => None,
            None => Some(end_x),
        };
        let stepped = points.iter().enumerate().flat_map(|(index, point)| {
            let held = point.and_then(|(x, y)| Some((next_x(index)?.max(x), y)));
            match (point, held) {
                (Some(point), Some(held)) => vec![Some(*point), Some(held)],
                (point, _) => vec![*point],
            }
        });
        Trace::new(stepped)
    }

    /// The `d` of a path. Of more points than a plot has pixels, each column keeps its least and
    /// its greatest. A point alone is a dot, which shows where lines have round ends.
    pub(super) fn path(&self) -> String {
        let points: usize = self.runs.iter().map(Vec::len).sum();
        let condensed;
        let runs = if points > 2 * COLUMNS {
            condensed = self.condensed();
            &condensed
        } else {
            &self.runs
        };
        let mut path = String::new();
        for run in runs {
            polyline(&mut path, run.iter().copied(), 'M');
            if run.len() == 1 {
                path.push_str("h0");
            }
        }
        path
    }

    fn condensed(&self) -> Vec<Vec<Point>> {
        let mut envelope = Envelope::new();
        envelope.add(self);
        let rising = |column: &Column| {
            let ends = [column.low, column.high];
            if column.last >= column.first { ends } else { [ends[1], ends[0]] }
        };
        let points = |run: &[(f64, Column)]| {
            run.iter().flat_map(|(x, column)| rising(column).map(|y| (*x, y))).collect()
        };
        envelope.runs().iter().map(|run| points(run)).collect()
    }
}

/// What the lines of several trials cover: in each column the least and the greatest.
#[derive(Debug)]
pub(super) struct Envelope {
    columns: Vec<Option<Column>>,
}

/// The part of lines that lies in one column.
#[derive(Clone, Copy, Debug)]
struct Column {
    low: f64,
    high: f64,
    first: f64,
    last: f64,
}

impl Envelope {
    /// One that covers nothing.
    pub(super) fn new() -> Envelope {
        Envelope { columns: vec![None; COLUMNS] }
    }

    /// Covers the lines of a trace as well.
    pub(super) fn add(&mut self, trace: &Trace) {
        for run in &trace.runs {
            if let [(x, y)] = run[..] {
                self.cover(column_of(x), y);
            }
            run.windows(2).for_each(|pair| self.add_segment(pair[0], pair[1]));
        }
    }

    fn add_segment(&mut self, from: Point, to: Point) {
        let (first, last) = (column_of(from.0), column_of(to.0));
        self.cover(first, from.1);
        let slope = (to.1 - from.1) / (to.0 - from.0);
        for column in first + 1..=last {
            // Where the line crosses from the column before.
            let edge = from.1 + slope * (column as f64 / COLUMNS as f64 * WIDTH - from.0);
            self.cover(column - 1, edge);
            self.cover(column, edge);
        }
        self.cover(last, to.1);
    }

    fn cover(&mut self, column: usize, y: f64) {
        if !y.is_finite() {
            return;
        }
        let slot = &mut self.columns[column];
        let covered = slot.get_or_insert(Column { low: y, high: y, first: y, last: y });
        covered.low = covered.low.min(y);
        covered.high = covered.high.max(y);
        covered.last = y;
    }

    /// The stretches of columns that are covered, each column with its middle.
    fn runs(&self) -> Vec<Vec<(f64, Column)>> {
        let mut runs = vec![Vec::new()];
        for (index, column) in self.columns.iter().enumerate() {
            let x = (index as f64 + 0.5) / COLUMNS as f64 * WIDTH;
            match (column, runs.last_mut()) {
                (Some(column), Some(run)) => run.push((x, *column)),
                _ => runs.push(Vec::new()),
            }
        }
        runs.retain(|run| !run.is_empty());
        runs
    }

    /// The `d` of a path around what is covered.
    pub(super) fn path(&self) -> String {
        let mut path = String::new();
        let half = WIDTH / COLUMNS as f64 / 2.0;
        for run in self.runs() {
            let ends = |x: f64| if run.len() == 1 { vec![x - half, x + half] } else { vec![x] };
            let there =
                run.iter().flat_map(|(x, column)| ends(*x).into_iter().map(|x| (x, column.low)));
            let back = run
                .iter()
                .rev()
                .flat_map(|(x, column)| ends(*x).into_iter().rev().map(|x| (x, column.high)));
            polyline(&mut path, there, 'M');
            polyline(&mut path, back, 'L');
            path.push('Z');
        }
        path
    }
}

fn column_of(x: f64) -> usize {
    // A negative or absurd x becomes an end of the range in the conversion.
    ((x / WIDTH * COLUMNS as f64) as usize).min(COLUMNS - 1)
}

/// Adds points to a path; those that lie on the line between their neighbours to a tenth of a
/// pixel add nothing and are left out.
fn polyline(path: &mut String, points: impl Iterator<Item = Point>, start: char) {
    let mut kept: Vec<Point> = Vec::new();
    for point in points {
        if let [.., before, last] = kept[..]
            && is_between(before, last, point)
        {
            kept.pop();
        }
        kept.push(point);
    }
    let mut command = start;
    for (x, y) in kept {
        // Writing to a string does not fail.
        let _ = write!(path, "{command}{} {}", Coordinate(x), Coordinate(y));
        command = 'L';
    }
}

/// Whether `middle` lies on a level or upright line from `before` to `after`, which is what counts
/// in steps and flat stretches.
fn is_between(before: Point, middle: Point, after: Point) -> bool {
    let same = |a: f64, b: f64, c: f64| (a - b).abs() < 0.05 && (b - c).abs() < 0.05;
    let ordered = |a: f64, b: f64, c: f64| (a <= b && b <= c) || (a >= b && b >= c);
    same(before.1, middle.1, after.1) && ordered(before.0, middle.0, after.0)
        || same(before.0, middle.0, after.0) && ordered(before.1, middle.1, after.1)
}

/// A coordinate with one decimal at most; what is no number is 0, so that a picture stays valid.
pub(super) struct Coordinate(pub(super) f64);

impl std::fmt::Display for Coordinate {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let tenths = (self.0 * 10.0).round();
        // The conversion gives 0 for NaN, and the ends of the range for infinities.
        let tenths = tenths as i32;
        if tenths % 10 == 0 {
            write!(formatter, "{}", tenths / 10)
        } else {
            let sign = if tenths < 0 { "-" } else { "" };
            let tenths = tenths.unsigned_abs();
            write!(formatter, "{sign}{}.{}", tenths / 10, tenths % 10)
        }
    }
}

#[cfg(test)]
mod tests;
