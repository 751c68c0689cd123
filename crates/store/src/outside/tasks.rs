//! What belongs to attempts of outside workers beside the log: what they were given, until when, what they left and logged, and who may
//! end one from outside.
//! Must never decide that an attempt is over: it only says what is due.

use std::collections::{BTreeSet, VecDeque};

use chrono::{DateTime, Utc};
use uuid::Uuid;
use workflow::{
    AgentId, RunId, StepKey,
    api::{AbsentWorker, AttemptLogs, LogLine},
    id::WorkerId,
    view::ConsumedInput,
};

use super::beats::Place;
use crate::{Result, Store, decode, secret::SecretHash};

/// Sessions of one token that are over and can still be seen: one that registers over and over leaves no more.
const SESSIONS_KEPT: i64 = 100;

/// A task that is about to be handed out.
#[derive(Clone, PartialEq, Debug)]
pub struct NewTask {
    pub place: Place,
    pub generation: i32,
    pub session: WorkerId,
    pub agent: AgentId,
    pub consumed: Vec<ConsumedInput>,
    pub due_at: DateTime<Utc>,
}

/// A task that was handed out.
#[derive(Clone, PartialEq, Debug)]
pub struct HandedOut {
    pub session: WorkerId,
    pub consumed: Vec<ConsumedInput>,
}

/// A task whose time is over.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DueTask {
    pub place: Place,
    pub session: WorkerId,
    /// Nobody runs it: it waits for somebody outside.
    pub is_waiting: bool,
}

/// The attempt of a secret that was told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Awaited {
    pub place: Place,
    pub session: WorkerId,
    /// It may still end the attempt.
    pub is_open: bool,
}

