//! A person who stops a run, has one of its steps started all the same, and moves the run to a version in which steps stand under other
//! concurrency keys, or are asked something else: while that step has its place and nobody took it yet, or when it is through.
//! Must never change what a step is given: those who look at content know the definition that it was made by.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::time::sleep;
use workflow::{
    Problem, StepKey,
    id::RunId,
    run::{
        Command, State,
        command::{Changes, MoveTo},
        state::Admission,
        testing::{Dice, definition, owner},
    },
    status::StepStatus,
    validate,
};

use super::world::{World, pick_step};
use crate::{
    answer::Error,
    ask::{Ask, By},
    memory::Rng,
    runs::Runs,
};

const KEYS: [&str; 5] = ["one", "two", "three", "four", "five"];

/// How long a person waits for the moment in which nothing runs, before they start a step by hand and after it.
const MOST_LOOKS: (usize, usize) = (20, 40);
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// And for the one in which the step has its place and nobody took it yet: that is over soon.
const MOST_GLANCES: usize = 80;
const GLANCE_AGAIN: Duration = Duration::from_millis(15);

pub(crate) async fn move_on(world: &World, rng: &mut Rng, runs: &Runs) {
    let Some(run) = world.pick_run(rng) else { return };
    let ask = |command| {
        let by = By::Person { actor: owner(), was_asked: false, request: None };
        Ask { by, agents: Arc::clone(&world.agents), ..Ask::itself(run, command) }
    };
    let Some(held) = look(runs, run, |state| state.run.held.is_some()).await else { return };
    if !held {
        // Whoever is not let does not go on either: each answer is looked at by `ask`.
        let _ = world.ask(runs, ask(Command::Pause)).await;
    }
    until_nothing_runs(runs, run, MOST_LOOKS.0).await;
    // For the moment between a reservation and a start all processes have enough to do, sometimes.
    let crowd = rng.one_in(2).then(|| world.crowd());
    let step = look(runs, run, under_keys).await.and_then(|found| pick_step(rng, found));
    if let Some(step) = &step {
        let trigger = Command::Trigger { step: step.clone(), changes: Changes::default(), expect_generation: None };
        if world.ask(runs, ask(trigger)).await.is_ok() && !gets_its_place(runs, run, step).await {
            until_nothing_runs(runs, run, MOST_LOOKS.1).await;
        }
    }
    let document = look(runs, run, |state| serde_json::to_value(&*state.design.definition).ok()).await.flatten();
    if let Some(to) = document.and_then(|document| other(world, rng, document, step.as_ref())) {
        let _ = world.ask(runs, ask(Command::Move(Box::new(to)))).await;
    }
    drop(crowd);
}

/// Steps under keys that somebody may start by hand.
fn under_keys(state: &State) -> Vec<StepKey> {
    use StepStatus as S;
    let keyed = state.steps().filter(|step| step.item.is_none() && !state.keys(&step.key).is_empty());
    let may = keyed.filter(|step| matches!(step.status.word(), S::Ready | S::Completed | S::Failed | S::Skipped));
    may.map(|step| step.key.clone()).collect()
}

/// A run in which something runs is not moved.
async fn until_nothing_runs(runs: &Runs, run: RunId, most_looks: usize) {
    for _ in 0..most_looks {
        let rests = |state: &State| state.steps().all(|step| step.status.word() != StepStatus::Running);
        if look(runs, run, rests).await != Some(false) {
            return;
        }
        sleep(LOOK_AGAIN).await;
    }
}

/// Whether the step has its place under its keys before a worker has the step.
async fn gets_its_place(runs: &Runs, run: RunId, step: &StepKey) -> bool {
    for _ in 0..MOST_GLANCES {
        let key = step.clone();
        let look = move |state: Option<&State>| {
            let step = state?.step(&key)?;
            Some((step.status.word(), step.status.admission()))
        };
        // Mostly another process reserves for it, so what this one has at hand does not tell.
        match runs.read_now(run, look).await {
            Ok(Some((_, Some(Admission::Claimable)))) => return true,
            Ok(Some((StepStatus::Ready, _))) | Err(Error::Unavailable) => sleep(GLANCE_AGAIN).await,
            _ => return false,
        }
    }
    false
}

async fn look<T: Send + 'static>(runs: &Runs, run: RunId, at: impl FnOnce(&State) -> T + Send + 'static) -> Option<T> {
    runs.read(run, 0, |state| state.map(at)).await.ok().flatten()
}

/// The version that it is moved to, unless that has more errors than the one it has.
///
/// The step that was started by hand mostly gets another key than it has. There are some, so that each has room.
fn other(world: &World, rng: &mut Rng, mut document: Value, started: Option<&StepKey>) -> Option<MoveTo> {
    let n_errors = |problems: &[Problem]| problems.iter().filter(|problem| problem.is_error()).count();
    let (_, before) = validate(&definition(&document), &world.agents);
    for (key, step) in document["steps"].as_object_mut()? {
        let is_started = started.is_some_and(|started| started.as_str() == key.as_str());
        let what = if is_started && !rng.one_in(4) { 0 } else { rng.roll(6) };
        match what {
            0..=2 => step["concurrency"] = json!({"key": {"const": KEYS[rng.roll(KEYS.len())]}, "limit": 1}),
            3 => {
                step.as_object_mut()?.shift_remove("concurrency");
            }
            4 if rng.one_in(4) => step["prompt"] = json!(format!("other {}", rng.roll(5))),
            _ => {}
        }
    }
    let definition = definition(&document);
    let (plan, problems) = validate(&definition, &world.agents);
    let is_worse = n_errors(&problems) > n_errors(&before);
    let (template_version, definition) = (2, Arc::new(definition));
    (!is_worse).then(|| MoveTo { template_version, template_name: "T2".into(), definition, plan })
}
