//! People: they start runs and do every verb at any time, mostly on what they saw a moment ago. And the world outside, which wakes
//! attempts that wait for it.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures::future::join_all;
use tokio::time::sleep;
use workflow::{
    api::RerunMode,
    id::{RunId, StepKey, UserId, WorkerId},
    run::{
        Command, State,
        command::{AttemptResult, Changes, Edit, Finished},
        event::Request,
        state::{Status, Wait, Work},
        testing::{Dice, admin, owner},
    },
    status::ErrorClass,
    view::BudgetView,
};

use super::{
    moving,
    world::{World, pick_step},
};
use crate::{
    ask::{Ask, By},
    commit::StartKey,
    memory::Rng,
    runs::Runs,
};

const MOST_OPEN_RUNS: usize = 14;
const N_PERSONS: usize = 3;

pub(crate) fn begin(world: &Arc<World>) {
    for _ in 0..N_PERSONS {
        tokio::spawn(live(Arc::clone(world)));
    }
    tokio::spawn(outside(Arc::clone(world)));
}

async fn live(world: Arc<World>) {
    let mut rng = world.fork();
    while !world.is_stopped() {
        sleep(Duration::from_millis(1 + rng.short(120))).await;
        if rng.one_in(6) {
            world.change_people(&mut rng);
        }
        let Some(runs) = world.pick(&mut rng) else { continue };
        if world.n_open() < MOST_OPEN_RUNS && rng.one_in(3) {
            start(&world, &mut rng, &runs).await;
        } else if rng.one_in(12) {
            moving::move_on(&world, &mut rng, &runs).await;
        } else {
            verb(&world, &mut rng, &runs).await;
        }
    }
}

async fn start(world: &World, rng: &mut Rng, runs: &Runs) {
    let start = world.new_run(rng, None);
    let key = StartKey { user: owner().id, key: format!("{}", rng.draw()) };
    let ask = |start: workflow::run::command::Start| Ask {
        by: By::Person { actor: owner(), was_asked: false, request: None },
        start: Some(key.clone()),
        ..Ask::itself(start.run.id, Command::Start(Box::new(start)))
    };
    let mut again = start.clone();
    let first = world.ask(runs, ask(start)).await;
    if rng.one_in(4) {
        // The answer did not come to them, so they start it again, and it is the same run.
        again.run.id = RunId(world.new_id());
        let Some(other) = world.pick(rng) else { return };
        let n_before = world.n_failovers();
        let second = world.ask(&other, ask(again)).await;
        if let (Ok(first), Ok(second)) = (first, second)
            && first.run != second.run
            && !world.may_have_gone_back()
            && n_before == world.n_failovers()
        {
            world.memory.with(|_, checks| checks.violated("one start began two runs"));
        }
    }
}

async fn verb(world: &World, rng: &mut Rng, runs: &Runs) {
    let Some(run) = world.pick_run(rng) else { return };
    let (mut own, (text, content)) = (Rng::new(rng.draw()), world.text(rng));
    let look = move |state: Option<&State>| state.and_then(|state| command(state, &mut own, text));
    let Ok(Some(command)) = runs.read(run, 0, look).await else { return };
    // They think about it.
    sleep(Duration::from_millis(rng.short(50))).await;
    if rng.one_in(4) {
        return at_once(world, rng, runs, Ask::itself(run, command)).await;
    }
    let who = who_asks(world, rng, runs, run, &command).await;
    let request = rng.one_in(2).then(|| Request { key: format!("{}", rng.draw()), hash: String::new() });
    let is_keyed = request.is_some();
    let (agents, contents) = (Arc::clone(&world.agents), vec![content]);
    // Whenever it is asked, it is looked who they are, and who the others are who voted.
    let ask = || {
        let (actor, voters) = world.comes_in(who)?;
        let by = By::Person { actor, was_asked: false, request: request.clone() };
        let (agents, contents, command) = (Arc::clone(&agents), contents.clone(), command.clone());
        Some(Ask { by, agents, voters, contents, ..Ask::itself(run, command) })
    };
    let Some(first) = ask() else { return };
    let answer = world.ask(runs, first).await;
    if rng.one_in(4) && is_keyed {
        let Some(other) = world.pick(rng) else { return };
        let Some(second) = ask() else { return };
        let again = world.ask(&other, second).await;
        if let (Ok(first), Ok(again)) = (answer, again)
            && !first.events.is_empty()
            && !again.events.is_empty()
            && !world.may_have_gone_back()
        {
            world.memory.with(|_, checks| checks.violated("one request had two effects"));
        }
    }
}

