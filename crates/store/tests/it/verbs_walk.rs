//! Random walks with every verb over random DAGs with rules, conditions, maps, forms, gates, limits and budgets: the invariants hold after
//! every operation, the fold equals the tables, and the table of `workflow::verbs` says what each verb did.

use serde_json::{Value, json};
use sqlx::PgPool;
use store::{
    MIGRATOR,
    protocol::{AttemptResult, Claimed, Finished, WorkerId},
    verbs::{Approval, Conflict, Edit, Rejection, Rerun, Skip, Supply, Trigger, VerbOutcome},
};
use uuid::Uuid;
use workflow::{
    Definition, StepKey, StepStatus,
    api::RerunMode,
    rerun::closure,
    status::Reason,
    verbs::{Expected, Generation, Verb, expected},
    view::{BudgetView, Usage},
};

use crate::support::{Dice, World, artifact, failure, finished, success};

/// A random definition; every feature has its chance.
fn definition(dice: &mut Dice) -> Definition {
    let n = 3 + dice.roll(6);
    let mut steps = serde_json::Map::new();
    for b in 0..n {
        let deps: Vec<String> = (0..b).filter(|_| dice.roll(3) == 0).map(|a| format!("s{a}")).collect();
        let mut step = json!({"agent_id": "echo", "depends_on": deps});
        let rule = ["none_failed", "none_failed", "all_success", "all_done", "one_success"][dice.roll(5)];
        step["trigger_rule"] = json!(rule);
        match dice.roll(8) {
            0 => step["when"] = json!({"eq": [{"const": 1}, {"const": dice.roll(2)}]}),
            1 | 2 => {
                step["map"] = json!({"over": {"const": [1]}});
                if dice.roll(2) == 0 {
                    step["map"]["max_parallel"] = json!(1 + dice.roll(2));
                }
            }
            3 => step["agent_id"] = json!("form"),
            _ => {}
        }
        match dice.roll(6) {
            0 => step["review"] = json!({"mode": "always", "max_rounds": 1}),
            1 => step["review"] = json!({"mode": "always", "quorum": 2}),
            2 => step["review"] = json!({"mode": "never"}),
            _ => {}
        }
        match dice.roll(6) {
            0 => step["on_error"] = json!("continue"),
            1 => {
                step["on_error"] = json!("default");
                let is_map = step.get("map").is_some();
                step["default_output"] = json!({"text": if is_map { json!(["fallback"]) } else { json!("fallback") }});
            }
            _ => {}
        }
        if dice.roll(6) == 0 {
            step["concurrency"] = json!({"key": {"const": "one"}, "limit": 1});
        }
        steps.insert(format!("s{b}"), step);
    }
    let mut document = json!({"steps": steps});
    if dice.roll(3) == 0 {
        document["limits"]["max_parallel"] = json!(1 + dice.roll(3));
    }
    if dice.roll(3) == 0 {
        let on_exceed = if dice.roll(2) == 0 { "pause" } else { "fail" };
        document["limits"]["budget"] = json!({"tokens": 30 + dice.roll(60), "on_exceed": on_exceed});
    }
    Definition::from_value(&document).unwrap()
}

fn result_of(dice: &mut Dice, world: &World, claim: &Claimed) -> Finished {
    let asks = world.folded.step(&claim.key).is_some_and(|step| step.kind == "human");
    let mut result = match dice.roll(7) {
        0 => failure(claim),
        1 => {
            let retry = Some(std::time::Duration::ZERO);
            finished(claim, AttemptResult::Failed { class: Reason::Server, error: "try again".into(), retry })
        }
        2 => finished(claim, AttemptResult::Released),
        _ if asks => finished(claim, AttemptResult::Succeeded(vec![])),
        _ => success(claim),
    };
    if !matches!(result.result, AttemptResult::Released) {
        result.usage = Some(Usage { prompt_tokens: 2, completion_tokens: 3, ..Usage::default() });
    }
    result
}

struct Walk {
    seed: u64,
    dice: Dice,
    world: World,
    held: Vec<Claimed>,
}

