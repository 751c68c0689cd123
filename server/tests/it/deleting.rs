//! Deleting runs: asked for, taken back while there is time, and then as missing as what never was, but for the audit log.

use serde_json::{Value, json};
use sqlx::PgPool;
use store::Store;

use crate::{
    harness::{Client, RUNS, Server},
    live::{close_code, connect},
};

/// How many it was done with, and why not with the others.
async fn change(client: &Client, action: &str, runs: &[&str], dry_run: bool) -> (usize, Vec<String>) {
    let body = json!({"action": action, "runs": runs, "dry_run": dry_run});
    let answer = client.post(&format!("{RUNS}/change"), body).await.expect(200);
    let refused = answer["refused"].as_array().unwrap().iter();
    let why = refused.map(|refused| refused["why"].as_str().unwrap().to_owned()).collect();
    (answer["done"].as_array().unwrap().len(), why)
}

/// As if the half minute were over.
async fn pass(pool: &PgPool) {
    let sql =
        "UPDATE run_labels SET delete_at = now() - interval '1 second', retry_at = NULL WHERE delete_at IS NOT NULL";
    sqlx::query(sql).execute(pool).await.unwrap();
    Store::from_pool(pool.clone()).delete_runs(None).await.unwrap();
}

async fn listed(client: &Client) -> Vec<String> {
    let page = client.get(&format!("{RUNS}?sort=newest")).await.expect(200);
    page["runs"].as_array().unwrap().iter().map(|run| run["id"].as_str().unwrap().to_owned()).collect()
}

async fn stored_today(pool: &PgPool) -> i64 {
    sqlx::query_scalar("SELECT coalesce(sum(bytes), 0)::bigint FROM user_days").fetch_one(pool).await.unwrap()
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_run_is_deleted_by_whom_it_is_for_alone_and_only_once_nobody_takes_it_back(pool: PgPool) {
    let server = Server::start(pool.clone()).await;
    let address = server.listen().await;
    let template = server.shouting_template("never").await;
    let over = server.anna.start(&template, "rain").await;
    let kept = server.anna.start(&template, "snow").await;
    for run in [&over, &kept] {
        server.anna.settled(run).await;
    }
    let gated = server.shouting_template("always").await;
    let waiting = server.anna.start(&gated, "hail").await;
    server.anna.settled(&waiting).await;
    let all = [over.as_str(), waiting.as_str()];

    let (n, why) = change(&server.ben, "delete", &all, false).await;
    assert_eq!((n, why.len()), (0, 2));
    assert!(why.iter().all(|why| why.contains("no such run")), "{why:?}");
    let (n, why) = change(&server.anna, "delete", &all, true).await;
    assert_eq!((n, why.len()), (1, 1));
    assert!(why[0].contains("not over yet"), "{why:?}");
    assert_eq!(listed(&server.anna).await.len(), 3, "that was dry");
    let (n, why) = change(&server.anna, "keep", &[over.as_str()], false).await;
    assert_eq!((n, why.len()), (0, 1), "nobody asked for it");

    // It leaves the lists at once, opens by its address, and comes back.
    assert_eq!(change(&server.anna, "delete", &all, false).await.0, 1);
    assert!(!listed(&server.anna).await.contains(&over));
    server.anna.get(&format!("{RUNS}/{over}")).await.expect(200);
    assert_eq!(change(&server.ben, "keep", &[over.as_str()], false).await.0, 0);
    assert_eq!(change(&server.anna, "keep", &[over.as_str()], false).await.0, 1);
    pass(&pool).await;
    assert!(listed(&server.anna).await.contains(&over));

    // Whoever goes on with it keeps it.
    assert_eq!(change(&server.anna, "delete", &[kept.as_str()], false).await.0, 1);
    let path = format!("{RUNS}/{kept}/steps/shout/edit");
    server.anna.post(&path, json!({"artifacts": {"text": "SLEET"}})).await.expect(200);
    pass(&pool).await;
    server.anna.get(&format!("{RUNS}/{kept}")).await.expect(200);
    assert!(listed(&server.anna).await.contains(&kept));

    let spent = stored_today(&pool).await;
    let mut socket = connect(address, &format!("{RUNS}/{over}/live"), server.anna.headers()).await.unwrap();
    // An admin may, and so does a person themselves.
    assert_eq!(change(&server.admin, "delete", &[over.as_str()], false).await.0, 1);
    pass(&pool).await;
    assert_eq!(close_code(&mut socket).await, Some(1008));
    let nowhere = "00000000-0000-0000-0000-00000000dead";
    for path in ["", "/events", "/artifacts", "/stale"] {
        let gone = server.anna.get(&format!("{RUNS}/{over}{path}")).await.problem(404, "not_found");
        let never = server.anna.get(&format!("{RUNS}/{nowhere}{path}")).await.problem(404, "not_found");
        assert_eq!(gone["detail"], never["detail"], "{path}");
    }
    server.anna.post(&format!("{RUNS}/{over}/cancel"), json!({})).await.problem(404, "not_found");
    let (n, why) = change(&server.anna, "keep", &[over.as_str()], false).await;
    assert_eq!((n, why.len()), (0, 1), "it is done");
    assert_eq!(listed(&server.anna).await.len(), 2);
    assert_eq!(stored_today(&pool).await, spent, "deleting gives nothing of the day back");
    let logged: Vec<(String, Value)> =
        sqlx::query_as("SELECT action, data FROM audit_log WHERE subject = $1 ORDER BY id")
            .bind(&over)
            .fetch_all(&pool)
            .await
            .unwrap();
    let actions: Vec<&str> = logged.iter().map(|(action, _)| action.as_str()).collect();
    assert_eq!(actions, ["run.deletion_asked", "run.kept", "run.deletion_asked", "run.deleted"]);
    assert_eq!(logged[3].1["n_runs"], 1);
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn the_key_of_a_fork_that_was_deleted_is_free_again(pool: PgPool) {
    let server = Server::start(pool.clone()).await;
    let template = server.shouting_template("never").await;
    let run = server.anna.start(&template, "rain").await;
    server.anna.settled(&run).await;
    let path = format!("{RUNS}/{run}/fork");
    let fork = async |status: u16| {
        let made = server.anna.post_under("nightly", &path, &json!({"step": "again"})).await.expect(status);
        made["id"].as_str().unwrap().to_owned()
    };
    let first = fork(201).await;
    server.anna.settled(&first).await;
    assert_eq!(change(&server.anna, "delete", &[first.as_str()], false).await.0, 1);
    assert_eq!(fork(200).await, first, "it is there still");
    pass(&pool).await;
    server.anna.get(&format!("{RUNS}/{first}")).await.problem(404, "not_found");
    let second = fork(201).await;
    assert_ne!(second, first);
    server.anna.settled(&second).await;
    assert_eq!(fork(200).await, second, "and from then on it is this one's");
    server.stop().await;
}
