//! Messages on their way: who takes one has it for a while, so that one process at a time sends it, and after a crash another one does.
//! Must never give a message to somebody who is not asked any more, nor one about a gate that was decided meanwhile.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;
use workflow::{
    RunId, StepKey, UserId,
    api::NoticeKind,
    id::{NoticeAddressId, NoticeId},
};

use super::{Recipient, Word, asked::is_told};
use crate::{
    Result, Store,
    audit::{self, Author},
};

/// Failures in a row after which an address is given up, if they went on for longer than a day.
const MOST_FAILURES: i32 = 20;
/// Gates that one message tells of by name.
const MOST_LINES: i64 = 50;
/// How long what was sent is remembered.
const KEEP_DAYS: i32 = 30;
/// How long the link of a mail works by which nobody is told any more.
const KEEP_LINKS_DAYS: i32 = 180;

/// Messages that go by mail, or to addresses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Channel {
    Mail,
    Addresses,
}

/// A message that this process is to send.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Claimed {
    pub id: NoticeId,
    pub to: Recipient,
    pub kind: NoticeKind,
    /// Which attempt this is, from 1; whoever ends it says so.
    pub attempt: i32,
}

/// A gate as a message tells it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    pub run: RunId,
    pub step: StepKey,
    pub generation: i32,
    pub template_name: String,
    pub title: String,
    pub about: Option<String>,
    /// Who started the run.
    pub owner: String,
    pub opened_at: DateTime<Utc>,
    pub due_at: Option<DateTime<Utc>>,
    pub verdict: Option<String>,
    /// The email of who closed it.
    pub closed_by: Option<String>,
    pub reason: Option<String>,
}

#[derive(sqlx::FromRow)]
struct LineRow {
    run_id: Uuid,
    step: String,
    generation: i32,
    template_name: String,
    title: String,
    about: Option<String>,
    owner: Option<String>,
    opened_at: DateTime<Utc>,
    due_at: Option<DateTime<Utc>>,
    verdict: Option<String>,
    closed_by: Option<String>,
    reason: Option<String>,
    n: i64,
}

impl From<LineRow> for Line {
    fn from(row: LineRow) -> Self {
        Self {
            run: RunId(row.run_id),
            step: StepKey::new(row.step),
            generation: row.generation,
            template_name: row.template_name,
            title: row.title,
            about: row.about,
            owner: row.owner.unwrap_or_default(),
            opened_at: row.opened_at,
            due_at: row.due_at,
            verdict: row.verdict,
            closed_by: row.closed_by,
            reason: row.reason,
        }
    }
}

/// What a message is to say now.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Lines {
    /// The first of them.
    pub lines: Vec<Line>,
    pub n: i64,
}

/// What came of an attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Delivered<'a> {
    pub id: NoticeId,
    pub attempt: i32,
    pub status: Option<i32>,
    pub took: Duration,
    pub answer: Option<&'a str>,
    pub outcome: Outcome<'a>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome<'a> {
    Sent,
    /// It is tried again after this; none: that was the last attempt.
    Failed {
        error: &'a str,
        again: Option<Duration>,
    },
}

impl Store {
    /// Takes messages that are due, the longest first.
    pub async fn claim_notices(&self, channel: Channel, limit: i64, lease: Duration) -> Result<Vec<Claimed>> {
        let rows = sqlx::query!(
            "UPDATE notices n SET lease_until = now() + make_interval(secs => $3), n_attempts = n.n_attempts + 1, is_open = false
            WHERE n.id = ANY (ARRAY(
                SELECT d.id FROM notices d
                WHERE d.state = 'waiting' AND d.due_at <= now() AND (d.lease_until IS NULL OR d.lease_until < now())
                    AND (d.user_id IS NOT NULL) = $1::boolean
                ORDER BY d.due_at LIMIT $2 FOR UPDATE SKIP LOCKED))
            RETURNING n.id, n.user_id, n.address, n.kind, n.n_attempts",
            channel == Channel::Mail,
            limit,
            lease.as_secs_f64(),
        );
        let rows = rows.fetch_all(&self.pool).await?.into_iter();
        rows.map(|row| {
            Ok(Claimed {
                id: NoticeId(row.id),
                to: Recipient::of(row.user_id, row.address, row.id)?,
                kind: NoticeKind::read(&row.kind, "notices", "kind", &row.id)?,
                attempt: row.n_attempts,
            })
        })
        .collect()
    }

