//! What an error of the database says about what was sent: that a value is wrong, that nothing was written, or that nobody knows.
//! Decided by codes, never by words. Must never say that nothing was written where it may yet be.

use runs::{CommitFailed, Unavailable};
use sqlx::postgres::{PgDatabaseError, PgSeverity};

use crate::read_only;
pub(super) use crate::read_only::is_refusal as is_read_only;

/// Values that the database does not take: data exceptions, broken constraints, and what is beyond its limits. Anything else is no property
/// of the values.
pub(super) fn refused_value(error: &sqlx::Error) -> Option<String> {
    match error {
        sqlx::Error::Database(error) => {
            let code = error.code().filter(|code| ["22", "23", "54"].iter().any(|class| code.starts_with(class)))?;
            Some(format!("{} ({code})", error.message()))
        }
        sqlx::Error::Encode(error) => Some(error.to_string()),
        _ => None,
    }
}

/// Of a statement that commits by itself, once it was sent. A session that ends may have committed before it said so.
pub(super) fn sent(error: &sqlx::Error) -> CommitFailed {
    tracing::warn!(error = error as &(dyn std::error::Error + 'static), "a commit was not answered by a result");
    if is_answer(error) { CommitFailed::Unavailable } else { CommitFailed::Unknown }
}

/// The session answered, so nothing is under way on it.
pub(super) fn is_answer(error: &sqlx::Error) -> bool {
    let error = error.as_database_error().and_then(|error| error.try_downcast_ref::<PgDatabaseError>());
    error.is_some_and(|error| error.severity() == PgSeverity::Error)
}

/// Whether statements may follow on the session. One that takes no writes would say so for ever, and the next one may lead elsewhere.
pub(super) fn serves_on(error: &sqlx::Error) -> bool {
    is_answer(error) && !is_read_only(error)
}

/// Somebody holds a row for longer than is waited for.
pub(super) fn is_locked(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(sqlx::error::DatabaseError::code).is_some_and(|code| code == "55P03")
}

/// Of what only reads, or may be done again.
pub(super) fn unavailable(error: impl std::error::Error + 'static) -> Unavailable {
    let error: &(dyn std::error::Error + 'static) = &error;
    if let Some(error) = error.downcast_ref() {
        read_only::heed(error);
    }
    tracing::warn!(error, "the log cannot be reached");
    Unavailable
}
