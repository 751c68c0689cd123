//! Secrets: their encrypted values, who may use each and where it may be sent, and in which runs it was used.
//! Must never write a value that is not encrypted, nor open one without a use that is allowed and written down.

mod opening;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::PgConnection;
use workflow::{
    AgentId, SecretName,
    api::{Page, SecretView},
};

pub use self::opening::{Asked, By, Destination, Opening};
use crate::{
    Error, Result, Store, Window,
    audit::{self, Author},
    vault::{KeyRing, Sealed},
};

/// A value with all that is kept of it.
#[derive(Clone, Copy, Debug)]
pub struct NewSecret<'a> {
    pub name: &'a SecretName,
    pub description: &'a str,
    /// Sorted, each once; the value is sealed with them.
    pub hosts: &'a [String],
    /// None: whoever may use it now.
    pub agents: Option<&'a [AgentId]>,
    pub sealed: &'a Sealed,
    pub max_secrets: i64,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SetSecret {
    Created,
    Replaced,
    TooMany,
    UnknownAgent(AgentId),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum GrantSecret {
    Granted,
    NotFound,
    /// Others may use it than was expected.
    Changed,
    UnknownAgent(AgentId),
}

/// A value that is under another key than the one that seals.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnderKey {
    pub name: SecretName,
    pub hosts: Vec<String>,
    pub sealed: Sealed,
}

struct Row {
    name: String,
    description: String,
    hosts: Vec<String>,
    agents: Vec<String>,
    key_id: String,
    set_by: Option<String>,
    set_at: DateTime<Utc>,
    last_used_at: Option<DateTime<Utc>>,
}

impl Row {
    fn view(self, keys: &KeyRing) -> SecretView {
        SecretView {
            name: SecretName::new(self.name),
            description: self.description,
            hosts: self.hosts,
            agents: self.agents.into_iter().map(AgentId::new).collect(),
            is_readable: keys.knows(&self.key_id),
            key_id: self.key_id,
            set_by: self.set_by,
            set_at: self.set_at,
            last_used_at: self.last_used_at,
        }
    }
}

impl Store {
    /// By name.
    pub async fn secrets(&self, keys: &KeyRing, window: Window<'_>) -> Result<Page<SecretView>> {
        let rows = sqlx::query_as!(
            Row,
            r#"SELECT s.name, s.description, s.hosts, s.agents, s.key_id, u.email AS "set_by?", s.set_at, s.last_used_at
            FROM secrets s LEFT JOIN users u ON u.id = s.set_by
            WHERE $1::text IS NULL OR s.name > $1
            ORDER BY s.name LIMIT $2"#,
            window.after,
            window.to_read(),
        );
        let rows = rows.fetch_all(&self.pool).await?;
        let views = rows.into_iter().map(|row| row.view(keys)).collect();
        Ok(window.page(views, |secret: &SecretView| secret.name.to_string()))
    }

    /// What an admin is told of one.
    pub async fn secret(&self, keys: &KeyRing, name: &SecretName) -> Result<Option<SecretView>> {
        let row = sqlx::query_as!(
            Row,
            r#"SELECT s.name, s.description, s.hosts, s.agents, s.key_id, u.email AS "set_by?", s.set_at, s.last_used_at
            FROM secrets s LEFT JOIN users u ON u.id = s.set_by WHERE s.name = $1"#,
            name.as_str(),
        );
        Ok(row.fetch_optional(&self.pool).await?.map(|row| row.view(keys)))
    }

