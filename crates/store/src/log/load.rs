//! Runs as their logs tell them, read in one snapshot: a head and the events that lead to it are of the same moment.
//! A log with a gap, one that does not end at the head, and one that is another than was seen before are told by name.
//! Must never be guessed around.

use std::{collections::BTreeMap, sync::Arc};

use runs::{AskId, CommitId, Loaded, Logged, Newer, Seen, Unavailable};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;
use workflow::{RunId, run::RunEvent};

use super::{
    Log, failed,
    lanes::Lane,
    verify::{Difference, Rendered, differences, stored},
};
use crate::Result;

/// What a log holds.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Read {
    /// How it is now, and all events, or those that are new.
    Run { seen: Seen, events: Vec<Logged> },
    /// What was seen is no part of its history: it has to be read from the beginning.
    Diverged,
    /// An event that this program does not know: a newer one goes on with the run.
    Unknown { seq: i64 },
    /// The log is not what a log is, or its rows are not what it tells.
    Broken { reason: String },
    /// Somebody found so before.
    Quarantined { reason: String },
}

impl Log {
    /// Only where a run is read from its beginning is it looked at whether its rows are what it tells: what a process knows, it wrote itself
    /// or read so.
    pub(super) async fn load_runs(&self, runs: &[RunId]) -> Result<Vec<Loaded>, Unavailable> {
        let mut lane = self.engine.take().await.map_err(failed::unavailable)?;
        let found = read_with_rows(lane.connection(), runs).await;
        finish(lane, found.as_ref().err());
        let (mut found, rows) = found.map_err(failed::unavailable)?;
        for (run, one) in &mut found {
            if let Read::Run { events, .. } = one {
                let differences = differences(events, rows.get(run).unwrap_or(&Rendered::default()));
                if let Some(first) = differences.first() {
                    *one = Read::Broken {
                        reason: format!("{} rows are not what its log tells: {first}", differences.len()),
                    };
                }
            }
        }
        self.judge(&found).await?;
        let loaded = runs.iter().map(|run| match found.remove(run) {
            Some(Read::Run { seen, events }) => Loaded::Run { seen, events },
            None | Some(Read::Diverged) => Loaded::Missing,
            Some(other) => Loaded::Quarantined { reason: other.reason() },
        });
        Ok(loaded.collect())
    }

    pub(super) async fn newer_than(&self, seen: &[(RunId, Seen)]) -> Result<Vec<Newer>, Unavailable> {
        let from: Vec<(RunId, Option<Seen>)> = seen.iter().map(|(run, seen)| (*run, Some(*seen))).collect();
        let mut lane = self.engine.take().await.map_err(failed::unavailable)?;
        let found = read(lane.connection(), &from).await;
        finish(lane, found.as_ref().err());
        let mut found = found.map_err(failed::unavailable)?;
        self.judge(&found).await?;
        Ok(seen.iter().map(|(run, _)| newer(found.remove(run))).collect())
    }

    /// Everything that differs between the run's log and its rows, in one snapshot. Nothing for a run that is not there.
    pub async fn differences(&self, run: RunId) -> Result<Vec<Difference>> {
        let mut lane = self.engine.take().await?;
        let found = read_with_rows(lane.connection(), &[run]).await;
        finish(lane, found.as_ref().err());
        let (mut found, mut rows) = found?;
        Ok(match found.remove(&run) {
            None => Vec::new(),
            Some(Read::Run { events, .. }) => differences(&events, &rows.remove(&run).unwrap_or_default()),
            Some(other) => {
                let stored = Some(other.reason());
                vec![Difference { table: "run_events", row: run.to_string(), told: None, stored }]
            }
        })
    }

    /// Sets aside what is broken, and remembers what is left to others.
    async fn judge(&self, found: &BTreeMap<RunId, Read>) -> Result<(), Unavailable> {
        for (run, one) in found {
            match one {
                Read::Broken { reason } => {
                    tracing::error!(run.id = %run, reason, "a run is set aside");
                    self.set_aside(*run, reason).await?;
                }
                Read::Unknown { .. } => self.too_new.add(*run),
                Read::Run { .. } => self.too_new.remove(*run),
                Read::Diverged | Read::Quarantined { .. } => {}
            }
        }
        Ok(())
    }
}

