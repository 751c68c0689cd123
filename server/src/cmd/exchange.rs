//! `weft export`, `weft diff` and `weft apply`: workflows as files, for Git and for scripts, over REST.
//! Must never change anything that it did not list before, and never ask a question where nobody can answer.

mod print;

use std::{
    io::{IsTerminal, Read, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result, bail};
use clap::Args;
use http::Method;
use workflow::{
    TemplateId, encoding,
    exchange::{Act, Report, Thing},
    limits::MAX_FILE_BYTES,
};

use super::remote::{Ask, Remote, segment};

/// What `weft diff` says where something differs, as `git diff` does with other codes.
const DIFFERS: u8 = 2;
/// What `weft apply --publish` says where the file was imported and nothing could be published.
const UNPUBLISHED: u8 = 3;

#[derive(Args, Debug)]
pub(super) struct Export {
    /// Its slug, as files call it, or its id
    workflow: String,
    /// Where to write it; else to standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    remote: Remote,
}

#[derive(Args, Debug)]
pub(super) struct Diff {
    #[command(flatten)]
    file: File,
    #[command(flatten)]
    remote: Remote,
}

#[derive(Args, Debug)]
pub(super) struct Apply {
    #[command(flatten)]
    file: File,
    /// Do it without asking; needed where there is no terminal
    #[arg(long, short)]
    yes: bool,
    /// With --yes: cover what is here, too, where conflicts are listed
    #[arg(long)]
    cover: bool,
    /// Publish the workflow, too
    #[arg(long)]
    publish: bool,
    #[command(flatten)]
    remote: Remote,
}

#[derive(Args, Debug)]
struct File {
    /// JSON or YAML; `-` reads standard input
    #[arg(value_name = "FILE")]
    path: PathBuf,
    /// Print the list as JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn export(command: Export) -> Result<ExitCode> {
    let path = format!("/templates/{}/export", segment(&command.workflow));
    let file = command.remote.send(Method::GET, &path, "application/json", String::new(), None).await?;
    match command.output {
        Some(path) => std::fs::write(&path, &file).with_context(|| format!("cannot write {}", path.display()))?,
        None => print::json(std::str::from_utf8(&file).context("the server's answer is no text")?)?,
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) async fn diff(command: Diff) -> Result<ExitCode> {
    let report = import(&command.remote, read(&command.file.path)?, "dry_run=true").await?;
    print::report(&report, command.file.json)?;
    refuse_blocked(&report)?;
    Ok(if report.changes_something() { ExitCode::from(DIFFERS) } else { ExitCode::SUCCESS })
}

pub(super) async fn apply(command: Apply) -> Result<ExitCode> {
    let text = read(&command.file.path)?;
    let plan = import(&command.remote, text.clone(), "dry_run=true").await?;
    // With JSON asked for, one document comes out: what was done.
    if !command.file.json {
        print::report(&plan, false)?;
    }
    refuse_blocked(&plan)?;
    if command.yes && !command.cover && !plan.conflicts.is_empty() {
        bail!(
            "what is here would be covered, and nobody has seen it, so nothing was changed\nLook at the conflicts with `weft diff`, and give \
             --cover to go on"
        );
    }
    let does_something = plan.changes_something() || command.publish;
    if does_something && !command.yes && !agreed(&command.file.path, command.publish)? {
        bail!("nothing was changed");
    }
    let done = import(&command.remote, text, &format!("digest={}", plan.digest)).await?;
    let published = match done.template_id.filter(|_| command.publish) {
        Some(id) => Some(publish(&command.remote, id, saved_revision(&done)).await),
        None => None,
    };
    if command.file.json {
        print::report(&done, true)?;
    } else {
        print::done(&done, published.as_ref().and_then(|published| published.as_ref().ok().copied()))?;
    }
    if let Some(Err(error)) = published {
        eprintln!("weft: it was imported, and could not be published: {error:#}");
        return Ok(ExitCode::from(UNPUBLISHED));
    }
    Ok(ExitCode::SUCCESS)
}

/// The revision of the draft as the import left it: what somebody saves after it is not published with it.
fn saved_revision(report: &Report) -> Option<i64> {
    let change = report.changes.iter().find(|change| change.thing == Thing::Workflow && change.id == report.main)?;
    match change.act {
        Act::Create => Some(1),
        Act::SaveDraft => change.version.map(|over| over + 1),
        Act::Nothing => change.version,
        // The workflow of a file becomes a draft.
        Act::NewVersion => None,
    }
}

fn refuse_blocked(report: &Report) -> Result<()> {
    if !report.problems.is_empty() {
        bail!("the file has problems that keep it from being imported; nothing was changed");
    }
    Ok(())
}

/// Asks, where somebody is there to answer.
fn agreed(path: &Path, publishes: bool) -> Result<bool> {
    let mut input = std::io::stdin().lock();
    if path == Path::new("-") || !input.is_terminal() {
        bail!("nobody can be asked here, so nothing was changed\nGive --yes to do what is listed");
    }
    let mut out = std::io::stderr().lock();
    let question = if publishes { "Do this, and publish the workflow?" } else { "Do this?" };
    write!(out, "{question} [y/N] ").and_then(|()| out.flush()).context("cannot ask")?;
    let mut answer = String::new();
    std::io::BufRead::read_line(&mut input, &mut answer).context("cannot read the answer")?;
    Ok(["y", "yes"].contains(&answer.trim().to_lowercase().as_str()))
}

fn read(path: &Path) -> Result<String> {
    // One byte more than is taken tells a file that is too large from one that just fits.
    let most = u64::try_from(MAX_FILE_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    let told = || format!("cannot read {}", path.display());
    if path == Path::new("-") {
        std::io::stdin().lock().take(most).read_to_end(&mut bytes).with_context(told)?;
    } else {
        std::fs::File::open(path).with_context(told)?.take(most).read_to_end(&mut bytes).with_context(told)?;
    }
    if bytes.len() > MAX_FILE_BYTES {
        bail!("{} is larger than 6 MiB\nSplit it", path.display());
    }
    encoding::text(&bytes).with_context(|| format!("{} is no text", path.display()))
}

async fn import(remote: &Remote, text: String, query: &str) -> Result<Report> {
    let answer =
        remote.send(Method::POST, &format!("/import?{query}"), "text/plain; charset=utf-8", text, None).await?;
    serde_json::from_slice(&answer).context("the server said something unknown; is it another version?")
}

async fn publish(remote: &Remote, id: TemplateId, revision: Option<i64>) -> Result<i64> {
    let revision = revision.context("the server does not say what it saved; is it another version?")?;
    let path = format!("/templates/{id}/publish?base_revision={revision}");
    let answer = remote.ask(Ask { method: Method::POST, path, body: None, key: None }).await?;
    Ok(answer.get("version").and_then(serde_json::Value::as_i64).unwrap_or_default())
}
