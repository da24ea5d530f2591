//! Reports: the same findings for a terminal, a spreadsheet, a reader and a program.

pub mod format;
