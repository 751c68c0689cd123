//! API tokens: what a script presents instead of a cookie.
//! Must never see the token itself, only its SHA-256, and never let one do more than its person may.

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;
use workflow::{
    UserId,
    access::{Actor, Role, Scope},
    api::{Page, TokenView},
    id::TokenId,
};

use crate::{
    Error, Result, Store, Window,
    audit::{self, Author},
    decode::{self, groups, parse_role},
    delegations::absent,
    lending::Pool,
    page,
    secret::SecretHash,
};

/// A token to be made.
#[derive(Clone, Copy, Debug)]
pub struct NewToken<'a> {
    pub id: TokenId,
    pub user: UserId,
    pub name: &'a str,
    pub token_hash: &'a SecretHash,
    pub scopes: &'a [Scope],
    pub lifetime: Duration,
    pub max_tokens: i64,
    /// The session that asks, unless it is the operator.
    pub session: Option<Recent<'a>>,
}

/// A session in which the password has to have been given a short while ago.
#[derive(Clone, Copy, Debug)]
pub struct Recent<'a> {
    pub id_hash: &'a SecretHash,
    pub within: Duration,
}

#[derive(Clone, PartialEq, Debug)]
pub enum CreateToken {
    Created(TokenView),
    /// The person has as many as they may.
    TooMany,
    /// The session or the account has ended meanwhile.
    Gone,
    /// The password was given too long ago.
    Unconfirmed,
    /// A user's token cannot have what only admins' have.
    NoAdmin(Scope),
}

/// A token that was presented and stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OpenToken {
    pub id: TokenId,
    pub actor: Actor,
    pub scopes: Vec<Scope>,
    /// Its use was last written more than a minute ago: `touch_token`, so that reading seldom becomes writing.
    pub is_behind: bool,
}

struct Row {
    id: Uuid,
    name: String,
    scopes: Vec<String>,
    created_at: DateTime<Utc>,
    last_used_at: Option<DateTime<Utc>>,
    expires_at: DateTime<Utc>,
    is_expired: bool,
}

impl TryFrom<Row> for TokenView {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: TokenId(row.id),
            name: row.name,
            scopes: scopes_of(&row.scopes, row.id)?,
            created_at: row.created_at,
            last_used_at: row.last_used_at,
            expires_at: row.expires_at,
            is_expired: row.is_expired,
        })
    }
}

fn scopes_of(scopes: &[String], id: Uuid) -> Result<Vec<Scope>> {
    scopes.iter().map(|scope| decode::word(scope, "api_tokens", "scopes", &id)).collect()
}

impl Store {
    pub async fn create_token(&self, token: &NewToken<'_>, author: Author) -> Result<CreateToken> {
        let mut tx = self.pool.begin().await?;
        if let Some(refused) = refused(&mut tx, token).await? {
            return Ok(refused);
        }
        let scopes: Vec<String> = token.scopes.iter().map(|scope| scope.as_str().to_owned()).collect();
        let row = sqlx::query_as!(
            Row,
            r#"INSERT INTO api_tokens (id, user_id, name, token_hash, scopes, expires_at)
               VALUES ($1, $2, $3, $4, $5, now() + make_interval(secs => $6))
               RETURNING id, name, scopes, created_at, last_used_at, expires_at, false AS "is_expired!""#,
            token.id.0,
            token.user.0,
            token.name,
            &token.token_hash[..],
            &scopes,
            token.lifetime.as_secs_f64(),
        )
        .fetch_one(&mut *tx)
        .await?;
        let data = json!({"token": token.id, "name": token.name, "scopes": token.scopes, "expires_at": row.expires_at});
        audit::append(&mut tx, author, "token.created", &token.user.to_string(), data).await?;
        tx.commit().await?;
        Ok(CreateToken::Created(row.try_into()?))
    }

    /// A page of a person's tokens, newest first; those that expired lately are among them, so that it can be seen why something stopped.
    pub async fn tokens(&self, user: UserId, window: Window<'_>) -> Result<Page<TokenView>> {
        let (before, id) = window.after.and_then(page::read_at).unzip();
        let rows = sqlx::query_as!(
            Row,
            r#"SELECT id, name, scopes, created_at, last_used_at, expires_at, expires_at <= now() AS "is_expired!" FROM api_tokens
               WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > now() - interval '30 days'
                   AND ($2::timestamptz IS NULL OR (created_at, id) < ($2, $3::uuid))
               ORDER BY created_at DESC, id DESC LIMIT $4"#,
            user.0,
            before,
            id,
            window.to_read(),
        );
        let rows = rows.fetch_all(&self.pool).await?;
        let views = rows.into_iter().map(TokenView::try_from).collect::<Result<Vec<_>>>()?;
        Ok(window.page(views, |token: &TokenView| page::at(token.created_at, token.id.0)))
    }

    /// Takes back one of the person's tokens; false when there is none of that id.
    pub async fn revoke_token(&self, user: UserId, id: TokenId, author: Author) -> Result<bool> {
        let mut tx = self.pool.begin().await?;
        let changed = sqlx::query!(
            r#"UPDATE api_tokens SET revoked_at = now() WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL"#,
            id.0,
            user.0,
        )
        .execute(&mut *tx)
        .await?
        .rows_affected();
        if changed > 0 {
            audit::append(&mut tx, author, "token.revoked", &user.to_string(), json!({"token": id})).await?;
            tx.commit().await?;
            self.outbox.person(user);
        }
        Ok(changed > 0)
    }

