//! Watches: a stream of JSON lines that starts at a version and goes on until told to stop.

use std::io;
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
use super::faults::{Lens, Sight, Window};
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
    /// Through it faults are met, by those that can meet any.
    lens: Option<Lens>,
}

/// What a watch has to tell.
enum Batch {
    Lines(Bytes),
    /// Nothing of what was looked at, and there may be more.
    Skipped,
    /// Nothing until something changes.
    None,
    /// Nothing, whatever there is.
    Withheld,
    /// That its connection is cut.
    Cut,
}

/// Changes of the watched type, in order.
struct Taken {
    changes: Vec<Change>,
    /// Changes that a later one of the same object stands for.
    merged: usize,
    /// How far it came.
    position: u64,
    more: bool,
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
        lens: Lens::open(server),
    };
    if initial_events {
        let end_marked = query.flag("sendInitialEvents") && bookmarks;
        watch.collect_initial(end_marked, asked == "0")?;
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
        Some((lines, watch))
    });
    let mut response = Response::new(Body::from_stream(lines));
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    Ok(response)
}

impl Watch {
    fn collect_initial(&mut self, end_marked: bool, allows_stale: bool) -> Result<(), ApiError> {
        let faults = self.server.faults();
        let (version, objects) = self.server.with(|cluster, _| {
            let current = cluster.store().version();
            Ok(match faults.and_then(|faults| faults.stale(allows_stale, current)) {
                Some(old) => (old, cluster.list_at(old, &self.kind, &self.selection)?),
                None => (current, cluster.list(&self.kind, &self.selection)),
            })
        })?;
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
        Ok(())
    }

    /// The next lines, or nothing at the end; an error cuts the connection.
    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        while !self.ended {
            self.version.borrow_and_update();
            let silent = match self.take_batch() {
                Ok(Batch::Lines(lines)) => return Some(Ok(lines)),
                Ok(Batch::Skipped) => continue,
                Ok(Batch::Cut) => {
                    self.ended = true;
                    return Some(Err(io::ErrorKind::ConnectionReset.into()));
                }
                Ok(Batch::None) => false,
                Ok(Batch::Withheld) => true,
                Err(error) => {
                    self.ended = true;
                    let mut lines = Vec::new();
                    write_line("ERROR", &error.to_status(), &mut lines);
                    return Some(Ok(lines.into()));
                }
            };
            if let Some(lines) = self.wait(silent).await {
                return Some(Ok(lines));
            }
        }
        None
    }

    /// Waits until there may be more to tell. A bookmark may come up, unless nothing may be said.
    async fn wait(&mut self, silent: bool) -> Option<Bytes> {
        let stop = self.server.shared.stop.clone();
        tokio::select! {
            changed = self.version.changed() => self.ended = changed.is_err(),
            () = stop.cancelled() => self.ended = true,
            () = faults_change(&mut self.lens) => {}
            () = &mut self.end, if !silent => {
                self.ended = true;
                // The client can go on from here without a new list.
                return self.bookmark();
            }
            () = &mut self.next_bookmark, if !silent => {
                let period = self.server.shared.bookmark_period;
                self.next_bookmark = Box::pin(tokio::time::sleep(period));
                return self.bookmark();
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

    /// What there is to tell now.
    fn take_batch(&mut self) -> Result<Batch, ApiError> {
        let version = *self.version.borrow();
        let window = match &mut self.lens {
            None => Window::all(version),
            Some(lens) => match lens.look(version, self.position)? {
                Sight::Open(window) => window,
                Sight::Cut => return Ok(Batch::Cut),
                Sight::Stalled(counted) => {
                    self.count_withheld(counted, version);
                    return Ok(Batch::Withheld);
                }
            },
        };
        if let Some(lines) = self.initial.take() {
            return Ok(Batch::Lines(lines));
        }
        let taken = self.take(self.position, &window)?;
        self.position = taken.position;
        let first = taken.changes.first().map_or(0, |change| change.version);
        let (mut lines, mut events) = (Vec::new(), 0);
        for change in taken.changes {
            self.told = change.version;
            if let Some((event, object)) = self.event(&change) {
                events += 1;
                self.line(event, object, &mut lines);
            }
        }
        if let Some(lens) = &self.lens {
            lens.told(&window, first, events, taken.merged);
        }
        Ok(match (lines.is_empty(), taken.more) {
            (false, _) => Batch::Lines(lines.into()),
            (true, true) => Batch::Skipped,
            (true, false) => Batch::None,
        })
    }

    fn take(&self, position: u64, window: &Window) -> Result<Taken, ApiError> {
        self.server.with(|cluster, _| {
            take(cluster.store(), position, (&self.kind, &self.selection), window)
        })
    }

    /// Counts what a stalled watch would tell.
    fn count_withheld(&mut self, counted: u64, version: u64) {
        // What is no longer kept cannot be counted; the client hears of that when it hears again.
        let Ok(taken) = self.take(counted, &Window::all(version)) else { return };
        let events = taken.changes.iter().filter(|change| self.event(change).is_some()).count();
        if let Some(lens) = &mut self.lens {
            lens.withheld(events, taken.position);
        }
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

/// Collects the changes of a type after `position` that lie within the window.
fn take(
    store: &Store,
    position: u64,
    (kind, selection): (&ResourceType, &Selection),
    window: &Window,
) -> Result<Taken, ApiError> {
    let mut taken = Taken { changes: Vec::new(), merged: 0, position, more: false };
    for change in store.changes_since(position)? {
        if change.version > window.newest {
            return Ok(taken);
        }
        taken.position = change.version;
        let (group, plural) = &kind.stored_as;
        let namespace = selection.namespace.as_deref();
        if change.key.group != *group
            || change.key.plural != *plural
            || namespace.is_some_and(|wanted| wanted != change.key.namespace)
        {
            continue;
        }
        let mut change = change.clone();
        let same = |earlier: &Change| window.merged && earlier.key == change.key;
        if let Some(earlier) = taken.changes.iter().position(same) {
            change.before = taken.changes.remove(earlier).before;
            taken.merged += 1;
        }
        taken.changes.push(change);
        if taken.changes.len() >= BATCH_MAX {
            taken.more = true;
            return Ok(taken);
        }
    }
    Ok(taken)
}

/// Completes when the faults that a watch meets may have changed.
async fn faults_change(lens: &mut Option<Lens>) {
    match lens {
        Some(lens) => lens.changed().await,
        None => std::future::pending().await,
    }
}

fn write_line(event: &str, object: &Value, lines: &mut Vec<u8>) {
    // Writing JSON into memory does not fail.
    let _ = serde_json::to_writer(&mut *lines, &json!({ "type": event, "object": object }));
    lines.push(b'\n');
}
