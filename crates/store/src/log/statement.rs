//! The statement of a commit as it is sent: its text, made of the files in `sql`, and its answer.
//! Must never be sent with a run twice, nor in another order than that of `commit::parts`.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use runs::{Outcome, RunCommit};
use sqlx::PgConnection;
use uuid::Uuid;
use workflow::id::WorkerId;

use super::{
    columns::{Columns, Reach},
    outcome::{AnswerRow, outcome},
};

/// Whether the runs of a batch are there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Head {
    GoOn,
    Begin,
}

macro_rules! near {
    ($head:literal) => {
        concat!(
            include_str!("sql/batch.sql"),
            include_str!("sql/no_inputs.sql"),
            include_str!($head),
            include_str!("sql/parts.sql"),
            include_str!("sql/answer.sql")
        )
    };
}

macro_rules! far {
    ($head:literal) => {
        concat!(
            include_str!("sql/batch.sql"),
            include_str!("sql/inputs.sql"),
            include_str!($head),
            include_str!("sql/parts.sql"),
            include_str!("sql/more_parts.sql"),
            include_str!("sql/answer.sql")
        )
    };
}

pub(super) const fn sql(head: Head, reach: Reach) -> &'static str {
    match (head, reach) {
        (Head::GoOn, Reach::Near) => near!("sql/go_on.sql"),
        (Head::GoOn, Reach::Far) => far!("sql/go_on.sql"),
        (Head::Begin, Reach::Near) => near!("sql/begin.sql"),
        (Head::Begin, Reach::Far) => far!("sql/begin.sql"),
    }
}

pub(super) struct Answer {
    pub(super) at: DateTime<Utc>,
    pub(super) outcomes: Vec<Outcome>,
    pub(super) is_set: bool,
}

/// One statement, one round trip.
pub(super) async fn commit(
    connection: &mut PgConnection,
    head: Head,
    commits: &[&RunCommit],
    keep_for: Option<WorkerId>,
) -> sqlx::Result<Answer> {
    let columns = Columns::of(commits, keep_for)?;
    let reach = columns.reach();
    let rows: Vec<AnswerRow> = columns.bind(sqlx::query_as(sql(head, reach)), reach).fetch_all(connection).await?;
    let at = rows.first().map_or(DateTime::UNIX_EPOCH, |row| row.now);
    let is_set = rows.iter().all(|row| row.is_set);
    let mut rows: BTreeMap<Uuid, AnswerRow> = rows.into_iter().map(|row| (row.id, row)).collect();
    let outcomes = commits.iter().map(|commit| {
        let row = rows.remove(&commit.run.0).ok_or(sqlx::Error::RowNotFound)?;
        Ok(outcome(row, commit))
    });
    Ok(Answer { at, outcomes: outcomes.collect::<sqlx::Result<_>>()?, is_set })
}