    /// Who a token speaks for and what it may be used for, unless it was taken back, has expired, or the account is disabled.
    pub async fn open_token(&self, token_hash: &SecretHash) -> Result<Option<OpenToken>> {
        let pool = self.pool.clone();
        self.tokens.ask(*token_hash, move |hashes| open_tokens(pool.clone(), hashes)).await
    }

    /// Whose token it is or was, revoked and expired ones included.
    pub async fn token_owner(&self, token_hash: &SecretHash) -> Result<Option<UserId>> {
        let owner = sqlx::query_scalar!(r#"SELECT user_id FROM api_tokens WHERE token_hash = $1"#, &token_hash[..]);
        Ok(owner.fetch_optional(&self.pool).await?.map(UserId))
    }

    /// The token was used just now. True when it was the first time in a day.
    pub async fn touch_token(&self, id: TokenId) -> Result<bool> {
        let is_first = sqlx::query_scalar!(
            r#"WITH known AS (SELECT id, last_used_at FROM api_tokens WHERE id = $1 FOR UPDATE)
               UPDATE api_tokens t SET last_used_at = now() FROM known WHERE t.id = known.id
               RETURNING coalesce(known.last_used_at < now() - interval '1 day', true) AS "is_first!""#,
            id.0,
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(is_first.unwrap_or(false))
    }
}

async fn open_tokens(pool: Pool, hashes: Vec<SecretHash>) -> Result<BTreeMap<SecretHash, OpenToken>> {
    let wanted: Vec<Vec<u8>> = hashes.iter().map(|hash| hash.to_vec()).collect();
    let rows = sqlx::query!(
        r#"SELECT t.token_hash, u.id, u.email, u.role, t.id AS token_id, t.scopes,
                  coalesce(t.last_used_at < now() - interval '1 minute', true) AS "is_behind!",
                  ARRAY(SELECT m.group_id FROM group_members m WHERE m.user_id = u.id) AS "groups!",
                  EXISTS (SELECT FROM delegations d WHERE d.delegate_id = u.id AND d.ended_at IS NULL
                      AND d.starts_at <= now() AND d.ends_at > now()) AS "acts!"
           FROM api_tokens t JOIN users u ON u.id = t.user_id
           WHERE t.token_hash = ANY ($1) AND t.revoked_at IS NULL AND t.expires_at > now() AND u.disabled_at IS NULL"#,
        &wanted,
    );
    let rows = rows.fetch_all(&pool).await?;
    let delegates: Vec<(Uuid, bool)> = rows.iter().map(|row| (row.id, row.acts)).collect();
    let acting = absent::for_whom(&pool, &delegates).await?;
    let mut found = BTreeMap::new();
    for row in rows {
        let role = parse_role(&row.role, row.id)?;
        let mut scopes = scopes_of(&row.scopes, row.token_id)?;
        scopes.retain(|scope| !scope.is_admins() || role == Role::Admin);
        let acts_for = absent::of(&acting, row.id);
        let actor = Actor { id: UserId(row.id), email: row.email, role, groups: groups(row.groups), acts_for };
        let open = OpenToken { id: TokenId(row.token_id), actor, scopes, is_behind: row.is_behind };
        found.extend(hashes.iter().find(|hash| hash[..] == row.token_hash).map(|hash| (*hash, open)));
    }
    Ok(found)
}

/// Why the token cannot be made.
async fn refused(connection: &mut PgConnection, token: &NewToken<'_>) -> Result<Option<CreateToken>> {
    let role = match maker(connection, token.user, token.session).await? {
        Maker::Stands(role) => role,
        Maker::Gone => return Ok(Some(CreateToken::Gone)),
        Maker::Unconfirmed => return Ok(Some(CreateToken::Unconfirmed)),
    };
    if let Some(scope) = token.scopes.iter().find(|scope| scope.is_admins() && role != Role::Admin) {
        return Ok(Some(CreateToken::NoAdmin(*scope)));
    }
    let n_tokens = sqlx::query_scalar!(
        r#"SELECT count(*) AS "n!" FROM api_tokens WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > now()"#,
        token.user.0,
    )
    .fetch_one(connection)
    .await?;
    Ok((n_tokens >= token.max_tokens).then_some(CreateToken::TooMany))
}

/// Whether somebody may make a token of any kind just now.
pub(crate) enum Maker {
    Stands(Role),
    /// The session or the account has ended meanwhile.
    Gone,
    /// The password was given too long ago.
    Unconfirmed,
}

/// Locks the person's row, so that two requests at once cannot both be the last allowed one, and so that what ends all credentials of the
/// person either sees the token that is made now, or is seen here.
pub(crate) async fn maker(connection: &mut PgConnection, user: UserId, session: Option<Recent<'_>>) -> Result<Maker> {
    let known = sqlx::query!(
        r#"SELECT role, disabled_at IS NOT NULL AS "is_disabled!" FROM users WHERE id = $1 FOR NO KEY UPDATE"#,
        user.0,
    )
    .fetch_optional(&mut *connection)
    .await?;
    let Some(known) = known.filter(|known| !known.is_disabled) else { return Ok(Maker::Gone) };
    if let Some(session) = session {
        let is_recent = sqlx::query_scalar!(
            r#"SELECT confirmed_at > now() - make_interval(secs => $3) AS "is_recent!" FROM sessions
               WHERE id_hash = $1 AND user_id = $2 AND expires_at > now()"#,
            &session.id_hash[..],
            user.0,
            session.within.as_secs_f64(),
        )
        .fetch_optional(&mut *connection)
        .await?;
        match is_recent {
            None => return Ok(Maker::Gone),
            Some(false) => return Ok(Maker::Unconfirmed),
            Some(true) => {}
        }
    }
    Ok(Maker::Stands(parse_role(&known.role, user.0)?))
}
