//! From a request to a verb of the core, and back to an answer.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::header::{ACCEPT, USER_AGENT};
use http::request::Parts;
use http::{HeaderMap, Method, Request};
use serde_json::{Value, json};

use super::accept::Form;
use super::body::{self, Query};
use super::routes::{ResourcePath, Route};
use super::{ApiServer, accept, discovery, faults, openapi, render, routes, watch};
use crate::clock::Moment;
use crate::cluster::{DeleteOptions, Deleted, Part, PatchKind, Target, Write};
use crate::error::ApiError;
use crate::json::at;
use crate::registry::ResourceType;
use crate::store::selector::{FieldSelector, LabelSelector, Selection};

/// Answers any request.
pub(super) async fn answer(State(server): State<ApiServer>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let failure = faults::meet(&server, &parts).await;
    let answer = match failure {
        Some(failure) if !failure.is_carried_out() => Err(failure.error()),
        _ => dispatch(&server, &parts, body).await,
    };
    match (failure, answer) {
        (Some(failure), Ok(_)) => body::refusal(&failure.error()),
        (None, Ok(response)) => response,
        (_, Err(error)) => body::refusal(&error),
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &http::HeaderName) -> &'a str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

async fn dispatch(server: &ApiServer, parts: &Parts, body: Body) -> Result<Response, ApiError> {
    let route = routes::route(parts.uri.path()).ok_or_else(ApiError::no_route)?;
    let aggregated = accept::aggregated_discovery(header(&parts.headers, &ACCEPT));
    if let Route::Resource(path) = route {
        return Call::new(server, parts, path)?.run(body).await;
    }
    if parts.method != Method::GET && parts.method != Method::HEAD {
        return Err(ApiError::method_not_allowed());
    }
    server.with(|cluster, _| {
        let registry = cluster.registry();
        Ok(match route {
            Route::Health => Response::new(Body::from("ok")),
            Route::Version => body::json(200, &discovery::version()),
            Route::CoreVersions if aggregated => discovery::aggregated(registry, true),
            Route::Groups if aggregated => discovery::aggregated(registry, false),
            Route::CoreVersions => body::json(200, &discovery::core_versions()),
            Route::Groups => body::json(200, &discovery::groups(registry)),
            Route::Group(group) => {
                let group = discovery::group(registry, &group).ok_or_else(ApiError::no_route)?;
                body::json(200, &group)
            }
            Route::Types(group, version) => {
                let types = discovery::types(registry, &group, &version);
                body::json(200, &types.ok_or_else(ApiError::no_route)?)
            }
            Route::OpenApiV2 => return Err(openapi::no_v2()),
            Route::OpenApiV3 => body::json(200, &openapi::index(registry)),
            Route::OpenApiV3Of(group, version) => {
                let document = openapi::document(registry, &group, &version);
                body::json(200, &document.ok_or_else(ApiError::no_route)?)
            }
            Route::Resource(_) => return Err(ApiError::no_route()),
        })
    })
}

/// A request about objects.
struct Call<'a> {
    server: &'a ApiServer,
    parts: &'a Parts,
    query: Query,
    form: Form,
    kind: Arc<ResourceType>,
    path: ResourcePath,
}

impl<'a> Call<'a> {
    fn new(server: &'a ApiServer, parts: &'a Parts, path: ResourcePath) -> Result<Self, ApiError> {
        let kind = server.with(|cluster, _| {
            cluster.registry().find(&path.group, &path.version, &path.plural).cloned()
        });
        let kind = kind.ok_or_else(ApiError::no_route)?;
        if path.namespace.is_some() && !kind.namespaced {
            return Err(ApiError::no_route());
        }
        let form = accept::form(header(&parts.headers, &ACCEPT))?;
        Ok(Self { server, parts, query: Query::read(&parts.uri)?, form, kind, path })
    }

    async fn run(self, body: Body) -> Result<Response, ApiError> {
        let method = &self.parts.method;
        let single = self.path.name.is_some();
        match (method, single, self.path.part.as_deref()) {
            (&Method::GET | &Method::HEAD, false, _) => self.list(),
            (&Method::GET | &Method::HEAD, true, part) => self.get(part),
            (&Method::POST, false, _) => {
                self.check_body_type(&["application/json"])?;
                self.create(body::read_json(body).await?)
            }
            (&Method::POST, true, Some(part)) if self.kind.is("", "pods") => {
                let document = body::read_json(body).await?;
                self.act_on_pod(part, &document)
            }
            (&Method::PUT, true, part) => {
                self.check_body_type(&["application/json"])?;
                let document = body::read_json(body).await?;
                self.replace(part, document)
            }
            (&Method::PATCH, true, part) => {
                let document = body::read_json(body).await?;
                self.patch(part, document)
            }
            (&Method::DELETE, true, None) => self.delete(&body::read_json(body).await?),
            (&Method::DELETE, false, _) => self.delete_collection(&body::read_json(body).await?),
            _ => Err(ApiError::method_not_allowed()),
        }
    }

