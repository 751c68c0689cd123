//! Slows down guessing: attempts per key, counted in Postgres so that all replicas count together.
//! Must never lock anybody out for good: the delay is capped and fades, and a minute ends.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use crate::{Result, Store};

/// How a key is slowed down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Policy {
    /// Attempts that cost nothing.
    pub n_free: i32,
    /// The delay doubles from one second up to this.
    pub max_delay: Duration,
    /// A pause after which all is forgotten.
    pub fades_after: Duration,
}

/// A key under which failures add up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Count {
    pub key: String,
    pub policy: Policy,
    /// Success proves that all failures under this key were the owner's own; else only this attempt is taken back.
    pub is_forgotten_by_success: bool,
}

/// A key that is tried only so often in any minute.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rate {
    pub key: String,
    pub per_minute: i32,
    /// Of these, kept for attempts whose first count has hardly failed: who comes late still finds a place.
    pub n_reserved: i32,
    /// Success takes the attempt back; else it stays in its minute.
    pub is_forgotten_by_success: bool,
}

/// Attempts under the first count that may take a reserved place.
const FRESH: i32 = 2;

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Attempt {
    Allowed(Ticket),
    /// Not counted anywhere: waiting is enough.
    Blocked {
        retry_after: Duration,
    },
}

/// An attempt that was counted, so that it can be taken back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ticket {
    counts: Vec<Count>,
    rate: Option<(Rate, DateTime<Utc>)>,
    /// Failures under the first count, this attempt included.
    pub n_failures: i32,
}

impl Store {
    /// Counts an attempt *before* its secret is checked, so that a burst in parallel is slowed down like one after the other:
    /// under all keys, or under none when one of them says to wait. Callers name kinds of keys in one order, so that none waits in a circle.
    pub async fn begin_attempt(&self, counts: Vec<Count>, rate: Option<Rate>) -> Result<Attempt> {
        let mut tx = self.pool.begin().await?;
        let mut first = None;
        for count in &counts {
            match add(&mut tx, count).await? {
                Ok(n_failures) => first = first.or(Some(n_failures)),
                Err(retry_after) => return Ok(Attempt::Blocked { retry_after }),
            }
        }
        let n_failures = first.unwrap_or_default();
        let rate = match rate {
            None => None,
            Some(rate) => {
                let limit = rate.per_minute - if n_failures <= FRESH { 0 } else { rate.n_reserved };
                match add_to_minute(&mut tx, &rate.key, limit).await? {
                    Ok(at) => Some((rate, at)),
                    Err(retry_after) => return Ok(Attempt::Blocked { retry_after }),
                }
            }
        };
        tx.commit().await?;
        Ok(Attempt::Allowed(Ticket { counts, rate, n_failures }))
    }

