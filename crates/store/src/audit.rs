//! The audit log: who did what outside of runs (these have `run_events`), written in the transaction that does it.
//! Must never hold a secret, and never be changed: the table refuses.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;
use workflow::UserId;

use crate::{Result, Store};

/// Who does it, and from where.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Author {
    /// Absent for the operator at the command line, and for somebody who is not signed in.
    pub actor: Option<UserId>,
    pub address: Option<IpAddr>,
}

impl Author {
    /// The same request, by the person it turned out to be.
    #[must_use]
    pub fn who_is(self, actor: UserId) -> Self {
        Self { actor: Some(actor), ..self }
    }
}

/// An entry as it stands in the log.
#[derive(Clone, PartialEq, Debug)]
pub struct Entry {
    pub at: DateTime<Utc>,
    pub actor: Option<UserId>,
    pub action: String,
    pub subject: String,
    pub data: Value,
}

/// Appends one entry; `data` is an object.
pub(crate) async fn append(
    connection: &mut PgConnection,
    author: Author,
    action: &str,
    subject: &str,
    mut data: Value,
) -> Result<()> {
    if let Some(address) = author.address {
        data["address"] = json!(address);
    }
    sqlx::query!(
        r#"INSERT INTO audit_log (actor, action, subject, data) VALUES ($1, $2, $3, $4)"#,
        author.actor.map(|actor| actor.0),
        action,
        subject,
        data,
    )
    .execute(connection)
    .await?;
    Ok(())
}

impl Store {
    /// Appends an entry for something that changed no table: a refused login, say.
    pub async fn note(&self, author: Author, action: &str, subject: &str, data: Value) -> Result<()> {
        let mut connection = self.pool.acquire().await?;
        append(&mut connection, author, action, subject, data).await
    }

    /// What was done to one thing, oldest first.
    pub async fn audit_of(&self, subject: &str) -> Result<Vec<Entry>> {
        let rows = sqlx::query!(
            r#"SELECT at, actor, action, subject, data FROM audit_log WHERE subject = $1 ORDER BY id"#,
            subject,
        )
        .fetch_all(&self.pool)
        .await?;
        let entry = |actor: Option<Uuid>, at, action, subject, data| Entry {
            at,
            actor: actor.map(UserId),
            action,
            subject,
            data,
        };
        Ok(rows.into_iter().map(|row| entry(row.actor, row.at, row.action, row.subject, row.data)).collect())
    }
}
