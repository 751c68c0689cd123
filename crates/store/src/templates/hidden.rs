//! Versions that the server makes for itself: to test an agent, or to try a part of a draft. Runs alone lead to them.
//! Must never write to a template that somebody made.

use serde_json::{Value, json};
use workflow::{TemplateId, json::n_bytes};

use super::{
    Version,
    save::{Hidden, NewTemplate, NewVersion, insert, insert_version},
};
use crate::{
    Result, Store,
    audit::{self, Author},
};

impl Store {
    /// A hidden version that says what `new` says, for a run of kind `test`; an equal one is used again. None where its agent was deleted.
    pub async fn test_version(&self, new: NewTemplate<'_>, author: Author) -> Result<Option<Version>> {
        let hash = new.definition.semantic_hash();
        let mut tx = self.pool.begin().await?;
        let known = sqlx::query!(
            r#"SELECT v.template_id, v.version FROM workflow_templates t
               JOIN workflow_template_versions v ON v.template_id = t.id
               WHERE t.is_test AND t.test_of IS NULL AND t.name = $1 AND v.semantic_hash = $2
               ORDER BY t.created_at LIMIT 1"#,
            new.name,
            hash,
        )
        .fetch_optional(&mut *tx)
        .await?;
        let definition = new.definition.clone();
        if let Some(known) = known {
            let template_id = TemplateId(known.template_id);
            return Ok(Some(Version { template_id, version: known.version, name: new.name.to_owned(), definition }));
        }
        let name = new.name.to_owned();
        insert(&mut tx, new, &[], Some(Hidden { test_of: None })).await?;
        let version = NewVersion { id: new.id, revision: 1, definition: new.definition, note: "", by: new.by };
        let Some(version) = insert_version(&mut tx, version, new.name, new.description, &hash).await? else {
            return Ok(None);
        };
        audit::append(&mut tx, author, "template.test_made", &new.id.to_string(), json!({})).await?;
        self.limits.charge_author(&mut tx, author, 2 * n_bytes(new.definition)).await?;
        tx.commit().await?;
        Ok(Some(Version { template_id: new.id, version, name, definition }))
    }

    /// A hidden version of a part of the draft of `of`, with what is said of the try in the audit log; an equal one is used again. None
    /// where there is no such template, its draft is not at this revision any more, or one of its agents was deleted: what is tried is
    /// what is stored.
    pub async fn try_version(
        &self,
        of: TemplateId,
        revision: i64,
        new: NewTemplate<'_>,
        said: Value,
        author: Author,
    ) -> Result<Option<Version>> {
        let hash = new.definition.semantic_hash();
        let mut tx = self.pool.begin().await?;
        let draft = sqlx::query_scalar!(
            "SELECT draft_revision FROM workflow_templates WHERE id = $1 AND NOT is_test FOR NO KEY UPDATE",
            of.0,
        )
        .fetch_optional(&mut *tx)
        .await?;
        if draft != Some(revision) {
            return Ok(None);
        }
        let hidden = sqlx::query_scalar!("SELECT id FROM workflow_templates WHERE test_of = $1", of.0);
        let template_id = if let Some(id) = hidden.fetch_optional(&mut *tx).await? {
            TemplateId(id)
        } else {
            insert(&mut tx, new, &[], Some(Hidden { test_of: Some(of) })).await?;
            new.id
        };
        let known = sqlx::query_scalar!(
            r#"SELECT version FROM workflow_template_versions
               WHERE template_id = $1 AND semantic_hash = $2 AND name = $3 ORDER BY version LIMIT 1"#,
            template_id.0,
            hash,
            new.name,
        )
        .fetch_optional(&mut *tx)
        .await?;
        let version = if let Some(version) = known {
            version
        } else {
            let version = NewVersion { id: template_id, revision: 1, definition: new.definition, note: "", by: new.by };
            let version = insert_version(&mut tx, version, new.name, new.description, &hash).await?;
            let Some(version) = version else { return Ok(None) };
            version
        };
        audit::append(&mut tx, author, "template.tried", &of.to_string(), said).await?;
        let n_stored = if known.is_none() { n_bytes(new.definition) } else { 0 };
        self.limits.charge_author(&mut tx, author, n_stored).await?;
        tx.commit().await?;
        Ok(Some(Version { template_id, version, name: new.name.to_owned(), definition: new.definition.clone() }))
    }
}

#[cfg(test)]
mod tests {
    use sqlx::PgPool;
    use uuid::Uuid;
    use workflow::Definition;

