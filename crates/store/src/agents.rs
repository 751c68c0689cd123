//! The agent library: slugs with immutable versions.
//! Must never change a version: an edit is the next one.

use std::collections::BTreeMap;

use serde_json::json;
use sqlx::PgConnection;
use workflow::{AgentId, AgentSpec, UserId, api::Page, hash::sha256_hex, json::n_bytes};

use crate::{
    Result, Store, Window,
    audit::{self, Author},
    decode,
    inbox::words::words,
    page,
};

#[derive(Clone, PartialEq, Debug)]
pub enum SaveAgent {
    Saved(Box<AgentSpec>),
    /// Somebody saved a newer version, or created the agent first; `latest` is theirs.
    Stale {
        latest: i32,
    },
    /// There is no such agent to make the next version of.
    NotFound,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DeleteAgent {
    Deleted,
    NotFound,
    /// A version of a workflow runs it.
    Used,
    /// The draft of a workflow has a step of it.
    Drafted {
        name: String,
    },
}

impl Store {
    /// The latest version of every agent, by id.
    pub async fn agents(&self) -> Result<Vec<AgentSpec>> {
        let rows = sqlx::query!(
            r#"SELECT v.agent_id, v.version, v.spec::text AS "spec!"
               FROM agents a JOIN agent_versions v ON v.agent_id = a.id AND v.version = a.latest_version
               WHERE NOT a.is_test ORDER BY a.id"#,
        );
        rows.fetch_all(&self.pool).await?.into_iter().map(|row| read(&row.agent_id, row.version, &row.spec)).collect()
    }

    /// A page of the latest versions, by name without case, as people see them; where something is looked for, those in whose name, id or
    /// description every word of it stands, whatever its case and accents.
    pub async fn agents_page(&self, search: Option<&str>, window: Window<'_>) -> Result<Page<AgentSpec>> {
        let (name, id) = window.after.and_then(page::read_slugged).unzip();
        let words = words(search);
        let rows = sqlx::query!(
            r#"SELECT v.agent_id, v.version, v.spec::text AS "spec!"
               FROM agents a JOIN agent_versions v ON v.agent_id = a.id AND v.version = a.latest_version
               WHERE NOT a.is_test AND ($1::text IS NULL OR (lower(v.spec ->> 'name'), a.id) > (lower($1), $2::text))
                   AND (cardinality($4::text[]) = 0 OR NOT EXISTS (SELECT FROM unnest($4::text[]) w WHERE strpos(
                       lower(regexp_replace(normalize(concat_ws(E'\n', v.spec ->> 'name', a.id, v.spec ->> 'description'), NFKD), '[\u0300-\u036f]', '', 'g')),
                       lower(regexp_replace(normalize(w, NFKD), '[\u0300-\u036f]', '', 'g'))) = 0))
               ORDER BY lower(v.spec ->> 'name'), a.id LIMIT $3"#,
            name,
            id,
            window.to_read(),
            &words,
        );
        let rows = rows.fetch_all(&self.pool).await?;
        let specs = rows.into_iter().map(|row| read(&row.agent_id, row.version, &row.spec)).collect::<Result<_>>()?;
        Ok(window.page(specs, |spec: &AgentSpec| page::slugged(&spec.name, spec.id.as_str())))
    }

    /// One version, or the latest.
    pub async fn agent(&self, id: &AgentId, version: Option<i32>) -> Result<Option<AgentSpec>> {
        let row = sqlx::query!(
            r#"SELECT v.agent_id, v.version, v.spec::text AS "spec!"
               FROM agents a JOIN agent_versions v ON v.agent_id = a.id AND v.version = coalesce($2, a.latest_version)
               WHERE a.id = $1 AND NOT a.is_test"#,
            id.as_str(),
            version,
        );
        let row = row.fetch_optional(&self.pool).await?;
        row.map(|row| read(&row.agent_id, row.version, &row.spec)).transpose()
    }

