//! A database that is far away: each of its answers takes 200 ms.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use engine::Options;
use serde_json::json;
use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use store::MIGRATOR;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpStream, UnixListener, UnixStream},
    sync::mpsc,
    time::Instant,
};
use uuid::Uuid;
use workflow::{
    run::Command,
    status::{Outcome, RunStatus, StepStatus},
};

use crate::{
    lab::{Lab, dag, status},
    player::{Act, key},
};

/// A socket before the database, which passes on what it is asked at once, and what is answered later.
struct Far {
    folder: PathBuf,
    delay_ms: Arc<AtomicU64>,
    port: u16,
}

impl Far {
    /// As near as the database is.
    fn before(database: &PgConnectOptions) -> Self {
        let folder = std::env::temp_dir().join(format!("weft-{}", Uuid::now_v7().simple()));
        std::fs::create_dir(&folder).unwrap();
        let port = database.get_port();
        let listener = UnixListener::bind(folder.join(format!(".s.PGSQL.{port}"))).unwrap();
        let delay_ms = Arc::new(AtomicU64::new(0));
        let (database, delay) = (database.clone(), Arc::clone(&delay_ms));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (database, delay) = (database.clone(), Arc::clone(&delay));
                tokio::spawn(async move {
                    let (host, port) = (database.get_host(), database.get_port());
                    let folder = database.get_socket().cloned().or_else(|| host.starts_with('/').then(|| host.into()));
                    match folder {
                        Some(folder) => {
                            let socket = folder.join(format!(".s.PGSQL.{port}"));
                            pass(client, UnixStream::connect(socket).await.unwrap(), delay).await;
                        }
                        None => pass(client, TcpStream::connect((host, port)).await.unwrap(), delay).await,
                    }
                });
            }
        });
        Self { folder, delay_ms, port }
    }

    async fn pool(&self, database: &PgConnectOptions) -> PgPool {
        let options = database.clone().socket(&self.folder).port(self.port);
        PgPoolOptions::new().max_connections(10).connect_with(options).await.unwrap()
    }

    fn is_away(&self, delay_ms: u64) {
        self.delay_ms.store(delay_ms, Ordering::Relaxed);
    }
}

impl Drop for Far {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.folder).unwrap();
    }
}

async fn pass<S: AsyncRead + AsyncWrite>(client: UnixStream, server: S, delay: Arc<AtomicU64>) {
    let (mut asks, mut told) = client.into_split();
    let (mut answers, mut asked) = tokio::io::split(server);
    let (sender, mut under_way) = mpsc::unbounded_channel();
    let asking = async move {
        // Whoever goes away ends it.
        let _ = tokio::io::copy(&mut asks, &mut asked).await;
        let _ = asked.shutdown().await;
    };
    let answering = async move {
        let mut bytes = vec![0; 64 * 1024];
        while let Ok(n @ 1..) = answers.read(&mut bytes).await {
            let due = Instant::now() + Duration::from_millis(delay.load(Ordering::Relaxed));
            if sender.send((due, bytes[..n].to_vec())).is_err() {
                return;
            }
        }
    };
    let telling = async move {
        while let Some((due, bytes)) = under_way.recv().await {
            tokio::time::sleep_until(due).await;
            if told.write_all(&bytes).await.is_err() {
                return;
            }
        }
    };
    tokio::join!(asking, answering, telling);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn with_200_ms_a_query_each_step_runs_once_the_worker_lives_and_verbs_are_answered(pool: PgPool) {
    let database = PgConnectOptions::clone(&pool.connect_options());
    let far = Far::before(&database);
    let lab = Lab::new(far.pool(&database).await, |input, _| match key(input) {
        "m0" => Act::Sleep(Duration::from_secs(3)),
        _ => Act::Say("done".into()),
    })
    .await;
    let (left, right) = (["l0", "l1", "l2", "l3"], ["m0", "m1", "m2", "m3"]);
    let mut edges = serde_json::Map::from_iter([("a".to_owned(), json!([])), ("z".to_owned(), json!(right))]);
    edges.extend(left.map(|key| (key.to_owned(), json!(["a"]))));
    edges.extend((0..4).map(|n| (right[n].to_owned(), json!([left[n], left[(n + 1) % 4]]))));
    let run = lab.start(&dag(&edges.into(), &json!({}))).await;
    far.is_away(200);
    // It works for longer than its lease, which only its beats keep.
    let options = Options {
        beat: Duration::from_millis(500),
        lease: Duration::from_secs(5),
        sweep: Duration::from_millis(500),
        self_fence: Duration::from_secs(4),
        ..Options::default()
    };
    let (stop, engine) = lab.engine_with(options);
    lab.until(run, |view| status(view, "m0") == StepStatus::Running).await;
    for verb in
        [Command::SetAutoRun(false), Command::Pause, Command::Resume { budget: None }, Command::SetAutoRun(true)]
    {
        assert!(!lab.ask(run, verb.clone(), Vec::new()).await.unwrap().events.is_empty(), "{verb:?}");
    }
    let view = lab.ended(run).await;
    assert_eq!((view.status, view.steps.len()), (RunStatus::Completed, 10));
    for step in &view.steps {
        let outcomes: Vec<_> = step.attempts.iter().map(|attempt| attempt.outcome).collect();
        assert_eq!(outcomes, [Some(Outcome::Succeeded)], "{}", step.key);
    }
    assert_eq!(lab.player.keys.lock().unwrap().len(), 10, "no agent was asked twice");
    let workers: Vec<(String, bool)> =
        sqlx::query_as("SELECT state, suspected_at IS NULL FROM workers").fetch_all(&pool).await.unwrap();
    assert_eq!(workers, [("alive".to_owned(), true)]);
    far.is_away(0);
    stop.cancel();
    engine.await.unwrap();
}
