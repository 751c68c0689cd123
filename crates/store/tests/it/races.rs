//! Two processes at one run, each asked for something at the same moment, over a real Postgres: what comes of it is what comes of one
//! after the other, in one of the two orders. `decide` itself is the oracle; whom it refuses is its own tests' matter.

use std::sync::{Arc, atomic::Ordering};

use chrono::{DateTime, Utc};
use futures::future::{join, join_all};
use runs::{Answer, Ask, By, Error, Log as _};
use serde_json::{Value, json};
use sqlx::PgPool;
use store::MIGRATOR;
use workflow::{
    RunId, StepKey, StepStatus,
    access::Role,
    api::RerunMode,
    run::{
        Command, Context, Refused, State,
        command::{AttemptResult, Changes, Edit},
        decide,
        event::Request,
        testing::{Dice as _, agents, definition, document, is_long},
    },
    status::{ErrorClass, RunStatus, StatusReason},
    validate,
};

use crate::support::{Dice, Process, WORKER, World, by, finished, held, person, version, with_content};

/// What became of a command, without its events.
#[derive(Clone, PartialEq, Debug)]
enum Came {
    Done,
    Unchanged,
    Refused(Refused),
}

/// A latest version: its number, its hash, and whether it passed a gate.
type Made = (i32, String, bool);

/// What of a run does not depend on ids and times.
#[derive(PartialEq, Debug)]
struct Shape {
    run: (RunStatus, Option<StatusReason>, bool),
    steps: Vec<(StepKey, StepStatus, i32, usize, Vec<Made>)>,
}

fn shape(state: &State) -> Shape {
    let steps = state.steps().map(|step| {
        let latest = state.latest(&step.key).map(|v| (v.version, v.content_hash.clone(), v.is_approved)).collect();
        (step.key.clone(), step.status.word(), step.generation, state.attempts(&step.key).len(), latest)
    });
    Shape { run: (state.run.status, state.run.status_reason, state.run.auto_run), steps: steps.collect() }
}

/// A random definition that could be published.
fn drawn(dice: &mut Dice) -> Value {
    loop {
        let document = document(dice);
        let (_, problems) = validate(&definition(&document), &agents());
        if problems.iter().all(|problem| !problem.is_error()) {
            return document;
        }
    }
}

/// Something that may come to a run in this state.
fn any(dice: &mut Dice, state: &State, now: DateTime<Utc>) -> Command {
    let keys: Vec<StepKey> = state.steps().map(|step| step.key.clone()).collect();
    let step = keys[dice.roll(keys.len())].clone();
    let (changes, expect_generation) = (Changes::default(), None);
    let held = held(state);
    match dice.roll(18) {
        0 => Command::Trigger { step, changes, expect_generation },
        1 => Command::Continue { step, digest: None, expect_generation },
        2 => {
            let and_continue = dice.one_in(2);
            let outputs = vec![version("edited")];
            Command::Edit(Box::new(Edit { step, outputs, and_continue, digest: None, expect_generation }))
        }
        3 => Command::Reject { step, feedback: "no".into(), digest: None, expect_generation },
        4 => Command::Skip { step, inputs: [].into(), expect_generation },
        5 => Command::Supply { step, outputs: vec![version("supplied")], expect_generation },
        6 => Command::Stop { step, expect_generation },
        7 => {
            let mode = RerunMode::ALL[dice.roll(RerunMode::ALL.len())];
            Command::Rerun { step, mode, changes, expect_generation }
        }
        8 => Command::SetAutoRun(dice.one_in(2)),
        9 => Command::Pause,
        10 => Command::Resume { budget: None },
        11 if dice.one_in(4) => Command::Cancel,
        12 | 13 if !held.is_empty() => {
            let (step, attempt) = &held[dice.roll(held.len())];
            let error =
                AttemptResult::Failed { class: ErrorClass::Permanent, error: "no".into(), retry_after_ms: None };
            let result = if dice.one_in(3) { error } else { AttemptResult::Succeeded(vec![version("made")]) };
            finished(step, *attempt, result)
        }
        14 if dice.one_in(3) => Command::Lost { worker: WORKER },
        _ => Command::StartSteps { worker: WORKER, build: None, steps: state.claimable(now).cloned().collect() },
    }
}

