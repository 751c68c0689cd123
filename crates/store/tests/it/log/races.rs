//! Several writers on the same runs: who loses writes nothing, and what is left has neither gap nor mixture.

use std::collections::BTreeMap;

use runs::{Log as _, Outcome};
use sqlx::PgPool;
use store::log::Log;
use workflow::{
    RunId,
    run::{Command, testing::is_long},
};

use super::world::{Known, chain, check, commits, log};
use crate::support::{Dice, finished};

const WRITERS: u64 = 6;
const RUNS: usize = 40;
const IN_A_BATCH: usize = 12;
const BATCHES: usize = 50;

/// Commits a batch of runs again and again; what it lost it reads anew. Returns the commits that won, by run.
async fn write(log: Log, mut known: Vec<Known>, seed: u64) -> BTreeMap<RunId, Vec<uuid::Uuid>> {
    let mut dice = Dice::new(seed);
    let mut won: BTreeMap<RunId, Vec<uuid::Uuid>> = BTreeMap::new();
    for _ in 0..if is_long() { 10 * BATCHES } else { BATCHES } {
        let now = log.clock().await.unwrap();
        // In no order: the store sorts.
        let mut picked: Vec<usize> = Vec::new();
        while picked.len() < IN_A_BATCH {
            let n = dice.roll(RUNS);
            if !picked.contains(&n) {
                picked.push(n);
            }
        }
        let mut decided = Vec::new();
        for n in picked {
            let run = &known[n];
            let commands: Vec<Command> = match run.held().first() {
                // The step goes round: it is taken, and given back.
                Some(key) if dice.roll(2) == 0 => vec![finished(
                    key,
                    run.state.attempts(key).last().unwrap().number,
                    workflow::run::command::AttemptResult::Released,
                )],
                Some(key) => vec![
                    run.finish(key, "x"),
                    Command::Trigger {
                        step: key.clone(),
                        changes: workflow::run::command::Changes::default(),
                        expect_generation: None,
                    },
                ],
                None => vec![run.take(now.max(run.state.at), 1)],
            };
            if let Some(one) = run.decide(now.max(run.state.at), &commands) {
                decided.push((n, one));
            }
        }
        let commits = commits(&log, decided.iter().map(|(_, one)| one)).await;
        let outcomes = super::world::commit_all(&log, &commits).await;
        for ((n, one), outcome) in decided.into_iter().zip(outcomes) {
            match outcome {
                Outcome::Written => {
                    won.entry(known[n].id).or_default().push(one.commit.id.0);
                    known[n].won(one);
                }
                Outcome::Lost | Outcome::Locked => known[n].catch_up(&log).await,
                other => panic!("{other:?}"),
            }
        }
    }
    won
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn six_writers_on_forty_runs_leave_no_gap_no_mixture_and_nothing_of_who_lost(pool: PgPool) {
    let log = log(&pool).await;
    let mut runs = Vec::new();
    for _ in 0..RUNS {
        runs.push(Known::begun(&log, &chain(1)).await);
    }
    let writers: Vec<_> = (0..WRITERS).map(|seed| tokio::spawn(write(log.clone(), runs.clone(), seed))).collect();
    let mut won: BTreeMap<uuid::Uuid, RunId> = BTreeMap::new();
    for writer in writers {
        for (run, commits) in writer.await.unwrap() {
            won.extend(commits.into_iter().map(|commit| (commit, run)));
        }
    }
    let firsts: BTreeMap<uuid::Uuid, RunId> = runs.iter().map(|run| (run.head.unwrap().0, run.id)).collect();
    let written: Vec<(uuid::Uuid, uuid::Uuid, i64)> =
        sqlx::query_as("SELECT commit_id, run_id, count(*) FROM run_events GROUP BY commit_id, run_id")
            .fetch_all(&pool)
            .await
            .unwrap();
    assert_eq!(written.len(), won.len() + firsts.len(), "each that won is there, and no other");
    for (commit, run, _) in &written {
        let of = won.get(commit).or_else(|| firsts.get(commit));
        assert_eq!(of, Some(&RunId(*run)), "a commit is of one run, and of one that won");
    }
    // Gapless, ending at the head, and every row as the log tells.
    for run in &runs {
        check(&log, run.id).await;
    }
    // Each commit is a stretch of its run's log.
    let mixed: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM (SELECT max(seq) - min(seq) + 1 <> count(*) AS mixed FROM run_events GROUP BY run_id, commit_id) c WHERE mixed",
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    assert_eq!(mixed, 0);
    assert!(won.len() > 400, "only {} won", won.len());
    assert!(log.is_set());
    log.close().await;
}