    /// What these are called by their newest versions; one that is not there is left out.
    pub async fn agent_names(&self, ids: &[AgentId]) -> Result<BTreeMap<AgentId, String>> {
        let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
        let sql = "SELECT a.id, v.spec ->> 'name' FROM agents a
            JOIN agent_versions v ON v.agent_id = a.id AND v.version = a.latest_version WHERE a.id = ANY($1)";
        let names: Vec<(String, Option<String>)> = sqlx::query_as(sql).bind(ids).fetch_all(&self.pool).await?;
        Ok(names.into_iter().filter_map(|(id, name)| Some((AgentId::new(id), name?))).collect())
    }

    /// Those of the named versions that exist.
    pub async fn agent_versions(&self, wanted: impl IntoIterator<Item = (AgentId, i32)>) -> Result<Vec<AgentSpec>> {
        let (ids, versions): (Vec<String>, Vec<i32>) =
            wanted.into_iter().map(|(id, version)| (id.as_str().to_owned(), version)).unzip();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let rows = sqlx::query!(
            r#"SELECT v.agent_id, v.version, v.spec::text AS "spec!"
               FROM agent_versions v
               WHERE (v.agent_id, v.version) IN (SELECT * FROM unnest($1::text[], $2::int[]))"#,
            &ids,
            &versions,
        );
        rows.fetch_all(&self.pool).await?.into_iter().map(|row| read(&row.agent_id, row.version, &row.spec)).collect()
    }

    /// The newest versions of each of these, and the newest alone of the others, oldest first: what a file is compared with.
    pub async fn agent_history(&self, ids: &[AgentId], others: &[AgentId]) -> Result<Vec<AgentSpec>> {
        let (ids, others) = (texts(ids), texts(others));
        let rows = sqlx::query!(
            r#"SELECT agent_id AS "agent_id!", version AS "version!", spec::text AS "spec!"
               FROM (SELECT v.agent_id, v.version, v.spec,
                            row_number() OVER (PARTITION BY v.agent_id ORDER BY v.version DESC) AS newness
                     FROM agent_versions v JOIN agents a ON a.id = v.agent_id
                     WHERE NOT a.is_test AND a.id = ANY($1::text[] || $2::text[])) versions
               WHERE newness <= CASE WHEN agent_id = ANY($1::text[]) THEN 20 ELSE 1 END
               ORDER BY agent_id, version"#,
            &ids,
            &others,
        );
        rows.fetch_all(&self.pool).await?.into_iter().map(|row| read(&row.agent_id, row.version, &row.spec)).collect()
    }

    /// How many bytes `agent_history` would read: nobody has to hold them to know.
    pub async fn agent_history_bytes(&self, ids: &[AgentId], others: &[AgentId]) -> Result<i64> {
        let (ids, others) = (texts(ids), texts(others));
        let n = sqlx::query_scalar!(
            r#"SELECT coalesce(sum(octet_length(spec::text)), 0)::bigint AS "n!"
               FROM (SELECT v.agent_id, v.spec,
                            row_number() OVER (PARTITION BY v.agent_id ORDER BY v.version DESC) AS newness
                     FROM agent_versions v JOIN agents a ON a.id = v.agent_id
                     WHERE NOT a.is_test AND a.id = ANY($1::text[] || $2::text[])) versions
               WHERE newness <= CASE WHEN agent_id = ANY($1::text[]) THEN 20 ELSE 1 END"#,
            &ids,
            &others,
        );
        Ok(n.fetch_one(&self.pool).await?)
    }

    /// Creates an agent (`base` absent), or the version after `base`; the version in `spec` is ignored.
    pub async fn save_agent(
        &self,
        spec: &AgentSpec,
        base: Option<i32>,
        by: UserId,
        author: Author,
    ) -> Result<SaveAgent> {
        let mut tx = self.pool.begin().await?;
        // One that is not in the library any more comes back by being made anew, and not by what was typed before it was deleted.
        if base.is_some() && lock_listed(&mut tx, &spec.id).await?.is_none() {
            return Ok(SaveAgent::NotFound);
        }
        let saved = self.save_agent_in(&mut tx, spec, base, by, author).await?;
        if let SaveAgent::Saved(_) = saved {
            tx.commit().await?;
        }
        Ok(saved)
    }

