//! The embedded cluster for real: made, shared, killed, adopted, stopped. Needs Postgres' programs, as building Weft does.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;

use super::{Cluster, Error, pid_file};
use crate::config::Place;

/// A data folder that the Postgres user can reach.
fn data_dir() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

fn place(folder: &Path) -> Place {
    Place { data_dir: folder.to_owned(), runtime_dir: None, search_path: "/usr/local/bin:/usr/bin:/bin".into() }
}

fn query(cluster: &Cluster, sql: &str) -> String {
    let output = std::process::Command::new("psql")
        .args(["--no-psqlrc", "-At", "-c", sql, cluster.url().as_str()])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn is_alive(pid: i32) -> bool {
    // A child that ended and is not waited for has no current folder any more.
    fs::read_link(format!("/proc/{pid}/cwd")).is_ok()
}

#[test]
fn a_cluster_is_made_shared_and_stopped_by_the_last_to_leave() {
    let folder = data_dir();
    let first = Cluster::open(&place(folder.path())).unwrap();
    assert_eq!(query(&first, "SHOW server_encoding"), "UTF8");
    assert_eq!(query(&first, "SHOW synchronous_commit"), "on");
    query(&first, "CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)");
    let second = Cluster::open(&place(folder.path())).unwrap();
    assert_eq!(second.url(), first.url());
    let pid = first.pid();
    drop(first);
    assert_eq!(query(&second, "SELECT n FROM kept"), "7");
    drop(second);
    assert!(!is_alive(pid));
    let again = Cluster::open(&place(folder.path())).unwrap();
    assert_eq!(query(&again, "SELECT n FROM kept"), "7");
}

#[test]
fn a_cluster_whose_server_died_is_adopted_and_a_dead_one_restarted() {
    let folder = data_dir();
    let killed = Cluster::open(&place(folder.path())).unwrap();
    let pid = killed.pid();
    killed.abandon();
    let mut adopter = Cluster::open(&place(folder.path())).unwrap();
    assert_eq!(adopter.pid(), pid, "the running server is used, not a second one started");
    adopter.supervise();
    pid_file::signal(pid, Signal::SIGKILL);
    let began = Instant::now();
    let data = adopter.root().join("data");
    while pid_file::PidFile::read_live(&data).is_none_or(|file| file.pid == pid || !file.is_ready) {
        assert!(began.elapsed() < Duration::from_mins(1), "Postgres is started again");
        std::thread::yield_now();
    }
    assert_eq!(query(&adopter, "SELECT 1"), "1");
    assert_ne!(adopter.pid(), pid);
}

#[test]
fn a_stale_pid_file_is_no_obstacle() {
    let folder = data_dir();
    let cluster = Cluster::open(&place(folder.path())).unwrap();
    let data = cluster.root().join("data");
    drop(cluster);
    // Our own process lives, but is no Postgres.
    let stale = format!("{}\n{}\n1\n5432\n/nowhere\n\n\nready\n", std::process::id(), data.display());
    fs::write(data.join("postmaster.pid"), stale).unwrap();
    let again = Cluster::open(&place(folder.path())).unwrap();
    assert_eq!(query(&again, "SELECT 1"), "1");
}

#[test]
fn a_very_long_path_still_gets_a_socket_elsewhere() {
    let folder = data_dir();
    let deep = folder.path().join("a".repeat(60)).join("b".repeat(60));
    let cluster = Cluster::open(&place(&deep)).unwrap();
    assert_eq!(query(&cluster, "SELECT 1"), "1");
    assert!(cluster.url().as_str().contains("host=/tmp/weft-"), "{:?}", cluster.url().as_str());
}

#[test]
fn a_folder_that_the_postgres_user_cannot_enter_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let cluster = Cluster::open(&place(folder.path())).unwrap();
    assert_eq!(query(&cluster, "SELECT 1"), "1");
    let root = cluster.root();
    drop(cluster);
    if nix::unistd::geteuid().is_root() {
        assert!(root.starts_with("/var/lib/weft"), "{}", root.display());
        fs::remove_dir_all(root).unwrap();
    } else {
        assert!(root.starts_with(folder.path()), "{}", root.display());
    }
}

#[test]
fn data_of_another_version_is_refused_by_name() {
    let folder = data_dir();
    let cluster = Cluster::open(&place(folder.path())).unwrap();
    let data = cluster.root().join("data");
    drop(cluster);
    fs::write(data.join("PG_VERSION"), "13\n").unwrap();
    match Cluster::open(&place(folder.path())) {
        Err(Error::WrongVersion { made_by: 13, .. }) => {}
        other => panic!("{:?}", other.err()),
    }
}
