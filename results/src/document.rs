//! Versioned JSON files: what a run record and a baseline have in common.

use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::file::{self, FileError};

/// Why a versioned file could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// The file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The text is not such a document.
    #[error("{place}: not a {kind}: {source}")]
    Json {
        /// The file.
        place: String,
        /// What it should be, such as `run record`.
        kind: &'static str,
        /// What is wrong, with line and column.
        source: serde_json::Error,
    },
    /// The document is of another version.
    #[error(
        "{place}: schema is {found:?}, but this program reads {expected:?}; \
         write the {short} again with this version"
    )]
    Schema {
        /// The file.
        place: String,
        /// What to write again, such as `record`.
        short: &'static str,
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

/// A value that is kept as a JSON file with a version.
pub(crate) trait Document: Serialize + DeserializeOwned {
    /// What it is, for errors.
    const KIND: &'static str;
    /// What it is, in one word.
    const SHORT: &'static str;
    /// The version that is written, and the only one that is read.
    const SCHEMA: &'static str;
    /// The largest file that is read, in bytes.
    const BYTES_MAX: u64;

    /// The version that this value names.
    fn schema(&self) -> &str;

    /// The first field that no measurement can give, and what is wrong with it.
    fn problem(&self) -> Result<(), (String, String)>;
}

/// The only field that is read before the version is known.
#[derive(Deserialize)]
struct Probe {
    schema: Option<String>,
}

/// Reads and checks the file at `path`.
pub(crate) fn read<D: Document>(path: &Path) -> Result<D, DocumentError> {
    let text = file::read_bounded(path, D::BYTES_MAX)?;
    from_json(&text, &path.display().to_string())
}

/// Parses and checks a document; `place` says in errors where it came from.
pub(crate) fn from_json<D: Document>(text: &str, place: &str) -> Result<D, DocumentError> {
    let json = |source| DocumentError::Json { place: place.to_owned(), kind: D::KIND, source };
    let probe: Probe = serde_json::from_str(text).map_err(json)?;
    check_schema::<D>(&probe.schema.unwrap_or_default(), place)?;
    let document: D = serde_json::from_str(text).map_err(json)?;
    check(&document, place)?;
    Ok(document)
}

/// Checks the document, then writes it to `path` whole or not at all, and waits for the disk.
pub(crate) fn write<D: Document>(document: &D, path: &Path) -> Result<(), DocumentError> {
    let place = path.display().to_string();
    check(document, &place)?;
    let mut text = serde_json::to_string_pretty(document)
        .map_err(|source| DocumentError::Json { place, kind: D::KIND, source })?;
    text.push('\n');
    Ok(file::write_atomic(path, text.as_bytes())?)
}

/// Checks the version and every field.
pub(crate) fn check<D: Document>(document: &D, place: &str) -> Result<(), DocumentError> {
    check_schema::<D>(document.schema(), place)?;
    document.problem().map_err(|(field, problem)| DocumentError::Field {
        place: place.to_owned(),
        field,
        problem,
    })
}

fn check_schema<D: Document>(found: &str, place: &str) -> Result<(), DocumentError> {
    if found == D::SCHEMA {
        return Ok(());
    }
    Err(DocumentError::Schema {
        place: place.to_owned(),
        short: D::SHORT,
        found: found.to_owned(),
        expected: D::SCHEMA,
    })
}
