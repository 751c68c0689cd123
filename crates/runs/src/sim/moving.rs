//! A person who stops a run, has one of its steps started all the same, and moves the run to a version in which steps stand under other
//! concurrency keys, or are asked something else, before anybody may have come to that step.
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
        testing::{Dice, definition, owner},
    },
    validate,
};

use super::world::{World, pick_step};
use crate::{
    ask::{Ask, By},
    memory::Rng,
    runs::Runs,
};

/// How long a person waits for the moment in which nothing runs.
const MOST_LOOKS: usize = 60;
const LOOK_AGAIN: Duration = Duration::from_millis(100);

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
    let under_keys = |state: &State| {
        let keyed = state.steps().filter(|step| !state.keys(&step.key).is_empty());
        keyed.map(|step| step.key.clone()).collect::<Vec<StepKey>>()
    };
    if let Some(step) = look(runs, run, under_keys).await.and_then(|found| pick_step(rng, found)) {
        let trigger = Command::Trigger { step, changes: Changes::default(), expect_generation: None };
        let _ = world.ask(runs, ask(trigger)).await;
    }
    // A step that waits for its next try has its place under its keys all the time.
    for _ in 0..MOST_LOOKS {
        sleep(LOOK_AGAIN).await;
        let is_held_and_rests =
            |state: &State| state.workers().next().is_none() && state.steps().any(|step| state.holds_keys(&step.key));
        if look(runs, run, is_held_and_rests).await == Some(true) {
            break;
        }
    }
    let document = look(runs, run, |state| serde_json::to_value(&*state.design.definition).ok()).await.flatten();
    if let Some(to) = document.and_then(|document| other(world, rng, document)) {
        let _ = world.ask(runs, ask(Command::Move(Box::new(to)))).await;
    }
}

async fn look<T: Send + 'static>(runs: &Runs, run: RunId, at: impl FnOnce(&State) -> T + Send + 'static) -> Option<T> {
    runs.read(run, 0, |state| state.map(at)).await.ok().flatten()
}

/// The version that it is moved to, unless that has more errors than the one it has.
fn other(world: &World, rng: &mut Rng, mut document: Value) -> Option<MoveTo> {
    let n_errors = |problems: &[Problem]| problems.iter().filter(|problem| problem.is_error()).count();
    let (_, before) = validate(&definition(&document), &world.agents);
    for (_, step) in document["steps"].as_object_mut()? {
        match rng.roll(6) {
            0..=2 => step["concurrency"] = json!({"key": {"const": (["one", "two"][rng.roll(2)])}, "limit": 1}),
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