    fn check_body_type(&self, allowed: &[&str]) -> Result<(), ApiError> {
        let given = body::media_type(&self.parts.headers);
        if given.is_empty() || allowed.contains(&given) {
            return Ok(());
        }
        Err(ApiError::new(
            415,
            "UnsupportedMediaType",
            format!(
                "the body of the request was in an unknown format ({given}) - accepted media \
                 types include: {}",
                allowed.join(", ")
            ),
        ))
    }

    fn target(&self) -> Result<Target, ApiError> {
        if self.kind.namespaced && self.path.namespace.is_none() {
            return Err(ApiError::method_not_allowed());
        }
        Ok(Target {
            kind: Arc::clone(&self.kind),
            namespace: self.path.namespace.clone().unwrap_or_default(),
            name: self.path.name.clone().unwrap_or_default(),
        })
    }

    fn selection(&self) -> Result<Selection, ApiError> {
        Ok(Selection {
            namespace: self.path.namespace.clone(),
            labels: LabelSelector::parse(self.query.get("labelSelector"))?,
            fields: FieldSelector::parse(self.query.get("fieldSelector"))?,
        })
    }

    fn part(&self, part: Option<&str>) -> Result<Part, ApiError> {
        match part {
            None => Ok(Part::Main),
            Some("status") if self.kind.status => Ok(Part::Status),
            Some("scale") if self.kind.scale.is_some() => Ok(Part::Scale),
            Some(_) => Err(ApiError::no_route()),
        }
    }

    fn write(&self, part: Option<&str>, moment: Moment) -> Result<Write, ApiError> {
        let agent = header(&self.parts.headers, &USER_AGENT);
        let program = agent.split(['/', ' ']).next().unwrap_or_default();
        let manager = match (self.query.get("fieldManager"), program) {
            ("", "") => "unknown",
            ("", program) => program,
            (manager, _) => manager,
        };
        if manager.len() > 128 {
            return Err(ApiError::bad_request("fieldManager must be at most 128 bytes"));
        }
        let dry_run = match self.query.get("dryRun") {
            "" => false,
            "All" => true,
            other => {
                return Err(ApiError::bad_request(format!(
                    "dryRun: unsupported value \"{other}\": supported values: \"All\""
                )));
            }
        };
        let strict = self.query.get("fieldValidation") == "Strict";
        Ok(Write { part: self.part(part)?, manager: manager.to_owned(), dry_run, strict, moment })
    }

    fn rendered(&self, code: u16, object: Value, now: jiff::Timestamp) -> Response {
        // What comes from the core is in the form of the request's version already.
        body::json(code, &render::object(self.form, &self.kind, object, now, true))
    }

    fn list(&self) -> Result<Response, ApiError> {
        let selection = self.selection()?;
        if self.query.flag("watch") {
            return watch::start(self.server, &self.kind, selection, self.form, &self.query);
        }
        let (now, version, objects) = self.server.with(|cluster, moment| {
            let current = cluster.store().version();
            self.check_list_version(current)?;
            Ok(match self.stale(current) {
                Some(old) => (moment.now, old, cluster.list_at(old, &self.kind, &selection)?),
                None => (moment.now, current, cluster.list(&self.kind, &selection)),
            })
        })?;
        let objects = objects.iter().map(|object| Value::clone(object));
        Ok(body::json(200, &render::list(self.form, &self.kind, objects, version, now)))
    }

    /// The version that a fault gives in place of the current one.
    fn stale(&self, current: u64) -> Option<u64> {
        let allows = self.query.get("resourceVersion") == "0";
        self.server.faults().and_then(|faults| faults.stale(allows, current))
    }

    /// But for faults lists are always of the latest version; one that was never reached cannot be served.
    fn check_list_version(&self, current: u64) -> Result<(), ApiError> {
        let asked = self.query.get("resourceVersion");
        if asked.is_empty() {
            return Ok(());
        }
        let asked: u64 = asked
            .parse()
            .map_err(|_| ApiError::bad_request(format!("invalid resourceVersion: \"{asked}\"")))?;
        if asked > current {
            return Err(ApiError::too_large_version(asked, current));
        }
        if self.query.get("resourceVersionMatch") == "Exact" && asked != current {
            return Err(ApiError::expired(asked, current));
        }
        Ok(())
    }

    fn get(&self, part: Option<&str>) -> Result<Response, ApiError> {
        let target = self.target()?;
        let part = self.part(part)?;
        self.server.with(|cluster, moment| {
            if part == Part::Scale {
                return Ok(body::json(200, &cluster.get_scale(&target)?));
            }
            let object = match self.stale(cluster.store().version()) {
                Some(old) => cluster.get_at(old, &target)?,
                None => cluster.get(&target)?,
            };
            Ok(self.rendered(200, object, moment.now))
        })
    }

