//! Histograms, run records, gates and reports.
