//! Deletes drafts that were never published, and finds the untouched ones that can be handed out again.
//! Must never delete what a run or a version refers to: those are archived.

use serde_json::json;
use workflow::{Definition, TemplateId, UserId};

use crate::{
    Result, Store,
    audit::{self, Author},
    decode,
};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Deleted {
    Deleted,
    NotFound,
    /// Something was made from it.
    Used,
    /// It was saved since whoever deletes it has seen it.
    Stale {
        current: i64,
    },
}

impl Store {
    /// Deletes a template that has no version; at a revision, if one is named.
    pub async fn delete_template(&self, id: TemplateId, revision: Option<i64>, author: Author) -> Result<Deleted> {
        let mut tx = self.pool.begin().await?;
        let found = sqlx::query!(
            r#"SELECT name, draft_revision, published_version IS NOT NULL AS "is_used!"
               FROM workflow_templates WHERE id = $1 AND NOT is_test FOR UPDATE"#,
            id.0,
        )
        .fetch_optional(&mut *tx)
        .await?;
        let Some(found) = found else {
            return Ok(Deleted::NotFound);
        };
        if found.is_used {
            return Ok(Deleted::Used);
        }
        if revision.is_some_and(|revision| revision != found.draft_revision) {
            return Ok(Deleted::Stale { current: found.draft_revision });
        }
        sqlx::query!("DELETE FROM workflow_templates WHERE id = $1", id.0).execute(&mut *tx).await?;
        audit::append(&mut tx, author, "template.deleted", &id.to_string(), json!({"name": found.name})).await?;
        tx.commit().await?;
        Ok(Deleted::Deleted)
    }

    /// Of these names, those that templates have which are not archived.
    pub async fn template_names(&self, among: &[String]) -> Result<Vec<String>> {
        let rows = sqlx::query_scalar!(
            "SELECT DISTINCT name FROM workflow_templates WHERE NOT is_test AND lower(name) = ANY(SELECT lower(n) FROM unnest($1::text[]) n)
               AND name = ANY($1)",
            among,
        );
        Ok(rows.fetch_all(&self.pool).await?)
    }

