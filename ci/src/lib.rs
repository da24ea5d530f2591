//! Repository rules held as tests, and the benchmark programs.