    /// Where mail for somebody goes; none where they cannot sign in.
    pub async fn email_of(&self, user: UserId) -> Result<Option<String>> {
        let email = sqlx::query_scalar!("SELECT email FROM users WHERE id = $1 AND disabled_at IS NULL", user.0);
        Ok(email.fetch_optional(&self.pool).await?)
    }

    /// What a message tells as things are now: of gates that still wait (or, once decided, of those that were), and only while somebody
    /// for whom it is can sign in, is asked there and has not voted yet. Only those are looked at for whom it is: a message may tell of
    /// thousands of gates, and there may be thousands of people.
    pub async fn lines_of(&self, id: NoticeId) -> Result<Lines> {
        let sql = concat!(
            "SELECT g.run_id, g.step, g.generation, g.template_name, g.title, g.about, o.email AS owner, g.opened_at, g.due_at,
                g.verdict, b.email AS closed_by, g.reason, count(*) OVER () AS n
            FROM notices n
            JOIN notice_lines l ON l.notice_id = n.id
            JOIN notice_gates g ON g.run_id = l.run_id AND g.step = l.step AND g.generation = l.generation AND g.number = l.number
            LEFT JOIN users o ON o.id = g.user_id
            LEFT JOIN users b ON b.id = g.closed_by
            LEFT JOIN reviews v ON v.run_id = g.run_id AND v.step = g.step AND v.generation = g.generation AND v.number = g.number
            WHERE n.id = $1 AND (n.kind = 'outcome' OR v.run_id IS NOT NULL)
                AND EXISTS (
                    SELECT FROM (
                        SELECT n.user_id AS id
                        UNION ALL SELECT c.user_id FROM notice_choices c WHERE c.address = n.address AND c.send <> 'never'
                    ) whose JOIN users u ON u.id = whose.id
                    WHERE (n.kind = 'outcome' OR NOT u.id = ANY (v.votes)) AND ",
            is_told!(),
            ")
            ORDER BY g.opened_at, g.run_id, g.step LIMIT $2"
        );
        let rows: Vec<LineRow> = sqlx::query_as(sql).bind(id.0).bind(MOST_LINES).fetch_all(&self.pool).await?;
        let n = rows.first().map_or(0, |row| row.n);
        Ok(Lines { lines: rows.into_iter().map(Line::from).collect(), n })
    }

    /// It came to nothing: nobody is told.
    pub async fn drop_notice(&self, id: NoticeId, attempt: i32) -> Result<()> {
        sqlx::query!(
            "UPDATE notices SET state = 'dropped', lease_until = NULL
            WHERE id = $1 AND n_attempts = $2 AND state = 'waiting'",
            id.0,
            attempt,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Gives one back that nobody tried to send: that was no attempt.
    pub async fn give_back_notice(&self, id: NoticeId, attempt: i32, after: Duration) -> Result<()> {
        sqlx::query!(
            "UPDATE notices SET lease_until = NULL, n_attempts = n_attempts - 1, due_at = now() + make_interval(secs => $3)
            WHERE id = $1 AND n_attempts = $2 AND state = 'waiting'",
            id.0,
            attempt,
            after.as_secs_f64(),
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Writes down what came of an attempt, and what follows from it. True: its address is given up with this.
    pub async fn delivered(&self, told: &Delivered<'_>) -> Result<bool> {
        let mut tx = self.pool.begin().await?;
        let (error, state, again) = match told.outcome {
            Outcome::Sent => (None, "sent", None),
            Outcome::Failed { error, again: Some(again) } => (Some(error), "waiting", Some(again)),
            Outcome::Failed { error, again: None } => (Some(error), "failed", None),
        };
        sqlx::query!(
            "INSERT INTO notice_deliveries (notice_id, is_success, status, milliseconds, error, answer)
            SELECT id, $2::boolean, $3::int, $4::bigint, $5::text, $6::text FROM notices WHERE id = $1",
            told.id.0,
            error.is_none(),
            told.status,
            i64::try_from(told.took.as_millis()).unwrap_or(i64::MAX),
            error,
            told.answer,
        )
        .execute(&mut *tx)
        .await?;
        // Whoever has it now, after this one took too long, ends it.
        let address = sqlx::query_scalar!(
            "UPDATE notices SET state = $3, lease_until = NULL, sent_at = CASE WHEN $3 = 'sent' THEN now() END,
                due_at = CASE WHEN $4::float8 IS NULL THEN due_at ELSE now() + make_interval(secs => $4::float8) END
            WHERE id = $1 AND n_attempts = $2 AND state = 'waiting' RETURNING address",
            told.id.0,
            told.attempt,
            state,
            again.map(|again| again.as_secs_f64()),
        );
        let address = address.fetch_optional(&mut *tx).await?.flatten();
        let mut is_given_up = false;
        if let Some(address) = address {
            let address = NoticeAddressId(address);
            is_given_up = note_at_address(&mut tx, address, error).await?;
            if is_given_up {
                let data = json!({"error": error});
                audit::append(&mut tx, Author::default(), "notice.address_given_up", &address.to_string(), data)
                    .await?;
            }
        }
        tx.commit().await?;
        Ok(is_given_up)
    }

    /// Forgets what is long over, and what waited for so long that nobody wants to be told of it any more: while no mail can be sent, it
    /// waits.
    pub async fn forget_notices(&self) -> Result<()> {
        sqlx::query!(
            "DELETE FROM notices WHERE created_at < now() - make_interval(days => $1)
                AND (lease_until IS NULL OR lease_until < now())",
            KEEP_DAYS,
        )
        .execute(&self.pool)
        .await?;
        sqlx::query!("DELETE FROM notice_gates WHERE closed_at < now() - make_interval(days => $1)", KEEP_DAYS)
            .execute(&self.pool)
            .await?;
        sqlx::query!(
            "DELETE FROM notice_unsubscribes WHERE created_at < now() - make_interval(days => $1)",
            KEEP_LINKS_DAYS,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}

/// Counts failures in a row; true where they are too many.
async fn note_at_address(connection: &mut PgConnection, address: NoticeAddressId, error: Option<&str>) -> Result<bool> {
    let is_given_up = sqlx::query_scalar!(
        r#"UPDATE notice_addresses SET last_delivery_at = now(), last_error = $2::text,
               n_failures = CASE WHEN $2::text IS NULL THEN 0 ELSE n_failures + 1 END,
               failing_since = CASE WHEN $2::text IS NULL THEN NULL ELSE coalesce(failing_since, now()) END,
               is_given_up = is_given_up OR ($2::text IS NOT NULL AND disabled_at IS NULL AND n_failures + 1 >= $3
                   AND failing_since < now() - interval '1 day'),
               disabled_at = CASE WHEN $2::text IS NOT NULL AND n_failures + 1 >= $3
                   AND failing_since < now() - interval '1 day' THEN coalesce(disabled_at, now()) ELSE disabled_at END
           WHERE id = $1
           RETURNING (is_given_up AND disabled_at = now()) AS "is_given_up?""#,
        address.0,
        error,
        MOST_FAILURES,
    );
    Ok(is_given_up.fetch_optional(connection).await?.flatten().unwrap_or_default())
}
