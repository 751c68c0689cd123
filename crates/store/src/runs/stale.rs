//! How many steps of a run are stale, for the list of runs: worked out of its whole log by the chore that reads its texts, after the commits.
//! Must never be what decides anything: whether a step is stale now is `workflow::staleness` of the run as it is.

use sqlx::PgConnection;
use uuid::Uuid;
use workflow::{
    run::{RunEvent, State, state::Emails},
    staleness::staleness,
    view::Applied,
};

use crate::Result;

/// Events that are read in one go: a log may be large, and others use the thread too.
const EVENTS: i64 = 500;

/// Whether anybody did more to it than start and hold it: what goes on by itself reads only what is the latest. Nothing is read of a run
/// that is set aside.
const IS_TOUCHED: &str = "SELECT EXISTS (
        SELECT FROM workflow_runs r JOIN run_events e ON e.run_id = r.id
        WHERE r.id = $1 AND r.quarantine IS NULL AND e.seq > 1 AND e.event->>'actor' IS NOT NULL
            AND e.event->>'kind' NOT IN ('run_paused', 'run_resumed', 'run_cancelled', 'auto_run_changed', 'step_voted')
    )";

const READ: &str =
    "SELECT e.seq, e.event::text FROM run_events e WHERE e.run_id = $1 AND e.seq > $2 ORDER BY e.seq LIMIT $3";

/// Nothing where an event is of a newer program, or the log is not whole: nobody knows then.
pub(super) async fn n_stale(connection: &mut PgConnection, run: Uuid) -> Result<Option<i32>> {
    let is_touched: bool = sqlx::query_scalar(IS_TOUCHED).bind(run).fetch_one(&mut *connection).await?;
    if !is_touched {
        return Ok(Some(0));
    }
    let mut state = State::fold(std::iter::empty());
    let mut seen = 0_i64;
    loop {
        let rows: Vec<(i64, String)> =
            sqlx::query_as(READ).bind(run).bind(seen).bind(EVENTS).fetch_all(&mut *connection).await?;
        let Some((last, _)) = rows.last() else { break };
        seen = *last;
        for (_, text) in &rows {
            let Ok(event) = serde_json::from_str::<RunEvent>(text) else { return Ok(None) };
            if !matches!(state.apply(&event), Applied::Changed) {
                return Ok(None);
            }
        }
    }
    let found = staleness(&state.view(&Emails::new()));
    Ok(Some(i32::try_from(found.len()).unwrap_or(i32::MAX)))
}