    /// The same as a part of something larger, which brings one back that was deleted after its tests, too. What is not saved is to be
    /// rolled back.
    pub(crate) async fn save_agent_in(
        &self,
        connection: &mut PgConnection,
        spec: &AgentSpec,
        base: Option<i32>,
        by: UserId,
        author: Author,
    ) -> Result<SaveAgent> {
        let id = spec.id.as_str();
        let version =
            match base {
                // One that was deleted after its tests goes on: those refer to the versions that it had.
                None => {
                    sqlx::query_scalar!(
                        r#"INSERT INTO agents AS a (id, latest_version, created_by) VALUES ($1, 1, $2)
                       ON CONFLICT (id) DO UPDATE
                       SET latest_version = a.latest_version + 1, is_test = false, created_by = excluded.created_by
                       WHERE a.is_test
                       RETURNING latest_version"#,
                        id,
                        by.0,
                    )
                    .fetch_optional(&mut *connection)
                    .await?
                }
                Some(base) => sqlx::query_scalar!(
                    r#"UPDATE agents SET latest_version = $2 + 1, is_test = false WHERE id = $1 AND latest_version = $2
                       RETURNING latest_version"#,
                    id,
                    base,
                )
                .fetch_optional(&mut *connection)
                .await?,
            };
        let Some(version) = version else {
            let latest = sqlx::query_scalar!(r#"SELECT latest_version FROM agents WHERE id = $1 AND NOT is_test"#, id)
                .fetch_optional(&mut *connection)
                .await?;
            return Ok(latest.map_or(SaveAgent::NotFound, |latest| SaveAgent::Stale { latest }));
        };
        let saved = AgentSpec { version, ..spec.clone() };
        sqlx::query!(
            r#"INSERT INTO agent_versions (agent_id, version, spec, created_by) VALUES ($1, $2, $3::text::json, $4)"#,
            id,
            version,
            decode::text(&saved)?,
            by.0,
        )
        .execute(&mut *connection)
        .await?;
        audit::append(connection, author, "agent.saved", id, json!({"version": version})).await?;
        self.limits.charge_author(connection, author, n_bytes(&saved)).await?;
        Ok(SaveAgent::Saved(Box::new(saved)))
    }

    /// Those of these ids that were deleted after tests had run them, with their latest versions: what is saved under one is the next.
    pub async fn retired_agents(&self, ids: &[AgentId]) -> Result<Vec<(AgentId, i32)>> {
        let ids = texts(ids);
        let rows = sqlx::query!("SELECT id, latest_version FROM agents WHERE is_test AND id = ANY($1)", &ids);
        let rows = rows.fetch_all(&self.pool).await?.into_iter();
        Ok(rows.map(|row| (AgentId::new(row.id), row.latest_version)).collect())
    }

    /// Deletes an agent that no workflow ever used, with its versions. One that tests ran is hidden instead, for their runs refer to it.
    pub async fn delete_agent(&self, id: &AgentId, author: Author) -> Result<DeleteAgent> {
        let mut tx = self.pool.begin().await?;
        // Of an outside worker: what it offers waits to be accepted again. Accepting holds the offer before the agent, and so does this.
        sqlx::query!("UPDATE worker_offers SET accepted_version = NULL WHERE agent_id = $1", id.as_str())
            .execute(&mut *tx)
            .await?;
        // What is being published with it has locked it, and is seen by the statements after this one.
        let Some(latest) = lock_listed(&mut tx, id).await? else {
            return Ok(DeleteAgent::NotFound);
        };
        let use_of_it = sqlx::query!(
            r#"SELECT coalesce(bool_or(NOT t.is_test), false) AS "is_published!", coalesce(bool_or(t.is_test), false) AS "is_tested!"
               FROM workflow_version_agents u JOIN workflow_templates t ON t.id = u.template_id WHERE u.agent_id = $1"#,
            id.as_str(),
        )
        .fetch_one(&mut *tx)
        .await?;
        if use_of_it.is_published {
            return Ok(DeleteAgent::Used);
        }
        // Few drafts hold the word, and only those are taken apart.
        let drafted = sqlx::query_scalar!(
            r#"SELECT name FROM workflow_templates
               WHERE NOT is_test AND position('"' || $1 || '"' IN definition::text) > 0
                 AND EXISTS (SELECT FROM json_each(definition -> 'steps') step WHERE step.value ->> 'agent_id' = $1)
               ORDER BY updated_at DESC LIMIT 1"#,
            id.as_str(),
        )
        .fetch_optional(&mut *tx)
        .await?;
        if let Some(name) = drafted {
            return Ok(DeleteAgent::Drafted { name });
        }
        if use_of_it.is_tested {
            sqlx::query!("UPDATE agents SET is_test = true WHERE id = $1", id.as_str()).execute(&mut *tx).await?;
        } else {
            sqlx::query!("DELETE FROM agents WHERE id = $1", id.as_str()).execute(&mut *tx).await?;
        }
        // Whoever saves another one under its id later has to be given them anew.
        sqlx::query!(
            "UPDATE secrets SET agents = array_remove(agents, $1::text) WHERE $1::text = ANY (agents)",
            id.as_str()
        )
        .execute(&mut *tx)
        .await?;
        audit::append(&mut tx, author, "agent.deleted", id.as_str(), json!({"version": latest})).await?;
        tx.commit().await?;
        Ok(DeleteAgent::Deleted)
    }

    /// Keeps what was typed for an agent and not saved, under an id that says so, for a test to run. Equal ones are kept once.
    pub async fn keep_unsaved(&self, spec: &AgentSpec, by: UserId, author: Author) -> Result<AgentSpec> {
        let bare = AgentSpec { version: 1, ..spec.clone() };
        let id = spec.id.unsaved(&sha256_hex(decode::text(&bare)?.as_bytes()));
        let kept = AgentSpec { id, ..bare };
        let mut tx = self.pool.begin().await?;
        let made = sqlx::query!(
            "INSERT INTO agents (id, latest_version, is_test, created_by) VALUES ($1, 1, true, $2) ON CONFLICT (id) DO NOTHING",
            kept.id.as_str(),
            by.0,
        )
        .execute(&mut *tx)
        .await?;
        if made.rows_affected() == 0 {
            return Ok(kept);
        }
        sqlx::query!(
            r#"INSERT INTO agent_versions (agent_id, version, spec, created_by) VALUES ($1, 1, $2::text::json, $3)"#,
            kept.id.as_str(),
            decode::text(&kept)?,
            by.0,
        )
        .execute(&mut *tx)
        .await?;
        audit::append(&mut tx, author, "agent.test_made", spec.id.as_str(), json!({"kept_as": kept.id.as_str()}))
            .await?;
        self.limits.charge_author(&mut tx, author, n_bytes(&kept)).await?;
        tx.commit().await?;
        Ok(kept)
    }
}

/// The latest version of an agent of the library, which stays there and is not changed by anybody else until the end of the transaction.
async fn lock_listed(connection: &mut PgConnection, id: &AgentId) -> Result<Option<i32>> {
    let latest =
        sqlx::query_scalar!("SELECT latest_version FROM agents WHERE id = $1 AND NOT is_test FOR UPDATE", id.as_str());
    Ok(latest.fetch_optional(connection).await?)
}

fn texts(ids: &[AgentId]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}

fn read(id: &str, version: i32, spec: &str) -> Result<AgentSpec> {
    decode::read(spec, "agent_versions", "spec", &format!("{id} v{version}"))
}

#[cfg(test)]
mod tests {
    use sqlx::PgPool;
    use uuid::Uuid;

