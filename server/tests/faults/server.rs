//! A `weft serve` process, its command line and its REST API.
//! Must never bring an HTTP client: what a fault does to a connection has to be seen as it is.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;

const PASSWORD: &str = "a-password-for-tests";

pub(crate) struct Server {
    child: Child,
    url: String,
}

/// Somebody signed in by a token, who says of a request whether it is a repetition.
pub(crate) struct Request<'a> {
    pub token: &'a str,
    pub method: &'a str,
    pub path: &'a str,
    pub key: Option<&'a str>,
    pub body: Value,
}

impl Request<'_> {
    /// None when the connection ended without an answer.
    pub(crate) fn send(&self, address: &str) -> Option<(u16, Value)> {
        let Self { token, method, path, key, body } = self;
        let mut stream = TcpStream::connect(address).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
        let body = if *method == "GET" { String::new() } else { body.to_string() };
        let key = key.map(|key| format!("Idempotency-Key: {key}\r\n")).unwrap_or_default();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n{key}\
            Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        stream.write_all((head + &body).as_bytes()).ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok()?;
        let text = String::from_utf8_lossy(&answer);
        let status = text.split(' ').nth(1)?.parse().ok()?;
        let json = text.split_once("\r\n\r\n")?.1;
        let json = json
            .find(['{', '['])
            .and_then(|from| serde_json::Deserializer::from_str(&json[from..]).into_iter::<Value>().next()?.ok());
        Some((status, json.unwrap_or_default()))
    }
}

impl Server {
    /// `command` is a `weft serve`; comes back once it answers.
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child = command.env("WEFT_LISTEN", "127.0.0.1:0").stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let url = lines
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix("Weft is at ").map(str::to_owned))
            .expect("the server says where it is");
        Self { child, url }
    }

    /// Host and port.
    pub(crate) fn address(&self) -> &str {
        self.url.trim_start_matches("http://").trim_end_matches('/')
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn kill(mut self) {
        self.signal(Signal::SIGKILL);
        self.child.wait().unwrap();
    }

    /// Asks it to end, and tells how it did.
    pub(crate) fn end(mut self) -> Option<i32> {
        self.signal(Signal::SIGTERM);
        self.child.wait().unwrap().code()
    }

    fn signal(&self, signal: Signal) {
        // It may be gone already.
        let _ = kill(Pid::from_raw(i32::try_from(self.child.id()).expect("a pid")), signal);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Asked politely, so that it stops its Postgres too.
        self.signal(Signal::SIGTERM);
        let _ = self.child.wait();
    }
}

/// What a `weft` command prints; it gets a password on its standard input, should it ask for one.
fn output(mut command: Command) -> String {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(format!("{PASSWORD}\n").as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{command:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Whom `admin` makes; in a `World` she is there already.
const EMAIL: &str = "ada@example.com";

/// An admin's token. `command` makes a `weft` command that reaches the server's database.
pub(crate) fn admin(command: impl Fn(&[&str]) -> Command) -> String {
    output(command(&["user", "create", "--role", "admin", "--email", EMAIL, "--password-stdin"]));
    token(command)
}

/// A token of the admin who is there.
pub(crate) fn token(command: impl Fn(&[&str]) -> Command) -> String {
    output(command(&["token", "create", "--email", EMAIL, "--scope", "read,run,review,admin"]))
}
