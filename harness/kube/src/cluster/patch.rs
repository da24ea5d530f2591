//! Patch: compute the new object, then go the way of an update.

use serde_json::Value;

use super::{Cluster, Part, Target, Write};
use crate::apply::managers;
use crate::convert;
use crate::error::ApiError;
use crate::patch;

/// The kinds of patches, by their media type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatchKind {
    /// RFC 6902.
    Json,
    /// RFC 7396.
    Merge,
    /// Kubernetes' merge patch that knows the keys of lists.
    Strategic,
    /// Server-side apply; `force` takes fields over from other managers.
    Apply {
        /// Whether conflicts are resolved in favour of this manager.
        force: bool,
    },
}

impl Cluster {
    /// Patches an object.
    pub fn patch(
        &mut self,
        target: &Target,
        kind: PatchKind,
        document: Value,
        write: &mut Write,
    ) -> Result<Value, ApiError> {
        if let PatchKind::Apply { force } = kind {
            return self.apply(target, document, force, write);
        }
        if kind == PatchKind::Strategic && target.kind.is_custom() {
            return Err(ApiError::new(
                415,
                "UnsupportedMediaType",
                "the body of the request was in an unknown format - accepted media types \
                 include: application/json-patch+json, application/merge-patch+json, \
                 application/apply-patch+yaml",
            ));
        }
        if write.part == Part::Scale {
            let scale = self.get_scale(target)?;
            let scale = patch::patched(kind, "", scale, document)?;
            return self.replace_scale(target, &scale, write);
        }
        let old = self.current(target)?;
        let seen = convert::outgoing(&target.kind, Value::clone(&old));
        let new = patch::patched(kind, &target.kind.plural, seen, document)?;
        let new = convert::incoming(&target.kind, new)?;
        let new = self.merge_update(target, &old, new, write)?;
        let mut tracked = new.clone();
        let change = managers::Change { before: &old, after: &new, part: write.part };
        managers::track_update(&target.kind, &change, &mut tracked, write);
        self.commit(target, &old, tracked, write)
    }
    fn apply(&mut self, target: &Target, document: Value, _force: bool, write: &mut Write) -> Result<Value, ApiError> {
        match self.current(target) {
            Ok(old) => {
                let new = patch::patched(PatchKind::Merge, &target.kind.plural, Value::clone(&old), document)?;
                let new = self.merge_update(target, &old, new, write)?;
                self.commit(target, &old, new, write)
            }
            Err(_) => self.create(target, document, write),
        }
    }
}