    use super::*;
    use crate::testing::{BY, agent, with_admin};

    #[sqlx::test(migrator = "crate::MIGRATOR")]
    async fn an_edit_makes_the_next_version_and_a_stale_one_is_refused(pool: PgPool) {
        let store = with_admin(pool.clone()).await;
        let spec = agent("writer", "Writer");
        let save = async |base| store.save_agent(&spec, base, BY, Author::default()).await.unwrap();
        assert_eq!(save(Some(1)).await, SaveAgent::NotFound);
        assert_eq!(save(None).await, SaveAgent::Saved(Box::new(AgentSpec { version: 1, ..spec.clone() })));
        assert_eq!(save(None).await, SaveAgent::Stale { latest: 1 });
        let (one, two) = futures::future::join(save(Some(1)), save(Some(1))).await;
        let won = [&one, &two].into_iter().filter(|saved| matches!(saved, SaveAgent::Saved(_))).count();
        assert_eq!(won, 1, "{one:?} {two:?}");
        assert_eq!(store.agent(&spec.id, None).await.unwrap().unwrap().version, 2);
        assert_eq!(store.agent(&spec.id, Some(3)).await.unwrap(), None);
        let wanted = [(spec.id.clone(), 1), (spec.id.clone(), 2), (spec.id.clone(), 9)];
        assert_eq!(store.agent_versions(wanted).await.unwrap().len(), 2);
        // As it was given, to the order of its keys: that of JSONB would be another.
        let stored = "SELECT spec::text FROM agent_versions WHERE version = 2";
        let stored: String = sqlx::query_scalar(stored).fetch_one(&pool).await.unwrap();
        assert_eq!(stored, serde_json::to_string(&AgentSpec { version: 2, ..spec }).unwrap());
    }