/// Mostly the owner or an admin; at a gate also anybody, and whoever approved there comes again.
async fn who_asks(world: &World, rng: &mut Rng, runs: &Runs, run: RunId, command: &Command) -> UserId {
    let usual = if rng.one_in(3) { admin().id } else { owner().id };
    let Command::Continue { step, .. } = command else { return usual };
    let step = step.clone();
    let voted = move |state: Option<&State>| {
        let review = state?.step(&step)?.review()?;
        (review.quorum > 1).then(|| review.votes.last().copied())
    };
    match runs.read(run, 0, voted).await {
        Ok(Some(Some(last))) if rng.one_in(3) => last,
        Ok(Some(_)) => world.anybody(rng).unwrap_or(usual),
        _ => usual,
    }
}

/// Several people with the same thing in mind, none of whom saw the others.
async fn at_once(world: &World, rng: &mut Rng, runs: &Runs, ask: Ask) {
    let asks: Vec<Ask> = (0..3)
        .map(|n| {
            let who = if n == 0 { admin() } else { owner() };
            let (actor, voters) = world.comes_in(who.id).unwrap_or_else(|| (who, Arc::default()));
            let by = By::Person { actor, was_asked: false, request: None };
            let mut command = ask.command.clone();
            let mut contents = Vec::new();
            let mut written = || {
                let (version, content) = world.text(rng);
                contents.push(content);
                vec![version]
            };
            // Each writes another version, and perhaps only one of them cannot be stored.
            match &mut command {
                Command::Supply { outputs, .. } => *outputs = written(),
                Command::Edit(edit) => edit.outputs = written(),
                Command::Adopt { versions } => {
                    for versions in versions.values_mut() {
                        *versions = written();
                    }
                }
                _ => {}
            }
            Ask { by, command, contents, voters, agents: Arc::clone(&world.agents), ..ask.clone() }
        })
        .collect();
    // Each looks at its own answer.
    let _ = join_all(asks.into_iter().map(|ask| world.ask(runs, ask))).await;
}

fn command(state: &State, rng: &mut Rng, text: workflow::run::state::NewVersion) -> Option<Command> {
    if rng.one_in(8) {
        return Some(match rng.roll(7) {
            0 | 1 => Command::SetAutoRun(rng.one_in(2)),
            2 => Command::Pause,
            3 | 4 => {
                let budget = BudgetView { tokens: Some(1_000_000), cost_micros: None };
                Command::Resume { budget: rng.one_in(2).then_some(budget) }
            }
            5 => Command::Adopt {
                versions: [(pick_step(rng, state.steps().map(|step| step.key.clone()).collect())?, vec![text])].into(),
            },
            _ if rng.one_in(6) => Command::Cancel,
            _ => return None,
        });
    }
    let waiting: Vec<StepKey> =
        state.steps().filter(|step| step.review().is_some()).map(|step| step.key.clone()).collect();
    if !waiting.is_empty() && rng.one_in(2) {
        let step = pick_step(rng, waiting)?;
        let generation = state.step(&step)?.generation;
        let expect_generation = rng.one_in(2).then_some(generation);
        return Some(match rng.roll(4) {
            0 => {
                let feedback = if rng.one_in(15) { "again\0" } else { "again" };
                Command::Reject { step, feedback: feedback.into(), digest: None, expect_generation }
            }
            _ => Command::Continue { step, digest: None, expect_generation },
        });
    }
    let step = pick_step(rng, state.steps().map(|step| step.key.clone()).collect())?;
    let expect_generation = rng.one_in(2).then_some(state.step(&step)?.generation);
    Some(match rng.roll(7) {
        0 => Command::Trigger { step, changes: Changes::default(), expect_generation },
        1 => {
            state.latest(&step).next()?;
            let and_continue = rng.one_in(2);
            let outputs = vec![text];
            Command::Edit(Box::new(Edit { step, outputs, and_continue, digest: None, expect_generation }))
        }
        2 => Command::Skip { step, inputs: BTreeMap::new(), expect_generation },
        3 => Command::Supply { step, outputs: vec![text], expect_generation },
        4 => Command::Stop { step, expect_generation },
        5 => {
            let mode = RerunMode::ALL[rng.roll(RerunMode::ALL.len())];
            Command::Rerun { step, mode, changes: Changes::default(), expect_generation }
        }
        _ => {
            let older = state.versions(&step, "text").iter().filter(|version| !version.is_latest);
            let older: Vec<_> = older.map(|version| version.id).collect();
            Command::Rollback { artifact: *older.get(rng.roll(older.len()))?, expect_generation }
        }
    })
}

