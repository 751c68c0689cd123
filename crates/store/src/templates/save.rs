//! The writes of templates: create, save the draft, publish.
//! Each compares and sets under one transaction; who may call is decided by `service`.

use std::collections::BTreeSet;

use serde_json::json;
use sqlx::PgConnection;
use workflow::{Definition, TemplateId, UserId, exchange::slug, json::n_bytes};

use crate::{
    Error, Result, Store,
    audit::{self, Author},
    decode,
};

#[derive(Clone, Copy, Debug)]
pub struct NewTemplate<'a> {
    pub id: TemplateId,
    pub name: &'a str,
    pub description: &'a str,
    pub definition: &'a Definition,
    pub by: UserId,
}

/// What to publish: the draft at a revision, with every agent version pinned.
#[derive(Clone, Copy, Debug)]
pub struct NewVersion<'a> {
    pub id: TemplateId,
    pub revision: i64,
    pub definition: &'a Definition,
    /// What its author says about it.
    pub note: &'a str,
    pub by: UserId,
}

/// What becomes of a draft. Absent fields stay as they are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Edit<'a> {
    pub(crate) id: TemplateId,
    pub(crate) base_revision: i64,
    pub(crate) name: Option<&'a str>,
    pub(crate) description: Option<&'a str>,
    pub(crate) definition: Option<&'a Definition>,
    /// Those that it may get if it has none yet, the best first.
    pub(crate) slugs: &'a [String],
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SaveDraft {
    Saved,
    NotFound,
    /// Somebody saved a newer draft.
    Stale {
        current: i64,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Publish {
    Published {
        version: i32,
    },
    /// The draft means what the live version means.
    Unchanged {
        version: i32,
    },
    NotFound,
    /// The draft was saved since it was read, or one of its agents is no more.
    Stale,
}

/// Slugs are unique by it.
const SLUG_KEY: &str = "workflow_templates_slug_key";
/// How many others may take the slug that one looked free, at the same moment.
const MAX_RACES: usize = 8;

impl Store {
    /// Puts a template away, or takes it back; false when there is none.
    pub async fn archive_template(&self, id: TemplateId, is_archived: bool, author: Author) -> Result<bool> {
        let mut tx = self.pool.begin().await?;
        let changed = sqlx::query!(
            "UPDATE workflow_templates SET archived_at = CASE WHEN $2 THEN coalesce(archived_at, now()) END WHERE id = $1 AND NOT is_test",
            id.0,
            is_archived,
        )
        .execute(&mut *tx)
        .await?;
        if changed.rows_affected() == 0 {
            return Ok(false);
        }
        let action = if is_archived { "template.archived" } else { "template.unarchived" };
        audit::append(&mut tx, author, action, &id.to_string(), json!({})).await?;
        tx.commit().await?;
        Ok(true)
    }

    pub async fn create_template(&self, new: NewTemplate<'_>, author: Author) -> Result<()> {
        let slugs = slug::candidates(new.name, new.id);
        for _ in 0..MAX_RACES {
            let made = self.try_create(new, &slugs, author).await;
            if !is_taken(&made) {
                return made;
            }
        }
        self.try_create(new, surely_free(&slugs), author).await
    }

    async fn try_create(&self, new: NewTemplate<'_>, slugs: &[String], author: Author) -> Result<()> {
        let mut tx = self.pool.begin().await?;
        self.create_in(&mut tx, new, slugs, author).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Makes a template as a part of something larger, and says which of the slugs it has: the first that is free.
    pub(crate) async fn create_in(
        &self,
        connection: &mut PgConnection,
        new: NewTemplate<'_>,
        slugs: &[String],
        author: Author,
    ) -> Result<Option<String>> {
        let slug = insert(connection, new, slugs, None).await?;
        audit::append(connection, author, "template.created", &new.id.to_string(), json!({})).await?;
        self.limits.charge_author(connection, author, n_bytes(new.definition)).await?;
        Ok(slug)
    }

    /// Absent fields stay as they are.
    pub async fn save_draft(
        &self,
        id: TemplateId,
        base_revision: i64,
        name: Option<&str>,
        description: Option<&str>,
        definition: Option<&Definition>,
        author: Author,
    ) -> Result<SaveDraft> {
        let slugs = name.map(|name| slug::candidates(name, id)).unwrap_or_default();
        let edit = Edit { id, base_revision, name, description, definition, slugs: &slugs };
        for _ in 0..MAX_RACES {
            let saved = self.try_save(edit, author).await;
            if !is_taken(&saved) {
                return saved;
            }
        }
        self.try_save(Edit { slugs: surely_free(&slugs), ..edit }, author).await
    }

    async fn try_save(&self, edit: Edit<'_>, author: Author) -> Result<SaveDraft> {
        let mut tx = self.pool.begin().await?;
        let saved = self.save_draft_in(&mut tx, edit, author).await?;
        if saved == SaveDraft::Saved {
            tx.commit().await?;
        }
        Ok(saved)
    }

    /// Saves a draft as a part of something larger. What is not saved is to be rolled back.
    pub(crate) async fn save_draft_in(
        &self,
        connection: &mut PgConnection,
        edit: Edit<'_>,
        author: Author,
    ) -> Result<SaveDraft> {
        let Edit { id, base_revision, name, description, definition, slugs } = edit;
        let before = draft_bytes(connection, id).await?;
        let saved = sqlx::query_scalar!(
            r#"UPDATE workflow_templates SET
                   name = coalesce($3, name),
                   description = coalesce($4, description),
                   definition = coalesce($5::text::json, definition),
                   n_steps = coalesce($6, n_steps),
                   -- The first name of its own gives it its slug.
                   slug = coalesce(slug, (SELECT free.slug FROM unnest($7::text[]) WITH ORDINALITY AS free (slug, n)
                       WHERE NOT EXISTS (SELECT FROM workflow_templates t WHERE t.slug = free.slug)
                       ORDER BY free.n LIMIT 1)),
                   draft_revision = draft_revision + 1,
                   updated_at = now()
               WHERE id = $1 AND draft_revision = $2 AND NOT is_test
               RETURNING draft_revision"#,
            id.0,
            base_revision,
            name,
            description,
            definition.map(|definition| decode::text(&definition.to_value())).transpose()?,
            definition.map(n_steps),
            slugs,
        )
        .fetch_optional(&mut *connection)
        .await?;
        let Some(revision) = saved else {
            let current = sqlx::query_scalar!(
                r#"SELECT draft_revision FROM workflow_templates WHERE id = $1 AND NOT is_test"#,
                id.0,
            )
            .fetch_optional(&mut *connection)
            .await?;
            return Ok(current.map_or(SaveDraft::NotFound, |current| SaveDraft::Stale { current }));
        };
        audit::append(connection, author, "template.draft_saved", &id.to_string(), json!({"revision": revision}))
            .await?;
        // It takes the place of the one before, so an editor that saves all day stores no more than it grows.
        let grown = draft_bytes(connection, id).await? - before;
        self.limits.charge_author(connection, author, usize::try_from(grown).unwrap_or_default()).await?;
        Ok(SaveDraft::Saved)
    }

    /// Makes the next version and the live one of it, unless the live one already says the same.
    pub async fn publish(&self, new: NewVersion<'_>, author: Author) -> Result<Publish> {
        let mut tx = self.pool.begin().await?;
        let published = self.publish_in(&mut tx, new, author).await?;
        if let Publish::Published { .. } = published {
            tx.commit().await?;
        }
        Ok(published)
    }

    /// Publishes as a part of something larger. What is not published is to be rolled back.
    pub(crate) async fn publish_in(
        &self,
        connection: &mut PgConnection,
        new: NewVersion<'_>,
        author: Author,
    ) -> Result<Publish> {
        let template = sqlx::query!(
            r#"SELECT name, description, draft_revision, published_version FROM workflow_templates
               WHERE id = $1 AND NOT is_test
               FOR NO KEY UPDATE"#,
            new.id.0,
        )
        .fetch_optional(&mut *connection)
        .await?;
        let Some(template) = template else {
            return Ok(Publish::NotFound);
        };
        if template.draft_revision != new.revision {
            return Ok(Publish::Stale);
        }
        let hash = new.definition.semantic_hash();
        let unchanged = sqlx::query_scalar!(
            r#"SELECT version FROM workflow_template_versions
               WHERE template_id = $1 AND version = $2 AND semantic_hash = $3 AND name = $4 AND description = $5"#,
            new.id.0,
            template.published_version,
            hash,
            template.name,
            template.description,
        )
        .fetch_optional(&mut *connection)
        .await?;
        if let Some(version) = unchanged {
            return Ok(Publish::Unchanged { version });
        }
        let Some(version) = insert_version(connection, new, &template.name, &template.description, &hash).await? else {
            return Ok(Publish::Stale);
        };
        audit::append(connection, author, "template.published", &new.id.to_string(), json!({"version": version}))
            .await?;
        self.limits.charge_author(connection, author, n_bytes(new.definition) + new.note.len()).await?;
        Ok(Publish::Published { version })
    }
}

/// Of a template that the server makes for itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hidden {
    pub test_of: Option<TemplateId>,
}

fn n_steps(definition: &Definition) -> i64 {
    i64::try_from(definition.steps.len()).unwrap_or(i64::MAX)
}

/// How large a draft is, locked; nothing where there is none.
async fn draft_bytes(connection: &mut PgConnection, id: TemplateId) -> Result<i64> {
    let n = sqlx::query_scalar!(
        r#"SELECT (octet_length(definition::text) + octet_length(description))::bigint AS "n!"
           FROM workflow_templates WHERE id = $1 FOR NO KEY UPDATE"#,
        id.0,
    )
    .fetch_optional(connection)
    .await?;
    Ok(n.unwrap_or_default())
}

/// The last is made of the template's own id.
fn surely_free(slugs: &[String]) -> &[String] {
    slugs.last().map(std::slice::from_ref).unwrap_or_default()
}

/// Whether somebody else took the slug that looked free.
pub(crate) fn is_taken<T>(result: &Result<T>) -> bool {
    matches!(result, Err(error) if error.constraint() == Some(SLUG_KEY))
}

/// With the first of the slugs that is free, which it tells.
pub(super) async fn insert(
    connection: &mut PgConnection,
    new: NewTemplate<'_>,
    slugs: &[String],
    hidden: Option<Hidden>,
) -> Result<Option<String>> {
    let slug = sqlx::query_scalar!(
        r#"INSERT INTO workflow_templates (id, name, description, definition, n_steps, is_test, test_of, created_by, slug)
           VALUES ($1, $2, $3, $4::text::json, $5, $6, $7, $8,
                   (SELECT free.slug FROM unnest($9::text[]) WITH ORDINALITY AS free (slug, n)
                    WHERE NOT EXISTS (SELECT FROM workflow_templates t WHERE t.slug = free.slug)
                    ORDER BY free.n LIMIT 1))
           RETURNING slug"#,
        new.id.0,
        new.name,
        new.description,
        decode::text(&new.definition.to_value())?,
        n_steps(new.definition),
        hidden.is_some(),
        hidden.and_then(|hidden| hidden.test_of).map(|of| of.0),
        new.by.0,
        slugs,
    )
    .fetch_one(connection)
    .await?;
    Ok(slug)
}

/// The agents of the steps that are there. Whoever deletes one waits until the version refers to it.
async fn lock_agents(connection: &mut PgConnection, definition: &Definition) -> Result<Vec<String>> {
    let named = agents_of(definition);
    let agents =
        // One that was deleted after its tests is as good as gone; what was kept to be tested has another id.
        sqlx::query_scalar!(
            r#"SELECT id FROM agents WHERE id = ANY($1) AND (NOT is_test OR id LIKE '%~%') ORDER BY id COLLATE "C" FOR KEY SHARE"#,
            &named,
        );
    Ok(agents.fetch_all(connection).await?)
}

fn agents_of(definition: &Definition) -> Vec<String> {
    let agents: BTreeSet<&str> = definition.steps.values().map(|step| step.agent_id.as_str()).collect();
    agents.into_iter().map(str::to_owned).collect()
}

/// The caller holds the template's row. None, and nothing is written, where one of its agents was deleted since it was judged.
pub(super) async fn insert_version(
    connection: &mut PgConnection,
    new: NewVersion<'_>,
    name: &str,
    description: &str,
    hash: &str,
) -> Result<Option<i32>> {
    let agents = lock_agents(connection, new.definition).await?;
    if agents != agents_of(new.definition) {
        return Ok(None);
    }
    let version = sqlx::query_scalar!(
        r#"INSERT INTO workflow_template_versions
               (template_id, version, name, description, definition, n_steps, semantic_hash, published_by, note)
           SELECT $1, coalesce(max(version), 0) + 1, $2, $3, $4::text::json, $5, $6, $7, $8
           FROM workflow_template_versions WHERE template_id = $1
           RETURNING version"#,
        new.id.0,
        name,
        description,
        decode::text(&new.definition.to_value())?,
        n_steps(new.definition),
        hash,
        new.by.0,
        new.note,
    )
    .fetch_one(&mut *connection)
    .await?;
    sqlx::query!(
        r#"INSERT INTO workflow_version_agents (template_id, version, agent_id)
           SELECT $1, $2, unnest($3::text[])"#,
        new.id.0,
        version,
        &agents,
    )
    .execute(&mut *connection)
    .await?;
    let changed =
        sqlx::query!(r#"UPDATE workflow_templates SET published_version = $2 WHERE id = $1"#, new.id.0, version)
            .execute(connection)
            .await?
            .rows_affected();
    if changed != 1 {
        return Err(Error::RowCount { statement: "publish", changed });
    }
    Ok(Some(version))
}

#[cfg(test)]
mod tests;
