//! Reading and writing record files.

use std::path::Path;

use serde::Deserialize;

use crate::file::{self, FileError};
use crate::record::{RECORD_BYTES_MAX, RECORD_SCHEMA, RunRecord};

/// Why a record could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The text is not a run record.
    #[error("{place}: not a run record: {source}")]
    Json {
        /// The file.
        place: String,
        /// What is wrong, with line and column.
        source: serde_json::Error,
    },
    /// The record is of another version.
    #[error(
        "{place}: schema is {found:?}, but this program reads {expected:?}; \
         write the record again with this version"
    )]
    Schema {
        /// The file.
        place: String,
        /// The schema that the file names.
        found: String,
        /// The schema that is read.
        expected: &'static str,
    },
    /// A field holds what no measurement can give.
    #[error("{place}: {field}: {problem}")]
    Field {
        /// The file.
        place: String,
        /// The field, such as `series[3].offered`.
        field: String,
        /// What is wrong with it.
        problem: String,
    },
}

/// The only field that is read before the version is known.
#[derive(Deserialize)]
struct Probe {
    schema: Option<String>,
}

impl RunRecord {
    /// Reads and checks the record file at `path`.
    ///
    /// # Errors
    /// Names the file and: the reason why it cannot be read, the place where the JSON breaks, the
    /// schema found and expected, or the field whose value no measurement can give.
    pub fn read(path: &Path) -> Result<RunRecord, RecordError> {
        let text = file::read_bounded(path, RECORD_BYTES_MAX)?;
        RunRecord::from_json(&text, &path.display().to_string())
    }

    /// Parses and checks a record; `place` says in errors where it came from.
    ///
    /// # Errors
    /// As [`RunRecord::read`].
    pub fn from_json(text: &str, place: &str) -> Result<RunRecord, RecordError> {
        let json = |source| RecordError::Json { place: place.to_owned(), source };
        let probe: Probe = serde_json::from_str(text).map_err(json)?;
        let found = probe.schema.unwrap_or_default();
        if found != RECORD_SCHEMA {
            let expected = RECORD_SCHEMA;
            return Err(RecordError::Schema { place: place.to_owned(), found, expected });
        }
        let record: RunRecord = serde_json::from_str(text).map_err(json)?;
        record.check(place)?;
        Ok(record)
    }

    /// Checks the record, then writes it to `path` whole or not at all, and waits for the disk.
    ///
    /// # Errors
    /// Names the file, and the field when a number is not one that a measurement can give.
    pub fn write(&self, path: &Path) -> Result<(), RecordError> {
        let place = path.display().to_string();
        self.check(&place)?;
        let mut text = serde_json::to_string_pretty(self)
            .map_err(|source| RecordError::Json { place: place.clone(), source })?;
        text.push('\n');
        file::write_atomic(path, text.as_bytes())?;
        Ok(())
    }

    /// Checks that every number is one that a measurement can give, and that parts which say the
    /// same thing agree; `place` says in errors where the record came from.
    ///
    /// # Errors
    /// [`RecordError::Schema`] or [`RecordError::Field`] for the first field that is wrong.
    pub fn check(&self, place: &str) -> Result<(), RecordError> {
        if self.schema != RECORD_SCHEMA {
            return Err(RecordError::Schema {
                place: place.to_owned(),
                found: self.schema.clone(),
                expected: RECORD_SCHEMA,
            });
        }
        super::check::check(self).map_err(|(field, problem)| RecordError::Field {
            place: place.to_owned(),
            field,
            problem,
        })
    }
}
