//! Which history of which database this process works on. A standby that takes over begins another one, and so does whoever restores a
//! backup, into the same place or into another: what was read before may have been undone, and its numbers may come again for something
//! else. Whoever keeps what was read keeps it beside the number of its history.
//! Must never hold anybody up: it only counts how often the database was found to be another.

use std::sync::{Mutex, PoisonError};

use sqlx::PgConnection;

/// Of the whole process, which has one database.
static KNOWN: Mutex<Known> = Mutex::new(Known { last: None, n_before: 0 });

struct Known {
    last: Option<i64>,
    n_before: u64,
}

/// How many histories this process has seen end. What was kept under a smaller number is to be read again.
pub fn number() -> u64 {
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner).n_before
}

/// The database was just found to have this history.
fn is_now(history: i64) {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if known.last.is_some_and(|last| last != history) {
        known.n_before += 1;
        tracing::warn!("the database has another history than before: a standby took over, or a backup was restored");
    }
    known.last = Some(history);
}

/// One number for all by which two histories differ: the cluster, the database and the table in it (a dump that is restored makes them
/// anew), and the timeline, which a standby that takes over and a recovery to a point in time begin. The timeline as the log of writes has
/// it now: what is known of the last checkpoint may be of before. What is not to be had, as on services that store otherwise, is left out.
pub(crate) async fn of(reader: &mut PgConnection) -> sqlx::Result<i64> {
    let timeline = "SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8)";
    let timeline: Option<String> = where_allowed(sqlx::query_scalar(timeline).fetch_one(&mut *reader).await)?;
    let cluster = "SELECT system_identifier::text FROM pg_control_system()";
    let cluster: Option<String> = where_allowed(sqlx::query_scalar(cluster).fetch_one(&mut *reader).await)?;
    let history: i64 = sqlx::query_scalar(
        "SELECT hashtextextended(
            concat_ws('/', $1::text, $2::text, to_regclass('workers')::oid::text,
                (SELECT oid FROM pg_database WHERE datname = current_database())::text), 0)",
    )
    .bind(cluster.unwrap_or_default())
    .bind(timeline.unwrap_or_default())
    .fetch_one(reader)
    .await?;
    is_now(history);
    Ok(history)
}

/// None where there is no right to it, or no such thing.
fn where_allowed(answer: sqlx::Result<String>) -> sqlx::Result<Option<String>> {
    match answer {
        Err(sqlx::Error::Database(error))
            if error.code().is_some_and(|code| matches!(&*code, "42501" | "42883" | "0A000")) =>
        {
            Ok(None)
        }
        answer => answer.map(Some),
    }
}

#[cfg(test)]
mod tests {
    use sqlx::PgPool;

    use super::*;

    #[sqlx::test(migrator = "crate::MIGRATOR")]
    async fn a_table_that_is_made_anew_is_another_history_and_nothing_else_is(pool: PgPool) {
        let mut reader = pool.acquire().await.unwrap();
        let first = of(&mut reader).await.unwrap();
        let seen = number();
        for _ in 0..3 {
            sqlx::query("INSERT INTO workers (id, state, started_at, beat_at) VALUES (gen_random_uuid(), 'alive', now(), now())")
                .execute(&mut *reader)
                .await
                .unwrap();
            assert_eq!(of(&mut reader).await.unwrap(), first);
        }
        sqlx::query("VACUUM FULL workers").execute(&mut *reader).await.unwrap();
        assert_eq!((of(&mut reader).await.unwrap(), number()), (first, seen), "what only tidies up changes no history");
        // As `pg_restore --clean` does.
        for statement in [
            "ALTER TABLE workers RENAME TO workers_before",
            "CREATE TABLE workers (LIKE workers_before INCLUDING ALL)",
            "DROP TABLE workers_before CASCADE",
        ] {
            sqlx::query(statement).execute(&mut *reader).await.unwrap();
        }
        let second = of(&mut reader).await.unwrap();
        assert_ne!(second, first);
        assert_eq!((of(&mut reader).await.unwrap(), number()), (second, seen + 1), "told once");
    }

    #[sqlx::test(migrator = "crate::MIGRATOR")]
    async fn an_ordinary_role_learns_all_of_it(pool: PgPool) {
        // The role of the tests may make databases, and nothing else.
        let asked =
            "SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8), system_identifier::text FROM pg_control_system()";
        let (timeline, cluster): (String, String) = sqlx::query_as(asked).fetch_one(&pool).await.unwrap();
        assert_eq!(timeline, "00000001");
        assert!(!cluster.is_empty());
    }
}
