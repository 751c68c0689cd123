//! Children that do what people's own code asks for: each a process with little time, little memory, no environment and no files,
//! which is killed when nobody waits for it any more, with all that it started.
//! Only a process can be stopped in the middle of one operation, so nothing whose cost cannot be told beforehand may run elsewhere.

use std::{
    ffi::OsString,
    io::{Read, Write},
    os::unix::process::ExitStatusExt,
    path::PathBuf,
    process::{ExitCode, ExitStatus, Stdio},
    sync::Arc,
    time::Duration,
};

use nix::{
    sys::{
        resource::{Resource, setrlimit},
        signal::{Signal, killpg},
    },
    unistd::Pid,
};
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::{Child, Command},
    sync::Semaphore,
};
use workflow::status::Reason;

use crate::{AgentError, template};

/// Processor time of one child; ordinary work takes milliseconds.
const CPU_SECONDS: u64 = 2;
/// Address space of one child, the program itself included.
const MEMORY_BYTES: u64 = 512 * 1024 * 1024;
/// A child that got no processor for so long is given up, so that the step can be tried again.
const PATIENCE: Duration = Duration::from_secs(20);
/// Bytes of a request: the inputs of a template with every character escaped.
const MAX_REQUEST_BYTES: u64 = 256 * 1024 * 1024;
/// Bytes that a child may answer.
const MAX_ANSWER_BYTES: u64 = 8 * 1024 * 1024;
/// The child did its work and says why there is no result.
const REFUSED: u8 = 3;

/// How to start a child, and how many there may be at once.
#[derive(Clone, Debug)]
pub struct Sandbox {
    program: PathBuf,
    arguments: Vec<OsString>,
    turns: Arc<Semaphore>,
}

/// What a child said instead of a result.
#[derive(Serialize, Deserialize)]
pub(crate) struct Refusal {
    pub(crate) class: Reason,
    pub(crate) message: String,
}

impl Sandbox {
    /// The program that ends in [`sandbox_main`], with the arguments that lead it there.
    pub fn new(program: impl Into<PathBuf>, arguments: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        // As many as there are processors: more would only make each of them slower.
        let n_turns = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            program: program.into(),
            arguments: arguments.into_iter().map(Into::into).collect(),
            turns: Arc::new(Semaphore::new(n_turns)),
        }
    }

    /// What a child makes of a request; `what` names it in messages, such as "The prompt". Dropping this kills the child.
    #[tracing::instrument(name = "child", level = "debug", skip(self, request), fields(pid = tracing::field::Empty))]
    pub(crate) async fn run(&self, what: &str, request: &[u8]) -> Result<String, AgentError> {
        let _turn =
            self.turns.acquire().await.map_err(|closed| {
                AgentError::new(Reason::Server, "The sandbox is being shut down").with_source(closed)
            })?;
        let mut family = self.start()?;
        tracing::Span::current().record("pid", family.child.id());
        let answer = tokio::time::timeout(PATIENCE, exchange(&mut family, request)).await;
        let (status, answer) = match answer {
            Ok(Ok(ended)) => ended,
            Ok(Err(error)) => return Err(broken(error)),
            Err(_) => {
                return Err(AgentError::new(
                    Reason::Timeout,
                    format!("{what} could not be rendered within {} s: the machine is too busy", PATIENCE.as_secs()),
                ));
            }
        };
        judge(what, status, answer)
    }

    fn start(&self) -> Result<Family, AgentError> {
        let child = Command::new(&self.program)
            .args(&self.arguments)
            .env_clear()
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(broken)?;
        let group = child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw);
        Ok(Family { child, group: Group(group) })
    }
}

/// A child, and the group of processes that it leads.
struct Family {
    child: Child,
    group: Group,
}

/// Killed when dropped. A child may start others, which it is to be kept from (`limit_this_process`), and which must not outlive it: they
/// would hold its streams open, and go on with nobody to stop them.
struct Group(Option<Pid>);

