//! Agents as outside workers offer them, and how each stands to the library.
//! Must never let an id pass to another token while its own stands, nor make a version that no admin accepted.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::json;
use workflow::{
    AgentId, AgentSpec, UserId,
    agent::{AgentConfig, queue},
    api::{OfferState, OfferView, Page, Standing},
    id::TokenId,
};

use crate::{
    Error, Result, Store, Window,
    audit::{self, Author},
    decode,
};

/// What accepting came to.
#[derive(Clone, PartialEq, Debug)]
pub enum Accepted {
    /// The version that it became, now or before.
    Version(Box<AgentSpec>),
    /// There is no such offer.
    Unknown,
    /// The id belongs to an agent of another kind.
    OtherKind,
}

const OTHER_KIND: &str = "the id belongs to an agent of another kind";
const OTHER_TOKEN: &str = "another token offers this id";
const NOT_ALLOWED: &str = "this token may not offer it";
const TOO_MANY: &str = "this token has offered as much as it may";

impl Store {
    /// Takes down what a session offers, and says how each stands. `max`: offers of one token.
    pub async fn offer(
        &self,
        token: TokenId,
        allowed: impl Fn(&AgentId) -> bool + Sync,
        specs: &[(String, AgentSpec)],
        max: i64,
    ) -> Result<BTreeMap<AgentId, Standing>> {
        let mut agents: Vec<(AgentId, String)> =
            specs.iter().map(|(hash, spec)| (spec.id.clone(), hash.clone())).collect();
        agents.sort();
        let before = self.standings(token, Some(&allowed), &agents).await?;
        let is_refused = |id: &AgentId| before.get(id).is_some_and(|known| known.state == OfferState::Refused);
        let mut sorted: Vec<_> = specs.iter().filter(|(_, spec)| !is_refused(&spec.id)).collect();
        sorted.sort_by(|(_, one), (_, other)| one.id.cmp(&other.id));
        let mut refused = Vec::new();
        let mut tx = self.pool.begin().await?;
        let (ids, hashes): (Vec<String>, Vec<String>) =
            sorted.iter().map(|(hash, spec)| (spec.id.to_string(), hash.clone())).unzip();
        let n_own = sqlx::query_scalar!(
            r#"SELECT count(*) AS "n!" FROM unnest($1::text[], $2::text[]) AS k (id, hash)
            JOIN worker_offers o ON o.agent_id = k.id AND o.hash = k.hash AND o.token_id = $3"#,
            &ids,
            &hashes,
            token.0,
        )
        .fetch_one(&mut *tx)
        .await?;
        if usize::try_from(n_own).unwrap_or(0) < sorted.len() {
            // What is new takes turns: else two tokens would each find an id free, and neither could ever offer it.
            sqlx::query("LOCK TABLE worker_offers IN SHARE ROW EXCLUSIVE MODE").execute(&mut *tx).await?;
        }
        for (hash, spec) in sorted {
            // An id passes on with all that was offered under it.
            let is_theirs = sqlx::query_scalar!(
                r#"SELECT count(*) > 0 AS "is!" FROM worker_offers o JOIN worker_tokens t ON t.id = o.token_id
                WHERE o.agent_id = $1 AND o.token_id <> $2 AND t.revoked_at IS NULL AND t.expires_at > now()"#,
                spec.id.as_str(),
                token.0,
            )
            .fetch_one(&mut *tx)
            .await?;
            if is_theirs {
                refused.push((spec.id.clone(), OTHER_TOKEN));
                continue;
            }
            let written = sqlx::query!(
                r#"INSERT INTO worker_offers AS o (agent_id, hash, spec, token_id)
                SELECT $1, $2, $3::text::json, $4
                WHERE EXISTS (SELECT FROM worker_offers k WHERE k.agent_id = $1 AND k.hash = $2)
                    OR (SELECT count(*) FROM worker_offers k WHERE k.token_id = $4) < $5
                ON CONFLICT (agent_id, hash) DO UPDATE SET last_offered_at = now(), token_id = excluded.token_id,
                    -- Name and description may change; what was accepted stays as it was.
                    spec = CASE WHEN o.accepted_version IS NULL THEN excluded.spec ELSE o.spec END"#,
                spec.id.as_str(),
                hash,
                decode::text(spec)?,
                token.0,
                max,
            )
            .execute(&mut *tx)
            .await?;
            if written.rows_affected() == 0 {
                refused.push((spec.id.clone(), TOO_MANY));
                continue;
            }
            sqlx::query!(
                "UPDATE worker_offers SET token_id = $2 WHERE agent_id = $1 AND token_id <> $2",
                spec.id.as_str(),
                token.0
            )
            .execute(&mut *tx)
            .await?;
        }
        tx.commit().await?;
        let mut now = self.standings(token, Some(&allowed), &agents).await?;
        for (id, reason) in refused {
            now.insert(id, refusal(reason));
        }
        Ok(now)
    }

