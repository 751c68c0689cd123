//! Processes behind a `PgBouncer` in its transaction mode, with fewer sessions than there are connections: whatever one of them leaves on a
//! session, another one meets.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::Signal,
    unistd::{Uid, User, geteuid},
};
use serde_json::{Value, json};
use sqlx::{PgPool, postgres::PgConnectOptions};
use store::MIGRATOR;
use tempfile::TempDir;
use workflow::status::{Outcome, RunStatus};

use crate::{
    server::{Request, Server, token},
    support::{Process, SlowModel, World, database_url, slow_model, weft},
};

const PORT: &str = "6432";
/// Where Debian has it, which need not be on the path of who runs the tests.
const DEBIANS: &str = "/usr/sbin/pgbouncer";

struct Pooler {
    /// Ends before its folder goes.
    _process: Process,
    folder: TempDir,
}

impl Pooler {
    /// It stands before the test's Postgres, and has three sessions for each database.
    fn start(pool: &PgPool) -> Self {
        let options = pool.connect_options();
        let url = database_url(pool);
        let postgres = options.get_socket().cloned().expect("the tests' Postgres listens on a socket alone");
        // The password is found in the address and nowhere else.
        let (user, password) = url
            .split_once("://")
            .and_then(|(_, rest)| rest.split_once('@'))
            .and_then(|(person, _)| person.split_once(':'))
            .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let settings = folder.path().join("pgbouncer.ini");
        let place = folder.path().display();
        fs::write(
            &settings,
            format!(
                "[databases]\n* = host={} port={} user={user} password={password}\n\
                [pgbouncer]\npool_mode = transaction\ndefault_pool_size = 3\nmax_client_conn = 500\nauth_type = any\n\
                listen_port = {PORT}\nunix_socket_dir = {place}\nlog_connections = 0\nlog_disconnections = 0\n",
                postgres.display(),
                options.get_port(),
            ),
        )
        .unwrap();
        let program = if Path::new(DEBIANS).exists() { DEBIANS } else { "pgbouncer" };
        let mut command = Command::new(program);
        command.arg("--quiet").stdout(Stdio::null()).stderr(Stdio::null());
        if geteuid().is_root() {
            // It refuses to be root, and whoever it is has to get into the folder of Postgres' socket.
            let owner = Uid::from_raw(fs::metadata(&postgres).unwrap().uid());
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
            for path in [folder.path(), settings.as_path()] {
                chown(path, Some(owner.as_raw()), None).unwrap();
            }
            command.arg("--user").arg(User::from_uid(owner).unwrap().unwrap().name);
        }
        let process = Process::spawn(command.arg(&settings));
        let socket: PathBuf = folder.path().join(format!(".s.PGSQL.{PORT}"));
        let began = Instant::now();
        while !socket.exists() {
            assert!(began.elapsed() < Duration::from_mins(1), "PgBouncer did not start");
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { _process: process, folder }
    }

    /// What makes a process of the test's database one behind it.
    fn settings(&self, pool: &PgPool) -> Settings {
        let options = pool.connect_options();
        let database = options.get_database().unwrap();
        let url = format!("postgres://anybody@localhost:{PORT}/{database}?host={}", self.folder.path().display());
        [("DATABASE_URL", url), ("WEFT_DB_POOLER", "transaction".into()), ("WEFT_DB_DIRECT_URL", database_url(pool))]
    }
}

type Settings = [(&'static str, String); 3];

fn behind(settings: &Settings, model: &SlowModel, args: &[&str]) -> Command {
    let mut command = weft(args, model);
    command.envs(settings.clone()).env("WEFT_USER_REQUESTS_PER_SECOND", "off");
    command
}

/// The test's own thread answers for the model, so it may not wait for a process.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

/// Twelve who ask at once, again and again.
fn crowd(address: &str, token: &str) {
    std::thread::scope(|scope| {
        for _ in 0..12 {
            scope.spawn(|| {
                for path in [
                    "/api/workflows/runs",
                    "/api/workflows/templates",
                    "/api/inbox",
                    "/api/inbox/counts",
                    "/api/agents/list",
                    "/api/users",
                ]
                .repeat(3)
                {
                    let get = Request { token, method: "GET", path, key: None, body: Value::Null };
                    let (status, answer) = get.send(address).expect("an answer");
                    assert_eq!(status, 200, "{path}: {answer}");
                }
            });
        }
    });
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn processes_behind_a_pooler_that_lends_sessions_do_what_they_do_without_one(pool: PgPool) {
    let model = Arc::new(slow_model(Duration::from_millis(20)).await);
    let pooler = Pooler::start(&pool);
    let settings = pooler.settings(&pool);
    let world = World::new(&pool, &json!({"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"]})).await;
    let worker = Process::spawn(&mut behind(&settings, &model, &["work"]));
    let (server, token) = aside({
        let model = Arc::clone(&model);
        move || {
            let server = Server::start(behind(&settings, &model, &["serve"]));
            (server, token(|args| behind(&settings, &model, args)))
        }
    })
    .await;
    let mut runs = Vec::new();
    for _ in 0..15 {
        runs.push(world.start().await);
    }
    // While both work, more ask than there are sessions.
    let server = aside(move || {
        crowd(server.address(), &token);
        server
    })
    .await;
    for run in runs {
        let view = world.until(run, |view| view.status.is_terminal()).await;
        assert_eq!(view.status, RunStatus::Completed);
        for step in &view.steps {
            let outcomes: Vec<_> = step.attempts.iter().map(|attempt| attempt.outcome).collect();
            assert_eq!(outcomes, [Some(Outcome::Succeeded)], "{}: nothing was lost or done twice", step.key);
        }
    }
    worker.signal(Signal::SIGTERM);
    assert_eq!(worker.ended().await, Some(0));
    aside(move || drop(server)).await;
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_way_past_the_pooler_to_another_database_is_refused_at_the_start(pool: PgPool) {
    let model = slow_model(Duration::ZERO).await;
    let pooler = Pooler::start(&pool);
    let elsewhere = PgConnectOptions::clone(&pool.connect_options()).database("postgres");
    let direct = database_url(&PgPool::connect_lazy_with(elsewhere));
    let mut command = behind(&pooler.settings(&pool), &model, &["work"]);
    let output = aside(move || command.env("WEFT_DB_DIRECT_URL", direct).output().unwrap()).await;
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && words.contains("different databases"), "{words}");
}
