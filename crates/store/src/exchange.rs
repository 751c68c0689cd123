//! What workflows as files need: which slugs are taken, by what a version is known again, and the storing of a whole file at once.
//! Must never store a part of a file: what was compared with something else than is here now changes nothing.

use std::{collections::BTreeMap, time::Duration};

use serde_json::json;
use sqlx::PgConnection;
use tokio::time::timeout;
use uuid::Uuid;
use workflow::{
    AgentId, TemplateId, UserId,
    exchange::{Action, Mark, Saved, Workflow},
};

use crate::{
    Result, Store,
    agents::SaveAgent,
    audit::{self, Author},
    decode, secrets,
    templates::{Edit, NewTemplate, NewVersion, Publish, SaveDraft, is_taken},
};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Imported {
    Imported,
    /// Somebody changed what it was compared with.
    Stale,
    /// It took longer than it may, and was rolled back.
    TookTooLong,
}

/// What a file was compared with, whether it changes it or not.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Seen {
    /// With the latest version; none where there is no such agent.
    pub agents: BTreeMap<AgentId, Option<i32>>,
    pub workflows: BTreeMap<TemplateId, SeenWorkflow>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SeenWorkflow {
    pub revision: i64,
    pub published: Option<i32>,
    pub is_archived: bool,
}

impl Store {
    /// The templates with these ids or slugs that have a slug.
    pub async fn slugs(&self, ids: &[TemplateId], slugs: &[String]) -> Result<Vec<(TemplateId, String)>> {
        let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
        let rows = sqlx::query!(
            r#"SELECT id, slug AS "slug!" FROM workflow_templates
               WHERE NOT is_test AND slug IS NOT NULL AND (id = ANY($1) OR slug = ANY($2))"#,
            &ids,
            slugs,
        );
        let rows = rows.fetch_all(&self.pool).await?;
        Ok(rows.into_iter().map(|row| (TemplateId(row.id), row.slug)).collect())
    }

    /// By what the newest published versions of a template are known again, oldest first.
    pub async fn version_marks(&self, id: TemplateId) -> Result<Vec<Mark>> {
        let rows = sqlx::query!(
            r#"SELECT version, name, description, semantic_hash FROM workflow_template_versions
               WHERE template_id = $1 ORDER BY version DESC LIMIT 200"#,
            id.0,
        );
        let rows = rows.fetch_all(&self.pool).await?;
        let marks = rows.into_iter().rev().map(|row| Mark {
            version: row.version,
            name: row.name,
            description: row.description,
            semantic_hash: row.semantic_hash,
        });
        Ok(marks.collect())
    }

    /// A published version as a file tells it.
    pub async fn version_content(&self, id: TemplateId, version: i32) -> Result<Option<Workflow>> {
        let row = sqlx::query!(
            r#"SELECT v.name, v.description, v.definition::text AS "definition!"
               FROM workflow_template_versions v JOIN workflow_templates t ON t.id = v.template_id
               WHERE v.template_id = $1 AND v.version = $2 AND NOT t.is_test"#,
            id.0,
            version,
        );
        let row = row.fetch_optional(&self.pool).await?;
        row.map(|row| {
            let at = format!("{id} v{version}");
            let definition = decode::read(&row.definition, "workflow_template_versions", "definition", &at)?;
            Ok(Workflow { name: row.name, description: row.description, definition })
        })
        .transpose()
    }

    /// Writes down that a workflow left as a file, with all that it needs.
    pub async fn note_export(&self, id: TemplateId, n_bytes: usize, author: Author) -> Result<()> {
        let mut tx = self.pool.begin().await?;
        audit::append(&mut tx, author, "template.exported", &id.to_string(), json!({"bytes": n_bytes})).await?;
        Ok(tx.commit().await?)
    }

    /// Stores all of a file, or nothing. `of`: the workflow that the file is about. Only the last word to the database may take longer
    /// than `within`: whether that was heard would be unknown.
    pub async fn import(
        &self,
        actions: &[Action],
        seen: &Seen,
        of: TemplateId,
        by: UserId,
        author: Author,
        within: Duration,
    ) -> Result<Imported> {
        let mut tx = self.pool.begin().await?;
        let Ok(written) = timeout(within, self.write(&mut tx, actions, seen, of, by, author)).await else {
            return Ok(Imported::TookTooLong);
        };
        // Somebody made a workflow of that slug at the same moment.
        if is_taken(&written) || !written? {
            return Ok(Imported::Stale);
        }
        tx.commit().await?;
        Ok(Imported::Imported)
    }

