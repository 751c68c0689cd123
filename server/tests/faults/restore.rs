//! Databases that are restored from a backup, by a dump and to a point in time, under processes that were ahead of them: what is restored
//! goes on, and what was known of the time that never was does no harm.

use std::{
    fs,
    os::unix::{
        fs::{MetadataExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use nix::{sys::signal::Signal, unistd::geteuid};
use serde_json::json;
use sqlx::{AssertSqlSafe, PgPool, postgres::PgConnectOptions};
use store::MIGRATOR;
use tempfile::TempDir;
use workflow::{
    RunId,
    status::{Outcome, RunStatus, StepStatus},
};

use crate::support::{Process, SlowModel, World, database_url, slow_model, weft};

/// Long enough for a dump to begin while a step runs, also on a slow machine.
const STEP: Duration = Duration::from_secs(3);
const WITHIN: Duration = Duration::from_mins(2);
const PORT: &str = "5433";

/// The programs of the Postgres that the tests run on, which run as whoever it runs as.
struct Tools {
    folder: PathBuf,
    owner: (u32, u32),
}

impl Tools {
    fn of(pool: &PgPool) -> Self {
        let options = pool.connect_options();
        let socket = options.get_socket().expect("the tests' Postgres listens on a socket");
        let owner = fs::metadata(socket).unwrap();
        let pid = fs::read_to_string(socket.join("data/postmaster.pid")).unwrap();
        let program = fs::read_link(format!("/proc/{}/exe", pid.lines().next().unwrap().trim())).unwrap();
        Self { folder: program.parent().unwrap().to_owned(), owner: (owner.uid(), owner.gid()) }
    }

    /// Packages of Postgres that are not Debian's may lack some.
    fn have(&self, names: &[&str]) -> bool {
        let missing = names.iter().find(|name| !self.folder.join(name).is_file());
        if let Some(missing) = missing {
            println!("left out: there is no {missing} in {}", self.folder.display());
        }
        missing.is_none()
    }

    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(self.folder.join(name));
        // The folder that a test is in may be closed to whoever that is.
        command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null());
        if geteuid().is_root() {
            command.uid(self.owner.0).gid(self.owner.1);
        }
        command
    }

    /// Ends well, or the test does not. The test's own thread answers for the model, so it does not wait here.
    async fn run(&self, name: &str, complete: impl FnOnce(&mut Command)) {
        let mut command = self.command(name);
        complete(&mut command);
        let output =
            tokio::task::spawn_blocking(move || command.stderr(Stdio::piped()).output()).await.unwrap().unwrap();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// That only whoever Postgres runs as may enter.
    fn folder(&self) -> TempDir {
        let folder = tempfile::Builder::new().prefix("weft-restore-").tempdir_in("/tmp").unwrap();
        self.give(folder.path());
        folder
    }

    fn give(&self, path: &Path) {
        if geteuid().is_root() {
            chown(path, Some(self.owner.0), Some(self.owner.1)).unwrap();
        }
    }
}

fn worker_at(url: &str, model: &SlowModel) -> Process {
    Process::spawn(weft(&["work"], model).env("DATABASE_URL", url))
}

/// Its first step is over, and its second one runs.
async fn half_way(world: &World) -> RunId {
    let run = world.start().await;
    world.until(run, |view| view.steps[1].status == StepStatus::Running).await;
    run
}

/// What a backup of just now does not know: the run is over, and another one began.
async fn get_ahead(world: &World, run: RunId) -> RunId {
    world.until(run, |view| view.status == RunStatus::Completed).await;
    world.start().await
}

/// `run`: half way as it was restored. `never`: what the restored database does not know.
async fn goes_on(world: &World, pool: &PgPool, run: RunId, never: RunId) {
    let view = world.until(run, |view| view.status.is_terminal()).await;
    assert_eq!(view.status, RunStatus::Completed);
    let outcomes: Vec<Vec<_>> =
        view.steps.iter().map(|step| step.attempts.iter().map(|attempt| attempt.outcome).collect()).collect();
    // Whoever did the second step knows nothing of it any more, though it lives: somebody else has to do it.
    let expected = [vec![Some(Outcome::Succeeded)], vec![Some(Outcome::Lost), Some(Outcome::Succeeded)]];
    assert_eq!(outcomes, expected);
    assert_eq!(view.artifacts.len(), 2);
    let n: i64 = sqlx::query_scalar("SELECT count(*) FROM workflow_runs WHERE id = $1")
        .bind(never.0)
        .fetch_one(pool)
        .await
        .unwrap();
    assert_eq!(n, 0, "nobody writes again what was lost");
    // Who was ahead starts runs again.
    let next = world.start().await;
    let view = world.until(next, |view| view.status.is_terminal()).await;
    assert_eq!(view.status, RunStatus::Completed);
}

/// Asked to, it ends well; and what it leaves is whole.
async fn ends_well(process: Process, url: &str, model: &SlowModel) {
    process.signal(Signal::SIGTERM);
    assert_eq!(process.ended().await, Some(0));
    let mut check = weft(&["check", "--settled"], model);
    check.env("DATABASE_URL", url).stdout(Stdio::piped());
    let output = tokio::task::spawn_blocking(move || check.output()).await.unwrap().unwrap();
    let words = String::from_utf8_lossy(&output.stdout);
    assert!(words.trim_end().ends_with("violations: 0"), "{words}");
}

async fn execute(pool: &PgPool, sql: String) {
    sqlx::query(AssertSqlSafe(sql)).execute(pool).await.unwrap();
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_dump_that_takes_the_place_of_its_database_goes_on_under_those_who_were_ahead_of_it(pool: PgPool) {
    let tools = Tools::of(&pool);
    if !tools.have(&["pg_dump", "pg_restore"]) {
        return;
    }
    let options = PgConnectOptions::clone(&pool.connect_options());
    let (name, url) = (options.get_database().unwrap().to_owned(), database_url(&pool));
    let (person, _) = url.split_once("://").and_then(|(_, rest)| rest.split_once('@')).unwrap();
    let password = person.split_once(':').unwrap().1.to_owned();
    let finds = |command: &mut Command| {
        command
            .env("PGHOST", options.get_socket().unwrap())
            .env("PGPORT", options.get_port().to_string())
            .env("PGUSER", options.get_username())
            .env("PGPASSWORD", &password);
    };
    let (model, folder) = (slow_model(STEP).await, tools.folder());
    let dump = folder.path().join("dump");
    let world = World::new(&pool, &json!({"a": [], "b": ["a"]})).await;
    let ahead = worker_at(&url, &model);

    let run = half_way(&world).await;
    let into_file = |command: &mut Command| {
        finds(command);
        command.args(["--format=custom", "--dbname", &name, "--file"]).arg(&dump);
    };
    tools.run("pg_dump", into_file).await;
    let never = get_ahead(&world, run).await;
    let admin = PgPool::connect_with(options.clone().database("postgres")).await.unwrap();
    // A name of 63 bytes is as long as one can be, and longer ones are cut.
    let short = name.get(name.len().saturating_sub(20)..).unwrap_or(&name);
    let (restored, before) = (format!("restored_{short}"), format!("before_{short}"));
    // Empty: the one that new databases are copied of may hold the schema already.
    execute(&admin, format!("CREATE DATABASE \"{restored}\" TEMPLATE template0")).await;
    let out_of_file = |command: &mut Command| {
        finds(command);
        command.args(["--exit-on-error", "--no-owner", "--no-privileges", "--dbname", &restored]).arg(&dump);
    };
    tools.run("pg_restore", out_of_file).await;
    // As an operator does it: everybody is thrown out, and finds the other one on coming back.
    execute(&admin, format!("ALTER DATABASE \"{name}\" ALLOW_CONNECTIONS false")).await;
    let throw_out = format!(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = '{name}' AND usename = current_user"
    );
    execute(&admin, throw_out).await;
    execute(&admin, format!("ALTER DATABASE \"{name}\" RENAME TO \"{before}\"")).await;
    execute(&admin, format!("ALTER DATABASE \"{restored}\" RENAME TO \"{name}\"")).await;

    goes_on(&world, &pool, run, never).await;
    ends_well(ahead, &url, &model).await;
    execute(&admin, format!("DROP DATABASE \"{before}\"")).await;
}

/// A Postgres that may be ended and restored.
struct Server {
    tools: Tools,
    folder: TempDir,
}

impl Server {
    async fn make(tools: Tools) -> Self {
        let folder = tools.folder();
        let wal = folder.path().join("wal");
        fs::create_dir(&wal).unwrap();
        tools.give(&wal);
        let into = folder.path().join("data");
        let data = |command: &mut Command| {
            command.args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "-D"]);
            command.arg(into);
        };
        tools.run("initdb", data).await;
        Self { tools, folder }
    }

    fn url(&self, database: &str) -> String {
        format!("postgres://postgres@localhost:{PORT}/{database}?host={}", self.folder.path().display())
    }

    fn wal(&self) -> String {
        self.folder.path().join("wal").display().to_string()
    }

    /// Comes back once it takes writes.
    async fn start(&self, data: &str) -> Process {
        let wal = self.wal();
        let mut command = self.tools.command("postgres");
        command
            .args(["-c", "listen_addresses=", "-c", "fsync=off", "-c", "archive_mode=on", "-c"])
            // A half of a file is no archive: it stands there once it is whole.
            .arg(format!("archive_command=test ! -f {wal}/%f && cp %p {wal}/.%f && mv {wal}/.%f {wal}/%f"))
            .args(["-p", PORT, "-k"])
            .arg(self.folder.path())
            .arg("-D")
            .arg(self.folder.path().join(data))
            .stderr(Stdio::null());
        let process = Process::spawn(&mut command);
        let began = Instant::now();
        loop {
            if let Ok(pool) = PgPool::connect(&self.url("postgres")).await {
                let asked: sqlx::Result<bool> = sqlx::query_scalar("SELECT pg_is_in_recovery()").fetch_one(&pool).await;
                pool.close().await;
                if matches!(asked, Ok(false)) {
                    return process;
                }
            }
            assert!(began.elapsed() < WITHIN, "Postgres takes no writes");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn back_up(&self) {
        let (socket, into) = (self.folder.path().to_owned(), self.folder.path().join("base"));
        let from = |command: &mut Command| {
            command.args(["--checkpoint=fast", "--no-sync", "--username=postgres", "--port", PORT, "--host"]);
            command.arg(socket).arg("--pgdata").arg(into);
        };
        self.tools.run("pg_basebackup", from).await;
    }

    /// All that was written is where a restore finds it.
    async fn archive(&self, pool: &PgPool) {
        let written: String =
            sqlx::query_scalar("SELECT pg_walfile_name(pg_switch_wal())").fetch_one(pool).await.unwrap();
        let (file, began) = (self.folder.path().join("wal").join(&written), Instant::now());
        while !file.exists() {
            assert!(began.elapsed() < WITHIN, "{written} is not archived");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The base backup becomes what was at that time.
    fn restore_to(&self, time: &str) {
        let base = self.folder.path().join("base");
        let settings = format!(
            "restore_command = 'cp {}/%f %p'\nrecovery_target_time = '{time}'\nrecovery_target_action = 'promote'\n",
            self.wal()
        );
        let file = base.join("postgresql.auto.conf");
        let before = fs::read_to_string(&file).unwrap();
        fs::write(&file, before + &settings).unwrap();
        let signal = base.join("recovery.signal");
        fs::write(&signal, "").unwrap();
        self.tools.give(&signal);
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_base_backup_that_goes_on_to_a_point_in_time_serves_those_who_were_ahead_of_it(tests: PgPool) {
    let tools = Tools::of(&tests);
    if !tools.have(&["initdb", "postgres", "pg_basebackup"]) {
        return;
    }
    let (model, server) = (slow_model(STEP).await, Server::make(tools).await);
    let postgres = server.start("data").await;
    let admin = PgPool::connect(&server.url("postgres")).await.unwrap();
    execute(&admin, "CREATE DATABASE weft".to_owned()).await;
    admin.close().await;
    let url = server.url("weft");
    let pool = PgPool::connect(&url).await.unwrap();
    MIGRATOR.run(&pool).await.unwrap();
    server.back_up().await;

    // All of it is in the log of writes alone.
    let world = World::new(&pool, &json!({"a": [], "b": ["a"]})).await;
    let ahead = worker_at(&url, &model);
    let run = half_way(&world).await;
    let time: String = sqlx::query_scalar("SELECT clock_timestamp()::text").fetch_one(&pool).await.unwrap();
    let never = get_ahead(&world, run).await;
    server.archive(&pool).await;
    postgres.signal(Signal::SIGQUIT);
    postgres.ended().await;
    server.restore_to(&time);
    let _restored = server.start("base").await;

    goes_on(&world, &pool, run, never).await;
    ends_well(ahead, &url, &model).await;
}
