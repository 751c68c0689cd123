//! A database that cannot be reached for as long as a machine takes to start again, or five minutes in the long form: whoever asks is told to
//! come back, no process ends, and everything goes on when it is there again.
//! The database itself is left alone, since other tests use it: what goes is the way there.

use std::{
    fs, io,
    net::Shutdown,
    os::unix::{
        fs::PermissionsExt,
        net::{UnixListener, UnixStream},
    },
    path::PathBuf,
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;
use serde_json::{Value, json};
use sqlx::PgPool;
use store::MIGRATOR;
use tempfile::TempDir;
use workflow::status::{Outcome, RunStatus, StepStatus};

use crate::{
    server::{Request, Server, token},
    support::{Process, SlowModel, World, database_url, slow_model, weft},
};

/// Longer than a lease and its sweeps.
const SHORT: Duration = Duration::from_secs(15);
const LONG: Duration = Duration::from_mins(5);

fn is_long() -> bool {
    std::env::var_os("WEFT_LONG").is_some()
}

/// The way to the test's database, which can be cut.
struct Way {
    folder: TempDir,
    port: u16,
    /// Where the database listens.
    to: PathBuf,
    is_cut: Arc<AtomicBool>,
    open: Arc<Mutex<Vec<UnixStream>>>,
    door: Option<JoinHandle<()>>,
}

impl Way {
    fn open(pool: &PgPool) -> Self {
        let options = pool.connect_options();
        let (port, socket) = (options.get_port(), options.get_socket().expect("the tests' Postgres has a socket"));
        let folder = tempfile::tempdir().unwrap();
        // Processes of root become somebody else.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let to = socket.join(format!(".s.PGSQL.{port}"));
        let mut way = Self { folder, port, to, is_cut: Arc::default(), open: Arc::default(), door: None };
        way.mend();
        way
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join(format!(".s.PGSQL.{}", self.port))
    }

    /// The test's database on this way.
    fn url(&self, pool: &PgPool) -> String {
        let url = database_url(pool);
        let person = url.split_once("://").and_then(|(_, rest)| rest.split_once('@')).unwrap().0;
        let options = pool.connect_options();
        let database = options.get_database().unwrap();
        format!("postgres://{person}@localhost:{}/{database}?host={}", self.port, self.folder.path().display())
    }

    fn mend(&mut self) {
        self.is_cut.store(false, Ordering::SeqCst);
        let listener = UnixListener::bind(self.socket()).unwrap();
        fs::set_permissions(self.socket(), fs::Permissions::from_mode(0o666)).unwrap();
        let (to, is_cut, open) = (self.to.clone(), Arc::clone(&self.is_cut), Arc::clone(&self.open));
        self.door = Some(std::thread::spawn(move || {
            for client in listener.incoming() {
                if is_cut.load(Ordering::SeqCst) {
                    return;
                }
                let (Ok(client), Ok(database)) = (client, UnixStream::connect(&to)) else { continue };
                for (from, to) in [(&client, &database), (&database, &client)] {
                    let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
                    std::thread::spawn(move || pass(from, to));
                }
                open.lock().unwrap().extend([client, database]);
            }
        }));
    }

    /// Whoever is on the way is cut off, and nobody gets on it.
    fn cut(&mut self) {
        self.is_cut.store(true, Ordering::SeqCst);
        // It wakes at one more.
        drop(UnixStream::connect(self.socket()));
        self.door.take().unwrap().join().unwrap();
        fs::remove_file(self.socket()).unwrap();
        for stream in self.open.lock().unwrap().drain(..) {
            // It may be closed already.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

/// Until one of both is closed, and then the other is.
fn pass(mut from: UnixStream, mut to: UnixStream) {
    let _ = io::copy(&mut from, &mut to);
    for stream in [from, to] {
        let _ = stream.shutdown(Shutdown::Both);
    }
}

/// The test's own thread answers for the model, so it may not wait for a process.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

fn command(url: &str, model: &SlowModel, args: &[&str]) -> Command {
    let mut command = weft(args, model);
    command.env("DATABASE_URL", url);
    command
}

/// The status with which the list of runs is answered.
fn status(server: &Server, token: &str) -> Option<u16> {
    let get = Request { token, method: "GET", path: "/api/workflows/runs", key: None, body: Value::Null };
    get.send(server.address()).map(|(status, _)| status)
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn a_database_that_is_gone_for_minutes_ends_no_process_and_all_goes_on_when_it_is_back(pool: PgPool) {
    let model = Arc::new(slow_model(Duration::from_secs(1)).await);
    let mut way = Way::open(&pool);
    let url = way.url(&pool);
    let world = World::new(&pool, &json!({"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"]})).await;
    let worker = Process::spawn(&mut command(&url, &model, &["work"]));
    let (server, token) = aside({
        let (model, url) = (Arc::clone(&model), url.clone());
        move || {
            let server = Server::start(command(&url, &model, &["serve"]));
            (server, token(|args| command(&url, &model, args)))
        }
    })
    .await;
    let (server, token) = (Arc::new(server), Arc::new(token));
    let asked = async || {
        let (server, token) = (Arc::clone(&server), Arc::clone(&token));
        aside(move || status(&server, &token)).await
    };
    assert_eq!(asked().await, Some(200));
    let mut runs = Vec::new();
    for _ in 0..3 {
        runs.push(world.start().await);
    }
    world.until(runs[2], |view| view.steps.iter().any(|step| step.status == StepStatus::Running)).await;

    way.cut();
    let gone = Instant::now();
    let lasts = if is_long() { LONG } else { SHORT };
    let mut n_told = 0;
    while gone.elapsed() < lasts {
        let told = asked().await;
        assert_eq!(told, Some(503), "after {:?}", gone.elapsed());
        n_told += 1;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert!(n_told > 0);
    // It waits for it, as processes do that are started meanwhile on a machine that comes up.
    way.mend();
    let back = Instant::now();
    while asked().await != Some(200) {
        assert!(back.elapsed() < Duration::from_mins(1), "requests are not answered again");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    runs.push(world.start().await);
    for run in runs {
        let view = world.until(run, |view| view.status.is_terminal()).await;
        assert_eq!(view.status, RunStatus::Completed, "{view:#?}");
        for step in &view.steps {
            let outcomes: Vec<_> = step.attempts.iter().filter_map(|attempt| attempt.outcome).collect();
            let n_succeeded = outcomes.iter().filter(|outcome| **outcome == Outcome::Succeeded).count();
            // What was under way is given back or lost; it did not fail.
            assert!(n_succeeded == 1 && !outcomes.contains(&Outcome::Failed), "{}: {outcomes:?}", step.key);
        }
    }
    println!("gone for {lasts:?}; all was done {:?} after it was back", back.elapsed());
    // They are the same processes, and end well.
    worker.signal(Signal::SIGTERM);
    assert_eq!(worker.ended().await, Some(0));
    let server = Arc::into_inner(server).expect("nobody else has it");
    assert_eq!(aside(move || server.end()).await, Some(0));
}
