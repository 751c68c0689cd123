//! Workflow templates: one draft with a revision, and immutable published versions.
//! Must never overwrite a newer draft, and never change a version.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use uuid::Uuid;
use workflow::{
    Definition, TemplateId, UserId,
    api::{Page, PublishedTemplate, PublishedVersion, TemplateSummary},
    id::GroupId,
};

use crate::{Error, Result, Store, Window, decode, inbox::words::words, lending::Pool, page};

mod delete;
mod hidden;
mod recent;
mod save;

pub use delete::Deleted;
pub(crate) use save::{Edit, is_taken};
pub use save::{NewTemplate, NewVersion, Publish, SaveDraft};

/// A template with its draft.
#[derive(Clone, PartialEq, Debug)]
pub struct Draft {
    pub id: TemplateId,
    pub name: String,
    pub description: String,
    pub definition: Definition,
    pub revision: i64,
    pub created_by: UserId,
    pub updated_at: DateTime<Utc>,
    pub archived_at: Option<DateTime<Utc>>,
    pub published: Option<Live>,
}

/// What a draft is compared with to know whether it has changed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Live {
    pub version: i32,
    pub name: String,
    pub description: String,
    pub semantic_hash: String,
}

/// A version as a run is started from it.
#[derive(Clone, PartialEq, Debug)]
pub struct Version {
    pub template_id: TemplateId,
    pub version: i32,
    /// As it was called when it was published.
    pub name: String,
    pub definition: Definition,
}

/// A version of a template, or the one that is published.
pub(crate) type Wanted = (TemplateId, Option<i32>);

/// What `start` found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Startable {
    Version(i32),
    /// The template exists, but has no published version.
    NotPublished,
    /// An admin put it away.
    Archived,
    /// There is no such template, or no such version of it.
    NotFound,
}

struct PublishedRow {
    id: Uuid,
    name: String,
    description: String,
    version: i32,
    n_steps: i64,
    inputs: String,
    published_at: DateTime<Utc>,
}

impl TryFrom<PublishedRow> for PublishedTemplate {
    type Error = Error;

    fn try_from(row: PublishedRow) -> Result<Self> {
        let at = format!("{} v{}", row.id, row.version);
        let inputs = decode::read(&row.inputs, "workflow_template_versions", "definition", &at)?;
        Ok(Self {
            id: TemplateId(row.id),
            name: row.name,
            description: row.description,
            version: row.version,
            n_steps: row.n_steps,
            inputs,
            published_at: row.published_at,
            draft: None,
            estimate: None,
        })
    }
}

impl Store {
    /// A page of published templates, by name: those that this person may start, or all; of these, where something is looked for, those
    /// whose name has every word of it somewhere, whatever its case and accents.
    pub async fn gallery(
        &self,
        by: Option<UserId>,
        search: Option<&str>,
        window: Window<'_>,
    ) -> Result<Page<PublishedTemplate>> {
        let (name, id) = window.after.and_then(page::read_named).unzip();
        let words = words(search);
        let rows = sqlx::query_as!(
            PublishedRow,
            r#"SELECT t.id, v.name, v.description, v.version, v.n_steps,
                      coalesce((v.definition -> 'inputs')::text, '{}') AS "inputs!", v.published_at
               FROM workflow_templates t
               JOIN workflow_template_versions v ON v.template_id = t.id AND v.version = t.published_version
               WHERE NOT t.is_test AND t.archived_at IS NULL
                   AND ($1::text IS NULL OR (lower(v.name), t.id) > (lower($1), $2::uuid))
                   AND ($4::uuid IS NULL OR NOT EXISTS (SELECT FROM workflow_audience a WHERE a.template_id = t.id AND a.may_start)
                   OR EXISTS (SELECT FROM workflow_audience a JOIN group_members m ON m.group_id = a.group_id
                              WHERE a.template_id = t.id AND a.may_start AND m.user_id = $4))
                   AND (cardinality($5::text[]) = 0 OR NOT EXISTS (SELECT FROM unnest($5::text[]) w WHERE strpos(
                       lower(regexp_replace(normalize(v.name, NFKD), '[\u0300-\u036f]', '', 'g')),
                       lower(regexp_replace(normalize(w, NFKD), '[\u0300-\u036f]', '', 'g'))) = 0))
               ORDER BY lower(v.name), t.id LIMIT $3"#,
            name,
            id,
            window.to_read(),
            by.map(|user| user.0),
            &words,
        );
        let rows = rows.fetch_all(&self.pool).await?;
        let found = rows.into_iter().map(PublishedTemplate::try_from).collect::<Result<_>>()?;
        Ok(window.page(found, |template: &PublishedTemplate| page::named(&template.name, template.id.0)))
    }

