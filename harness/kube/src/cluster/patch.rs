//! Patch: compute the new object, then go the way of an update.

use serde_json::Value;

use super::{Cluster, Part, Target, Write};
use crate::apply::{self, managers};
use crate::convert;
use crate::error::ApiError;
use crate::json::{at, str_at};
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

    /// Applies a configuration; the object is created if it is not there.
    fn apply(
        &mut self,
        target: &Target,
        document: Value,
        force: bool,
        write: &mut Write,
    ) -> Result<Value, ApiError> {
        for field in ["apiVersion", "kind"] {
            if str_at(&document, &[field]).is_empty() {
                return Err(ApiError::bad_request(format!("{field} must be set to apply")));
            }
        }
        if at(&document, &["metadata", "managedFields"]).is_some_and(|it| !it.is_null()) {
            return Err(ApiError::bad_request("metadata.managedFields must be nil"));
        }
        if write.part == Part::Scale {
            return Err(ApiError::method_not_allowed());
        }
        let config = convert::incoming(&target.kind, document)?;
        let config = apply::configuration(&target.kind, config, write.part);
        let old = match self.current(target) {
            Ok(old) => old,
            Err(_) if write.part == Part::Main => {
                return self.create_applied(target, config, write);
            }
            Err(error) => return Err(error),
        };
        let mut applied = apply::apply(&target.kind, Some(&old), &config, force, write)?;
        let new = self.merge_update(target, &old, applied.object.take(), write)?;
        let mut recorded = new;
        applied.record(&mut recorded);
        self.commit(target, &old, recorded, write)
    }

    fn create_applied(
        &mut self,
        target: &Target,
        config: Value,
        write: &mut Write,
    ) -> Result<Value, ApiError> {
        if !str_at(&config, &["metadata", "uid"]).is_empty() {
            let why = "uid mismatch: the provided object specified a uid, and none is there";
            return Err(target.conflict(why));
        }
        let applied = apply::apply(&target.kind, None, &config, true, write)?;
        let (target, object) = self.prepare_create(target, config, write)?;
        let mut object = self.finish_create(&target, object, write)?;
        applied.record(&mut object);
        self.insert(&target, object, write)
    }
}
