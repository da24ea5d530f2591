//! Problems in a scenario file, each with the place it came from.

use serde_saphyr::granit_parser::{Event, Parser};
use std::fmt;

/// One thing that is wrong in a file: where, what, and what is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Path of the field, for example `faults[2].fault.node_crash.nodes`.
    pub path: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl Problem {
    /// A problem at `path`.
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into() }
    }
}

/// A file that cannot be used, with every problem found in it.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// The file could not be read at all.
    #[error("{0}")]
    Unreadable(String),
    /// The text is not YAML of the expected shape.
    #[error("{file}: {report}")]
    Malformed {
        /// The file as it was named.
        file: String,
        /// The parser's report with line, column and snippet.
        report: String,
    },
    /// The text has the right shape but says something that cannot be run.
    #[error("{}", render(file, located))]
    Invalid {
        /// The file as it was named.
        file: String,
        /// Each problem with its line and column, where known.
        located: Vec<(Option<(usize, usize)>, Problem)>,
    },
}

impl ScenarioError {
    /// Problems of `text`, each with its place in it.
    pub fn invalid(file: &str, text: &str, problems: Vec<Problem>) -> Self {
        let located = problems.into_iter().map(|p| (locate(text, &p.path), p)).collect();
        Self::Invalid { file: file.to_owned(), located }
    }
}

fn render(file: &str, located: &[(Option<(usize, usize)>, Problem)]) -> String {
    let lines = located.iter().map(|(place, problem)| {
        let place = place.map_or_else(String::new, |(line, column)| format!(":{line}:{column}"));
        format!("{file}{place}: {}: {}", problem.path, problem.message)
    });
    lines.collect::<Vec<_>>().join("\n")
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}

/// Line and column (from 1) of the value at `path`, or of its nearest parent that the text has.
///
/// A default that the file does not spell out has no place of its own, hence the parent.
pub fn locate(text: &str, path: &str) -> Option<(usize, usize)> {
    let places = places(text);
    let mut wanted = path;
    loop {
        if let Some((_, place)) = places.iter().find(|(known, _)| known == wanted) {
            return Some(*place);
        }
        wanted = &wanted[..wanted.rfind(['.', '['])?];
    }
}

enum Frame {
    Mapping { prefix: String, key: Option<String> },
    Sequence { prefix: String, index: usize },
}

/// The path of each value in document order with its position.
fn places(text: &str) -> Vec<(String, (usize, usize))> {
    let mut frames: Vec<Frame> = Vec::new();
    let mut places = Vec::new();
    for item in Parser::new_from_str(text) {
        let Ok((event, span)) = item else { break };
        let place = (span.start.line(), span.start.col() + 1);
        let scalar = match &event {
            Event::Scalar(value, ..) => Some(value.to_string()),
            Event::MappingStart(..) | Event::SequenceStart(..) | Event::Alias(..) => None,
            Event::MappingEnd | Event::SequenceEnd => {
                frames.pop();
                continue;
            }
            _ => continue,
        };
        if let (Some(Frame::Mapping { key: key @ None, .. }), Some(name)) =
            (frames.last_mut(), &scalar)
        {
            *key = Some(name.clone());
            continue;
        }
        let path = match frames.last_mut() {
            None => String::new(),
            Some(Frame::Mapping { prefix, key }) => {
                let name = key.take().unwrap_or_default();
                if prefix.is_empty() { name } else { format!("{prefix}.{name}") }
            }
            Some(Frame::Sequence { prefix, index }) => {
                *index += 1;
                format!("{prefix}[{}]", *index - 1)
            }
        };
        places.push((path.clone(), place));
        match event {
            Event::MappingStart(..) => frames.push(Frame::Mapping { prefix: path, key: None }),
            Event::SequenceStart(..) => frames.push(Frame::Sequence { prefix: path, index: 0 }),
            _ => {}
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "name: a\nfaults:\n  - at: 1s\n    fault:\n      x: {n: 3}\n  - at: 2s\n";

    #[test]
    fn a_path_leads_to_its_line_and_column() {
        assert_eq!(locate(TEXT, "name"), Some((1, 7)));
        assert_eq!(locate(TEXT, "faults[0].fault.x.n"), Some((5, 14)));
        assert_eq!(locate(TEXT, "faults[1].at"), Some((6, 9)));
    }

    #[test]
    fn an_unwritten_field_leads_to_its_nearest_written_parent() {
        assert_eq!(locate(TEXT, "faults[1].for"), Some((6, 5)));
        assert_eq!(locate(TEXT, "nowhere"), None);
    }

    #[test]
    fn broken_text_has_no_places_beyond_the_break() {
        assert_eq!(locate("a: [1, 2\nb: }", "b"), None);
    }
}
