//! Groups of people: who is in them, and that none is deleted which something still asks.
//! Must never answer with who was in a group once: membership is what it is now.

use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;
use workflow::{
    UserId,
    api::{GroupView, MemberView, Page},
    id::GroupId,
};

use crate::{
    Result, Store, Window,
    audit::{self, Author},
    page,
};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CreateGroup {
    Created,
    IdTaken,
    /// A group that was deleted had it: something may ask that one still.
    IdGone,
    /// There are as many as there may be.
    TooMany,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DeleteGroup {
    Deleted,
    NotFound,
    /// By workflows of these names, for which it is an audience or whose gates ask it; or by open gates of runs of them.
    Used(Vec<String>),
}

/// What came of adding or removing somebody.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Changed {
    Changed,
    /// It was so already.
    Unchanged,
    /// There is no such group.
    NotFound,
}

struct Row {
    id: String,
    name: String,
    n_members: i64,
    n_active: i64,
    created_at: chrono::DateTime<chrono::Utc>,
}

impl From<Row> for GroupView {
    fn from(row: Row) -> Self {
        let Row { id, name, n_members, n_active, created_at } = row;
        Self { id: GroupId::new(id), name, n_members, n_active, created_at }
    }
}

/// Workflows that are named where a group cannot be deleted.
const MOST_NAMED: i64 = 5;

impl Store {
    /// A page of groups, by name.
    pub async fn groups(&self, window: Window<'_>) -> Result<Page<GroupView>> {
        let (name, id) = window.after.and_then(page::read_slugged).unzip();
        let rows = sqlx::query_as!(
            Row,
            r#"SELECT g.id, g.name, g.created_at,
                      (SELECT count(*) FROM group_members m WHERE m.group_id = g.id) AS "n_members!",
                      (SELECT count(*) FROM group_members m JOIN users u ON u.id = m.user_id
                       WHERE m.group_id = g.id AND u.disabled_at IS NULL) AS "n_active!"
               FROM groups g
               WHERE $1::text IS NULL OR (lower(g.name), g.id) > (lower($1), $2::text)
               ORDER BY lower(g.name), g.id LIMIT $3"#,
            name,
            id,
            window.to_read(),
        );
        let groups = rows.fetch_all(&self.pool).await?.into_iter().map(GroupView::from).collect();
        Ok(window.page(groups, |group: &GroupView| page::slugged(&group.name, group.id.as_str())))
    }