    /// How these agents of a token stand. `allowed`: none where that was asked before.
    pub async fn standings(
        &self,
        token: TokenId,
        allowed: Option<&(dyn Fn(&AgentId) -> bool + Sync)>,
        agents: &[(AgentId, String)],
    ) -> Result<BTreeMap<AgentId, Standing>> {
        let (ids, hashes): (Vec<String>, Vec<String>) =
            agents.iter().map(|(id, hash)| (id.to_string(), hash.clone())).unzip();
        let rows = sqlx::query!(
            r#"SELECT k.id AS "id!",
                (SELECT v.spec -> 'config' ->> 'kind' FROM agents a
                    JOIN agent_versions v ON v.agent_id = a.id AND v.version = a.latest_version WHERE a.id = k.id AND NOT a.is_test) AS kind,
                (SELECT max(v.version) FROM agent_versions v JOIN agents a ON a.id = v.agent_id AND NOT a.is_test
                    WHERE v.agent_id = k.id AND v.spec -> 'config' ->> 'hash' = k.hash) AS version,
                EXISTS (SELECT FROM worker_offers o JOIN worker_tokens t ON t.id = o.token_id
                    WHERE o.agent_id = k.id AND o.token_id <> $3 AND t.revoked_at IS NULL AND t.expires_at > now()) AS "is_theirs!"
            FROM unnest($1::text[], $2::text[]) AS k (id, hash)"#,
            &ids,
            &hashes,
            token.0,
        );
        let rows = rows.fetch_all(&self.pool).await?;
        Ok(rows
            .into_iter()
            .map(|row| {
                let id = AgentId::new(row.id);
                let standing = if allowed.is_some_and(|allowed| !allowed(&id)) {
                    refusal(NOT_ALLOWED)
                } else if row.kind.is_some_and(|kind| kind != "worker") {
                    refusal(OTHER_KIND)
                } else if row.is_theirs {
                    refusal(OTHER_TOKEN)
                } else if row.version.is_some() {
                    Standing { state: OfferState::Accepted, version: row.version, reason: None }
                } else {
                    Standing { state: OfferState::Offered, version: None, reason: None }
                };
                (id, standing)
            })
            .collect())
    }

    /// A page of offers, the newest first; `waiting`: only those that no admin has accepted.
    pub async fn offers(&self, waiting: bool, window: Window<'_>) -> Result<Page<OfferView>> {
        let place = window.after.and_then(read_place);
        let (before, agent, hash) = match place {
            Some((before, agent, hash)) => (Some(before), Some(agent), Some(hash)),
            None => (None, None, None),
        };
        let rows = sqlx::query!(
            r#"SELECT o.agent_id, o.hash, o.spec::text AS "spec!", o.token_id, t.name AS token_name, o.first_offered_at, o.last_offered_at,
                o.accepted_version, (SELECT a.latest_version FROM agents a WHERE a.id = o.agent_id AND NOT a.is_test) AS latest_version,
                (SELECT count(*) FROM worker_sessions s JOIN workers w ON w.id = s.id
                    WHERE s.queues @> ARRAY['worker:' || o.agent_id || ':' || o.hash] AND w.state = 'alive') AS "n_sessions!"
            FROM worker_offers o JOIN worker_tokens t ON t.id = o.token_id
            WHERE (NOT $4 OR o.accepted_version IS NULL)
                AND ($1::timestamptz IS NULL OR o.first_offered_at < $1
                    OR (o.first_offered_at = $1 AND (o.agent_id, o.hash) > ($2::text, $3::text)))
            ORDER BY o.first_offered_at DESC, o.agent_id, o.hash LIMIT $5"#,
            before,
            agent,
            hash,
            waiting,
            window.to_read(),
        );
        let mut views = Vec::new();
        for row in rows.fetch_all(&self.pool).await? {
            let spec: AgentSpec = decode::read(&row.spec, "worker_offers", "spec", &row.agent_id)?;
            let AgentConfig::Worker(config) = spec.config else {
                return Err(Error::Inconsistent { table: "worker_offers", column: "spec", row: row.agent_id });
            };
            views.push(OfferView {
                agent_id: spec.id,
                hash: row.hash,
                name: spec.name,
                description: spec.description,
                inputs: spec.inputs,
                outputs: spec.outputs,
                side_effects: config.side_effects,
                timeout_s: config.timeout_s,
                token: TokenId(row.token_id),
                token_name: row.token_name,
                first_offered_at: row.first_offered_at,
                last_offered_at: row.last_offered_at,
                accepted_version: row.accepted_version,
                n_sessions: row.n_sessions,
                latest_version: row.latest_version,
            });
        }
        Ok(window.page(views, |view: &OfferView| {
            format!("{} {} {}", view.first_offered_at.timestamp_micros(), view.agent_id, view.hash)
        }))
    }

