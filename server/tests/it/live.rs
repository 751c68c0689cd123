//! The live sockets, as a client sees them: replay, following, reconnecting, and every way they end.

use std::{net::SocketAddr, time::Duration};

use chrono::TimeDelta;
use futures::{SinkExt, StreamExt};
use http::{HeaderMap, HeaderValue, header};
use serde_json::json;
use sqlx::PgPool;
use tokio::net::TcpStream;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{self, Message, client::IntoClientRequest},
};
use workflow::{
    RunView,
    api::{MyFrame, RunFrame},
    run::{RunEvent, State, state::Emails},
    view::Applied,
};

use crate::harness::{ANNA, BEN, CARA, Server};

pub(crate) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

const WITHIN: Duration = Duration::from_secs(20);

pub(crate) async fn connect(address: SocketAddr, path: &str, headers: HeaderMap) -> Result<Socket, u16> {
    let mut request = format!("ws://{address}{path}").into_client_request().unwrap();
    for (name, value) in &headers {
        if name != header::HOST {
            request.headers_mut().insert(name, value.clone());
        }
    }
    match connect_async(request).await {
        Ok((socket, _)) => Ok(socket),
        Err(tungstenite::Error::Http(response)) => Err(response.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

pub(crate) async fn follow(socket: &mut Socket, after: i64) {
    socket.send(Message::text(json!({"after": after}).to_string())).await.unwrap();
}

/// The next text, skipping pings.
pub(crate) async fn text(socket: &mut Socket) -> Option<String> {
    loop {
        match tokio::time::timeout(WITHIN, socket.next()).await.expect("something is heard in time")? {
            Ok(Message::Text(text)) => return Some(text.to_string()),
            Ok(Message::Ping(_) | Message::Pong(_)) => {}
            Ok(_) | Err(_) => return None,
        }
    }
}

/// The code of the server's close frame.
pub(crate) async fn close_code(socket: &mut Socket) -> Option<u16> {
    loop {
        match tokio::time::timeout(WITHIN, socket.next()).await.expect("it is closed in time")? {
            Ok(Message::Close(frame)) => return frame.map(|frame| frame.code.into()),
            Ok(_) => {}
            Err(_) => return None,
        }
    }
}

/// A run as a page keeps it, which heard of it from its first event on.
pub(crate) struct Folded {
    state: State,
    people: Emails,
    view: Option<RunView>,
}

impl Folded {
    pub(crate) fn nothing() -> Self {
        Self { state: State::empty(), people: Emails::new(), view: None }
    }

    pub(crate) fn seq(&self) -> i64 {
        self.state.seq
    }

    pub(crate) fn take(&mut self, event: &RunEvent, people: Emails) {
        let applied = self.state.apply(event);
        assert_ne!(applied, Applied::Gap, "after {} comes {}", self.state.seq, event.seq);
        self.people.extend(people);
        match &mut self.view {
            Some(view) => view.refresh(&self.state, event, &self.people),
            None => self.view = Some(self.state.view(&self.people)),
        }
    }

    pub(crate) fn view(&self) -> &RunView {
        self.view.as_ref().expect("something was heard")
    }
}

async fn view(server: &Server, run: &str) -> RunView {
    let view = server.anna.get(&format!("/api/workflows/runs/{run}")).await.expect(200);
    serde_json::from_value(view).unwrap()
}

/// Until a frame of a run is as wanted.
async fn hear(socket: &mut Socket, wanted: impl Fn(&RunFrame) -> bool) {
    let heard = async {
        loop {
            let frame: RunFrame = serde_json::from_str(&text(socket).await.unwrap()).unwrap();
            if wanted(&frame) {
                return;
            }
        }
    };
    tokio::time::timeout(WITHIN, heard).await.expect("it is heard in time");
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_page_is_told_to_fetch_its_run_again_once_the_database_was_restored(pool: PgPool) {
    let server = Server::start(pool.clone()).await;
    let template = server.shouting_template("always").await;
    let address = server.listen().await;
    let run = server.anna.start(&template, "hello").await;
    server.anna.settled(&run).await;
    let seq = view(&server, &run).await.seq;
    let path = format!("/api/workflows/runs/{run}/live");
    let mut socket = connect(address, &path, server.anna.headers()).await.unwrap();
    follow(&mut socket, seq).await;
    hear(&mut socket, |frame| matches!(frame, RunFrame::Absent { .. })).await;
    // As a dump that is restored does, tables are others with the same in them.
    let mut tx = pool.begin().await.unwrap();
    for statement in [
        "ALTER TABLE workers RENAME TO workers_before",
        "CREATE TABLE workers (LIKE workers_before INCLUDING ALL)",
        "DROP TABLE workers_before CASCADE",
    ] {
        sqlx::query(statement).execute(&mut *tx).await.unwrap();
    }
    tx.commit().await.unwrap();
    hear(&mut socket, |frame| matches!(frame, RunFrame::Resync)).await;
    // What comes now is heard, though its number was heard of before.
    server.anna.post(&format!("/api/workflows/runs/{run}/steps/shout/continue"), json!({})).await.expect(200);
    hear(&mut socket, |frame| matches!(frame, RunFrame::Event { event, .. } if event.seq == seq + 1)).await;
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_page_that_comes_back_from_a_time_that_never_was_is_told_to_fetch_its_run_again(pool: PgPool) {
    let server = Server::start(pool).await;
    let template = server.shouting_template("always").await;
    let address = server.listen().await;
    let run = server.anna.start(&template, "hello").await;
    server.anna.settled(&run).await;
    let seq = view(&server, &run).await.seq;
    let path = format!("/api/workflows/runs/{run}/live");
    for (after, is_told) in [(seq, false), (seq + 5, true)] {
        let mut socket = connect(address, &path, server.anna.headers()).await.unwrap();
        follow(&mut socket, after).await;
        let first: RunFrame = serde_json::from_str(&text(&mut socket).await.unwrap()).unwrap();
        assert_eq!(matches!(first, RunFrame::Resync), is_told, "{first:?}");
        if !matches!(first, RunFrame::Absent { .. }) {
            hear(&mut socket, |frame| matches!(frame, RunFrame::Absent { .. })).await;
        }
        if is_told {
            // What comes now is heard, though its number was heard of before.
            server.anna.post(&format!("/api/workflows/runs/{run}/steps/shout/continue"), json!({})).await.expect(200);
            let is_next = |frame: &RunFrame| matches!(frame, RunFrame::Event { event, .. } if event.seq == seq + 1);
            hear(&mut socket, is_next).await;
        }
    }
    // The run has gone on since, past the number that the page has: what it has under that number is another event.
    let known = server.store.events_after(run.parse().unwrap(), seq - 2, 1).await.unwrap()[0].clone();
    assert_eq!(known.seq, seq - 1);
    for (told_at, is_told) in [(known.at, false), (known.at - TimeDelta::seconds(1), true)] {
        let mut socket = connect(address, &path, server.anna.headers()).await.unwrap();
        let says = json!({"after": known.seq, "told_at": told_at});
        socket.send(Message::text(says.to_string())).await.unwrap();
        let first: RunFrame = serde_json::from_str(&text(&mut socket).await.unwrap()).unwrap();
        assert_eq!(matches!(first, RunFrame::Resync), is_told, "{first:?}");
    }
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn folding_the_feed_gives_the_run_that_is_read(pool: PgPool) {
    let server = Server::start(pool).await;
    let template = server.shouting_template("always").await;
    let address = server.listen().await;
    let run = server.anna.start(&template, "hello").await;
    let path = format!("/api/workflows/runs/{run}/live");
    let mut folded = Folded::nothing();
    let mut socket = connect(address, &path, server.anna.headers()).await.unwrap();
    follow(&mut socket, 0).await;
    server.anna.settled(&run).await;
    server.anna.post(&format!("/api/workflows/runs/{run}/steps/shout/continue"), json!({})).await.expect(200);
    server.anna.settled(&run).await;
    let expected = view(&server, &run).await;
    while folded.seq() < expected.seq {
        let frame = text(&mut socket).await.unwrap();
        for kept in ["\"request\"", "\"tells\"", "\"reads\""] {
            assert!(!frame.contains(kept), "{kept} is for the engine only: {frame}");
        }
        match serde_json::from_str(&frame).unwrap() {
            RunFrame::Event { event, people } => folded.take(&event, people),
            RunFrame::Delta(_)
            | RunFrame::Telling(_)
            | RunFrame::Absent { .. }
            | RunFrame::Resync
            | RunFrame::Beat(_) => {}
        }
    }
    assert_eq!(*folded.view(), expected);

    // A reconnect replays exactly what is missing.
    let mut again = connect(address, &path, server.anna.headers()).await.unwrap();
    follow(&mut again, 2).await;
    for seq in 3..=expected.seq {
        match serde_json::from_str(&text(&mut again).await.unwrap()).unwrap() {
            RunFrame::Event { event, .. } => assert_eq!(event.seq, seq),
            other => panic!("{other:?}"),
        }
    }
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn my_feed_tells_of_my_runs_only(pool: PgPool) {
    let server = Server::start(pool).await;
    let template = server.shouting_template("never").await;
    let address = server.listen().await;
    let mut anna = connect(address, "/api/live", server.anna.headers()).await.unwrap();
    follow(&mut anna, 0).await;
    let theirs = server.ben.start(&template, "x").await;
    server.ben.settled(&theirs).await;
    let mine = server.anna.start(&template, "x").await;
    loop {
        match serde_json::from_str(&text(&mut anna).await.unwrap()).unwrap() {
            MyFrame::Runs { runs, gone } => {
                assert!(gone.is_empty(), "{gone:?}");
                assert!(runs.iter().all(|run| run.id.to_string() == mine), "{runs:?}");
                if runs.iter().any(|run| run.status.as_str() == "completed") {
                    break;
                }
            }
            MyFrame::Resync | MyFrame::Here { .. } | MyFrame::Beat(_) => {}
        }
    }
    server.stop().await;
}

/// What a browser asks, which cannot send pings.
#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_beat_is_answered_at_once_on_both_sockets_and_a_flood_of_them_is_closed(pool: PgPool) {
    let server = Server::start(pool).await;
    let template = server.shouting_template("never").await;
    let address = server.listen().await;
    let run = server.anna.start(&template, "x").await;
    server.anna.settled(&run).await;
    for path in ["/api/live".to_owned(), format!("/api/workflows/runs/{run}/live")] {
        let mut socket = connect(address, &path, server.anna.headers()).await.unwrap();
        // Before anything is followed, too.
        socket.send(Message::text(json!({"beat": 7}).to_string())).await.unwrap();
        let answer: serde_json::Value = serde_json::from_str(&text(&mut socket).await.unwrap()).unwrap();
        assert_eq!(answer, json!({"type": "beat", "beat": 7}));
        // The server stops reading when it closes: what is sent after that may fail.
        for _ in 0..200 {
            if socket.send(Message::text(json!({"beat": 8}).to_string())).await.is_err() {
                break;
            }
        }
        assert_eq!(close_code(&mut socket).await, Some(1013), "{path}");
    }
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_socket_is_opened_only_for_those_who_may_see_the_run(pool: PgPool) {
    let server = Server::start(pool).await;
    let template = server.shouting_template("never").await;
    let address = server.listen().await;
    let run = server.anna.start(&template, "x").await;
    let path = format!("/api/workflows/runs/{run}/live");
    let status = async |path: &str, headers: HeaderMap| connect(address, path, headers).await.err();
    assert_eq!(status(&path, server.nobody.headers()).await, Some(401));
    assert_eq!(status(&path, server.ben.headers()).await, Some(404));
    assert_eq!(status(&path, server.admin.headers()).await, None);
    assert_eq!(status("/api/live", server.nobody.headers()).await, Some(401));
    let mut foreign = server.browser(ANNA).await.headers();
    assert_eq!(status(&path, foreign.clone()).await, Some(403), "the Origin is not the Host that was asked");
    foreign.insert(header::ORIGIN, HeaderValue::from_str(&format!("http://{address}")).unwrap());
    assert_eq!(status(&path, foreign).await, None);
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_socket_ends_with_its_session_with_the_server_and_with_nonsense(pool: PgPool) {
    let server = Server::start(pool).await;
    let address = server.listen().await;
    let mut headers = server.browser(ANNA).await.headers();
    headers.insert(header::ORIGIN, HeaderValue::from_str(&format!("http://{address}")).unwrap());
    let mut of_session = connect(address, "/api/live", headers).await.unwrap();
    follow(&mut of_session, 0).await;
    let mut nonsense = connect(address, "/api/live", server.anna.headers()).await.unwrap();
    nonsense.send(Message::text("hello")).await.unwrap();
    assert_eq!(close_code(&mut nonsense).await, Some(1003));
    let mut large = connect(address, "/api/live", server.anna.headers()).await.unwrap();
    large.send(Message::text("x".repeat(100_000))).await.unwrap();
    // Nothing that large is read, so the connection is cut rather than answered.
    assert!(matches!(close_code(&mut large).await, None | Some(1009)));

    let operator = server.service.system_context().await.unwrap();
    let anna = service::users::find(&operator, ANNA).await.unwrap();
    service::users::reset_password(&operator, anna.id, "another long password".to_owned().into()).await.unwrap();
    assert_eq!(close_code(&mut of_session).await, Some(1008));

    // Her token has ended with her password.
    let mut of_server = connect(address, "/api/live", server.ben.headers()).await.unwrap();
    follow(&mut of_server, 0).await;
    let (code, ()) = tokio::join!(close_code(&mut of_server), server.hub.close());
    assert_eq!(code, Some(1012));
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn who_was_asked_is_sent_nothing_more_once_the_gate_has_closed(pool: PgPool) {
    let server = Server::start(pool).await;
    let review = json!({"mode": "always", "assignees": {"users": [CARA]}});
    let template = server.shouting_template_with(review).await;
    let address = server.listen().await;
    let run = server.anna.start(&template, "hello").await;
    server.anna.settled(&run).await;
    let path = format!("/api/workflows/runs/{run}/live");
    let mut socket = connect(address, &path, server.cara.headers()).await.unwrap();
    let began = std::time::Instant::now();
    let answer = server.cara.post(&format!("/api/workflows/runs/{run}/steps/shout/continue"), json!({})).await;
    assert_eq!(answer.expect(200)["id"], run.as_str(), "the decision is answered");
    assert_eq!(close_code(&mut socket).await, Some(1008));
    assert!(began.elapsed() < Duration::from_secs(7), "after {:?}", began.elapsed());
    assert_eq!(connect(address, &path, server.cara.headers()).await.err(), Some(404));
    server.stop().await;
}

/// What Cara's list of what waits for her is told, until it is told of a run, or that one is gone.
pub(crate) async fn told_of(socket: &mut Socket, run: &str, is_gone: bool) {
    loop {
        match serde_json::from_str(&text(socket).await.unwrap()).unwrap() {
            MyFrame::Runs { runs, gone } => {
                let waits = runs.iter().any(|known| known.id.to_string() == run && known.n_waiting > 0);
                let is_told = if is_gone { gone.iter().any(|id| id.to_string() == run) } else { waits };
                if is_told {
                    return;
                }
            }
            MyFrame::Resync | MyFrame::Here { .. } | MyFrame::Beat(_) => {}
        }
    }
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn the_list_of_whoever_is_asked_is_live_and_a_gate_that_others_decide_leaves_it(pool: PgPool) {
    let server = Server::start(pool).await;
    let review = json!({"mode": "always", "assignees": {"users": [CARA, BEN]}});
    let template = server.shouting_template_with(review).await;
    let address = server.listen().await;
    let mut early = connect(address, "/api/live", server.cara.headers()).await.unwrap();
    follow(&mut early, 0).await;
    let run = server.anna.start(&template, "hello").await;
    told_of(&mut early, &run, false).await;
    // Who comes later knows of it by the list.
    let mut late = connect(address, "/api/live", server.cara.headers()).await.unwrap();
    follow(&mut late, 0).await;
    server.ben.post(&format!("/api/workflows/runs/{run}/steps/shout/continue"), json!({})).await.expect(200);
    told_of(&mut early, &run, true).await;
    told_of(&mut late, &run, true).await;
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn whoever_is_put_into_a_group_or_out_of_it_is_told_to_look_again_and_nobody_else(pool: PgPool) {
    let server = Server::start(pool).await;
    let admin = &server.admin;
    admin.post("/api/groups", json!({"id": "legal", "name": "Legal"})).await.expect(201);
    // Somebody can decide there, so that it may be published.
    admin.post("/api/groups/legal/members", json!({"email": BEN})).await.expect(201);
    let review = json!({"mode": "always", "assignees": {"groups": ["legal"]}});
    let template = server.shouting_template_with(review).await;
    let address = server.listen().await;
    let run = server.anna.start(&template, "hello").await;
    server.anna.settled(&run).await;
    let (mut cara, mut anna) = (
        connect(address, "/api/live", server.cara.headers()).await.unwrap(),
        connect(address, "/api/live", server.anna.headers()).await.unwrap(),
    );
    follow(&mut cara, 0).await;
    follow(&mut anna, 0).await;
    let added = admin.post("/api/groups/legal/members", json!({"email": CARA})).await.expect(201);
    resynced(&mut cara).await;
    // What she sees from then on is known here too: it leaves her list with the gate.
    server.ben.post(&format!("/api/workflows/runs/{run}/steps/shout/continue"), json!({})).await.expect(200);
    told_of(&mut cara, &run, true).await;
    let member = format!("/api/groups/legal/members/{}", added["id"].as_str().unwrap());
    admin.send(http::Method::DELETE, &member, HeaderMap::new(), axum::body::Body::empty()).await.expect(204);
    resynced(&mut cara).await;
    // Her own run has changed, and that is all that Anna hears.
    loop {
        match serde_json::from_str(&text(&mut anna).await.unwrap()).unwrap() {
            MyFrame::Runs { runs, .. } if runs.iter().any(|known| known.id.to_string() == run) => break,
            frame => assert!(!matches!(frame, MyFrame::Resync), "it is none of her business"),
        }
    }
    server.stop().await;
}

/// Until it is said that everything is to be looked at again.
pub(crate) async fn resynced(socket: &mut Socket) {
    loop {
        if let MyFrame::Resync = serde_json::from_str(&text(socket).await.unwrap()).unwrap() {
            return;
        }
    }
}
