//! Accounts: who there is, their role, their password's hash, and the guard that the last admin stays.
//! Must never return a password hash except to the one query that checks a login.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde_json::json;
use sqlx::{PgConnection, Postgres, Transaction};
use uuid::Uuid;
use workflow::{
    UserId,
    access::{Actor, Role},
    api::{Page, UserView},
};

use crate::{
    Error, Result, Store, Window,
    audit::{self, Author},
    decode::{groups, parse_role},
    delegations::{self, absent},
    outside::ending::end_tokens_of,
};

#[derive(Clone, Debug)]
pub struct NewUser {
    pub id: UserId,
    pub email: String,
    pub role: Role,
    pub password_hash: String,
}

/// What a login is checked against.
#[derive(Clone, Debug)]
pub struct Credentials {
    pub actor: Actor,
    pub password_hash: String,
    pub is_disabled: bool,
}

#[derive(Clone, PartialEq, Debug)]
pub enum CreateUser {
    Created(UserView),
    EmailTaken,
}

#[derive(Clone, PartialEq, Debug)]
pub enum ChangeUser {
    Changed(UserView),
    NotFound,
    /// Nobody could administer the server any more.
    LastAdmin,
}

struct Row {
    id: Uuid,
    email: String,
    role: String,
    disabled_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
}

impl TryFrom<Row> for UserView {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: UserId(row.id),
            email: row.email,
            role: parse_role(&row.role, row.id)?,
            is_disabled: row.disabled_at.is_some(),
            created_at: row.created_at,
        })
    }
}

