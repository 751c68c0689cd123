//! Who may do what to the tables, tried over the addresses that the application itself uses.

use std::{path::Path, process::Command};

use clap::Parser;
use workflow::cell::CellNumber;

use super::{Database, Error, Serves};
use crate::{
    config,
    postgres::{Cluster, tests::as_somebody},
};

#[derive(Parser)]
struct Cli {
    #[command(flatten)]
    database: config::Database,
}

/// An empty address is none, whatever the environment of the test says.
fn config(folder: &Path, url: &str, owner_url: &str) -> config::Database {
    let folder = folder.to_str().unwrap();
    let arguments = ["weft", "--data-dir", folder, "--database-url", url, "--database-owner-url", owner_url];
    Cli::parse_from(arguments).database
}

/// What psql printed, or the SQLSTATE of the refusal.
fn psql(url: &str, sql: &str) -> Result<String, String> {
    let output = Command::new("psql")
        .args(["--no-psqlrc", "-At", "-v", "VERBOSITY=sqlstate", "-v", "ON_ERROR_STOP=1", "-c", sql, url])
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

fn block_on(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(test);
}

#[test]
fn the_application_owns_nothing_and_can_only_add_to_the_audit_log() {
    as_somebody(|| {
        block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let database = Database::open(&config(folder.path(), "", "")).await.unwrap();
            let store = database.connect_and_migrate(2, Serves::Requests).await.unwrap();
            let application = store.application().await.unwrap();
            assert!(!application.can_change_audit_log && !application.is_superuser, "{application:?}");
            let url = database.url.as_str();
            let insert = "INSERT INTO audit_log (action, subject) VALUES ('test.made', 'x')";
            psql(url, insert).unwrap();
            assert_eq!(psql(url, "SELECT action FROM audit_log").unwrap(), "test.made");
            for attack in [
                "UPDATE audit_log SET action = 'a.b'",
                "DELETE FROM audit_log",
                "TRUNCATE audit_log",
                "ALTER TABLE audit_log DISABLE TRIGGER ALL",
                "ALTER TABLE audit_log OWNER TO weft",
                "ALTER TABLE audit_log RENAME TO other",
                "DROP TABLE audit_log",
                "CREATE RULE quiet AS ON INSERT TO audit_log DO INSTEAD NOTHING",
                "GRANT UPDATE ON audit_log TO weft; UPDATE audit_log SET action = 'a.b'",
                "SET session_replication_role = replica",
                "SET ROLE weft_owner",
                "SET ROLE postgres",
                "ALTER ROLE weft SUPERUSER",
                "GRANT weft_owner TO weft",
                "CREATE ROLE other",
                "CREATE DATABASE other",
                "CREATE TABLE other (n int)",
                "CREATE FUNCTION other() RETURNS int LANGUAGE sql AS 'SELECT 1'",
                "DELETE FROM _sqlx_migrations",
                "UPDATE run_events SET seq = 2",
                "TRUNCATE run_events",
                "ALTER SYSTEM SET fsync = off",
                "COPY audit_log TO PROGRAM 'cat'",
                "SELECT pg_read_file('/etc/passwd')",
                "SELECT lo_export(lo_create(0), '/tmp/weft-attack')",
            ] {
                let refusal = psql(url, attack).expect_err(attack);
                assert!(refusal.contains("42501"), "{attack}: {refusal}");
            }
            let owned = "SELECT count(*) FROM pg_shdepend WHERE refobjid = 'weft'::regrole AND deptype = 'o'";
            assert_eq!(psql(url, owned).unwrap(), "0");
            let owners = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'weft_owner'";
            assert_eq!(psql(url, owners).unwrap(), "0", "the owner's connection is closed");
            store.close().await;
            database.close().await.unwrap();
        });
    });
}

