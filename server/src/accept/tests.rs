//! Real connections that are slow, silent, or too many.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Bytes,
    routing::{get, post},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    task::JoinHandle,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{Limits, Places, Timers, raise_file_limit, serve};

const TIMERS: Timers =
    Timers { header: Duration::from_millis(300), proxy: Duration::from_secs(5), write: Duration::from_millis(300) };
const PATIENCE: Duration = Duration::from_secs(20);

struct Listening {
    address: SocketAddr,
    places: Places,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

impl Listening {
    async fn start(timers: Timers, proxies: &str) -> Self {
        Self::start_within(Limits::for_files(raise_file_limit()), timers, proxies).await
    }

    async fn start_within(limits: Limits, timers: Timers, proxies: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let places = Places::new(limits, proxies.parse().unwrap());
        // One for all who ask: they only differ in how they take it.
        let large = Bytes::from(vec![0; 64 << 20]);
        let router = Router::new()
            .route("/", get(|| async { "hello" }))
            .route("/body", post(|body: Bytes| async move { format!("{} bytes", body.len()) }))
            .route(
                "/large",
                get(move || {
                    let large = large.clone();
                    async move { large }
                }),
            )
            .route("/slow", get(|| async { sleep(TIMERS.header * 4).await }));
        let stop = CancellationToken::new();
        let serving = tokio::spawn(serve(listener, router, places.clone(), timers, stop.clone()));
        Self { address, places, stop, serving }
    }

    async fn stop(self) {
        self.stop.cancel();
        timeout(PATIENCE, self.serving).await.unwrap().unwrap();
        assert_eq!(self.places.n_taken(), 0);
    }

    /// From another address of this machine.
    async fn connect(&self, from: &str) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(format!("{from}:0").parse().unwrap()).unwrap();
        timeout(PATIENCE, socket.connect(self.address)).await.unwrap().unwrap()
    }
}

async fn ask(stream: &mut TcpStream, path: &str) {
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: weft.test\r\n\r\n").as_bytes()).await.unwrap();
}

/// What comes within a while; empty once the connection is closed.
async fn hear(stream: &mut TcpStream) -> String {
    let mut bytes = [0; 4096];
    match timeout(PATIENCE, stream.read(&mut bytes)).await.expect("something is heard or it is closed") {
        Ok(n) => String::from_utf8_lossy(&bytes[..n]).into_owned(),
        // Reset instead of closed.
        Err(_) => String::new(),
    }
}

#[tokio::test]
async fn a_header_has_its_time_however_it_is_spread() {
    let listening = Listening::start(TIMERS, "").await;
    let began = Instant::now();
    let mut trickling = listening.connect("127.0.0.1").await;
    let mut silent = listening.connect("127.0.0.1").await;
    for byte in b"GET / HTTP/1.1\r\nHost: weft.test\r\nX: ".iter().chain(std::iter::repeat_n(&b'x', 10_000)) {
        if trickling.write_all(&[*byte]).await.is_err() {
            break;
        }
        sleep(TIMERS.header / 20).await;
    }
    assert!(began.elapsed() < PATIENCE, "it was cut off in the middle");
    assert_eq!(hear(&mut silent).await, "");
    listening.stop().await;
}

#[tokio::test]
async fn silence_between_two_requests_has_its_time_and_our_proxies_have_more() {
    let listening = Listening::start(TIMERS, "127.0.0.9").await;
    let (mut theirs, mut ours) = (listening.connect("127.0.0.2").await, listening.connect("127.0.0.9").await);
    for stream in [&mut theirs, &mut ours] {
        ask(stream, "/").await;
        assert!(hear(stream).await.ends_with("hello"));
    }
    assert_eq!(hear(&mut theirs).await, "", "it is closed");
    sleep(TIMERS.header).await;
    ask(&mut ours, "/").await;
    assert!(hear(&mut ours).await.ends_with("hello"));
    drop(ours);
    listening.stop().await;
}

#[tokio::test]
async fn an_answer_may_take_its_time() {
    let listening = Listening::start(TIMERS, "").await;
    let mut stream = listening.connect("127.0.0.1").await;
    ask(&mut stream, "/slow").await;
    assert!(hear(&mut stream).await.starts_with("HTTP/1.1 200"));
    listening.stop().await;
}

#[tokio::test]
async fn a_peer_that_takes_no_bytes_is_given_up() {
    let listening = Listening::start(TIMERS, "").await;
    let mut stream = listening.connect("127.0.0.1").await;
    ask(&mut stream, "/large").await;
    let began = Instant::now();
    sleep(TIMERS.write / 2).await;
    assert_eq!(listening.places.n_taken(), 1);
    while listening.places.n_taken() > 0 {
        assert!(began.elapsed() < PATIENCE, "the connection is still there");
        sleep(Duration::from_millis(5)).await;
    }
    // Whoever reads slowly, but reads, gets everything.
    let mut slow = listening.connect("127.0.0.1").await;
    ask(&mut slow, "/large").await;
    let (mut n, mut bytes) = (0, vec![0; 4 << 20]);
    while n < 64 << 20 {
        sleep(TIMERS.write / 10).await;
        n += timeout(PATIENCE, slow.read(&mut bytes)).await.unwrap().unwrap();
    }
    drop(slow);
    listening.stop().await;
}