fn ask(world: &World, run: RunId, command: Command) -> Ask {
    match command {
        Command::Finished(_) => with_content(Ask::itself(run, command), "made"),
        Command::StartSteps { .. } | Command::Lost { .. } => Ask::itself(run, command),
        Command::Edit(_) => with_content(by(&world.ada, run, command), "edited"),
        Command::Supply { .. } => with_content(by(&world.ada, run, command), "supplied"),
        _ => by(&world.ada, run, command),
    }
}

fn came(answer: Result<Answer, Error>) -> Came {
    match answer {
        Ok(answer) if answer.events.is_empty() => Came::Unchanged,
        Ok(_) => Came::Done,
        Err(Error::Refused { refused, .. }) => Came::Refused(refused),
        Err(other) => panic!("{other:?}"),
    }
}

/// What comes of these one after the other.
fn in_turn(before: &State, asks: [&Ask; 2], now: DateTime<Utc>) -> ([Came; 2], Shape) {
    let mut state = before.clone();
    let outcomes = asks.map(|ask| {
        let actor = match &ask.by {
            By::Itself => None,
            By::Person { actor, .. } => Some(actor),
        };
        let ctx = Context {
            now: now.max(state.at),
            random: 7,
            actor,
            was_asked: false,
            request: None,
            voters: &ask.voters,
            agents: &ask.agents,
        };
        match decide(&state, &ask.command, &ctx) {
            Ok(events) if events.is_empty() => Came::Unchanged,
            Ok(events) => {
                for event in &events {
                    state.apply(event);
                }
                Came::Done
            }
            Err(refused) => Came::Refused(refused),
        }
    });
    (outcomes, shape(&state))
}

