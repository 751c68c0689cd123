//! Going alone: who lost three times locks the run for as long as it takes to read what is new, decide and commit.
//! The one transaction during which something is decided. Must never last: who waits for the lock, and who holds it, does so for a
//! second at most.

use runs::{CommitFailed, Decide, Newer, Outcome, RunCommit, Seen};
use sqlx::PgConnection;
use workflow::RunId;

use super::{
    Log, failed,
    load::{finish, newer, read},
    statement::{self, Head},
};

impl Log {
    pub(super) async fn go_alone(
        &self,
        run: RunId,
        seen: Seen,
        decide: Decide,
    ) -> Result<Option<Outcome>, CommitFailed> {
        let mut lane = self.engine.take().await.map_err(|error| {
            let runs::Unavailable = failed::unavailable(error);
            CommitFailed::Unavailable
        })?;
        let ended = in_turn(lane.connection(), run, seen, decide).await;
        let error = match &ended {
            Ok(_) => None,
            Err((error, _)) => Some(error),
        };
        finish(lane, error);
        match ended {
            Ok(outcome) => Ok(outcome),
            Err((error, _)) if failed::is_locked(&error) => Ok(Some(Outcome::Locked)),
            Err((error, Stage::Ending)) => Err(failed::sent(&error)),
            Err((error, Stage::Before)) => {
                let runs::Unavailable = failed::unavailable(error);
                Err(CommitFailed::Unavailable)
            }
        }
    }
}

/// How far it came.
#[derive(Clone, Copy)]
enum Stage {
    /// Nothing is written.
    Before,
    /// It was told to be written.
    Ending,
}

async fn in_turn(
    connection: &mut PgConnection,
    run: RunId,
    seen: Seen,
    decide: Decide,
) -> Result<Option<Outcome>, (sqlx::Error, Stage)> {
    let newer = match lock(connection, run, seen).await {
        Ok(newer) => newer,
        Err(error) => return Err(back(connection, error).await),
    };
    let Some(commit) = decide(newer) else {
        roll_back(connection).await.map_err(|error| (error, Stage::Before))?;
        return Ok(None);
    };
    let outcome = match write(connection, &commit).await {
        Ok(outcome) => outcome,
        Err(error) => {
            let Some(reason) = failed::refused_value(&error) else { return Err(back(connection, error).await) };
            Outcome::Data(reason)
        }
    };
    if outcome == Outcome::Written {
        sqlx::query("COMMIT").execute(connection).await.map_err(|error| (error, Stage::Ending))?;
    } else {
        roll_back(connection).await.map_err(|error| (error, Stage::Before))?;
    }
    Ok(Some(outcome))
}

async fn lock(connection: &mut PgConnection, run: RunId, seen: Seen) -> sqlx::Result<Newer> {
    sqlx::query("BEGIN ISOLATION LEVEL READ COMMITTED").execute(&mut *connection).await?;
    sqlx::query(
        "SELECT set_config('lock_timeout', '1000', true), set_config('idle_in_transaction_session_timeout', '1000', true)",
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query("SELECT FROM workflow_runs WHERE id = $1 FOR NO KEY UPDATE")
        .bind(run.0)
        .execute(&mut *connection)
        .await?;
    Ok(newer(read(connection, &[(run, Some(seen))]).await?.remove(&run)))
}

async fn write(connection: &mut PgConnection, commit: &RunCommit) -> sqlx::Result<Outcome> {
    let answer = statement::commit(connection, Head::GoOn, &[commit], None).await?;
    answer.outcomes.into_iter().next().ok_or(sqlx::Error::RowNotFound)
}

async fn roll_back(connection: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query("ROLLBACK").execute(connection).await.map(drop)
}

/// The transaction is left, so that the session can serve on; one in which that fails is not used again.
async fn back(connection: &mut PgConnection, error: sqlx::Error) -> (sqlx::Error, Stage) {
    if failed::is_answer(&error)
        && let Err(worse) = roll_back(connection).await
    {
        return (worse, Stage::Before);
    }
    (error, Stage::Before)
}
