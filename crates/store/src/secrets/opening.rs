//! A secret's value for whoever may use it: the use is allowed, and written down, before the value is out.
//! Must never let an agent go further than to hosts that are written down.

use secrecy::SecretString;
use serde_json::json;
use sqlx::PgConnection;
use workflow::{AgentId, RunId, SecretName, StepKey, UserId, secret::Host};

use super::sealed;
use crate::{
    Result, Store,
    audit::{self, Author},
    vault::{Bound, KeyRing, VaultError},
};

struct StoredRow {
    hosts: Vec<String>,
    agents: Vec<String>,
    key_id: String,
    nonce: Vec<u8>,
    sealed: Vec<u8>,
}

/// Whose run it is.
struct Owner {
    id: UserId,
    /// As of now.
    is_admin: bool,
    /// They try something in it.
    is_test: bool,
}

impl Store {
    /// The value of a secret, for whoever may use it like this. The use is in the audit log before the value is out: by an agent once for
    /// each run and place, by the server itself once a day.
    pub async fn open_secret(&self, keys: &KeyRing, asked: &Asked<'_>) -> Result<Opening> {
        let mut tx = self.pool.begin().await?;
        let row = sqlx::query_as!(
            StoredRow,
            // It is there until its use is written down.
            "SELECT hosts, agents, key_id, nonce, sealed FROM secrets WHERE name = $1 FOR KEY SHARE",
            asked.name.as_str(),
        );
        let Some(row) = row.fetch_optional(&mut *tx).await? else { return Ok(Opening::Unknown) };
        let owner = match asked.by {
            By::Agent { run, .. } => owner(&mut tx, run).await?,
            By::Server { .. } => None,
        };
        if let By::Agent { agent, .. } = asked.by {
            let is_granted = row.agents.iter().any(|granted| granted == agent.saved());
            if !is_granted || !may_try(agent, owner.as_ref()) {
                return Ok(Opening::NotGranted);
            }
        }
        if !is_sent_there(&row.hosts, asked) {
            return Ok(Opening::Elsewhere { hosts: row.hosts });
        }
        let sealed = sealed(asked.name.as_str(), row.key_id, &row.nonce, row.sealed)?;
        let value = match keys.open(Bound { name: asked.name, hosts: &row.hosts }, &sealed) {
            Ok(value) => value,
            Err(error) => return Ok(Opening::Closed(error)),
        };
        match asked.by {
            By::Agent { .. } => note_use_in_run(&mut tx, asked, owner.map(|owner| owner.id)).await?,
            By::Server { what } => note_use_by_server(&mut tx, asked.name, what).await?,
        }
        tx.commit().await?;
        Ok(Opening::Opened(value))
    }
}

/// Who wants a secret, and for what.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    pub name: &'a SecretName,
    pub by: By<'a>,
    /// Where it would be sent. None: where the operator's settings say, which name no agent.
    pub to: Option<Destination<'a>>,
}

#[derive(Clone, Copy, Debug)]
pub enum By<'a> {
    /// A step of a run: it has to be granted to the agent, and limited to hosts. What is typed for an agent and not saved may send what
    /// the agent may, while whoever tries it is an admin.
    Agent { agent: &'a AgentId, run: RunId, step: &'a StepKey },
    /// The server itself, such as for mail.
    Server { what: &'static str },
}

/// As addresses spell it.
#[derive(Clone, Copy, Debug)]
pub struct Destination<'a> {
    pub scheme: &'a str,
    pub host: &'a str,
    pub port: u16,
}

/// What came of wanting a secret.
#[derive(Debug)]
pub enum Opening {
    Opened(SecretString),
    Unknown,
    NotGranted,
    /// It may be sent to these alone.
    Elsewhere {
        hosts: Vec<String>,
    },
    Closed(VaultError),
}

/// An agent is never let go further than to hosts that are written down.
fn is_sent_there(hosts: &[String], asked: &Asked<'_>) -> bool {
    match (asked.to, asked.by) {
        (Some(to), _) => hosts
            .iter()
            .filter_map(|host| host.parse::<Host>().ok())
            .any(|host| host.admits(to.scheme, to.host, to.port)),
        (None, By::Server { .. }) => true,
        (None, By::Agent { .. }) => false,
    }
}

async fn owner(connection: &mut PgConnection, run: RunId) -> Result<Option<Owner>> {
    let row = sqlx::query!(
        r#"SELECT r.user_id, r.is_test, (u.role = 'admin' AND u.disabled_at IS NULL) AS "is_admin!"
        FROM workflow_runs r JOIN users u ON u.id = r.user_id WHERE r.id = $1"#,
        run.0,
    );
    let row = row.fetch_optional(connection).await?;
    Ok(row.map(|row| Owner { id: UserId(row.user_id), is_admin: row.is_admin, is_test: row.is_test }))
}

/// Admins alone try things. What they tried stays theirs, and could be run again after they are none any more.
fn may_try(agent: &AgentId, owner: Option<&Owner>) -> bool {
    let is_tried = agent.as_str() != agent.saved() || owner.is_some_and(|owner| owner.is_test);
    !is_tried || owner.is_some_and(|owner| owner.is_admin)
}

async fn note_use_in_run(connection: &mut PgConnection, asked: &Asked<'_>, owner: Option<UserId>) -> Result<()> {
    let By::Agent { agent, run, step } = asked.by else { return Ok(()) };
    let to = asked.to.map(|Destination { scheme, host, port }| format!("{scheme}://{host}:{port}")).unwrap_or_default();
    let is_first = sqlx::query!(
        "INSERT INTO secret_uses (secret, place) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        asked.name.as_str(),
        // Whole, so that what was never saved is not taken for what was, and neither is another host.
        format!("run/{run}/{agent}/{to}"),
    )
    .execute(&mut *connection)
    .await?
    .rows_affected();
    touch(connection, asked.name).await?;
    if is_first == 0 {
        return Ok(());
    }
    let author = Author { actor: owner, ..Author::default() };
    let data = json!({"agent": agent, "run": run, "step": step, "to": to});
    audit::append(connection, author, "secret.used", asked.name.as_str(), data).await
}

async fn note_use_by_server(connection: &mut PgConnection, name: &SecretName, what: &str) -> Result<()> {
    let is_first_of_day = sqlx::query!(
        "INSERT INTO secret_uses (secret, place)
        VALUES ($1, 'server/' || $2::text || '/' || (now() AT TIME ZONE 'UTC')::date::text) ON CONFLICT DO NOTHING",
        name.as_str(),
        what,
    )
    .execute(&mut *connection)
    .await?
    .rows_affected();
    touch(connection, name).await?;
    if is_first_of_day == 0 {
        return Ok(());
    }
    audit::append(connection, Author::default(), "secret.used", name.as_str(), json!({"for": what})).await
}

async fn touch(connection: &mut PgConnection, name: &SecretName) -> Result<()> {
    sqlx::query!(
        "UPDATE secrets SET last_used_at = now()
        WHERE name = $1 AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')",
        name.as_str(),
    )
    .execute(connection)
    .await?;
    Ok(())
}