    /// False where something is not here as it was when the file was compared; then all is to be rolled back.
    async fn write(
        &self,
        connection: &mut PgConnection,
        actions: &[Action],
        seen: &Seen,
        of: TemplateId,
        by: UserId,
        author: Author,
    ) -> Result<bool> {
        if !is_as_seen(connection, seen).await? {
            return Ok(false);
        }
        for action in actions {
            let is_done = match action {
                Action::Agent { base, spec, asked_anew, .. } => {
                    secrets::take_from(connection, &spec.id, asked_anew, author).await?;
                    let saved = self.save_agent_in(connection, spec, *base, by, author).await?;
                    matches!(saved, SaveAgent::Saved(saved) if saved.version == spec.version)
                }
                Action::Workflow(saved) => self.import_workflow(connection, saved, by, author).await?,
            };
            if !is_done {
                return Ok(false);
            }
        }
        let n_agents = actions.iter().filter(|action| matches!(action, Action::Agent { .. })).count();
        let data = json!({"agents": n_agents, "workflows": actions.len() - n_agents});
        audit::append(connection, author, "template.imported", &of.to_string(), data).await?;
        Ok(true)
    }

    /// False where it is not here as it was when the file was compared.
    async fn import_workflow(
        &self,
        connection: &mut PgConnection,
        saved: &Saved,
        by: UserId,
        author: Author,
    ) -> Result<bool> {
        let Saved { slug, id, base, name, description, definition, publish, .. } = saved;
        let revision = match base {
            None => {
                let new = NewTemplate { id: *id, name, description, definition, by };
                let slugs = [slug.clone()];
                if self.create_in(connection, new, &slugs, author).await?.as_ref() != Some(slug) {
                    return Ok(false);
                }
                1
            }
            Some(base) => {
                let edit = Edit {
                    id: *id,
                    base_revision: *base,
                    name: Some(name),
                    description: Some(description),
                    definition: Some(definition),
                    slugs: &[],
                };
                if self.save_draft_in(connection, edit, author).await? != SaveDraft::Saved {
                    return Ok(false);
                }
                base + 1
            }
        };
        let Some(version) = publish else { return Ok(true) };
        let new = NewVersion { id: *id, revision, definition, note: "", by };
        Ok(self.publish_in(connection, new, author).await? == Publish::Published { version: *version })
    }
}

