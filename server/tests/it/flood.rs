//! What somebody with an account can do with live sockets to everybody else: nothing.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::body::Body;
use futures::{SinkExt, StreamExt};
use http::{HeaderMap, Method};
use serde_json::json;
use server::accept::{Limits, Timers};
use sqlx::{PgPool, postgres::PgPoolOptions};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::Instant,
};
use tokio_tungstenite::tungstenite::Message;

use crate::{
    harness::{RUNS, Server},
    live::{connect, follow},
};

const SOCKETS: usize = 56;

/// Opens a socket, asks to begin anew as fast as it can, and opens the next one when it is closed.
async fn flood(address: SocketAddr, path: String, headers: HeaderMap, stop: Arc<AtomicBool>, ends: Ends) {
    while !stop.load(Ordering::SeqCst) {
        let Ok(socket) = connect(address, &path, headers.clone()).await else {
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        let (mut out, mut back) = socket.split();
        let ask = async {
            while !stop.load(Ordering::SeqCst) && out.send(Message::text(json!({"after": 0}).to_string())).await.is_ok()
            {
                tokio::task::yield_now().await;
            }
        };
        let hear = async {
            while let Some(Ok(message)) = back.next().await {
                if let Message::Close(Some(frame)) = message {
                    *ends.lock().unwrap().entry(frame.code.into()).or_default() += 1;
                }
            }
        };
        tokio::select! {
            () = ask => {}
            () = hear => {}
        }
    }
}

type Ends = Arc<Mutex<BTreeMap<u16, usize>>>;

/// Connections that were ever opened to the test's database.
async fn n_sessions(pool: &PgPool) -> i64 {
    let query = "SELECT sessions FROM pg_stat_database WHERE datname = current_database()";
    sqlx::query_scalar(query).fetch_one(pool).await.unwrap()
}

/// The 95th of a hundred answers, each of which must be one.
async fn p95(server: &Server, run: &str) -> Duration {
    let mut took = Vec::new();
    for _ in 0..60 {
        let began = Instant::now();
        server.anna.get(&format!("{RUNS}/{run}")).await.expect(200);
        server.anna.get(RUNS).await.expect(200);
        took.push(began.elapsed());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    took.sort();
    took[took.len() * 95 / 100]
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn sockets_that_begin_anew_all_the_time_take_nothing_from_others(pool: PgPool) {
    // As many connections as the server has, and as little patience.
    let options = PgPoolOptions::new().max_connections(16).acquire_timeout(Duration::from_secs(5));
    let own = options.connect_with(pool.connect_options().as_ref().clone()).await.unwrap();
    let server = Server::start(own).await;
    let template = server.shouting_template("never").await;
    let address = server.listen().await;
    let run = server.anna.start(&template, "mine").await;
    let theirs = server.ben.start(&template, "theirs").await;
    server.anna.settled(&run).await;
    server.ben.settled(&theirs).await;
    let quiet = p95(&server, &run).await;
    let before = n_sessions(&pool).await;

    let (stop, ends) = (Arc::new(AtomicBool::new(false)), Ends::default());
    let flooding: Vec<_> = (0..SOCKETS)
        .map(|_| {
            let path = format!("{RUNS}/{theirs}/live");
            tokio::spawn(flood(address, path, server.ben.headers(), Arc::clone(&stop), Arc::clone(&ends)))
        })
        .collect();
    let busy = p95(&server, &run).await;
    stop.store(true, Ordering::SeqCst);
    for task in flooding {
        task.abort();
    }
    let opened = n_sessions(&pool).await - before;
    let ends = ends.lock().unwrap().clone();
    eprintln!("p95 quiet {quiet:?}, under the flood {busy:?}; {opened} new connections; closed with {ends:?}");
    assert!(opened <= 16, "{opened} connections were opened anew: queries were dropped half way");
    assert_eq!(ends.keys().copied().collect::<Vec<_>>(), [1013], "{ends:?}");
    let store = server.store.clone();
    server.stop().await;
    store.close().await;
}

/// A socket on which the same frame is sent again and again, as fast as it is taken. The code that it is closed with.
async fn repeat_frame(address: SocketAddr, token: &str, first: &[u8], frame: &[u8]) -> Option<u16> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "GET /api/live HTTP/1.1\r\nHost: weft.test\r\nAuthorization: Bearer {token}\r\nConnection: Upgrade\r\n\
        Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.windows(4).any(|end| end == b"\r\n\r\n") {
        assert!(stream.read_buf(&mut answer).await.unwrap() > 0, "the handshake ended early");
    }
    assert!(answer.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&answer));
    stream.write_all(first).await.unwrap();
    let (mut back, mut out) = stream.split();
    let flood = frame.repeat(16 * 1024 / frame.len());
    let mut sent = 0;
    loop {
        // First what comes back: it is gone once the connection is reset.
        tokio::select! {
            biased;
            n = back.read_buf(&mut answer) => {
                // A close frame of the server, which masks nothing.
                if let Some(close) = answer.windows(4).find(|bytes| bytes[0] == 0x88 && bytes[2] == 0x03) {
                    return Some(u16::from_be_bytes([close[2], close[3]]));
                }
                if !matches!(n, Ok(1..)) {
                    return None;
                }
            }
            // Whole frames or a part: where it stopped, it goes on.
            n = out.write(&flood[sent..]) => match n {
                Ok(n) => sent = (sent + n) % flood.len(),
                Err(_) => return None,
            },
        }
    }
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn frames_that_never_make_a_message_take_nothing_from_others(pool: PgPool) {
    const EMPTY_TEXT_GOES_ON: [u8; 6] = [0x01, 0x80, 0, 0, 0, 0];
    const EMPTY_PIECE: [u8; 6] = [0x00, 0x80, 0, 0, 0, 0];
    const EMPTY_PING: [u8; 6] = [0x89, 0x80, 0, 0, 0, 0];
    let within = Duration::from_secs(20);
    let server = Server::start(pool).await;
    let template = server.shouting_template("never").await;
    let address = server.listen().await;
    let run = server.anna.start(&template, "mine").await;
    server.anna.settled(&run).await;
    for (first, frame) in [(&EMPTY_TEXT_GOES_ON[..], EMPTY_PIECE), (&[][..], EMPTY_PING)] {
        let code = tokio::time::timeout(within, repeat_frame(address, server.ben.token(), first, &frame)).await;
        let code = code.expect("it is closed");
        // The answers to pings stand before the reason, which may be lost when the connection is reset.
        assert!(code == Some(1013) || (code.is_none() && frame == EMPTY_PING), "{frame:?}: {code:?}");
    }
    // Many at once, and again as soon as they are closed; a closed one is counted until its end was heard.
    let flooding: Vec<_> = (0..SOCKETS / 2)
        .map(|_| {
            let token = server.ben.token().to_owned();
            tokio::spawn(async move {
                for _ in 0..2 {
                    repeat_frame(address, &token, &EMPTY_TEXT_GOES_ON, &EMPTY_PIECE).await;
                }
            })
        })
        .collect();
    let busy = p95(&server, &run).await;
    eprintln!("p95 under endless pieces {busy:?}");
    assert!(busy < Duration::from_secs(2), "{busy:?}");
    tokio::time::timeout(within, server.hub.close()).await.expect("the server stops in time");
    for task in flooding {
        task.abort();
    }
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn who_opens_sockets_too_fast_is_refused_without_the_database(pool: PgPool) {
    const ASKED: usize = 2_000;
    let n_queries = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&n_queries);
    // Each query of the server takes a connection of the pool.
    let options = PgPoolOptions::new().max_connections(16).before_acquire(move |_, _| {
        counted.fetch_add(1, Ordering::SeqCst);
        Box::pin(async { Ok(true) })
    });
    let own = options.connect_with(pool.connect_options().as_ref().clone()).await.unwrap();
    let server = Server::start(own).await;
    // Without an upgrade it is no socket, but it counts as one that was opened.
    let opened = || server.ben.get("/api/live");
    let mut n = 0;
    while opened().await.status != 429 {
        n += 1;
        assert!(n < 10_000, "it is never refused");
    }
    let before = n_queries.load(Ordering::SeqCst);
    let mut n_refused = 0;
    for _ in 0..ASKED {
        let answer = opened().await;
        if answer.status == 429 {
            answer.problem(429, "too_many_requests");
            assert!(!answer.header("retry-after").is_empty());
            n_refused += 1;
        }
    }
    let asked = n_queries.load(Ordering::SeqCst) - before;
    eprintln!("{n_refused} of {ASKED} were refused; all of it, the engine included, took {asked} queries");
    // Sixteen a second are let in; the engine looks around as ever.
    assert!(n_refused > ASKED / 2 && asked < ASKED / 2, "{n_refused} were refused with {asked} queries");

    // It is known only to refuse: everything else is as it was, and so is everybody else.
    server.ben.get(RUNS).await.expect(200);
    assert_eq!(server.anna.get("/api/live").await.status, 426);
    server.nobody.get("/api/live").await.problem(401, "unauthenticated");
    let mut wrong = HeaderMap::new();
    wrong.insert("authorization", "Bearer weft_wrong".parse().unwrap());
    assert_eq!(server.nobody.send(Method::GET, "/api/live", wrong, Body::empty()).await.status, 401);
    let began = Instant::now();
    while opened().await.status != 426 {
        assert!(began.elapsed() < Duration::from_secs(10), "who waits gets in again");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // What was known of a token that is none any more lets nobody in.
    sqlx::query("UPDATE api_tokens SET revoked_at = now()").execute(&pool).await.unwrap();
    let began = Instant::now();
    while opened().await.status != 401 {
        assert_ne!(opened().await.status, 426, "a token that is gone opens a socket");
        assert!(began.elapsed() < Duration::from_secs(10), "a token that is gone is told so");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_socket_outlives_the_timers_of_requests_and_a_crowd_behind_its_address(pool: PgPool) {
    let server = Server::start(pool).await;
    let limits = Limits { total: 64, strangers: 8, network: 4, person: 8 };
    let short = Duration::from_millis(200);
    let address = server.listen_within(limits, Timers { header: short, proxy: short, write: short }).await;
    let template = server.shouting_template("never").await;
    let run = server.anna.start(&template, "x").await;
    server.anna.settled(&run).await;
    let path = format!("{RUNS}/{run}/live");
    let mut socket = connect(address, &path, server.anna.headers()).await.unwrap();
    let mut crowd = Vec::new();
    for _ in 0..40 {
        crowd.push(TcpStream::connect(address).await.unwrap());
    }
    tokio::time::sleep(short * 5).await;
    follow(&mut socket, 0).await;
    let heard = async {
        loop {
            if let Message::Text(text) = socket.next().await.unwrap().unwrap() {
                break text;
            }
        }
    };
    let heard = tokio::time::timeout(Duration::from_secs(20), heard).await.unwrap();
    assert!(heard.contains("\"seq\":1"), "{heard}");
    server.stop().await;
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn a_verb_takes_effect_although_who_asked_has_left(pool: PgPool) {
    let server = Server::start(pool.clone()).await;
    let template = server.shouting_template("never").await;
    let address = server.listen().await;
    let mut held = pool.begin().await.unwrap();
    sqlx::query("LOCK TABLE workflow_runs IN ACCESS EXCLUSIVE MODE").execute(&mut *held).await.unwrap();
    let body = json!({"template_id": template, "inputs": {"text": "x"}}).to_string();
    let head = format!(
        "POST {RUNS} HTTP/1.1\r\nHost: weft.test\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n\
        Content-Length: {}\r\n\r\n",
        server.anna.token(),
        body.len()
    );
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all((head + &body).as_bytes()).await.unwrap();
    let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'workflow_runs'::regclass";
    while sqlx::query_scalar::<_, i64>(waiting).fetch_one(&mut *held).await.unwrap() == 0 {
        tokio::task::yield_now().await;
    }
    drop(socket);
    // Long enough for the server to notice.
    tokio::time::sleep(Duration::from_millis(300)).await;
    held.rollback().await.unwrap();
    let began = Instant::now();
    while server.anna.get(RUNS).await.expect(200)["runs"].as_array().unwrap().is_empty() {
        assert!(began.elapsed() < Duration::from_secs(10), "the run was never made");
        tokio::task::yield_now().await;
    }
    server.stop().await;
}
