//! Random walks over random DAGs: whatever is done in whatever order, the invariants hold and the fold equals the tables.
//! The step machine of `workflow` is the oracle of what the SQL allows.

use serde_json::json;
use sqlx::PgPool;
use store::{
    MIGRATOR,
    protocol::{AttemptResult, Claimed, WorkerId},
    verbs::{Approval, Trigger, VerbOutcome},
};
use uuid::Uuid;
use workflow::{
    StepKey,
    status::{Reason, RunStatus, StepCounts, StepStatus},
    step_machine::{StepEvent, next},
};

use crate::support::{Dice, World, dag, failure, finished, success};

async fn walk(pool: PgPool, seed: u64) {
    let mut dice = Dice::new(seed);
    let n = 3 + dice.roll(7);
    let mut edges = serde_json::Map::new();
    for b in 0..n {
        let deps: Vec<String> = (0..b).filter(|_| dice.roll(3) == 0).map(|a| format!("s{a}")).collect();
        edges.insert(format!("s{b}"), json!(deps));
    }
    let mut world = World::new(pool, &dag(&json!(edges)), dice.roll(2) == 0).await;
    let mut held: Vec<Claimed> = Vec::new();
    for _ in 0..60 {
        let key = StepKey::new(format!("s{}", dice.roll(n)));
        let before = world.view().await;
        let status = before.step(&key).unwrap().status;
        match dice.roll(10) {
            0..=2 => held.extend(world.claim(1 + dice.roll(3)).await),
            3..=5 if !held.is_empty() => {
                let n_results = 1 + dice.roll(held.len().min(4));
                let mut batch = Vec::new();
                for _ in 0..n_results {
                    let claim = held.swap_remove(dice.roll(held.len()));
                    batch.push(match dice.roll(6) {
                        0 => failure(&claim),
                        1 => finished(
                            &claim,
                            AttemptResult::Failed {
                                class: Reason::Server,
                                error: "try again".into(),
                                retry: Some(std::time::Duration::ZERO),
                            },
                        ),
                        2 => finished(&claim, AttemptResult::Released),
                        _ => success(&claim),
                    });
                }
                held.extend(world.store.complete(world.worker, &batch, dice.roll(3)).await.unwrap().claimed);
            }
            6 => {
                let outcome = world.store.trigger_step(&world.call(), &key, &Trigger::default()).await.unwrap();
                let blocked = before.run_definition.steps[&key]
                    .depends_on
                    .iter()
                    .any(|dependency| !before.step(dependency).unwrap().status.is_terminal());
                let expected = next(status, StepEvent::Triggered { blocked });
                let allowed = expected.is_ok() && before.status != RunStatus::Cancelled;
                assert_eq!(outcome == VerbOutcome::Done, allowed, "seed {seed}: trigger of a step that is {status}");
                if let (true, Ok(expected)) = (allowed, expected) {
                    assert_eq!(world.view().await.step(&key).unwrap().status, expected, "seed {seed}");
                }
            }
            7 => {
                let outcome = world.store.approve_step(&world.call(), &key, &Approval::default()).await.unwrap();
                let allowed = next(status, StepEvent::Approved).is_ok();
                assert_eq!(outcome == VerbOutcome::Done, allowed, "seed {seed}: approval of a step that is {status}");
            }
            8 => {
                world.store.set_auto_run(&world.call(), dice.roll(2) == 0).await.unwrap();
            }
            9 if dice.roll(8) == 0 => {
                // The worker dies with all it holds.
                held.clear();
                sqlx::query("UPDATE workers SET state = 'dead'").execute(&world.pool).await.unwrap();
                while !world.store.recover_steps(2).await.unwrap().is_empty() {}
                world.worker = WorkerId(Uuid::now_v7());
                world.store.register_worker(world.worker).await.unwrap();
            }
            9 if dice.roll(12) == 0 => {
                world.store.cancel_run(&world.call()).await.unwrap();
            }
            _ => {}
        }
        world.check().await;
        let view = world.view().await;
        let count = |wanted: &[StepStatus]| {
            i64::try_from(view.steps.iter().filter(|step| wanted.contains(&step.status)).count()).unwrap()
        };
        let counts = StepCounts {
            active: count(&[StepStatus::Ready, StepStatus::Running]),
            awaiting_review: count(&[StepStatus::AwaitingReview]),
            failed: count(&[StepStatus::Failed]),
        };
        let derived = RunStatus::derive(view.status == RunStatus::Cancelled, None, counts);
        assert_eq!((view.status, view.status_reason), derived, "seed {seed}");
    }
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn random_walks_keep_every_invariant(pool: PgPool) {
    for seed in 0..20 {
        walk(pool.clone(), seed).await;
        sqlx::query("TRUNCATE workflow_runs, workflow_templates, users, workers CASCADE").execute(&pool).await.unwrap();
    }
}
