//! Runs the small local model as a child process beside the server, and starts it again when it dies.
//! Pages never wait for it: until it has loaded, its steps are retried like those of any provider that is away.

use std::{net::TcpListener, process::Stdio, time::Duration};

use agents::{Provider, ProviderKind};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use rand::RngCore;
use secrecy::{ExposeSecret, SecretString};
use tokio::{
    process::{Child, Command},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use crate::config::LocalModelFiles;

/// All that it finds of our environment: the keys of other providers are none of its business.
const VARIABLES: [&str; 8] = [
    "PATH",
    "TMPDIR",
    "LD_LIBRARY_PATH",
    "RUST_LOG",
    "RUST_BACKTRACE",
    "CANDLE_NUM_THREADS",
    "RAYON_NUM_THREADS",
    "CANDLE_BARRIER_POOL_SPIN_LIMIT",
];
/// Where it finds the token that its callers have to know; a process' environment is its own user's to read.
const TOKEN: &str = "WEFT_LOCAL_LLM_TOKEN";
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
    /// New with every start of ours: nobody else on this machine may use the model.
    token: SecretString,
}

impl LocalModel {
    /// Chooses its port, so that its address is known before it runs.
    pub fn new(files: LocalModelFiles) -> std::io::Result<Self> {
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let mut token = [0; 32];
        rand::rng().fill_bytes(&mut token);
        Ok(Self { files, port, token: hex::encode(token).into() })
    }

    pub fn provider(&self) -> Provider {
        Provider {
            kind: ProviderKind::OpenAi,
            url: Some(format!("http://127.0.0.1:{}/v1/", self.port)),
            key: Some(self.token.clone()),
            model: self.files.model_name(),
            price: None,
        }
    }

    /// Keeps it running until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let mut pause = FIRST_PAUSE;
        loop {
            let began = Instant::now();
            match self.start() {
                Ok(mut child) => {
                    let pid = child.id();
                    tracing::debug!(pid, "the local model runs");
                    tokio::select! {
                        () = stop.cancelled() => return end(child).await,
                        status = child.wait() => match status {
                            Ok(status) => tracing::warn!(pid, %status, "the local model ended; starting it again"),
                            Err(error) => tracing::warn!(pid, %error, "cannot wait for the local model"),
                        },
                    }
                }
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
        command.env_clear().envs(std::env::vars_os().filter(|(name, _)| VARIABLES.iter().any(|kept| name == kept)));
        // Not as an argument: those are for everybody to read.
        command.env(TOKEN, self.token.expose_secret());
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

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, os::unix::fs::PermissionsExt};

    use super::*;

    #[tokio::test]
    async fn its_process_finds_nothing_of_our_environment_but_what_is_listed() {
        // The runner of tests sets many variables; a key among them would be no different.
        assert!(std::env::vars_os().any(|(name, _)| name == "CARGO_MANIFEST_DIR"));
        let folder = tempfile::tempdir().unwrap();
        let (program, told) = (folder.path().join("program"), folder.path().join("told"));
        fs::write(&program, format!("#!/bin/sh\n/usr/bin/env > '{}'\n", told.display())).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let model = LocalModel::new(LocalModelFiles { program, model: folder.path().join("m.gguf") }).unwrap();
        let key = model.provider().key;
        model.start().unwrap().wait().await.unwrap();
        let told = fs::read_to_string(told).unwrap();
        let names: BTreeSet<&str> = told.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
        // The shell sets some by itself.
        let own = ["PWD", "OLDPWD", "SHLVL", "_", TOKEN];
        let strange: Vec<_> = names.iter().filter(|name| !VARIABLES.contains(name) && !own.contains(name)).collect();
        assert!(strange.is_empty(), "{strange:?}");
        let key = key.as_ref().expect("the provider has the key").expose_secret();
        let variable = format!("{TOKEN}={key}");
        assert!(key.len() == 64 && told.lines().any(|line| line == variable));
    }
}
