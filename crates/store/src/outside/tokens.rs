//! Worker tokens: what an outside worker presents.
//! Must never see the token itself, only its SHA-256.

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;
use workflow::{
    UserId,
    access::Role,
    api::{Page, WorkerTokenView},
    id::TokenId,
};

use super::ending::end_sessions;
use crate::{
    Result, Store, Window,
    audit::{self, Author},
    decode, page,
    secret::SecretHash,
    tokens::{Maker, Recent, maker},
};

/// A worker token to be made.
#[derive(Clone, Copy, Debug)]
pub struct NewWorkerToken<'a> {
    pub id: TokenId,
    pub name: &'a str,
    pub token_hash: &'a SecretHash,
    pub agents: &'a [String],
    pub labels: &'a BTreeMap<String, String>,
    pub lifetime: Duration,
    pub max_tokens: i64,
    /// The admin who asks, and their session; none for the operator.
    pub maker: Option<(UserId, Recent<'a>)>,
}

#[derive(Clone, PartialEq, Debug)]
pub enum CreateWorkerToken {
    Created(WorkerTokenView),
    /// There are as many as there may be.
    TooMany,
    /// The session or the account has ended meanwhile.
    Gone,
    /// The password was given too long ago.
    Unconfirmed,
    /// The person is no admin any more.
    NoAdmin,
}

/// A worker token that stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OpenWorkerToken {
    pub id: TokenId,
    pub agents: Vec<String>,
    pub labels: BTreeMap<String, String>,
    /// From when it was read.
    pub stands_for: Duration,
    /// Its use was last written more than a minute ago.
    pub is_behind: bool,
}

struct Row {
    id: Uuid,
    name: String,
    agents: Vec<String>,
    labels: String,
    created_by: Option<String>,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    is_expired: bool,
    last_used_at: Option<DateTime<Utc>>,
}

impl Row {
    fn view(self) -> Result<WorkerTokenView> {
        Ok(WorkerTokenView {
            id: TokenId(self.id),
            labels: decode::read(&self.labels, "worker_tokens", "labels", &self.id)?,
            name: self.name,
            agents: self.agents,
            created_by: self.created_by,
            created_at: self.created_at,
            expires_at: self.expires_at,
            is_expired: self.is_expired,
            last_used_at: self.last_used_at,
        })
    }
}

impl Store {
    pub async fn create_worker_token(&self, token: &NewWorkerToken<'_>, author: Author) -> Result<CreateWorkerToken> {
        let mut tx = self.pool.begin().await?;
        if let Some((user, session)) = token.maker {
            match maker(&mut tx, user, Some(session)).await? {
                Maker::Stands(Role::Admin) => {}
                Maker::Stands(Role::User) => return Ok(CreateWorkerToken::NoAdmin),
                Maker::Gone => return Ok(CreateWorkerToken::Gone),
                Maker::Unconfirmed => return Ok(CreateWorkerToken::Unconfirmed),
            }
        }
        let row = sqlx::query_as!(
            Row,
            r#"WITH made AS (
                INSERT INTO worker_tokens (id, name, token_hash, agents, labels, created_by, expires_at)
                SELECT $1, $2, $3, $4, $5::text::json, $6, now() + make_interval(secs => $7)
                WHERE (SELECT count(*) FROM worker_tokens WHERE revoked_at IS NULL AND expires_at > now()) < $8
                RETURNING *
            )
            SELECT m.id, m.name, m.agents, m.labels::text AS "labels!", u.email AS "created_by?", m.created_at, m.expires_at,
                false AS "is_expired!", m.last_used_at
            FROM made m LEFT JOIN users u ON u.id = m.created_by"#,
            token.id.0,
            token.name,
            &token.token_hash[..],
            token.agents,
            decode::text(token.labels)?,
            token.maker.map(|(user, _)| user.0),
            token.lifetime.as_secs_f64(),
            token.max_tokens,
        )
        .fetch_optional(&mut *tx)
        .await?;
        let Some(row) = row else { return Ok(CreateWorkerToken::TooMany) };
        let data = json!({"name": token.name, "agents": token.agents, "expires_at": row.expires_at});
        audit::append(&mut tx, author, "worker_token.created", &token.id.to_string(), data).await?;
        tx.commit().await?;
        row.view().map(CreateWorkerToken::Created)
    }

    /// Newest first; those that expired lately are among them.
    pub async fn worker_tokens(&self, window: Window<'_>) -> Result<Page<WorkerTokenView>> {
        let (before, id) = window.after.and_then(page::read_at).unzip();
        let rows = sqlx::query_as!(
            Row,
            r#"SELECT t.id, t.name, t.agents, t.labels::text AS "labels!", u.email AS "created_by?", t.created_at, t.expires_at,
                t.expires_at <= now() AS "is_expired!", t.last_used_at
            FROM worker_tokens t LEFT JOIN users u ON u.id = t.created_by
            WHERE t.revoked_at IS NULL AND t.expires_at > now() - interval '30 days'
                AND ($1::timestamptz IS NULL OR (t.created_at, t.id) < ($1, $2::uuid))
            ORDER BY t.created_at DESC, t.id DESC LIMIT $3"#,
            before,
            id,
            window.to_read(),
        );
        let rows = rows.fetch_all(&self.pool).await?;
        let views = rows.into_iter().map(Row::view).collect::<Result<Vec<_>>>()?;
        Ok(window.page(views, |token: &WorkerTokenView| page::at(token.created_at, token.id.0)))
    }

    /// Takes the token back and ends its sessions. False where there is no such token.
    pub async fn revoke_worker_token(&self, id: TokenId, author: Author) -> Result<bool> {
        let mut tx = self.pool.begin().await?;
        let changed =
            sqlx::query!(r#"UPDATE worker_tokens SET revoked_at = now() WHERE id = $1 AND revoked_at IS NULL"#, id.0)
                .execute(&mut *tx)
                .await?
                .rows_affected();
        if changed == 0 {
            return Ok(false);
        }
        let n_ended = end_sessions(&mut tx, &[id.0]).await?;
        audit::append(&mut tx, author, "worker_token.revoked", &id.to_string(), json!({"sessions": n_ended})).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// What a worker token may do, unless it was taken back or has expired.
    pub async fn open_worker_token(&self, token_hash: &SecretHash) -> Result<Option<OpenWorkerToken>> {
        let row = sqlx::query!(
            r#"SELECT id, agents, labels::text AS "labels!",
                coalesce(last_used_at < now() - interval '1 minute', true) AS "is_behind!",
                extract(epoch FROM expires_at - clock_timestamp())::float8 AS "stands_for!"
            FROM worker_tokens WHERE token_hash = $1 AND revoked_at IS NULL AND expires_at > now()"#,
            &token_hash[..],
        )
        .fetch_optional(&self.pool)
        .await?;
        let open = row.map(|row| {
            let labels = decode::read(&row.labels, "worker_tokens", "labels", &row.id)?;
            let stands_for = Duration::try_from_secs_f64(row.stands_for).unwrap_or_default();
            Ok(OpenWorkerToken {
                id: TokenId(row.id),
                agents: row.agents,
                labels,
                stands_for,
                is_behind: row.is_behind,
            })
        });
        open.transpose()
    }

    /// The worker token was used just now.
    pub async fn touch_worker_token(&self, id: TokenId) -> Result<()> {
        sqlx::query!("UPDATE worker_tokens SET last_used_at = now() WHERE id = $1", id.0).execute(&self.pool).await?;
        Ok(())
    }
}
