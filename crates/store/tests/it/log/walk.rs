//! Random walks over runs with gates, a map, conditions, keys and deadlines: after every commit the rows are what the log tells.

use chrono::TimeDelta;
use serde_json::{Value, json};
use sqlx::PgPool;
use std::collections::BTreeSet;
use store::log::Log;
use workflow::{
    Definition, StepKey,
    api::RerunMode,
    hash::sha256_hex,
    run::{
        Command,
        command::{AttemptResult, Changes, Judged, Judgement, NewItem},
        state::{Admission, Wait},
    },
    status::ErrorClass,
    view::ConsumedInput,
};

use super::world::{Known, check, commit, commits, log, version};
use crate::support::{Dice, WORKER, finished};

pub(super) fn rich() -> Definition {
    let from_a = json!({"from": "step", "step": "a", "artifact": "text"});
    let retry = json!({"max": 2, "on": ["timeout"], "initial_ms": 1, "max_ms": 2, "jitter": 0.0});
    Definition::from_value(&json!({
        "limits": {"max_parallel": 3, "timeout_s": 600},
        "steps": {
            "a": {"agent_id": "echo", "depends_on": [], "retry": retry},
            "gate": {"agent_id": "echo", "depends_on": ["a"], "review": {"mode": "always", "timeout_s": 60, "quorum": 1}},
            "items": {"agent_id": "echo", "depends_on": ["a"], "map": {"over": {"const": [1, 2, 3]}, "max_parallel": 2},
                "on_error": "continue"},
            "maybe": {"agent_id": "echo", "depends_on": ["a"], "when": {"eq": [from_a, {"const": "x"}]}},
            "rare": {"agent_id": "rare", "depends_on": ["a"], "retry": retry},
            "end": {"agent_id": "echo", "depends_on": ["gate", "items", "maybe", "rare"], "trigger_rule": "all_done"},
        }
    }))
    .unwrap()
}

fn judged(run: &Known, dice: &mut Dice) -> Option<Command> {
    let step = run.state.undecided().next()?;
    let judgement = match step.key.as_str() {
        "items" if step.status.word() == workflow::StepStatus::Running => Judgement::Collected(Ok(vec![version("[]")])),
        "items" => {
            let list = ConsumedInput {
                port: workflow::resolve::MAP_PORT.into(),
                artifact_id: None,
                version: None,
                hash: String::new(),
            };
            let item = |n: usize| NewItem { key: format!("k{n}"), basis: sha256_hex(&[u8::try_from(n).unwrap()]) };
            Judgement::Items { list, items: (0..=dice.roll(4)).map(item).collect() }
        }
        _ => Judgement::Condition { holds: dice.roll(2) == 0 },
    };
    let (key, epoch) = (step.key.clone(), step.decision_epoch);
    let judged = |read| {
        let judgement = judgement.clone();
        Command::Judged(Box::new(Judged { step: key.clone(), epoch, read, judgement }))
    };
    Some(run.having_read(judged))
}

/// What is tried next; much of it is refused, or changes nothing.
fn command(run: &Known, dice: &mut Dice) -> Command {
    let now = run.state.at + TimeDelta::milliseconds(5);
    let keys: Vec<StepKey> = run.state.steps().map(|step| step.key.clone()).collect();
    let any = keys[dice.roll(keys.len())].clone();
    let held = run.held();
    let one_held = (!held.is_empty()).then(|| held[dice.roll(held.len().max(1))].clone());
    let attempt = |key: &StepKey| run.state.attempts(key).last().map_or(0, |attempt| attempt.number);
    let failed = |class| AttemptResult::Failed { class, error: "no".into(), retry_after_ms: None };
    match (dice.roll(30), one_held) {
        (0..=7, _) => run.take(now + TimeDelta::hours(1), 2),
        (8..=13, Some(key)) => run.finish(&key, &format!("{key} {}", dice.roll(3))),
        (14, Some(key)) => finished(&key, attempt(&key), failed(ErrorClass::Timeout)),
        (15, Some(key)) => finished(&key, attempt(&key), failed(ErrorClass::Permanent)),
        (16, Some(key)) => finished(&key, attempt(&key), AttemptResult::Released),
        (17, Some(key)) => {
            let wait =
                if dice.roll(2) == 0 { Wait::Person {} } else { Wait::Until { at: now + TimeDelta::milliseconds(5) } };
            Command::Suspend { attempt: attempt(&key), step: key, worker: WORKER, wait }
        }
        (18, _) => Command::Lost { worker: WORKER },
        (19, _) => Command::Wake { attempt: attempt(&any), step: any, token: None },
        (20, _) => Command::TimePassed,
        (21, _) => Command::Trigger { step: any, changes: Changes::default(), expect_generation: None },
        (22, _) => Command::Rerun {
            step: any,
            mode: RerunMode::Downstream,
            changes: Changes::default(),
            expect_generation: None,
        },
        (23, _) => match run.state.latest(&any).next() {
            Some(latest) => {
                let versions = run.state.versions(&any, &latest.name);
                Command::Rollback { artifact: versions[dice.roll(versions.len())].id, expect_generation: None }
            }
            None => Command::TimePassed,
        },
        (24, _) if dice.roll(4) == 0 => Command::Pause,
        (25, _) => Command::Resume { budget: None },
        (26 | 27, _) => Command::Continue { step: "gate".into(), digest: None, expect_generation: None },
        (28, _) if dice.roll(4) == 0 => Command::Unreserved { steps: keys },
        (28, _) => Command::Reserved {
            steps: run.state.reserving().map(|(key, limits)| (key.clone(), limits.to_vec())).collect(),
        },
        _ => judged(run, dice).unwrap_or(Command::TimePassed),
    }
}