/// Looks again at everything that a file was compared with, and keeps it from being deleted meanwhile.
async fn is_as_seen(connection: &mut PgConnection, seen: &Seen) -> Result<bool> {
    let agents: Vec<String> = seen.agents.keys().map(ToString::to_string).collect();
    let rows = sqlx::query!(
        r#"SELECT id, latest_version FROM agents
           WHERE NOT is_test AND id = ANY($1) ORDER BY id COLLATE "C" FOR KEY SHARE"#,
        &agents,
    );
    let rows = rows.fetch_all(&mut *connection).await?;
    let here: BTreeMap<String, i32> = rows.into_iter().map(|row| (row.id, row.latest_version)).collect();
    if seen.agents.iter().any(|(id, version)| here.get(id.as_str()) != version.as_ref()) {
        return Ok(false);
    }
    let workflows: Vec<Uuid> = seen.workflows.keys().map(|id| id.0).collect();
    let rows = sqlx::query!(
        r#"SELECT id, draft_revision, published_version, archived_at FROM workflow_templates
           WHERE NOT is_test AND id = ANY($1) ORDER BY id FOR KEY SHARE"#,
        &workflows,
    );
    let here = rows.fetch_all(&mut *connection).await?.into_iter().map(|row| {
        let found = SeenWorkflow {
            revision: row.draft_revision,
            published: row.published_version,
            is_archived: row.archived_at.is_some(),
        };
        (TemplateId(row.id), found)
    });
    Ok(here.collect::<BTreeMap<_, _>>() == seen.workflows)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;
    use sqlx::PgPool;
    use workflow::{AgentSpec, Definition};

    use super::*;
    use crate::{
        agents::DeleteAgent,
        testing::{BY, with_admin},
    };

    const ID: TemplateId = TemplateId(Uuid::from_u128(2));

    async fn import(store: &Store, actions: &[Action], seen: &Seen) -> Imported {
        store.import(actions, seen, ID, BY, Author::default(), Duration::from_secs(20)).await.unwrap()
    }

    fn agent(base: Option<i32>) -> Action {
        let spec = json!({"id": "x", "name": "X", "version": base.unwrap_or_default() + 1,
            "config": {"kind": "template", "template": "x"}});
        let spec: AgentSpec = serde_json::from_value(spec).unwrap();
        Action::Agent { base, spec: Box::new(spec), place: String::new(), asked_anew: BTreeSet::new() }
    }

    fn workflow(base: Option<i64>, publish: Option<i32>) -> Action {
        let definition = json!({"steps": {"a": {"agent_id": "x", "agent_version": 1}}});
        Action::Workflow(Box::new(Saved {
            slug: "brief".into(),
            id: ID,
            base,
            name: "Brief".into(),
            description: String::new(),
            definition: Definition::from_value(&definition).unwrap(),
            publish,
            place: String::new(),
        }))
    }

    #[sqlx::test(migrator = "crate::MIGRATOR")]
    async fn a_file_is_stored_whole_or_not_at_all(pool: PgPool) {
        let store = with_admin(pool).await;
        let import = async |actions: &[Action]| import(&store, actions, &Seen::default()).await;
        assert_eq!(import(&[agent(None), workflow(Some(7), None)]).await, Imported::Stale);
        assert_eq!(store.agent(&"x".into(), None).await.unwrap(), None, "the agent went with it");
        assert_eq!(import(&[agent(None), workflow(None, Some(1))]).await, Imported::Imported);
        assert_eq!(store.slugs(&[ID], &[]).await.unwrap(), [(ID, "brief".to_owned())]);
        assert_eq!(store.slugs(&[], &["brief".into()]).await.unwrap().len(), 1);
        assert_eq!(store.version_marks(ID).await.unwrap().len(), 1);
        assert_eq!(store.version_content(ID, 1).await.unwrap().unwrap().name, "Brief");
        assert_eq!(import(&[agent(None)]).await, Imported::Stale);
        assert_eq!(import(&[agent(Some(1)), workflow(Some(1), None)]).await, Imported::Imported);
        let history = store.agent_history(&["x".into(), "y".into()], &[]).await.unwrap();
        assert_eq!(history.iter().map(|spec| spec.version).collect::<Vec<_>>(), [1, 2]);
        assert!(store.agent_history_bytes(&["x".into()], &[]).await.unwrap() > 100);
        let latest = store.agent_history(&[], &["x".into()]).await.unwrap();
        assert_eq!(latest.iter().map(|spec| spec.version).collect::<Vec<_>>(), [2], "the newest alone");
        assert_eq!(store.draft(ID).await.unwrap().unwrap().revision, 2);
    }

    #[sqlx::test(migrator = "crate::MIGRATOR")]
    async fn an_import_brings_back_what_was_deleted_after_its_tests(pool: PgPool) {
        let store = with_admin(pool).await;
        assert_eq!(import(&store, &[agent(None)], &Seen::default()).await, Imported::Imported);
        let definition =
            Definition::from_value(&json!({"steps": {"a": {"agent_id": "x", "agent_version": 1}}})).unwrap();
        let test = NewTemplate { id: ID, name: "Test of X", description: "", definition: &definition, by: BY };
        store.test_version(test, Author::default()).await.unwrap();
        let deleted = store.delete_agent(&"x".into(), Author::default()).await.unwrap();
        assert_eq!(deleted, DeleteAgent::Deleted);
        let seen = Seen { agents: [(AgentId::new("x"), None)].into(), ..Seen::default() };
        assert_eq!(import(&store, &[agent(Some(1))], &seen).await, Imported::Imported);
        assert!(store.agent(&"x".into(), None).await.unwrap().is_some_and(|spec| spec.version == 2));
    }

    #[sqlx::test(migrator = "crate::MIGRATOR")]
    async fn an_import_that_takes_too_long_is_rolled_back(pool: PgPool) {
        let store = with_admin(pool).await;
        // Somebody else is about to make an agent of that id, so the import waits.
        let mut tx = store.pool.begin().await.unwrap();
        let Action::Agent { spec, .. } = agent(None) else { panic!("it is an agent") };
        store.save_agent_in(&mut tx, &spec, None, BY, Author::default()).await.unwrap();
        let actions = [agent(None), workflow(None, Some(1))];
        let within = Duration::from_millis(200);
        let done = store.import(&actions, &Seen::default(), ID, BY, Author::default(), within).await.unwrap();
        assert_eq!(done, Imported::TookTooLong);
        tx.rollback().await.unwrap();
        assert_eq!(store.agent(&"x".into(), None).await.unwrap(), None);
        assert_eq!(import(&store, &actions, &Seen::default()).await, Imported::Imported, "no lock of it is left");
    }

    #[sqlx::test(migrator = "crate::MIGRATOR")]
    async fn two_files_of_one_new_slug_at_once(pool: PgPool) {
        let store = with_admin(pool).await;
        let definition = Definition::default();
        let other = NewTemplate {
            id: TemplateId(Uuid::from_u128(3)),
            name: "Brief",
            description: "",
            definition: &definition,
            by: BY,
        };
        let mut tx = store.pool.begin().await.unwrap();
        store.create_in(&mut tx, other, &["brief".to_owned()], Author::default()).await.unwrap();
        let commit = async {
            // By then the other waits for what becomes of the slug.
            tokio::time::sleep(Duration::from_millis(300)).await;
            tx.commit().await.unwrap();
        };
        let actions = [agent(None), workflow(None, None)];
        let (imported, ()) = futures::future::join(import(&store, &actions, &Seen::default()), commit).await;
        assert_eq!(imported, Imported::Stale);
        assert_eq!(store.agent(&"x".into(), None).await.unwrap(), None);
    }

    #[sqlx::test(migrator = "crate::MIGRATOR")]
    async fn an_agent_that_moved_on_makes_it_stale(pool: PgPool) {
        let store = with_admin(pool).await;
        import(&store, &[agent(None), workflow(None, Some(1))], &Seen::default()).await;
        let seen = |agent: Option<i32>, published: Option<i32>| Seen {
            agents: [(AgentId::new("x"), agent), (AgentId::new("y"), None)].into(),
            workflows: [(ID, SeenWorkflow { revision: 1, published, is_archived: false })].into(),
        };
        let save = [workflow(Some(1), None)];
        for stale in [seen(Some(2), Some(1)), seen(None, Some(1)), seen(Some(1), None)] {
            assert_eq!(import(&store, &save, &stale).await, Imported::Stale, "{stale:?}");
        }
        store.archive_template(ID, true, Author::default()).await.unwrap();
        assert_eq!(import(&store, &save, &seen(Some(1), Some(1))).await, Imported::Stale);
        store.archive_template(ID, false, Author::default()).await.unwrap();
        assert_eq!(import(&store, &save, &seen(Some(1), Some(1))).await, Imported::Imported);
    }

    #[sqlx::test(migrator = "crate::MIGRATOR")]
    async fn slugs_come_with_the_first_name_and_stay(pool: PgPool) {
        let store = with_admin(pool).await;
        let definition = Definition::default();
        let make = async |n: u128, name: &str| {
            let id = TemplateId(Uuid::from_u128(n));
            let new = NewTemplate { id, name, description: "", definition: &definition, by: BY };
            store.create_template(new, Author::default()).await.unwrap();
            id
        };
        let slug = async |id| store.slugs(&[id], &[]).await.unwrap().pop().map(|(_, slug)| slug);
        let first = make(10, "Brief").await;
        assert_eq!(slug(first).await.as_deref(), Some("brief"));
        assert_eq!(slug(make(11, "Brief").await).await.as_deref(), Some("brief-2"));
        let untitled = make(12, workflow::exchange::slug::UNTITLED).await;
        assert_eq!(slug(untitled).await, None);
        for name in ["Brief!", "Another"] {
            let revision = store.draft(untitled).await.unwrap().unwrap().revision;
            store.save_draft(untitled, revision, Some(name), None, None, Author::default()).await.unwrap();
            assert_eq!(slug(untitled).await.as_deref(), Some("brief-3"));
        }
        // Many of one name at the same time.
        let names = (20..26).map(|n| make(n, "Brief"));
        let made = futures::future::join_all(names).await;
        let mut slugs: Vec<_> = store.slugs(&made, &[]).await.unwrap().into_iter().map(|(_, slug)| slug).collect();
        slugs.sort();
        slugs.dedup();
        assert_eq!(slugs.len(), 6);
    }
}
