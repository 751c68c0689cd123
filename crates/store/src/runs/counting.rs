//! The totals of days, for charts: made after the commits, by whoever does the chores, of runs that were committed since they were counted.
//! A day that changed is made anew as a whole from what is kept of each run, so counting twice, late or out of order gives the same; what
//! went on again or is gone changes its day. Days are of UTC. Must never be part of a commit, nor write a row of the engine's.

use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

use crate::{Result, Store, chores};

/// Runs that are counted in one go.
const MOST_RUNS: i64 = 2_000;

/// Days whose runs are counted; what is older leaves the totals.
pub const KEPT_DAYS: i32 = 400;

/// The day from which on runs are counted.
macro_rules! kept_from {
    () => {
        "((now() AT TIME ZONE 'UTC')::date - $2::int)"
    };
}

/// Runs that were committed since they were counted, the newest first, so that one go meets few days; and those that were counted and are
/// gone, or too old. One that goes on is counted when it is quiet for a moment, or was counted a minute ago.
const BEHIND: &str = concat!(
    "SELECT coalesce(r.id, c.run_id), coalesce(r.committed_at, c.as_of)
    FROM (
        SELECT w.id, w.created_at, w.committed_at, w.finished_at FROM workflow_runs w
        WHERE NOT w.is_test AND w.created_at >= ",
    kept_from!(),
    "::timestamp AT TIME ZONE 'UTC'
    ) r
    FULL JOIN run_counts c ON c.run_id = r.id
    WHERE r.id IS NULL OR c.run_id IS NULL AND (r.finished_at IS NOT NULL OR r.committed_at < now() - interval '5 seconds')
        OR c.as_of < r.committed_at AND (r.finished_at IS NOT NULL OR r.committed_at < now() - interval '5 seconds'
            OR c.as_of < now() - interval '1 minute')
    ORDER BY r.created_at DESC NULLS FIRST
    LIMIT $1"
);

/// Forgets what was counted of some runs, and says on which days that was.
const FORGET: [&str; 2] = [
    "DELETE FROM run_counts WHERE run_id = ANY($1) RETURNING day",
    "DELETE FROM run_usages WHERE run_id = ANY($1) RETURNING day",
];

/// A number of milliseconds as its bucket; the twin of `workflow::totals::millis`.
macro_rules! bucket {
    ($took:literal) => {
        concat!(
            "least(400, floor(ln(greatest(1, extract(epoch FROM ",
            $took,
            ")::float8 * 1000)) / ln(1.1::float8)))::smallint"
        )
    };
}

