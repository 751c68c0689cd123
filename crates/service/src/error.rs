//! Why a use case was refused, and the one translation of it into what a person or a program reads.
//! An internal cause is logged under an id and replaced; it must never leave this crate in words.

use std::{error::Error as _, time::Duration};

use store::quotas::Spent;
use workflow::{
    Problem, ProblemCode, RunId,
    access::Scope,
    api::{ApiError, ErrorCode},
    definition::Unstorable,
};

use crate::id;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("nobody is signed in")]
    Unauthenticated,
    #[error("the email or the password is wrong")]
    WrongCredentials,
    #[error("the person is not allowed to do this")]
    Forbidden,
    /// The token was made for less.
    #[error("the token lacks the scope {}", .0.as_str())]
    MissingScope(Scope),
    #[error("an API token may not do this")]
    SessionRequired,
    #[error("the password has to be given again")]
    ConfirmPassword,
    /// Like `Forbidden`, where the reason is not the account but what it did before.
    #[error("not theirs to do: {0}")]
    NotYours(String),
    /// Missing, or invisible to whoever asks: never told apart.
    #[error("it does not exist, or is not theirs to see")]
    NotFound,
    #[error("the field `{field}` is wrong: {detail}")]
    Invalid { field: String, detail: String },
    /// Several fields at once, each a problem of the request.
    #[error("{} fields are wrong", problems.len())]
    InvalidFields { problems: Vec<Problem> },
    #[error("the definition has problems")]
    InvalidDefinition { problems: Vec<Problem> },
    #[error("the field `{field}` is too large: {detail}")]
    TooLarge { field: String, detail: String },
    #[error("somebody saved a newer version, {current}")]
    Stale { current: i64 },
    #[error("the state does not allow it: {0}")]
    Conflict(String),
    /// Like `Conflict`, where one field of what is there is the reason.
    #[error("the state does not allow it because of `{field}`: {detail}")]
    Unsuitable { field: String, detail: String },
    /// A worker speaks another version of the protocol, or is too old.
    #[error("the protocol is not spoken here: {0}")]
    Protocol(String),
    #[error("the attempt is not this session's any more")]
    Fenced,
    #[error("the session of the worker is over")]
    SessionGone,
    /// Another credential than a worker token where one is wanted, or the other way round.
    #[error("this kind of credential opens nothing here")]
    WrongCredential,
    /// Where only worker tokens are taken.
    #[error("the worker token is unknown, expired or revoked")]
    NoWorkerToken,
    #[error("outputs do not have the promised form")]
    InvalidOutput { problems: Vec<crate::worker::wire::OutputProblem> },
    /// What is tried acts on the world outside, and nobody agreed to that; each problem names a step.
    #[error("{} steps act on the world outside", problems.len())]
    ConfirmSideEffects { problems: Vec<Problem> },
    #[error("the template has no published version")]
    NotPublished,
    #[error("the Idempotency-Key was used for another request")]
    IdempotencyMismatch,
    #[error("too many requests")]
    TooManyRequests { retry_after: Duration },
    /// There is no room for it right now, or it took too long; nothing was changed.
    #[error("it is too busy here: {0}")]
    Busy(String),
    /// Nothing was stored, and nothing started.
    #[error("a quota of the person is used up")]
    Quota(#[source] Spent),
    /// The database holds no such value.
    #[error("it cannot be stored: {0}")]
    Unstorable(String),
    /// Nobody decides about the run until an admin looked at it; they are told why.
    #[error("the run is set aside")]
    SetAside { why: Option<(RunId, String)> },
    /// A newer program wrote to the run what this one does not know; that one goes on with it.
    #[error("the run is left to newer programs")]
    TooNew,
    #[error("the run could not be worked on")]
    Runs(#[source] runs::Error),
    #[error("the store failed")]
    Store(#[source] store::Error),
    #[error("a password could not be hashed")]
    Hash(#[source] argon2::password_hash::Error),
    #[error("a secret could not be encrypted or opened")]
    Secret(#[source] store::vault::VaultError),
    #[error("a blocking task ended early")]
    Join(#[from] tokio::task::JoinError),
}

impl Error {
    pub(crate) fn invalid(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::Invalid { field: field.into(), detail: detail.into() }
    }

    pub(crate) fn too_large(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::TooLarge { field: field.into(), detail: detail.into() }
    }

    /// For the `Retry-After` header.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::TooManyRequests { retry_after }
            | Self::Quota(Spent::BytesPerDay { retry_after, .. } | Spent::TokenBytesPerDay { retry_after, .. }) => {
                Some(*retry_after)
            }
            // When a run will be over, nobody knows.
            Self::Quota(Spent::RunningRuns { .. }) => Some(Duration::from_secs(30)),
            Self::Busy(_) => Some(Duration::from_secs(10)),
            _ if self.is_unavailable() => Some(Duration::from_secs(2)),
            _ => None,
        }
    }

    /// Whether the same may go well in a moment.
    fn is_unavailable(&self) -> bool {
        match self {
            Self::Store(error) => error.is_unavailable(),
            Self::Runs(runs::Error::Unavailable | runs::Error::Stopped | runs::Error::ContentGone) | Self::TooNew => {
                true
            }
            _ => false,
        }
    }

    /// What the answer says. Called once for an error, at the edge: it logs what it hides.
    pub fn to_api(&self) -> ApiError {
        let (status, code, detail) = match self {
            Self::Unauthenticated => {
                (401, ErrorCode::Unauthenticated, "You are not signed in. Sign in and try again.".to_owned())
            }
            Self::WrongCredentials => (
                401,
                ErrorCode::WrongCredentials,
                "The email or the password is wrong. Check both and try again.".to_owned(),
            ),
            Self::Forbidden => {
                (403, ErrorCode::Forbidden, "Your account may not do this. Ask an admin to do it.".to_owned())
            }
            Self::MissingScope(scope) => {
                let scope = scope.as_str();
                let detail = format!(
                    "This API token may not do this: it was made without the scope `{scope}`. Use one that has it."
                );
                (403, ErrorCode::InsufficientScope, detail)
            }
            Self::SessionRequired => (
                403,
                ErrorCode::SessionRequired,
                "An API token may not do this. Sign in and do it under Account.".to_owned(),
            ),
            Self::ConfirmPassword => (
                403,
                ErrorCode::ConfirmPassword,
                "Give your password again: it was last given more than 10 minutes ago. Then repeat this.".to_owned(),
            ),
            Self::NotYours(detail) => (403, ErrorCode::Forbidden, detail.clone()),
            Self::NotFound => (
                404,
                ErrorCode::NotFound,
                "There is nothing here, or it is not yours to see. Check the address.".to_owned(),
            ),
            Self::Invalid { detail, .. } => (422, ErrorCode::Invalid, detail.clone()),
            Self::InvalidFields { problems } => (422, ErrorCode::Invalid, in_one(problems)),
            Self::InvalidDefinition { .. } => (
                422,
                ErrorCode::InvalidDefinition,
                "The workflow has problems that keep it from running. Solve the ones listed, then try again."
                    .to_owned(),
            ),
            Self::TooLarge { detail, .. } => (413, ErrorCode::TooLarge, detail.clone()),
            Self::Stale { current } => (
                409,
                ErrorCode::StaleRevision,
                format!("Somebody saved a newer version ({current}). Load it, then make your change again."),
            ),
            Self::Conflict(detail) | Self::Unsuitable { detail, .. } => (409, ErrorCode::Conflict, detail.clone()),
            Self::ConfirmSideEffects { problems } => {
                let what = match problems.as_slice() {
                    [only] => only.message.clone(),
                    many => format!(
                        "{} act on the world outside, see `problems`.",
                        workflow::words::count(many.len(), "step")
                    ),
                };
                let detail = format!("{what} Name what may do so in `confirm` to try it all the same.");
                (409, ErrorCode::ConfirmSideEffects, detail)
            }
            Self::NotPublished => (
                409,
                ErrorCode::NotPublished,
                "This workflow has no published version. Ask an admin to publish it.".to_owned(),
            ),
            Self::IdempotencyMismatch => (
                409,
                ErrorCode::IdempotencyMismatch,
                "This Idempotency-Key was used for another request. Use a new one.".to_owned(),
            ),
            Self::TooManyRequests { retry_after } => (
                429,
                ErrorCode::TooManyRequests,
                format!("Too many attempts. Try again in {}.", in_words(*retry_after)),
            ),
            Self::Quota(spent) => (429, ErrorCode::QuotaExceeded, quota(spent)),
            Self::Unstorable(reason) => {
                tracing::debug!(reason, "a request could not be stored");
                let detail = "Something in it cannot be stored, such as a character that no text has. Take it out.";
                (422, ErrorCode::Invalid, detail.to_owned())
            }
            Self::SetAside { why } => (409, ErrorCode::Conflict, set_aside(why.as_ref())),
            Self::TooNew => (503, ErrorCode::Unavailable, TOO_NEW.to_owned()),
            Self::Busy(detail) => (503, ErrorCode::Unavailable, detail.clone()),
            _ => match self.told_to_workers() {
                Some(told) => told,
                None => return self.hidden(),
            },
        };
        let (field, problems) = self.places();
        ApiError { status, code, detail, field, problems, id: None }
    }

    /// The field that it is about, and each place where something is wrong.
    fn places(&self) -> (Option<String>, Vec<Problem>) {
        match self {
            Self::Invalid { field, .. } | Self::TooLarge { field, .. } | Self::Unsuitable { field, .. } => {
                (Some(field.clone()), Vec::new())
            }
            Self::InvalidFields { problems } => {
                (problems.first().and_then(|first| first.field.clone()), problems.clone())
            }
            Self::InvalidDefinition { problems } => (Some("definition".to_owned()), problems.clone()),
            Self::ConfirmSideEffects { problems } => (Some("confirm".to_owned()), problems.clone()),
            Self::InvalidOutput { problems } => {
                (problems.first().map(|first| first.field.clone()), as_problems(problems))
            }
            _ => (None, Vec::new()),
        }
    }

    /// What only outside workers are told, and those who take their routes for theirs. None: nobody is told of it.
    fn told_to_workers(&self) -> Option<(u16, ErrorCode, String)> {
        Some(match self {
            Self::Protocol(detail) => (400, ErrorCode::ProtocolUnsupported, detail.clone()),
            Self::Fenced => (
                409,
                ErrorCode::Fenced,
                "This attempt is not this session's any more: somebody else has it, or it is over. Drop it.".to_owned(),
            ),
            Self::SessionGone => (
                410,
                ErrorCode::SessionGone,
                "This session is over. Stop all of its tasks, and register again.".to_owned(),
            ),
            Self::WrongCredential => (
                403,
                ErrorCode::Forbidden,
                "This kind of token opens nothing here: worker tokens are for /api/worker/v1, and only they are."
                    .to_owned(),
            ),
            Self::NoWorkerToken => (
                401,
                ErrorCode::Unauthenticated,
                "This takes a worker token that is neither unknown nor expired nor revoked. Ask an admin for one."
                    .to_owned(),
            ),
            Self::InvalidOutput { problems } => (422, ErrorCode::InvalidOutput, in_one(&as_problems(problems))),
            _ => return None,
        })
    }

    fn hidden(&self) -> ApiError {
        let id = id::new_id().simple().to_string();
        let took_too_long = matches!(self, Self::Store(error) if error.took_too_long());
        tracing::error!(error.id = %id, "{}", chain(self));
        let (status, code, detail) = if took_too_long {
            let detail = "This took the database too long, so it was given up and nothing was changed. Try again in a \
                          moment; if it happens again, ask for less at once.";
            (503, ErrorCode::Unavailable, detail.to_owned())
        } else if self.is_unavailable() {
            (503, ErrorCode::Unavailable, "The database cannot be reached right now. Try again in a moment.".to_owned())
        } else {
            let detail = format!("Something went wrong on the server. Nothing was changed. Quote {id} to your admin.");
            (500, ErrorCode::Internal, detail)
        };
        ApiError { status, code, detail, field: None, problems: Vec::new(), id: Some(id) }
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::Quota(spent) => Self::Quota(spent),
            error => Self::Store(error),
        }
    }
}

impl From<runs::Error> for Error {
    fn from(error: runs::Error) -> Self {
        match error {
            runs::Error::Data(reason) => Self::Unstorable(reason),
            runs::Error::Quarantined(_) => Self::SetAside { why: None },
            error => Self::Runs(error),
        }
    }
}

impl From<Unstorable> for Error {
    fn from(error: Unstorable) -> Self {
        let field = error.field();
        let detail = match &error {
            Unstorable::TooLarge { .. } => {
                return Self::too_large(field, format!("Too large: {error}. Split the workflow."));
            }
            Unstorable::Malformed { message, .. } => format!("`{field}` cannot be read: {message}. Correct it."),
            Unstorable::Drawing { fault, .. } => format!("`{field}` cannot be stored: {fault}."),
            Unstorable::TooDeep
            | Unstorable::TooManySteps { .. }
            | Unstorable::TooManyDependencies { .. }
            | Unstorable::TooManyInputs { .. } => {
                format!("Cannot be stored: {error}. Simplify the workflow.")
            }
        };
        Self::Invalid { field, detail }
    }
}

const TOO_NEW: &str = "A newer version of Weft works on this run, and this server does not know all that happened to it. Try again in a \
                       moment: another server may answer. If it stays so, ask an admin to update this one.";

/// Why nothing can be done with a run.
fn set_aside(why: Option<&(RunId, String)>) -> String {
    let what = "This run is set aside: what is stored of it does not fit together, so nothing happens to it.";
    match why {
        Some((run, reason)) => format!(
            "{what} The server says: {reason}. Once you know why, `weft run release {run}` makes its rows anew from its log and lets it go on."
        ),
        None => format!("{what} Ask an admin to look at it."),
    }
}

/// What is used up, and what to do.
fn quota(spent: &Spent) -> String {
    match spent {
        Spent::RunningRuns { max } => {
            let (runs, one) = if *max == 1 { ("run", "it") } else { ("runs", "one") };
            format!(
                "You have {max} {runs} under way, the most this Weft allows one person. Finish or cancel {one}, then try again."
            )
        }
        Spent::BytesPerDay { max, retry_after } => format!(
            "With this you would have stored more today than the {} that this Weft allows one person. Send less, or try again \
             in {}, when the day ends (UTC).",
            size_in_words(*max),
            in_words(*retry_after)
        ),
        Spent::TokenBytesPerDay { max, retry_after } => format!(
            "With this the workers of your token would have sent more content today than the {} that this Weft allows one token. Try \
             again in {}, when the day ends (UTC), or ask an admin for more.",
            size_in_words(*max),
            in_words(*retry_after)
        ),
    }
}

fn size_in_words(bytes: i64) -> String {
    const UNITS: [(i64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match UNITS.into_iter().find(|(size, _)| bytes >= *size && bytes % size == 0) {
        Some((size, unit)) => format!("{} {unit}", bytes / size),
        None => format!("{bytes} bytes"),
    }
}

/// What is wrong with outputs, as everywhere else.
fn as_problems(problems: &[crate::worker::wire::OutputProblem]) -> Vec<Problem> {
    let one = |problem: &crate::worker::wire::OutputProblem| {
        Problem::error(None, Some(problem.field.clone()), ProblemCode::InvalidValue, problem.message.clone())
    };
    problems.iter().map(one).collect()
}

/// The first of several faults, and that there are more.
fn in_one(problems: &[Problem]) -> String {
    match problems {
        [] => String::new(),
        [only] => only.message.clone(),
        [first, ..] => format!("{} More is wrong: see `problems`.", first.message),
    }
}

fn in_words(duration: Duration) -> String {
    match duration.as_millis().div_ceil(1000) {
        0 | 1 => "a second".to_owned(),
        seconds @ 2..=90 => format!("{seconds} seconds"),
        seconds @ 91..=7200 => format!("{} minutes", seconds.div_ceil(60)),
        seconds => format!("{} hours", seconds.div_ceil(3600)),
    }
}

/// An error with all its causes on one line.
fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spent_quota_says_which_and_what_to_do() {
        let day = |max, retry_after| Error::from(store::Error::Quota(Spent::BytesPerDay { max, retry_after }));
        let runs = |max| Error::from(store::Error::Quota(Spent::RunningRuns { max }));
        let token = |max, retry_after| Error::from(store::Error::Quota(Spent::TokenBytesPerDay { max, retry_after }));
        for (error, words) in [
            (runs(100), ["100 runs under way", "Finish or cancel one"]),
            (runs(1), ["1 run under way", "cancel it"]),
            (day(1 << 30, Duration::from_hours(5)), ["1 GiB", "5 hours"]),
            (day(1_000, Duration::from_secs(40)), ["1000 bytes", "40 seconds"]),
            (token(64 << 30, Duration::from_hours(5)), ["64 GiB", "your token"]),
        ] {
            let told = error.to_api();
            assert_eq!((told.status, told.code), (429, ErrorCode::QuotaExceeded));
            assert!(words.iter().all(|part| told.detail.contains(part)), "{}", told.detail);
            assert!(error.retry_after().is_some_and(|after| !after.is_zero()));
        }
    }
}