    /// The attempt was no guess: whoever made it has proved who they are.
    pub async fn attempt_succeeded(&self, ticket: &Ticket) -> Result<()> {
        let (forgotten, forgiven): (Vec<_>, Vec<_>) =
            ticket.counts.iter().partition(|count| count.is_forgotten_by_success);
        let keys = |counts: Vec<&Count>| counts.into_iter().map(|count| count.key.clone()).collect::<Vec<_>>();
        let forgotten = keys(forgotten);
        sqlx::query!(r#"DELETE FROM login_throttle WHERE key = ANY ($1)"#, &forgotten).execute(&self.pool).await?;
        self.forgive(&keys(forgiven)).await?;
        match &ticket.rate {
            Some((rate, at)) if rate.is_forgotten_by_success => self.take_from_minute(&rate.key, *at).await,
            _ => Ok(()),
        }
    }

    /// The secret was never looked at, so nothing was tried.
    pub async fn attempt_was_dropped(&self, ticket: &Ticket) -> Result<()> {
        let keys: Vec<String> = ticket.counts.iter().map(|count| count.key.clone()).collect();
        self.forgive(&keys).await?;
        match &ticket.rate {
            Some((rate, at)) => self.take_from_minute(&rate.key, *at).await,
            None => Ok(()),
        }
    }

    /// Takes one attempt back; others under the keys stay counted.
    async fn forgive(&self, keys: &[String]) -> Result<()> {
        sqlx::query!(
            r#"UPDATE login_throttle SET failures = greatest(failures - 1, 0), blocked_until = '-infinity' WHERE key = ANY ($1)"#,
            keys,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    async fn take_from_minute(&self, key: &str, at: DateTime<Utc>) -> Result<()> {
        sqlx::query!(r#"UPDATE login_rate SET recent = array_remove(recent, $2) WHERE key = $1"#, key, at)
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}

/// The failures under the key, this attempt included, or how long to wait.
async fn add(connection: &mut PgConnection, count: &Count) -> Result<Result<i32, Duration>> {
    let Count { key, policy, .. } = count;
    let failures = sqlx::query_scalar!(
        r#"INSERT INTO login_throttle AS known (key, failures, blocked_until) VALUES ($1, 1, '-infinity')
           ON CONFLICT (key) DO UPDATE SET
               failures = CASE WHEN known.last_at < now() - make_interval(secs => $4) THEN 1
                               ELSE least(known.failures + 1, 1000000) END,
               -- No time at all while attempts are free: one in parallel, which may have begun earlier, is not to wait for it.
               -- Then 1, 2, 4, ... seconds up to the cap.
               blocked_until = CASE
                   WHEN known.failures < $2 OR known.last_at < now() - make_interval(secs => $4) THEN '-infinity'
                   ELSE now() + make_interval(secs => least(2 ^ least(known.failures - $2, 30), $3)) END,
               last_at = now()
           WHERE known.blocked_until <= now()
           RETURNING failures"#,
        key,
        policy.n_free,
        policy.max_delay.as_secs_f64(),
        policy.fades_after.as_secs_f64(),
    )
    .fetch_optional(&mut *connection)
    .await?;
    if let Some(failures) = failures {
        return Ok(Ok(failures));
    }
    let row = sqlx::query!(r#"SELECT blocked_until, now() AS "now!" FROM login_throttle WHERE key = $1"#, key)
        .fetch_optional(connection)
        .await?;
    let left = row.map_or_else(chrono::TimeDelta::zero, |row| row.blocked_until - row.now);
    Ok(Err(at_least_a_second(left.to_std().unwrap_or_default())))
}

/// When the attempt was, or how long to wait until there are fewer than `limit` in the last minute.
async fn add_to_minute(
    connection: &mut PgConnection,
    key: &str,
    limit: i32,
) -> Result<Result<DateTime<Utc>, Duration>> {
    let at = sqlx::query_scalar!(
        r#"INSERT INTO login_rate AS known (key, recent) VALUES ($1, ARRAY[clock_timestamp()])
           ON CONFLICT (key) DO UPDATE SET
               recent = ARRAY(SELECT t FROM unnest(known.recent) t WHERE t > clock_timestamp() - interval '1 minute' ORDER BY t)
                   || clock_timestamp(),
               last_at = now()
           WHERE (SELECT count(*) FROM unnest(known.recent) t WHERE t > clock_timestamp() - interval '1 minute') < $2
           RETURNING recent[cardinality(recent)] AS "at!""#,
        key,
        i64::from(limit),
    )
    .fetch_optional(&mut *connection)
    .await?;
    if let Some(at) = at {
        return Ok(Ok(at));
    }
    let left = sqlx::query_scalar!(
        r#"SELECT extract(epoch FROM t + interval '1 minute' - clock_timestamp())::float8 AS "left!"
           FROM login_rate r, unnest(r.recent) t
           WHERE r.key = $1 ORDER BY t DESC OFFSET greatest($2 - 1, 0) LIMIT 1"#,
        key,
        limit,
    )
    .fetch_optional(connection)
    .await?;
    Ok(Err(at_least_a_second(Duration::try_from_secs_f64(left.unwrap_or_default()).unwrap_or_default())))
}

fn at_least_a_second(left: Duration) -> Duration {
    left.max(Duration::from_secs(1))
}

/// Removes what has faded, in the transaction of a login: whoever gets in pays for the tidying.
pub(crate) async fn sweep(connection: &mut PgConnection) -> Result<()> {
    sqlx::query!(
        r#"DELETE FROM login_throttle WHERE key IN (
               SELECT key FROM login_throttle
               WHERE last_at < now() - interval '1 day' AND blocked_until <= now()
               -- Two logins that tidy at once never wait for each other.
               FOR UPDATE SKIP LOCKED)"#
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        r#"DELETE FROM login_rate WHERE key IN (
               SELECT key FROM login_rate WHERE last_at < now() - interval '1 hour' FOR UPDATE SKIP LOCKED)"#
    )
    .execute(connection)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use sqlx::PgPool;

    use super::*;

    const POLICY: Policy =
        Policy { n_free: 3, max_delay: Duration::from_secs(4), fades_after: Duration::from_hours(1) };

    fn count(key: &str, n_free: i32) -> Count {
        Count { key: key.to_owned(), policy: Policy { n_free, ..POLICY }, is_forgotten_by_success: false }
    }

    async fn attempt(store: &Store) -> Attempt {
        store.begin_attempt(vec![count("pair:x", 3)], None).await.unwrap()
    }

    fn is_allowed(attempt: &Attempt) -> bool {
        matches!(attempt, Attempt::Allowed(_))
    }

    async fn let_the_delay_pass(pool: &PgPool) {
        sqlx::query("UPDATE login_throttle SET blocked_until = now()").execute(pool).await.unwrap();
    }

    #[sqlx::test(migrator = "crate::MIGRATOR")]
    async fn the_delay_doubles_up_to_its_cap_and_fades(pool: PgPool) {
        let store = Store::from_pool(pool.clone());
        for _ in 0..3 {
            assert!(is_allowed(&attempt(&store).await));
        }
        for seconds in [1, 2, 4, 4] {
            assert!(is_allowed(&attempt(&store).await));
            let Attempt::Blocked { retry_after } = attempt(&store).await else { panic!("not slowed down") };
            assert!(retry_after <= Duration::from_secs(seconds), "{retry_after:?} after {seconds}");
            assert!(retry_after > Duration::from_secs(seconds) / 2, "{retry_after:?} after {seconds}");
            let_the_delay_pass(&pool).await;
        }
        sqlx::query("UPDATE login_throttle SET last_at = now() - interval '2 hours'").execute(&pool).await.unwrap();
        for _ in 0..3 {
            assert!(is_allowed(&attempt(&store).await));
        }
        sqlx::query("UPDATE login_throttle SET last_at = now() - interval '2 days'").execute(&pool).await.unwrap();
        sqlx::query("INSERT INTO login_rate VALUES ('r', '{}', now() - interval '2 hours')")
            .execute(&pool)
            .await
            .unwrap();
        sweep(&mut pool.acquire().await.unwrap()).await.unwrap();
        for table in ["login_throttle", "login_rate"] {
            let count = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
            assert_eq!(sqlx::query_scalar::<_, i64>(count).fetch_one(&pool).await.unwrap(), 0, "{table}");
        }
    }

    #[sqlx::test(migrator = "crate::MIGRATOR")]
    async fn a_burst_in_parallel_gets_no_more_than_one_after_the_other(pool: PgPool) {
        let store = Store::from_pool(pool);
        let burst = futures::future::join_all((0..40).map(|_| attempt(&store))).await;
        assert_eq!(burst.iter().filter(|attempt| is_allowed(attempt)).count(), 4);
    }

    #[sqlx::test(migrator = "crate::MIGRATOR")]
    async fn a_minute_holds_so_many_and_the_last_places_are_for_who_has_not_failed(pool: PgPool) {
        let store = Store::from_pool(pool.clone());
        let rate =
            || Some(Rate { key: "account:x".into(), per_minute: 12, n_reserved: 4, is_forgotten_by_success: true });
        let from = async |network: &str| store.begin_attempt(vec![count(network, 99)], rate()).await.unwrap();
        let burst = futures::future::join_all((0..40).map(|_| from("one"))).await;
        assert_eq!(burst.iter().filter(|attempt| is_allowed(attempt)).count(), 8, "four are kept for others");
        let Attempt::Blocked { retry_after } = from("one").await else { panic!("not bounded") };
        assert!(retry_after > Duration::from_secs(30) && retry_after <= Duration::from_mins(1), "{retry_after:?}");
        let Attempt::Allowed(ticket) = from("two").await else { panic!("no place was kept") };
        store.attempt_succeeded(&ticket).await.unwrap();
        for (network, expected) in
            [("two", true), ("three", true), ("four", true), ("five", true), ("six", false), ("seven", false)]
        {
            assert_eq!(is_allowed(&from(network).await), expected, "{network}");
        }
        sqlx::query("UPDATE login_rate SET recent = ARRAY(SELECT t - interval '61 seconds' FROM unnest(recent) t)")
            .execute(&pool)
            .await
            .unwrap();
        assert!(is_allowed(&from("one").await), "a minute ends");
    }

    #[sqlx::test(migrator = "crate::MIGRATOR")]
    async fn success_takes_an_attempt_out_of_its_minute_only_where_it_is_to(pool: PgPool) {
        let store = Store::from_pool(pool);
        for (key, is_forgotten_by_success) in [("forgotten", true), ("kept", false)] {
            let rate = || Some(Rate { key: key.into(), per_minute: 1, n_reserved: 0, is_forgotten_by_success });
            let begin = async || store.begin_attempt(vec![count(key, 9)], rate()).await.unwrap();
            let Attempt::Allowed(dropped) = begin().await else { panic!("the first one") };
            store.attempt_was_dropped(&dropped).await.unwrap();
            let Attempt::Allowed(ticket) = begin().await else { panic!("what was never looked at is taken back") };
            store.attempt_succeeded(&ticket).await.unwrap();
            assert_eq!(is_allowed(&begin().await), is_forgotten_by_success, "{key}");
        }
    }

    #[sqlx::test(migrator = "crate::MIGRATOR")]
    async fn an_attempt_is_counted_under_all_its_keys_or_under_none(pool: PgPool) {
        let store = Store::from_pool(pool);
        let both = async || store.begin_attempt(vec![count("wide", 9), count("narrow", 0)], None).await.unwrap();
        assert!(is_allowed(&both().await) && is_allowed(&both().await));
        assert!(!is_allowed(&both().await), "the narrow one says to wait");
        let Attempt::Allowed(ticket) = store.begin_attempt(vec![count("wide", 9)], None).await.unwrap() else {
            panic!("the wide one has room")
        };
        assert_eq!(ticket.n_failures, 3, "what was refused is not counted");
        store.attempt_was_dropped(&ticket).await.unwrap();
        let Attempt::Allowed(again) = store.begin_attempt(vec![count("wide", 9)], None).await.unwrap() else {
            panic!("the wide one has room")
        };
        assert_eq!(again.n_failures, 3, "what was never looked at is taken back");
    }
}