#[test]
fn a_database_of_ones_own_is_migrated_by_its_owner_and_used_by_the_other_role() {
    as_somebody(|| {
        block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let place = config(folder.path(), "", "").place();
            let cluster = tokio::task::spawn_blocking(move || Cluster::open(&place)).await.unwrap().unwrap();
            let (application, owner) = (cluster.url().as_str(), cluster.owner_url().as_str());
            let open = async |url: &str, owner: &str| {
                let database = Database::open(&config(folder.path(), url, owner)).await?;
                database.connect_and_migrate(1, Serves::Requests).await
            };
            let refused = open(application, "").await;
            assert!(matches!(refused, Err(Error::NotOwner { .. })), "{refused:?}");
            let apart = open(application, owner).await.unwrap().application().await.unwrap();
            assert!(apart.role == "weft" && !apart.can_change_audit_log, "{apart:?}");
            // What is up to date needs no owner.
            open(application, "").await.unwrap().ping().await.unwrap();
            let one_role = open(owner, "").await.unwrap().application().await.unwrap();
            assert!(one_role.can_change_audit_log && !one_role.is_superuser, "{one_role:?}");
            // The same twice is one role, and no harm.
            open(owner, owner).await.unwrap();
            assert!(matches!(open("", owner).await, Err(Error::OwnerAlone)));
            tokio::task::spawn_blocking(move || drop(cluster)).await.unwrap();
        });
    });
}

#[test]
fn a_process_with_another_number_than_its_database_does_not_start() {
    as_somebody(|| {
        block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let place = config(folder.path(), "", "").place();
            let cluster = tokio::task::spawn_blocking(move || Cluster::open(&place)).await.unwrap().unwrap();
            let url = format!("--database-url={}", cluster.owner_url().as_str());
            let settle = async |cell: &[&str]| {
                let arguments = ["weft", "--database-owner-url=", url.as_str()].into_iter().chain(cell.iter().copied());
                let database = Database::open(&Cli::parse_from(arguments).database).await?;
                let store = database.connect_and_migrate(1, Serves::Requests).await?;
                let settled = database.settle_cell(&store).await;
                store.close().await;
                settled.map(|cell| cell.map(CellNumber::number))
            };
            assert_eq!(settle(&["--cell=17"]).await.unwrap(), Some(17));
            assert_eq!(settle(&["--cell=17"]).await.unwrap(), Some(17));
            let refused = settle(&["--cell=18"]).await.unwrap_err();
            assert!(matches!(refused, Error::AnotherCell { .. }), "{refused:?}");
            let words = refused.to_string();
            assert!(words.contains("WEFT_CELL says 18") && words.contains("Set WEFT_CELL=17"), "{words}");
            for wrong in ["--cell=1024", "--cell=-1", "--cell=x"] {
                assert!(Cli::try_parse_from(["weft", wrong]).is_err(), "{wrong}");
            }
            tokio::task::spawn_blocking(move || drop(cluster)).await.unwrap();
        });
    });
}

#[test]
fn a_folder_from_before_the_first_release_is_left_alone_and_its_owner_is_told_how_to_begin_anew() {
    as_somebody(|| {
        block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let database = Database::open(&config(folder.path(), "", "")).await.unwrap();
            let owner = database.owner_url.clone().unwrap();
            // As the migrations before the baseline left it, as far as anybody looks.
            psql(
                owner.as_str(),
                "CREATE TABLE _sqlx_migrations (version bigint PRIMARY KEY, description text NOT NULL,
                    installed_on timestamptz NOT NULL DEFAULT now(), success boolean NOT NULL, checksum bytea NOT NULL,
                    execution_time bigint NOT NULL);
                 INSERT INTO _sqlx_migrations VALUES (1, 'people', now(), true, '\\x00', 0);
                 CREATE TABLE users (id uuid PRIMARY KEY)",
            )
            .unwrap();
            let error = database.connect_and_migrate(1, Serves::Requests).await.unwrap_err();
            let words = error.to_string();
            let place = folder.path().canonicalize().unwrap();
            assert!(words.contains(place.to_str().unwrap()) && words.contains("WEFT_DATA_DIR"), "{words}");
            assert_eq!(psql(owner.as_str(), "SELECT count(*) FROM users").unwrap(), "0", "it is as it was");
            database.close().await.unwrap();
        });
    });
}

#[test]
fn a_pooler_and_the_way_past_it_are_named_together() {
    let open = |arguments: &[&str]| {
        let config = Cli::parse_from(["weft"].iter().chain(arguments)).database;
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(Database::open(&config)).map(drop)
    };
    let (url, direct) = ("--database-url=postgres://pooler/weft", "--db-direct-url=postgres://primary/weft");
    let pooler = "--db-pooler=transaction";
    open(&[url, pooler, direct]).unwrap();
    assert!(matches!(open(&[url, pooler]), Err(Error::NoWayPast)));
    assert!(matches!(open(&[url, direct]), Err(Error::NoPooler)));
    // Without a database of one's own there is nothing that a pooler stands before.
    assert!(matches!(open(&["--database-url=", pooler, direct]), Err(Error::NoPooler)));
}