impl Read {
    /// Why nobody here may go on with it.
    pub(super) fn reason(self) -> String {
        match self {
            Self::Broken { reason } | Self::Quarantined { reason } => reason,
            Self::Unknown { seq } => format!("event {seq} is of a newer program"),
            Self::Run { .. } | Self::Diverged => "it is as it should be".to_owned(),
        }
    }
}

/// What came to a run after what was seen of it.
pub(super) fn newer(found: Option<Read>) -> Newer {
    match found {
        None => Newer::Missing,
        Some(Read::Run { events, .. }) if events.is_empty() => Newer::Nothing,
        Some(Read::Run { events, .. }) => Newer::Events(events),
        Some(Read::Diverged) => Newer::Diverged,
        Some(other) => Newer::Quarantined { reason: other.reason() },
    }
}

/// A session that answered serves on, but for one that takes no writes.
pub(super) fn finish(lane: Lane<'_>, error: Option<&sqlx::Error>) {
    if error.is_none_or(failed::serves_on) {
        lane.done();
    }
}

/// One statement is one snapshot: the heads, and beside them the log from the last event that was seen. Of a run that is set aside nobody
/// reads it, however often it is asked for.
pub(super) const LOAD: &str = "
SELECT h.id, h.head, h.seq AS last, h.quarantine, l.seq, l.commit_id, l.ask_id, l.event
FROM unnest($1::uuid[], $2::bigint[]) AS r (id, seen)
CROSS JOIN LATERAL (SELECT h.id, h.head, h.seq, h.quarantine FROM workflow_runs h WHERE h.id = r.id LIMIT 1) h
LEFT JOIN LATERAL (
    SELECT e.seq, e.commit_id, e.ask_id, e.event::text AS event
    FROM run_events e WHERE h.quarantine IS NULL AND e.run_id = r.id AND e.seq >= r.seen ORDER BY e.run_id, e.seq
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
) -> sqlx::Result<BTreeMap<RunId, Read>> {
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

/// The whole logs of these runs and the rows beside them, of one moment.
async fn read_with_rows(
    connection: &mut PgConnection,
    runs: &[RunId],
) -> sqlx::Result<(BTreeMap<RunId, Read>, BTreeMap<RunId, Rendered>)> {
    let from: Vec<(RunId, Option<Seen>)> = runs.iter().map(|run| (*run, None)).collect();
    let mut tx = connection.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    let found = read(&mut tx, &from).await?;
    let rows = stored(&mut tx, runs).await?;
    tx.commit().await?;
    Ok((found, rows))
}

/// Whether it has what every event has, in whatever words a newer program has for the rest.
fn is_event(text: &str, seq: i64) -> bool {
    #[derive(serde::Deserialize)]
    struct Outline {
        seq: i64,
        kind: String,
    }
    serde_json::from_str::<Outline>(text).is_ok_and(|outline| outline.seq == seq && !outline.kind.is_empty())
}

/// The events, if they are gapless and lead from what was seen to the head. There is at least one row, and all have the same head.
fn whole(seen: Option<Seen>, rows: &[Row]) -> Read {
    let broken = |reason: String| Read::Broken { reason };
    let Some(Row { head, last, quarantine, .. }) = rows.first() else { return broken("there is no row".into()) };
    if let Some(reason) = quarantine {
        return Read::Quarantined { reason: reason.clone() };
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
                return Read::Diverged;
            }
            continue;
        }
        match serde_json::from_str::<RunEvent>(text) {
            Ok(event) if event.seq == seq => {
                events.push(Logged { commit: CommitId(commit), ask: AskId(ask.as_u128()), event: Arc::new(event) });
            }
            Ok(event) => return broken(format!("event {seq} says that it is event {}", event.seq)),
            Err(_) if is_event(text, seq) => return Read::Unknown { seq },
            Err(_) => return broken(format!("what is stored as event {seq} is none")),
        }
    }
    match end {
        None if seen.is_some() => Read::Diverged,
        None => broken("the log is empty".into()),
        Some(_) if expected != last + 1 => broken(format!("the log ends at event {}, the run at {last}", expected - 1)),
        Some(end) if end != *head => broken(format!("event {last} is not of the commit that the run ends with")),
        Some(_) => Read::Run { seen: Seen { seq: *last, head: CommitId(*head) }, events },
    }
}
