//! `weft run` as a program, against a server at a port.

use std::process::Output;

use serde_json::{Value, json};
use sqlx::PgPool;
use tokio::process::Command;

use crate::harness::{Client, Server};

struct Shell {
    server: String,
    token: String,
}

impl Shell {
    async fn of(server: &Server, person: &Client) -> Self {
        Self { server: format!("http://{}", server.listen().await), token: person.token().to_owned() }
    }

    async fn run(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_weft"))
            .arg("run")
            .args(arguments)
            .env("WEFT_URL", &self.server)
            .env("WEFT_TOKEN", &self.token)
            .output()
            .await
            .unwrap()
    }

    async fn says(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments).await;
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    async fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.says(&[arguments, &["--json"]].concat()).await).unwrap()
    }

    async fn complains(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments).await;
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {}", String::from_utf8_lossy(&output.stdout));
        String::from_utf8(output.stderr).unwrap()
    }
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_run_is_driven_from_the_command_line(pool: PgPool) {
    let server = Server::start(pool).await;
    let template = server.shouting_template("always").await;
    let shell = Shell::of(&server, &server.anna).await;
    let started = shell.json(&["start", &template, "-i", "text=hello", "--key", "k"]).await;
    let run = started["id"].as_str().unwrap();
    assert_eq!(shell.json(&["start", &template, "-i", "text=hello", "--key", "k"]).await["id"], run);
    server.anna.settled(run).await;

    let shown = shell.says(&["show", run]).await;
    assert!(shown.starts_with(run) && shown.contains("paused (review)"), "{shown}");
    assert!(shown.contains("shout  awaiting_review") && shown.contains("shout.text v1"), "{shown}");
    assert!(shell.says(&["list"]).await.contains("Shouting"));
    shell.says(&["reject", run, "shout", "--feedback", "louder"]).await;
    server.anna.settled(run).await;
    let edited = shell.says(&["edit", run, "shout", "-o", "text=LOUDER", "--continue", "--generation", "2"]).await;
    assert!(edited.contains("shout  completed"), "{edited}");
    server.anna.settled(run).await;
    let dry = shell.says(&["rerun", run, "shout", "--mode", "downstream", "--dry-run"]).await;
    assert!(dry.starts_with("2 steps would run again"), "{dry}");
    let fork = shell.json(&["fork", run, "again"]).await;
    let fork = fork["id"].as_str().unwrap();
    server.anna.settled(fork).await;
    assert!(shell.says(&["compare", run, fork]).await.contains("again  completed | completed"));
    let view = shell.json(&["show", run]).await;
    let first = view["artifacts"].as_array().unwrap().iter().find(|one| one["producing_step_id"] == "shout").unwrap();
    shell.says(&["rollback", run, first["id"].as_str().unwrap()]).await;
    assert!(shell.says(&["stale", run]).await.contains("again  shout.text is now v1"));
    assert!(shell.says(&["lineage", run, first["id"].as_str().unwrap()]).await.contains("the run's input text"));
    shell.says(&["trigger", run, "again", "--prompt", "{{ text | lower }}"]).await;
    server.anna.settled(run).await;
    assert_eq!(shell.json(&["auto-run", run, "off"]).await["auto_run"], json!(false));
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_refusal_is_told_in_the_words_of_the_server(pool: PgPool) {
    let server = Server::start(pool).await;
    let template = server.shouting_template("always").await;
    let shell = Shell::of(&server, &server.anna).await;
    let missing = shell.complains(&["start", &template]).await;
    assert!(missing.contains("inputs.text: “Text” is required"), "{missing}");
    let run = server.anna.start(&template, "hello").await;
    server.anna.settled(&run).await;
    let stopped = shell.complains(&["stop", &run, "shout"]).await;
    assert!(stopped.contains("continue it or reject it"), "{stopped}");
    let none = shell.complains(&["show", "nope"]).await;
    assert!(none.contains("it is no run id"), "{none}");
    let gone = shell.complains(&["show", "01900000-0000-7000-8000-000000000000"]).await;
    assert!(gone.contains("nothing here"), "{gone}");
    let nobody = Shell { token: String::new(), server: shell.server.clone() };
    assert!(nobody.complains(&["list"]).await.contains("weft token create"));
    let stranger = Shell { token: "weft_none".into(), server: shell.server.clone() };
    let complaint = stranger.complains(&["list"]).await;
    assert!(complaint.contains("not signed in") && complaint.contains("`weft token create`"), "{complaint}");
    let away = Shell { server: "http://127.0.0.1:9".into(), token: shell.token.clone() };
    assert!(away.complains(&["list"]).await.contains("cannot reach the server"));
    let half = Shell { server: "127.0.0.1:3000".into(), token: shell.token.clone() };
    assert!(half.complains(&["list"]).await.contains("http://"));
    server.stop().await;
}
