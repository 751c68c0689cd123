//! The other sides: a mail server that speaks SMTP, and a receiver of posts, each as good or as bad as a test wants it.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, AtomicU16, Ordering},
};

use axum::{Router, body::Bytes, extract::State, response::IntoResponse};
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, StatusCode, Uri};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

/// How a mail server behaves.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    Good,
    /// Takes the connection and says nothing.
    Hanging,
    /// Knows nobody.
    Refusing,
    /// Lets nobody sign in, and says with what they tried.
    Repeating,
}

#[derive(Default)]
struct Kept {
    mails: Vec<Mailbox>,
    signed_in: Vec<String>,
}

/// A mail server on loopback.
pub(super) struct Smtp {
    pub(super) port: u16,
    kept: Arc<Mutex<Kept>>,
}

/// A mail as it came.
#[derive(Clone, Debug)]
pub(super) struct Mailbox {
    pub(super) to: String,
    pub(super) raw: String,
}

impl Smtp {
    pub(super) async fn start() -> Self {
        Self::with(Manner::Good).await
    }

    pub(super) async fn hanging() -> Self {
        Self::with(Manner::Hanging).await
    }

    pub(super) async fn refusing() -> Self {
        Self::with(Manner::Refusing).await
    }

    pub(super) async fn repeating() -> Self {
        Self::with(Manner::Repeating).await
    }

    async fn with(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let kept = Arc::<Mutex<Kept>>::default();
        tokio::spawn({
            let kept = Arc::clone(&kept);
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(serve(stream, manner, Arc::clone(&kept)));
                }
            }
        });
        Self { port, kept }
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn mails(&self) -> Vec<Mailbox> {
        self.kept().mails.clone()
    }

    pub(super) fn take(&self) -> Vec<Mailbox> {
        std::mem::take(&mut self.kept().mails)
    }

    /// What was given to sign in.
    pub(super) fn signed_in(&self) -> Vec<String> {
        self.kept().signed_in.clone()
    }
}

