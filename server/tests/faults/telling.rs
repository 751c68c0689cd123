//! What the log of each process says of it: what it is, where it listens, what it takes, and that it was asked to end.

use std::{fs::File, path::Path, time::Duration};

use nix::sys::signal::Signal;
use serde_json::{Map, Value};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    server::Server,
    support::{Process, database_url, slow_model, weft},
};

/// The fields of each entry, with its message among them.
fn entries(log: &Path) -> Vec<Map<String, Value>> {
    let text = std::fs::read_to_string(log).unwrap();
    // The last line may be half written.
    let entries = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    entries.filter_map(|entry| entry["fields"].as_object().cloned()).collect()
}

fn said(log: &Path, message: &str) -> Option<Map<String, Value>> {
    entries(log).into_iter().find(|fields| fields.get("message").is_some_and(|told| told == message))
}

async fn until_said(log: &Path, message: &str) -> Map<String, Value> {
    for _ in 0..1_200 {
        if let Some(fields) = said(log, message) {
            return fields;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("nothing says {message:?}: {:#?}", entries(log));
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn each_process_says_what_it_is_where_it_listens_and_what_it_takes(pool: PgPool) {
    let model = slow_model(Duration::ZERO).await;
    let folder = tempfile::tempdir().unwrap();
    let command = |args: &[&str], log: &Path| {
        let mut command = weft(args, &model);
        command.env("DATABASE_URL", database_url(&pool)).env("WEFT_LOG_FORMAT", "json").env("WEFT_LOG", "info");
        command
            .env("WEFT_METRICS_ADDR", "127.0.0.1:0")
            .env("WEFT_WORKER_SLOTS", "7")
            .stderr(File::create(log).unwrap());
        command
    };
    let (of_server, of_worker) = (folder.path().join("serve"), folder.path().join("work"));
    let server = Server::start(command(&["serve"], &of_server));
    let worker = Process::spawn(&mut command(&["work", "--kinds", "llm,http", "--agents", "slow,gpu-*"], &of_worker));

    let mut ids = Vec::new();
    for (log, role, kinds, agents) in
        [(&of_server, "serve", "all", "all"), (&of_worker, "work", "http,llm", "gpu-*,slow")]
    {
        let takes = until_said(log, "takes steps").await;
        let is = said(log, "starting").unwrap();
        assert_eq!(is["process.role"], role);
        assert_eq!(is["version"], env!("CARGO_PKG_VERSION"));
        assert!(is["process.pid"].as_u64().is_some_and(|pid| pid > 1), "{is:?}");
        let of = |name: &str| takes[name].as_str().unwrap_or_default().to_owned();
        assert_eq!((of("worker.kinds").as_str(), of("worker.agents").as_str()), (kinds, agents));
        assert_eq!(takes["worker.slots"], 7);
        ids.push(of("worker.id").parse::<Uuid>().unwrap());
        let metrics = until_said(log, "metrics are told to whoever asks there").await;
        assert!(metrics["address"].as_str().is_some_and(|address| address.starts_with("127.0.0.1:")), "{metrics:?}");
    }
    assert_eq!(until_said(&of_server, "answers requests there").await["address"], server.address());
    assert!(said(&of_worker, "answers requests there").is_none());
    // They are those by which the database knows them.
    let known: i64 = sqlx::query_scalar("SELECT count(*) FROM workers WHERE id = ANY ($1) AND state = 'alive'")
        .bind(&ids)
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(known, 2);

    worker.signal(Signal::SIGTERM);
    assert_eq!(worker.ended().await, Some(0));
    assert_eq!(until_said(&of_worker, "stopping").await["signal"], "SIGTERM");
    assert_eq!(tokio::task::spawn_blocking(move || server.end()).await.unwrap(), Some(0));
    assert_eq!(until_said(&of_server, "stopping").await["signal"], "SIGTERM");
}