impl Walk {
    async fn verb(&mut self, verb: Verb) {
        let before = self.world.view().await;
        if before.steps.is_empty() {
            return;
        }
        let step = before.steps[self.dice.roll(before.steps.len())].clone();
        let (key, call, store) = (&step.key, self.world.call(), &self.world.store);
        let n = self.dice.roll(1000);
        let text = || vec![artifact("text", &format!("by hand {n}"))];
        let outcome = match verb {
            Verb::Trigger => store.trigger_step(&call, key, &Trigger::default()).await,
            Verb::Continue => store.approve_step(&call, key, &Approval::default()).await,
            Verb::Edit => {
                // The service lets nobody edit what was never made.
                if before.latest_artifacts(key).next().is_none() {
                    return;
                }
                let approve = self.dice.roll(2) == 0;
                store.edit_step(&call, key, &Edit { artifacts: text(), approve, ..Edit::default() }).await
            }
            Verb::Reject => {
                store.reject_step(&call, key, &Rejection { feedback: "again".into(), ..Rejection::default() }).await
            }
            Verb::Skip => store.skip_step(&call, key, &Skip::default()).await,
            Verb::Supply => store.supply_step(&call, key, &Supply { artifacts: text(), ..Supply::default() }).await,
            Verb::Stop => store.stop_step(&call, key, None).await,
            Verb::Rerun => {
                let mode = [RerunMode::StepOnly, RerunMode::Downstream, RerunMode::StaleDownstream][self.dice.roll(3)];
                let closure = closure(&before, key, mode);
                let seq = (mode != RerunMode::StepOnly).then_some(before.seq);
                store.rerun_step(&call, key, &Rerun { closure, seq, ..Rerun::default() }).await
            }
            Verb::Rollback => {
                let versions: Vec<_> =
                    before.artifacts.iter().filter(|it| it.producing_step_id == *key && !it.is_latest).collect();
                let Some(version) = versions.get(self.dice.roll(versions.len().max(1))) else { return };
                store.rollback_artifact(&call, version.id, None).await
            }
        }
        .unwrap();
        let after = self.world.view().await;
        let at = format!("seed {}: {} of {key}, which is {}", self.seed, verb.as_str(), step.status);
        let is_cancelled = before.status == workflow::RunStatus::Cancelled;
        match (&outcome, expected(verb, step.status)) {
            (VerbOutcome::Done, Expected::Done { becomes, events, generation }) => {
                assert!(!is_cancelled, "{at}");
                let now = after.step(key).unwrap();
                assert!(becomes.contains(&now.status), "{at}: it is {}", now.status);
                match generation {
                    Generation::Same => assert_eq!(now.generation, step.generation, "{at}"),
                    Generation::Next => assert_eq!(now.generation, step.generation + 1, "{at}"),
                }
                let event = store.run_events(self.world.run, None, 1).await.unwrap().remove(0);
                assert!(events.contains(&event.kind), "{at}: {:?}", event.kind);
                assert_eq!(event.actor.unwrap().id, self.world.actor.id, "{at}");
                assert_eq!(after.seq, before.seq + 1, "{at}: one event");
            }
            (VerbOutcome::Conflict(Conflict::Status(_)), Expected::Refused(_))
            | (VerbOutcome::Conflict(Conflict::AlreadyVoted), _) => {}
            // The map of an item is over for good, or the run is.
            (VerbOutcome::Conflict(Conflict::Status(_)), _) if is_cancelled || step.item_of.is_some() => {}
            (VerbOutcome::Conflict(Conflict::Unanswered), _) => assert_eq!(step.kind, "human", "{at}"),
            (outcome, expected) => panic!("{at}: {outcome:?}, but the table says {expected:?}"),
        }
        if outcome != VerbOutcome::Done {
            assert_eq!(after.seq, before.seq, "{at}: a refusal writes nothing");
        }
    }

