//! Going alone: who lost three times locks the run for as long as it takes to read what is new, decide and commit.
//! The one transaction during which something is decided. Must never last: who waits for the lock, and who holds it, does so for a
//! second at most.

use chrono::{DateTime, Utc};
use workflow::{RunId, id::WorkerId};

use super::{
    Log,
    commit::Commit,
    lanes::Lane,
    load::{Loaded, Seen, finish, read},
    outcome::{Outcome, Refusal},
    statement::{self, Head},
};
use crate::Result;

/// A run that nobody else can commit meanwhile. Dropped, it is let go with nothing written.
pub struct Alone<'a> {
    lane: Lane<'a>,
    /// What is new since what was seen; none where there is no such run.
    pub newer: Option<Loaded>,
    /// The database's time.
    pub now: DateTime<Utc>,
}

impl Log {
    /// Waits for the run for a second at most; that it was not to be had is an error that says that it took too long.
    pub async fn alone(&self, run: RunId, seen: Option<Seen>) -> Result<Alone<'_>> {
        let mut lane = self.engine.take().await?;
        let locked = lock(&mut lane, run, seen).await;
        match locked {
            Ok((newer, now)) => Ok(Alone { lane, newer, now }),
            Err(error) => {
                let answered = matches!(error, sqlx::Error::Database(_));
                if answered && sqlx::query("ROLLBACK").execute(lane.connection()).await.is_ok() {
                    lane.done();
                }
                Err(error.into())
            }
        }
    }
}

async fn lock(lane: &mut Lane<'_>, run: RunId, seen: Option<Seen>) -> sqlx::Result<(Option<Loaded>, DateTime<Utc>)> {
    sqlx::query("BEGIN ISOLATION LEVEL READ COMMITTED").execute(lane.connection()).await?;
    sqlx::query(
        "SELECT set_config('lock_timeout', '1000', true), set_config('idle_in_transaction_session_timeout', '1000', true)",
    )
    .execute(lane.connection())
    .await?;
    sqlx::query("SELECT FROM run_heads WHERE id = $1 FOR NO KEY UPDATE").bind(run.0).execute(lane.connection()).await?;
    let newer = read(lane.connection(), &[(run, seen)]).await?.remove(&run);
    let now = sqlx::query_scalar("SELECT clock_timestamp()").fetch_one(lane.connection()).await?;
    Ok((newer, now))
}

impl Alone<'_> {
    /// Of the run that is locked, and decided on what was read here.
    pub async fn commit(mut self, commit: &Commit, keep_for: Option<WorkerId>) -> Result<Outcome> {
        let answer = statement::commit(self.lane.connection(), Head::GoOn, &[commit], keep_for).await;
        let outcome = match answer {
            Ok(answer) => answer.outcomes.into_iter().next().unwrap_or(Outcome::Lost),
            Err(error) => match Refusal::of(&error) {
                Some(refusal) => Outcome::Refused(refusal),
                None => return Err(error.into()),
            },
        };
        let end = if matches!(outcome, Outcome::Written) { "COMMIT" } else { "ROLLBACK" };
        let ended = sqlx::query(end).execute(self.lane.connection()).await;
        finish(self.lane, ended.as_ref().err());
        ended?;
        Ok(outcome)
    }

    /// There is nothing to write.
    pub async fn leave(mut self) -> Result<()> {
        let ended = sqlx::query("ROLLBACK").execute(self.lane.connection()).await;
        finish(self.lane, ended.as_ref().err());
        Ok(ended.map(drop)?)
    }
}
