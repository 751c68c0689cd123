//! The processes of the product under measurement: a `weft serve`, more `weft work` beside it, and single commands.
//! Each is a child that must never outlive the benchmark; what it logs is kept, and shown when it fails.

use std::{
    ffi::{OsStr, OsString},
    fs,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use nix::{
    sys::signal::{Signal, kill},
    unistd::{Pid, Uid, User, chown},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

/// Whom a process of root's becomes, the first that there is.
const USERS: [&str; 2] = ["weft", "nobody"];
const READY_WITHIN: Duration = Duration::from_mins(1);
/// It gives itself 30 s to finish what it runs.
const ENDS_WITHIN: Duration = Duration::from_secs(40);
const COMMAND_WITHIN: Duration = Duration::from_mins(2);

/// The binary `weft`, its settings, and where its processes may write.
#[derive(Clone, Debug)]
pub(crate) struct Weft {
    pub(crate) binary: PathBuf,
    pub(crate) folder: PathBuf,
    pub(crate) model: String,
    /// Whose processes they are from their very beginning; none: whoever measures, and root becomes another by itself.
    user: Option<User>,
}

pub(crate) struct Process {
    child: Child,
    pid: u32,
    /// What it printed last; kept open, or its next line would end it.
    _output: Lines<BufReader<ChildStdout>>,
    log: PathBuf,
}

impl Weft {
    pub(crate) fn new(binary: PathBuf, folder: PathBuf, model: String) -> Self {
        Self { binary, folder, model, user: None }
    }

    /// Whose processes begin as the user that root's would become; what that user could not reach below a folder of root's is copied.
    pub(crate) fn never_root(mut self) -> Result<Self> {
        if !Uid::effective().is_root() {
            return Ok(self);
        }
        let named = |name| User::from_name(name).ok().flatten();
        let user =
            USERS.into_iter().find_map(named).with_context(|| format!("there is no user {}", USERS.join(" or ")))?;
        let binary = self.folder.join("weft");
        fs::copy(&self.binary, &binary).context("cannot copy the program")?;
        let data = self.folder.join("data");
        fs::create_dir_all(&data).context("cannot make the data folder")?;
        chown(&data, Some(user.uid), Some(user.gid)).context("cannot give the data folder away")?;
        (self.binary, self.user) = (binary, Some(user));
        Ok(self)
    }

    /// With the settings of an installation; only what would keep one person from this much work is lifted.
    fn command(&self, database: &OsStr, arguments: &[&str]) -> Command {
        let provider = |field: &str| format!("WEFT_PROVIDER_{}_{field}", crate::definitions::PROVIDER.to_uppercase());
        let mut command = Command::new(&self.binary);
        command.args(arguments).current_dir(&self.folder).kill_on_drop(true);
        if let Some(user) = &self.user {
            command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
        }
        // An interrupt is for the benchmark, which ends them in its own order.
        command.process_group(0);
        for variable in ["PGHOST", "PGPORT", "PGUSER", "PGPASSWORD", "WEFT_LOCAL_LLM_BIN", "WEFT_LOCAL_LLM_MODEL"] {
            command.env_remove(variable);
        }
        command
            .env("DATABASE_URL", database)
            .env("WEFT_DATA_DIR", self.folder.join("data"))
            .env("WEFT_LISTEN", "127.0.0.1:0")
            .env("WEFT_LOG", "warn")
            .env("WEFT_USER_RUNNING_RUNS", "off")
            .env("WEFT_USER_BYTES_PER_DAY", "off")
            .env("WEFT_USER_REQUESTS_PER_SECOND", "off")
            .env(provider("KIND"), "openai")
            .env(provider("URL"), &self.model)
            .env(provider("KEY"), "none")
            .env(provider("MODEL"), crate::definitions::PROVIDER);
        command
    }

    /// What a command prints; `input` is its standard input.
    pub(crate) async fn output(&self, database: &OsStr, arguments: &[&str], input: &str) -> Result<String> {
        let name = format!("weft {}", arguments.join(" "));
        let mut command = self.command(database, arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("cannot start `{}`", self.binary.display()))?;
        let mut stdin = child.stdin.take().context("a child without input")?;
        // A command that wants no input may have closed it.
        let _ = stdin.write_all(input.as_bytes()).await;
        drop(stdin);
        let output = timeout(COMMAND_WITHIN, child.wait_with_output())
            .await
            .with_context(|| format!("`{name}` did not end within {} s", COMMAND_WITHIN.as_secs()))??;
        if !output.status.success() {
            bail!("`{name}` failed: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// What a command prints, however it ends.
    pub(crate) async fn said(&self, database: &OsStr, arguments: &[&str]) -> Result<String> {
        let mut command = self.command(database, arguments);
        command.stdin(Stdio::null());
        let output = timeout(COMMAND_WITHIN, command.output())
            .await
            .with_context(|| format!("`weft {}` did not end", arguments.join(" ")))??;
        let (told, wrong) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        Ok(format!("{wrong}{told}").trim().to_owned())
    }

    /// Another process that executes steps.
    pub(crate) async fn work(&self, database: &OsStr) -> Result<Process> {
        Ok(self.start(database, "work", &[]).await?.0)
    }

    /// One that serves or works, with further settings, once it says that it is ready; of a server, where it is.
    pub(crate) async fn start(
        &self,
        database: &OsStr,
        what: &str,
        settings: &[(&str, OsString)],
    ) -> Result<(Process, String)> {
        let ready = if what == "serve" { "Weft is at " } else { "Weft is working" };
        let (log_file, log) = tempfile::Builder::new()
            .prefix(what)
            .suffix(".log")
            .tempfile_in(&self.folder)
            .and_then(|file| file.keep().map_err(|error| error.error))
            .context("cannot create a log")?;
        let mut command = self.command(database, &[what]);
        command.envs(settings.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log_file);
        let mut child = command.spawn().with_context(|| format!("cannot start `{}`", self.binary.display()))?;
        let pid = child.id().context("it has ended already")?;
        let mut output = BufReader::new(child.stdout.take().context("a child without output")?).lines();
        let told = timeout(READY_WITHIN, async {
            while let Some(line) = output.next_line().await? {
                if let Some(rest) = line.strip_prefix(ready) {
                    return Ok(Some(rest.trim_end_matches('/').to_owned()));
                }
            }
            anyhow::Ok(None)
        });
        let told = told.await.unwrap_or(Ok(None))?;
        let process = Process { child, pid, _output: output, log };
        match told {
            Some(rest) => Ok((process, rest)),
            None => bail!("`weft {what}` was not ready within {} s:\n{}", READY_WITHIN.as_secs(), process.last_words()),
        }
    }
}

impl Process {
    /// The most memory that it ever held, in megabytes; of its children nothing.
    pub(crate) fn peak_mb(&self) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid)).context("the server has ended")?;
        let kilobytes = kilobytes(&status, "VmHWM:").context("the kernel does not say what a process held")?;
        Ok(f64::from(kilobytes) * 1.024 / 1000.0)
    }

    /// The memory that it holds now, in megabytes; of its children nothing.
    pub(crate) fn resident_mb(&self) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid)).context("the server has ended")?;
        let kilobytes = kilobytes(&status, "VmRSS:").context("the kernel does not say what a process holds")?;
        Ok(f64::from(kilobytes) * 1.024 / 1000.0)
    }

    /// The end of its log.
    pub(crate) fn last_words(&self) -> String {
        last_lines(&self.log, 20)
    }

    pub(crate) fn signal(&self, signal: Signal) {
        // It may be gone already.
        let _ = i32::try_from(self.pid).is_ok_and(|pid| kill(Pid::from_raw(pid), signal).is_ok());
    }

    /// How it ended, if it did.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Ends it at once.
    pub(crate) async fn kill(mut self) {
        let _ = self.child.kill().await;
    }

    /// Asks it to end, and makes it where it does not. How it ended, if it did so in time.
    pub(crate) async fn stop(mut self) -> Option<ExitStatus> {
        self.signal(Signal::SIGTERM);
        let ended = timeout(ENDS_WITHIN, self.child.wait()).await;
        if ended.is_err() {
            let _ = self.child.kill().await;
        }
        ended.ok().and_then(Result::ok)
    }
}

fn kilobytes(status: &str, name: &str) -> Option<u32> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

fn last_lines(file: &Path, n: usize) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(n)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_from_what_the_kernel_says() {
        let status = "Name:\tweft\nVmHWM:\t  204800 kB\nVmRSS:\t 1 kB\n";
        assert_eq!((kilobytes(status, "VmHWM:"), kilobytes(status, "VmRSS:")), (Some(204_800), Some(1)));
        assert_eq!(kilobytes("Name:\tweft\n", "VmHWM:"), None);
    }
}
