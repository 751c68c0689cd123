//! One of several installations: ids of its runs carry its number, and who asks it about a run of another one is told.

use serde_json::json;
use sqlx::PgPool;
use tokio::process::Command;
use workflow::{RunId, cell::CellNumber};

use crate::harness::{RUNS, Server};

fn cell(number: u16) -> CellNumber {
    CellNumber::new(number).unwrap()
}

fn of(run: &str) -> Option<u16> {
    CellNumber::of(run.parse().unwrap()).map(CellNumber::number)
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn every_run_that_begins_here_carries_the_number_and_one_of_another_cell_is_told_where_it_is(pool: PgPool) {
    let server = Server::start_in(pool, cell(17)).await;
    let inner = server.shouting_template("never").await;
    let outer = json!({"id": "section", "name": "Section",
        "inputs": [{"name": "text", "schema": {"type": "string"}, "required": true}],
        "outputs": [{"name": "text", "schema": {"type": "string"}}],
        "config": {"kind": "workflow", "template_id": inner, "version": 1, "outputs": {"text": {"step": "again", "artifact": "text"}}}});
    server.admin.post("/api/agents", outer).await.expect(201);
    let definition = json!({
        "inputs": {"text": {"title": "Text", "schema": {"type": "string"}, "required": true}},
        "steps": {"part": {"agent_id": "section", "inputs": {"text": {"from": "run", "key": "text"}}}}
    });
    let template = server.publish("Outer", definition).await;
    let run = server.anna.start(&template, "hello").await;
    let done = server.anna.settled(&run).await;
    assert_eq!(done["status"], "completed", "{done}");
    let child = done["steps"][0]["child_run"].as_str().unwrap().to_owned();
    let fork = async |key: &str| {
        let answer = server.anna.post_under(key, &format!("{RUNS}/{run}/fork"), &json!({"step": "part"})).await;
        answer.expect(201)["id"].as_str().unwrap().to_owned()
    };
    let keyed = fork("k").await;
    let plain = server.anna.post(&format!("{RUNS}/{run}/fork"), json!({"step": "part"})).await.expect(201);
    let plain = plain["id"].as_str().unwrap();
    for (what, id) in [("start", &*run), ("sub-workflow", &*child), ("fork under a key", &*keyed), ("fork", plain)] {
        assert_eq!(of(id), Some(17), "{what}: {id}");
    }
    for fork in [&*keyed, plain] {
        server.anna.settled(fork).await;
    }

    // The same words for everybody who is signed in and for any verb: the id alone says it.
    let elsewhere = format!("{RUNS}/{}", RunId(cell(18).mark(run.parse().unwrap())));
    for answer in [
        server.anna.get(&elsewhere).await,
        server.admin.get(&format!("{elsewhere}/stale")).await,
        server.ben.post(&format!("{elsewhere}/cancel"), json!({})).await,
    ] {
        let problem = answer.problem(421, "not_found");
        assert_eq!(problem["detail"], "This is a run of cell 18, and this is cell 17. Ask that one.");
        assert_eq!(answer.header("weft-cell"), "18");
    }
    server.nobody.get(&elsewhere).await.problem(401, "unauthenticated");
    // One that is not theirs, and one that never was, are as missing as ever.
    server.ben.get(&format!("{RUNS}/{run}")).await.problem(404, "not_found");
    let missing = RunId(cell(17).mark(uuid::Uuid::now_v7()));
    server.anna.get(&format!("{RUNS}/{missing}")).await.problem(404, "not_found");
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn who_was_given_no_number_knows_of_no_other_cells(pool: PgPool) {
    let server = Server::start(pool).await;
    let template = server.shouting_template("never").await;
    let run = server.anna.start(&template, "hello").await;
    assert_eq!(of(&run), Some(0));
    let elsewhere = RunId(cell(18).mark(run.parse().unwrap()));
    server.anna.get(&format!("{RUNS}/{elsewhere}")).await.problem(404, "not_found");
    server.stop().await;
}

#[tokio::test]
async fn the_command_line_says_where_a_run_is_without_asking_anybody() {
    let run = async |arguments: &[&str]| {
        let output =
            Command::new(env!("CARGO_BIN_EXE_weft")).args(["run", "where"]).args(arguments).output().await.unwrap();
        let text = |bytes| String::from_utf8_lossy(bytes).trim().to_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let id = "01890a5d-ac96-7011-8000-000000000000";
    let (code, said, _) = run(&[id]).await;
    assert_eq!((code, said.as_str()), (Some(0), "cell 17  digits 011  2023-06-30T03:34:18.518Z"));
    let (_, said, _) = run(&[id, "--json"]).await;
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!((&said["cell"], &said["digits"]), (&json!(17), &json!("011")));
    let (code, _, said) = run(&["01890a5d-ac96-4011-8000-000000000000"]).await;
    assert!(code == Some(1) && said.contains("carries no cell"), "{said}");
    assert_eq!(run(&["no-id"]).await.0, Some(1));
}