    /// Makes a secret, or gives the one of that name another value.
    pub async fn set_secret(&self, new: &NewSecret<'_>, author: Author) -> Result<SetSecret> {
        let mut tx = self.pool.begin().await?;
        if let Some(unknown) = unknown_agent(&mut tx, new.agents.unwrap_or_default()).await? {
            return Ok(SetSecret::UnknownAgent(unknown));
        }
        let agents = texts(new.agents.unwrap_or_default());
        let keeps_agents = new.agents.is_none();
        // Twice: somebody may make it between the two.
        let mut outcome = None;
        for _ in 0..2 {
            if replace(&mut tx, new, &agents, keeps_agents, author).await? {
                outcome = Some(SetSecret::Replaced);
                break;
            }
            if create(&mut tx, new, &agents, author).await? {
                outcome = Some(SetSecret::Created);
                break;
            }
        }
        let Some(outcome) = outcome else { return Ok(SetSecret::TooMany) };
        let action = if outcome == SetSecret::Created { "secret.created" } else { "secret.replaced" };
        let mut data = json!({"hosts": new.hosts, "key": new.sealed.key_id});
        if !keeps_agents {
            data["agents"] = json!(agents);
        }
        audit::append(&mut tx, author, action, new.name.as_str(), data).await?;
        tx.commit().await?;
        Ok(outcome)
    }

    /// These agents may use it from now on, and no others. `expect`, sorted: those that may now, or nothing is changed.
    pub async fn grant_secret(
        &self,
        name: &SecretName,
        agents: &[AgentId],
        expect: Option<&[AgentId]>,
        author: Author,
    ) -> Result<GrantSecret> {
        let mut tx = self.pool.begin().await?;
        if let Some(unknown) = unknown_agent(&mut tx, agents).await? {
            return Ok(GrantSecret::UnknownAgent(unknown));
        }
        let known = sqlx::query_scalar!("SELECT agents FROM secrets WHERE name = $1 FOR UPDATE", name.as_str());
        let Some(known) = known.fetch_optional(&mut *tx).await? else { return Ok(GrantSecret::NotFound) };
        if expect.is_some_and(|expected| texts(expected) != known) {
            return Ok(GrantSecret::Changed);
        }
        let agents = texts(agents);
        sqlx::query!("UPDATE secrets SET agents = $2 WHERE name = $1", name.as_str(), &agents)
            .execute(&mut *tx)
            .await?;
        audit::append(&mut tx, author, "secret.granted", name.as_str(), json!({"agents": agents})).await?;
        tx.commit().await?;
        Ok(GrantSecret::Granted)
    }

    /// Which of these agents may use what.
    pub async fn granted_secrets(&self, agents: &[AgentId]) -> Result<BTreeSet<(AgentId, SecretName)>> {
        let rows = sqlx::query!("SELECT name, agents FROM secrets WHERE agents && $1::text[]", &texts(agents));
        let mut granted = BTreeSet::new();
        for row in rows.fetch_all(&self.pool).await? {
            for agent in agents.iter().filter(|agent| row.agents.iter().any(|id| id == agent.as_str())) {
                granted.insert((agent.clone(), SecretName::new(row.name.clone())));
            }
        }
        Ok(granted)
    }

