//! The database that those of the Rust tests are copies of: `template1` of the tests' cluster, with all migrations done.
//!
//! sqlx makes a database for each of six hundred tests and brings it up to date; copied, it is up to date already, and sqlx finds that
//! every migration was done and compares its hash, as in the database of anybody who starts Weft a second time. It must never be used
//! where a database has to be empty: `TEMPLATE template0` makes such a one.

use crate::{context::Context, postgres::TestPostgres, queries::migrations, shell::output};
use anyhow::{Context as _, Result};
use sha2::{Digest, Sha384};
use std::{fs, path::Path};

/// What sqlx makes before the first migration.
const TABLE: &str = "CREATE TABLE _sqlx_migrations (version bigint PRIMARY KEY, description text NOT NULL,
    installed_on timestamptz NOT NULL DEFAULT now(), success boolean NOT NULL, checksum bytea NOT NULL,
    execution_time bigint NOT NULL)";

/// From now on a database is made with all that Weft has in one. Once for each cluster.
pub(super) fn prepare(context: &Context, postgres: &TestPostgres) -> Result<()> {
    let mut psql = postgres.psql("template1");
    psql.args(["--single-transaction", "-c", TABLE]);
    for migration in migrations(&context.root)? {
        let done = done(&migration)?;
        psql.arg("-f").arg(migration).args(["-c", &done]);
    }
    output(&mut psql).context("the migrations do not apply")?;
    Ok(())
}

/// What sqlx writes after a migration: `0001_people.sql` is the version 1, which is called `people`.
fn done(migration: &Path) -> Result<String> {
    let name = || format!("{} has no name such as 0001_people.sql", migration.display());
    let stem = migration.file_stem().and_then(|stem| stem.to_str()).with_context(name)?;
    let (version, description) = stem.split_once('_').with_context(name)?;
    let version: i64 = version.parse().ok().with_context(name)?;
    let content = fs::read(migration).with_context(|| format!("cannot read {}", migration.display()))?;
    Ok(format!(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
        VALUES ({version}, '{}', true, '\\x{}', 0)",
        description.replace('_', " ").replace('\'', "''"),
        hex::encode(Sha384::digest(content))
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_made_with_the_tables_and_with_none_where_it_has_to_be_empty() {
        let (context, postgres) = (Context::discover().unwrap(), TestPostgres::start().unwrap());
        prepare(&context, &postgres).unwrap();
        let ask = |database: &str, sql: &str| output(postgres.psql(database).args(["-At", "-c", sql])).unwrap();
        ask("postgres", "CREATE DATABASE copied");
        ask("postgres", "CREATE DATABASE empty TEMPLATE template0");
        let owned = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tableowner = current_user";
        assert_eq!(ask("empty", owned), "0");
        assert_ne!(ask("copied", owned), "0");
        let n = migrations(&context.root).unwrap().len().to_string();
        assert_eq!(ask("copied", "SELECT count(*) FROM _sqlx_migrations WHERE length(checksum) = 48"), n);
        assert_eq!(ask("copied", "SELECT description FROM _sqlx_migrations WHERE version = 6"), "run lists");
    }
}