    /// A draft of this name that the person made and never saved, and that holds nothing.
    pub async fn untouched_template(&self, by: UserId, name: &str) -> Result<Option<TemplateId>> {
        let rows = sqlx::query!(
            r#"SELECT id, definition::text AS "definition!" FROM workflow_templates t
               WHERE NOT is_test AND lower(name) = lower($2) AND name = $2 AND created_by = $1
                 AND draft_revision = 1 AND n_steps = 0 AND description = '' AND archived_at IS NULL
                 AND NOT EXISTS (SELECT FROM workflow_template_versions WHERE template_id = t.id)
               ORDER BY created_at LIMIT 10"#,
            by.0,
            name,
        )
        .fetch_all(&self.pool)
        .await?;
        for row in rows {
            // Run inputs or limits that a program wrote are something, too.
            let definition: Definition = decode::read(&row.definition, "workflow_templates", "definition", &row.id)?;
            if definition == Definition::default() {
                return Ok(Some(TemplateId(row.id)));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use sqlx::PgPool;
    use uuid::Uuid;

    use super::*;
    use crate::{
        templates::{NewTemplate, NewVersion, Publish},
        testing::{BY, agent, with_admin},
    };

    async fn with_user(pool: PgPool) -> Store {
        let store = with_admin(pool).await;
        store.save_agent(&agent("x", "X"), None, BY, Author::default()).await.unwrap();
        store
    }

    async fn draft(store: &Store, id: u128, name: &str, definition: &Value) -> TemplateId {
        let (id, definition) = (TemplateId(Uuid::from_u128(id)), Definition::from_value(definition).unwrap());
        let new = NewTemplate { id, name, description: "", definition: &definition, by: BY };
        store.create_template(new, Author::default()).await.unwrap();
        id
    }

    #[sqlx::test(migrator = "crate::MIGRATOR")]
    async fn a_draft_is_deleted_as_it_was_seen_and_a_published_workflow_never(pool: PgPool) {
        let store = with_user(pool.clone()).await;
        let id = draft(&store, 2, "Brief", &json!({"steps":{"a":{"agent_id":"x","agent_version":1}}})).await;
        store.save_draft(id, 1, Some("Briefs"), None, None, Author::default()).await.unwrap();
        let delete = async |revision| store.delete_template(id, revision, Author::default()).await.unwrap();
        assert_eq!(delete(Some(1)).await, Deleted::Stale { current: 2 });
        assert!(store.draft(id).await.unwrap().is_some());
        assert_eq!(delete(Some(2)).await, Deleted::Deleted);
        assert_eq!(delete(None).await, Deleted::NotFound);
        let logged: Value =
            sqlx::query_scalar("SELECT data FROM audit_log WHERE action = 'template.deleted' AND subject = $1")
                .bind(id.to_string())
                .fetch_one(&pool)
                .await
                .unwrap();
        assert_eq!(logged["name"], "Briefs");

        let id = draft(&store, 3, "Kept", &json!({"steps":{"a":{"agent_id":"x","agent_version":1}}})).await;
        let definition = store.draft(id).await.unwrap().unwrap().definition;
        let new = NewVersion { id, revision: 1, definition: &definition, note: "", by: BY };
        assert_eq!(store.publish(new, Author::default()).await.unwrap(), Publish::Published { version: 1 });
        assert_eq!(store.delete_template(id, None, Author::default()).await.unwrap(), Deleted::Used);
        assert!(store.draft(id).await.unwrap().is_some());
    }

    #[sqlx::test(migrator = "crate::MIGRATOR")]
    async fn of_a_publishing_and_a_deleting_at_the_same_time_one_wins(pool: PgPool) {
        let store = with_user(pool).await;
        for n in 0..8 {
            let id = draft(&store, 10 + n, "Raced", &json!({"steps":{"a":{"agent_id":"x","agent_version":1}}})).await;
            let definition = store.draft(id).await.unwrap().unwrap().definition;
            let new = NewVersion { id, revision: 1, definition: &definition, note: "", by: BY };
            let (published, deleted) = futures::future::join(
                store.publish(new, Author::default()),
                store.delete_template(id, None, Author::default()),
            )
            .await;
            match (published.unwrap(), deleted.unwrap()) {
                (Publish::Published { .. }, Deleted::Used) => assert!(store.version(id, 1).await.unwrap().is_some()),
                (Publish::NotFound, Deleted::Deleted) => assert!(store.draft(id).await.unwrap().is_none()),
                both => panic!("{both:?}"),
            }
        }
    }

    #[sqlx::test(migrator = "crate::MIGRATOR")]
    async fn only_an_untouched_empty_draft_of_the_person_is_handed_out_again(pool: PgPool) {
        let store = with_user(pool).await;
        let found = async || store.untouched_template(BY, "Untitled").await.unwrap();
        assert_eq!(found().await, None);
        draft(&store, 2, "Other", &json!({})).await;
        draft(&store, 3, "Untitled", &json!({"inputs": {"topic": {}}})).await;
        draft(&store, 4, "Untitled", &json!({"steps": {"a": {"agent_id": "x"}}})).await;
        assert_eq!(found().await, None);
        let id = draft(&store, 5, "Untitled", &json!({})).await;
        assert_eq!(found().await, Some(id));
        assert_eq!(store.untouched_template(UserId(Uuid::from_u128(9)), "Untitled").await.unwrap(), None);
        store.save_draft(id, 1, None, None, None, Author::default()).await.unwrap();
        assert_eq!(found().await, None, "it was saved once, so somebody may know it");
    }

    #[sqlx::test(migrator = "crate::MIGRATOR")]
    async fn names_are_told_as_far_as_they_are_taken(pool: PgPool) {
        let store = with_user(pool).await;
        draft(&store, 2, "Brief (copy)", &json!({})).await;
        let among = ["Brief (copy)".to_owned(), "brief (copy)".to_owned(), "Brief (copy 2)".to_owned()];
        assert_eq!(store.template_names(&among).await.unwrap(), ["Brief (copy)"]);
    }
}
