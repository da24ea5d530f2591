//! The API server answers with errors.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Affected, Aim, Check, Definition, FaultKind, Lot, Sole};
use crate::selector::API_SERVER;

pub(super) const KIND: FaultKind = FaultKind {
    kind: "api_errors",
    description: "requests of the operator and of users about objects are answered with an error: \
                  conflict (409) and timeout (504) are for writes, and what timed out is carried \
                  out all the same; too_many_requests (429) says when to come back",
    evidence: "how many requests were answered so",
    heal: "requests are answered as before; how many errors were given is counted",
};

/// Requests about objects are answered with an error.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiErrors {
    /// Which error, such as `too_many_requests`.
    pub error: ApiError,
    /// Which of the requests that it fits; all by default.
    #[serde(default)]
    pub requests: Affected,
}

impl Definition for ApiErrors {
    fn kind(&self) -> FaultKind {
        KIND
    }

    fn aim(&self) -> Aim<'_> {
        Aim::Named(API_SERVER)
    }

    fn check(&self, check: &mut Check<'_>) {
        self.requests.check(check);
    }

    fn sole(&self) -> Option<Sole> {
        Some(Sole::of("answers API requests with errors"))
    }

    fn draw(lot: &mut Lot<'_>) -> Option<Self> {
        use ApiError::*;
        let error = lot.one_of(&[Conflict, TooManyRequests, InternalError, Timeout])?;
        Some(Self { error, requests: lot.affected() })
    }
}

/// An error that the API server answers with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ApiError {
    /// 409 to a write, which is not carried out.
    Conflict,
    /// 429 with `Retry-After: 1`; the request is not carried out.
    TooManyRequests,
    /// 500; the request is not carried out.
    InternalError,
    /// 504 to a write, which is carried out all the same.
    Timeout,
}