    /// The published version of a template that this person may start, or of any.
    pub async fn published(&self, id: TemplateId, by: Option<UserId>) -> Result<Option<PublishedTemplate>> {
        let row = sqlx::query_as!(
            PublishedRow,
            r#"SELECT t.id, v.name, v.description, v.version, v.n_steps,
                      coalesce((v.definition -> 'inputs')::text, '{}') AS "inputs!", v.published_at
               FROM workflow_templates t
               JOIN workflow_template_versions v ON v.template_id = t.id AND v.version = t.published_version
               WHERE t.id = $1 AND NOT t.is_test AND t.archived_at IS NULL
                   AND ($2::uuid IS NULL OR NOT EXISTS (SELECT FROM workflow_audience a WHERE a.template_id = t.id AND a.may_start)
                   OR EXISTS (SELECT FROM workflow_audience a JOIN group_members m ON m.group_id = a.group_id
                              WHERE a.template_id = t.id AND a.may_start AND m.user_id = $2))"#,
            id.0,
            by.map(|user| user.0),
        );
        row.fetch_optional(&self.pool).await?.map(PublishedTemplate::try_from).transpose()
    }

    /// A page of templates, the last changed first, without their definitions; of drafts by their names, looked for as in the gallery.
    pub async fn template_summaries(&self, search: Option<&str>, window: Window<'_>) -> Result<Page<TemplateSummary>> {
        let (before, id) = window.after.and_then(page::read_at).unzip();
        let words = words(search);
        let rows = sqlx::query!(
            r#"SELECT id, name, description, draft_revision, published_version, n_steps, created_by, updated_at, archived_at
               FROM workflow_templates
               WHERE NOT is_test AND ($1::timestamptz IS NULL OR (updated_at, id) < ($1, $2::uuid))
                   AND (cardinality($4::text[]) = 0 OR NOT EXISTS (SELECT FROM unnest($4::text[]) w WHERE strpos(
                       lower(regexp_replace(normalize(name, NFKD), '[\u0300-\u036f]', '', 'g')),
                       lower(regexp_replace(normalize(w, NFKD), '[\u0300-\u036f]', '', 'g'))) = 0))
               ORDER BY updated_at DESC, id DESC LIMIT $3"#,
            before,
            id,
            window.to_read(),
            &words,
        )
        .fetch_all(&self.pool)
        .await?;
        let summaries = rows.into_iter().map(|row| TemplateSummary {
            id: TemplateId(row.id),
            name: row.name,
            description: row.description,
            draft_revision: row.draft_revision,
            published_version: row.published_version,
            n_steps: row.n_steps,
            created_by: UserId(row.created_by),
            updated_at: row.updated_at,
            archived_at: row.archived_at,
        });
        Ok(window.page(summaries.collect(), |summary: &TemplateSummary| page::at(summary.updated_at, summary.id.0)))
    }

    pub async fn draft(&self, id: TemplateId) -> Result<Option<Draft>> {
        let row = sqlx::query!(
            r#"SELECT t.id, t.name, t.description, t.definition::text AS "definition!", t.draft_revision, t.created_by, t.updated_at, t.archived_at,
                      v.version AS "live_version?", v.name AS "live_name?", v.description AS "live_description?",
                      v.semantic_hash AS "live_hash?"
               FROM workflow_templates t
               LEFT JOIN workflow_template_versions v ON v.template_id = t.id AND v.version = t.published_version
               WHERE t.id = $1 AND NOT t.is_test"#,
            id.0,
        )
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        let live = (row.live_version, row.live_name, row.live_description, row.live_hash);
        let published = match live {
            (Some(version), Some(name), Some(description), Some(semantic_hash)) => {
                Some(Live { version, name, description, semantic_hash })
            }
            _ => None,
        };
        Ok(Some(Draft {
            id: TemplateId(row.id),
            name: row.name,
            description: row.description,
            definition: decode::read(&row.definition, "workflow_templates", "definition", &row.id)?,
            revision: row.draft_revision,
            created_by: UserId(row.created_by),
            updated_at: row.updated_at,
            archived_at: row.archived_at,
            published,
        }))
    }