    /// The offer becomes the next version of its agent.
    pub async fn accept_offer(&self, id: &AgentId, hash: &str, by: UserId, author: Author) -> Result<Accepted> {
        let mut tx = self.pool.begin().await?;
        let offer = sqlx::query!(
            r#"SELECT spec::text AS "spec!", accepted_version FROM worker_offers WHERE agent_id = $1 AND hash = $2 FOR UPDATE"#,
            id.as_str(),
            hash,
        )
        .fetch_optional(&mut *tx)
        .await?;
        let Some(offer) = offer else { return Ok(Accepted::Unknown) };
        let kind = sqlx::query_scalar!(
            r#"SELECT v.spec -> 'config' ->> 'kind' FROM agents a
            JOIN agent_versions v ON v.agent_id = a.id AND v.version = a.latest_version WHERE a.id = $1 AND NOT a.is_test FOR UPDATE OF a"#,
            id.as_str()
        )
        .fetch_optional(&mut *tx)
        .await?
        .flatten();
        if kind.is_some_and(|kind| kind != "worker") {
            return Ok(Accepted::OtherKind);
        }
        if let Some(version) = offer.accepted_version {
            drop(tx);
            let known = self.agent(id, Some(version)).await?;
            return Ok(known.map_or(Accepted::Unknown, |spec| Accepted::Version(Box::new(spec))));
        }
        let version = sqlx::query_scalar!(
            r#"INSERT INTO agents AS a (id, latest_version, created_by) VALUES ($1, 1, $2)
            ON CONFLICT (id) DO UPDATE SET latest_version = a.latest_version + 1, is_test = false RETURNING latest_version"#,
            id.as_str(),
            by.0,
        )
        .fetch_one(&mut *tx)
        .await?;
        let spec: AgentSpec = decode::read(&offer.spec, "worker_offers", "spec", &id.as_str())?;
        let saved = AgentSpec { version, ..spec };
        sqlx::query!(
            r#"INSERT INTO agent_versions (agent_id, version, spec, created_by) VALUES ($1, $2, $3::text::json, $4)"#,
            id.as_str(),
            version,
            decode::text(&saved)?,
            by.0,
        )
        .execute(&mut *tx)
        .await?;
        sqlx::query!(
            "UPDATE worker_offers SET accepted_version = $3 WHERE agent_id = $1 AND hash = $2",
            id.as_str(),
            hash,
            version,
        )
        .execute(&mut *tx)
        .await?;
        // Those who offer it hear of it.
        sqlx::query!(
            "UPDATE worker_sessions SET changed_at = clock_timestamp() WHERE queues @> ARRAY[$1]",
            queue(id, hash)
        )
        .execute(&mut *tx)
        .await?;
        audit::append(&mut tx, author, "offer.accepted", id.as_str(), json!({"version": version, "hash": hash}))
            .await?;
        tx.commit().await?;
        Ok(Accepted::Version(Box::new(saved)))
    }
}

fn refusal(reason: &str) -> Standing {
    Standing { state: OfferState::Refused, version: None, reason: Some(reason.to_owned()) }
}

fn read_place(text: &str) -> Option<(DateTime<Utc>, String, String)> {
    let mut parts = text.splitn(3, ' ');
    let time = DateTime::from_timestamp_micros(parts.next()?.parse().ok()?)?;
    let (agent, hash) = (parts.next()?, parts.next()?);
    (!text.contains('\0')).then(|| (time, agent.to_owned(), hash.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sqlx::PgPool;

    use super::*;
    use crate::{
        agents::DeleteAgent,
        testing::{BY, agent, with_admin},
    };

    #[sqlx::test(migrator = "crate::MIGRATOR")]
    async fn accepting_an_offer_and_deleting_its_agent_do_not_wait_for_each_other(pool: PgPool) {
        let store = with_admin(pool).await;
        let spec = agent("x", "X");
        store.save_agent(&spec, None, BY, Author::default()).await.unwrap();
        for statement in [
            "INSERT INTO worker_tokens (id, name, token_hash, agents, labels, expires_at)
             VALUES ('00000000-0000-0000-0000-000000000009', 'T', decode(repeat('00', 32), 'hex'), '{x}', '{}',
                     now() + interval '1 day')",
            "INSERT INTO worker_offers (agent_id, hash, spec, token_id)
             VALUES ('x', repeat('a', 64), '{}', '00000000-0000-0000-0000-000000000009')",
        ] {
            sqlx::query(statement).execute(&store.pool).await.unwrap();
        }
        // As accepting goes on: it has the offer, and then takes the agent.
        let mut tx = store.pool.begin().await.unwrap();
        let offer = "SELECT 1 FROM worker_offers WHERE agent_id = 'x' FOR UPDATE";
        sqlx::query(offer).execute(&mut *tx).await.unwrap();
        let accepting = async {
            // By then the other waits.
            tokio::time::sleep(Duration::from_millis(300)).await;
            let locked = sqlx::query("SELECT 1 FROM agents WHERE id = 'x' FOR UPDATE").execute(&mut *tx).await;
            tx.commit().await.unwrap();
            locked
        };
        let deleting = store.delete_agent(&spec.id, Author::default());
        let (locked, deleted) = futures::future::join(accepting, deleting).await;
        assert!(locked.is_ok(), "{locked:?}");
        assert_eq!(deleted.unwrap(), DeleteAgent::Deleted);
    }
}
