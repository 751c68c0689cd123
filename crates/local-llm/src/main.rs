//! `local-llm`: an OpenAI-compatible endpoint over one small GGUF model, on the CPU, in one process.
//! It knows nothing of workflows; it must answer nobody without the token, print one line to standard output (and a token that it made
//! itself on a second one), and never a prompt or an answer anywhere.

mod api;
mod error;
mod llama;
mod model;
mod queue;
mod request;
mod sampling;
mod text;
mod token;
mod tokenizer;
mod worker;

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::os::unix::process::{CommandExt, parent_id};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::Parser;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{oneshot, watch};
use tracing_subscriber::EnvFilter;

use crate::api::{Api, Loaded};
use crate::error::LoadError;
use crate::model::Model;
use crate::token::Token;
use crate::worker::{Inbox, Queue};

/// How long answers that are being written may go on after a signal to end.
const DRAIN: Duration = Duration::from_secs(5);

/// How often an idle computing thread looks for work before it sleeps; candle's own 25,000 starves other processes.
const SPINS: &str = "1000";

/// An OpenAI-compatible endpoint over a small GGUF model
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Requests present the token of WEFT_LOCAL_LLM_TOKEN as `Authorization: Bearer ...`. Without that variable a new one is made and printed."
)]
struct Args {
    /// The GGUF file to serve
    #[arg(long, env = "WEFT_LOCAL_LLM_MODEL")]
    model: PathBuf,
    /// Where to listen; port 0 takes a free one
    #[arg(long, env = "WEFT_LOCAL_LLM_LISTEN", default_value = "127.0.0.1:8790")]
    listen: SocketAddr,
    /// Threads that compute; default: all cores but one
    #[arg(long, env = "WEFT_LOCAL_LLM_THREADS")]
    threads: Option<NonZeroUsize>,
    /// Requests in hand, running and waiting, before new ones are answered 429
    #[arg(long, env = "WEFT_LOCAL_LLM_MAX_QUEUE", default_value = "64")]
    max_queue: NonZeroUsize,
    /// Output limit of requests that name none
    #[arg(long, env = "WEFT_LOCAL_LLM_MAX_TOKENS", default_value = "512")]
    max_tokens: NonZeroUsize,
    /// Tokens that prompt and output of one request may have together, if the model was made for as many
    #[arg(long, env = "WEFT_LOCAL_LLM_CONTEXT", default_value = "4096")]
    context: NonZeroUsize,
    /// End when the process that started this one ends
    #[arg(long, env = "WEFT_LOCAL_LLM_EXIT_WITH_PARENT")]
    exit_with_parent: bool,
    #[command(flatten)]
    candle: CandleEnvironment,
}

