//! What workflows as files need: which slugs are taken, by what a version is known again, and the storing of a whole file at once.
//! Must never store a part of a file: what was compared with something else than is here now changes nothing.

use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;
use workflow::{
    TemplateId, UserId,
    exchange::{Action, Mark, Saved, Workflow},
};

use crate::{
    Result, Store,
    agents::SaveAgent,
    audit::{self, Author},
    decode,
    templates::{Edit, NewTemplate, NewVersion, Publish, SaveDraft},
};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Imported {
    Imported,
    /// Somebody changed what it was compared with.
    Stale,
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

    /// Stores all of a file, or nothing. `of`: the workflow that the file is about.
    pub async fn import(&self, actions: &[Action], of: TemplateId, by: UserId, author: Author) -> Result<Imported> {
        let mut tx = self.pool.begin().await?;
        for action in actions {
            let is_done = match action {
                Action::Agent { base, spec, .. } => {
                    let saved = self.save_agent_in(&mut tx, spec, *base, by, author).await?;
                    matches!(saved, SaveAgent::Saved(saved) if saved.version == spec.version)
                }
                Action::Workflow(saved) => self.import_workflow(&mut tx, saved, by, author).await?,
            };
            if !is_done {
                return Ok(Imported::Stale);
            }
        }
        let n_agents = actions.iter().filter(|action| matches!(action, Action::Agent { .. })).count();
        let data = json!({"agents": n_agents, "workflows": actions.len() - n_agents});
        audit::append(&mut tx, author, "template.imported", &of.to_string(), data).await?;
        tx.commit().await?;
        Ok(Imported::Imported)
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
        let new = NewVersion { id: *id, revision, definition, by };
        Ok(self.publish_in(connection, new, author).await? == Publish::Published { version: *version })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use sqlx::PgPool;
    use workflow::{AgentSpec, Definition, access::Role};

    use super::*;
    use crate::users::NewUser;

    const BY: UserId = UserId(Uuid::from_u128(1));
    const ID: TemplateId = TemplateId(Uuid::from_u128(2));

    async fn with_user(pool: PgPool) -> Store {
        let store = Store::from_pool(pool);
        let user = NewUser { id: BY, email: "a@b.c".into(), role: Role::Admin, password_hash: "$argon2id$x".into() };
        store.create_user(&user, Author::default()).await.unwrap();
        store
    }

    fn agent(base: Option<i32>) -> Action {
        let spec = json!({"id": "x", "name": "X", "version": base.unwrap_or_default() + 1,
            "config": {"kind": "template", "template": "x"}});
        let spec: AgentSpec = serde_json::from_value(spec).unwrap();
        Action::Agent { base, spec: Box::new(spec), place: String::new() }
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
        let store = with_user(pool).await;
        let import = async |actions: &[Action]| store.import(actions, ID, BY, Author::default()).await.unwrap();
        assert_eq!(import(&[agent(None), workflow(Some(7), None)]).await, Imported::Stale);
        assert_eq!(store.agent(&"x".into(), None).await.unwrap(), None, "the agent went with it");
        assert_eq!(import(&[agent(None), workflow(None, Some(1))]).await, Imported::Imported);
        assert_eq!(store.slugs(&[ID], &[]).await.unwrap(), [(ID, "brief".to_owned())]);
        assert_eq!(store.slugs(&[], &["brief".into()]).await.unwrap().len(), 1);
        assert_eq!(store.version_marks(ID).await.unwrap().len(), 1);
        assert_eq!(store.version_content(ID, 1).await.unwrap().unwrap().name, "Brief");
        assert_eq!(import(&[agent(None)]).await, Imported::Stale);
        assert_eq!(import(&[agent(Some(1)), workflow(Some(1), None)]).await, Imported::Imported);
        let history = store.agent_history(&["x".into(), "y".into()]).await.unwrap();
        assert_eq!(history.iter().map(|spec| spec.version).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(store.draft(ID).await.unwrap().unwrap().revision, 2);
    }

    #[sqlx::test(migrator = "crate::MIGRATOR")]
    async fn slugs_come_with_the_first_name_and_stay(pool: PgPool) {
        let store = with_user(pool).await;
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
