//! Many start runs in the same moment, each on a connection of its own and under a key of its own, and each comes back when it is told to.
//! In the end every run that was acknowledged has to be there once; a start that nobody answered is asked again, as a good client does.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use axum::body::Bytes;
use http::{Method, StatusCode};
use tokio::{sync::Barrier, task::JoinSet, time::sleep};

use super::{Size, crew, table::Table};
use crate::{
    client::{Client, start_of},
    definitions::Shape,
    figures::Bar,
    lab::Lab,
    session::Session,
};

/// Longer than a quota of runs under way is full.
const STARTED_WITHIN: Duration = Duration::from_mins(5);
/// Where there was no answer at all, or one that does not say when to come back.
const ASK_AGAIN: Duration = Duration::from_millis(500);

/// What one start was answered.
#[derive(Default)]
struct Told {
    run: String,
    /// Milliseconds of each request that was answered.
    answers: Vec<f64>,
    /// Milliseconds until there was a run.
    started: f64,
    n_made: usize,
    n_there: usize,
    n_refused: usize,
    /// Of these, without a word when to come back.
    n_without_when: usize,
    n_broken: usize,
    n_unanswered: usize,
}

pub(super) async fn measure(lab: &mut Lab, size: Size, table: &mut Table) -> Result<()> {
    // One person whose quotas are lifted, as for all that is measured; then many, each held to what an installation holds them to.
    let lifted: [(&str, OsString); 0] = [];
    let installed: [(&str, OsString); 3] = [
        ("WEFT_USER_RUNNING_RUNS", "100".into()),
        ("WEFT_USER_BYTES_PER_DAY", "1GiB".into()),
        ("WEFT_USER_REQUESTS_PER_SECOND", "50".into()),
    ];
    for (name, n_people, settings) in [("starts", 1, &lifted[..]), ("starts_of_many", size.starters, &installed[..])] {
        let database = lab.fresh_database().await?;
        let tokens = crew::tokens(lab, &database, n_people).await?;
        let mut session = lab.session_set(database, settings).await?;
        let template = session.template(Shape::Dag).await?;
        let clients = crew::clients(&session.client, &tokens);
        let told = crowd(&clients, &template, size.starts).await?;
        tell(name, &told, &mut session, table).await?;
        lab.throw_away(session).await?;
    }
    Ok(())
}

async fn crowd(people: &[Client], template: &str, n: u32) -> Result<Vec<Told>> {
    let together = Arc::new(Barrier::new(usize::try_from(n)?));
    let body = Bytes::from(start_of(template).to_string());
    let mut starts = JoinSet::new();
    for (n, person) in (0..n).zip(people.iter().cycle()) {
        // A pool of its own, and so a connection.
        let client = Client::new(person.base().to_owned(), person.token().to_owned());
        let (together, body) = (Arc::clone(&together), body.clone());
        starts.spawn(async move {
            together.wait().await;
            start(&client, &format!("crowd-{n}"), body).await
        });
    }
    let mut told = Vec::new();
    while let Some(ended) = starts.join_next().await {
        told.push(ended.context("a start panicked")??);
    }
    Ok(told)
}

async fn start(client: &Client, key: &str, body: Bytes) -> Result<Told> {
    let (mut told, began) = (Told::default(), Instant::now());
    while began.elapsed() < STARTED_WITHIN {
        let asked = Instant::now();
        let answer = client.ask_under(Some(key), Method::POST, "/api/workflows/runs", body.clone()).await;
        let Ok(answer) = answer else {
            told.n_unanswered += 1;
            sleep(ASK_AGAIN).await;
            continue;
        };
        told.answers.push(milliseconds(asked));
        match answer.status {
            StatusCode::CREATED => told.n_made += 1,
            StatusCode::OK => told.n_there += 1,
            StatusCode::TOO_MANY_REQUESTS => {
                told.n_refused += 1;
                told.n_without_when += usize::from(answer.retry_after.is_none());
            }
            status if status.is_server_error() => told.n_broken += 1,
            status => bail!("a start was answered {status}: {}", String::from_utf8_lossy(&answer.bytes)),
        }
        if answer.status.is_success() {
            told.run = answer.made()?;
            told.started = milliseconds(began);
            return Ok(told);
        }
        sleep(answer.retry_after.unwrap_or(ASK_AGAIN)).await;
    }
    bail!("{key} was not started within {} s", STARTED_WITHIN.as_secs())
}

async fn tell(name: &str, told: &[Told], session: &mut Session, table: &mut Table) -> Result<()> {
    let none = Bar::AtMost(0.0);
    let mut count = |what: &str, of: fn(&Told) -> usize, bar: Bar| {
        table.count(format!("{name}_{what}"), told.iter().map(of).sum(), bar);
    };
    count("201", |told| told.n_made, Bar::None);
    count("200", |told| told.n_there, Bar::None);
    count("429", |told| told.n_refused, Bar::None);
    count("429_without_when", |told| told.n_without_when, none);
    count("5xx", |told| told.n_broken, none);
    count("unanswered", |told| told.n_unanswered, none);
    let runs: BTreeSet<&str> = told.iter().map(|told| told.run.as_str()).collect();
    let ids: Vec<String> = runs.iter().map(|run| format!("'{run}'")).collect();
    let there = format!("SELECT count(*) FROM workflow_runs WHERE id = ANY(ARRAY[{}]::uuid[])", ids.join(","));
    let n_there = usize::try_from(session.psql.count(&there).await?)?;
    let begun = "SELECT count(*) FROM workflow_runs WHERE parent_run IS NULL";
    let n_begun = usize::try_from(session.psql.count(begun).await?)?;
    table.count(format!("{name}_lost"), told.len().saturating_sub(n_there), none);
    table.count(format!("{name}_twice"), n_begun.saturating_sub(told.len()), none);
    let answers: Vec<f64> = told.iter().flat_map(|told| told.answers.iter().copied()).collect();
    table.times(&format!("{name}_answer"), &answers, Bar::None);
    let started: Vec<f64> = told.iter().map(|told| told.started).collect();
    table.times(&format!("{name}_started"), &started, Bar::None);
    Ok(())
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}