/// How many milliseconds the run `r` was over before it went on again: as its last event that tells of it says.
macro_rules! rested_ms {
    () => {
        "coalesce((SELECT (e.event #>> '{data,run,rested_ms}')::bigint FROM run_events e
            WHERE e.run_id = r.id AND (e.event #> '{data,run}') IS NOT NULL ORDER BY e.seq DESC LIMIT 1), 0)"
    };
}
pub(crate) use rested_ms;

/// What is counted of runs: those of `$runs`, a list of ids and of the commits up to which they are counted. With the time in which at
/// least one gate was open, of runs that completed. What they rested in between is no part of what they took.
macro_rules! counts_of {
    ($runs:literal) => {
        concat!(
            "SELECT r.id, b.as_of, (r.created_at AT TIME ZONE 'UTC')::date, r.user_id, r.template_id, r.parent_run IS NOT NULL,
        CASE WHEN r.finished_at IS NOT NULL THEN r.status END,
        CASE WHEN r.status = 'completed' THEN ",
            $crate::runs::counting::bucket!(
                "(r.finished_at - r.created_at - coalesce(g.waited, interval '0') - s.rested)"
            ),
            " END,
        CASE WHEN r.status = 'completed' AND g.waited > interval '0' THEN ",
            $crate::runs::counting::bucket!("g.waited"),
            " END
    FROM ",
            $runs,
            " b (id, as_of)
    JOIN workflow_runs r ON r.id = b.id
    LEFT JOIN LATERAL (
        SELECT sum(upper(m.open) - lower(m.open)) AS waited
        FROM (
            SELECT unnest(range_agg(tstzrange(greatest(e.opened_at, r.created_at), least(e.closed_at, r.finished_at)))) AS open
            FROM review_ends e
            WHERE e.run_id = r.id AND least(e.closed_at, r.finished_at) > greatest(e.opened_at, r.created_at)
        ) m
    ) g ON r.status = 'completed'
    LEFT JOIN LATERAL (SELECT ",
            $crate::runs::counting::rested_ms!(),
            " * interval '1 millisecond' AS rested WHERE r.status = 'completed') s ON true
    WHERE NOT r.is_test"
        )
    };
}
pub(crate) use {bucket, counts_of};

const COUNT: &str = concat!(
    "INSERT INTO run_counts (run_id, as_of, day, user_id, template_id, is_part, ended, took, waited) ",
    counts_of!("unnest($1::uuid[], $3::timestamptz[])"),
    " AND r.created_at >= ",
    kept_from!(),
    "::timestamp AT TIME ZONE 'UTC'
    RETURNING day"
);

/// Each version is read once, however many attempts there are. Items belong to the step whose key stands before the bracket.
const COUNT_USAGES: &str = "WITH versions AS MATERIALIZED (
        SELECT DISTINCT r.template_id, r.template_version FROM workflow_runs r WHERE r.id = ANY($1)
    ), agents AS MATERIALIZED (
        SELECT v.template_id, v.version, s.key, s.value ->> 'agent_id' AS agent_id
        FROM versions w
        JOIN workflow_template_versions v ON v.template_id = w.template_id AND v.version = w.template_version
        CROSS JOIN LATERAL json_each(v.definition -> 'steps') s
    )
    INSERT INTO run_usages (run_id, day, agent_id, model, n_attempts, tokens, cost_micros)
    SELECT a.run_id, (a.started_at AT TIME ZONE 'UTC')::date, coalesce(g.agent_id, ''), coalesce(a.model, ''), count(*),
        coalesce(sum(coalesce(a.prompt_tokens, 0) + coalesce(a.completion_tokens, 0)), 0)::bigint,
        coalesce(sum(a.cost_micros), 0)::bigint
    FROM attempts a
    JOIN run_counts c ON c.run_id = a.run_id
    JOIN workflow_runs r ON r.id = a.run_id
    LEFT JOIN agents g
        ON g.template_id = r.template_id AND g.version = r.template_version AND g.key = split_part(a.step, '[', 1)
    WHERE a.run_id = ANY($1) AND a.ended_at IS NOT NULL
    GROUP BY 1, 2, 3, 4
    RETURNING day";

/// What days come to, of what was counted: for each person, and for everybody together under the id of nobody. `$which`: which days, as a
/// condition that others follow.
macro_rules! days {
    ($which:literal) => {
        concat!(
            "SELECT c.day, coalesce(c.user_id, '00000000-0000-0000-0000-000000000000'), c.template_id, count(*),
        count(*) FILTER (WHERE c.ended = 'completed'), count(*) FILTER (WHERE c.ended = 'failed'),
        count(*) FILTER (WHERE c.ended = 'cancelled')
    FROM run_counts c WHERE ",
            $which,
            " AND NOT c.is_part
    GROUP BY GROUPING SETS ((c.day, c.user_id, c.template_id), (c.day, c.template_id))"
        )
    };
}

/// The same for how long runs took and waited.
macro_rules! day_times {
    ($which:literal) => {
        concat!(
            "SELECT c.day, coalesce(c.user_id, '00000000-0000-0000-0000-000000000000'), c.template_id, t.is_waiting, t.bucket, count(*)
    FROM run_counts c CROSS JOIN LATERAL (VALUES (false, c.took), (true, c.waited)) t (is_waiting, bucket)
    WHERE ",
            $which,
            " AND NOT c.is_part AND t.bucket IS NOT NULL
    GROUP BY GROUPING SETS ((c.day, c.user_id, c.template_id, t.is_waiting, t.bucket),
        (c.day, c.template_id, t.is_waiting, t.bucket))"
        )
    };
}

/// The same for what attempts used.
macro_rules! day_usages {
    ($which:literal) => {
        concat!(
            "SELECT u.day, coalesce(c.user_id, '00000000-0000-0000-0000-000000000000'), c.template_id, c.is_part, u.agent_id, u.model,
        sum(u.n_attempts)::bigint, sum(u.tokens)::bigint, sum(u.cost_micros)::bigint
    FROM run_usages u JOIN run_counts c ON c.run_id = u.run_id
    WHERE ",
            $which,
            "
    GROUP BY GROUPING SETS ((u.day, c.user_id, c.template_id, c.is_part, u.agent_id, u.model),
        (u.day, c.template_id, c.is_part, u.agent_id, u.model))"
        )
    };
}
pub(crate) use {day_times, day_usages, days};

/// Makes whole days anew.
const MAKE_DAYS: [&str; 6] = [
    "DELETE FROM run_days WHERE day = ANY($1)",
    "DELETE FROM run_day_times WHERE day = ANY($1)",
    "DELETE FROM run_day_usages WHERE day = ANY($1)",
    concat!(
        "INSERT INTO run_days (day, user_id, template_id, n_runs, n_completed, n_failed, n_cancelled) ",
        days!("c.day = ANY($1)")
    ),
    concat!(
        "INSERT INTO run_day_times (day, user_id, template_id, is_waiting, bucket, n) ",
        day_times!("c.day = ANY($1)")
    ),
    concat!(
        "INSERT INTO run_day_usages (day, user_id, template_id, is_part, agent_id, model, n_attempts, tokens, cost_micros) ",
        day_usages!("u.day = ANY($1)")
    ),
];

impl Store {
    /// Counts some runs that are behind, and says whether there may be more. Nothing where another process does it just now.
    pub async fn count_runs(&self) -> Result<bool> {
        let mut tx = self.pool.begin().await?;
        if !chores::take(&mut tx, "run_counts").await? {
            return Ok(false);
        }
        let behind: Vec<(Uuid, DateTime<Utc>)> =
            sqlx::query_as(BEHIND).bind(MOST_RUNS).bind(KEPT_DAYS).fetch_all(&mut *tx).await?;
        if behind.is_empty() {
            return Ok(false);
        }
        let (ids, as_of): (Vec<Uuid>, Vec<DateTime<Utc>>) = behind.into_iter().unzip();
        let mut days: Vec<NaiveDate> = Vec::new();
        for sql in FORGET {
            days.extend(sqlx::query_scalar::<_, NaiveDate>(sql).bind(&ids).fetch_all(&mut *tx).await?);
        }
        let counted = sqlx::query_scalar::<_, NaiveDate>(COUNT).bind(&ids).bind(KEPT_DAYS).bind(&as_of);
        days.extend(counted.fetch_all(&mut *tx).await?);
        let used = sqlx::query_scalar::<_, NaiveDate>(COUNT_USAGES).bind(&ids);
        days.extend(used.fetch_all(&mut *tx).await?);
        days.sort_unstable();
        days.dedup();
        for sql in MAKE_DAYS {
            sqlx::query(sql).bind(&days).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Ok(i64::try_from(ids.len()) == Ok(MOST_RUNS))
    }
}