impl Store {
    /// Written before they are handed out, and only for sessions that live, by tokens that stand: those that are told. What is ending is
    /// waited for, so that a task is either handed out before that, or not at all.
    pub async fn put_tasks(&self, tasks: &[NewTask]) -> Result<BTreeSet<Place>> {
        let (mut runs, mut steps, mut numbers, mut generations) = (vec![], vec![], vec![], vec![]);
        let (mut sessions, mut agents, mut consumed): (Vec<Uuid>, Vec<String>, Vec<String>) = (vec![], vec![], vec![]);
        let mut due: Vec<DateTime<Utc>> = vec![];
        for task in tasks {
            runs.push(task.place.run.0);
            steps.push(task.place.step.to_string());
            numbers.push(task.place.number);
            generations.push(task.generation);
            sessions.push(task.session.0);
            agents.push(task.agent.to_string());
            consumed.push(decode::text(&task.consumed)?);
            due.push(task.due_at);
        }
        let rows = sqlx::query!(
            "WITH living AS MATERIALIZED (
                SELECT w.id FROM workers w JOIN worker_tokens t ON t.id = w.token_id
                WHERE w.id = ANY ($5) AND w.state = 'alive' AND t.revoked_at IS NULL AND t.expires_at > clock_timestamp()
                ORDER BY w.id FOR SHARE OF w
            )
            INSERT INTO worker_tasks (run_id, step, number, generation, session_id, agent_id, consumed, due_at)
            SELECT k.run_id, k.step, k.number, k.generation, k.session_id, k.agent_id, k.consumed::json, k.due_at
            FROM unnest($1::uuid[], $2::text[], $3::int[], $4::int[], $5::uuid[], $6::text[], $7::text[], $8::timestamptz[])
                AS k (run_id, step, number, generation, session_id, agent_id, consumed, due_at)
            WHERE k.session_id IN (SELECT id FROM living)
            ON CONFLICT (run_id, step, number) DO UPDATE SET
                session_id = excluded.session_id, consumed = excluded.consumed, due_at = excluded.due_at
            RETURNING run_id, step, number",
            &runs,
            &steps,
            &numbers,
            &generations,
            &sessions,
            &agents,
            &consumed,
            &due,
        );
        let rows = rows.fetch_all(&self.pool).await?.into_iter();
        Ok(rows
            .map(|row| Place { run: RunId(row.run_id), step: row.step.as_str().into(), number: row.number })
            .collect())
    }

    pub async fn task(&self, place: &Place) -> Result<Option<HandedOut>> {
        let row = sqlx::query!(
            r#"SELECT session_id, consumed::text AS "consumed!" FROM worker_tasks WHERE run_id = $1 AND step = $2 AND number = $3"#,
            place.run.0,
            place.step.as_str(),
            place.number,
        )
        .fetch_optional(&self.pool)
        .await?;
        let task = row.map(|row| {
            let consumed = decode::read(&row.consumed, "worker_tasks", "consumed", &place.run)?;
            Ok(HandedOut { session: WorkerId(row.session_id), consumed })
        });
        task.transpose()
    }

    /// Tasks whose time is over, of attempts that are not. Of the others it is noted that nothing is due any more. What cannot be ended now
    /// is due again a moment later, so that it never stands before the others.
    pub async fn due_tasks(&self, limit: i64) -> Result<Vec<DueTask>> {
        let rows = sqlx::query!(
            r#"WITH due AS (
                SELECT t.run_id, t.step, t.number, t.session_id FROM worker_tasks t
                WHERE t.due_at < clock_timestamp() ORDER BY t.due_at LIMIT $1
                FOR UPDATE SKIP LOCKED
            ), looked AS (
                UPDATE worker_tasks t SET due_at = CASE WHEN EXISTS (
                    SELECT FROM attempts a
                    WHERE a.run_id = d.run_id AND a.step = d.step AND a.number = d.number AND a.outcome IS NULL
                ) THEN clock_timestamp() + interval '10 seconds' END
                FROM due d WHERE t.run_id = d.run_id AND t.step = d.step AND t.number = d.number
            )
            SELECT d.run_id, d.step, d.number, d.session_id, a.lease_worker IS NULL AS "is_waiting!" FROM due d
            JOIN attempts a ON a.run_id = d.run_id AND a.step = d.step AND a.number = d.number AND a.outcome IS NULL"#,
            limit
        );
        let rows = rows.fetch_all(&self.pool).await?;
        Ok(rows
            .into_iter()
            .map(|row| DueTask {
                place: Place { run: RunId(row.run_id), step: row.step.as_str().into(), number: row.number },
                session: WorkerId(row.session_id),
                is_waiting: row.is_waiting,
            })
            .collect())
    }

    /// A task that waits is due in so many seconds from now, and no later than the last secret that could end its wait.
    pub async fn set_due(&self, session: WorkerId, place: &Place, within_s: i64) -> Result<()> {
        sqlx::query!(
            "UPDATE worker_tasks SET due_at = least(clock_timestamp() + make_interval(secs => $4), (
                SELECT max(c.expires_at) FROM worker_callbacks c WHERE c.run_id = $1 AND c.step = $2 AND c.number = $3
            ))
            WHERE run_id = $1 AND step = $2 AND number = $3 AND session_id = $5",
            place.run.0,
            place.step.as_str(),
            place.number,
            f64::from(i32::try_from(within_s).unwrap_or(i32::MAX)),
            session.0,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    // ---- checkpoints

    pub async fn keep_checkpoint(&self, session: WorkerId, place: &Place, checkpoint: &str) -> Result<()> {
        sqlx::query!(
            "UPDATE worker_tasks SET checkpoint = $5::text::json
            WHERE run_id = $1 AND step = $2 AND number = $3 AND session_id = $4",
            place.run.0,
            place.step.as_str(),
            place.number,
            session.0,
            checkpoint,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The last one that an attempt of the generation left.
    pub async fn last_checkpoint(&self, run: RunId, step: &StepKey, generation: i32) -> Result<Option<String>> {
        let text = sqlx::query_scalar!(
            r#"SELECT checkpoint::text AS "text!" FROM worker_tasks
            WHERE run_id = $1 AND step = $2 AND generation = $3 AND checkpoint IS NOT NULL
            ORDER BY number DESC LIMIT 1"#,
            run.0,
            step.as_str(),
            generation,
        );
        Ok(text.fetch_optional(&self.pool).await?)
    }

    // ---- logs

    /// Adds lines to the log of an attempt; what `keep` leaves out of the older ones is counted.
    pub async fn add_log(
        &self,
        place: &Place,
        lines: Vec<LogLine>,
        n_dropped: i64,
        keep: impl Fn(&mut VecDeque<LogLine>) -> i64 + Send,
    ) -> Result<()> {
        let mut tx = self.pool.begin().await?;
        sqlx::query!(
            "INSERT INTO attempt_logs (run_id, step, number, lines, n_dropped) VALUES ($1, $2, $3, '[]', 0)
            ON CONFLICT DO NOTHING",
            place.run.0,
            place.step.as_str(),
            place.number,
        )
        .execute(&mut *tx)
        .await?;
        let known = sqlx::query_scalar!(
            r#"SELECT lines::text AS "lines!" FROM attempt_logs WHERE run_id = $1 AND step = $2 AND number = $3 FOR UPDATE"#,
            place.run.0,
            place.step.as_str(),
            place.number,
        )
        .fetch_one(&mut *tx)
        .await?;
        let mut all: VecDeque<LogLine> = decode::read(&known, "attempt_logs", "lines", &place.run)?;
        all.extend(lines);
        let n_dropped = n_dropped + keep(&mut all);
        sqlx::query!(
            "UPDATE attempt_logs SET lines = $4::text::json, n_dropped = n_dropped + $5
            WHERE run_id = $1 AND step = $2 AND number = $3",
            place.run.0,
            place.step.as_str(),
            place.number,
            decode::text(&all)?,
            n_dropped,
        )
        .execute(&mut *tx)
        .await?;
        Ok(tx.commit().await?)
    }

    pub async fn attempt_logs(&self, run: RunId, step: &StepKey, number: i32) -> Result<AttemptLogs> {
        let row = sqlx::query!(
            r#"SELECT lines::text AS "lines!", n_dropped FROM attempt_logs WHERE run_id = $1 AND step = $2 AND number = $3"#,
            run.0,
            step.as_str(),
            number,
        )
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else { return Ok(AttemptLogs::default()) };
        let lines = decode::read(&row.lines, "attempt_logs", "lines", &run)?;
        Ok(AttemptLogs { lines, n_dropped: row.n_dropped })
    }

    // ---- callbacks

    pub async fn put_callback(
        &self,
        secret: &SecretHash,
        place: &Place,
        session: WorkerId,
        within_s: i64,
    ) -> Result<DateTime<Utc>> {
        let expires_at = sqlx::query_scalar!(
            "INSERT INTO worker_callbacks (secret_hash, run_id, step, number, session_id, expires_at)
            VALUES ($1, $2, $3, $4, $5, clock_timestamp() + make_interval(secs => $6)) RETURNING expires_at",
            &secret[..],
            place.run.0,
            place.step.as_str(),
            place.number,
            session.0,
            f64::from(i32::try_from(within_s).unwrap_or(i32::MAX)),
        );
        Ok(expires_at.fetch_one(&self.pool).await?)
    }

    /// The secrets of an attempt that were told and may still end it, as hashes.
    pub async fn callbacks_of(&self, place: &Place) -> Result<Vec<String>> {
        let hashes = sqlx::query_scalar!(
            r#"SELECT encode(secret_hash, 'hex') AS "hash!" FROM worker_callbacks
            WHERE run_id = $1 AND step = $2 AND number = $3 AND expires_at > clock_timestamp() AND NOT is_used"#,
            place.run.0,
            place.step.as_str(),
            place.number,
        );
        Ok(hashes.fetch_all(&self.pool).await?)
    }

    /// The attempt that a secret is of.
    pub async fn awaited(&self, secret: &SecretHash) -> Result<Option<Awaited>> {
        let row = sqlx::query!(
            r#"SELECT c.run_id, c.step, c.number, c.session_id,
                a.outcome IS NULL AND c.expires_at > clock_timestamp() AS "is_open!"
            FROM worker_callbacks c JOIN attempts a ON a.run_id = c.run_id AND a.step = c.step AND a.number = c.number
            WHERE c.secret_hash = $1"#,
            &secret[..],
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(row.map(|row| Awaited {
            place: Place { run: RunId(row.run_id), step: row.step.as_str().into(), number: row.number },
            session: WorkerId(row.session_id),
            is_open: row.is_open,
        }))
    }

    /// No secret of an attempt is good for anything any more, but for the one that ended it: who presents that again is answered again.
    pub async fn use_callbacks(&self, place: &Place, used: Option<&SecretHash>) -> Result<()> {
        let used: &[u8] = used.map_or(&[], |secret| &secret[..]);
        sqlx::query!(
            "WITH used AS (UPDATE worker_callbacks SET is_used = true WHERE secret_hash = $4)
            DELETE FROM worker_callbacks WHERE run_id = $1 AND step = $2 AND number = $3 AND secret_hash <> $4",
            place.run.0,
            place.step.as_str(),
            place.number,
            used,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    // ---- who is missing

    /// The steps of a run that wait for an outside worker which is not there, and those that run at one which is silent.
    pub async fn absent_workers(&self, run: RunId) -> Result<Vec<AbsentWorker>> {
        let rows = sqlx::query!(
            r#"SELECT q.step AS "step!", split_part(q.kind, ':', 2) AS "agent_id!", greatest(q.not_before, (
                    SELECT max(w.beat_at) FROM worker_sessions s JOIN workers w ON w.id = s.id WHERE s.queues @> ARRAY[q.kind]
                )) AS "since!", false AS "is_silent!"
            FROM steps q
            WHERE q.run_id = $1 AND q.kind LIKE 'worker:%' AND q.not_before <= clock_timestamp() AND NOT EXISTS (
                SELECT FROM worker_sessions s JOIN workers w ON w.id = s.id
                WHERE s.queues @> ARRAY[q.kind] AND w.state = 'alive' AND s.state <> 'draining'
                    -- One whose beat is late is taken for gone where people wait for it.
                    AND w.beat_at > clock_timestamp() - w.lease
            )
            UNION ALL
            -- Few are late, so what they hold is found by them.
            SELECT t.step, t.agent_id, w.beat_at, true
            FROM workers w JOIN attempts a ON a.lease_worker = w.id AND a.run_id = $1
            JOIN worker_tasks t ON t.run_id = a.run_id AND t.step = a.step AND t.number = a.number
            WHERE w.lease IS NOT NULL AND w.state <> 'dead' AND w.beat_at < clock_timestamp() - w.lease / 2
            ORDER BY 1"#,
            run.0
        );
        let rows = rows.fetch_all(&self.pool).await?;
        let absent = rows.into_iter().map(|row| AbsentWorker {
            step: row.step.as_str().into(),
            agent_id: AgentId::new(row.agent_id),
            since: row.since,
            is_silent: row.is_silent,
        });
        Ok(absent.collect())
    }

    /// Forgets what belongs to runs that are over, and what nobody can use any more.
    pub async fn clean_outside(&self) -> Result<()> {
        sqlx::query!(
            "DELETE FROM worker_callbacks WHERE NOT is_used AND expires_at < clock_timestamp() - interval '1 hour'"
        )
        .execute(&self.pool)
        .await?;
        sqlx::query!(
            "DELETE FROM worker_tasks t WHERE t.due_at IS NULL AND EXISTS (
                SELECT FROM workflow_runs r WHERE r.id = t.run_id AND r.finished_at < clock_timestamp() - interval '1 day'
            )"
        )
        .execute(&self.pool)
        .await?;
        // Longer than any attempt may wait, and than content that nobody named is kept.
        sqlx::query!(
            "DELETE FROM worker_blobs b WHERE b.added_at < clock_timestamp() - interval '40 days'
                AND NOT EXISTS (SELECT FROM workers w WHERE w.id = b.session_id AND w.state <> 'dead')"
        )
        .execute(&self.pool)
        .await?;
        self.forget_sessions(SESSIONS_KEPT).await
    }
}
