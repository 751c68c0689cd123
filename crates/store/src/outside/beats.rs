//! The beats of many sessions in one statement: each is its lease, and hears what the session holds and what is wanted of it.
//! Must never bring one back that is ending or dead.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;
use workflow::{RunId, StepKey, api::WorkerState, id::WorkerId};

use crate::{Error, Result, Store, decode};

/// An attempt by its place.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Place {
    pub run: RunId,
    pub step: StepKey,
    pub number: i32,
}

/// A session that lives, as the database knows it.
#[derive(Clone, PartialEq, Debug)]
pub struct Beaten {
    pub state: WorkerState,
    pub timeline: i64,
    pub at: DateTime<Utc>,
    pub lease_until: DateTime<Utc>,
    /// The attempts that it holds.
    pub held: Vec<Place>,
}

/// Bytes of text that a session streams of an attempt.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Streamed {
    pub session: WorkerId,
    pub place: Place,
    pub n_bytes: i64,
}

/// What a statement of beats came to: the sessions that live, and of each attempt how many bytes were told before these.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Beats {
    pub sessions: BTreeMap<WorkerId, Beaten>,
    pub offsets: BTreeMap<Place, i64>,
}

impl Store {
    pub async fn beat_sessions(&self, sessions: &[WorkerId], streamed: &[Streamed]) -> Result<Beats> {
        let ids: Vec<Uuid> = sessions.iter().map(|session| session.0).collect();
        let (mut runs, mut steps, mut numbers, mut of, mut bytes) = (vec![], vec![], vec![], vec![], vec![]);
        for one in streamed {
            runs.push(one.place.run.0);
            steps.push(one.place.step.to_string());
            numbers.push(one.place.number);
            of.push(one.session.0);
            bytes.push(one.n_bytes);
        }
        let rows = sqlx::query!(
            r#"WITH beating AS (
                -- In one order, so that two processes never wait in a circle.
                SELECT id FROM workers WHERE id = ANY ($1) AND state = 'alive' ORDER BY id FOR NO KEY UPDATE
            ), beat AS (
                UPDATE workers w SET beat_at = clock_timestamp(), suspected_at = NULL WHERE w.id IN (SELECT id FROM beating)
                RETURNING w.id, w.beat_at, w.beat_at + w.lease AS lease_until
            ), told AS (
                UPDATE worker_tasks t SET n_told = t.n_told + d.n
                FROM unnest($2::uuid[], $3::text[], $4::int[], $5::uuid[], $6::bigint[]) AS d (run_id, step, number, session_id, n)
                WHERE t.run_id = d.run_id AND t.step = d.step AND t.number = d.number AND t.session_id = d.session_id
                RETURNING t.run_id, t.step, t.number, t.n_told - d.n AS before
            )
            SELECT b.id, s.state AS "state?", s.timeline AS "timeline?", b.beat_at, b.lease_until,
                (SELECT json_agg(json_build_array(a.run_id, a.step, a.number)) FROM attempts a WHERE a.lease_worker = b.id)::text AS told
            FROM beat b JOIN worker_sessions s ON s.id = b.id
            UNION ALL
            SELECT NULL, NULL, NULL, NULL, NULL, json_build_array(run_id, step, number, before)::text FROM told"#,
            &ids,
            &runs,
            &steps,
            &numbers,
            &of,
            &bytes,
        );
        let mut beats = Beats::default();
        for row in rows.fetch_all(&self.pool).await? {
            let (Some(id), Some(state), Some(timeline)) = (row.id, row.state, row.timeline) else {
                let told = row.told.unwrap_or_default();
                let (run, step, number, before) = decode::read(&told, "worker_tasks", "n_told", &"told")?;
                beats.offsets.insert(Place { run, step, number }, before);
                continue;
            };
            let gap = || Error::Inconsistent { table: "workers", column: "lease", row: id.to_string() };
            let held: Vec<(RunId, StepKey, i32)> =
                decode::read(row.told.as_deref().unwrap_or("[]"), "attempts", "lease_worker", &id)?;
            let beaten = Beaten {
                state: decode::word(&state, "worker_sessions", "state", &id)?,
                timeline,
                at: row.beat_at.ok_or_else(gap)?,
                lease_until: row.lease_until.ok_or_else(gap)?,
                held: held.into_iter().map(|(run, step, number)| Place { run, step, number }).collect(),
            };
            beats.sessions.insert(WorkerId(id), beaten);
        }
        Ok(beats)
    }
}
