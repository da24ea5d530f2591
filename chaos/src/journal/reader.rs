//! Reading a journal that a killed run, a full disk or a stranger may have spoilt.

use std::io::{self, BufRead};

use super::{JournalLine, LINE_BYTES_MAX};

/// A line that is not an entry. Reading goes on behind it.
#[derive(Debug, thiserror::Error)]
pub enum JournalProblem {
    /// Not the JSON of an entry.
    #[error("journal line {line}: {error}")]
    Malformed {
        /// Number of the line, from 1.
        line: u64,
        /// What the parser said.
        error: serde_json::Error,
    },
    /// Longer than [`LINE_BYTES_MAX`]; it was passed over without being kept.
    #[error("journal line {line}: longer than {LINE_BYTES_MAX} bytes")]
    TooLong {
        /// Number of the line, from 1.
        line: u64,
    },
    /// The file could not be read on; this is the last item.
    #[error("journal line {line}: {error}")]
    Io {
        /// Number of the line, from 1.
        line: u64,
        /// What the file system said.
        error: io::Error,
    },
}

/// The lines of a journal. It keeps at most one line in memory.
///
/// A last line without its newline was torn by the death of its writer: it is given if it is
/// whole, and otherwise left out without complaint, and [`JournalReader::torn`] says so.
#[derive(Debug)]
pub struct JournalReader<R> {
    source: R,
    line: u64,
    torn: bool,
    ended: bool,
}

enum Raw {
    Line { bytes: Vec<u8>, complete: bool },
    TooLong,
    End,
}

impl<R: BufRead> JournalReader<R> {
    /// Reads from any source of lines.
    pub fn new(source: R) -> Self {
        Self { source, line: 0, torn: false, ended: false }
    }

    /// Whether the last line was cut off. Known once the iterator has ended.
    pub fn torn(&self) -> bool {
        self.torn
    }

    fn raw(&mut self) -> io::Result<Raw> {
        let mut bytes = Vec::new();
        let mut too_long = false;
        loop {
            let available = match self.source.fill_buf() {
                Ok(available) => available,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if available.is_empty() {
                return Ok(match (too_long, bytes.is_empty()) {
                    (true, _) => Raw::TooLong,
                    (false, true) => Raw::End,
                    (false, false) => Raw::Line { bytes, complete: false },
                });
            }
            let newline = available.iter().position(|byte| *byte == b'\n');
            let length = newline.unwrap_or(available.len());
            if bytes.len() + length > LINE_BYTES_MAX {
                too_long = true;
                bytes = Vec::new();
            }
            if !too_long {
                bytes.extend_from_slice(&available[..length]);
            }
            self.source.consume(newline.map_or(length, |at| at + 1));
            if newline.is_some() {
                return Ok(if too_long {
                    Raw::TooLong
                } else {
                    Raw::Line { bytes, complete: true }
                });
            }
        }
    }
}

impl<R: BufRead> Iterator for JournalReader<R> {
    type Item = Result<JournalLine, JournalProblem>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.ended {
            self.line += 1;
            let line = self.line;
            match self.raw() {
                Ok(Raw::Line { bytes, complete: true }) if bytes.is_empty() => {}
                Ok(Raw::Line { bytes, complete }) => match serde_json::from_slice(&bytes) {
                    Ok(entry) => return Some(Ok(entry)),
                    Err(_) if !complete => {
                        self.torn = true;
                        self.ended = true;
                    }
                    Err(error) => return Some(Err(JournalProblem::Malformed { line, error })),
                },
                Ok(Raw::TooLong) => return Some(Err(JournalProblem::TooLong { line })),
                Ok(Raw::End) => self.ended = true,
                Err(error) => {
                    self.ended = true;
                    return Some(Err(JournalProblem::Io { line, error }));
                }
            }
        }
        None
    }
}
