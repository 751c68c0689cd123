//! Lists: each comes in pages, says that there is more, and hides or repeats nothing.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use sqlx::PgPool;

use crate::harness::{Client, RUNS, Server, TEMPLATES};

/// Follows the links from a first page to the last, and names what was on them.
async fn walk(client: &Client, first: &str, id: &str) -> (usize, Vec<String>) {
    let (mut path, mut n_pages, mut found) = (first.to_owned(), 0, Vec::new());
    loop {
        let answer = client.get(&path).await;
        n_pages += 1;
        found.extend(answer.expect(200).as_array().unwrap().iter().map(|item| item[id].to_string()));
        let link = answer.header("link");
        if link.is_empty() {
            return (n_pages, found);
        }
        let (next, rest) = link.strip_prefix('<').and_then(|link| link.split_once('>')).unwrap();
        assert_eq!(rest, "; rel=\"next\"");
        next.clone_into(&mut path);
    }
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn every_list_pages_and_says_that_there_is_more(pool: PgPool) {
    let server = Server::start(pool).await;
    let template = server.shouting_template("always").await;
    for n in 0..4 {
        let agent = json!({
            "id": format!("agent-{n}"), "name": "Agent", "outputs": [{"name": "text"}],
            "config": {"kind": "template", "template": "x"}
        });
        server.admin.post("/api/agents", agent).await.expect(201);
        // Names that an address must encode, and of one name many.
        server
            .publish(
                if n % 2 == 0 { "A & b/ü?" } else { "same" },
                json!({"steps": {"a": {"agent_id": "shout", "inputs": {"text": {"const": "x"}}}}}),
            )
            .await;
        let draft = server.admin.get(&format!("{TEMPLATES}/{template}")).await.expect(200);
        let update = json!({"base_revision": draft["draft_revision"], "description": format!("{n}")});
        server.admin.json(http::Method::PUT, &format!("{TEMPLATES}/{template}"), &update).await.expect(200);
        server.admin.post(&format!("{TEMPLATES}/{template}/publish"), json!({})).await.expect(201);
    }
    let mut runs = Vec::new();
    for n in 0..5 {
        let run = server.anna.start(&template, &format!("text {n}")).await;
        server.anna.settled(&run).await;
        runs.push(run);
    }
    let lists: [(&Client, String, &str, usize); 8] = [
        (&server.anna, "/api/agents/list".into(), "id", 5),
        (&server.anna, "/api/workflows/gallery".into(), "id", 5),
        (&server.admin, TEMPLATES.into(), "id", 5),
        (&server.anna, TEMPLATES.into(), "id", 5),
        (&server.anna, format!("{TEMPLATES}/{template}/versions"), "version", 5),
        (&server.anna, "/api/workflows/waiting".into(), "id", 5),
        // The admin and three users; and the one token that Anna has.
        (&server.admin, "/api/users".into(), "id", 4),
        (&server.anna, "/api/tokens".into(), "id", 1),
    ];
    for (client, path, id, n) in lists {
        let (n_pages, found) = walk(client, &format!("{path}?limit=2"), id).await;
        let unique: BTreeSet<&String> = found.iter().collect();
        assert_eq!((n_pages, found.len(), unique.len()), (n.div_ceil(2), n, n), "{path}: {found:?}");
        assert_eq!(walk(client, &path, id).await, (1, found), "{path}");
        // What is no place is the first page.
        assert_eq!(walk(client, &format!("{path}?after=%00nonsense"), id).await.1.len(), n, "{path}");
    }
    // What is looked for is found on every page, and nothing else is.
    for (client, path, n) in [
        (&server.anna, "/api/workflows/gallery?search=B/U%20a&limit=1", 2),
        (&server.admin, "/api/workflows/templates?search=b/%C3%BC&limit=1", 2),
        (&server.anna, "/api/workflows/templates?search=SAME&limit=1", 2),
        (&server.anna, "/api/agents/list?search=agent-&limit=3", 4),
    ] {
        let (_, found) = walk(client, path, "id").await;
        assert_eq!((found.len(), found.iter().collect::<BTreeSet<_>>().len()), (n, n), "{path}: {found:?}");
    }
    assert_eq!(server.anna.get("/api/workflows/gallery?search=nowhere").await.expect(200), json!([]));
    let long = format!("/api/agents/list?search={}", "x".repeat(1_000));
    assert_eq!(server.anna.get(&long).await.problem(422, "invalid")["field"], "search");

    // Lists that are no array say it in their body.
    let mut after = String::new();
    let (mut n_pages, mut found) = (0, BTreeSet::new());
    loop {
        let page = server.anna.get(&format!("{RUNS}?limit=2{after}")).await.expect(200);
        n_pages += 1;
        found.extend(page["runs"].as_array().unwrap().iter().map(|run| run["id"].to_string()));
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!((n_pages, found.len()), (3, 5));
    let run = &runs[0];
    let path = format!("{RUNS}/{run}/steps/shout/edit");
    for n in 0..4 {
        server.anna.post(&path, json!({"artifacts": {"text": format!("edit {n}")}})).await.expect(200);
    }
    let (mut versions, mut after) = (Vec::new(), String::new());
    loop {
        let page = server.anna.get(&format!("{RUNS}/{run}/artifacts?limit=2{after}")).await.expect(200);
        versions
            .extend(page["artifacts"].as_array().unwrap().iter().map(|artifact| artifact["version"].as_i64().unwrap()));
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(versions, [1, 2, 3, 4, 5]);
    let events: Value = server.anna.get(&format!("{RUNS}/{run}/events?before=2")).await.expect(200);
    assert_eq!(events.as_array().unwrap().len(), 1);
    assert_eq!(server.anna.get(&format!("{RUNS}/{run}/events?before=2")).await.header("link"), "", "the first of all");
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_parameter_that_a_route_does_not_take_is_refused_by_its_name(pool: PgPool) {
    let server = Server::start(pool).await;
    let template = server.shouting_template("never").await;
    let run = server.anna.start(&template, "rain").await;
    server.anna.settled(&run).await;
    for (client, path, field) in [
        (&server.anna, format!("{RUNS}/{run}/events?before=x"), "before"),
        (&server.anna, format!("{RUNS}/{run}/events?befor=2"), "befor"),
        (&server.anna, format!("{RUNS}/{run}/compare"), "with"),
        (&server.anna, format!("{RUNS}/{run}/artifacts?limit=-1"), "limit"),
        (&server.anna, format!("{RUNS}/{run}/artifacts?stpe=shout"), "stpe"),
        (&server.admin, "/api/workers/offers?waiting=maybe".to_owned(), "waiting"),
        (&server.admin, "/api/workers/offers?limit=x".to_owned(), "limit"),
        (&server.admin, "/api/workers/offers?wating=true".to_owned(), "wating"),
        (&server.admin, "/api/agents/shout?version=two".to_owned(), "version"),
        (&server.admin, "/api/audit?from=yesterday".to_owned(), "from"),
        (&server.admin, "/api/audit/export?format=xml".to_owned(), "format"),
        (&server.admin, format!("{TEMPLATES}?limit=x"), "limit"),
    ] {
        let problem = client.get(&path).await.problem(400, "malformed");
        assert_eq!(problem["field"], field, "{path}: {problem:#}");
        assert!(problem["detail"].as_str().unwrap().contains(field), "{path}: {problem:#}");
    }
    assert_eq!(server.admin.get("/api/workers/offers?waiting=true&limit=2").await.status, 200);
    assert_eq!(server.admin.get("/api/audit/export?format=json&action=agent").await.status, 200);
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn runs_are_narrowed_by_what_stands_in_the_address_and_found_by_their_labels(pool: PgPool) {
    let server = Server::start(pool).await;
    let template = server.shouting_template("never").await;
    let mut runs = Vec::new();
    for text in ["rain", "snow"] {
        let run = server.anna.start(&template, text).await;
        server.anna.settled(&run).await;
        runs.push(run);
    }
    let found = async |client: &Client, query: &str| -> Vec<String> {
        let page = client.get(&format!("{RUNS}?{query}")).await.expect(200);
        page["runs"].as_array().unwrap().iter().map(|run| run["id"].as_str().unwrap().to_owned()).collect()
    };
    let newest = [runs[1].clone(), runs[0].clone()];
    assert_eq!(found(&server.anna, "search=rain").await, runs[..1]);
    assert_eq!(found(&server.anna, &format!("status=completed&workflow={template}")).await, newest);
    assert_eq!(found(&server.anna, "sort=oldest").await, runs);
    assert_eq!(found(&server.anna, "sort=longest").await.len(), 2);
    // A place at a time, or after one, that the database does not know is the first page.
    let id = "00000000-0000-0000-0000-000000000001";
    for query in [
        format!("sort=newest&after=-8000000000000000000_{id}"),
        format!("after=8000000000000000000_{id}"),
        format!("sort=longest&after={}_1700000000000000_{id}", i64::MAX),
    ] {
        assert_eq!(found(&server.anna, &query).await.len(), 2, "{query}");
    }
    assert!(found(&server.anna, "status=failed").await.is_empty());
    assert!(found(&server.anna, "stale=true").await.is_empty(), "every step ran once");
    assert!(found(&server.anna, "group=nobodys").await.is_empty(), "a group that one is not in is none");
    assert!(found(&server.ben, "search=rain").await.is_empty());
    assert_eq!(found(&server.admin, &format!("all=true&person={}", crate::harness::ANNA)).await, newest);
    assert!(found(&server.admin, "all=true&person=nobody@example.org").await.is_empty());
    for (query, field) in [
        ("sort=size", "sort"),
        ("status=stale", "status"),
        ("workflow=x", "workflow"),
        ("from=yesterday", "from"),
        ("min_cost_micros=x", "min_cost_micros"),
        ("stale=maybe", "stale"),
        ("colour=red", "colour"),
    ] {
        assert_eq!(server.anna.get(&format!("{RUNS}?{query}")).await.expect(400)["field"], field, "{query}");
    }
    let backwards = "from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z";
    assert_eq!(server.anna.get(&format!("{RUNS}?{backwards}")).await.expect(422)["field"], "to");

    let labels = format!("{RUNS}/{}/labels", runs[0]);
    let put = async |client: &Client, body: Value| client.json(http::Method::PUT, &labels, &body).await;
    let named = json!({"title": " <b>مايو</b> ", "tags": ["wet", "wet", "🌧️"]});
    let kept = put(&server.anna, named).await.expect(200);
    assert_eq!(kept, json!({"title": "<b>مايو</b>", "tags": ["wet", "🌧️"]}));
    assert_eq!(found(&server.anna, "tag=wet").await, runs[..1]);
    let compared = server.anna.get(&format!("{RUNS}/{}/compare?with={}", runs[0], runs[1])).await.expect(200);
    let titles = (&compared["left_run"]["title"], &compared["right_run"]["title"]);
    assert_eq!(titles, (&json!("<b>مايو</b>"), &json!("snow")), "what somebody called it goes before what it is about");
    put(&server.ben, json!({})).await.problem(404, "not_found");
    for (body, field) in [(json!({"title": "x".repeat(201)}), "title"), (json!({"tags": ["a\nb"]}), "tags")] {
        assert_eq!(put(&server.anna, body).await.expect(422)["field"], field);
    }
    put(&server.admin, json!({})).await.expect(200);
    assert!(found(&server.anna, "tag=wet").await.is_empty());

    let change = async |client: &Client, action: &str, dry_run: bool| {
        let body = json!({"action": action, "runs": [runs[0], runs[1]], "dry_run": dry_run});
        let answer = client.post(&format!("{RUNS}/change"), body).await.expect(200);
        let n = |of: &str| answer[of].as_array().unwrap().len();
        (n("done"), n("refused"))
    };
    assert_eq!(change(&server.anna, "cancel", false).await, (0, 2), "both are over");
    assert_eq!(change(&server.ben, "archive", false).await, (0, 2));
    assert_eq!(change(&server.anna, "archive", true).await, (2, 0));
    assert_eq!(found(&server.anna, "").await, newest, "that was dry");
    assert_eq!(change(&server.anna, "archive", false).await, (2, 0));
    assert!(found(&server.anna, "").await.is_empty());
    assert_eq!(found(&server.anna, "archived=true").await, newest);
    server.anna.get(&format!("{RUNS}/{}", runs[0])).await.expect(200);
    assert_eq!(change(&server.anna, "unarchive", false).await, (2, 0));
    assert_eq!(found(&server.anna, "").await, newest);
    let many = json!({"action": "cancel", "runs": vec![&runs[0]; 201]});
    assert_eq!(server.anna.post(&format!("{RUNS}/change"), many).await.expect(422)["field"], "runs");
    let none = json!({"action": "cancel", "runs": []});
    assert_eq!(server.anna.post(&format!("{RUNS}/change"), none).await.expect(422)["field"], "runs");
}