    /// False where there is no such secret.
    pub async fn delete_secret(&self, name: &SecretName, author: Author) -> Result<bool> {
        let mut tx = self.pool.begin().await?;
        let deleted =
            sqlx::query!("DELETE FROM secrets WHERE name = $1", name.as_str()).execute(&mut *tx).await?.rows_affected();
        if deleted == 0 {
            return Ok(false);
        }
        audit::append(&mut tx, author, "secret.deleted", name.as_str(), json!({})).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// All that are under another key than this one, by name.
    pub async fn secrets_not_under(&self, key_id: &str) -> Result<Vec<UnderKey>> {
        let rows = sqlx::query!(
            "SELECT name, hosts, key_id, nonce, sealed FROM secrets WHERE key_id <> $1 ORDER BY name",
            key_id,
        );
        let rows = rows.fetch_all(&self.pool).await?.into_iter();
        rows.map(|row| {
            let sealed = sealed(&row.name, row.key_id, &row.nonce, row.sealed)?;
            Ok(UnderKey { name: SecretName::new(row.name), hosts: row.hosts, sealed })
        })
        .collect()
    }

    /// The same value under another key. False where it was set again or deleted meanwhile: nothing was changed then.
    pub async fn reseal_secret(&self, was: &UnderKey, sealed: &Sealed, author: Author) -> Result<bool> {
        let mut tx = self.pool.begin().await?;
        let changed = sqlx::query!(
            "UPDATE secrets SET key_id = $3, nonce = $4, sealed = $5 WHERE name = $1 AND nonce = $2",
            was.name.as_str(),
            &was.sealed.nonce[..],
            sealed.key_id,
            &sealed.nonce[..],
            sealed.bytes,
        )
        .execute(&mut *tx)
        .await?
        .rows_affected();
        if changed == 0 {
            return Ok(false);
        }
        let data = json!({"from": was.sealed.key_id, "to": sealed.key_id});
        audit::append(&mut tx, author, "secret.rotated", was.name.as_str(), data).await?;
        tx.commit().await?;
        Ok(true)
    }
}

/// An agent may not use these any more: what it would send them in is not what an admin let it send.
pub(crate) async fn take_from(
    connection: &mut PgConnection,
    agent: &AgentId,
    secrets: &BTreeSet<SecretName>,
    author: Author,
) -> Result<()> {
    for name in secrets {
        let left = sqlx::query_scalar!(
            r#"UPDATE secrets SET agents = array_remove(agents, $2::text) WHERE name = $1 AND $2::text = ANY (agents)
            RETURNING agents AS "agents!""#,
            name.as_str(),
            agent.as_str(),
        );
        if let Some(left) = left.fetch_optional(&mut *connection).await? {
            let data = json!({"agents": left, "taken_from": agent});
            audit::append(&mut *connection, author, "secret.granted", name.as_str(), data).await?;
        }
    }
    Ok(())
}

async fn replace(
    connection: &mut PgConnection,
    new: &NewSecret<'_>,
    agents: &[String],
    keeps_agents: bool,
    author: Author,
) -> Result<bool> {
    let changed = sqlx::query!(
        "UPDATE secrets SET description = $2, hosts = $3, agents = CASE WHEN $4 THEN agents ELSE $5 END, key_id = $6, nonce = $7,
            sealed = $8, set_by = $9, set_at = now()
        WHERE name = $1",
        new.name.as_str(),
        new.description,
        new.hosts,
        keeps_agents,
        agents,
        new.sealed.key_id,
        &new.sealed.nonce[..],
        new.sealed.bytes,
        author.actor.map(|actor| actor.0),
    )
    .execute(connection)
    .await?
    .rows_affected();
    Ok(changed > 0)
}

/// False where there are as many as there may be, or one of that name was made meanwhile.
async fn create(connection: &mut PgConnection, new: &NewSecret<'_>, agents: &[String], author: Author) -> Result<bool> {
    let made = sqlx::query!(
        "INSERT INTO secrets (name, description, hosts, agents, key_id, nonce, sealed, set_by)
        SELECT $1, $2, $3, $4, $5, $6, $7, $8 WHERE (SELECT count(*) FROM secrets) < $9
        ON CONFLICT (name) DO NOTHING",
        new.name.as_str(),
        new.description,
        new.hosts,
        agents,
        new.sealed.key_id,
        &new.sealed.nonce[..],
        new.sealed.bytes,
        author.actor.map(|actor| actor.0),
        new.max_secrets,
    )
    .execute(connection)
    .await?
    .rows_affected();
    Ok(made > 0)
}

/// The first of these that is no agent of the library. Those that are stay until the end of the transaction.
async fn unknown_agent(connection: &mut PgConnection, agents: &[AgentId]) -> Result<Option<AgentId>> {
    if agents.is_empty() {
        return Ok(None);
    }
    let known = sqlx::query_scalar!(
        "SELECT id FROM agents WHERE id = ANY ($1) AND NOT is_test ORDER BY id FOR SHARE",
        &texts(agents),
    );
    let known = known.fetch_all(connection).await?;
    Ok(agents.iter().find(|agent| !known.iter().any(|known| known == agent.as_str())).cloned())
}

fn sealed(name: &str, key_id: String, nonce: &[u8], bytes: Vec<u8>) -> Result<Sealed> {
    let nonce: [u8; 12] = nonce.try_into().map_err(|_| Error::Inconsistent {
        table: "secrets",
        column: "nonce",
        row: name.to_owned(),
    })?;
    Ok(Sealed { key_id, nonce, bytes })
}

fn texts(ids: &[AgentId]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}
