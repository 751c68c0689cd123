//! `weft watch RUN`: the live feed of a run as lines, for people at a terminal and for scripts.
//! It speaks the protocol that the browser speaks, and comes back by itself when the connection is lost.

use std::{fmt::Write as _, io::Write as _, process::ExitCode, time::Duration};

use anyhow::{Context, Result, bail};
use clap::Args;
use futures::{SinkExt, StreamExt};
use http::header;
use tokio_tungstenite::{
    connect_async_with_config,
    tungstenite::{self, Message, client::IntoClientRequest, protocol::WebSocketConfig},
};
use workflow::{
    RunId, RunStatus,
    api::{ApiError, EventView, Follow, RunFrame},
    run::event::EventKind,
    words::count,
};

use super::remote::{OneRun, Remote, plain};

const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// A run that ended may be reopened by an event that is already on its way.
const QUIET_AFTER_END: Duration = Duration::from_millis(500);
/// The server pings every 20 s.
const SILENT_FOR: Duration = Duration::from_secs(50);
const MAX_FRAME_BYTES: usize = 64 * 1024 * 1024;
/// Steps of one event that are named before "and N more".
const NAMED: usize = 8;

#[derive(Args, Debug)]
pub(super) struct Watch {
    /// The run to watch
    run: OneRun,
    #[command(flatten)]
    remote: Remote,
    /// Begin after this event instead of at the first one
    #[arg(long, default_value_t = 0)]
    after: i64,
    /// Go on after the run has ended: a person may reopen it
    #[arg(long)]
    follow: bool,
}

/// Why a connection ended.
enum End {
    Over(RunStatus),
    Lost(String),
}

