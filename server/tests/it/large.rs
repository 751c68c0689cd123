//! Pages of large runs: what comes with them does not grow with the run, and all of it can be read beside them.
//! Sizes and numbers alone are looked at here: how long it takes is told by `cargo xtask bench pages`.

use axum::body::Body;
use http::{HeaderMap, HeaderName, Method, header};
use serde_json::{Map, Value, json};
use sqlx::PgPool;

use crate::harness::{ANNA, RUNS, Server};

/// So much HTML comes with any page of a run: its frame and icons, a hundred rows of about a kilobyte, and as many steps as it hydrates of
/// about a kilobyte and a half.
const MOST: usize = 300 * 1024;
/// The rows of the list of steps, and of a list of items, and the ones that are looked at.
const ROWS: usize = 2 * 101;

const N_ITEMS: usize = 10_000;
const N_STEPS: usize = 5_000;

impl Server {
    /// A run that is there as a whole and does no more: to run all of it would take long.
    async fn cancelled(&self, template: &str, step: &str, n: usize) -> String {
        let started = self.anna.post(RUNS, json!({"template_id": template})).await.expect(201);
        let run = started["id"].as_str().unwrap().to_owned();
        let mut n_looks = 0;
        loop {
            let opened = self.anna.post("/_fn/open_run", json!({"id": run, "step": step})).await.expect(200);
            let left_out = &opened["left_out"];
            let count = |tally: &Value| -> u64 {
                tally.as_object().into_iter().flat_map(Map::values).filter_map(Value::as_u64).sum()
            };
            if count(&left_out["steps"]).max(count(&left_out["items"][step])) >= n as u64 {
                break;
            }
            n_looks += 1;
            assert!(n_looks < 600, "it comes to {n} in the end: {left_out}");
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        let cancelled = self.anna.post(&format!("{RUNS}/{run}/cancel"), json!({})).await;
        assert!(cancelled.status.is_success(), "{}", cancelled.text());
        run
    }

    /// The HTML of its page, as a browser gets it.
    async fn page_of(&self, run: &str, step: &str) -> String {
        let anna = self.browser(ANNA).await;
        let headers: HeaderMap = [(header::ACCEPT, "text/html".parse().unwrap())].into_iter().collect();
        let answer = anna.send(Method::GET, &format!("/runs/{run}?step={step}"), headers, Body::empty()).await;
        assert_eq!(answer.status.as_u16(), 200);
        answer.text()
    }

    /// How many steps, and the most of anything at once, come of what is read beside the page.
    async fn whole(&self, run: &str) -> (usize, usize) {
        let whole = self.anna.post("/_fn/whole_run", json!({"id": run})).await.expect(200);
        let pieces = || ["drawn", "told"].into_iter().flat_map(|of| whole[of].as_array().unwrap());
        let length =
            |of: &Value| of.as_array().map(Vec::len).or_else(|| of.as_object().map(Map::len)).unwrap_or_default();
        let n_steps = pieces().map(|piece| piece["steps"].as_array().map_or(0, Vec::len)).sum();
        let names = ["steps", "plans", "attempts", "artifacts"];
        let most = pieces().flat_map(|piece| names.map(|name| length(&piece[name]))).max();
        (n_steps, most.unwrap_or_default())
    }
}

/// Whether all of a run comes compressed to whoever takes that, where a page of such a site asks for it.
async fn is_compressed(server: &Server, run: &str, site: &'static str) -> bool {
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::ACCEPT_ENCODING, "br"),
        (HeaderName::from_static("sec-fetch-site"), site),
    ];
    let headers = headers.into_iter().map(|(name, value)| (name, value.parse().unwrap())).collect();
    let body = json!({"id": run}).to_string();
    let answer = server.anna.send(Method::POST, "/_fn/whole_run", headers, body.into()).await;
    answer.headers.contains_key(header::CONTENT_ENCODING)
}

fn check(html: &str, what: &str) {
    assert!(html.len() < MOST, "{what}: {} bytes", html.len());
    let rows = html.matches("outline-item").count();
    assert!((3..=ROWS).contains(&rows), "{what}: {rows} rows");
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn the_page_of_ten_thousand_items_brings_the_first_ones(pool: PgPool) {
    let server = Server::start(pool).await;
    server.shouting_agent().await;
    let list: Vec<String> = (0..N_ITEMS).map(|n| n.to_string()).collect();
    let agent = json!({"id": "list", "name": "List", "inputs": [], "outputs": [{"name": "text", "schema": {"type": "array", "items": {"type": "string"}}}],
        "config": {"kind": "template", "template": json!(list).to_string()}});
    server.admin.post("/api/agents", agent).await.expect(201);
    let definition = json!({"steps": {
        "list": {"agent_id": "list"},
        "each": {"agent_id": "shout", "depends_on": ["list"], "inputs": {"text": {"from": "item", "path": ""}},
            "map": {"over": {"from": "step", "step": "list", "artifact": "text"}, "max_items": N_ITEMS, "max_parallel": 1}},
        "end": {"agent_id": "shout", "depends_on": ["each"], "inputs": {"text": {"const": "x"}}}}});
    let template = server.publish("Items", definition).await;
    let run = server.cancelled(&template, "each", N_ITEMS).await;
    let html = server.page_of(&run, "each").await;
    check(&html, "items");
    assert!(html.contains("10,000"), "how many there are is told all the same");
    let (n_steps, most) = server.whole(&run).await;
    assert_eq!(n_steps, N_ITEMS + 3);
    assert!(most <= 500, "{most} at once");
    assert!(is_compressed(&server, &run, "same-origin").await);
    assert!(!is_compressed(&server, &run, "cross-site").await, "its length tells another site nothing");
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn the_page_of_five_thousand_steps_brings_the_first_ones(pool: PgPool) {
    let server = Server::start(pool).await;
    server.shouting_agent().await;
    let steps: Map<String, Value> = (0..N_STEPS)
        .map(|n| {
            let before: Vec<String> = n.checked_sub(10).map(|n| format!("s{n:04}")).into_iter().collect();
            let step = json!({"title": format!("Step {n}"), "agent_id": "shout", "depends_on": before,
                "inputs": {"text": {"const": "x"}}});
            (format!("s{n:04}"), step)
        })
        .collect();
    let template = server.publish("Steps", json!({"limits": {"max_parallel": 1}, "steps": steps})).await;
    let run = server.cancelled(&template, "s2500", N_STEPS).await;
    let html = server.page_of(&run, "s2500").await;
    check(&html, "steps");
    assert!(html.contains("of 5,000 steps done"), "how many there are is told all the same");
    assert!(html.contains("Step 2500"), "also the one that the address asks for");
    assert!(!html.contains("Step 4000"), "and nothing that nobody sees yet");
    let (n_steps, most) = server.whole(&run).await;
    assert_eq!(n_steps, N_STEPS);
    assert!(most <= 500, "{most} at once");
    server.stop().await;
}
