//! Who else is here, as several people at two processes over one database hear it: named within two seconds, gone within ten.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use axum::body::Body;
use futures::SinkExt;
use http::{HeaderMap, HeaderValue, Method, header};
use serde_json::{Value, json};
use server::{
    accept::{Limits, Places, Timers, raise_file_limit, serve},
    config::TrustedProxies,
};
use sqlx::PgPool;
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::CancellationToken;
use workflow::{
    access::Scope,
    api::{Company, MAX_SELECTED, MyFrame},
};

use crate::{
    harness::{ADMIN, ANNA, CARA, Client, Server},
    live::{Socket, close_code, connect, text},
    worker::replica,
};

/// What is promised. That somebody comes is measured a few times, as a busy machine may stand still once.
const NAMED: Duration = Duration::from_secs(2);
const GONE: Duration = Duration::from_secs(10);
/// Sooner than the next look at the session.
const AT_ONCE: Duration = Duration::from_secs(4);

/// A second process over the same database.
async fn second(pool: &PgPool, stop: &CancellationToken) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let places = Places::new(Limits::for_files(raise_file_limit()), TrustedProxies::default());
    let router = replica(pool, stop).await;
    tokio::spawn(serve(listener, router, places, Timers::default(), stop.clone()));
    address
}

async fn socket(address: SocketAddr, who: &Client) -> Socket {
    connect(address, "/api/live", who.headers()).await.unwrap()
}

/// A run of Anna's that waits for Cara, who may see it for as long as it does.
async fn waiting(server: &Server) -> (String, Value) {
    let template = server.shouting_template_with(json!({"mode": "always", "assignees": {"users": [CARA]}})).await;
    let run = server.anna.start(&template, "hello").await;
    server.anna.settled(&run).await;
    let at = json!({"run": run});
    (run, at)
}

/// Two processes over one database, what stops the second, and where each of them listens.
async fn two_processes(pool: &PgPool) -> (Server, CancellationToken, SocketAddr, SocketAddr) {
    let server = Server::start(pool.clone()).await;
    let stop = CancellationToken::new();
    let (here, there) = (server.listen().await, second(pool, &stop).await);
    (server, stop, here, there)
}

/// A run that waits, and Anna's page, which is at it, alone.
async fn anna_alone(server: &Server, here: SocketAddr, selected: &[&str]) -> (String, Value, Socket) {
    let (run, at) = waiting(server).await;
    let mut anna = socket(here, &server.anna).await;
    is_at(&mut anna, &at, selected).await;
    assert_eq!(told(&heard(&mut anna).await), (vec![], 0));
    (run, at, anna)
}

async fn is_at(socket: &mut Socket, at: &Value, selected: &[&str]) {
    socket.send(Message::text(json!({"at": at, "selected": selected}).to_string())).await.unwrap();
}

/// What the page is told next of who is there.
async fn heard(socket: &mut Socket) -> Company {
    loop {
        let frame = text(socket).await.expect("the socket is open");
        if let MyFrame::Here { here } = serde_json::from_str(&frame).unwrap() {
            return here;
        }
    }
}

/// Others by name, with what they have selected; and how many more tabs the reader has there.
fn told(company: &Company) -> (Vec<String>, u32) {
    let words = company.others.iter().map(|visitor| {
        let keys: Vec<&str> = visitor.selected.iter().map(workflow::StepKey::as_str).collect();
        format!("{} {}", visitor.name, keys.join(",")).trim().to_owned()
    });
    (words.collect(), company.own_tabs)
}

/// Waits until this is told, and says how long that took.
async fn hears(socket: &mut Socket, others: &[&str], own_tabs: u32) -> Duration {
    let began = Instant::now();
    loop {
        let (now, tabs) = told(&heard(socket).await);
        if now == others && tabs == own_tabs {
            return began.elapsed();
        }
    }
}

