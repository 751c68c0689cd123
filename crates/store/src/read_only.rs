//! Sessions that take no writes, as those that lead to a standby or began while the database was read-only: they would say so for as long
//! as they live, and the next one may lead elsewhere.
//! Must never cost a query anything while none was met, and never keep those away who only read while there is nothing better.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use sqlx::PgConnection;
use tokio::time::Instant;

/// For how long after one was met every session is looked at before it serves again.
const SUSPICION: Duration = Duration::from_mins(1);

/// Of the whole process: errors come from everywhere, and know no pool.
static LAST_MET: Mutex<Option<Instant>> = Mutex::new(None);

/// A write was refused: by a setting that a session keeps as it began, or because it leads to a standby.
pub(crate) fn is_refusal(error: &sqlx::Error) -> bool {
    error.as_database_error().and_then(sqlx::error::DatabaseError::code).is_some_and(|code| code == "25006")
}

/// Says of an error, wherever one is told, whether sessions have to be looked at.
pub(crate) fn heed(error: &sqlx::Error) {
    if is_refusal(error) {
        was_met();
    }
}

fn was_met() {
    *LAST_MET.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
}

fn is_suspected() -> bool {
    let last_met = *LAST_MET.lock().unwrap_or_else(PoisonError::into_inner);
    last_met.is_some_and(|at| at.elapsed() < SUSPICION)
}

/// Whether a session that lay idle may be used; else it is closed, and another one is opened.
pub(crate) async fn may_serve_on(connection: &mut PgConnection) -> sqlx::Result<bool> {
    if !is_suspected() {
        return Ok(true);
    }
    let asked = sqlx::query_scalar("SELECT current_setting('transaction_read_only') = 'on'");
    let is_read_only: bool = asked.fetch_one(connection).await?;
    if is_read_only {
        was_met();
    }
    Ok(!is_read_only)
}
