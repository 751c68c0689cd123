//! The tables: brought up to date by their owner, and what the role that the pool speaks as may do to them.
//! Must never leave a connection of the owner's open: the application serves nobody with the rights to change its own tables.

use std::{collections::BTreeMap, sync::LazyLock};

use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgConnection, migrate::Migrator, postgres::PgConnectOptions};

use crate::{Error, Result, Store};

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
    let mut owner = PgConnection::connect_with(&owner_options(owner_url)?).await?;
    if predates(&mut owner).await? {
        return Err(Error::Predates);
    }
    MIGRATOR.run(&mut owner).await?;
    if let Some(application) = application {
        grant(&mut owner, application).await?;
    }
    owner.close().await?;
    Ok(())
}

/// A migration is one long statement, and may take its time: it is not logged, least of all whole.
fn owner_options(url: &str) -> Result<PgConnectOptions> {
    let options: PgConnectOptions = url.parse()?;
    Ok(options.application_name("weft migrate").disable_statement_logging())
}

/// Whether the first migration was another one than ours. Those after it only ever add to it.
async fn predates(owner: &mut PgConnection) -> Result<bool> {
    // sqlx makes this table with the first migration, so there is none to check the statements against at compile time.
    let is_there = "SELECT to_regclass('_sqlx_migrations') IS NOT NULL";
    if !sqlx::query_scalar::<_, bool>(is_there).fetch_one(&mut *owner).await? {
        return Ok(false);
    }
    let first: Option<Vec<u8>> = sqlx::query_scalar("SELECT checksum FROM _sqlx_migrations ORDER BY version LIMIT 1")
        .fetch_optional(owner)
        .await?;
    let ours = MIGRATOR.iter().next();
    Ok(first.is_some_and(|first| ours.is_none_or(|ours| *first != *ours.checksum)))
}

/// What the application's role lacks or has too much, as statements; nothing where its rights are right already, since a change of rights
/// makes every session plan its statements anew.
const MISSING_RIGHTS: &str = "
WITH things AS (
    SELECT c.oid, c.oid::regclass::text AS name, c.relkind, CASE
        WHEN c.relkind = 'S' THEN ARRAY['USAGE']
        WHEN c.relname = '_sqlx_migrations' THEN ARRAY['SELECT']
        -- Nothing in these ever changes.
        WHEN c.relname IN ('audit_log', 'cell', 'agent_versions', 'workflow_template_versions', 'workflow_version_agents') THEN ARRAY['SELECT', 'INSERT']
        -- Nor in these, but they go with a run that is deleted.
        WHEN c.relname = 'run_events' THEN ARRAY['SELECT', 'INSERT', 'DELETE']
        ELSE ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE'] END AS wanted
    FROM pg_class c
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p', 'S')
        AND c.relowner = (SELECT oid FROM pg_roles WHERE rolname = current_user)
),
rights AS (
    SELECT t.*, CASE
        WHEN t.relkind = 'S' THEN ARRAY(SELECT 'USAGE' WHERE has_sequence_privilege($1::name, t.oid, 'USAGE'))
        ELSE ARRAY(
            SELECT one.name FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER'])
                WITH ORDINALITY AS one (name, ord)
            WHERE has_table_privilege($1::name, t.oid, one.name) ORDER BY one.ord) END AS found
    FROM things t
)
SELECT format('GRANT USAGE ON SCHEMA %I TO %I', current_schema(), $1::name)
WHERE NOT has_schema_privilege($1::name, current_schema(), 'USAGE')
UNION ALL
SELECT format('REVOKE ALL ON %1$s %2$s FROM %3$I; GRANT %4$s ON %1$s %2$s TO %3$I', kind, name, $1::name, rights)
FROM (
    SELECT name, array_to_string(wanted, ', ') AS rights, CASE relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind
    FROM rights WHERE found <> wanted ORDER BY oid
) changes";

/// Lets the application's role do its work on the tables, and no more. After the migrations, so that tables which later ones bring are
/// covered as well.
async fn grant(owner: &mut PgConnection, application: &str) -> Result<()> {
    let mut tx = owner.begin().await?;
    let is_owner: bool =
        sqlx::query_scalar("SELECT current_user = $1::name").bind(application).fetch_one(&mut *tx).await?;
    if is_owner {
        return Ok(());
    }
    // Of processes that start at the same time, two that changed the rights of one table would fail on each other.
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended('weft.grant', 0))").execute(&mut *tx).await?;
    let statements: Vec<String> = sqlx::query_scalar(MISSING_RIGHTS).bind(application).fetch_all(&mut *tx).await?;
    for statement in statements {
        // Names stand in it as Postgres quoted them.
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut *tx).await?;
    }
    Ok(tx.commit().await?)
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