/// Answers pings, as a browser does, until the socket ends.
fn stays(mut socket: Socket) {
    tokio::spawn(async move { while text(&mut socket).await.is_some() {} });
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn people_at_two_processes_hear_of_each_other_and_nothing_of_it_is_stored(pool: PgPool) {
    let (server, stop, here, there) = two_processes(&pool).await;
    let (_, at, mut anna) = anna_alone(&server, here, &["shout"]).await;

    let mut cara = socket(there, &server.cara).await;
    is_at(&mut cara, &at, &[]).await;
    let mut took = vec![hears(&mut anna, &[CARA], 0).await];
    // Who comes late is told of those who were there.
    took.push(hears(&mut cara, &[format!("{ANNA} shout").as_str()], 0).await);
    is_at(&mut cara, &at, &["again", "a_marker_of_presence"]).await;
    took.push(hears(&mut anna, &[format!("{CARA} again,a_marker_of_presence").as_str()], 0).await);

    let mut tab = socket(there, &server.anna).await;
    is_at(&mut tab, &at, &["again"]).await;
    let others = format!("{CARA} again,a_marker_of_presence");
    // One's own other tabs are no others.
    took.push(hears(&mut anna, &[others.as_str()], 1).await);
    hears(&mut tab, &[others.as_str()], 1).await;
    // And two tabs are one person.
    took.push(hears(&mut cara, &[format!("{ANNA} again,shout").as_str()], 0).await);
    took.sort_unstable();
    assert!(took[took.len() / 2] < NAMED, "{took:?}");

    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT format('%I.%I', table_schema, table_name) FROM information_schema.tables WHERE table_schema = 'public'",
    )
    .fetch_all(&pool)
    .await
    .unwrap();
    assert!(tables.len() > 10);
    for table in tables {
        let sql = format!("SELECT count(*) FROM {table} x WHERE x::text LIKE '%a_marker_of_presence%'");
        let n: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(&pool).await.unwrap();
        assert_eq!(n, 0, "{table}");
    }

    // One goes to another place, one closes the tab.
    is_at(&mut tab, &Value::Null, &[]).await;
    assert!(hears(&mut anna, &[others.as_str()], 0).await < GONE);
    drop(cara);
    assert!(hears(&mut anna, &[], 0).await < GONE);
    stop.cancel();
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn whoever_is_silent_is_gone_within_ten_seconds(pool: PgPool) {
    let (server, stop, here, there) = two_processes(&pool).await;
    let (_, at, mut anna) = anna_alone(&server, here, &[]).await;
    let mut cara = socket(there, &server.cara).await;
    is_at(&mut cara, &at, &[]).await;
    hears(&mut anna, &[CARA], 0).await;
    let mut admin = socket(there, &server.admin).await;
    is_at(&mut admin, &at, &[]).await;
    hears(&mut anna, &[ADMIN, CARA], 0).await;
    stays(admin);
    // As a machine that was cut off: nothing closes the socket, and nothing answers on it any more.
    let took = hears(&mut anna, &[ADMIN], 0).await;
    assert!(took < GONE, "{took:?}");
    drop(cara);
    stop.cancel();
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn only_those_who_may_see_a_place_are_there_and_only_for_as_long(pool: PgPool) {
    let server = Server::start(pool.clone()).await;
    let address = server.listen().await;
    let (run, at, mut anna) = anna_alone(&server, address, &[]).await;

    // Neither a stranger, nor somebody at a run that is not there, nor a user or a reading token at a draft.
    let template = server.shouting_template("never").await;
    let (draft, missing) = (json!({"workflow": template}), json!({"run": template}));
    let reading = server.program(ADMIN, &[Scope::Read]).await;
    let mut refused = Vec::new();
    for (who, at) in [(&server.ben, &at), (&server.anna, &missing), (&server.anna, &draft), (&reading, &draft)] {
        let mut socket = socket(address, who).await;
        is_at(&mut socket, at, &[]).await;
        refused.push(socket);
    }
    let mut admin = socket(address, &server.admin).await;
    is_at(&mut admin, &draft, &["shout"]).await;
    assert_eq!(told(&heard(&mut admin).await), (vec![], 0), "nobody else is in the draft");
    let mut cara = socket(address, &server.cara).await;
    is_at(&mut cara, &at, &[]).await;
    assert_eq!(told(&heard(&mut anna).await), (vec![CARA.to_owned()], 0), "and nobody else at the run");
    for mut socket in refused {
        let nothing = tokio::time::timeout(Duration::from_millis(300), heard(&mut socket)).await;
        assert!(nothing.is_err(), "{nothing:?}");
    }

    // The gate is decided: the run is not hers to see any more, and her page is still open.
    stays(cara);
    server.cara.post(&format!("/api/workflows/runs/{run}/steps/shout/continue"), json!({})).await.expect(200);
    assert!(hears(&mut anna, &[], 0).await < GONE);
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn whoever_signs_out_or_is_disabled_is_gone_at_once_at_every_process(pool: PgPool) {
    let (server, stop, here, there) = two_processes(&pool).await;
    let (_, at, mut anna) = anna_alone(&server, here, &[]).await;
    let browser = server.browser(CARA).await;
    let mut headers = browser.headers();
    headers.insert(header::ORIGIN, HeaderValue::from_str(&format!("http://{there}")).unwrap());
    let open = async |headers: &HeaderMap| connect(there, "/api/live", headers.clone()).await.unwrap();
    let mut of_session = open(&headers).await;
    is_at(&mut of_session, &at, &[]).await;
    hears(&mut anna, &[CARA], 0).await;
    browser.send(Method::POST, "/_fn/logout", HeaderMap::new(), Body::empty()).await;
    let took = hears(&mut anna, &[], 0).await;
    assert!(took < AT_ONCE, "{took:?}");
    assert_eq!(close_code(&mut of_session).await, Some(1008));

    let mut of_token = open(&server.cara.headers()).await;
    is_at(&mut of_token, &at, &[]).await;
    hears(&mut anna, &[CARA], 0).await;
    let operator = server.service.system_context().await.unwrap();
    let person = service::users::find(&operator, CARA).await.unwrap();
    service::users::set_disabled(&operator, person.id, true).await.unwrap();
    let took = hears(&mut anna, &[], 0).await;
    assert!(took < AT_ONCE, "{took:?}");
    assert_eq!(close_code(&mut of_token).await, Some(1008));
    stop.cancel();
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn what_a_page_says_of_itself_is_bounded(pool: PgPool) {
    let server = Server::start(pool).await;
    let address = server.listen().await;
    let (run, at, mut anna) = anna_alone(&server, address, &[]).await;

    let mut admin = socket(address, &server.admin).await;
    let many: Vec<String> = (0..2_000).map(|n| format!("s{n}")).collect();
    is_at(&mut admin, &at, &many.iter().map(String::as_str).collect::<Vec<_>>()).await;
    assert_eq!(heard(&mut anna).await.others[0].selected.len(), MAX_SELECTED);
    // The server stops reading when it closes: what is sent after that may fail.
    for n in 0..200 {
        let said = json!({"at": at, "selected": [format!("s{n}")]}).to_string();
        if admin.send(Message::text(said)).await.is_err() {
            break;
        }
    }
    assert_eq!(close_code(&mut admin).await, Some(1013));
    hears(&mut anna, &[], 0).await;

    let nonsense =
        [json!({"at": "here"}), json!({"at": {"door": run}}), json!({"at": {"run": 7}}), json!({"selected": []})];
    for said in nonsense {
        let mut ben = socket(address, &server.ben).await;
        ben.send(Message::text(said.to_string())).await.unwrap();
        assert_eq!(close_code(&mut ben).await, Some(1003), "{said}");
    }
    // The socket of a run tells of the run alone.
    let mut of_run = connect(address, &format!("/api/workflows/runs/{run}/live"), server.anna.headers()).await.unwrap();
    is_at(&mut of_run, &at, &[]).await;
    assert_eq!(close_code(&mut of_run).await, Some(1003));
    server.stop().await;
}