impl Group {
    fn kill(&self) {
        if let Some(group) = self.0 {
            // Its number is nobody else's while one of them is there, or nobody has waited for the child yet; if none is, there is no such
            // group. Later on the number may be another's, so a child that was waited for has none (`exchange`).
            let _are_gone = killpg(group, Signal::SIGKILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

fn broken(error: std::io::Error) -> AgentError {
    AgentError::new(Reason::Server, "The sandbox cannot be started or broke off").with_source(error)
}

/// Sends the request while reading the answer, so that neither side waits for the other with a full pipe. When the child ends, the rest of
/// its family does, and with them whatever else held the streams.
async fn exchange(family: &mut Family, request: &[u8]) -> std::io::Result<(ExitStatus, Vec<u8>)> {
    let Family { child, group } = family;
    let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(std::io::ErrorKind::BrokenPipe.into());
    };
    let send = async move {
        // A child that ended early says why by its status.
        let _ended_early = stdin.write_all(request).await;
        drop(stdin);
    };
    let mut stdout = stdout.take(MAX_ANSWER_BYTES + 1);
    let read = async {
        let mut answer = Vec::new();
        let read = stdout.read_to_end(&mut answer).await;
        if answer.len() as u64 > MAX_ANSWER_BYTES {
            group.kill();
        }
        read.map(|_| answer)
    };
    let wait = async {
        let status = child.wait().await;
        group.kill();
        status
    };
    let ((), answer, status) = tokio::join!(send, read, wait);
    let status = status?;
    // All of them are gone by now, and what is dropped must not kill whoever has their number next.
    group.0 = None;
    Ok((status, answer?))
}

fn judge(what: &str, status: ExitStatus, answer: Vec<u8>) -> Result<String, AgentError> {
    let too_much = |reason: &str| AgentError::new(Reason::Template, format!("{what} cannot be rendered: {reason}"));
    if status.success() {
        return String::from_utf8(answer)
            .map_err(|error| AgentError::new(Reason::Server, "The sandbox answered no text").with_source(error));
    }
    if status.code() == Some(i32::from(REFUSED)) {
        return match serde_json::from_slice::<Refusal>(&answer) {
            Ok(refusal) => Err(AgentError::new(refusal.class, refusal.message)),
            Err(error) => Err(AgentError::new(Reason::Server, "The sandbox's answer is malformed").with_source(error)),
        };
    }
    match status.signal() {
        Some(signal) if signal == Signal::SIGXCPU as i32 || signal == Signal::SIGKILL as i32 => {
            Err(too_much(template::TOO_MUCH_WORK))
        }
        // Allocations that fail and stacks that overflow abort.
        Some(_) => Err(too_much("it needs too much memory: loop over less, or give it smaller inputs")),
        None => Err(AgentError::new(Reason::Server, "The sandbox ended without an answer")),
    }
}

/// The whole life of a child: takes its limits, reads one request, writes one answer.
pub fn sandbox_main() -> ExitCode {
    match limit_this_process().map_err(std::io::Error::from).and_then(|()| serve()) {
        Ok(code) => code,
        // Nobody reads more than the status.
        Err(_) => ExitCode::FAILURE,
    }
}

fn limit_this_process() -> nix::Result<()> {
    #[cfg(target_os = "linux")]
    nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
    setrlimit(Resource::RLIMIT_CPU, CPU_SECONDS, CPU_SECONDS + 1)?;
    setrlimit(Resource::RLIMIT_AS, MEMORY_BYTES, MEMORY_BYTES)?;
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    setrlimit(Resource::RLIMIT_FSIZE, 0, 0)?;
    // No other process can be started. Of root, whom no limit of this kind binds, no process of the product is.
    setrlimit(Resource::RLIMIT_NPROC, 0, 0)?;
    // Nothing can be opened or connected beyond the three streams.
    setrlimit(Resource::RLIMIT_NOFILE, 3, 3)
}

fn serve() -> std::io::Result<ExitCode> {
    let mut request = Vec::new();
    std::io::stdin().take(MAX_REQUEST_BYTES).read_to_end(&mut request)?;
    let (code, answer) = match template::render_request(&request) {
        Ok(text) => (ExitCode::SUCCESS, text.into_bytes()),
        Err(error) => {
            let refusal = Refusal { class: error.class, message: error.message };
            (ExitCode::from(REFUSED), serde_json::to_vec(&refusal)?)
        }
    };
    let mut stdout = std::io::stdout();
    stdout.write_all(&answer)?;
    stdout.flush()?;
    Ok(code)
}

#[cfg(test)]
mod tests {
    use std::{path::Path, time::Instant};

    use super::*;

    /// What a child of this script is judged to have done, and how long that took. It is told a folder to leave notes in.
    async fn run(script: &str, folder: &Path) -> (Result<String, AgentError>, Duration) {
        let folder = folder.display().to_string();
        let shell = Sandbox::new("/bin/sh", ["-c", script, "sh", &folder]);
        let began = Instant::now();
        let answer = shell.run("The prompt", b"").await;
        (answer, began.elapsed())
    }

    /// Whether the process that is noted there is gone; who nobody has waited for yet is.
    fn is_gone(note: &Path) -> bool {
        let id = std::fs::read_to_string(note).unwrap();
        let Ok(stat) = std::fs::read_to_string(format!("/proc/{}/stat", id.trim())) else { return true };
        stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('Z'))
    }

    async fn until_gone(note: &Path) {
        let began = Instant::now();
        while !is_gone(note) {
            assert!(began.elapsed() < Duration::from_secs(20), "it goes on");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Ignores SIGTERM and SIGHUP, and holds the streams of its parent.
    const GRANDCHILD: &str = "(trap '' TERM HUP; exec /bin/sleep 600) & echo $! > $1/note; ";

    #[tokio::test]
    async fn what_a_child_started_ends_with_it_however_it_ends() {
        let folder = tempfile::tempdir().unwrap();
        for (end, expected) in [
            ("echo done", Ok("done\n")),
            ("ulimit -c 0; kill -ABRT $$", Err(Reason::Template)),
            ("kill -KILL $$", Err(Reason::Template)),
            ("exit 1", Err(Reason::Server)),
        ] {
            let (answer, took) = run(&format!("{GRANDCHILD}{end}"), folder.path()).await;
            assert_eq!(answer.as_deref().map_err(|error| error.class), expected, "{end}");
            assert!(took < PATIENCE, "{end}: it waited for the grandchild");
            until_gone(&folder.path().join("note")).await;
        }
    }

    #[tokio::test]
    async fn a_child_that_ignores_every_wish_is_gone_with_its_family_when_nobody_waits() {
        let folder = tempfile::tempdir().unwrap();
        let (child, note) = (folder.path().join("child"), folder.path().join("note"));
        let script = format!(
            "trap '' TERM HUP INT; {GRANDCHILD} echo $$ > $1/part; mv $1/part $1/child; while :; do /bin/sleep 1; done"
        );
        let place = folder.path().to_owned();
        let attempt = tokio::spawn(async move { run(&script, &place).await.0.is_ok() });
        let began = Instant::now();
        while !child.exists() {
            assert!(began.elapsed() < Duration::from_secs(20), "it does not begin");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        attempt.abort();
        assert!(attempt.await.unwrap_err().is_cancelled());
        until_gone(&child).await;
        until_gone(&note).await;
    }

    #[tokio::test]
    async fn the_number_of_a_child_that_was_waited_for_is_forgotten() {
        let mut family = Sandbox::new("/bin/sh", ["-c", "exit 0"]).start().unwrap();
        assert!(family.group.0.is_some());
        exchange(&mut family, b"").await.unwrap();
        assert!(family.group.0.is_none(), "it may be another's by now");
    }

    #[tokio::test]
    async fn a_flood_is_ended_at_its_bound() {
        let folder = tempfile::tempdir().unwrap();
        let (answer, took) = run(&format!("{GRANDCHILD} while :; do echo 0123456789abcdef; done"), folder.path()).await;
        assert_eq!(answer.unwrap_err().class, Reason::Template);
        assert!(took < PATIENCE, "took {took:?}");
        until_gone(&folder.path().join("note")).await;
        // Errors are nobody's to read, and hold up nobody.
        let (answer, _) = run("head -c 20000000 /dev/zero >&2; echo done", folder.path()).await;
        assert_eq!(answer.unwrap(), "done\n");
    }
}
