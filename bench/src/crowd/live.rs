//! Whether pages stay live: 500 events a second for a minute, beside a history of a million finished steps. How late frames come is measured
//! at sockets of runs and of lists; the pages that are read meanwhile are asked too.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use tokio::{
    task::JoinSet,
    time::{interval, sleep},
};

use super::{
    Size,
    table::Table,
    viewer::{Heard, Reader, Viewer},
};
use crate::{
    client::Client, definitions::Shape, figures::Bar, lab::Lab, session::Session, watch::At, workloads::history,
};

const EVENTS_PER_SECOND: f64 = 500.0;
/// Runs that go on for all the time, each watched at its own socket.
const N_WATCHED: usize = 20;
/// Lists that are watched, as by people who have the dashboard open.
const N_LISTS: usize = 5;
/// Somebody without rights of an admin, who has runs of their own.
const OTHER: &str = "reader@example.org";
/// Runs whose events are counted, to know how many of them are so many events.
const N_COUNTED: u32 = 20;
const ASK_EVERY: Duration = Duration::from_millis(250);
const LOOK_EVERY: Duration = Duration::from_millis(20);
const OVER_WITHIN: Duration = Duration::from_mins(1);
/// What is later than this is not live.
const MOST_LATE_MS: f64 = 1_000.0;

pub(super) async fn measure(lab: &mut Lab, size: Size, table: &mut Table) -> Result<()> {
    let database = lab.fresh_database().await?;
    let mut session = lab.session_set(database, &[]).await?;
    let token = lab.token(&session.database.url, OTHER, "user", "read,run").await?;
    history::fill(&mut session, &token).await?;
    history::make(lab, &session.database.name, size.completed, size.gated).await?;
    let (dag, long) = (session.template(Shape::Dag).await?, session.template(Shape::SlowChain).await?);
    let every = Duration::from_secs_f64(events_of_one(&mut session, &dag).await? / EVENTS_PER_SECOND);

    let (of_runs, of_lists) = (Arc::<Heard>::default(), Arc::<Heard>::default());
    let (client, mut looking) = (session.client.clone(), JoinSet::new());
    for _ in 0..N_LISTS {
        look(&mut looking, Viewer::open(&client, At::Mine, Reader::Reads).await?, &of_lists);
    }
    let since = session.psql.ask("SELECT clock_timestamp()").await?;
    for _ in 0..N_WATCHED {
        let run = client.start(&long).await?;
        look(&mut looking, Viewer::open(&client, At::Run(&run), Reader::Reads).await?, &of_runs);
    }
    let (began, lasts) = (Instant::now(), Duration::from_secs(size.seconds));
    let (started, pages) = tokio::join!(start(&client, &dag, every, lasts), ask(&client, lasts));
    let (n_refused, pages) = (started?, pages?);
    let seconds = began.elapsed().as_secs_f64();
    let events = format!("SELECT coalesce(sum(seq), 0) FROM workflow_runs WHERE created_at >= '{since}'");
    let n_events = session.psql.count(&events).await?;
    // What was told last is on its way.
    sleep(Duration::from_secs(2)).await;
    looking.abort_all();

    let steps = size.completed * Shape::Dag.n_steps();
    table.add("live_history_steps", f64::from(steps), "", Bar::None);
    table.add("live_events_per_s", f64::from(n_events) / seconds, "/s", Bar::AtLeast(EVENTS_PER_SECOND * 0.95));
    table.count("live_starts_refused", n_refused, Bar::AtMost(0.0));
    table.times("live_run_late", &of_runs.delays(), Bar::AtMost(MOST_LATE_MS));
    table.times("live_list_late", &of_lists.delays(), Bar::AtMost(MOST_LATE_MS));
    table.times("live_page", &pages, Bar::AtMost(MOST_LATE_MS));
    lab.throw_away(session).await
}

fn look(looking: &mut JoinSet<()>, viewer: Viewer, heard: &Arc<Heard>) {
    let heard = Arc::clone(heard);
    looking.spawn(async move { viewer.look(&heard).await });
}

/// How many events a run of this template has, on average: runs that are executed at once share commits.
async fn events_of_one(session: &mut Session, template: &str) -> Result<f64> {
    let since = session.psql.ask("SELECT clock_timestamp()").await?;
    session.client.start_many(template, N_COUNTED).await?;
    let these = format!("FROM workflow_runs WHERE created_at >= '{since}'");
    let began = Instant::now();
    while session.psql.count(&format!("SELECT count(*) {these} AND finished_at IS NULL")).await? > 0 {
        if began.elapsed() > OVER_WITHIN {
            bail!("{N_COUNTED} runs were not over within {} s", OVER_WITHIN.as_secs());
        }
        sleep(LOOK_EVERY).await;
    }
    // A server's clock may be behind by milliseconds, so the first of them may be missing.
    let n_events = session.psql.count(&format!("SELECT coalesce(sum(seq), 0) {these}")).await?;
    let n_runs = session.psql.count(&format!("SELECT count(*) {these}")).await?;
    if n_runs == 0 {
        bail!("no run was seen");
    }
    Ok(f64::from(n_events) / f64::from(n_runs))
}

/// One run after the other, whether those before are over or not. How many starts were refused.
async fn start(client: &Client, template: &str, every: Duration, lasts: Duration) -> Result<usize> {
    let (began, mut ticks, mut starts) = (Instant::now(), interval(every), JoinSet::new());
    while began.elapsed() < lasts {
        ticks.tick().await;
        let (client, template) = (client.clone(), template.to_owned());
        starts.spawn(async move { client.start(&template).await.is_err() });
    }
    let mut n_refused = 0;
    while let Some(is_refused) = starts.join_next().await {
        n_refused += usize::from(is_refused.context("a start panicked")?);
    }
    Ok(n_refused)
}

/// Milliseconds that the dashboard's list took, asked for again and again.
async fn ask(client: &Client, lasts: Duration) -> Result<Vec<f64>> {
    let (began, mut taken) = (Instant::now(), Vec::new());
    while began.elapsed() < lasts {
        let asked = Instant::now();
        client.get("/api/workflows/runs?limit=50").await?;
        taken.push(asked.elapsed().as_secs_f64() * 1000.0);
        sleep(ASK_EVERY).await;
    }
    Ok(taken)
}
