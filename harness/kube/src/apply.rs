//! Server-side apply.
pub(crate) mod managers;