/// What candle will read from this process' environment, where alone it looks.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
struct CandleEnvironment {
    #[arg(long, env = "CANDLE_NUM_THREADS", hide = true)]
    candle_threads: Option<String>,
    #[arg(long, env = "RAYON_NUM_THREADS", hide = true)]
    rayon_threads: Option<String>,
    #[arg(long, env = "CANDLE_BARRIER_POOL_SPIN_LIMIT", hide = true)]
    candle_spins: Option<String>,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // One line with its causes: it is read by the person who chose the flags.
            eprintln!("local-llm: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<()> {
    let parent = parent_id();
    let args = Args::parse();
    set_threads(&args)?;
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info")))
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?
        .block_on(serve(args, parent))
}

/// A running process cannot change its environment safely, so the program replaces itself once, keeping its process id.
fn set_threads(args: &Args) -> anyhow::Result<()> {
    let threads = args.threads.map_or_else(
        || args.candle.candle_threads.clone().unwrap_or_else(|| default_threads().to_string()),
        |threads| threads.to_string(),
    );
    let spins = args.candle.candle_spins.clone().unwrap_or_else(|| SPINS.to_owned());
    let wish = CandleEnvironment {
        candle_threads: Some(threads.clone()),
        rayon_threads: Some(threads.clone()),
        candle_spins: Some(spins.clone()),
    };
    if args.candle == wish {
        return Ok(());
    }
    let program = own_program()?;
    let error = Command::new(program)
        .args(std::env::args_os().skip(1))
        .env("CANDLE_NUM_THREADS", &threads)
        .env("RAYON_NUM_THREADS", &threads)
        .env("CANDLE_BARRIER_POOL_SPIN_LIMIT", &spins)
        .exec();
    Err(error).context("cannot restart with the wished number of threads")
}

/// Through /proc where there is one: who started this may have opened a file that its user cannot reach by its name.
fn own_program() -> anyhow::Result<PathBuf> {
    let through_proc = Path::new("/proc/self/exe");
    if through_proc.exists() {
        return Ok(through_proc.to_owned());
    }
    std::env::current_exe().context("cannot find this program's own file")
}

/// One core is left to others: threads that wait for each other at every product fall to a tenth of their speed
/// when one of them loses its core, so fewer are faster on a machine that also runs a database and a server.
fn default_threads() -> usize {
    thread::available_parallelism().map_or(1, |cores| cores.get().saturating_sub(1).max(1))
}

async fn serve(args: Args, parent: u32) -> anyhow::Result<()> {
    let given = Token::given(std::env::var_os(token::VARIABLE))?;
    let listener = TcpListener::bind(args.listen).await.with_context(|| format!("cannot listen on {}", args.listen))?;
    let address = listener.local_addr().context("cannot read the address")?;
    if !address.ip().is_loopback() {
        tracing::warn!(%address, "others can read the token on its way to this address, and then use the model");
    }

    let (queue, inbox) = Queue::new(args.max_queue.get());
    let loaded = Arc::new(OnceLock::new());
    let ended = start_model(args.model.clone(), args.context.get(), inbox, Arc::clone(&loaded))?;
    let api = Api { model_id: model_id(&args.model), default_max_tokens: args.max_tokens.get(), queue, loaded };
    let token = given.clone().unwrap_or_else(Token::new);
    println!("local-llm is at http://{address}");
    if given.is_none() {
        println!("Requests need this header: Authorization: Bearer {}", token.reveal());
    }

    let (stop, stopping) = watch::channel(false);
    let mut drain = stopping.clone();
    let mut signalled = stopping;
    let server = axum::serve(listener, api::router(api, token))
        .with_graceful_shutdown(async move {
            // An error means that the sender is gone, which is an end as well.
            let _ = signalled.wait_for(|stop| *stop).await;
        })
        .into_future();
    let drained = async {
        let _ = drain.wait_for(|stop| *stop).await;
        tokio::time::sleep(DRAIN).await;
    };
    let stop_on_signal = async {
        let reason = end_asked(args.exit_with_parent.then_some(parent)).await?;
        tracing::info!(reason, "ending");
        let _ = stop.send(true);
        std::future::pending::<anyhow::Result<()>>().await
    };
    tokio::select! {
        result = server => result.context("the server failed"),
        () = drained => Ok(()),
        result = stop_on_signal => result,
        error = ended => match error {
            Ok(error) => Err(error).context("cannot serve this model"),
            Err(_) => bail!("the model thread ended unexpectedly"),
        },
    }
}

/// Loads and runs the model on its own thread. The receiver gets the reason if it cannot be loaded,
/// and is closed if the thread ends.
fn start_model(
    path: PathBuf,
    max_context: usize,
    inbox: Inbox,
    loaded: Arc<OnceLock<Loaded>>,
) -> anyhow::Result<oneshot::Receiver<LoadError>> {
    let (failed, ended) = oneshot::channel();
    thread::Builder::new()
        .name("model".to_owned())
        .spawn(move || {
            let start = Instant::now();
            match Model::load(&path, max_context) {
                Ok(model) => {
                    let facts = Loaded { tokenizer: Arc::clone(&model.tokenizer), context: model.context };
                    // This thread is the only one that sets it, once.
                    let _ = loaded.set(facts);
                    tracing::info!(load.ms = start.elapsed().as_millis(), "the model is loaded");
                    inbox.run(&model);
                    drop(failed);
                }
                Err(error) => {
                    // Nobody listens only when the program is already ending.
                    let _ = failed.send(error);
                }
            }
        })
        .context("cannot start the model's thread")?;
    Ok(ended)
}

fn model_id(path: &Path) -> String {
    // A file that came open from whoever started this has a number for a name, which is a link to its own.
    let handed = path.starts_with("/proc/self/fd").then(|| path.read_link().ok()).flatten();
    let path = handed.as_deref().unwrap_or(path);
    path.file_stem().map_or_else(|| "local".to_owned(), |stem| stem.to_string_lossy().into_owned())
}

/// Waits for SIGTERM, SIGINT or, if asked, the end of the parent, which has no signal that is safe to ask for.
async fn end_asked(parent: Option<u32>) -> anyhow::Result<&'static str> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot watch SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot watch SIGINT")?;
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    loop {
        tokio::select! {
            _ = terminate.recv() => return Ok("SIGTERM"),
            _ = interrupt.recv() => return Ok("SIGINT"),
            _ = tick.tick(), if parent.is_some() => {
                if parent != Some(parent_id()) {
                    return Ok("the parent process ended");
                }
            }
        }
    }
}
