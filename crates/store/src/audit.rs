//! The audit log: who did what outside of runs (these have `run_events`), written in the transaction that does it.
//! Must never hold a secret, and never be changed: the application's role has no right to.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;
use workflow::{UserId, api::AuditEntry, id::TokenId};

use crate::{Result, Store};

/// Who does it, and from where.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Author {
    /// Absent for the operator at the command line, and for somebody who is not signed in.
    pub actor: Option<UserId>,
    pub address: Option<IpAddr>,
    pub via: Via,
}

/// What vouched for the author.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Via {
    /// Nothing: somebody who is not signed in, or signs in just now.
    #[default]
    Nothing,
    Session,
    Token(TokenId),
    /// The command line beside the database.
    Operator,
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
        data["address"] = json!(address.to_canonical());
    }
    match author.via {
        Via::Nothing => {}
        Via::Session => data["via"] = json!("session"),
        Via::Token(id) => {
            data["via"] = json!("token");
            data["by_token"] = json!(id);
        }
        Via::Operator => data["via"] = json!("operator"),
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

/// The subject of an entry about several runs, which stand in its data.
pub const RUNS: &str = "runs";

/// Appends one entry for what was done to these runs in one go, and none where there is none: as many as a request may name would bury what
/// everybody else did. It is found by each of them.
pub(crate) async fn append_of_runs(
    connection: &mut PgConnection,
    author: Author,
    action: &str,
    runs: &[Uuid],
) -> Result<()> {
    match runs {
        [] => Ok(()),
        [run] => append(connection, author, action, &run.to_string(), json!({})).await,
        runs => append(connection, author, action, RUNS, json!({"runs": runs})).await,
    }
}

/// What of the log is asked for, checked; what is absent restricts nothing.
#[derive(Clone, Default, Debug)]
pub struct Wanted {
    pub actor: Option<UserId>,
    /// Of the operator alone.
    pub is_operator: bool,
    pub action: Option<String>,
    pub subject: Option<String>,
    pub address: Option<String>,
    pub from: Option<DateTime<Utc>>,
    pub to: Option<DateTime<Utc>>,
    pub before: Option<i64>,
    pub limit: i64,
}

impl Store {
    /// Newest first, one more than `limit` if there is more.
    pub async fn audit(&self, wanted: &Wanted) -> Result<Vec<AuditEntry>> {
        let rows = sqlx::query!(
            r#"SELECT id, at, actor, action, subject, data FROM audit_log
               -- Who gave a wrong password is nobody yet: such an entry is of the account that was tried.
               WHERE ($1::uuid IS NULL OR actor = $1 OR (action = 'session.refused' AND subject = $1::uuid::text))
                 AND (NOT $2 OR data ->> 'via' = 'operator')
                 AND ($3::text IS NULL OR action = $3 OR action LIKE $3 || '.%')
                 AND ($4::text IS NULL OR subject = $4 OR (data ? 'runs' AND data -> 'runs' ? $4))
                 AND ($5::text IS NULL OR data ->> 'address' = $5)
                 AND ($6::timestamptz IS NULL OR at >= $6)
                 AND ($7::timestamptz IS NULL OR at < $7)
                 AND ($8::bigint IS NULL OR id < $8)
               ORDER BY id DESC LIMIT $9"#,
            wanted.actor.map(|actor| actor.0),
            wanted.is_operator,
            wanted.action,
            wanted.subject,
            wanted.address,
            wanted.from,
            wanted.to,
            wanted.before,
            wanted.limit + 1,
        )
        .fetch_all(&self.pool)
        .await?;
        // Who was put into a group or taken out of it.
        let member = |data: &Value| data["user"].as_str().and_then(|id| Uuid::parse_str(id).ok());
        let people: BTreeSet<UserId> = rows
            .iter()
            .flat_map(|row| [row.actor, Uuid::parse_str(&row.subject).ok(), member(&row.data)])
            .flatten()
            .map(UserId)
            .collect();
        let emails = self.emails(&people).await?;
        let workflows = rows.iter().filter(|row| row.action.starts_with("template."));
        let workflows: Vec<Uuid> = workflows.filter_map(|row| Uuid::parse_str(&row.subject).ok()).collect();
        let names = self.workflow_names(&workflows).await?;
        let text = |data: &Value, field: &str| data[field].as_str().map(str::to_owned);
        let entries = rows.into_iter().map(|row| {
            let mut data = row.data;
            if let Some(email) = member(&data).and_then(|id| emails.get(&UserId(id))) {
                data["email"] = json!(email);
            }
            let subject = Uuid::parse_str(&row.subject).ok();
            AuditEntry {
                id: row.id,
                at: row.at,
                actor: row.actor.map(UserId),
                actor_email: row.actor.and_then(|actor| emails.get(&UserId(actor)).cloned()),
                via: text(&data, "via"),
                address: text(&data, "address"),
                subject_email: subject.and_then(|subject| emails.get(&UserId(subject)).cloned()),
                subject_name: subject.and_then(|subject| names.get(&subject).cloned()),
                action: row.action,
                subject: row.subject,
                data,
            }
        });
        Ok(entries.collect())
    }

    async fn workflow_names(&self, ids: &[Uuid]) -> Result<BTreeMap<Uuid, String>> {
        let rows = sqlx::query!(r#"SELECT id, name FROM workflow_templates WHERE id = ANY ($1)"#, ids)
            .fetch_all(&self.pool)
            .await?;
        Ok(rows.into_iter().map(|row| (row.id, row.name)).collect())
    }

    /// Appends an entry for something that changed no table: a refused login, say.
    pub async fn note(&self, author: Author, action: &str, subject: &str, data: Value) -> Result<()> {
        let mut tx = self.pool.begin().await?;
        append(&mut tx, author, action, subject, data).await?;
        Ok(tx.commit().await?)
    }

    /// What was done to one thing, oldest first.
    pub async fn audit_of(&self, subject: &str) -> Result<Vec<Entry>> {
        let rows = sqlx::query!(
            r#"SELECT at, actor, action, subject, data FROM audit_log
               WHERE subject = $1 OR (data ? 'runs' AND data -> 'runs' ? $1) ORDER BY id"#,
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
