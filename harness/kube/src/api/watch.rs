//! Watches: a stream of JSON lines that starts at a version and goes on until told to stop.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::Response;
use futures::stream;
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};
use tokio::time::Sleep;

use super::accept::Form;
use super::body::Query;
use super::{ApiServer, render};
use crate::error::ApiError;
use crate::json::{set_at, str_at};
use crate::registry::ResourceType;
use crate::store::selector::Selection;
use crate::store::{Change, Store};

/// Changes handed to a watch in one go.
const BATCH_MAX: usize = 128;
/// How long a watch lasts if the client does not say.
const DURATION_DEFAULT: Duration = Duration::from_secs(30 * 60);

/// One running watch. It holds no events: the store's history is its queue, and a client that
/// falls behind it is told so.
struct Watch {
    server: ApiServer,
    kind: Arc<ResourceType>,
    selection: Selection,
    form: Form,
    position: u64,
    /// The last version the client was told.
    told: u64,
    bookmarks: bool,
    first_table: bool,
    version: tokio::sync::watch::Receiver<u64>,
    end: Pin<Box<Sleep>>,
    next_bookmark: Pin<Box<Sleep>>,
    /// Lines that are due before any change.
    initial: Option<Bytes>,
    ended: bool,
}

/// Starts a watch as the query asks.
pub(super) fn start(
    server: &ApiServer,
    kind: &Arc<ResourceType>,
    selection: Selection,
    form: Form,
    query: &Query,
) -> Result<Response, ApiError> {
    let asked = query.get("resourceVersion");
    let initial_events = match query.get("sendInitialEvents") {
        "" => asked.is_empty() || asked == "0",
        _ => query.flag("sendInitialEvents"),
    };
    let bookmarks = query.flag("allowWatchBookmarks");
    let duration = match query.get("timeoutSeconds") {
        "" => DURATION_DEFAULT,
        text => Duration::from_secs(
            text.parse::<u32>()
                .map_err(|_| {
                    ApiError::bad_request(format!(
                        "timeoutSeconds must be a number, not \"{text}\""
                    ))
                })?
                .into(),
        ),
    };
    let mut watch = Watch {
        server: server.clone(),
        kind: Arc::clone(kind),
        selection,
        form,
        position: 0,
        told: 0,
        bookmarks,
        first_table: true,
        version: server.shared.version.subscribe(),
        end: Box::pin(tokio::time::sleep(duration)),
        next_bookmark: Box::pin(tokio::time::sleep(server.shared.bookmark_period)),
        initial: None,
        ended: false,
    };
    if initial_events {
        let end_marked = query.flag("sendInitialEvents") && bookmarks;
        watch.collect_initial(end_marked);
    } else {
        watch.position = if asked.is_empty() {
            server.with(|cluster, _| cluster.store().version())
        } else {
            asked.parse().map_err(|_| {
                ApiError::bad_request(format!("invalid resourceVersion: \"{asked}\""))
            })?
        };
        watch.told = watch.position;
    }
    let lines = stream::unfold(watch, |mut watch| async move {
        let lines = watch.next().await?;
        Some((Ok::<Bytes, Infallible>(lines), watch))
    });
    let mut response = Response::new(Body::from_stream(lines));
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    Ok(response)
}

impl Watch {
    fn collect_initial(&mut self, end_marked: bool) {
        let (version, objects) = self.server.with(|cluster, _| {
            (cluster.store().version(), cluster.list(&self.kind, &self.selection))
        });
        let mut lines = Vec::new();
        for object in objects {
            self.line("ADDED", Value::clone(&object), &mut lines);
        }
        if end_marked {
            let bookmark = render::bookmark(self.form, &self.kind, version, true);
            write_line("BOOKMARK", &bookmark, &mut lines);
        }
        (self.position, self.told) = (version, version);
        self.initial = (!lines.is_empty()).then(|| lines.into());
    }