pub(super) async fn run(command: Watch) -> Result<ExitCode> {
    let url = socket_url(&command.remote.server, command.run.0)?;
    let mut watched = Watched { seq: command.after, ..Watched::default() };
    let mut pause = FIRST_PAUSE;
    loop {
        let before = watched.seq;
        match watched.connect(&url, &command).await? {
            End::Over(RunStatus::Completed) => return Ok(ExitCode::SUCCESS),
            End::Over(_) => return Ok(ExitCode::FAILURE),
            End::Lost(reason) => {
                if !watched.was_connected {
                    bail!(
                        "cannot reach the server at {}: {reason}\nCheck that it runs, and name its address with --server",
                        command.remote.server
                    );
                }
                if watched.seq > before {
                    pause = FIRST_PAUSE;
                }
                // Once for each time it is lost, not for each try.
                if std::mem::take(&mut watched.is_connected) {
                    eprintln!("weft: the connection was lost ({reason}); trying again");
                }
                // Half fixed, half drawn, so that many watchers do not come back at the same instant.
                tokio::time::sleep(pause.mul_f64(0.5 + rand::random::<f64>() / 2.0)).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

fn socket_url(url: &str, run: RunId) -> Result<String> {
    let url = url.trim_end_matches('/');
    let base = if let Some(rest) = url.strip_prefix("https://") {
        format!("wss://{rest}")
    } else if let Some(rest) = url.strip_prefix("http://") {
        format!("ws://{rest}")
    } else {
        bail!("the server's address begins with http:// or https://, such as http://127.0.0.1:3000");
    };
    Ok(format!("{base}/api/workflows/runs/{run}/live"))
}

#[derive(Default)]
struct Watched {
    /// The last event that was printed.
    seq: i64,
    status: Option<RunStatus>,
    is_connected: bool,
    /// A server that was there once comes back; one that never was is a wrong address.
    was_connected: bool,
}

impl Watched {
    async fn connect(&mut self, url: &str, command: &Watch) -> Result<End> {
        let mut request = url.into_client_request().context("the server's address cannot be read")?;
        request.headers_mut().insert(header::AUTHORIZATION, command.remote.bearer()?);
        let config =
            WebSocketConfig::default().max_message_size(Some(MAX_FRAME_BYTES)).max_frame_size(Some(MAX_FRAME_BYTES));
        let mut socket = match connect_async_with_config(request, Some(config), true).await {
            Ok((socket, _)) => socket,
            Err(tungstenite::Error::Http(response)) => return refused(&response),
            Err(error) => return Ok(End::Lost(error.to_string())),
        };
        (self.is_connected, self.was_connected) = (true, true);
        let hello = serde_json::to_string(&Follow { after: self.seq, told_at: None })?;
        if let Err(error) = socket.send(Message::text(hello)).await {
            return Ok(End::Lost(error.to_string()));
        }
        loop {
            let is_over = !command.follow && self.status.is_some_and(is_final);
            let wait = if is_over { QUIET_AFTER_END } else { SILENT_FOR };
            let message = match tokio::time::timeout(wait, socket.next()).await {
                Ok(Some(Ok(message))) => message,
                Ok(Some(Err(error))) => return Ok(End::Lost(error.to_string())),
                Ok(None) => return Ok(End::Lost("the server closed it".to_owned())),
                Err(_) => match self.status.filter(|_| is_over) {
                    Some(status) => {
                        // The server may be gone already, which is no matter now.
                        let _ = socket.close(None).await;
                        return Ok(End::Over(status));
                    }
                    None => return Ok(End::Lost("nothing was heard for too long".to_owned())),
                },
            };
            match message {
                Message::Text(text) => {
                    self.take(serde_json::from_str(&text).context("the server said something unknown")?)?;
                }
                Message::Close(Some(close)) => return Ok(End::Lost(close.reason.to_string())),
                _ => {}
            }
        }
    }

    fn take(&mut self, frame: RunFrame) -> Result<()> {
        match frame {
            RunFrame::Event { event, people } if event.seq > self.seq => {
                self.seq = event.seq;
                if let Some(run) = &event.data.run {
                    self.status = Some(run.status);
                }
                print(&line(&EventView::of(&event, &people)))
            }
            // Tokens are for the page. After a resync the next event stands for those that were left out.
            RunFrame::Event { .. }
            | RunFrame::Delta(_)
            | RunFrame::Telling(_)
            | RunFrame::Absent { .. }
            | RunFrame::Resync
            | RunFrame::Beat(_) => Ok(()),
        }
    }
}

/// 4xx will not get better by trying again.
fn refused(response: &http::Response<Option<Vec<u8>>>) -> Result<End> {
    let told = response.body().as_deref().and_then(|body| serde_json::from_slice::<ApiError>(body).ok());
    let detail = told.map_or_else(|| response.status().to_string(), |error| error.detail);
    if response.status().is_client_error() && response.status() != http::StatusCode::TOO_MANY_REQUESTS {
        bail!("{detail}");
    }
    Ok(End::Lost(detail))
}

fn is_final(status: RunStatus) -> bool {
    matches!(status, RunStatus::Completed | RunStatus::Failed | RunStatus::Cancelled)
}

/// One event as one line: time, number, step, what happened, and what followed from it.
fn line(event: &EventView) -> String {
    let mut text = format!("{}  {:>6}  ", event.at.format("%H:%M:%S%.3f"), event.seq);
    let effects = &event.data;
    if let Some(step) = &effects.step {
        // Writing to a String cannot fail.
        let _ = write!(text, "{step}  ");
    }
    text.push_str(event.kind.as_str());
    if let Some(actor) = &event.actor {
        let _ = write!(text, "  by {}", actor.email);
    }
    if event.kind == EventKind::StepsStarted {
        let named = effects.attempts.iter().take(NAMED).map(|it| format!("{} attempt {}", it.step, it.number));
        let _ = write!(text, "  {}", named.collect::<Vec<_>>().join(", "));
        let n_more = effects.attempts.len().saturating_sub(NAMED);
        if n_more > 0 {
            let _ = write!(text, " and {}", count(n_more, "more step"));
        }
    }
    for artifact in &effects.artifacts {
        let _ = write!(text, "  {} v{} ({} bytes)", artifact.name, artifact.version, artifact.size);
    }
    if matches!(event.kind, EventKind::StepFailed | EventKind::StepRetrying)
        && let Some(error) = effects.attempts.iter().find_map(|attempt| attempt.error.as_deref())
    {
        let _ = write!(text, "  {}", error.replace(['\n', '\r'], " "));
    }
    if let Some(run) = &effects.run {
        let _ = write!(text, "  run is {}", run.status.as_str());
    }
    text
}

fn print(line: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    // Control characters of a hostile title must not reach the terminal.
    writeln!(out, "{}", plain(line).replace('\n', " ")).context("cannot write to standard output")
}
