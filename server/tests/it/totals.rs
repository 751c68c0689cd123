//! What runs did by day, as charts ask for it: of whom one may see, and refused by name where it is asked for wrongly.

use serde_json::{Value, json};
use sqlx::PgPool;

use crate::harness::{ANNA, Client, RUNS, Server, TEMPLATES};

async fn totals(client: &Client, query: &str) -> Value {
    client.get(&format!("{RUNS}/totals?{query}")).await.expect(200)
}

/// Runs over all days, and how many days there are.
fn n_runs(totals: &Value) -> (i64, usize) {
    let days = totals["days"].as_array().unwrap();
    (days.iter().map(|day| day["n_runs"].as_i64().unwrap()).sum(), days.len())
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn days_are_told_to_whom_the_runs_are_and_wrong_questions_are_refused_by_name(pool: PgPool) {
    let server = Server::start(pool).await;
    let template = server.shouting_template("never").await;
    for text in ["rain", "snow"] {
        let run = server.anna.start(&template, text).await;
        server.anna.settled(&run).await;
    }
    // The chore of the server may be at it just now; then nobody else counts.
    let mut mine = totals(&server.anna, "").await;
    for _ in 0..500 {
        if n_runs(&mine).0 == 2 {
            break;
        }
        server.store.count_runs().await.unwrap();
        mine = totals(&server.anna, "").await;
    }
    assert_eq!(n_runs(&mine), (2, 30));
    assert_eq!((&mine["took"]["n"], &mine["choices"][0]["id"]), (&2.into(), &template.as_str().into()));
    assert_eq!(mine["agents"][0]["id"], "shout");
    assert!(mine.get("people").is_none(), "of everybody's alone");
    assert_eq!(n_runs(&totals(&server.anna, &format!("days=7&workflow={template}")).await), (2, 7));
    let other = "00000000-0000-0000-0000-000000000009";
    assert_eq!(n_runs(&totals(&server.anna, &format!("days=366&workflow={other}")).await), (0, 366));

    // What the draft is called from now on is nobody's business but of those who edit it.
    let path = format!("{TEMPLATES}/{template}");
    let draft = server.admin.get(&path).await.expect(200);
    let renamed = json!({"base_revision": draft["draft_revision"], "name": "Closing the office"});
    server.admin.json(http::Method::PUT, &path, &renamed).await.expect(200);
    let mine = totals(&server.anna, "").await;
    assert_eq!((&mine["choices"][0]["name"], &mine["workflows"][0]["name"]), (&"Shouting".into(), &"Shouting".into()));

    assert_eq!(n_runs(&totals(&server.ben, "").await).0, 0);
    assert_eq!(n_runs(&totals(&server.ben, "shared=true").await).0, 0);
    server.ben.get(&format!("{RUNS}/totals?all=true")).await.problem(403, "forbidden");
    let all = totals(&server.admin, &format!("all=true&person={ANNA}")).await;
    assert_eq!((n_runs(&all).0, &all["people"][0]["name"]), (2, &ANNA.into()));
    assert_eq!(n_runs(&totals(&server.admin, "all=true&person=nobody@example.org").await).0, 0);

    for (query, status, field) in [
        ("days=0", 422, "days"),
        ("days=367", 422, "days"),
        ("days=many", 400, "days"),
        ("workflow=x", 400, "workflow"),
        ("colour=red", 400, "colour"),
        ("all=true&person=x", 422, "person"),
    ] {
        let asked = if query.starts_with("all") { &server.admin } else { &server.anna };
        let answer = asked.get(&format!("{RUNS}/totals?{query}")).await.expect(status);
        assert_eq!(answer["field"], field, "{query}");
    }
    server.stop().await;
}