async fn serve(stream: TcpStream, manner: Manner, kept: Arc<Mutex<Kept>>) {
    if manner == Manner::Hanging {
        // For as long as the other side likes.
        let mut lines = BufReader::new(stream).lines();
        while let Ok(Some(_)) = lines.next_line().await {}
        return;
    }
    let (reader, mut writer) = stream.into_split();
    let mut lines = BufReader::new(reader).lines();
    writer.write_all(b"220 test ESMTP\r\n").await.unwrap();
    let mut to = String::new();
    while let Ok(Some(line)) = lines.next_line().await {
        let command = line.to_ascii_uppercase();
        let refusal: String;
        let answer = if command.starts_with("EHLO") {
            "250-test\r\n250-8BITMIME\r\n250 AUTH PLAIN\r\n"
        } else if let Some(given) = line.strip_prefix("AUTH PLAIN ") {
            let encoded = given;
            let given = String::from_utf8(STANDARD.decode(encoded).unwrap()).unwrap();
            refusal = format!("535 {} ({encoded}) is nobody\r\n", given.replace('\0', " "));
            kept.lock().unwrap_or_else(PoisonError::into_inner).signed_in.push(given);
            if manner == Manner::Repeating { refusal.as_str() } else { "235 welcome\r\n" }
        } else if command.starts_with("RCPT TO") {
            to = line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
            if manner == Manner::Refusing { "550 mailbox unavailable here\r\n" } else { "250 fine\r\n" }
        } else if command == "DATA" {
            writer.write_all(b"354 go on\r\n").await.unwrap();
            let mut raw = String::new();
            while let Ok(Some(line)) = lines.next_line().await {
                if line == "." {
                    break;
                }
                raw.push_str(line.strip_prefix('.').unwrap_or(&line));
                raw.push_str("\r\n");
            }
            let mail = Mailbox { to: std::mem::take(&mut to), raw };
            kept.lock().unwrap_or_else(PoisonError::into_inner).mails.push(mail);
            "250 queued as 1\r\n"
        } else if command == "QUIT" {
            "221 bye\r\n"
        } else {
            "250 fine\r\n"
        };
        if writer.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

impl Mailbox {
    /// A header on one line, as it was sent.
    pub(super) fn header(&self, name: &str) -> String {
        let head = self.raw.split("\r\n\r\n").next().unwrap_or_default().replace("\r\n ", " ");
        let found =
            head.lines().find_map(|line| line.strip_prefix(&format!("{name}:")).map(str::trim).map(str::to_owned));
        found.unwrap_or_default()
    }

    /// In letters.
    pub(super) fn subject(&self) -> String {
        let mut subject = String::new();
        let mut was_encoded = false;
        for word in self.header("Subject").split(' ') {
            let encoded = word.strip_prefix("=?utf-8?b?").and_then(|word| word.strip_suffix("?="));
            // Between two that are encoded, the space is none.
            if !(subject.is_empty() || was_encoded && encoded.is_some()) {
                subject.push(' ');
            }
            was_encoded = encoded.is_some();
            match encoded {
                Some(encoded) => subject.push_str(&String::from_utf8(STANDARD.decode(encoded).unwrap()).unwrap()),
                None => subject.push_str(word),
            }
        }
        subject
    }

    /// The body, whichever way it was encoded.
    pub(super) fn text(&self) -> String {
        let body = self.raw.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        match self.header("Content-Transfer-Encoding").as_str() {
            "base64" => {
                let packed: String = body.split_whitespace().collect();
                String::from_utf8(STANDARD.decode(packed).unwrap()).unwrap()
            }
            "quoted-printable" => unquoted(body),
            _ => body.to_owned(),
        }
    }
}

fn unquoted(body: &str) -> String {
    let joined = body.replace("=\r\n", "");
    let mut bytes = Vec::new();
    let mut rest = joined.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let byte = (*first == b'=').then(|| after.get(..2)).flatten();
        let byte = byte.and_then(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(bytes).unwrap()
}

/// A post as it came.
#[derive(Clone, Debug)]
pub(super) struct Post {
    headers: HeaderMap,
    raw: String,
    pub(super) body: Value,
}

impl Post {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(super) fn id(&self) -> &str {
        self.header("webhook-id")
    }

    /// As a receiver checks it.
    pub(super) fn is_signed_with(&self, secret: &str) -> bool {
        let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
        let signed = format!("{}.{}.{}", self.id(), self.header("webhook-timestamp"), self.raw);
        let expected = format!("v1,{}", STANDARD.encode(hmac_sha256(&key, signed.as_bytes())));
        !self.id().is_empty() && self.header("webhook-signature") == expected
    }
}

/// By hand, so that it is not what it checks.
fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    use sha2::{Digest, Sha256};
    let mut block = [0_u8; 64];
    block[..key.len()].copy_from_slice(key);
    let inner = Sha256::new().chain_update(block.map(|byte| byte ^ 0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(block.map(|byte| byte ^ 0x5c)).chain_update(inner).finalize().into()
}

#[derive(Default)]
struct Desk {
    taken: Mutex<Vec<Post>>,
    status: AtomicU16,
    repeats: AtomicBool,
}

/// Whoever takes posts, on loopback.
pub(super) struct Receiver {
    port: u16,
    desk: Arc<Desk>,
}

impl Receiver {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let desk = Arc::new(Desk { status: AtomicU16::new(200), ..Desk::default() });
        let router = Router::new().fallback(take).with_state(Arc::clone(&desk));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { port, desk }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// From now on.
    pub(super) fn answer(&self, status: u16) {
        self.desk.status.store(status, Ordering::SeqCst);
    }

    /// It answers with where and with what it was asked.
    pub(super) fn repeat(&self) {
        self.desk.repeats.store(true, Ordering::SeqCst);
    }

    pub(super) fn taken(&self) -> Vec<Post> {
        self.desk.taken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn take(State(desk): State<Arc<Desk>>, uri: Uri, headers: HeaderMap, body: Bytes) -> impl IntoResponse {
    let raw = String::from_utf8(body.to_vec()).unwrap();
    let post = Post { body: serde_json::from_str(&raw).unwrap(), headers, raw };
    desk.taken.lock().unwrap_or_else(PoisonError::into_inner).push(post);
    let said = if desk.repeats.load(Ordering::SeqCst) { uri.to_string() } else { "ok".to_owned() };
    (StatusCode::from_u16(desk.status.load(Ordering::SeqCst)).unwrap(), said)
}
