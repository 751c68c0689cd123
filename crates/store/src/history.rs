//! Which history of which database this process works on. A standby that takes over begins another one, and so does whoever restores a
//! backup, into the same place or into another: what was read before may have been undone, and its numbers may come again for something
//! else. Whoever keeps what was read keeps it beside the number of its history.
//! Must never hold anybody up: it only counts how often the database was found to be another.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use sqlx::{FromRow, PgConnection, PgPool, postgres::PgRow};

use crate::Store;

/// By the name under which a database is reached: a process has one, and tests have many, of which none may take another for its own past.
static KNOWN: Mutex<BTreeMap<String, Known>> = Mutex::new(BTreeMap::new());
/// What was refused is asked again after so long: each refusal is a line in the log of the database, and beats come all the time. No longer,
/// as a process that began since may be allowed it, and then has another number for the same history.
const ASK_AGAIN: Duration = Duration::from_mins(1);

const CLUSTER: &str = "SELECT system_identifier::text FROM pg_control_system()";
/// The timeline as the log of writes has it now: what is known of the last checkpoint may be of before. And how far that log is safe on the
/// disk, which no crash takes back.
const WRITES: &str =
    "SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8), (pg_current_wal_flush_lsn() - '0/0'::pg_lsn)::bigint";

#[derive(Default)]
struct Known {
    last: Option<Found>,
    /// Histories that have ended.
    n_before: u64,
    /// Of these, those of which nothing but the way back told.
    n_back: i64,
    refused: BTreeMap<&'static str, Instant>,
}

/// What the database was found to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Found {
    /// One number for all by which two histories differ, the same for every process.
    pub(crate) history: i64,
    /// How far its log of writes was.
    written: Option<i64>,
}

impl Found {
    /// Whether the same history was found to be further before: a copy of the disk of some time ago has the same marks.
    fn is_behind(self, before: Self) -> bool {
        let is_less = self.written.zip(before.written).is_some_and(|(now, then)| now < then);
        self.history == before.history && is_less
    }
}

impl Store {
    /// How many histories of its database this process has seen end. What was kept under a smaller number is to be read again.
    pub fn history(&self) -> u64 {
        known().get(&name_of(&self.direct)).map_or(0, |known| known.n_before)
    }
}

/// As the address has it, which is the same for all who use it.
pub(crate) fn name_of(pool: &PgPool) -> String {
    pool.connect_options().get_database().unwrap_or_default().to_owned()
}

fn known() -> MutexGuard<'static, BTreeMap<String, Known>> {
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn last(database: &str) -> Option<Found> {
    known().get(database)?.last
}

/// The database was just found to be this, by somebody who began to ask when it was known to be as `before`. How often nothing but the way
/// back told that it is another.
fn is_now(database: &str, before: Option<Found>, found: Found) -> i64 {
    let mut all = known();
    let known = all.entry(database.to_owned()).or_default();
    let is_back = before.is_some_and(|before| found.is_behind(before));
    known.n_back += i64::from(is_back);
    if is_back || known.last.is_some_and(|last| last.history != found.history) {
        known.n_before += 1;
        tracing::warn!("the database has another history than before: a standby took over, or a backup was restored");
    }
    known.last = Some(found);
    known.n_back
}

/// One number for all by which two histories differ: the cluster, the database and the table in it (a dump that is restored makes them
/// anew), and the timeline, which a standby that takes over and a recovery to a point in time begin. What is not to be had, as on services
/// that store otherwise, is left out.
pub(crate) async fn of(reader: &mut PgConnection, database: &str) -> sqlx::Result<Found> {
    Ok(look(reader, database).await?.0)
}

/// The same for one who stays and asks again and again: also other where the database went back and nothing else tells, as this process
/// alone can know.
pub(crate) async fn as_seen_here(reader: &mut PgConnection, database: &str) -> sqlx::Result<i64> {
    let (found, n_back) = look(reader, database).await?;
    Ok(found.history.wrapping_add(n_back))
}

async fn look(reader: &mut PgConnection, database: &str) -> sqlx::Result<(Found, i64)> {
    let before = last(database);
    let cluster: Option<(String,)> = ask(reader, database, CLUSTER).await?;
    let writes: Option<(String, i64)> = ask(reader, database, WRITES).await?;
    let (timeline, written) = writes.unzip();
    let history: i64 = sqlx::query_scalar(
        "SELECT hashtextextended(
            concat_ws('/', $1::text, $2::text, to_regclass('workers')::oid::text,
                (SELECT oid FROM pg_database WHERE datname = current_database())::text), 0)",
    )
    .bind(cluster.map(|(cluster,)| cluster).unwrap_or_default())
    .bind(timeline.unwrap_or_default())
    .fetch_one(reader)
    .await?;
    let found = Found { history, written };
    Ok((found, is_now(database, before, found)))
}

