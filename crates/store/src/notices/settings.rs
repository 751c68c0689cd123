//! How the instance sends notices, as far as admins said it.
//! Must never hold a password: there is the name of a secret.

use serde_json::json;
use workflow::{SecretName, api::SmtpTls, notices::StoredMail};

use super::Word;
use crate::{
    Result, Store,
    audit::{self, Author},
};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SetSettings {
    Set,
    /// Somebody changed them meanwhile; this is their revision.
    Stale(i64),
}

impl Store {
    /// As nobody said anything, if nobody did.
    pub async fn notice_settings(&self) -> Result<StoredMail> {
        let row = sqlx::query!(
            "SELECT host, port, tls, username, password, sender, content, revision FROM notice_settings WHERE id"
        );
        let Some(row) = row.fetch_optional(&self.pool).await? else { return Ok(StoredMail::default()) };
        Ok(StoredMail {
            tls: SmtpTls::read(&row.tls, "notice_settings", "tls", &row.revision)?,
            host: row.host,
            port: row.port.and_then(|port| u16::try_from(port).ok()),
            user: row.username,
            password: row.password.map(SecretName::new),
            from: row.sender,
            content: row.content,
            revision: row.revision,
        })
    }

    /// `wanted.revision`: the one that the change began from.
    pub async fn set_notice_settings(&self, wanted: &StoredMail, author: Author) -> Result<SetSettings> {
        let mut tx = self.pool.begin().await?;
        let changed = sqlx::query!(
            "INSERT INTO notice_settings AS s (id, host, port, tls, username, password, sender, content, revision)
            SELECT true, $1::text, $2::int, $3::text, $4::text, $5::text, $6::text, $7::boolean, 1
            WHERE $8::bigint = 0 OR EXISTS (SELECT FROM notice_settings)
            ON CONFLICT (id) DO UPDATE SET host = excluded.host, port = excluded.port, tls = excluded.tls,
                username = excluded.username, password = excluded.password, sender = excluded.sender,
                content = excluded.content, revision = s.revision + 1
            WHERE s.revision = $8::bigint",
            wanted.host,
            wanted.port.map(i32::from),
            wanted.tls.word(),
            wanted.user,
            wanted.password.as_ref().map(SecretName::as_str),
            wanted.from,
            wanted.content,
            wanted.revision,
        )
        .execute(&mut *tx)
        .await?
        .rows_affected();
        if changed == 0 {
            let now = sqlx::query_scalar!("SELECT revision FROM notice_settings WHERE id");
            return Ok(SetSettings::Stale(now.fetch_optional(&mut *tx).await?.unwrap_or_default()));
        }
        let data = json!({
            "host": wanted.host, "port": wanted.port, "tls": wanted.tls, "user": wanted.user,
            "password": wanted.password, "from": wanted.from, "content": wanted.content,
        });
        audit::append(&mut tx, author, "notice.settings_changed", "notices", data).await?;
        tx.commit().await?;
        Ok(SetSettings::Set)
    }
}
