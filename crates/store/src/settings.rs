//! What a session is set to as it begins, for as long as it lives.
//! Must never know which settings these are: each pool names its own.

use std::time::Duration;

use sqlx::PgConnection;

/// By statement, not as a parameter of the connection: poolers refuse parameters that they do not know, and one that keeps sessions apart
/// needs nothing else of us.
pub(crate) async fn set(
    connection: &mut PgConnection,
    settings: &[(&str, &str)],
    patience: Option<Duration>,
) -> sqlx::Result<()> {
    let (mut names, mut values): (Vec<&str>, Vec<String>) =
        settings.iter().map(|(name, value)| (*name, (*value).to_owned())).unzip();
    if let Some(patience) = patience {
        // In milliseconds, as Postgres takes a number without a unit.
        names.extend(["statement_timeout", "idle_in_transaction_session_timeout"]);
        values.extend([patience.as_millis().to_string(), patience.as_millis().to_string()]);
    }
    sqlx::query("SELECT set_config(name, value, false) FROM unnest($1::text[], $2::text[]) AS s (name, value)")
        .bind(names)
        .bind(values)
        .execute(connection)
        .await?;
    Ok(())
}