    fn create(&self, object: Value) -> Result<Response, ApiError> {
        let target = self.target()?;
        self.server.with(|cluster, moment| {
            let now = moment.now;
            let mut write = self.write(None, moment)?;
            let created = cluster.create(&target, object, &mut write)?;
            Ok(self.rendered(201, created, now))
        })
    }

    fn replace(&self, part: Option<&str>, object: Value) -> Result<Response, ApiError> {
        let target = self.target()?;
        self.server.with(|cluster, moment| {
            let now = moment.now;
            let mut write = self.write(part, moment)?;
            let replaced = cluster.replace(&target, object, &mut write)?;
            Ok(self.written(&write, replaced, now))
        })
    }

    fn patch(&self, part: Option<&str>, document: Value) -> Result<Response, ApiError> {
        let target = self.target()?;
        let kind = match body::media_type(&self.parts.headers) {
            "application/json-patch+json" => PatchKind::Json,
            "application/merge-patch+json" => PatchKind::Merge,
            "application/strategic-merge-patch+json" => PatchKind::Strategic,
            "application/apply-patch+yaml" => {
                if self.query.get("fieldManager").is_empty() {
                    return Err(ApiError::bad_request("fieldManager is required for apply patch"));
                }
                PatchKind::Apply { force: self.query.flag("force") }
            }
            other => {
                return Err(ApiError::new(
                    415,
                    "UnsupportedMediaType",
                    format!("the body of the request was in an unknown patch format: \"{other}\""),
                ));
            }
        };
        self.server.with(|cluster, moment| {
            let now = moment.now;
            let mut write = self.write(part, moment)?;
            let existed = cluster.get(&target).is_ok();
            let patched = cluster.patch(&target, kind, document, &mut write)?;
            if existed {
                return Ok(self.written(&write, patched, now));
            }
            Ok(self.rendered(201, patched, now))
        })
    }

    fn written(&self, write: &Write, object: Value, now: jiff::Timestamp) -> Response {
        if write.part == Part::Scale {
            return body::json(200, &object);
        }
        self.rendered(200, object, now)
    }

    fn act_on_pod(&self, part: &str, document: &Value) -> Result<Response, ApiError> {
        let target = self.target()?;
        self.server.with(|cluster, moment| {
            let mut write = self.write(None, moment)?;
            match part {
                "binding" => cluster.bind(&target, document, &mut write)?,
                "eviction" => cluster.evict(&target, document, &write)?,
                _ => return Err(ApiError::no_route()),
            }
            let status = json!({
                "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
                "code": 201,
            });
            Ok(body::json(201, &status))
        })
    }

    fn delete_options(&self, document: &Value) -> Result<DeleteOptions, ApiError> {
        let mut document = if document.is_object() { document.clone() } else { json!({}) };
        for name in ["propagationPolicy", "gracePeriodSeconds", "dryRun"] {
            let given = self.query.get(name);
            if given.is_empty() || at(&document, &[name]).is_some() {
                continue;
            }
            document[name] = match name {
                "gracePeriodSeconds" => given
                    .parse::<i64>()
                    .map(Value::from)
                    .map_err(|_| ApiError::bad_request("gracePeriodSeconds must be a number"))?,
                "dryRun" => json!([given]),
                _ => given.into(),
            };
        }
        DeleteOptions::read(&document)
    }

    fn delete(&self, document: &Value) -> Result<Response, ApiError> {
        let target = self.target()?;
        let options = self.delete_options(document)?;
        self.server.with(|cluster, moment| {
            let object = match cluster.delete(&target, &options, &moment)? {
                Deleted::Pending(object) => return Ok(self.rendered(200, object, moment.now)),
                Deleted::Gone(object) => object,
            };
            if self.kind.is("", "pods") || self.kind.is("", "namespaces") {
                return Ok(self.rendered(200, object, moment.now));
            }
            let details = json!({
                "name": target.name,
                "group": self.kind.group,
                "kind": self.kind.plural,
                "uid": at(&object, &["metadata", "uid"]),
            });
            let status = json!({
                "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
                "details": details,
            });
            Ok(body::json(200, &status))
        })
    }

    fn delete_collection(&self, document: &Value) -> Result<Response, ApiError> {
        if self.kind.namespaced && self.path.namespace.is_none() {
            return Err(ApiError::method_not_allowed());
        }
        let options = self.delete_options(document)?;
        let selection = self.selection()?;
        self.server.with(|cluster, moment| {
            let deleted = cluster.delete_collection(&self.kind, &selection, &options, &moment)?;
            let version = cluster.store().version();
            let list =
                render::list(self.form, &self.kind, deleted.into_iter(), version, moment.now);
            Ok(body::json(200, &list))
        })
    }
}