    /// Those of these groups that there are.
    pub async fn groups_with(&self, ids: &[String]) -> Result<Vec<GroupView>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let rows = sqlx::query_as!(
            Row,
            r#"SELECT g.id, g.name, g.created_at,
                      (SELECT count(*) FROM group_members m WHERE m.group_id = g.id) AS "n_members!",
                      (SELECT count(*) FROM group_members m JOIN users u ON u.id = m.user_id
                       WHERE m.group_id = g.id AND u.disabled_at IS NULL) AS "n_active!"
               FROM groups g WHERE g.id = ANY($1) ORDER BY g.id"#,
            ids,
        );
        Ok(rows.fetch_all(&self.pool).await?.into_iter().map(GroupView::from).collect())
    }

    /// Of those of these groups that there are: the name, and the emails of `most` of those in it who can sign in.
    pub async fn groups_that_can(&self, ids: &[String], most: i64) -> Result<Vec<(String, String, Vec<String>)>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let rows = sqlx::query!(
            r#"SELECT g.id, g.name,
                      ARRAY(SELECT u.email FROM group_members m JOIN users u ON u.id = m.user_id
                            WHERE m.group_id = g.id AND u.disabled_at IS NULL LIMIT $2) AS "active!"
               FROM groups g WHERE g.id = ANY($1)"#,
            ids,
            most,
        );
        Ok(rows.fetch_all(&self.pool).await?.into_iter().map(|row| (row.id, row.name, row.active)).collect())
    }

    pub async fn group(&self, id: &GroupId) -> Result<Option<GroupView>> {
        Ok(self.groups_with(&[id.as_str().to_owned()]).await?.pop())
    }

    /// Makes a group, while there are fewer than `most`.
    pub async fn create_group(&self, id: &GroupId, name: &str, most: i64, author: Author) -> Result<CreateGroup> {
        let mut tx = self.pool.begin().await?;
        let n = sqlx::query_scalar!(r#"SELECT count(*) AS "n!" FROM groups"#).fetch_one(&mut *tx).await?;
        if n >= most {
            return Ok(CreateGroup::TooMany);
        }
        let made = sqlx::query!(
            "INSERT INTO groups (id, name) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING",
            id.as_str(),
            name
        )
        .execute(&mut *tx)
        .await?
        .rows_affected();
        if made == 0 {
            return Ok(CreateGroup::IdTaken);
        }
        // After the row is written: whoever deletes one under this id meanwhile was waited for.
        let gone =
            sqlx::query_scalar!(r#"SELECT EXISTS (SELECT FROM former_groups WHERE id = $1) AS "gone!""#, id.as_str());
        if gone.fetch_one(&mut *tx).await? {
            return Ok(CreateGroup::IdGone);
        }
        audit::append(&mut tx, author, "group.created", id.as_str(), json!({"name": name})).await?;
        tx.commit().await?;
        Ok(CreateGroup::Created)
    }

    /// False where there is no such group.
    pub async fn rename_group(&self, id: &GroupId, name: &str, author: Author) -> Result<bool> {
        let mut tx = self.pool.begin().await?;
        let n = sqlx::query!("UPDATE groups SET name = $2 WHERE id = $1", id.as_str(), name)
            .execute(&mut *tx)
            .await?
            .rows_affected();
        if n > 0 {
            audit::append(&mut tx, author, "group.renamed", id.as_str(), json!({"name": name})).await?;
            tx.commit().await?;
        }
        Ok(n > 0)
    }

    /// Deletes a group that nothing is seen to ask. Its id is never another one's: what was not seen, an older version or an archived
    /// workflow, would ask that in its place.
    pub async fn delete_group(&self, id: &GroupId, author: Author) -> Result<DeleteGroup> {
        let mut tx = self.pool.begin().await?;
        // Whoever makes it an audience meanwhile waits for this, and then finds no group.
        let name = sqlx::query_scalar!("SELECT name FROM groups WHERE id = $1 FOR UPDATE", id.as_str());
        let Some(name) = name.fetch_optional(&mut *tx).await? else { return Ok(DeleteGroup::NotFound) };
        let used = users_of(&mut tx, id).await?;
        if !used.is_empty() {
            return Ok(DeleteGroup::Used(used));
        }
        sqlx::query!("DELETE FROM groups WHERE id = $1", id.as_str()).execute(&mut *tx).await?;
        sqlx::query!("INSERT INTO former_groups (id) VALUES ($1) ON CONFLICT DO NOTHING", id.as_str())
            .execute(&mut *tx)
            .await?;
        audit::append(&mut tx, author, "group.deleted", id.as_str(), json!({"name": name})).await?;
        tx.commit().await?;
        Ok(DeleteGroup::Deleted)
    }

    /// A page of those who are in a group, by email, without case.
    pub async fn group_members(&self, id: &GroupId, window: Window<'_>) -> Result<Page<MemberView>> {
        let rows = sqlx::query!(
            r#"SELECT u.id, u.email, u.disabled_at IS NOT NULL AS "is_disabled!"
               FROM group_members m JOIN users u ON u.id = m.user_id
               WHERE m.group_id = $1 AND ($2::text IS NULL OR lower(u.email) > lower($2))
               ORDER BY lower(u.email) LIMIT $3"#,
            id.as_str(),
            window.after,
            window.to_read(),
        );
        let rows = rows.fetch_all(&self.pool).await?;
        let member = |(id, email, is_disabled): (Uuid, String, bool)| MemberView { id: UserId(id), email, is_disabled };
        let members = rows.into_iter().map(|row| member((row.id, row.email, row.is_disabled))).collect();
        Ok(window.page(members, |member: &MemberView| member.email.clone()))
    }

    /// The person is in the group from now on.
    pub async fn add_member(&self, id: &GroupId, user: UserId, author: Author) -> Result<Changed> {
        let mut tx = self.pool.begin().await?;
        let known = sqlx::query_scalar!("SELECT name FROM groups WHERE id = $1 FOR SHARE", id.as_str());
        if known.fetch_optional(&mut *tx).await?.is_none() {
            return Ok(Changed::NotFound);
        }
        let n = sqlx::query!(
            "INSERT INTO group_members (group_id, user_id) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            id.as_str(),
            user.0,
        )
        .execute(&mut *tx)
        .await?
        .rows_affected();
        self.finish(tx, n, author, "group.member_added", id, user).await
    }

    /// The person is in the group no more: what they voted for it at open gates counts no more either.
    pub async fn remove_member(&self, id: &GroupId, user: UserId, author: Author) -> Result<Changed> {
        let mut tx = self.pool.begin().await?;
        let known = sqlx::query_scalar!("SELECT name FROM groups WHERE id = $1 FOR SHARE", id.as_str());
        if known.fetch_optional(&mut *tx).await?.is_none() {
            return Ok(Changed::NotFound);
        }
        let n = sqlx::query!("DELETE FROM group_members WHERE group_id = $1 AND user_id = $2", id.as_str(), user.0)
            .execute(&mut *tx)
            .await?
            .rows_affected();
        self.finish(tx, n, author, "group.member_removed", id, user).await
    }

    async fn finish(
        &self,
        mut tx: sqlx::Transaction<'_, sqlx::Postgres>,
        n_rows: u64,
        author: Author,
        action: &str,
        id: &GroupId,
        user: UserId,
    ) -> Result<Changed> {
        if n_rows == 0 {
            return Ok(Changed::Unchanged);
        }
        audit::append(&mut tx, author, action, id.as_str(), json!({"user": user})).await?;
        tx.commit().await?;
        // What they have open shows what they see by it, and ends where they see it no more, at once.
        self.outbox.person(user);
        Ok(Changed::Changed)
    }
}

/// Names of workflows by which a group is asked: an audience, a gate of what is live, or an open gate.
async fn users_of(connection: &mut PgConnection, id: &GroupId) -> Result<Vec<String>> {
    let names = sqlx::query_scalar!(
        r#"SELECT used.name AS "name!" FROM (
               SELECT t.name FROM workflow_audience a JOIN workflow_templates t ON t.id = a.template_id
               WHERE a.group_id = $1
               UNION
               SELECT t.name FROM workflow_templates t
               JOIN workflow_template_versions v ON v.template_id = t.id AND v.version = t.published_version
               WHERE t.archived_at IS NULL AND NOT t.is_test AND EXISTS (
                   SELECT FROM json_each(v.definition -> 'steps') s
                   CROSS JOIN LATERAL json_array_elements_text(s.value #> '{review,assignees,groups}') AS g (id)
                   WHERE g.id = $1)
               UNION
               SELECT r.template_name FROM reviews v JOIN workflow_runs r ON r.id = v.run_id
               WHERE v.roles <> '{}' AND v.roles @> ARRAY['group:' || $1]
           ) used ORDER BY used.name LIMIT $2"#,
        id.as_str(),
        MOST_NAMED,
    );
    Ok(names.fetch_all(connection).await?)
}

#[cfg(test)]
mod tests {
    use sqlx::PgPool;
    use workflow::access::Role;

    use super::*;
    use crate::users::NewUser;

    const ALL: Window<'_> = Window { after: None, limit: 200 };

    async fn person(store: &Store, n: u128) -> UserId {
        let id = UserId(Uuid::from_u128(n));
        let email = format!("Person{n}@example.org");
        let user = NewUser { id, email, role: Role::User, password_hash: "$argon2id$x".into() };
        store.create_user(&user, Author::default()).await.unwrap();
        id
    }

    async fn group(store: &Store, id: &str, name: &str) -> GroupId {
        let id = GroupId::new(id);
        assert_eq!(store.create_group(&id, name, 100, Author::default()).await.unwrap(), CreateGroup::Created);
        id
    }

    #[sqlx::test(migrator = "crate::MIGRATOR")]
    async fn who_is_in_a_group_is_told_by_page_and_the_log_names_every_change(pool: PgPool) {
        let store = Store::from_pool(pool);
        let legal = group(&store, "legal", "Recht & Ordnung ⚖️").await;
        let taken = store.create_group(&legal, "Other", 100, Author::default()).await.unwrap();
        assert_eq!(taken, CreateGroup::IdTaken);
        let full = store.create_group(&GroupId::new("more"), "More", 1, Author::default()).await.unwrap();
        assert_eq!(full, CreateGroup::TooMany);
        for n in 1..=3 {
            let id = person(&store, n).await;
            assert_eq!(store.add_member(&legal, id, Author::default()).await.unwrap(), Changed::Changed);
            assert_eq!(store.add_member(&legal, id, Author::default()).await.unwrap(), Changed::Unchanged);
        }
        store.set_disabled(UserId(Uuid::from_u128(3)), true, Author::default()).await.unwrap();
        let first = store.group_members(&legal, Window { after: None, limit: 2 }).await.unwrap();
        let rest = store.group_members(&legal, Window { after: first.next.as_deref(), limit: 2 }).await.unwrap();
        let emails: Vec<_> = first.items.iter().chain(&rest.items).map(|member| member.email.as_str()).collect();
        assert_eq!(emails, ["Person1@example.org", "Person2@example.org", "Person3@example.org"]);
        assert!(rest.next.is_none() && rest.items[0].is_disabled);
        let view = store.group(&legal).await.unwrap().unwrap();
        assert_eq!((view.n_members, view.n_active), (3, 2));
        let one = UserId(Uuid::from_u128(1));
        assert_eq!(store.remove_member(&legal, one, Author::default()).await.unwrap(), Changed::Changed);
        assert_eq!(store.remove_member(&legal, one, Author::default()).await.unwrap(), Changed::Unchanged);
        let nowhere = GroupId::new("nowhere");
        assert_eq!(store.add_member(&nowhere, one, Author::default()).await.unwrap(), Changed::NotFound);
        let log = store.audit_of("legal").await.unwrap();
        let actions: Vec<&str> = log.iter().map(|entry| entry.action.as_str()).collect();
        assert_eq!(actions.iter().filter(|action| **action == "group.member_added").count(), 3);
        assert_eq!(actions.iter().filter(|action| **action == "group.member_removed").count(), 1);
        let wanted = audit::Wanted { subject: Some("legal".to_owned()), limit: 10, ..audit::Wanted::default() };
        let newest = store.audit(&wanted).await.unwrap().remove(0);
        assert_eq!(
            (newest.action.as_str(), &newest.data["email"]),
            ("group.member_removed", &json!("Person1@example.org"))
        );
    }

    #[sqlx::test(migrator = "crate::MIGRATOR")]
    async fn groups_are_listed_by_name_in_pages_and_what_nothing_asks_is_deleted(pool: PgPool) {
        let store = Store::from_pool(pool);
        for (id, name) in [("c", "alpha"), ("b", "Alpha"), ("a", "beta")] {
            group(&store, id, name).await;
        }
        let first = store.groups(Window { after: None, limit: 2 }).await.unwrap();
        let rest = store.groups(Window { after: first.next.as_deref(), limit: 2 }).await.unwrap();
        let ids: Vec<_> = first.items.iter().chain(&rest.items).map(|group| group.id.as_str()).collect();
        assert_eq!(ids, ["b", "c", "a"]);
        assert_eq!(store.delete_group(&GroupId::new("a"), Author::default()).await.unwrap(), DeleteGroup::Deleted);
        assert_eq!(store.delete_group(&GroupId::new("a"), Author::default()).await.unwrap(), DeleteGroup::NotFound);
        let again = store.create_group(&GroupId::new("a"), "Other people", 100, Author::default()).await.unwrap();
        assert_eq!(again, CreateGroup::IdGone, "what asks the old one never asks these");
        assert_eq!(store.groups(ALL).await.unwrap().items.len(), 2);
    }
}
