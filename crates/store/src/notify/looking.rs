//! Who looks at a run, by any process, so that workers send its text. It is forgotten by itself unless it is said again.

use std::collections::BTreeSet;

use workflow::RunId;

use crate::{Result, Store};

impl Store {
    /// Says that somebody looks at the run now, so that workers send its tokens. To be repeated while it lasts.
    pub async fn watch_run(&self, run: RunId) -> Result<()> {
        let is_new = sqlx::query_scalar!(
            r#"WITH old AS (SELECT until FROM run_watchers WHERE run_id = $1)
            INSERT INTO run_watchers (run_id, until) VALUES ($1, clock_timestamp() + interval '20 seconds')
            ON CONFLICT (run_id) DO UPDATE SET until = excluded.until
            RETURNING coalesce((SELECT until FROM old) < clock_timestamp(), true) AS "is_new!""#,
            run.0,
        )
        .fetch_one(&self.pool)
        .await?;
        if is_new {
            self.outbox.watched(run);
        }
        Ok(())
    }

    /// Asks workers for all text of the run's running attempts: whoever begins to look has missed what was sent before.
    pub fn ask_for_text(&self, run: RunId) {
        self.outbox.watched(run);
    }

    /// The runs that somebody looks at now.
    pub async fn watched_runs(&self) -> Result<BTreeSet<RunId>> {
        let ids = sqlx::query_scalar!("SELECT run_id FROM run_watchers WHERE until > clock_timestamp()")
            .fetch_all(&self.pool)
            .await?;
        Ok(ids.into_iter().map(RunId).collect())
    }

    /// Forgets who looked long ago.
    pub async fn sweep_watchers(&self) -> Result<()> {
        sqlx::query!("DELETE FROM run_watchers WHERE until < clock_timestamp() - interval '1 minute'")
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}