    /// A version as it was published, whatever became of its template; and whether that is archived.
    pub async fn version(&self, id: TemplateId, version: i32) -> Result<Option<(Version, bool)>> {
        let row = sqlx::query!(
            r#"SELECT v.name, v.definition::text AS "definition!", t.archived_at IS NOT NULL AS "is_archived!"
               FROM workflow_template_versions v JOIN workflow_templates t ON t.id = v.template_id
               WHERE v.template_id = $1 AND v.version = $2"#,
            id.0,
            version,
        )
        .fetch_optional(&self.pool)
        .await?;
        row.map(|row| {
            let definition = version_definition(&row.definition, id, version)?;
            Ok((Version { template_id: id, version, name: row.name, definition }, row.is_archived))
        })
        .transpose()
    }

    /// A page of the published versions of a template, newest first.
    pub async fn template_versions(&self, id: TemplateId, window: Window<'_>) -> Result<Page<PublishedVersion>> {
        let before: Option<i32> = window.after.and_then(|after| after.parse().ok());
        let rows = sqlx::query!(
            "SELECT v.version, v.published_at, v.n_steps, v.note, u.email
            FROM workflow_template_versions v JOIN users u ON u.id = v.published_by
            WHERE v.template_id = $1 AND ($2::int IS NULL OR v.version < $2) ORDER BY v.version DESC LIMIT $3",
            id.0,
            before,
            window.to_read(),
        )
        .fetch_all(&self.pool)
        .await?;
        let versions = rows.into_iter().map(|row| PublishedVersion {
            version: row.version,
            published_at: row.published_at,
            n_steps: row.n_steps,
            published_by: Some(row.email),
            note: Some(row.note),
        });
        Ok(window.page(versions.collect(), |known: &PublishedVersion| known.version.to_string()))
    }

    /// Whether a named version may be started, or which one is published. What is in it never changes, so it is read apart (`version`).
    pub async fn startable(&self, id: TemplateId, version: Option<i32>) -> Result<Startable> {
        Ok(self.startable_for(id, version).await?.0)
    }

    /// The same for a member of these groups: a template that is for others is as missing as one that nobody made.
    pub async fn startable_by(
        &self,
        id: TemplateId,
        version: Option<i32>,
        groups: &BTreeSet<GroupId>,
    ) -> Result<Startable> {
        let (found, audience) = self.startable_for(id, version).await?;
        let is_theirs = audience.is_empty() || audience.iter().any(|group| groups.contains(group.as_str()));
        Ok(if is_theirs { found } else { Startable::NotFound })
    }

    async fn startable_for(&self, id: TemplateId, version: Option<i32>) -> Result<ForWhom> {
        let pool = self.pool.clone();
        let found = self.startable.ask((id, version), move |wanted| all_startable(pool.clone(), wanted)).await?;
        Ok(found.unwrap_or((Startable::NotFound, Vec::new())))
    }
}

/// What of a template may be started, and by members of which groups; by everybody where there is none.
pub(crate) type ForWhom = (Startable, Vec<String>);

async fn all_startable(pool: Pool, wanted: Vec<Wanted>) -> Result<BTreeMap<Wanted, ForWhom>> {
    let (ids, versions): (Vec<Uuid>, Vec<Option<i32>>) =
        wanted.into_iter().map(|(id, version)| (id.0, version)).unzip();
    let rows = sqlx::query!(
        r#"SELECT w.id AS "id!", w.version AS wanted, t.published_version, t.archived_at, v.version AS "version?",
                  ARRAY(SELECT a.group_id FROM workflow_audience a WHERE a.template_id = t.id AND a.may_start) AS "groups!"
           FROM unnest($1::uuid[], $2::int[]) AS w (id, version)
           JOIN workflow_templates t ON t.id = w.id AND NOT t.is_test
           LEFT JOIN workflow_template_versions v
               ON v.template_id = t.id AND v.version = coalesce(w.version, t.published_version)"#,
        &ids,
        &versions as &[Option<i32>],
    );
    let rows = rows.fetch_all(&pool).await?;
    let found = rows.into_iter().map(|row| {
        let startable = match row.version {
            _ if row.archived_at.is_some() => Startable::Archived,
            Some(version) => Startable::Version(version),
            None if row.published_version.is_none() => Startable::NotPublished,
            None => Startable::NotFound,
        };
        ((TemplateId(row.id), row.wanted), (startable, row.groups))
    });
    Ok(found.collect())
}

fn version_definition(text: &str, id: TemplateId, version: i32) -> Result<Definition> {
    decode::read(text, "workflow_template_versions", "definition", &format!("{id} v{version}"))
}