    /// The next lines, or nothing at the end.
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(lines) = self.initial.take() {
            return Some(lines);
        }
        while !self.ended {
            self.version.borrow_and_update();
            match self.take_batch() {
                Ok((lines, _)) if !lines.is_empty() => return Some(lines.into()),
                Ok((_, true)) => continue,
                Ok((_, false)) => {}
                Err(error) => {
                    self.ended = true;
                    let mut lines = Vec::new();
                    write_line("ERROR", &error.to_status(), &mut lines);
                    return Some(lines.into());
                }
            }
            let stop = self.server.shared.stop.clone();
            tokio::select! {
                changed = self.version.changed() => self.ended = changed.is_err(),
                () = stop.cancelled() => self.ended = true,
                () = &mut self.end => {
                    self.ended = true;
                    // The client can go on from here without a new list.
                    return self.bookmark();
                }
                () = &mut self.next_bookmark => {
                    let period = self.server.shared.bookmark_period;
                    self.next_bookmark = Box::pin(tokio::time::sleep(period));
                    if let Some(lines) = self.bookmark() {
                        return Some(lines);
                    }
                }
            }
        }
        None
    }

    /// A bookmark, if the client wants any and does not know the version yet.
    fn bookmark(&mut self) -> Option<Bytes> {
        if !self.bookmarks || self.told >= self.position {
            return None;
        }
        self.told = self.position;
        let mut lines = Vec::new();
        let bookmark = render::bookmark(self.form, &self.kind, self.position, false);
        write_line("BOOKMARK", &bookmark, &mut lines);
        Some(lines.into())
    }

    /// The lines of the next changes, and whether there may be more.
    fn take_batch(&mut self) -> Result<(Vec<u8>, bool), ApiError> {
        let mut changes: Vec<Change> = Vec::new();
        let (position, more) = self.server.with(|cluster, _| {
            take(cluster.store(), self.position, &self.kind, &self.selection, &mut changes)
        })?;
        self.position = position;
        let mut lines = Vec::new();
        for change in changes {
            self.told = change.version;
            if let Some((event, object)) = self.event(&change) {
                self.line(event, object, &mut lines);
            }
        }
        Ok((lines, more))
    }

    /// What a change means to this watch.
    fn event(&self, change: &Change) -> Option<(&'static str, Value)> {
        let before = change.before.as_ref().filter(|object| self.selection.matches(object));
        let now = !change.deleted && self.selection.matches(&change.object);
        match (before, now) {
            (None, false) => None,
            (None, true) => Some(("ADDED", Value::clone(&change.object))),
            (Some(_), true) => Some(("MODIFIED", Value::clone(&change.object))),
            (Some(_), false) if change.deleted => Some(("DELETED", Value::clone(&change.object))),
            (Some(before), false) => {
                // The object left the selection: its last state within, at the new version.
                let mut last = Value::clone(before);
                let version = str_at(&change.object, &["metadata", "resourceVersion"]);
                set_at(&mut last, &["metadata", "resourceVersion"], version.into());
                Some(("DELETED", last))
            }
        }
    }

    fn line(&mut self, event: &str, object: Value, lines: &mut Vec<u8>) {
        let columns = std::mem::take(&mut self.first_table);
        let now = crate::clock::now();
        let object = render::object(self.form, &self.kind, object, now, columns);
        write_line(event, &object, lines);
    }
}

/// Collects changes of the type after `position`; returns how far it came and whether there may
/// be more.
fn take(
    store: &Store,
    position: u64,
    kind: &ResourceType,
    selection: &Selection,
    changes: &mut Vec<Change>,
) -> Result<(u64, bool), ApiError> {
    for change in store.changes_since(position)? {
        let (group, plural) = &kind.stored_as;
        let namespace = selection.namespace.as_deref();
        if change.key.group == *group
            && change.key.plural == *plural
            && namespace.is_none_or(|wanted| wanted == change.key.namespace)
        {
            changes.push(change.clone());
            if changes.len() >= BATCH_MAX {
                return Ok((change.version, true));
            }
        }
    }
    Ok((store.version(), false))
}

fn write_line(event: &str, object: &Value, lines: &mut Vec<u8>) {
    // Writing JSON into memory does not fail.
    let _ = serde_json::to_writer(&mut *lines, &json!({ "type": event, "object": object }));
    lines.push(b'\n');
}
