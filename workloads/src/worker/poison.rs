//! Documents that kill a worker, as records do that its code cannot bear.

use super::record::Record;

/// Makes a JSON object one that kills the reference worker: its field `poison` is true.
pub fn poison(document: &mut Vec<u8>) {
    let inside = document.len().min(1);
    document.splice(inside..inside, *b"\"poison\":true,");
}

/// Ends the process as a fault of the processor or the C library would: nothing is flushed or
/// committed, and nobody is told.
pub(crate) fn die_of(record: &Record<'_>) -> ! {
    tracing::error!(partition = record.partition, offset = record.offset, "died of a record");
    std::process::abort()
}
