//! The Postgres that xtask started: databases on it, and questions that only its tables answer.
//! It speaks through `psql`, so that only the store knows SQL's libraries; a password must never stand in an argument.

use std::{ffi::OsString, path::PathBuf, process::Stdio};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

/// What xtask says of it.
#[derive(Args, Clone, Debug)]
pub(crate) struct Postgres {
    /// Folder of the server's socket
    #[arg(long, env = "PGHOST", hide = true)]
    host: String,
    #[arg(long, env = "PGPORT", hide = true)]
    port: String,
    #[arg(long, env = "PGUSER", hide = true)]
    user: String,
    #[arg(long, env = "PGPASSWORD", hide = true, hide_env_values = true)]
    password: String,
    /// Folder of psql and pgbench
    #[arg(long, env = "WEFT_BENCH_PROGRAMS", hide = true)]
    programs: PathBuf,
}

impl Postgres {
    /// The URL of a database, with the password.
    pub(crate) fn url(&self, database: &str) -> OsString {
        let Self { host, port, user, password, .. } = self;
        format!("postgres://{user}:{password}@localhost:{port}/{database}?host={host}").into()
    }

    /// The same through somebody who listens on a port of this machine, and leads to the socket.
    pub(crate) fn url_through(&self, port: u16, database: &str) -> OsString {
        let Self { user, password, .. } = self;
        format!("postgres://{user}:{password}@127.0.0.1:{port}/{database}?sslmode=disable").into()
    }

    /// Where it is reached by a port of this machine.
    pub(crate) fn tcp_port(&self) -> Option<u16> {
        if self.host.starts_with('/') { None } else { self.port.parse().ok() }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        PathBuf::from(&self.host).join(format!(".s.PGSQL.{}", self.port))
    }

    /// A program of Postgres that finds the server by its environment.
    pub(crate) fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.programs.join(name));
        command.envs(self.environment()).kill_on_drop(true);
        command
    }

    /// What libpq's programs, and libraries that stand on it, find the server by.
    pub(crate) fn environment(&self) -> Vec<(&'static str, OsString)> {
        let Self { host, port, user, password, .. } = self;
        [("PGHOST", host), ("PGPORT", port), ("PGUSER", user), ("PGPASSWORD", password)]
            .map(|(name, value)| (name, value.into()))
            .into()
    }

    pub(crate) fn has_program(&self, name: &str) -> bool {
        self.programs.join(name).is_file()
    }

    pub(crate) async fn create_database(&self, name: &str) -> Result<()> {
        self.execute("postgres", &format!("CREATE DATABASE {name}")).await
    }

    /// Also if somebody is still in it.
    pub(crate) async fn drop_database(&self, name: &str) -> Result<()> {
        self.execute("postgres", &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await
    }

    pub(crate) async fn execute(&self, database: &str, sql: &str) -> Result<()> {
        self.ask_anew(database, sql).await.map(drop)
    }

    /// What a query answers, on a connection that is made for it.
    pub(crate) async fn ask_anew(&self, database: &str, sql: &str) -> Result<String> {
        let mut psql = self.program("psql");
        psql.args(["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", sql]);
        let output = psql.stdin(Stdio::null()).output().await.context("cannot start psql")?;
        if !output.status.success() {
            bail!("psql failed: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    pub(crate) fn connect(&self, database: &str) -> Result<Psql> {
        Psql::start(self.program("psql"), database)
    }
}

/// One connection that stays open: a question takes a tenth of a millisecond, so asking often disturbs little.
pub(crate) struct Psql {
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    /// Ends with this.
    _child: Child,
}

impl Psql {
    fn start(mut psql: Command, database: &str) -> Result<Self> {
        psql.args(["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-d", database]);
        let mut child = psql.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("cannot start psql")?;
        let input = child.stdin.take().context("psql takes no input")?;
        let output = BufReader::new(child.stdout.take().context("psql gives no output")?).lines();
        Ok(Self { input, output, _child: child })
    }

    /// The one line that a query answers.
    pub(crate) async fn ask(&mut self, query: &str) -> Result<String> {
        self.input.write_all(format!("{query};\n").as_bytes()).await.context("psql has ended")?;
        self.input.flush().await.context("psql has ended")?;
        // It said why on the standard error, which is ours.
        self.output.next_line().await.context("psql has ended")?.with_context(|| format!("psql refused: {query}"))
    }

    pub(crate) async fn count(&mut self, query: &str) -> Result<u32> {
        let answer = self.ask(query).await?;
        answer.trim().parse().with_context(|| format!("no number: {answer}"))
    }
}