    async fn step(&mut self) {
        match self.dice.roll(20) {
            0..=3 => {
                let n = 1 + self.dice.roll(4);
                let claimed = self.world.claim(n).await;
                self.held.extend(claimed);
            }
            4..=8 if !self.held.is_empty() => {
                let n_results = 1 + self.dice.roll(self.held.len().min(4));
                let mut batch = Vec::new();
                for _ in 0..n_results {
                    let claim = self.held.swap_remove(self.dice.roll(self.held.len()));
                    batch.push(result_of(&mut self.dice, &self.world, &claim));
                }
                let n = self.dice.roll(3);
                let done = self.world.store.complete(self.world.worker, &batch, n).await.unwrap();
                self.held.extend(done.claimed);
            }
            9 | 10 => {
                let sets: [&[(&str, i64)]; 4] =
                    [&[("a", 1), ("b", 2)], &[("b", 2), ("a", 1), ("c", 3)], &[("a", 9)], &[]];
                let items = sets[self.dice.roll(4)];
                self.world.decide(items).await;
            }
            11 if self.dice.roll(2) == 0 => {
                let on = self.dice.roll(2) == 0;
                self.world.store.set_auto_run(&self.world.call(), on).await.unwrap();
            }
            12 if self.dice.roll(2) == 0 => {
                let call = self.world.call();
                if self.dice.roll(2) == 0 {
                    self.world.store.pause_run(&call).await.unwrap();
                } else {
                    let budget = BudgetView { tokens: Some(1_000_000), cost_micros: None };
                    self.world.store.resume_run(&call, (self.dice.roll(2) == 0).then_some(budget)).await.unwrap();
                }
            }
            13 if self.dice.roll(6) == 0 => {
                // The worker dies with all it holds.
                self.held.clear();
                sqlx::query("UPDATE workers SET state = 'dead'").execute(&self.world.pool).await.unwrap();
                while !self.world.store.recover_steps(2).await.unwrap().is_empty() {}
                self.world.worker = WorkerId(Uuid::now_v7());
                self.world.store.register_worker(self.world.worker).await.unwrap();
            }
            13 if self.dice.roll(30) == 0 => {
                self.world.store.cancel_run(&self.world.call()).await.unwrap();
            }
            13 if self.dice.roll(20) == 0 => {
                sqlx::query("UPDATE workflow_runs SET deadline_at = now() - interval '1 s'")
                    .execute(&self.world.pool)
                    .await
                    .unwrap();
                self.world.folded.deadline_at = self.world.view().await.deadline_at;
                self.world.store.expire(10).await.unwrap();
            }
            _ => {
                let verb = Verb::ALL[self.dice.roll(Verb::ALL.len())];
                self.verb(verb).await;
            }
        }
    }
}

/// Whatever happened, a run that nobody touches any more comes to an end.
async fn ends(walk: &mut Walk) {
    let world = &mut walk.world;
    let batch: Vec<Finished> = walk.held.drain(..).map(|claim| finished(&claim, AttemptResult::Released)).collect();
    if !batch.is_empty() {
        world.store.complete(world.worker, &batch, 0).await.unwrap();
    }
    let budget = BudgetView { tokens: Some(1_000_000_000), cost_micros: None };
    world.store.resume_run(&world.call(), Some(budget)).await.unwrap();
    for _ in 0..200 {
        world.decide(&[("a", 1)]).await;
        let claims = world.claim(50).await;
        let batch: Vec<Finished> = claims
            .iter()
            .map(|claim| match world.folded.step(&claim.key).map(|step| step.kind.as_str()) {
                Some("human") => finished(claim, AttemptResult::Succeeded(vec![])),
                _ => success(claim),
            })
            .collect();
        if !batch.is_empty() {
            world.complete(&batch).await;
        }
        world.check().await;
        let view = world.view().await;
        let waiting: Vec<StepKey> = view
            .steps
            .iter()
            .filter(|step| step.status == StepStatus::AwaitingReview)
            .map(|step| step.key.clone())
            .collect();
        if view.status.is_terminal() {
            return;
        }
        for key in waiting {
            world.store.skip_step(&world.call(), &key, &Skip::default()).await.unwrap();
        }
    }
    let open: Vec<Value> = world
        .view()
        .await
        .steps
        .iter()
        .filter(|step| !step.status.is_terminal())
        .map(|step| json!([step.key, step.status]))
        .collect();
    panic!("seed {}: the run does not end: {open:?}", walk.seed);
}

#[expect(clippy::disallowed_methods, reason = "a walk that failed is walked again by its seed")]
fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn every_verb_does_what_the_table_says_and_every_run_ends(pool: PgPool) {
    let (first, n) = (number("WEFT_SEED", 0), number("WEFT_SEEDS", 25));
    for seed in first..first + n {
        // Shown when the walk fails: `WEFT_SEED` walks it again.
        eprintln!("seed {seed}");
        let mut dice = Dice::new(seed);
        let definition = definition(&mut dice);
        let auto_run = dice.roll(2) == 0;
        let world = World::new(pool.clone(), &definition, auto_run).await;
        let mut walk = Walk { seed, dice, world, held: Vec::new() };
        for _ in 0..80 {
            walk.step().await;
            walk.world.check().await;
        }
        ends(&mut walk).await;
        sqlx::query("TRUNCATE workflow_runs, workflow_templates, users, workers, decisions, concurrency_keys CASCADE")
            .execute(&pool)
            .await
            .unwrap();
    }
}
