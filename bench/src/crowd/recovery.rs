//! Two thousand running steps on three processes, of which one is killed: how long until each of its steps runs elsewhere, by the database's
//! clock. The server beside them serves, and takes none of these steps.

use std::{
    ffi::OsString,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use tokio::time::sleep;

use super::{Size, table::Table};
use crate::{definitions::Shape, figures::Bar, lab::Lab, postgres::Psql, server::Process};

const N_WORKERS: usize = 3;
/// Steps of one run.
const WIDTH: u32 = 100;
const RUNS_WITHIN: Duration = Duration::from_mins(2);
const RECOVERS_WITHIN: Duration = Duration::from_mins(3);
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// What the issue of many processes promises.
const MOST_MS: f64 = 15_000.0;

/// Attempts of processes that are not declared dead.
const RUNNING: &str = "SELECT count(*) FROM attempts a JOIN workers w ON w.id = a.lease_worker WHERE w.state <> 'dead'";

struct Worker {
    id: String,
    process: Process,
}

pub(super) async fn measure(lab: &mut Lab, size: Size, table: &mut Table) -> Result<()> {
    let database = lab.fresh_database().await?;
    // It has one place, for steps of a kind that there are none of.
    let settings = [("WEFT_WORKER_SLOTS", OsString::from("1")), ("WEFT_WORKER_KINDS", OsString::from("human"))];
    let mut session = lab.session_set(database, &settings).await?;
    let mut workers = Vec::new();
    for _ in 0..N_WORKERS {
        let process = lab.weft.work(&session.database.url).await?;
        let known: Vec<&str> = workers.iter().map(|worker: &Worker| worker.id.as_str()).collect();
        let id = newest(&mut session.psql, &known).await?;
        workers.push(Worker { id, process });
    }
    let template = session.template(Shape::Held { width: WIDTH }).await?;
    session.client.start_many(&template, size.running.div_ceil(WIDTH)).await?;
    let n_running = size.running.div_ceil(WIDTH) * WIDTH;
    until_running(&mut session.psql, n_running, RUNS_WITHIN).await?;

    // Whoever has most of them.
    let busiest = "SELECT lease_worker::text FROM attempts WHERE lease_worker IS NOT NULL
        GROUP BY lease_worker ORDER BY count(*) DESC LIMIT 1";
    let busiest = session.psql.ask(&busiest.replace('\n', " ")).await?;
    let place = workers.iter().position(|worker| worker.id == busiest).context("somebody else runs the steps")?;
    let victim = workers.swap_remove(place);
    let held = format!("SELECT count(*) FROM attempts WHERE lease_worker = '{}'", victim.id);
    let n_held = session.psql.count(&held).await?;
    let killed_at = session.psql.ask("SELECT clock_timestamp()").await?;
    victim.process.kill().await;
    let gone = format!("SELECT count(*) FROM attempts WHERE lease_worker = '{}'", victim.id);
    let began = Instant::now();
    while session.psql.count(&gone).await? > 0 {
        if began.elapsed() > RECOVERS_WITHIN {
            bail!("steps of a process that was killed were not taken over within {} s", RECOVERS_WITHIN.as_secs());
        }
        sleep(LOOK_EVERY).await;
    }
    until_running(&mut session.psql, n_running, RECOVERS_WITHIN).await?;

    let times = format!(
        "SELECT coalesce(string_agg((extract(epoch FROM n.started_at - '{killed_at}'::timestamptz) * 1000)::text, ' '), '') \
        FROM attempts l JOIN attempts n ON n.run_id = l.run_id AND n.step = l.step AND n.number = l.number + 1 \
        WHERE l.outcome = 'lost' AND l.ended_at >= '{killed_at}'"
    );
    let times = session.psql.ask(&times).await?;
    let times: Vec<f64> = times.split_whitespace().filter_map(|time| time.parse().ok()).collect();
    table.add("recovery_running", f64::from(n_running), "", Bar::AtLeast(f64::from(size.running)));
    table.add("recovery_lost_with_process", f64::from(n_held), "", Bar::None);
    // Each of them runs elsewhere.
    table.count("recovery_taken_over", times.len(), Bar::AtLeast(f64::from(n_held)));
    table.times("recovery", &times, Bar::AtMost(MOST_MS));
    for worker in workers {
        worker.process.kill().await;
    }
    lab.throw_away(session).await
}

/// The process that was started last, once it has said that it is there.
async fn newest(psql: &mut Psql, known: &[&str]) -> Result<String> {
    let began = Instant::now();
    // The server has one of its own, which was there before.
    while psql.count("SELECT count(*) FROM workers").await? < u32::try_from(known.len() + 2)? {
        if began.elapsed() > RUNS_WITHIN {
            bail!("a process that works did not register");
        }
        sleep(LOOK_EVERY).await;
    }
    let newest = psql.ask("SELECT id::text FROM workers ORDER BY started_at DESC LIMIT 1").await?;
    if known.contains(&newest.as_str()) {
        bail!("a process that works registered before one that was started earlier");
    }
    Ok(newest)
}

async fn until_running(psql: &mut Psql, n: u32, within: Duration) -> Result<()> {
    let began = Instant::now();
    loop {
        let n_running = psql.count(RUNNING).await?;
        if n_running >= n {
            return Ok(());
        }
        if began.elapsed() > within {
            bail!("only {n_running} of {n} steps run after {} s", within.as_secs());
        }
        sleep(LOOK_EVERY).await;
    }
}