/// None where there is no right to it, or no such thing.
async fn ask<T>(reader: &mut PgConnection, database: &str, sql: &'static str) -> sqlx::Result<Option<T>>
where
    T: for<'r> FromRow<'r, PgRow> + Send + Unpin,
{
    if is_refused(database, sql) {
        return Ok(None);
    }
    match sqlx::query_as(sql).fetch_one(reader).await {
        Err(sqlx::Error::Database(error))
            if error.code().is_some_and(|code| matches!(&*code, "42501" | "42883" | "0A000")) =>
        {
            known().entry(database.to_owned()).or_default().refused.insert(sql, Instant::now());
            Ok(None)
        }
        answer => answer.map(Some),
    }
}

fn is_refused(database: &str, sql: &str) -> bool {
    known().get(database).and_then(|known| known.refused.get(sql)).is_some_and(|at| at.elapsed() < ASK_AGAIN)
}

#[cfg(test)]
mod tests {
    use sqlx::PgPool;

    use super::*;

    #[sqlx::test(migrator = "crate::MIGRATOR")]
    async fn a_table_that_is_made_anew_is_another_history_and_nothing_else_is(pool: PgPool) {
        let (store, name) = (Store::from_pool(pool.clone()), name_of(&pool));
        let mut reader = pool.acquire().await.unwrap();
        let first = of(&mut reader, &name).await.unwrap().history;
        assert_eq!(store.history(), 0, "whatever other databases of this process went through");
        for _ in 0..3 {
            sqlx::query("INSERT INTO workers (id, state, started_at, beat_at) VALUES (gen_random_uuid(), 'alive', now(), now())")
                .execute(&mut *reader)
                .await
                .unwrap();
            assert_eq!(of(&mut reader, &name).await.unwrap().history, first);
        }
        sqlx::query("VACUUM FULL workers").execute(&mut *reader).await.unwrap();
        let now = of(&mut reader, &name).await.unwrap().history;
        assert_eq!((now, store.history()), (first, 0), "what only tidies up changes no history");
        // As `pg_restore --clean` does.
        for statement in [
            "ALTER TABLE workers RENAME TO workers_before",
            "CREATE TABLE workers (LIKE workers_before INCLUDING ALL)",
            "DROP TABLE workers_before CASCADE",
        ] {
            sqlx::query(statement).execute(&mut *reader).await.unwrap();
        }
        let second = of(&mut reader, &name).await.unwrap().history;
        assert_ne!(second, first);
        assert_eq!((of(&mut reader, &name).await.unwrap().history, store.history()), (second, 1), "told once");
    }

    #[sqlx::test(migrations = false)]
    async fn what_goes_on_elsewhere_is_no_other_history_here(pool: PgPool) {
        let name = name_of(&pool);
        let elsewhere = format!("not {name}");
        is_now(&elsewhere, None, Found { history: 1, written: None });
        is_now(&elsewhere, None, Found { history: 2, written: None });
        is_now(&name, None, Found { history: 3, written: None });
        assert_eq!(Store::from_pool(pool).history(), 0);
    }

    #[sqlx::test(migrations = false)]
    async fn a_copy_of_the_disk_of_some_time_ago_is_another_history_though_it_has_the_same_marks(pool: PgPool) {
        let (store, name) = (Store::from_pool(pool.clone()), name_of(&pool));
        let mut reader = pool.acquire().await.unwrap();
        let joined = as_seen_here(&mut reader, &name).await.unwrap();
        assert_eq!(as_seen_here(&mut reader, &name).await.unwrap(), joined);
        // As if the log of writes had been further when it was last looked at.
        let found = last(&name).unwrap();
        let further = Found { written: found.written.map(|written| written + (1 << 40)), ..found };
        is_now(&name, Some(found), further);
        assert_eq!(store.history(), 0, "it went on");
        let now = as_seen_here(&mut reader, &name).await.unwrap();
        assert_ne!(now, joined, "whoever joined before joins again");
        assert_eq!(store.history(), 1, "what was read before is read again");
        assert_eq!(
            of(&mut reader, &name).await.unwrap().history,
            found.history,
            "sessions are told apart as everywhere"
        );
        assert_eq!((as_seen_here(&mut reader, &name).await.unwrap(), store.history()), (now, 1), "told once");
        // Who began to ask before somebody else was answered may be answered with less.
        is_now(&name, None, found);
        assert_eq!(store.history(), 1);
    }

    #[sqlx::test(migrations = false)]
    async fn what_is_refused_is_not_asked_at_every_beat(pool: PgPool) {
        const SQL: &str = "SELECT not_there()";
        let name = name_of(&pool);
        let mut reader = pool.acquire().await.unwrap();
        assert_eq!(ask::<(i32,)>(&mut reader, &name, SQL).await.unwrap(), None);
        sqlx::query("CREATE FUNCTION not_there() RETURNS int LANGUAGE sql RETURN 1")
            .execute(&mut *reader)
            .await
            .unwrap();
        assert_eq!(ask::<(i32,)>(&mut reader, &name, SQL).await.unwrap(), None, "it was refused just now");
        let long_ago = Instant::now().checked_sub(ASK_AGAIN);
        known().get_mut(&name).unwrap().refused = long_ago.into_iter().map(|at| (SQL, at)).collect();
        assert_eq!(ask::<(i32,)>(&mut reader, &name, SQL).await.unwrap(), Some((1,)));
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
