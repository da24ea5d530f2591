//! What a client wants to get: plain objects, tables or metadata only.

use crate::error::ApiError;

/// The form of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// The objects themselves.
    Plain,
    /// A `Table` of `meta.k8s.io/v1`.
    Table,
    /// `PartialObjectMetadata` of `meta.k8s.io/v1`.
    Metadata,
}

/// Reads an `Accept` header; the first form in it that the server can give wins.
pub(super) fn form(accept: &str) -> Result<Form, ApiError> {
    if accept.trim().is_empty() {
        return Ok(Form::Plain);
    }
    for part in accept.split(',') {
        let mut pieces = part.split(';').map(str::trim);
        let media = pieces.next().unwrap_or_default();
        if !["application/json", "application/*", "*/*"].contains(&media) {
            continue;
        }
        let (mut kind, mut version, mut group) = ("", "v1", "meta.k8s.io");
        for parameter in pieces {
            match parameter.split_once('=') {
                Some(("as", value)) => kind = value,
                Some(("v", value)) => version = value,
                Some(("g", value)) => group = value,
                _ => {}
            }
        }
        let ours = version == "v1" && group == "meta.k8s.io";
        match kind {
            "" => return Ok(Form::Plain),
            "Table" if ours => return Ok(Form::Table),
            "PartialObjectMetadata" | "PartialObjectMetadataList" if ours => {
                return Ok(Form::Metadata);
            }
            _ => {}
        }
    }
    Err(ApiError::new(
        406,
        "NotAcceptable",
        "only the following media types are accepted: application/json",
    ))
}

/// Whether the client takes aggregated discovery documents.
pub(super) fn aggregated_discovery(accept: &str) -> bool {
    accept.split(',').any(|part| {
        let part = part.trim();
        part.starts_with("application/json;")
            && part.contains("g=apidiscovery.k8s.io")
            && part.contains("v=v2;")
            || part.ends_with("v=v2") && part.contains("g=apidiscovery.k8s.io")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_form_that_can_be_given_wins() {
        let kubectl = "application/json;as=Table;v=v1;g=meta.k8s.io,\
                       application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json";
        assert_eq!(form(kubectl), Ok(Form::Table));
        let typed = "application/vnd.kubernetes.protobuf,application/json";
        assert_eq!(form(typed), Ok(Form::Plain));
        assert_eq!(form(""), Ok(Form::Plain));
        assert_eq!(form("*/*"), Ok(Form::Plain));
        assert_eq!(form("application/yaml").unwrap_err().code, 406);
        let metadata = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
        assert_eq!(form(metadata), Ok(Form::Metadata));
    }
}