    use super::*;
    use crate::{
        templates::Startable,
        testing::{BY, agent, with_admin},
    };

    const ALL: crate::Window<'_> = crate::Window { after: None, limit: 100 };
    const ID: TemplateId = TemplateId(Uuid::from_u128(2));

    fn definition(agent: &str) -> Definition {
        Definition::from_value(&json!({"steps": {"a": {"agent_id": agent, "agent_version": 1}}})).unwrap()
    }

    fn new<'a>(n: u128, name: &'a str, definition: &'a Definition) -> NewTemplate<'a> {
        NewTemplate { id: TemplateId(Uuid::from_u128(n)), name, description: "", definition, by: BY }
    }

    async fn with_template(pool: PgPool) -> Store {
        let store = with_admin(pool).await;
        for id in ["x", "y"] {
            store.save_agent(&agent(id, id), None, BY, Author::default()).await.unwrap();
        }
        store.create_template(new(2, "Brief", &definition("x")), Author::default()).await.unwrap();
        store
    }

    /// It is there for its runs, and nobody else finds it.
    async fn is_hidden(store: &Store, made: &Version) {
        let id = made.template_id;
        assert_eq!(store.template_summaries(None, ALL).await.unwrap().items.len(), 1);
        assert_eq!(store.gallery(None, None, ALL).await.unwrap().items.len(), 0);
        for version in [None, Some(made.version)] {
            assert_eq!(store.startable(id, version).await.unwrap(), Startable::NotFound);
        }
        assert!(store.draft(id).await.unwrap().is_none() && store.published(id, None).await.unwrap().is_none());
        assert!(!store.archive_template(id, true, Author::default()).await.unwrap());
        let (kept, _) = store.version(id, made.version).await.unwrap().unwrap();
        assert_eq!((&kept.name, &kept.definition), (&made.name, &made.definition));
    }

    #[sqlx::test(migrator = "crate::MIGRATOR")]
    async fn a_test_version_is_hidden_and_used_again(pool: PgPool) {
        let store = with_template(pool).await;
        let tested = definition("x");
        let first = store.test_version(new(10, "Test of x", &tested), Author::default()).await.unwrap();
        let second = store.test_version(new(11, "Test of x", &tested), Author::default()).await.unwrap();
        assert_eq!(first, second);
        is_hidden(&store, &first.unwrap()).await;
    }

    #[sqlx::test(migrator = "crate::MIGRATOR")]
    async fn of_an_agent_that_was_deleted_meanwhile_no_version_is_made(pool: PgPool) {
        let store = with_template(pool).await;
        let gone = definition("gone");
        let tested = store.test_version(new(10, "Test of gone", &gone), Author::default()).await.unwrap();
        assert_eq!(tested, None);
        let tried = store.try_version(ID, 1, new(11, "Brief", &gone), json!({}), Author::default()).await.unwrap();
        assert_eq!(tried, None);
        for id in [10, 11] {
            let found = store.version(TemplateId(Uuid::from_u128(id)), 1).await.unwrap();
            assert!(found.is_none(), "nothing was written");
        }
    }

    #[sqlx::test(migrator = "crate::MIGRATOR")]
    async fn the_parts_of_one_draft_are_versions_of_one_hidden_template(pool: PgPool) {
        let store = with_template(pool).await;
        let (one, other) = (definition("x"), definition("y"));
        let tried = async |n, revision, part| {
            let new = new(n, "Brief", part);
            store.try_version(ID, revision, new, json!({"extent": "whole"}), Author::default()).await.unwrap()
        };
        let first = tried(10, 1, &one).await.unwrap();
        assert_eq!(tried(11, 1, &one).await, Some(first.clone()), "an equal part is used again");
        let second = tried(12, 1, &other).await.unwrap();
        assert_eq!((second.template_id, second.version), (first.template_id, first.version + 1));
        assert_eq!(tried(13, 2, &one).await, None, "the draft is not at that revision");
        for made in [&first, &second] {
            is_hidden(&store, made).await;
        }
        let of_hidden = NewTemplate { id: first.template_id, ..new(14, "Brief", &one) };
        let nested = store.try_version(first.template_id, 1, of_hidden, json!({}), Author::default()).await.unwrap();
        assert_eq!(nested, None, "no draft of anybody is tried");
        let log = store.audit_of(&ID.to_string()).await.unwrap();
        let n_told = log.iter().filter(|entry| entry.action == "template.tried").count();
        assert_eq!(n_told, 3, "each try is told, also of a part that was there");
    }
}