#[tokio::test]
async fn an_answer_arrives_although_the_body_was_not_wanted() {
    let listening = Listening::start(TIMERS, "").await;
    let mut stream = listening.connect("127.0.0.1").await;
    let body = vec![b'x'; 6 << 20];
    let head = format!("POST / HTTP/1.1\r\nHost: weft.test\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).await.unwrap();
    // As a browser does: first all is sent, then the answer is read.
    for piece in body.chunks(256 << 10) {
        sleep(Duration::from_millis(5)).await;
        stream.write_all(piece).await.unwrap();
    }
    assert!(hear(&mut stream).await.starts_with("HTTP/1.1 405"));
    listening.stop().await;
}

#[tokio::test]
async fn two_thousand_idle_connections_from_one_address_keep_nobody_out() {
    let patient = Timers { header: Duration::from_mins(1), ..TIMERS };
    let listening = Listening::start(patient, "").await;
    let network = Limits::for_files(raise_file_limit()).network;
    let mut crowd = Vec::new();
    for _ in 0..2_000 {
        crowd.push(listening.connect("127.0.0.2").await);
    }
    let mut other = listening.connect("127.0.0.3").await;
    ask(&mut other, "/").await;
    assert!(hear(&mut other).await.ends_with("hello"));
    let mut same = listening.connect("127.0.0.2").await;
    ask(&mut same, "/").await;
    assert!(hear(&mut same).await.ends_with("hello"), "not even behind the same address");
    let began = Instant::now();
    while listening.places.n_taken() > network + 1 {
        assert!(began.elapsed() < PATIENCE, "{} connections are open", listening.places.n_taken());
        sleep(Duration::from_millis(5)).await;
    }
    drop((crowd, other, same));
    listening.stop().await;
}

#[tokio::test]
async fn stopping_closes_what_is_idle_and_waits_for_what_is_being_answered() {
    let listening = Listening::start(Timers::default(), "").await;
    let (mut idle, mut asking) = (listening.connect("127.0.0.1").await, listening.connect("127.0.0.1").await);
    ask(&mut idle, "/").await;
    hear(&mut idle).await;
    ask(&mut asking, "/slow").await;
    sleep(TIMERS.header).await;
    listening.stop.cancel();
    assert_eq!(hear(&mut idle).await, "");
    assert!(hear(&mut asking).await.starts_with("HTTP/1.1 200"));
    listening.stop().await;
}

/// So few places that sixteen connections take all of them.
const TIGHT: Limits = Limits { total: 64, strangers: 16, network: 4, person: 4 };

/// Four connections from each of so many addresses, each of which has sent the same.
async fn crowd(listening: &Listening, n_networks: usize, sent: &str) -> Vec<TcpStream> {
    let mut crowd = Vec::new();
    for n in 0..n_networks * TIGHT.network {
        let mut stream = listening.connect(&format!("127.0.1.{}", n / TIGHT.network + 1)).await;
        stream.write_all(sent.as_bytes()).await.unwrap();
        crowd.push(stream);
    }
    // Until the server has seen what was sent.
    sleep(TIMERS.header / 2).await;
    crowd
}

#[tokio::test]
async fn bodies_that_do_not_come_and_answers_that_nobody_takes_keep_nobody_out() {
    let patient =
        Timers { header: Duration::from_mins(1), proxy: Duration::from_mins(1), write: Duration::from_mins(1) };
    for sent in [
        "POST /body HTTP/1.1\r\nHost: weft.test\r\nContent-Length: 4096\r\n\r\n{",
        "POST /body HTTP/1.1\r\nHost: weft.test\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
        "GET /large HTTP/1.1\r\nHost: weft.test\r\n\r\n",
    ] {
        let listening = Listening::start_within(TIGHT, patient, "").await;
        let crowd = crowd(&listening, 5, sent).await;
        let mut other = listening.connect("127.0.0.3").await;
        ask(&mut other, "/").await;
        assert!(hear(&mut other).await.ends_with("hello"), "{sent}");
        let mut same = listening.connect("127.0.1.1").await;
        ask(&mut same, "/").await;
        assert!(hear(&mut same).await.ends_with("hello"), "not even behind the same address: {sent}");
        // Whoever sends a body slowly, but is no crowd, is left in peace by who comes after.
        let mut slow = listening.connect("127.0.0.4").await;
        slow.write_all(b"POST /body HTTP/1.1\r\nHost: weft.test\r\nContent-Length: 2\r\n\r\n{").await.unwrap();
        for n in 10..20 {
            let mut next = listening.connect(&format!("127.0.0.{n}")).await;
            ask(&mut next, "/").await;
            assert!(hear(&mut next).await.ends_with("hello"), "{sent}");
        }
        slow.write_all(b"}").await.unwrap();
        assert!(hear(&mut slow).await.ends_with("2 bytes"), "{sent}");
        drop((crowd, other, same, slow));
        listening.stop().await;
    }
}

#[tokio::test]
async fn a_header_is_read_as_far_as_its_limit_and_names_one_host() {
    let listening = Listening::start(Timers::default(), "").await;
    let of = |n: usize| format!("GET / HTTP/1.1\r\nHost: weft.test\r\nX: {}\r\n\r\n", "x".repeat(n));
    for (head, expected) in [
        (of(60 * 1024), "200"),
        (of(66 * 1024), "431"),
        (of(100 * 1024), "431"),
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), "400"),
        ("GET / HTTP/1.1\r\nHost: weft.test\r\nHost: evil.test\r\n\r\n".to_owned(), "400"),
        ("GET / HTTP/1.0\r\n\r\n".to_owned(), "200"),
    ] {
        let mut stream = listening.connect("127.0.0.1").await;
        stream.write_all(head.as_bytes()).await.unwrap();
        let heard = hear(&mut stream).await;
        assert_eq!(heard.get(9..12), Some(expected), "{} bytes: {heard}", head.len());
    }
    listening.stop().await;
}
