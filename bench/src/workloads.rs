//! What is measured, in its order: the yardstick first, then the empty database, then one database that fills up.
//! A workload must leave nothing behind that still works: the next one begins with a process of its own.

mod chains;
pub(crate) mod history;
mod latency;
mod scale;
mod throughput;

use std::time::Duration;

use anyhow::Result;

use crate::{
    definitions::Shape,
    figures::{
        AFTER_OTHER_WORK, CHAIN_HOP, COMMIT_TO_FRAME, FAN100, FAN9998, FIRST, FLATNESS, FOUR_PROCESSES, HOT_VERB,
        LAYERS10000, MAP10000, MILLION, OTHER_OWNER, PGBENCH1, PGBENCH8, RSS, START_TO_CLAIM, STARTS, SUSTAINED,
        WAIT1000,
    },
    lab::Lab,
    pgbench,
    session::{Batch, Session},
};

/// What the repeats of one figure came to.
pub(crate) struct Reading {
    pub(crate) key: &'static str,
    pub(crate) values: Vec<f64>,
    pub(crate) note: Option<String>,
}

impl Reading {
    fn new(key: &'static str, values: Vec<f64>) -> Self {
        Self { key, values, note: None }
    }

    fn noted(self, note: String) -> Self {
        Self { note: Some(note), ..self }
    }
}

/// How many servers under 10,000 steps the figure of their memory is the highest of.
pub(crate) const N_LARGE: usize = 3;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Workload {
    Pgbench,
    First,
    Chain,
    Fan,
    Starts,
    Sustained,
    Big,
    Map,
    Layers,
    Waits,
    HotVerb,
    FourProcesses,
    Flatness,
    AfterOtherWork,
    OtherOwner,
    Million,
}

impl Workload {
    pub(crate) const ALL: [Self; 16] = [
        Self::Pgbench,
        Self::First,
        Self::Chain,
        Self::Fan,
        Self::Starts,
        Self::Sustained,
        Self::Big,
        Self::Map,
        Self::Layers,
        Self::Waits,
        Self::HotVerb,
        Self::FourProcesses,
        Self::Flatness,
        Self::AfterOtherWork,
        Self::OtherOwner,
        Self::Million,
    ];

    pub(crate) fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Pgbench => &[PGBENCH1, PGBENCH8],
            Self::First => &[FIRST],
            Self::Chain => &[CHAIN_HOP, COMMIT_TO_FRAME],
            Self::Fan => &[FAN100],
            Self::Starts => &[START_TO_CLAIM],
            Self::Sustained => &[SUSTAINED, STARTS],
            Self::Big => &[FAN9998, RSS],
            Self::Map => &[MAP10000, RSS],
            Self::Layers => &[LAYERS10000, RSS],
            Self::Waits => &[WAIT1000],
            Self::HotVerb => &[HOT_VERB],
            Self::FourProcesses => &[FOUR_PROCESSES],
            Self::Flatness => &[FLATNESS],
            Self::AfterOtherWork => &[AFTER_OTHER_WORK],
            Self::OtherOwner => &[OTHER_OWNER],
            Self::Million => &[MILLION],
        }
    }

    /// What takes longer hangs.
    pub(crate) fn limit(self) -> Duration {
        match self {
            Self::Flatness => Duration::from_mins(30),
            Self::Sustained | Self::FourProcesses | Self::Million => Duration::from_mins(15),
            _ => Duration::from_mins(10),
        }
    }

    pub(crate) async fn run(self, lab: &mut Lab) -> Result<Vec<Reading>> {
        match self {
            Self::Pgbench => yardstick(lab).await,
            Self::First => throughput::first(lab).await,
            Self::Chain => chains::chain(lab).await,
            Self::Fan => chains::fan(lab).await,
            Self::Starts => latency::start_to_claim(lab).await,
            Self::Sustained => throughput::sustained(lab).await,
            Self::Big => chains::large(lab, Shape::Big, FAN9998).await,
            Self::Map => chains::large(lab, Shape::Map, MAP10000).await,
            Self::Layers => chains::large(lab, Shape::Layers { layers: 100, width: 100 }, LAYERS10000).await,
            Self::Waits => chains::waits(lab).await,
            Self::HotVerb => latency::hot_verb(lab).await,
            Self::FourProcesses => scale::four_processes(lab).await,
            Self::Flatness => scale::flatness(lab).await,
            Self::AfterOtherWork => throughput::after_other_work(lab).await,
            Self::OtherOwner => scale::other_owner(lab).await,
            Self::Million => history::million(lab).await,
        }
    }
}

async fn yardstick(lab: &Lab) -> Result<Vec<Reading>> {
    let rates = pgbench::measure(&lab.postgres, &lab.weft.folder, lab.repeats).await?;
    Ok(vec![
        Reading::new(PGBENCH1, rates.one.iter().map(|rate| rate.latency_ms).collect()),
        Reading::new(PGBENCH8, rates.eight.iter().map(|rate| rate.per_second).collect()),
    ])
}

/// One batch to warm up, then those that count.
async fn batches(session: &mut Session, shape: Shape, n: u32, repeats: u32) -> Result<Vec<Batch>> {
    session.batch(shape, n).await?;
    let mut batches = Vec::new();
    for _ in 0..repeats {
        batches.push(session.batch(shape, n).await?);
    }
    Ok(batches)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::figures::FIGURES;

    #[test]
    fn every_figure_is_measured() {
        let measured: BTreeSet<&str> = Workload::ALL.iter().flat_map(|workload| workload.keys()).copied().collect();
        assert_eq!(measured, FIGURES.iter().map(|figure| figure.key).collect());
        let n_large = Workload::ALL.iter().filter(|workload| workload.keys().contains(&RSS)).count();
        assert_eq!(n_large, N_LARGE);
    }
}
