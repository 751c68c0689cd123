//! Decision tasks, answered as the engine would: what has to be read is asked for first.

use std::collections::BTreeSet;

use workflow::{
    hash,
    id::{RunId, StepKey},
    run::{
        Command, Refused, State,
        command::{Judged, Judgement, NewItem},
        testing::Dice,
    },
    source::Source,
    status::{ErrorClass, StepStatus},
    view::ConsumedInput,
};

use super::inside::Inside;
use crate::{answer::Error, ask::Ask, memory::Rng};

/// What has to be judged, before content is read.
enum Task {
    Condition(bool),
    Items,
    Collect { has_failed: bool },
}

pub(crate) async fn judge(inside: &Inside, rng: &mut Rng, run: RunId) {
    let found = inside.runs.read(run, 0, |state| state.map(tasks).unwrap_or_default()).await;
    for (step, epoch, task) in found.unwrap_or_default() {
        let judgement = match task {
            Task::Condition(holds) => Judgement::Condition { holds },
            Task::Items if rng.one_in(20) => Judgement::NoItems { error: "no list".into() },
            Task::Items => items(rng),
            Task::Collect { has_failed: true } => {
                Judgement::Collected(Err((ErrorClass::ItemFailed, "an item failed".into())))
            }
            Task::Collect { .. } => Judgement::Collected(Ok(vec![inside.world.text(rng).0])),
        };
        let mut read = BTreeSet::new();
        // What is the latest may be another one each time.
        for _ in 0..4 {
            let judged = Judged { step: step.clone(), epoch, read, judgement: judgement.clone() };
            let ask = Ask::itself(run, Command::Judged(Box::new(judged)));
            match inside.world.ask(&inside.runs, ask).await {
                Err(Error::Refused { refused: Refused::Needs(ids), .. }) => read = ids,
                _ => break,
            }
        }
    }
}

fn tasks(state: &State) -> Vec<(StepKey, i32, Task)> {
    let tasks = state.undecided().filter_map(|step| {
        let definition = state.design.step(&step.key)?;
        let task = if step.status.word() == StepStatus::Running {
            let is_bad = |status| matches!(status, StepStatus::Failed | StepStatus::Cancelled);
            Task::Collect { has_failed: state.items(&step.key).any(|item| is_bad(item.status.word())) }
        } else {
            let holds = definition.when.as_ref().is_none_or(|when| {
                when.holds(&|source| match source {
                    Source::Step { step, .. } => state.latest(step).next().map(|_| serde_json::Value::from(1)),
                    _ => None,
                })
            });
            if definition.map.is_some() && (holds || step.manually_triggered) {
                Task::Items
            } else {
                Task::Condition(holds)
            }
        };
        Some((step.key.clone(), step.decision_epoch, task))
    });
    tasks.collect()
}

fn items(rng: &mut Rng) -> Judgement {
    let keys: Vec<&str> = ["a", "b", "c"].into_iter().filter(|_| !rng.one_in(3)).collect();
    let items = keys
        .into_iter()
        .map(|key| NewItem { key: key.to_owned(), basis: hash::sha256_hex(&[u8::try_from(rng.roll(2)).unwrap_or(0)]) });
    let list = ConsumedInput {
        port: workflow::resolve::MAP_PORT.into(),
        artifact_id: None,
        version: None,
        hash: String::new(),
    };
    Judgement::Items { items: items.collect(), list }
}
