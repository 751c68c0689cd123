//! Gates as messages need them: which were not looked at yet, whom each asks, and how those that are closed were decided.
//! Must never be of a test, and never lock an open gate: commits of runs take those away.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;
use workflow::{RunId, StepKey, TemplateId, UserId, api::NoticeKind};

use super::{GateKey, Recipient, Word, asked::is_told};
use crate::{Result, Store};

/// What is written down in one transaction, each gate for each of those whom it asks; with the gate that goes beyond it.
pub const MOST_LINES_AT_ONCE: usize = 50_000;

/// An open gate, with what messages say of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SeenGate {
    pub key: GateKey,
    pub template: TemplateId,
    pub template_name: String,
    pub about: Option<String>,
    pub title: String,
    pub owner: UserId,
    pub allow_self: bool,
    pub roles: Vec<String>,
    pub users: Vec<String>,
    pub opened_at: DateTime<Utc>,
    pub due_at: Option<DateTime<Utc>>,
}

/// A message to make, or to add gates to.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct WantedNotice {
    pub to: Recipient,
    /// None: with those of other runs.
    pub run: Option<RunId>,
    pub gates: Vec<GateKey>,
}

/// A gate that is closed, and about which nobody was told yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClosedGate {
    pub key: GateKey,
    /// Absent where its run is gone.
    pub verdict: Option<String>,
    pub by: Option<UserId>,
    /// What was wanted instead.
    pub reason: Option<String>,
}

/// How long messages wait for more of their kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Patience {
    /// Of those that tell of one run.
    pub run: Duration,
    /// Of those that gather all.
    pub digest: Duration,
}

impl Patience {
    fn of(self, run: Option<Uuid>) -> f64 {
        if run.is_some() { self.run.as_secs_f64() } else { self.digest.as_secs_f64() }
    }
}

struct Row {
    run_id: Uuid,
    step: String,
    generation: i32,
    number: i32,
    template_id: Uuid,
    template_name: String,
    about: Option<String>,
    title: String,
    user_id: Uuid,
    allow_self: bool,
    roles: Vec<String>,
    users: Vec<String>,
    opened_at: DateTime<Utc>,
    due_at: Option<DateTime<Utc>>,
}

impl From<Row> for SeenGate {
    fn from(row: Row) -> Self {
        Self {
            key: key(row.run_id, row.step, row.generation, row.number),
            template: TemplateId(row.template_id),
            template_name: row.template_name,
            about: row.about,
            title: row.title,
            owner: UserId(row.user_id),
            allow_self: row.allow_self,
            roles: row.roles,
            users: row.users,
            opened_at: row.opened_at,
            due_at: row.due_at,
        }
    }
}

fn key(run: Uuid, step: String, generation: i32, number: i32) -> GateKey {
    GateKey { run: RunId(run), step: StepKey::new(step), generation, number }
}

impl Store {
    /// Gates that opened within `within` and that nobody looked at, the oldest first; none of a run that is set aside, as in inboxes.
    pub async fn unseen_gates(&self, within: Duration, limit: i64) -> Result<Vec<SeenGate>> {
        let rows = sqlx::query_as!(
            Row,
            r#"SELECT v.run_id AS "run_id!", v.step AS "step!", v.generation AS "generation!", v.number AS "number!",
                      r.template_id AS "template_id!", r.template_name AS "template_name!", r.about AS "about?",
                      v.title AS "title!",
                      v.user_id AS "user_id!", v.allow_self AS "allow_self!", v.roles AS "roles!", v.users AS "users!",
                      v.opened_at AS "opened_at!", v.due_at AS "due_at?"
               FROM reviews v
               JOIN workflow_runs r ON r.id = v.run_id
               WHERE NOT r.is_test AND r.quarantine IS NULL
                   AND v.opened_at > '-infinity' AND v.opened_at > now() - make_interval(secs => $1)
                   AND NOT EXISTS (SELECT FROM notice_gates g WHERE g.run_id = v.run_id AND g.step = v.step
                                   AND g.generation = v.generation AND g.number = v.number)
               ORDER BY v.opened_at LIMIT $2"#,
            within.as_secs_f64(),
            limit,
        );
        Ok(rows.fetch_all(&self.pool).await?.into_iter().map(SeenGate::from).collect())
    }