/// One commit more, and the kinds of what it told; nothing if whatever is tried changes nothing.
pub(super) async fn go_on(log: &Log, pool: &PgPool, run: &mut Known, dice: &mut Dice) -> Option<Vec<String>> {
    let now = run.now(log).await;
    let mut decided = (0..40).find_map(|_| {
        let commands: Vec<Command> = (0..=dice.roll(2)).map(|_| command(run, dice)).collect();
        run.decide(now, &commands)
    })?;
    let kinds = decided.commit.events().map(|event| event.kind.to_string()).collect();
    // Reservations are granted as they are asked for.
    for (key, limits) in run.state.reserving() {
        let keys: Vec<&str> = limits.iter().map(|limit| limit.key.as_str()).collect();
        sqlx::query(
            "INSERT INTO key_reservations (run_id, step, keys, reserved_at, is_over) VALUES ($1, $2, $3, now(), false)
            ON CONFLICT (run_id, step) DO UPDATE SET is_over = false",
        )
        .bind(run.id.0)
        .bind(key.as_str())
        .bind(keys)
        .execute(pool)
        .await
        .unwrap();
    }
    let holds = |key: &&StepKey| {
        decided.state.step(key).is_some_and(|step| step.status.admission() == Some(Admission::Claimable))
    };
    let rare = StepKey::new("rare");
    decided.commit.holds = [&rare].into_iter().filter(holds).cloned().collect();
    assert_eq!(commit(log, &commits(log, std::iter::once(&decided)).await[0]).await, runs::Outcome::Written);
    run.won(decided);
    check(log, run.id).await;
    Some(kinds)
}

#[sqlx::test(migrator = "store::MIGRATOR")]
async fn after_every_commit_the_rows_are_what_the_log_tells(pool: PgPool) {
    let log = log(&pool).await;
    let mut n_commits = 0;
    let mut kinds: BTreeSet<String> = BTreeSet::new();
    for seed in 0..6 {
        let mut dice = Dice::new(seed);
        let mut run = Known::begun(&log, &rich()).await;
        for n in 0..70 {
            if n == 60 && seed % 2 == 0 && !run.state.run.status.is_terminal() {
                run.tell(&log, &[Command::Cancel]).await;
                check(&log, run.id).await;
            }
            let Some(told) = go_on(&log, &pool, &mut run, &mut dice).await else { continue };
            kinds.extend(told);
            n_commits += 1;
        }
        // Read anew it is the same run.
        let mut again = run.clone();
        (again.head, again.state) = (None, workflow::run::State::empty());
        again.catch_up(&log).await;
        assert_eq!(again.head, run.head);
        assert_eq!(shown(&again), shown(&run));
    }
    assert!(n_commits > 200, "{n_commits}");
    for kind in [
        "step_awaiting_review",
        "step_approved",
        "step_expanded",
        "artifact_rolled_back",
        "step_suspended",
        "steps_admitted",
    ] {
        assert!(kinds.contains(kind), "{kind} is not in {kinds:?}");
    }
    log.close().await;
}

fn shown(run: &Known) -> Value {
    serde_json::to_value(run.state.view(&workflow::run::state::Emails::new())).unwrap()
}
