//! API tokens: what a script presents instead of a cookie.
//! Must never see the token itself, only its SHA-256.

use serde_json::json;
use workflow::{UserId, access::Actor, api::TokenView, id::TokenId};

use crate::{
    Result, Store,
    audit::{self, Author},
    sessions::SecretHash,
    users::parse_role,
};

#[derive(Clone, PartialEq, Debug)]
pub enum CreateToken {
    Created(TokenView),
    /// The person has as many as they may.
    TooMany,
}

impl Store {
    pub async fn create_token(
        &self,
        id: TokenId,
        user: UserId,
        name: &str,
        token_hash: &SecretHash,
        max_tokens: i64,
        author: Author,
    ) -> Result<CreateToken> {
        let mut tx = self.pool.begin().await?;
        // Locks the person's row, so that two requests at once cannot both be the last allowed one.
        sqlx::query!(r#"SELECT id FROM users WHERE id = $1 FOR NO KEY UPDATE"#, user.0).fetch_one(&mut *tx).await?;
        let n_tokens = sqlx::query_scalar!(
            r#"SELECT count(*) AS "n!" FROM api_tokens WHERE user_id = $1 AND revoked_at IS NULL"#,
            user.0,
        )
        .fetch_one(&mut *tx)
        .await?;
        if n_tokens >= max_tokens {
            return Ok(CreateToken::TooMany);
        }
        let row = sqlx::query!(
            r#"INSERT INTO api_tokens (id, user_id, name, token_hash) VALUES ($1, $2, $3, $4) RETURNING created_at"#,
            id.0,
            user.0,
            name,
            &token_hash[..],
        )
        .fetch_one(&mut *tx)
        .await?;
        audit::append(&mut tx, author, "token.created", &user.to_string(), json!({"token": id})).await?;
        tx.commit().await?;
        Ok(CreateToken::Created(TokenView {
            id,
            name: name.to_owned(),
            created_at: row.created_at,
            last_used_at: None,
        }))
    }

    /// Newest first.
    pub async fn tokens(&self, user: UserId) -> Result<Vec<TokenView>> {
        let rows = sqlx::query!(
            r#"SELECT id, name, created_at, last_used_at FROM api_tokens
               WHERE user_id = $1 AND revoked_at IS NULL
               ORDER BY created_at DESC, id"#,
            user.0,
        )
        .fetch_all(&self.pool)
        .await?;
        let views = rows.into_iter().map(|row| TokenView {
            id: TokenId(row.id),
            name: row.name,
            created_at: row.created_at,
            last_used_at: row.last_used_at,
        });
        Ok(views.collect())
    }

    /// Takes back one of the person's own tokens; false when there is none of that id.
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
        }
        Ok(changed > 0)
    }

    /// Who a token speaks for, unless it was taken back or the account is disabled.
    pub async fn token_actor(&self, token_hash: &SecretHash) -> Result<Option<Actor>> {
        let row = sqlx::query!(
            r#"SELECT u.id, u.email, u.role, t.id AS token_id,
                      coalesce(t.last_used_at < now() - interval '1 minute', true) AS "is_behind!"
               FROM api_tokens t JOIN users u ON u.id = t.user_id
               WHERE t.token_hash = $1 AND t.revoked_at IS NULL AND u.disabled_at IS NULL"#,
            &token_hash[..],
        )
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        if row.is_behind {
            sqlx::query!(r#"UPDATE api_tokens SET last_used_at = now() WHERE id = $1"#, row.token_id)
                .execute(&self.pool)
                .await?;
        }
        Ok(Some(Actor { id: UserId(row.id), email: row.email, role: parse_role(&row.role, row.id)? }))
    }
}