    /// Who is asked there, themselves or in the place of somebody who is away, and may decide: where nobody in particular is asked, who
    /// owns the run.
    pub async fn asked_at(&self, gate: &SeenGate) -> Result<Vec<UserId>> {
        let sql = concat!(
            "SELECT u.id FROM users u CROSS JOIN (
                SELECT $1::text[] AS roles, $2::text[] AS users, $3::uuid AS user_id, $4::boolean AS allow_self
            ) g WHERE ",
            is_told!(),
            " ORDER BY u.id"
        );
        let ids = sqlx::query_scalar(sql).bind(&gate.roles).bind(&gate.users).bind(gate.owner.0).bind(gate.allow_self);
        let ids: Vec<Uuid> = ids.fetch_all(&self.pool).await?;
        Ok(ids.into_iter().map(UserId).collect())
    }

    /// To whom messages about single runs were made in the last hour, and how many.
    pub async fn recent_notices(&self) -> Result<Vec<(Recipient, i64)>> {
        let rows = sqlx::query!(
            r#"SELECT user_id, address, count(*) AS "n!" FROM notices
               WHERE created_at > now() - interval '1 hour' AND run_id IS NOT NULL AND state <> 'dropped'
               GROUP BY user_id, address"#
        );
        let rows = rows.fetch_all(&self.pool).await?.into_iter();
        rows.map(|row| Ok((Recipient::of(row.user_id, row.address, Uuid::nil())?, row.n))).collect()
    }

    /// Notes that gates were looked at, and makes their messages: for those that nobody else noted meanwhile.
    pub async fn note_gates(&self, gates: &[SeenGate], wanted: &[WantedNotice], patience: Patience) -> Result<()> {
        let mut tx = self.pool.begin().await?;
        let mut gates: Vec<&SeenGate> = gates.iter().collect();
        // In one order, so that processes wait for each other and not in a circle.
        gates.sort_by(|a, b| a.key.cmp(&b.key));
        let mut ours = BTreeSet::new();
        for gate in gates {
            if note(&mut tx, gate).await? {
                ours.insert(gate.key.clone());
            }
        }
        let mut wanted: Vec<&WantedNotice> = wanted.iter().collect();
        wanted.sort();
        for notice in wanted {
            let gates: Vec<&GateKey> = notice.gates.iter().filter(|gate| ours.contains(gate)).collect();
            if !gates.is_empty() {
                let run = notice.run.map(|run| run.0);
                let id = gathering(&mut tx, notice.to, NoticeKind::Asks, run, patience.of(run)).await?;
                add_lines(&mut tx, id, &gates).await?;
            }
        }
        tx.commit().await?;
        Ok(())
    }

    /// Gates that were looked at and are closed, but for those of which a message is on its way just now: whether that arrives is to be
    /// known first.
    pub async fn gates_closed(&self, limit: i64) -> Result<Vec<ClosedGate>> {
        let rows = sqlx::query!(
            r#"SELECT g.run_id AS "run_id!", g.step AS "step!", g.generation AS "generation!", g.number AS "number!",
                      e.verdict AS "verdict?", e.closed_by AS "closed_by?", e.feedback AS "feedback?"
               FROM notice_gates g
               LEFT JOIN review_ends e ON e.run_id = g.run_id AND e.step = g.step AND e.generation = g.generation
                   AND e.number = g.number
               WHERE g.closed_at IS NULL
                   AND NOT EXISTS (SELECT FROM reviews v WHERE v.run_id = g.run_id AND v.step = g.step
                                   AND v.generation = g.generation AND v.number = g.number)
                   AND NOT EXISTS (
                       SELECT FROM notice_lines l JOIN notices n ON n.id = l.notice_id
                       WHERE l.run_id = g.run_id AND l.step = g.step AND l.generation = g.generation
                           AND l.number = g.number AND n.state = 'waiting' AND n.lease_until > now())
               ORDER BY g.run_id, g.step LIMIT $1"#,
            limit,
        );
        let rows = rows.fetch_all(&self.pool).await?.into_iter();
        Ok(rows
            .map(|row| ClosedGate {
                key: key(row.run_id, row.step, row.generation, row.number),
                verdict: row.verdict,
                by: row.closed_by.map(UserId),
                reason: row.feedback,
            })
            .collect())
    }

    /// Notes how gates were closed, and makes a message about it to everybody who was sent one that it asked.
    /// Of single runs no more than `most_per_hour` to one, like those that ask. What would be too much at once is left for the next time.
    pub async fn close_gates(&self, closed: &[ClosedGate], patience: Patience, most_per_hour: i64) -> Result<()> {
        let mut n_single: BTreeMap<Recipient, i64> = self.recent_notices().await?.into_iter().collect();
        let mut tx = self.pool.begin().await?;
        let mut closed: Vec<&ClosedGate> = closed.iter().collect();
        closed.sort_by(|a, b| a.key.cmp(&b.key));
        let mut told: BTreeMap<(Recipient, Option<Uuid>), Vec<&GateKey>> = BTreeMap::new();
        let mut n_lines = 0;
        for ClosedGate { key: gate, verdict, by, reason } in closed {
            if n_lines >= MOST_LINES_AT_ONCE {
                break;
            }
            let changed = sqlx::query!(
                "UPDATE notice_gates SET closed_at = now(), verdict = $5, closed_by = $6, reason = $7
                WHERE run_id = $1 AND step = $2 AND generation = $3 AND number = $4 AND closed_at IS NULL",
                gate.run.0,
                gate.step.as_str(),
                gate.generation,
                gate.number,
                verdict.as_deref(),
                by.map(|by| by.0),
                reason.as_deref(),
            )
            .execute(&mut *tx)
            .await?
            .rows_affected();
            if changed > 0 {
                for message in told_of(&mut tx, gate).await? {
                    told.entry(message).or_default().push(gate);
                    n_lines += 1;
                }
            }
        }
        let mut messages: BTreeMap<(Recipient, Option<Uuid>), Vec<&GateKey>> = BTreeMap::new();
        for ((to, run), gates) in told {
            let n = n_single.entry(to).or_default();
            let run = run.filter(|_| *n < most_per_hour);
            *n += i64::from(run.is_some());
            messages.entry((to, run)).or_default().extend(gates);
        }
        for ((to, run), gates) in messages {
            let id = gathering(&mut tx, to, NoticeKind::Outcome, run, patience.of(run)).await?;
            add_lines(&mut tx, id, &gates).await?;
        }
        tx.commit().await?;
        Ok(())
    }
}

