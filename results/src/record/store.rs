//! Reading and writing record files.

use std::path::Path;

use crate::document::{self, Document, DocumentError};
use crate::record::{RECORD_BYTES_MAX, RECORD_SCHEMA, RunRecord};

impl Document for RunRecord {
    const KIND: &'static str = "run record";
    const SHORT: &'static str = "record";
    const SCHEMA: &'static str = RECORD_SCHEMA;
    const BYTES_MAX: u64 = RECORD_BYTES_MAX;

    fn schema(&self) -> &str {
        &self.schema
    }

    fn problem(&self) -> Result<(), (String, String)> {
        super::check::check(self)
    }
}

impl RunRecord {
    /// Reads and checks the record file at `path`.
    ///
    /// # Errors
    /// Names the file and: the reason why it cannot be read, the place where the JSON breaks, the
    /// schema found and expected, or the field whose value no measurement can give.
    pub fn read(path: &Path) -> Result<RunRecord, DocumentError> {
        document::read(path)
    }

    /// Parses and checks a record; `place` says in errors where it came from.
    ///
    /// # Errors
    /// As [`RunRecord::read`].
    pub fn from_json(text: &str, place: &str) -> Result<RunRecord, DocumentError> {
        document::from_json(text, place)
    }

    /// Checks the record, then writes it to `path` whole or not at all, and waits for the disk.
    ///
    /// # Errors
    /// Names the file, and the field when a number is not one that a measurement can give.
    pub fn write(&self, path: &Path) -> Result<(), DocumentError> {
        document::write(self, path)
    }

    /// Checks that every number is one that a measurement can give, and that parts which say the
    /// same thing agree; `place` says in errors where the record came from.
    ///
    /// # Errors
    /// [`DocumentError::Schema`] or [`DocumentError::Field`] for the first field that is wrong.
    pub fn check(&self, place: &str) -> Result<(), DocumentError> {
        document::check(self, place)
    }
}
