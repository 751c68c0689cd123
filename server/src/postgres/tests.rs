//! The embedded cluster for real: made, shared, killed, adopted, stopped. Needs Postgres' programs, as building Weft does.

use std::{
    fs,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::Signal,
    unistd::{User, geteuid},
};

use super::{Cluster, Error, pid_file};
use crate::config::Place;

/// Postgres refuses to run as root, and so does Weft: what root tests goes on in a process of its own as somebody else.
pub(crate) fn as_somebody<T: FnOnce()>(test: T) {
    if !geteuid().is_root() {
        return test();
    }
    let user = ["weft", "nobody"].iter().find_map(|name| User::from_name(name).ok().flatten()).unwrap();
    let name = std::any::type_name::<T>().trim_start_matches("server::").trim_end_matches("::{{closure}}");
    let mut command = Command::new("/proc/self/exe");
    command.args(["--exact", name, "--nocapture"]).uid(user.uid.as_raw()).gid(user.gid.as_raw());
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    print!("{told}{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && told.contains("1 passed"), "{name} as {}", user.name);
}

fn data_dir() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn place(folder: &Path) -> Place {
    Place { data_dir: folder.to_owned(), runtime_dir: None, search_path: "/usr/local/bin:/usr/bin:/bin".into() }
}

fn query(cluster: &Cluster, sql: &str) -> String {
    let output =
        Command::new("psql").args(["--no-psqlrc", "-At", "-c", sql, cluster.owner_url().as_str()]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn is_alive(pid: i32) -> bool {
    // A child that ended and is not waited for has no current folder any more.
    fs::read_link(format!("/proc/{pid}/cwd")).is_ok()
}

#[test]
fn a_cluster_is_made_shared_and_stopped_by_the_last_to_leave() {
    as_somebody(|| {
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
    });
}

#[test]
fn a_cluster_whose_server_died_is_adopted_and_a_dead_one_restarted() {
    as_somebody(|| {
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
    });
}

#[test]
fn a_stale_pid_file_is_no_obstacle() {
    as_somebody(|| {
        let folder = data_dir();
        let cluster = Cluster::open(&place(folder.path())).unwrap();
        let data = cluster.root().join("data");
        drop(cluster);
        // Our own process lives, but is no Postgres.
        let stale = format!("{}\n{}\n1\n5432\n/nowhere\n\n\nready\n", std::process::id(), data.display());
        fs::write(data.join("postmaster.pid"), stale).unwrap();
        let again = Cluster::open(&place(folder.path())).unwrap();
        assert_eq!(query(&again, "SELECT 1"), "1");
    });
}

#[test]
fn a_very_long_path_still_gets_a_socket_elsewhere() {
    as_somebody(|| {
        let folder = data_dir();
        let deep = folder.path().join("a".repeat(60)).join("b".repeat(60));
        let cluster = Cluster::open(&place(&deep)).unwrap();
        assert_eq!(query(&cluster, "SELECT 1"), "1");
        assert!(cluster.url().as_str().contains("host=/tmp/weft-"), "{:?}", cluster.url().as_str());
    });
}

#[test]
fn nobody_gets_in_without_a_password_nor_as_superuser_nor_into_another_database() {
    as_somebody(|| {
        let folder = data_dir();
        let cluster = Cluster::open(&place(folder.path())).unwrap();
        let url = cluster.owner_url().as_str().to_owned();
        let password = fs::read_to_string(cluster.root().join("owner.password")).unwrap();
        let (named, with_password) = ("weft_owner", format!("weft_owner:{}", password.trim()));
        for refused in [
            url.replace(&with_password, named),
            url.replace(&with_password, "weft_owner:wrong"),
            url.replace(&with_password, "weft"),
            url.replace(named, "postgres"),
            url.replace("/weft?", "/postgres?"),
        ] {
            assert_ne!(refused, url);
            let mut psql = Command::new("psql");
            psql.args(["--no-psqlrc", "--no-password", "-c", "SELECT 1", &refused]).env_remove("PGPASSWORD");
            assert!(!psql.output().unwrap().status.success(), "{refused}");
        }
        assert_eq!(query(&cluster, "SHOW listen_addresses"), "");
        let mode = |name: &str| fs::metadata(cluster.root().join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(["", "run", "data"].map(mode), [0o700; 3]);
        assert_eq!(["password", "owner.password", "access.conf", "postgres.log"].map(mode), [0o600; 4]);
    });
}

#[test]
fn data_of_the_layout_before_is_refused_by_name() {
    as_somebody(|| {
        let folder = data_dir();
        let data = folder.path().join("postgres/data");
        fs::create_dir_all(&data).unwrap();
        fs::write(data.join("PG_VERSION"), "15\n").unwrap();
        match Cluster::open(&place(folder.path())) {
            Err(Error::OldLayout { .. }) => {}
            other => panic!("{:?}", other.err()),
        }
    });
}

#[test]
fn data_of_another_version_is_refused_by_name() {
    as_somebody(|| {
        let folder = data_dir();
        let cluster = Cluster::open(&place(folder.path())).unwrap();
        let data = cluster.root().join("data");
        drop(cluster);
        fs::write(data.join("PG_VERSION"), "13\n").unwrap();
        match Cluster::open(&place(folder.path())) {
            Err(Error::WrongVersion { made_by: 13, .. }) => {}
            other => panic!("{:?}", other.err()),
        }
    });
}
