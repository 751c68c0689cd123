//! Chores that one process at a time does for all: reading what runs wrote, and counting them.
//! Must never wait for whoever does one, nor keep one longer than a transaction: a process that dies gives it back.

use sqlx::PgConnection;

use crate::Result;

/// Takes a chore until the transaction ends; false where somebody has it.
pub(crate) async fn take(connection: &mut PgConnection, name: &str) -> Result<bool> {
    let taken: Option<String> =
        sqlx::query_scalar("SELECT c.name FROM chores c WHERE c.name = $1 FOR UPDATE SKIP LOCKED")
            .bind(name)
            .fetch_optional(connection)
            .await?;
    Ok(taken.is_some())
}
