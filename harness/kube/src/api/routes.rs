//! From a URL path to what it addresses.

/// What a path addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    /// `/api`.
    CoreVersions,
    /// `/apis`.
    Groups,
    /// `/apis/GROUP`.
    Group(String),
    /// `/api/v1` or `/apis/GROUP/VERSION`.
    Types(String, String),
    /// Objects.
    Resource(ResourcePath),
    /// `/version`.
    Version,
    /// `/healthz`, `/livez`, `/readyz`.
    Health,
    /// `/openapi/v2`.
    OpenApiV2,
    /// `/openapi/v3`.
    OpenApiV3,
    /// `/openapi/v3/…`: the document of one group and version.
    OpenApiV3Of(String, String),
}

/// The path of a collection, an object or a part of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ResourcePath {
    pub(super) group: String,
    pub(super) version: String,
    pub(super) namespace: Option<String>,
    pub(super) plural: String,
    pub(super) name: Option<String>,
    pub(super) part: Option<String>,
}

/// Reads a path; nothing for one that means nothing.
pub(super) fn route(path: &str) -> Option<Route> {
    let steps: Vec<&str> = path.split('/').filter(|step| !step.is_empty()).collect();
    Some(match steps.as_slice() {
        ["version"] => Route::Version,
        ["healthz" | "livez" | "readyz", ..] => Route::Health,
        ["openapi", "v2"] => Route::OpenApiV2,
        ["openapi", "v3"] => Route::OpenApiV3,
        ["openapi", "v3", "api", version] => {
            Route::OpenApiV3Of(String::new(), (*version).to_owned())
        }
        ["openapi", "v3", "apis", group, version] => {
            Route::OpenApiV3Of((*group).to_owned(), (*version).to_owned())
        }
        ["api"] => Route::CoreVersions,
        ["apis"] => Route::Groups,
        ["apis", group] => Route::Group((*group).to_owned()),
        ["api", version] => Route::Types(String::new(), (*version).to_owned()),
        ["apis", group, version] => Route::Types((*group).to_owned(), (*version).to_owned()),
        ["api", version, rest @ ..] => Route::Resource(resource("", version, rest)?),
        ["apis", group, version, rest @ ..] => Route::Resource(resource(group, version, rest)?),
        _ => return None,
    })
}

fn resource(group: &str, version: &str, rest: &[&str]) -> Option<ResourcePath> {
    let owned = |text: &&str| (*text).to_owned();
    let path = |namespace: Option<&str>, plural: &str, name: Option<&&str>, part: Option<&&str>| {
        ResourcePath {
            group: group.to_owned(),
            version: version.to_owned(),
            namespace: namespace.map(str::to_owned),
            plural: plural.to_owned(),
            name: name.map(owned),
            part: part.map(owned),
        }
    };
    Some(match rest {
        ["namespaces", name, part @ ("status" | "finalize")] if group.is_empty() => {
            path(None, "namespaces", Some(name), Some(part))
        }
        ["namespaces", namespace, plural, inner @ ..] if inner.len() <= 2 => {
            path(Some(namespace), plural, inner.first(), inner.get(1))
        }
        [plural, inner @ ..] if inner.len() <= 2 => path(None, plural, inner.first(), inner.get(1)),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(path: &str) -> String {
        match route(path) {
            Some(Route::Resource(it)) => format!(
                "{}|{}|{}|{}|{}",
                it.group,
                it.namespace.unwrap_or_default(),
                it.plural,
                it.name.unwrap_or_default(),
                it.part.unwrap_or_default()
            ),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn paths_address_what_kubernetes_says() {
        assert_eq!(read("/api/v1/namespaces/a/pods/b/status"), "|a|pods|b|status");
        assert_eq!(read("/api/v1/namespaces/a"), "||namespaces|a|");
        assert_eq!(read("/api/v1/namespaces/a/status"), "||namespaces|a|status");
        assert_eq!(read("/api/v1/namespaces/a/pods"), "|a|pods||");
        assert_eq!(read("/api/v1/pods"), "||pods||");
        assert_eq!(
            read("/apis/apps/v1/namespaces/a/deployments/d/scale"),
            "apps|a|deployments|d|scale"
        );
        assert_eq!(read("/apis/x.dev/v1/things/t"), "x.dev||things|t|");
        assert_eq!(read("/nothing"), "None");
        assert_eq!(read("/api/v1/namespaces/a/pods/b/c/d"), "None");
    }
}