async fn now(process: &Process) -> DateTime<Utc> {
    process.log.clock().await.unwrap()
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn two_at_once_are_one_after_the_other(pool: PgPool) {
    let world = World::new(pool.clone()).await;
    let other = Process::new(&pool).await;
    for seed in 0..if is_long() { 600 } else { 60 } {
        let mut dice = Dice::new(seed);
        let run = world.begin(&drawn(&mut dice), dice.one_in(2)).await;
        for _ in 0..6 {
            for _ in 0..dice.roll(4) {
                let state = world.process.look(run, State::clone).await;
                let next = ask(&world, run, any(&mut dice, &state, now(&other).await));
                came(world.process.runs.execute(next).await);
            }
            let before = world.process.look(run, State::clone).await;
            other.look(run, |_| ()).await;
            let time = now(&other).await;
            let one = ask(&world, run, any(&mut dice, &before, time));
            let two = ask(&world, run, any(&mut dice, &before, time));
            let (first, second) = join(world.process.runs.execute(one.clone()), other.runs.execute(two.clone())).await;
            let outcomes = [came(first), came(second)];
            let after = other.look(run, shape).await;
            let (there, back) = (in_turn(&before, [&one, &two], time), in_turn(&before, [&two, &one], time));
            let [b, a] = back.0;
            assert!(
                (&there.0, &there.1) == (&outcomes, &after)
                    || (&[a.clone(), b.clone()], &back.1) == (&outcomes, &after),
                "seed {seed}: {:?} and {:?} came to {outcomes:?}\n{after:?}\none after the other: {:?}\n{:?}\nthe other way round: {:?}\n{:?}",
                one.command,
                two.command,
                there.0,
                there.1,
                [a, b],
                back.1,
            );
        }
        world.process.check(run).await;
    }
    let lost = |process: &Process| process.runs.stats().lost.load(Ordering::Relaxed);
    let n_lost = lost(&world.process) + lost(&other);
    assert!(n_lost > 10, "they hardly met: {n_lost} decisions lost");
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn of_twenty_equal_requests_at_two_processes_one_has_an_effect(pool: PgPool) {
    let world = World::new(pool.clone()).await;
    let other = Process::new(&pool).await;
    let run = world.begin(&json!({"steps": {"a": {"agent_id": "echo"}}}), true).await;
    let request = |hash: &str| Some(Request { key: "k".into(), hash: hash.into() });
    let edit = |hash: &str| {
        let rerun = Command::Trigger { step: "a".into(), changes: Changes::default(), expect_generation: None };
        Ask {
            by: By::Person { actor: world.ada.clone(), was_asked: false, request: request(hash) },
            ..by(&world.ada, run, rerun)
        }
    };
    world.process.settle(run).await;
    let calls = (0..20_usize)
        .map(|n| if n.is_multiple_of(2) { &world.process } else { &other })
        .map(|at| at.runs.execute(edit("x")));
    let answers: Vec<Came> = join_all(calls).await.into_iter().map(came).collect();
    assert_eq!(answers.iter().filter(|answer| **answer == Came::Done).count(), 1, "{answers:?}");
    assert!(answers.iter().all(|answer| matches!(answer, Came::Done | Came::Unchanged)), "{answers:?}");
    assert_eq!(other.look(run, |state| state.step(&"a".into()).unwrap().generation).await, 2);
    assert_eq!(came(other.runs.execute(edit("y")).await), Came::Refused(Refused::IdempotencyMismatch));
    world.process.check(run).await;
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn of_many_equal_starts_at_two_processes_one_makes_a_run(pool: PgPool) {
    let world = World::new(pool.clone()).await;
    let other = Process::new(&pool).await;
    let begin = || {
        let start = crate::support::start(&json!({"steps": {"a": {"agent_id": "echo"}}}), true, world.ada.id);
        let mut ask = by(&world.ada, start.run.id, Command::Start(Box::new(start)));
        ask.start = Some(runs::StartKey { user: world.ada.id, key: "k".into() });
        ask
    };
    let calls = (0..12_usize)
        .map(|n| if n.is_multiple_of(2) { &world.process } else { &other })
        .map(|at| at.runs.execute(begin()));
    let answers: Vec<Answer> = join_all(calls).await.into_iter().collect::<Result<_, _>>().unwrap();
    assert!(answers.iter().all(|answer| answer.run == answers[0].run), "all are told of the same run");
    let n: i64 = sqlx::query_scalar("SELECT count(*) FROM workflow_runs").fetch_one(&pool).await.unwrap();
    assert_eq!(n, 1);
}

#[sqlx::test(migrator = "MIGRATOR")]
async fn fifty_approvals_of_two_people_at_two_processes_close_a_gate_once(pool: PgPool) {
    let world = World::new(pool.clone()).await;
    let other = Process::new(&pool).await;
    let root = person(&pool, "root@example.com", Role::Admin).await;
    let run = world
        .begin(&json!({"steps": {"a": {"agent_id": "echo"}, "b": {"agent_id": "echo", "depends_on": ["a"]}}}), false)
        .await;
    world.process.settle(run).await;
    let approve = || Command::Continue { step: "a".into(), digest: None, expect_generation: Some(1) };
    let people = [Arc::new(world.ada.clone()), Arc::new(root)];
    let clicks = (0..50).map(|n: usize| {
        let at = if n.is_multiple_of(2) { &world.process } else { &other };
        at.runs.execute(by(&people[n / 2 % 2], run, approve()))
    });
    let answers: Vec<Came> = join_all(clicks).await.into_iter().map(came).collect();
    assert_eq!(answers.iter().filter(|answer| **answer == Came::Done).count(), 1, "{answers:?}");
    assert_eq!(other.look(run, |state| state.step(&"b".into()).unwrap().status.word()).await, StepStatus::Ready);
    world.process.check(run).await;
}
