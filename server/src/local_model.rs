//! Runs the small local model as a child process beside the server, and starts it again when it dies.
//! Pages never wait for it: until it has loaded, its steps are retried like those of any provider that is away.

use std::{net::TcpListener, process::Stdio, time::Duration};

use agents::{Provider, ProviderKind};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::{
    process::{Child, Command},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use crate::config::LocalModelFiles;

/// What agents call it.
pub const NAME: &str = "local";
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// A model that ran this long is given a fresh start.
const STEADY_AFTER: Duration = Duration::from_mins(1);
/// It finishes the answers it is writing; then it is ended.
const STOPPED_WITHIN: Duration = Duration::from_secs(6);

pub struct LocalModel {
    files: LocalModelFiles,
    port: u16,
}

impl LocalModel {
    /// Chooses its port, so that its address is known before it runs.
    pub fn new(files: LocalModelFiles) -> std::io::Result<Self> {
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        Ok(Self { files, port })
    }

    pub fn provider(&self) -> Provider {
        let model =
            self.files.model.file_stem().map_or_else(|| NAME.to_owned(), |stem| stem.to_string_lossy().into_owned());
        Provider {
            kind: ProviderKind::OPENAI,
            url: Some(format!("http://127.0.0.1:{}/v1/", self.port)),
            // The protocol wants one; the model asks for none.
            key: Some("local".to_owned().into()),
            model,
            price: None,
        }
    }

    /// Keeps it running until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let mut pause = FIRST_PAUSE;
        loop {
            let began = Instant::now();
            match self.start() {
                Ok(mut child) => tokio::select! {
                    () = stop.cancelled() => return end(child).await,
                    status = child.wait() => match status {
                        Ok(status) => tracing::warn!(%status, "the local model ended; starting it again"),
                        Err(error) => tracing::warn!(%error, "cannot wait for the local model"),
                    },
                },
                Err(error) => {
                    tracing::warn!(%error, "cannot start the local model {}", self.files.program.display());
                }
            }
            if began.elapsed() > STEADY_AFTER {
                pause = FIRST_PAUSE;
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
            }
        }
    }

    fn start(&self) -> std::io::Result<Child> {
        let mut command = Command::new(&self.files.program);
        command.arg("--model").arg(&self.files.model).arg("--listen").arg(format!("127.0.0.1:{}", self.port));
        command.arg("--exit-with-parent");
        // Its own group: Ctrl-C in the terminal is for Weft, which drains its steps before it ends the model.
        command.stdin(Stdio::null()).stdout(Stdio::null()).process_group(0).kill_on_drop(true);
        command.spawn()
    }
}

async fn end(mut child: Child) {
    if let Some(pid) = child.id().and_then(|pid| i32::try_from(pid).ok())
        // Gone already is as good.
        && kill(Pid::from_raw(pid), Signal::SIGTERM).is_ok()
        && tokio::time::timeout(STOPPED_WITHIN, child.wait()).await.is_ok()
    {
        return;
    }
    if let Err(error) = child.kill().await {
        tracing::warn!(%error, "cannot end the local model");
    }
}
