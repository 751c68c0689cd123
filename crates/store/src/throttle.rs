//! Slows down guessing: attempts per key, counted in Postgres so that all replicas count together.
//! Must never lock anybody out for good: the delay is capped and fades.

use std::time::Duration;

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

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Attempt {
    Allowed,
    /// Not counted: waiting is enough.
    Blocked {
        retry_after: Duration,
    },
}

impl Store {
    /// Counts an attempt *before* its secret is checked, so that a burst in parallel is slowed down like one after the other.
    pub async fn begin_attempt(&self, key: &str, policy: Policy) -> Result<Attempt> {
        let taken = sqlx::query!(
            r#"INSERT INTO login_throttle AS known (key, failures, blocked_until) VALUES ($1, 1, now())
               ON CONFLICT (key) DO UPDATE SET
                   failures = CASE WHEN known.last_at < now() - make_interval(secs => $4) THEN 1
                                   ELSE least(known.failures + 1, 1000000) END,
                   -- Zero while attempts are free, then 1, 2, 4, ... seconds up to the cap.
                   blocked_until = CASE
                       WHEN known.failures < $2 OR known.last_at < now() - make_interval(secs => $4) THEN now()
                       ELSE now() + make_interval(secs => least(2 ^ least(known.failures - $2, 30), $3)) END,
                   last_at = now()
               WHERE known.blocked_until <= now()
               RETURNING failures"#,
            key,
            policy.n_free,
            policy.max_delay.as_secs_f64(),
            policy.fades_after.as_secs_f64(),
        )
        .fetch_optional(&self.pool)
        .await?;
        if taken.is_some() {
            return Ok(Attempt::Allowed);
        }
        let row = sqlx::query!(r#"SELECT blocked_until, now() AS "now!" FROM login_throttle WHERE key = $1"#, key)
            .fetch_optional(&self.pool)
            .await?;
        let left = row.map_or_else(chrono::TimeDelta::zero, |row| row.blocked_until - row.now);
        Ok(Attempt::Blocked { retry_after: left.to_std().unwrap_or_default().max(Duration::from_secs(1)) })
    }

    /// Takes one attempt back, because it succeeded; other attempts of the key stay counted.
    pub async fn forgive_attempt(&self, key: &str) -> Result<()> {
        sqlx::query!(
            r#"UPDATE login_throttle SET failures = greatest(failures - 1, 0), blocked_until = now() WHERE key = $1"#,
            key,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Forgets a key, because its owner has proved who they are.
    pub async fn forget_attempts(&self, key: &str) -> Result<()> {
        sqlx::query!(r#"DELETE FROM login_throttle WHERE key = $1"#, key).execute(&self.pool).await?;
        Ok(())
    }
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

    async fn attempt(store: &Store) -> Attempt {
        store.begin_attempt("account:x", POLICY).await.unwrap()
    }

    async fn let_the_delay_pass(pool: &PgPool) {
        sqlx::query("UPDATE login_throttle SET blocked_until = now()").execute(pool).await.unwrap();
    }

    #[sqlx::test(migrator = "crate::MIGRATOR")]
    async fn the_delay_doubles_up_to_its_cap_and_fades(pool: PgPool) {
        let store = Store::from_pool(pool.clone());
        for _ in 0..3 {
            assert_eq!(attempt(&store).await, Attempt::Allowed);
        }
        for seconds in [1, 2, 4, 4] {
            assert_eq!(attempt(&store).await, Attempt::Allowed);
            let Attempt::Blocked { retry_after } = attempt(&store).await else { panic!("not slowed down") };
            assert!(retry_after <= Duration::from_secs(seconds), "{retry_after:?} after {seconds}");
            assert!(retry_after > Duration::from_secs(seconds) / 2, "{retry_after:?} after {seconds}");
            let_the_delay_pass(&pool).await;
        }
        sqlx::query("UPDATE login_throttle SET last_at = now() - interval '2 hours'").execute(&pool).await.unwrap();
        for _ in 0..3 {
            assert_eq!(attempt(&store).await, Attempt::Allowed);
        }
        sqlx::query("UPDATE login_throttle SET last_at = now() - interval '2 days'").execute(&pool).await.unwrap();
        sweep(&mut pool.acquire().await.unwrap()).await.unwrap();
        let left: i64 = sqlx::query_scalar("SELECT count(*) FROM login_throttle").fetch_one(&pool).await.unwrap();
        assert_eq!(left, 0);
    }

    #[sqlx::test(migrator = "crate::MIGRATOR")]
    async fn a_burst_in_parallel_gets_no_more_than_one_after_the_other(pool: PgPool) {
        let store = Store::from_pool(pool);
        let burst = futures::future::join_all((0..40).map(|_| attempt(&store))).await;
        assert_eq!(burst.into_iter().filter(|attempt| *attempt == Attempt::Allowed).count(), 4);
    }
}
