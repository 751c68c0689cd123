//! The tables: brought up to date by their owner, and what the role that the pool speaks as may do to them.
//! Must never leave a connection of the owner's open: the application serves nobody with the rights to change its own tables.

use std::{collections::BTreeMap, sync::LazyLock};

use sqlx::{Connection, PgConnection, migrate::Migrator, postgres::PgConnectOptions};

use crate::{Result, Store};

/// All migrations, embedded. Newer ones that this program does not know are tolerated, so that replicas can be replaced one by one.
pub static MIGRATOR: LazyLock<Migrator> = LazyLock::new(|| {
    let mut migrator = sqlx::migrate!("../../migrations");
    migrator.set_ignore_missing(true);
    migrator
});

/// The role that the pool speaks as.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Application {
    pub role: String,
    /// Whether it could change or forget what the audit log holds: as a superuser, as the owner of the tables, or by a right.
    pub can_change_audit_log: bool,
    pub is_superuser: bool,
}

/// Brings the tables up to date over one connection, which is closed at the end, and lets the other role use them.
///
/// Under sqlx' advisory lock: many processes may start at once.
pub async fn migrate(owner_url: &str, application: Option<&str>) -> Result<()> {
    let options: PgConnectOptions = owner_url.parse()?;
    let mut owner = PgConnection::connect_with(&options.application_name("weft migrate")).await?;
    MIGRATOR.run(&mut owner).await?;
    if let Some(application) = application {
        // Checked by the tests that connect as that role; the query cache would name a role of one machine.
        sqlx::query("SELECT grant_application_v1($1::name) WHERE $1 <> current_user")
            .bind(application)
            .execute(&mut owner)
            .await?;
    }
    owner.close().await?;
    Ok(())
}

impl Store {
    /// Whether a migration of this program is missing, or was another one when it ran.
    pub async fn is_behind(&self) -> Result<bool> {
        // sqlx makes this table with the first migration, so there is none to check the statement against at compile time.
        let is_there = "SELECT coalesce(has_table_privilege(to_regclass('_sqlx_migrations'), 'SELECT'), false)";
        if !sqlx::query_scalar::<_, bool>(is_there).fetch_one(&self.pool).await? {
            return Ok(true);
        }
        let done: BTreeMap<i64, Vec<u8>> =
            sqlx::query_as("SELECT version, checksum FROM _sqlx_migrations WHERE success")
                .fetch_all(&self.pool)
                .await?
                .into_iter()
                .collect();
        Ok(MIGRATOR
            .iter()
            .any(|migration| done.get(&migration.version).is_none_or(|checksum| *checksum != *migration.checksum)))
    }

    /// The pool's role. The tables must be there.
    pub async fn application(&self) -> Result<Application> {
        let row = sqlx::query!(
            r#"
            SELECT
                current_user::text AS "role!",
                (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS "is_superuser!",
                -- A member of the owner's role can become the owner.
                (pg_has_role(relowner, 'MEMBER')
                    OR has_table_privilege(oid, 'UPDATE, DELETE, TRUNCATE, TRIGGER')) AS "can_change_audit_log!"
            FROM pg_class WHERE oid = 'audit_log'::regclass
            "#
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(Application {
            role: row.role,
            can_change_audit_log: row.can_change_audit_log,
            is_superuser: row.is_superuser,
        })
    }

    /// Whether the pool's role may do its work on the tables.
    pub async fn is_let_in(&self) -> Result<bool> {
        let is_let_in = sqlx::query_scalar!(
            r#"SELECT coalesce(has_table_privilege(to_regclass('audit_log'), 'INSERT'), false) AS "is_let_in!""#
        );
        Ok(is_let_in.fetch_one(&self.pool).await?)
    }

    /// The name of the pool's role.
    pub async fn role(&self) -> Result<String> {
        Ok(sqlx::query_scalar!(r#"SELECT current_user::text AS "role!""#).fetch_one(&self.pool).await?)
    }
}
