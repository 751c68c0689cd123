//! The writes of templates: create, save the draft, publish.
//! Each compares and sets under one transaction; who may call is decided by `service`.

use std::collections::BTreeSet;

use serde_json::json;
use sqlx::PgConnection;
use workflow::{Definition, TemplateId, UserId, json::n_bytes};

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
    pub by: UserId,
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
        let mut tx = self.pool.begin().await?;
        insert(&mut tx, new, None).await?;
        audit::append(&mut tx, author, "template.created", &new.id.to_string(), json!({})).await?;
        self.limits.charge_author(&mut tx, author, n_bytes(new.definition)).await?;
        tx.commit().await?;
        Ok(())
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
        let mut tx = self.pool.begin().await?;
        let before = draft_bytes(&mut tx, id).await?;
        let saved = sqlx::query_scalar!(
            r#"UPDATE workflow_templates SET
                   name = coalesce($3, name),
                   description = coalesce($4, description),
                   definition = coalesce($5::text::json, definition),
                   n_steps = coalesce($6, n_steps),
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
        )
        .fetch_optional(&mut *tx)
        .await?;
        let Some(revision) = saved else {
            let current = sqlx::query_scalar!(
                r#"SELECT draft_revision FROM workflow_templates WHERE id = $1 AND NOT is_test"#,
                id.0,
            )
            .fetch_optional(&mut *tx)
            .await?;
            return Ok(current.map_or(SaveDraft::NotFound, |current| SaveDraft::Stale { current }));
        };
        audit::append(&mut tx, author, "template.draft_saved", &id.to_string(), json!({"revision": revision})).await?;
        // It takes the place of the one before, so an editor that saves all day stores no more than it grows.
        let grown = draft_bytes(&mut tx, id).await? - before;
        self.limits.charge_author(&mut tx, author, usize::try_from(grown).unwrap_or_default()).await?;
        tx.commit().await?;
        Ok(SaveDraft::Saved)
    }

    /// Makes the next version and the live one of it, unless the live one already says the same.
    pub async fn publish(&self, new: NewVersion<'_>, author: Author) -> Result<Publish> {
        let mut tx = self.pool.begin().await?;
        let template = sqlx::query!(
            r#"SELECT name, description, draft_revision, published_version FROM workflow_templates
               WHERE id = $1 AND NOT is_test
               FOR NO KEY UPDATE"#,
            new.id.0,
        )
        .fetch_optional(&mut *tx)
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
        .fetch_optional(&mut *tx)
        .await?;
        if let Some(version) = unchanged {
            return Ok(Publish::Unchanged { version });
        }
        let Some(version) = insert_version(&mut tx, new, &template.name, &template.description, &hash).await? else {
            return Ok(Publish::Stale);
        };
        audit::append(&mut tx, author, "template.published", &new.id.to_string(), json!({"version": version})).await?;
        self.limits.charge_author(&mut tx, author, n_bytes(new.definition)).await?;
        tx.commit().await?;
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

pub(super) async fn insert(connection: &mut PgConnection, new: NewTemplate<'_>, hidden: Option<Hidden>) -> Result<()> {
    sqlx::query!(
        r#"INSERT INTO workflow_templates (id, name, description, definition, n_steps, is_test, test_of, created_by)
           VALUES ($1, $2, $3, $4::text::json, $5, $6, $7, $8)"#,
        new.id.0,
        new.name,
        new.description,
        decode::text(&new.definition.to_value())?,
        n_steps(new.definition),
        hidden.is_some(),
        hidden.and_then(|hidden| hidden.test_of).map(|of| of.0),
        new.by.0,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The agents of the steps that are there. Whoever deletes one waits until the version refers to it.
async fn lock_agents(connection: &mut PgConnection, definition: &Definition) -> Result<Vec<String>> {
    let named = agents_of(definition);
    let agents =
        sqlx::query_scalar!("SELECT id FROM agents WHERE id = ANY($1) ORDER BY id COLLATE \"C\" FOR KEY SHARE", &named);
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
               (template_id, version, name, description, definition, n_steps, semantic_hash, published_by)
           SELECT $1, coalesce(max(version), 0) + 1, $2, $3, $4::text::json, $5, $6, $7
           FROM workflow_template_versions WHERE template_id = $1
           RETURNING version"#,
        new.id.0,
        name,
        description,
        decode::text(&new.definition.to_value())?,
        n_steps(new.definition),
        hash,
        new.by.0,
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
mod tests {
    use serde_json::Value;
    use sqlx::PgPool;
    use uuid::Uuid;
    use workflow::access::Role;

    use super::*;
    use crate::{agents::DeleteAgent, templates::Startable, users::NewUser};

    const BY: UserId = UserId(Uuid::from_u128(1));
    const ALL: crate::Window<'_> = crate::Window { after: None, limit: 100 };
    const ID: TemplateId = TemplateId(Uuid::from_u128(2));

    fn definition(document: &Value) -> Definition {
        Definition::from_value(document).unwrap()
    }

    async fn with_template(pool: PgPool) -> Store {
        let store = Store::from_pool(pool);
        let user = NewUser { id: BY, email: "a@b.c".into(), role: Role::Admin, password_hash: "$argon2id$x".into() };
        store.create_user(&user, Author::default()).await.unwrap();
        let agent = json!({"id": "x", "name": "X", "config": {"kind": "template", "template": "x"}});
        let agent = serde_json::from_value(agent).unwrap();
        store.save_agent(&agent, None, BY, Author::default()).await.unwrap();
        let definition = definition(&json!({"steps":{"a":{"agent_id":"x","agent_version":1}}}));
        let new = NewTemplate { id: ID, name: "Brief", description: "", definition: &definition, by: BY };
        store.create_template(new, Author::default()).await.unwrap();
        store
    }

    async fn publish_draft(store: &Store) -> Publish {
        let draft = store.draft(ID).await.unwrap().unwrap();
        let new = NewVersion { id: ID, revision: draft.revision, definition: &draft.definition, by: BY };
        store.publish(new, Author::default()).await.unwrap()
    }

    #[sqlx::test(migrator = "crate::MIGRATOR")]
    async fn of_two_saves_on_one_base_one_is_stale_and_changes_nothing(pool: PgPool) {
        let store = with_template(pool).await;
        let save = |name| store.save_draft(ID, 1, Some(name), None, None, Author::default());
        let (one, two) = futures::future::join(save("One"), save("Two")).await;
        let (one, two) = (one.unwrap(), two.unwrap());
        let stale = SaveDraft::Stale { current: 2 };
        assert!([(SaveDraft::Saved, stale), (stale, SaveDraft::Saved)].contains(&(one, two)), "{one:?} {two:?}");
        let draft = store.draft(ID).await.unwrap().unwrap();
        assert_eq!((draft.revision, draft.name == "One"), (2, one == SaveDraft::Saved));
        assert_eq!(draft.definition.steps.len(), 1, "absent fields stay");
    }

    #[sqlx::test(migrator = "crate::MIGRATOR")]
    async fn a_version_is_made_only_when_the_meaning_changed(pool: PgPool) {
        let store = with_template(pool).await;
        assert_eq!(store.startable(ID, None).await.unwrap(), Startable::NotPublished);
        assert_eq!(publish_draft(&store).await, Publish::Published { version: 1 });
        assert_eq!(publish_draft(&store).await, Publish::Unchanged { version: 1 });
        let other = definition(&json!({"steps":{"a":{"agent_id":"x","agent_version":2}}}));
        store.save_draft(ID, 1, None, None, Some(&other), Author::default()).await.unwrap();
        assert_eq!(publish_draft(&store).await, Publish::Published { version: 2 });
        assert_eq!(store.startable(ID, Some(1)).await.unwrap(), Startable::Version(1));
        let (old, _) = store.version(ID, 1).await.unwrap().expect("version 1 is kept");
        assert_eq!(old.definition.steps["a"].agent_version, Some(1));
        assert_eq!(store.startable(ID, Some(3)).await.unwrap(), Startable::NotFound);
        assert_eq!(store.gallery(ALL).await.unwrap().items[0].version, 2);
    }

    #[sqlx::test(migrator = "crate::MIGRATOR")]
    async fn of_a_publishing_and_the_deleting_of_its_agent_at_the_same_time_one_wins(pool: PgPool) {
        let store = with_template(pool).await;
        for n in 0..8 {
            let agent = format!("raced-{n}");
            let spec = json!({"id": agent, "name": "Raced", "config": {"kind": "template", "template": "x"}});
            let spec: workflow::AgentSpec = serde_json::from_value(spec).unwrap();
            store.save_agent(&spec, None, BY, Author::default()).await.unwrap();
            // The draft itself is without it, so that nothing but the version keeps it.
            let version = definition(&json!({"steps":{"a":{"agent_id":agent,"agent_version":1}}}));
            let new = NewVersion { id: ID, revision: 1, definition: &version, by: BY };
            let (published, deleted) = futures::future::join(
                store.publish(new, Author::default()),
                store.delete_agent(&spec.id, Author::default()),
            )
            .await;
            let is_there = store.agent(&spec.id, None).await.unwrap().is_some();
            match (published.unwrap(), deleted.unwrap()) {
                (Publish::Published { .. }, DeleteAgent::Used) => assert!(is_there),
                (Publish::Stale, DeleteAgent::Deleted) => assert!(!is_there),
                both => panic!("{both:?}"),
            }
        }
    }

    #[sqlx::test(migrator = "crate::MIGRATOR")]
    async fn literals_keep_the_order_of_their_keys_and_their_digits(pool: PgPool) {
        let store = with_template(pool).await;
        let literal = r#"{"zz":[1E2,-0,1.10],"b":{"y":1e400,"x":12345678901234567.89},"a":"1"}"#;
        let text = format!(
            r#"{{"steps":{{"a":{{"agent_id":"x","agent_version":1,"inputs":{{"in":{{"const":{literal}}}}}}}}}}}"#
        );
        let exact: Definition = serde_json::from_str(&text).unwrap();
        store.save_draft(ID, 1, None, None, Some(&exact), Author::default()).await.unwrap();
        let draft = store.draft(ID).await.unwrap().unwrap().definition;
        assert!(draft.to_value().to_string().contains(literal), "{}", draft.to_value());
        publish_draft(&store).await;
        let (version, _) = store.version(ID, 1).await.unwrap().unwrap();
        assert!(version.definition.to_value().to_string().contains(literal), "{}", version.definition.to_value());
    }

    #[sqlx::test(migrator = "crate::MIGRATOR")]
    async fn a_list_pages_without_repeating_or_hiding_anything(pool: PgPool) {
        let store = with_template(pool).await;
        let definition = definition(&json!({"steps":{"a":{"agent_id":"x","agent_version":1}}}));
        let make = async |n: u128, name: &str| {
            let new = NewTemplate {
                id: TemplateId(Uuid::from_u128(n)),
                name,
                description: "",
                definition: &definition,
                by: BY,
            };
            store.create_template(new, Author::default()).await.unwrap();
            let new = NewVersion { id: new.id, revision: 1, definition: &definition, by: BY };
            store.publish(new, Author::default()).await.unwrap();
        };
        // Of one name many, so that the id decides; and names that only differ in case.
        for n in 10..15 {
            make(n, "same").await;
        }
        make(20, "Zebra_x").await;
        make(21, "apple").await;
        let (mut names, mut gallery, mut after) = (Vec::new(), Vec::new(), None);
        loop {
            let page = store.template_summaries(crate::Window { after: after.as_deref(), limit: 3 }).await.unwrap();
            names.extend(page.items.into_iter().map(|template| (template.name, template.id)));
            let Some(next) = page.next else { break };
            // What comes meanwhile, before the place that was reached, moves nothing.
            make(100 + names.len() as u128, "AAA").await;
            after = Some(next);
        }
        assert_eq!(names.len(), 8);
        assert_eq!((names[0].0.as_str(), names[7].0.as_str()), ("apple", "Brief"), "the last changed first: {names:?}");
        after = None;
        loop {
            let page = store.gallery(crate::Window { after: after.as_deref(), limit: 2 }).await.unwrap();
            gallery.extend(page.items.into_iter().map(|template| template.id));
            let Some(next) = page.next else { break };
            after = Some(next);
        }
        let mut unique = gallery.clone();
        unique.sort();
        unique.dedup();
        assert_eq!((gallery.len(), unique.len()), (9, 9), "the draft alone is not published");
        let order: Vec<(String, TemplateId)> =
            store.gallery(ALL).await.unwrap().items.into_iter().map(|t| (t.name.to_lowercase(), t.id)).collect();
        assert!(order.is_sorted() && order.iter().map(|(_, id)| *id).eq(gallery), "{order:?}");
        let versions = store.template_versions(TemplateId(Uuid::from_u128(20)), ALL).await.unwrap();
        assert_eq!((versions.items.len(), versions.next), (1, None));
    }
}
