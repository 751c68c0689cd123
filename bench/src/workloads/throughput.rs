//! Many runs at once: 200 and 2,000 of a DAG of ten steps, started over HTTP.
//! The same batch is measured on a database that is empty and on one that is not, since plans that fit the one may not fit the other.

use anyhow::Result;

use super::{Reading, batches};
use crate::{
    definitions::Shape,
    figures::{AFTER_OTHER_WORK, FIRST, STARTS, SUSTAINED},
    lab::Lab,
    session::Batch,
    stats::per_second,
};

const N_RUNS: u32 = 200;
const N_SUSTAINED: u32 = 2000;
/// Fewer steps before are no other work.
const OTHER_STEPS: u32 = 20_000;

fn steps_per_second(batch: &Batch, n_runs: u32) -> f64 {
    per_second(n_runs * Shape::Dag.n_steps(), batch.over)
}

/// From the first start on, each time on a database in which nothing was done: there is nothing to warm up but the machine.
pub(super) async fn first(lab: &mut Lab) -> Result<Vec<Reading>> {
    let mut rates = Vec::new();
    for repeat in 0..=lab.repeats {
        let database = lab.fresh_database().await?;
        let mut session = lab.session_over(database, None).await?;
        let batch = session.batch(Shape::Dag, N_RUNS).await?;
        lab.throw_away(session).await?;
        if repeat > 0 {
            rates.push(steps_per_second(&batch, N_RUNS));
        }
    }
    Ok(vec![Reading::new(FIRST, rates)])
}

pub(super) async fn sustained(lab: &mut Lab) -> Result<Vec<Reading>> {
    let mut session = lab.session().await?;
    let batches = batches(&mut session, Shape::Dag, N_SUSTAINED, lab.repeats).await?;
    lab.give_back(session).await;
    let steps = batches.iter().map(|batch| steps_per_second(batch, N_SUSTAINED)).collect();
    let starts = batches.iter().map(|batch| per_second(N_SUSTAINED, batch.answered)).collect();
    Ok(vec![
        Reading::new(SUSTAINED, steps),
        Reading::new(STARTS, starts).noted("while the runs that were started before are executed".to_owned()),
    ])
}

pub(super) async fn after_other_work(lab: &mut Lab) -> Result<Vec<Reading>> {
    let mut session = lab.session().await?;
    if session.database.n_steps < OTHER_STEPS {
        session.batch(Shape::Dag, N_SUSTAINED).await?;
    }
    let n_before = session.database.n_steps;
    let batches = batches(&mut session, Shape::Dag, N_RUNS, lab.repeats).await?;
    lab.give_back(session).await;
    let rates = batches.iter().map(|batch| steps_per_second(batch, N_RUNS)).collect();
    Ok(vec![Reading::new(AFTER_OTHER_WORK, rates).noted(format!("after {n_before} steps in the same database"))])
}