    #[sqlx::test(migrator = "crate::MIGRATOR")]
    async fn the_library_is_listed_by_name_page_by_page(pool: PgPool) {
        let store = with_admin(pool).await;
        for (id, name) in [("a", "zebra"), ("b", "Ant"), ("c", "ant"), ("d", "Bee_ or not")] {
            store.save_agent(&agent(id, name), None, BY, Author::default()).await.unwrap();
        }
        let (mut seen, mut after) = (Vec::new(), None::<String>);
        loop {
            let page = store.agents_page(None, Window { after: after.as_deref(), limit: 1 }).await.unwrap();
            seen.extend(page.items.iter().map(|spec| spec.id.to_string()));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen, ["b", "c", "d", "a"]);
    }

    #[sqlx::test(migrator = "crate::MIGRATOR")]
    async fn the_library_is_searched_in_names_ids_and_descriptions(pool: PgPool) {
        let store = with_admin(pool).await;
        for (id, name, description) in
            [("short-one", "Résumé", "Says it in a line"), ("draft", "Drafter", "Writes a résumé"), ("c", "Other", "")]
        {
            let spec = AgentSpec { description: description.to_owned(), ..agent(id, name) };
            store.save_agent(&spec, None, BY, Author::default()).await.unwrap();
        }
        let searches: [(&str, &[&str]); 3] =
            [("RESUME", &["draft", "short-one"]), ("short line", &["short-one"]), ("writes drafter", &["draft"])];
        for (search, expected) in searches {
            let page = store.agents_page(Some(search), Window { after: None, limit: 9 }).await.unwrap();
            let found: Vec<String> = page.items.iter().map(|spec| spec.id.to_string()).collect();
            assert_eq!(found, expected, "{search}");
        }
    }

