//! What decides about runs in this process, and what tells other processes of it. Every process that asks runs for anything has it,
//! whether it works on steps or not.

use std::{collections::BTreeMap, sync::Arc};

use runs::{Change, Clock, Log, Runs, Surroundings, Unavailable};
use tokio::{task::JoinHandle, time::Instant};
use workflow::RunId;

use crate::{Dice, Shelf, tasks};

/// The runs of a process. The task ends once all handles are gone, when what was asked is done.
pub async fn work_on_runs<L: Log>(log: Arc<L>, shelf: impl Shelf) -> Result<(Runs, JoinHandle<()>), Unavailable> {
    work_on_runs_with(log, Arc::new(shelf), Dice::default(), runs::Options::default()).await
}

/// The same, with all that comes from outside.
pub async fn work_on_runs_with<L: Log>(
    log: Arc<L>,
    shelf: Arc<dyn Shelf>,
    dice: Dice,
    options: runs::Options,
) -> Result<(Runs, JoinHandle<()>), Unavailable> {
    let begun = Instant::now();
    let now = log.clock().await?;
    let around = Surroundings {
        clock: Clock::new(now, Box::new(move || begun.elapsed())),
        random: Box::new(move || dice.random()),
    };
    let (runs, driver) = Runs::new(log, Arc::new(around), options);
    let hints = runs.hints().clone();
    let task = tasks::spawn(async move {
        let driver = driver.run();
        tokio::pin!(driver);
        loop {
            tokio::select! {
                biased;
                () = &mut driver => break,
                changed = hints.next() => tell(changed, &*shelf),
            }
        }
        tell(hints.take(), &*shelf);
    });
    Ok((runs, task))
}

fn tell(changed: BTreeMap<RunId, Change>, shelf: &dyn Shelf) {
    for (run, Change { is_ready, kept_for, has_cancelled, .. }) in changed {
        shelf.hint_changed(run, kept_for);
        if is_ready {
            shelf.hint_ready();
        }
        if has_cancelled {
            shelf.hint_cancelled(run);
        }
    }
}