impl Store {
    pub async fn has_users(&self) -> Result<bool> {
        let found = sqlx::query_scalar!(r#"SELECT EXISTS (SELECT FROM users) AS "found!""#);
        Ok(found.fetch_one(&self.pool).await?)
    }

    /// Creates the first account; none once there is one. Of many that race, one wins.
    pub async fn create_first_user(&self, user: &NewUser, author: Author) -> Result<Option<UserView>> {
        let mut tx = self.pool.begin().await?;
        // Taken before looking, so that whoever waits for it sees the winner's row.
        sqlx::query!(r#"LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE"#).execute(&mut *tx).await?;
        if sqlx::query_scalar!(r#"SELECT EXISTS (SELECT FROM users) AS "found!""#).fetch_one(&mut *tx).await? {
            return Ok(None);
        }
        let view = insert(&mut tx, user).await?;
        if view.is_some() {
            let author = author.who_is(user.id);
            audit::append(&mut tx, author, "user.created", &user.id.to_string(), json!({"role": user.role})).await?;
            tx.commit().await?;
        }
        Ok(view)
    }

    pub async fn create_user(&self, user: &NewUser, author: Author) -> Result<CreateUser> {
        let mut tx = self.pool.begin().await?;
        let Some(view) = insert(&mut tx, user).await? else {
            return Ok(CreateUser::EmailTaken);
        };
        audit::append(&mut tx, author, "user.created", &user.id.to_string(), json!({"role": user.role})).await?;
        tx.commit().await?;
        Ok(CreateUser::Created(view))
    }

    /// A page of people, by email, without case.
    pub async fn users(&self, window: Window<'_>) -> Result<Page<UserView>> {
        let rows = sqlx::query_as!(
            Row,
            r#"SELECT id, email, role, disabled_at, created_at FROM users
               WHERE $1::text IS NULL OR lower(email) > lower($1) ORDER BY lower(email) LIMIT $2"#,
            window.after,
            window.to_read(),
        );
        let rows = rows.fetch_all(&self.pool).await?;
        let users = rows.into_iter().map(UserView::try_from).collect::<Result<_>>()?;
        Ok(window.page(users, |user: &UserView| user.email.clone()))
    }

    pub async fn user(&self, id: UserId) -> Result<Option<UserView>> {
        let row =
            sqlx::query_as!(Row, r#"SELECT id, email, role, disabled_at, created_at FROM users WHERE id = $1"#, id.0);
        row.fetch_optional(&self.pool).await?.map(UserView::try_from).transpose()
    }

    pub async fn user_by_email(&self, email: &str) -> Result<Option<UserView>> {
        let row = sqlx::query_as!(
            Row,
            r#"SELECT id, email, role, disabled_at, created_at FROM users WHERE lower(email) = lower($1)"#,
            email,
        );
        row.fetch_optional(&self.pool).await?.map(UserView::try_from).transpose()
    }

    /// Who a command of the operator stands for where somebody must own what it makes.
    pub async fn oldest_admin(&self) -> Result<Option<Actor>> {
        let row = sqlx::query!(
            r#"SELECT id, email FROM users
               WHERE role = 'admin' AND disabled_at IS NULL
               ORDER BY created_at, id LIMIT 1"#,
        );
        let row = row.fetch_optional(&self.pool).await?;
        Ok(row.map(|row| Actor {
            id: UserId(row.id),
            email: row.email,
            role: Role::Admin,
            groups: BTreeSet::new(),
            acts_for: Vec::new(),
        }))
    }

    pub async fn credentials(&self, email: &str) -> Result<Option<Credentials>> {
        let row = sqlx::query!(
            r#"SELECT id, email, role, password_hash, disabled_at,
                      ARRAY(SELECT m.group_id FROM group_members m WHERE m.user_id = u.id) AS "groups!",
                      EXISTS (SELECT FROM delegations d WHERE d.delegate_id = u.id AND d.ended_at IS NULL
                          AND d.starts_at <= now() AND d.ends_at > now()) AS "acts!"
               FROM users u WHERE lower(email) = lower($1)"#,
            email,
        )
        .fetch_optional(&self.pool)
        .await?;
        let Some(row) = row else { return Ok(None) };
        let role = parse_role(&row.role, row.id)?;
        let acting = absent::for_whom(&self.pool, &[(row.id, row.acts)]).await?;
        let actor = Actor {
            id: UserId(row.id),
            email: row.email,
            role,
            groups: groups(row.groups),
            acts_for: absent::of(&acting, row.id),
        };
        let is_disabled = row.disabled_at.is_some();
        Ok(Some(Credentials { actor, password_hash: row.password_hash, is_disabled }))
    }

    /// Ends the person's sessions: what they may do has changed under them. Tokens stay, but none is an admin's any more, and those that
    /// only an admin could make for workers end.
    pub async fn set_role(&self, id: UserId, role: Role, author: Author) -> Result<ChangeUser> {
        // What changes nothing ends nothing.
        if let Some(known) = self.user(id).await?.filter(|known| known.role == role) {
            return Ok(ChangeUser::Changed(known));
        }
        let mut tx = self.pool.begin().await?;
        if role != Role::Admin && is_last_admin(&mut tx, id).await? {
            return Ok(ChangeUser::LastAdmin);
        }
        let row = sqlx::query_as!(
            Row,
            r#"UPDATE users SET role = $2 WHERE id = $1 RETURNING id, email, role, disabled_at, created_at"#,
            id.0,
            role.as_str(),
        )
        .fetch_optional(&mut *tx)
        .await?;
        if role != Role::Admin {
            // For good: who becomes an admin again makes a new one.
            sqlx::query!(
                r#"UPDATE api_tokens SET scopes = array_remove(scopes, 'admin') WHERE user_id = $1 AND 'admin' = ANY (scopes)"#,
                id.0,
            )
            .execute(&mut *tx)
            .await?;
            end_tokens_of(&mut tx, id, author).await?;
        }
        let changed = finish(tx, row, author, "user.role_changed", json!({"role": role})).await?;
        self.outbox.person(id);
        Ok(changed)
    }

    /// Ends everything by which the person gets in. A disabled account keeps all else that it owns.
    pub async fn set_disabled(&self, id: UserId, is_disabled: bool, author: Author) -> Result<ChangeUser> {
        if let Some(known) = self.user(id).await?.filter(|known| known.is_disabled == is_disabled) {
            return Ok(ChangeUser::Changed(known));
        }
        let mut tx = self.pool.begin().await?;
        if is_disabled && is_last_admin(&mut tx, id).await? {
            return Ok(ChangeUser::LastAdmin);
        }
        let row = sqlx::query_as!(
            Row,
            r#"UPDATE users SET disabled_at = CASE WHEN $2 THEN coalesce(disabled_at, now()) END,
                   enabled_at = CASE WHEN $2 OR disabled_at IS NULL THEN enabled_at ELSE now() END
               WHERE id = $1
               RETURNING id, email, role, disabled_at, created_at"#,
            id.0,
            is_disabled,
        )
        .fetch_optional(&mut *tx)
        .await?;
        let action = if is_disabled { "user.disabled" } else { "user.enabled" };
        let mut others = Vec::new();
        if is_disabled {
            end_tokens(&mut tx, id, author).await?;
            others = delegations::end_all_of(&mut tx, id, author).await?;
        }
        let changed = finish(tx, row, author, action, json!({})).await?;
        self.outbox.person(id);
        for other in others {
            self.outbox.person(other);
        }
        Ok(changed)
    }

    /// Ends everything by which the person gets in: whoever knew the old password may have made it.
    pub async fn set_password(&self, id: UserId, password_hash: &str, author: Author) -> Result<ChangeUser> {
        let mut tx = self.pool.begin().await?;
        let row = sqlx::query_as!(
            Row,
            r#"UPDATE users SET password_hash = $2 WHERE id = $1
               RETURNING id, email, role, disabled_at, created_at"#,
            id.0,
            password_hash,
        )
        .fetch_optional(&mut *tx)
        .await?;
        end_tokens(&mut tx, id, author).await?;
        let changed = finish(tx, row, author, "user.password_changed", json!({})).await?;
        self.outbox.person(id);
        Ok(changed)
    }

    /// The same password, hashed with today's parameters; only if nobody changed it meanwhile.
    pub async fn rehash_password(&self, id: UserId, old_hash: &str, new_hash: &str) -> Result<()> {
        sqlx::query!(
            r#"UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2"#,
            id.0,
            old_hash,
            new_hash,
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}

async fn insert(connection: &mut PgConnection, user: &NewUser) -> Result<Option<UserView>> {
    let row = sqlx::query_as!(
        Row,
        r#"INSERT INTO users (id, email, role, password_hash) VALUES ($1, $2, $3, $4)
           ON CONFLICT ((lower(email))) DO NOTHING
           RETURNING id, email, role, disabled_at, created_at"#,
        user.id.0,
        user.email,
        user.role.as_str(),
        user.password_hash,
    );
    row.fetch_optional(connection).await?.map(UserView::try_from).transpose()
}

/// Locks the admins that can sign in, in id order, so that two demotions at once cannot both see the other.
async fn is_last_admin(connection: &mut PgConnection, id: UserId) -> Result<bool> {
    let admins = sqlx::query_scalar!(
        r#"SELECT id FROM users WHERE role = 'admin' AND disabled_at IS NULL ORDER BY id FOR UPDATE"#,
    );
    Ok(admins.fetch_all(connection).await? == [id.0])
}

/// Their tokens, those that they made for workers, and that their devices are known. Runs under the lock of the person's row, as what makes
/// a token does.
async fn end_tokens(connection: &mut PgConnection, id: UserId, author: Author) -> Result<()> {
    sqlx::query!(r#"UPDATE api_tokens SET revoked_at = now() WHERE user_id = $1 AND revoked_at IS NULL"#, id.0)
        .execute(&mut *connection)
        .await?;
    end_tokens_of(connection, id, author).await?;
    sqlx::query!(r#"DELETE FROM devices WHERE user_id = $1"#, id.0).execute(connection).await?;
    Ok(())
}

async fn finish(
    mut tx: Transaction<'_, Postgres>,
    row: Option<Row>,
    author: Author,
    action: &str,
    data: serde_json::Value,
) -> Result<ChangeUser> {
    let Some(row) = row else {
        return Ok(ChangeUser::NotFound);
    };
    sqlx::query!(r#"DELETE FROM sessions WHERE user_id = $1"#, row.id).execute(&mut *tx).await?;
    audit::append(&mut tx, author, action, &row.id.to_string(), data).await?;
    tx.commit().await?;
    Ok(ChangeUser::Changed(row.try_into()?))
}

#[cfg(test)]
mod tests {
    use sqlx::PgPool;

    use super::*;

    const ALL: Window<'_> = Window { after: None, limit: 200 };

    fn user(n: u128, role: Role) -> NewUser {
        NewUser {
            id: UserId(Uuid::from_u128(n)),
            email: format!("Person{n}@example.org"),
            role,
            password_hash: "$argon2id$x".into(),
        }
    }

    #[sqlx::test(migrator = "crate::MIGRATOR")]
    async fn of_twenty_first_admins_one_wins(pool: PgPool) {
        let store = Store::from_pool(pool);
        let attempts = (1..=20).map(|n| {
            let store = store.clone();
            async move { store.create_first_user(&user(n, Role::Admin), Author::default()).await.unwrap() }
        });
        let winners = futures::future::join_all(attempts).await.into_iter().flatten().count();
        assert_eq!((winners, store.users(ALL).await.unwrap().items.len()), (1, 1));
    }

    #[sqlx::test(migrator = "crate::MIGRATOR")]
    async fn an_email_is_taken_without_regard_to_case(pool: PgPool) {
        let store = Store::from_pool(pool);
        let first = user(1, Role::User);
        assert!(matches!(store.create_user(&first, Author::default()).await.unwrap(), CreateUser::Created(_)));
        let second = NewUser { email: first.email.to_uppercase(), ..user(2, Role::User) };
        assert_eq!(store.create_user(&second, Author::default()).await.unwrap(), CreateUser::EmailTaken);
        assert!(store.credentials(&first.email.to_lowercase()).await.unwrap().is_some());
    }

    #[sqlx::test(migrator = "crate::MIGRATOR")]
    async fn two_admins_cannot_demote_each_other_at_once(pool: PgPool) {
        let store = Store::from_pool(pool);
        for n in [1, 2] {
            store.create_user(&user(n, Role::Admin), Author::default()).await.unwrap();
        }
        let demote = |n| store.set_role(UserId(Uuid::from_u128(n)), Role::User, Author::default());
        let (one, two) = futures::future::join(demote(1), demote(2)).await;
        let refused = [one.unwrap(), two.unwrap()].iter().filter(|change| **change == ChangeUser::LastAdmin).count();
        assert_eq!(refused, 1);
        let admins = store.users(ALL).await.unwrap().items.iter().filter(|user| user.role == Role::Admin).count();
        assert_eq!(admins, 1);
    }

    #[sqlx::test(migrator = "crate::MIGRATOR")]
    async fn the_audit_log_names_who_did_it(pool: PgPool) {
        let store = Store::from_pool(pool);
        let author = Author { actor: Some(UserId(Uuid::from_u128(9))), ..Author::default() };
        store.create_user(&user(1, Role::User), author).await.unwrap();
        let log = store.audit_of(&Uuid::from_u128(1).to_string()).await.unwrap();
        assert_eq!((log.len(), log[0].action.as_str(), log[0].actor), (1, "user.created", author.actor));
    }
}