    #[sqlx::test(migrator = "crate::MIGRATOR")]
    async fn only_an_agent_that_no_workflow_used_is_deleted_and_its_id_is_free_again(pool: PgPool) {
        use crate::templates::{NewTemplate, NewVersion, Publish};
        use workflow::{Definition, TemplateId};

        let (store, by) = (with_admin(pool).await, BY);
        let save = async |id: &str| store.save_agent(&agent(id, id), None, by, Author::default()).await.unwrap();
        let delete = async |id: &str| store.delete_agent(&id.into(), Author::default()).await.unwrap();
        for id in ["unused", "drafted", "published", "tested"] {
            save(id).await;
        }
        let template = async |id: u128, agent: &str| {
            // Its name stands in the prompt of another step, too: that is no use of it.
            let definition = Definition::from_value(&serde_json::json!({"steps": {
                "a": {"agent_id": agent, "agent_version": 1, "prompt": "\"unused\""}}}))
            .unwrap();
            let id = TemplateId(Uuid::from_u128(id));
            let new = NewTemplate { id, name: "Brief", description: "", definition: &definition, by };
            (id, definition.clone(), store.create_template(new, Author::default()).await.unwrap())
        };
        template(10, "drafted").await;
        let (id, definition, ()) = template(11, "published").await;
        let new = NewVersion { id, revision: 1, definition: &definition, note: "", by };
        assert_eq!(store.publish(new, Author::default()).await.unwrap(), Publish::Published { version: 1 });
        // The draft goes on without it; the version keeps it.
        store.save_draft(id, 1, None, None, Some(&Definition::default()), Author::default()).await.unwrap();
        let definition =
            Definition::from_value(&serde_json::json!({"steps": {"test": {"agent_id": "tested", "agent_version": 1}}}));
        let definition = definition.unwrap();
        let id = TemplateId(Uuid::from_u128(12));
        let new = NewTemplate { id, name: "Test of tested", description: "", definition: &definition, by };
        store.test_version(new, Author::default()).await.unwrap();

        assert_eq!(delete("nobody").await, DeleteAgent::NotFound);
        assert_eq!(delete("drafted").await, DeleteAgent::Drafted { name: "Brief".into() });
        assert_eq!(delete("published").await, DeleteAgent::Used);
        assert_eq!(store.agents().await.unwrap().len(), 4);
        assert_eq!(delete("tested").await, DeleteAgent::Deleted);
        assert_eq!(delete("tested").await, DeleteAgent::NotFound);
        assert_eq!(store.agents().await.unwrap().len(), 3);
        assert_eq!(store.agent(&"tested".into(), Some(1)).await.unwrap(), None);
        assert_eq!(store.agent_versions([("tested".into(), 1)]).await.unwrap().len(), 1, "its tests refer to it");
        let hidden = NewTemplate { id: TemplateId(Uuid::from_u128(13)), name: "Another test", ..new };
        assert_eq!(store.test_version(hidden, Author::default()).await.unwrap(), None, "no new version names it");
        let names = store.agent_names(&["drafted".into(), "nobody".into()]).await.unwrap();
        assert_eq!(names.into_keys().collect::<Vec<_>>(), [AgentId::from("drafted")]);
        let retired = store.retired_agents(&["tested".into(), "drafted".into()]).await.unwrap();
        assert_eq!(retired, [(AgentId::from("tested"), 1)]);
        let stale = store.save_agent(&agent("tested", "Stale"), Some(1), by, Author::default()).await.unwrap();
        assert_eq!(stale, SaveAgent::NotFound, "it was deleted, as far as anybody is told");
        assert!(matches!(save("tested").await, SaveAgent::Saved(saved) if saved.version == 2));
        assert!(store.agent(&"tested".into(), None).await.unwrap().is_some_and(|spec| spec.version == 2));
        assert_eq!(delete("unused").await, DeleteAgent::Deleted);
        assert_eq!(store.agent(&"unused".into(), Some(1)).await.unwrap(), None);
        assert!(matches!(save("unused").await, SaveAgent::Saved(saved) if saved.version == 1));
        assert!(sqlx::query("DELETE FROM agents WHERE id = 'published'").execute(&store.pool).await.is_err());
    }
}
