//! The totals of days: what was counted of a run is what its rows say, and a day is the sum of what was counted.
//! Must never look at what is still to be counted: totals follow the commits by and by, and a run that was committed since is none yet.

use sqlx::PgConnection;

use super::{
    Invariant, MOST_EXAMPLES,
    questions::{answer, places},
};
use crate::runs::counting::{counts_of, day_times, day_usages, days};

/// Runs that were not committed since they were counted.
macro_rules! quiet {
    () => {
        "SELECT q.run_id, q.as_of FROM run_counts q JOIN workflow_runs w ON w.id = q.run_id
        WHERE q.as_of = w.committed_at AND w.quarantine IS NULL"
    };
}

const COUNTED: &str = places!(concat!(
    "WITH quiet AS MATERIALIZED (",
    quiet!(),
    "), counted AS (",
    counts_of!("(SELECT run_id, as_of FROM quiet)"),
    "), stored AS (
        SELECT c.run_id, c.as_of, c.day, c.user_id, c.template_id, c.is_part, c.ended, c.took, c.waited
        FROM run_counts c JOIN quiet ON quiet.run_id = c.run_id
    ), used AS (
        SELECT a.run_id, (a.started_at AT TIME ZONE 'UTC')::date, coalesce(a.model, ''), count(*),
            coalesce(sum(coalesce(a.prompt_tokens, 0) + coalesce(a.completion_tokens, 0)), 0)::bigint,
            coalesce(sum(a.cost_micros), 0)::bigint
        FROM attempts a JOIN stored s ON s.run_id = a.run_id WHERE a.ended_at IS NOT NULL GROUP BY 1, 2, 3
    ), kept AS (
        SELECT u.run_id, u.day, u.model, sum(u.n_attempts)::bigint, sum(u.tokens)::bigint, sum(u.cost_micros)::bigint
        FROM run_usages u JOIN quiet ON quiet.run_id = u.run_id GROUP BY 1, 2, 3
    ), counts AS (
        (TABLE stored EXCEPT TABLE counted) UNION ALL (TABLE counted EXCEPT TABLE stored)
    ), usages AS (
        (TABLE used EXCEPT TABLE kept) UNION ALL (TABLE kept EXCEPT TABLE used)
    )
    SELECT format('run %s: how it ended', run_id) FROM counts
    UNION SELECT format('run %s: what its attempts used', run_id) FROM usages"
));

/// `$made`: what it comes to, its columns as the table has them.
macro_rules! differing {
    ($made:expr, $columns:literal, $table:literal) => {
        concat!(
            "(",
            $made,
            " EXCEPT SELECT ",
            $columns,
            " FROM ",
            $table,
            ") UNION ALL (SELECT ",
            $columns,
            " FROM ",
            $table,
            " EXCEPT ",
            $made,
            ")"
        )
    };
}

const SUMMED: &str = places!(concat!(
    "SELECT format('%s of the workflow %s: runs', d.day, d.template_id) FROM (",
    differing!(days!("true"), "day, user_id, template_id, n_runs, n_completed, n_failed, n_cancelled", "run_days"),
    ") d (day, user_id, template_id)
    UNION SELECT format('%s of the workflow %s: times', d.day, d.template_id) FROM (",
    differing!(day_times!("true"), "day, user_id, template_id, is_waiting, bucket, n", "run_day_times"),
    ") d (day, user_id, template_id)
    UNION SELECT format('%s of the workflow %s: usage', d.day, d.template_id) FROM (",
    differing!(
        day_usages!("true"),
        "day, user_id, template_id, is_part, agent_id, model, n_attempts, tokens, cost_micros",
        "run_day_usages"
    ),
    ") d (day, user_id, template_id)"
));

pub(super) async fn look(connection: &mut PgConnection) -> sqlx::Result<Vec<Invariant>> {
    let most = i64::try_from(MOST_EXAMPLES).unwrap_or(i64::MAX);
    let mut invariants = Vec::new();
    for (name, says, sql) in [
        ("runs-are-counted", "what was counted of a run for its day is what its rows say", COUNTED),
        ("days-are-sums", "the totals of a day are the sums of what was counted", SUMMED),
    ] {
        let found: Vec<(i64, String)> = sqlx::query_as(sql).bind(most).fetch_all(&mut *connection).await?;
        invariants.push(answer(name, says, found));
    }
    Ok(invariants)
}