/// False: somebody noted it before.
async fn note(connection: &mut PgConnection, gate: &SeenGate) -> Result<bool> {
    let made = sqlx::query!(
        "INSERT INTO notice_gates (run_id, step, generation, number, template_id, template_name, about, title,
            user_id, allow_self, roles, users, opened_at, due_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT DO NOTHING",
        gate.key.run.0,
        gate.key.step.as_str(),
        gate.key.generation,
        gate.key.number,
        gate.template.0,
        gate.template_name,
        gate.about,
        gate.title,
        gate.owner.0,
        gate.allow_self,
        &gate.roles,
        &gate.users,
        gate.opened_at,
        gate.due_at,
    )
    .execute(connection)
    .await?
    .rows_affected();
    Ok(made > 0)
}

/// The message of this kind that still takes gates, or a new one.
async fn gathering(
    connection: &mut PgConnection,
    to: Recipient,
    kind: NoticeKind,
    run: Option<Uuid>,
    wait_secs: f64,
) -> Result<Uuid> {
    let (user, address) = to.columns();
    let id = sqlx::query_scalar!(
        "INSERT INTO notices (id, user_id, address, kind, run_id, state, is_open, due_at)
        VALUES ($1, $2, $3, $4, $5, 'waiting', true, now() + make_interval(secs => $6))
        ON CONFLICT (user_id, address, kind, run_id) WHERE is_open DO UPDATE SET is_open = true
        RETURNING id",
        Uuid::now_v7(),
        user,
        address,
        kind.word(),
        run,
        wait_secs,
    );
    Ok(id.fetch_one(connection).await?)
}

/// In one statement: thousands of gates may be one message, and there is one for each of those whom they ask.
async fn add_lines(connection: &mut PgConnection, notice: Uuid, gates: &[&GateKey]) -> Result<()> {
    let runs: Vec<Uuid> = gates.iter().map(|gate| gate.run.0).collect();
    let steps: Vec<String> = gates.iter().map(|gate| gate.step.as_str().to_owned()).collect();
    let generations: Vec<i32> = gates.iter().map(|gate| gate.generation).collect();
    let numbers: Vec<i32> = gates.iter().map(|gate| gate.number).collect();
    sqlx::query!(
        "INSERT INTO notice_lines (notice_id, run_id, step, generation, number)
        SELECT $1::uuid, g.run_id, g.step, g.generation, g.number
        FROM unnest($2::uuid[], $3::text[], $4::int[], $5::int[]) AS g (run_id, step, generation, number)
        ON CONFLICT DO NOTHING",
        notice,
        &runs,
        &steps,
        &generations,
        &numbers,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Who was sent a message that asked there, each with the run that it was about.
pub(super) async fn told_of(connection: &mut PgConnection, gate: &GateKey) -> Result<Vec<(Recipient, Option<Uuid>)>> {
    let rows = sqlx::query!(
        "SELECT DISTINCT n.user_id, n.address, n.run_id FROM notice_lines l JOIN notices n ON n.id = l.notice_id
        WHERE l.run_id = $1 AND l.step = $2 AND l.generation = $3 AND l.number = $4
            AND n.kind = 'asks' AND n.state = 'sent'",
        gate.run.0,
        gate.step.as_str(),
        gate.generation,
        gate.number,
    );
    let rows = rows.fetch_all(connection).await?.into_iter();
    rows.map(|row| Ok((Recipient::of(row.user_id, row.address, gate.run.0)?, row.run_id))).collect()
}