/// What suspended attempts wait for comes.
async fn outside(world: Arc<World>) {
    let mut rng = world.fork();
    while !world.is_stopped() {
        sleep(Duration::from_millis(1 + rng.short(400))).await;
        let (Some(runs), Some(run)) = (world.pick(&mut rng), world.pick_run(&mut rng)) else { continue };
        let suspended = |state: Option<&State>| {
            let steps = state.into_iter().flat_map(State::steps);
            let waits = steps.filter(|step| match &step.status {
                Status::Running(Work::Suspended { wait }) => !matches!(wait, Wait::Over { .. }),
                _ => false,
            });
            waits.map(|step| step.key.clone()).collect::<Vec<_>>()
        };
        let Ok(found) = runs.read(run, 0, suspended).await else { continue };
        let Some(step) = pick_step(&mut rng, found) else { continue };
        let key = step.clone();
        let last = move |state: Option<&State>| state.and_then(|state| Some(state.attempts(&key).last()?.number));
        let Ok(Some(attempt)) = runs.read(run, 0, last).await else { continue };
        if rng.one_in(3) {
            call_back(&world, &mut rng, &runs, run, step, attempt).await;
            continue;
        }
        let command = Command::Wake { step, attempt, token: Some("t".into()) };
        // Whether it waits for this is for the run to say.
        let _ = world.ask(&runs, Ask::itself(run, command)).await;
    }
}

/// Somebody outside ends an attempt, as its last worker's; told twice it has one effect.
async fn call_back(world: &Arc<World>, rng: &mut Rng, runs: &Runs, run: RunId, step: StepKey, attempt: i32) {
    let key = step.clone();
    let look = move |state: Option<&State>| {
        let state = state?;
        let known = state.step(&key)?;
        let kind = state.design.plan(known.definition_key())?.kind.clone();
        Some((kind, known.item.as_ref().map(|item| item.basis.clone())))
    };
    let Ok(Some((kind, item_basis))) = runs.read(run, 0, look).await else { return };
    let (version, content) = world.text(rng);
    let result = match rng.roll(3) {
        0 => AttemptResult::Failed { class: ErrorClass::Server, error: "no".to_owned(), retry_after_ms: None },
        _ if kind == "human" => AttemptResult::Succeeded(Vec::new()),
        _ => AttemptResult::Succeeded(vec![version]),
    };
    let worker = WorkerId(world.new_id());
    let done = Box::new(Finished { item_basis, ..Finished::new(step, attempt, worker, result) });
    let command = Command::CalledBack { token: "t".into(), done };
    let ask = Ask { contents: vec![content], ..Ask::itself(run, command) };
    let told = world.ask(runs, ask.clone()).await;
    if told.is_ok()
        && rng.one_in(3)
        && let Ok(again) = world.ask(runs, ask).await
        && !again.events.is_empty()
        && !world.may_have_gone_back()
    {
        world.memory.with(|_, checks| checks.violated("a callback had two effects"));
    }
}
