//! Real connections that are slow, silent, or too many.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use axum::{Router, routing::get};
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
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let places = Places::new(Limits::for_files(raise_file_limit()), proxies.parse().unwrap());
        let router = Router::new()
            .route("/", get(|| async { "hello" }))
            .route("/large", get(|| async { vec![b'x'; 64 << 20] }))
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
