//! What must not grow: the cost of a step with the size of its run, the time of one run with the processes that work on it,
//! and the wait of one person with the backlog of another.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use tokio::time::sleep;

use super::{Reading, batches, latency::waited};
use crate::{
    client::Client,
    definitions::Shape,
    figures::{FLATNESS, FOUR_PROCESSES, OTHER_OWNER},
    lab::Lab,
    stats::Spread,
};

/// Beside the server.
const N_WORKERS: usize = 3;
/// Ten layers as wide as the first number, and so many runs that all are 10,000 steps.
const SIZES: [(u32, u32); 4] = [(1, 1000), (10, 100), (100, 10), (1000, 1)];
const N_STEPS: u32 = 10_000;
const N_CHAINS: u32 = 500;
const SLOTS: u32 = 64;
const OTHER: &str = "other@example.org";
/// Until the backlog has all slots.
const SETTLES_WITHIN: Duration = Duration::from_secs(3);
const STARTS_WITHIN: Duration = Duration::from_mins(2);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// One map of 10,000, by one process and then by four.
pub(super) async fn four_processes(lab: &mut Lab) -> Result<Vec<Reading>> {
    let mut session = lab.session().await?;
    let by_one = batches(&mut session, Shape::Map, 1, lab.repeats).await?;
    let mut workers = Vec::new();
    for _ in 0..N_WORKERS {
        workers.push(lab.weft.work(&session.database.url).await?);
    }
    let by_four = batches(&mut session, Shape::Map, 1, lab.repeats).await?;
    for worker in workers {
        worker.stop().await;
    }
    lab.give_back(session).await;
    let ratios = by_one.iter().zip(&by_four).map(|(one, four)| four.over / one.over).collect();
    let seconds = |batches: &[crate::session::Batch]| {
        Spread::of(&batches.iter().map(|batch| batch.over).collect::<Vec<_>>()).map_or(0.0, |spread| spread.median)
    };
    let note = format!("{:.1} s by one process, {:.1} s by four", seconds(&by_one), seconds(&by_four));
    Ok(vec![Reading::new(FOUR_PROCESSES, ratios).noted(note)])
}

/// The dearest step by the cheapest, over runs of 10, 100, 1,000 and 10,000 steps of one form.
pub(super) async fn flatness(lab: &mut Lab) -> Result<Vec<Reading>> {
    let mut session = lab.session().await?;
    let mut costs = SIZES.map(|_| Vec::new());
    let mut ratios = Vec::new();
    for repeat in 0..=lab.repeats {
        let mut of_this = Vec::new();
        for (width, n_runs) in SIZES {
            let batch = session.batch(Shape::Layers { layers: 10, width }, n_runs).await?;
            of_this.push(batch.over * 1000.0 / f64::from(N_STEPS));
        }
        if repeat == 0 {
            continue;
        }
        for (costs, cost) in costs.iter_mut().zip(&of_this) {
            costs.push(*cost);
        }
        ratios.extend(Spread::of(&of_this).map(|spread| spread.max / spread.min));
    }
    lab.give_back(session).await;
    let told: Vec<String> = SIZES.iter().zip(&costs).filter_map(|(size, costs)| told(*size, costs)).collect();
    Ok(vec![Reading::new(FLATNESS, ratios).noted(told.join(", "))])
}

fn told((width, _): (u32, u32), costs: &[f64]) -> Option<String> {
    Some(format!("{:.2} ms a step in runs of {}", Spread::of(costs)?.median, width * 10))
}

/// One step of somebody else beside 500 chains of 100 steps of a second, on 64 slots. In a database of its own, since the
/// chains are given up half way.
pub(super) async fn other_owner(lab: &mut Lab) -> Result<Vec<Reading>> {
    let database = lab.fresh_database().await?;
    let mut session = lab.session_over(database, Some(SLOTS)).await?;
    let token = lab.token(&session.database.url, OTHER, "user", "read,run").await?;
    let other = session.client.speaking_for(token);
    let (chain, one) = (session.template(Shape::SlowChain).await?, session.template(Shape::OneWait).await?);
    session.client.start_many(&chain, N_CHAINS).await?;
    sleep(SETTLES_WITHIN).await;
    let mut waits = Vec::new();
    for repeat in 0..=lab.repeats {
        let wait = turn(&other, &one).await?;
        if repeat > 0 {
            waits.push(wait);
        }
    }
    lab.throw_away(session).await?;
    Ok(vec![Reading::new(OTHER_OWNER, waits)])
}

/// Seconds until a run's first step is begun.
async fn turn(client: &Client, template: &str) -> Result<f64> {
    let began = Instant::now();
    let run = client.start(template).await?;
    while began.elapsed() < STARTS_WITHIN {
        if let Some(waited) = waited(client, &run).await? {
            return Ok(waited / 1000.0);
        }
        sleep(LOOK_EVERY).await;
    }
    bail!("another owner's step was not begun within {} s", STARTS_WITHIN.as_secs())
}
