//! Why a request was refused, in one shape for all of them.
//! Must never hold an internal cause: that is only in the log.

use serde::{Deserialize, Serialize};

use crate::problem::Problem;

/// Why a request was refused: the body of every error, as `application/problem+json` over REST.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ApiError {
    pub status: u16,
    /// Stable; programs decide by it.
    pub code: ErrorCode,
    /// What happened, why, and what to do.
    pub detail: String,
    /// The field it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Problem>,
    /// To quote to support; set for internal errors, whose cause is only in the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// 400: the request cannot be read.
    Malformed,
    /// 401: nobody is signed in.
    Unauthenticated,
    /// 401: the email or the password is wrong.
    WrongCredentials,
    /// 403: signed in, but not allowed.
    Forbidden,
    /// 403: the API token was not made for this; see its scopes.
    InsufficientScope,
    /// 403: not for API tokens, whatever their scopes: somebody has to sign in for it.
    SessionRequired,
    /// 403: give the password again (`POST /api/me/confirm`), then send the same request.
    ConfirmPassword,
    /// 403: the request came from another site.
    CrossOrigin,
    /// 404: it does not exist, or is not yours to see.
    NotFound,
    /// 409: somebody saved a newer draft.
    StaleRevision,
    /// 409: the thing is not in a state that allows this.
    Conflict,
    /// 409: what is tried acts on the world outside; `problems` names the steps. Name them in `confirm` to try it all the same.
    ConfirmSideEffects,
    /// 409: the template has no published version.
    NotPublished,
    /// 409: the same Idempotency-Key came with another request.
    IdempotencyMismatch,
    /// 400: the server does not speak this version of the workers' protocol, or not with so old an SDK.
    ProtocolUnsupported,
    /// 409: the attempt is not this session's any more.
    Fenced,
    /// 410: the session of the worker is over.
    SessionGone,
    /// 422: outputs do not have the promised form; the attempt failed.
    InvalidOutput,
    /// 413
    TooLarge,
    /// 422: understood, but a field is wrong.
    Invalid,
    /// 422: the definition has errors; see `problems`.
    InvalidDefinition,
    /// 429: too fast; try again after the time that `Retry-After` names.
    TooManyRequests,
    /// 429: a quota of yours is used up; the detail says which, and what to do.
    QuotaExceeded,
    /// 500
    Internal,
    /// 503: the database cannot be reached; try again.
    Unavailable,
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for ApiError {}
