//! One attempt of a step: it takes its time, and ends in one of the ways that attempts end, perhaps told twice.

use std::time::Duration;

use chrono::TimeDelta;
use tokio::time::sleep;
use workflow::{
    id::{RunId, StepKey},
    run::{
        Command, State,
        command::{AttemptResult, Finished},
        state::{Status, Wait, Work},
        testing::Dice,
    },
    source::Source,
    status::ErrorClass,
    view::{ConsumedInput, Usage},
};

use super::inside::Inside;
use crate::{answer::Error, ask::Ask, memory::Rng};

/// What an attempt knows of its step.
struct Known {
    kind: String,
    inputs: Vec<ConsumedInput>,
    basis: Option<String>,
    is_its: bool,
    now: chrono::DateTime<chrono::Utc>,
}

pub(crate) async fn run(inside: &Inside, mut rng: Rng, run: RunId, step: StepKey, number: i32) {
    sleep(Duration::from_millis(rng.short(3_000))).await;
    let (key, worker) = (step.clone(), inside.worker);
    let look = move |state: Option<&State>| {
        let state = state?;
        let step = state.step(&key)?;
        Some(Known {
            kind: state.design.plan(step.definition_key())?.kind.clone(),
            inputs: consumed(state, &key),
            basis: step.item.as_ref().map(|item| item.basis.clone()),
            is_its: step.status == Status::Running(Work::Attempt { worker }),
            now: state.at,
        })
    };
    let known = loop {
        match inside.runs.read(run, 0, look.clone()).await {
            Ok(Some(known)) => break known,
            Err(Error::Unavailable) => sleep(Duration::from_millis(50)).await,
            _ => return,
        }
    };
    if !known.is_its {
        return;
    }
    let command = command(inside, &mut rng, step, number, &known);
    end(inside, &mut rng, run, command).await;
}

fn command(inside: &Inside, rng: &mut Rng, step: StepKey, attempt: i32, known: &Known) -> Command {
    let worker = inside.worker;
    let is_sub = known.kind == "workflow";
    let error = |rng: &mut Rng| if rng.one_in(20) { "no\0".to_owned() } else { "no".to_owned() };
    let result = match rng.roll(12) {
        11 => AttemptResult::Failed { class: ErrorClass::Permanent, error: error(rng), retry_after_ms: None },
        10 => AttemptResult::Failed { class: ErrorClass::Server, error: error(rng), retry_after_ms: None },
        9 if attempt % 2 == 1 => AttemptResult::Released,
        9 => AttemptResult::Lost,
        7 | 8 if !is_sub => {
            let wait = match rng.roll(3) {
                0 => Wait::Person {},
                1 => Wait::Callback { token: "t".into() },
                _ => Wait::Until { at: known.now + TimeDelta::seconds(3) },
            };
            return Command::Suspend { step, attempt, worker, wait };
        }
        _ if is_sub => {
            let child = RunId(inside.world.new_id());
            return Command::HandedOver { step, attempt, worker, child, inputs: known.inputs.clone() };
        }
        _ if known.kind == "human" => AttemptResult::Succeeded(Vec::new()),
        _ => AttemptResult::Succeeded(vec![inside.world.text(rng).0]),
    };
    let is_let_go = matches!(result, AttemptResult::Released | AttemptResult::Lost);
    Command::Finished(Box::new(Finished {
        inputs: known.inputs.clone(),
        usage: (!is_let_go).then(|| Usage { prompt_tokens: 5, ..Usage::default() }),
        item_basis: known.basis.clone(),
        ..Finished::new(step, attempt, worker, result)
    }))
}

/// Tells the end of an attempt until it is known to be written, or not its own any more.
async fn end(inside: &Inside, rng: &mut Rng, run: RunId, mut command: Command) {
    loop {
        match inside.world.ask(&inside.runs, Ask::itself(run, command.clone())).await {
            Err(Error::Unavailable) => sleep(Duration::from_millis(20 + rng.short(200))).await,
            // It cannot be stored, nor at any later time.
            Err(Error::Data(_)) => {
                let Command::Finished(done) = &mut command else { return };
                let (class, error) = (ErrorClass::InvalidOutput, "it cannot be stored".to_owned());
                done.result = AttemptResult::Failed { class, error, retry_after_ms: None };
            }
            Ok(_) if rng.one_in(6) => {
                // Its answer was lost on the way: the same again, and it does nothing more.
                if let Ok(again) = inside.world.ask(&inside.runs, Ask::itself(run, command.clone())).await
                    && !again.events.is_empty()
                    && !inside.world.may_have_gone_back()
                {
                    inside.world.memory.with(|_, checks| checks.violated("the end of an attempt had two effects"));
                }
                return;
            }
            _ => return,
        }
    }
}

/// As the engine records it: the versions that are the latest.
fn consumed(state: &State, key: &StepKey) -> Vec<ConsumedInput> {
    let Some(definition) = state.step(key).and_then(|step| state.design.step(step.definition_key())) else {
        return Vec::new();
    };
    let inputs = definition.inputs.iter().map(|(port, source)| {
        let read = match source {
            Source::Step { step, artifact, .. } => state.latest(step).find(|version| version.name == *artifact),
            _ => None,
        };
        ConsumedInput {
            port: port.clone(),
            artifact_id: read.map(|version| version.id),
            version: read.map(|version| version.version),
            hash: read.map_or_else(String::new, |version| version.content_hash.clone()),
        }
    });
    inputs.collect()
}