#[cfg(test)]
mod tests {
    use sqlx::{PgPool, error::DatabaseError};

    use super::*;

    fn url(pool: &PgPool) -> String {
        pool.connect_options().to_url_lossy().to_string()
    }

    async fn run(pool: &PgPool, sql: String) -> sqlx::Result<()> {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(pool).await.map(drop)
    }

    /// Nothing is in it, whatever databases begin with on this cluster.
    async fn empty(pool: &PgPool) {
        let anew = "DROP SCHEMA public CASCADE; CREATE SCHEMA public; GRANT USAGE ON SCHEMA public TO PUBLIC";
        run(pool, anew.into()).await.unwrap();
    }

    #[test]
    fn no_migration_is_logged_as_a_slow_statement() {
        let options = format!("{:?}", owner_options("postgres://owner@localhost/weft").unwrap());
        assert!(options.contains("slow_statements_level: Off"), "{options}");
    }

    #[sqlx::test(migrations = false)]
    async fn a_database_from_before_the_first_release_is_refused_and_left_as_it_is(pool: PgPool) {
        empty(&pool).await;
        migrate(&url(&pool), None).await.unwrap();
        migrate(&url(&pool), None).await.unwrap();
        assert!(!Store::from_pool(pool.clone()).is_behind().await.unwrap());

        run(&pool, "UPDATE _sqlx_migrations SET checksum = '\\x00', description = 'people'".into()).await.unwrap();
        run(&pool, "ALTER TABLE run_events RENAME TO run_events_of_old".into()).await.unwrap();
        assert!(Store::from_pool(pool.clone()).is_behind().await.unwrap());
        let refused = migrate(&url(&pool), None).await.unwrap_err();
        assert!(matches!(refused, Error::Predates), "{refused:?}");
        assert!(refused.to_string().contains("before its first release"), "{refused}");
        let there: bool =
            sqlx::query_scalar("SELECT to_regclass('run_events') IS NULL").fetch_one(&pool).await.unwrap();
        assert!(there, "nothing was changed");
    }

    #[sqlx::test(migrations = false)]
    async fn the_application_may_do_its_work_and_change_nothing_that_is_kept_for_good(pool: PgPool) {
        // The tests' cluster has it: whoever tests may make no roles. Its name wants quoting.
        let role = "Weft application";
        empty(&pool).await;
        migrate(&url(&pool), Some(role)).await.unwrap();
        let as_application = async |sql: &str| run(&pool, format!("SET ROLE \"{role}\"; {sql}; RESET ROLE")).await;
        for work in [
            "INSERT INTO audit_log (action, subject) VALUES ('test.made', 'x')",
            "UPDATE users SET role = role",
            "DELETE FROM blobs",
            "DELETE FROM run_events",
            "SELECT FROM _sqlx_migrations",
            "INSERT INTO run_events (run_id, seq, commit_id, ask_id, event)
                SELECT gen_random_uuid(), 1, gen_random_uuid(), gen_random_uuid(), '{}'",
        ] {
            as_application(work).await.unwrap_or_else(|error| panic!("{work}: {error}"));
        }
        for attack in [
            "UPDATE audit_log SET action = 'a.b'",
            "DELETE FROM audit_log",
            "TRUNCATE audit_log",
            "UPDATE run_events SET event = '{}'",
            "TRUNCATE run_events",
            "UPDATE agent_versions SET spec = '{}'",
            "UPDATE workflow_template_versions SET name = 'x'",
            "DELETE FROM workflow_template_versions",
            "DELETE FROM agent_versions",
            "DELETE FROM workflow_version_agents",
            "UPDATE cell SET number = 1",
            "DELETE FROM cell",
            "DELETE FROM _sqlx_migrations",
            "TRUNCATE users",
            "DROP TABLE blobs",
            "CREATE TABLE other (n int)",
        ] {
            let refused = as_application(attack).await.expect_err(attack);
            let code = refused.as_database_error().and_then(DatabaseError::code);
            assert_eq!(code.as_deref(), Some("42501"), "{attack}: {refused}");
            run(&pool, "RESET ROLE".into()).await.unwrap();
        }

        // What is right is left alone; what is not is put right.
        let missing = async || {
            let statements = sqlx::query_scalar::<_, String>(MISSING_RIGHTS).bind(role).fetch_all(&pool);
            statements.await.unwrap()
        };
        assert_eq!(missing().await, Vec::<String>::new());
        run(&pool, format!("GRANT UPDATE ON audit_log TO \"{role}\"; REVOKE DELETE ON blobs FROM \"{role}\""))
            .await
            .unwrap();
        assert_eq!(missing().await.len(), 2);
        migrate(&url(&pool), Some(role)).await.unwrap();
        assert_eq!(missing().await, Vec::<String>::new());
    }
}
