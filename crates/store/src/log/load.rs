//! Runs as their logs tell them, read in one snapshot: a head and the events that lead to it are of the same moment.
//! A log with a gap, one that does not end at the head, and one that is another than was seen before are told by name.
//! Must never be guessed around.

use std::collections::BTreeMap;

use sqlx::PgConnection;
use uuid::Uuid;
use workflow::{RunId, run::RunEvent};

use super::{
    Log,
    commit::{AskId, CommitId},
    lanes::Lane,
};
use crate::{Error, Result};

/// What is known of a run: its last event, and the commit that wrote it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seen {
    pub seq: i64,
    pub head: CommitId,
}

/// What a log holds. A run that is not there is in no answer.
#[derive(Clone, PartialEq, Debug)]
pub enum Loaded {
    /// How it is now, and all events, or those that are new.
    Run { seen: Seen, events: Vec<Logged> },
    /// What was seen is no part of its history: it has to be read from the beginning.
    Diverged,
    /// An event that this program does not know: a newer one goes on with the run.
    Unknown { seq: i64 },
    /// The log is not what a log is, or somebody found so before.
    Quarantined { reason: String },
}

/// An event with the commit that wrote it, and the command that it came from.
#[derive(Clone, PartialEq, Debug)]
pub struct Logged {
    pub commit: CommitId,
    pub ask: AskId,
    pub event: RunEvent,
}

impl Log {
    /// Those of the runs that are there, from their beginnings.
    pub async fn load(&self, runs: &[RunId]) -> Result<BTreeMap<RunId, Loaded>> {
        let from: Vec<(RunId, Option<Seen>)> = runs.iter().map(|run| (*run, None)).collect();
        self.read(&from).await
    }

    /// What came to each of these runs after what was seen of it.
    pub async fn load_after(&self, seen: &[(RunId, Seen)]) -> Result<BTreeMap<RunId, Loaded>> {
        let from: Vec<(RunId, Option<Seen>)> = seen.iter().map(|(run, seen)| (*run, Some(*seen))).collect();
        self.read(&from).await
    }

    async fn read(&self, from: &[(RunId, Option<Seen>)]) -> Result<BTreeMap<RunId, Loaded>> {
        let mut lane = self.engine.take().await?;
        let loaded = read(lane.connection(), from).await;
        finish(lane, loaded.as_ref().err());
        Ok(loaded?)
    }

    /// Events after this one, oldest first: what the feed follows. Numbers are in the order of commits, so none appears behind another.
    pub async fn events_after(&self, run: RunId, after: i64, limit: i64) -> Result<Vec<RunEvent>> {
        let mut lane = self.engine.take().await?;
        let rows: sqlx::Result<Vec<(i64, String)>> =
            sqlx::query_as(EVENTS_AFTER).bind(run.0).bind(after).bind(limit).fetch_all(lane.connection()).await;
        finish(lane, rows.as_ref().err());
        let read = |(seq, event): (i64, String)| {
            let row = || format!("{run}/{seq}");
            serde_json::from_str(&event).map_err(|_| Error::Inconsistent {
                table: "run_log",
                column: "event",
                row: row(),
            })
        };
        rows?.into_iter().map(read).collect()
    }
}

/// A session that answered serves on, whatever it said.
pub(super) fn finish(lane: Lane<'_>, error: Option<&sqlx::Error>) {
    if error.is_none_or(|error| matches!(error, sqlx::Error::Database(_))) {
        lane.done();
    }
}

pub(super) const EVENTS_AFTER: &str =
    "SELECT seq, event::text FROM run_log WHERE run_id = $1 AND seq > $2 ORDER BY run_id, seq LIMIT $3";

/// One statement is one snapshot: the heads, and beside them the log from the last event that was seen.
pub(super) const LOAD: &str = "
SELECT h.id, h.head, h.seq AS last, h.quarantine, l.seq, l.commit_id, l.ask_id, l.event
FROM unnest($1::uuid[], $2::bigint[]) AS r (id, seen)
CROSS JOIN LATERAL (SELECT h.id, h.head, h.seq, h.quarantine FROM run_heads h WHERE h.id = r.id LIMIT 1) h
LEFT JOIN LATERAL (
    SELECT e.seq, e.commit_id, e.ask_id, e.event::text AS event
    FROM run_log e WHERE e.run_id = r.id AND e.seq >= r.seen ORDER BY e.run_id, e.seq
) l ON true";

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    head: Uuid,
    last: i64,
    quarantine: Option<String>,
    seq: Option<i64>,
    commit_id: Option<Uuid>,
    ask_id: Option<Uuid>,
    event: Option<String>,
}

pub(super) async fn read(
    connection: &mut PgConnection,
    from: &[(RunId, Option<Seen>)],
) -> sqlx::Result<BTreeMap<RunId, Loaded>> {
    let ids: Vec<Uuid> = from.iter().map(|(run, _)| run.0).collect();
    let seqs: Vec<i64> = from.iter().map(|(_, seen)| seen.map_or(1, |seen| seen.seq)).collect();
    let rows: Vec<Row> = sqlx::query_as(LOAD).bind(ids).bind(seqs).fetch_all(connection).await?;
    let mut runs: BTreeMap<RunId, Vec<Row>> = BTreeMap::new();
    for row in rows {
        runs.entry(RunId(row.id)).or_default().push(row);
    }
    let seen: BTreeMap<RunId, Option<Seen>> = from.iter().copied().collect();
    Ok(runs.into_iter().map(|(run, rows)| (run, whole(seen.get(&run).copied().flatten(), &rows))).collect())
}

/// The events, if they are gapless and lead from what was seen to the head. There is at least one row, and all have the same head.
fn whole(seen: Option<Seen>, rows: &[Row]) -> Loaded {
    let broken = |reason: String| Loaded::Quarantined { reason };
    let Some(Row { head, last, quarantine, .. }) = rows.first() else { return broken("there is no row".into()) };
    if let Some(reason) = quarantine {
        return broken(reason.clone());
    }
    let first = seen.map_or(1, |seen| seen.seq);
    let (mut expected, mut end) = (first, None);
    let mut events = Vec::with_capacity(rows.len());
    for row in rows {
        let (Some(seq), Some(commit), Some(ask), Some(text)) = (row.seq, row.commit_id, row.ask_id, &row.event) else {
            continue;
        };
        if seq != expected {
            return broken(format!("the log has no event {expected}"));
        }
        expected += 1;
        end = Some(commit);
        if let Some(seen) = seen
            && seq == seen.seq
        {
            if seen.head.0 != commit {
                return Loaded::Diverged;
            }
            continue;
        }
        match serde_json::from_str::<RunEvent>(text) {
            Ok(event) if event.seq == seq => {
                events.push(Logged { commit: CommitId(commit), ask: AskId(ask.as_u128()), event });
            }
            Ok(event) => return broken(format!("event {seq} says that it is event {}", event.seq)),
            Err(_) => return Loaded::Unknown { seq },
        }
    }
    match end {
        None if seen.is_some() => Loaded::Diverged,
        None => broken("the log is empty".into()),
        Some(_) if expected != last + 1 => broken(format!("the log ends at event {}, the run at {last}", expected - 1)),
        Some(end) if end != *head => broken(format!("event {last} is not of the commit that the run ends with")),
        Some(_) => Loaded::Run { seen: Seen { seq: *last, head: CommitId(*head) }, events },
    }
}
