//! One run at a time: how long a person waits for it. Each under the socket of its own page.

use anyhow::Result;

use super::{Reading, batches};
use crate::{
    definitions::Shape,
    figures::{CHAIN_HOP, COMMIT_TO_FRAME, FAN100, WAIT1000},
    lab::Lab,
    session::Batch,
    stats::percentile,
};

fn seconds(batches: &[Batch]) -> Vec<f64> {
    batches.iter().map(|batch| batch.over).collect()
}

pub(super) async fn chain(lab: &mut Lab) -> Result<Vec<Reading>> {
    let mut session = lab.session().await?;
    let batches = batches(&mut session, Shape::Chain, 1, lab.repeats).await?;
    lab.give_back(session).await;
    let hops = f64::from(Shape::Chain.n_steps());
    let per_hop = seconds(&batches).iter().map(|seconds| seconds * 1000.0 / hops).collect();
    let delays = batches.iter().filter_map(|batch| percentile(&batch.delays, 95)).collect();
    Ok(vec![Reading::new(CHAIN_HOP, per_hop), Reading::new(COMMIT_TO_FRAME, delays)])
}

pub(super) async fn fan(lab: &mut Lab) -> Result<Vec<Reading>> {
    let mut session = lab.session().await?;
    let batches = batches(&mut session, Shape::Fan, 1, lab.repeats).await?;
    lab.give_back(session).await;
    Ok(vec![Reading::new(FAN100, seconds(&batches).iter().map(|seconds| seconds * 1000.0).collect())])
}

/// 10,000 steps in one run, by a process that did nothing else: its memory is measured as well.
pub(super) async fn large(lab: &mut Lab, shape: Shape, key: &'static str) -> Result<Vec<Reading>> {
    let mut session = lab.session().await?;
    let batches = batches(&mut session, shape, 1, lab.repeats).await?;
    let peak_mb = session.server.peak_mb()?;
    lab.give_back(session).await;
    lab.peaks_mb.push(peak_mb);
    Ok(vec![Reading::new(key, seconds(&batches)).noted(format!("the server held {peak_mb:.0} MB at most"))])
}

pub(super) async fn waits(lab: &mut Lab) -> Result<Vec<Reading>> {
    let mut session = lab.session().await?;
    let batches = batches(&mut session, Shape::Waits, 1, lab.repeats).await?;
    lab.give_back(session).await;
    Ok(vec![Reading::new(WAIT1000, seconds(&batches))])
}
