//! What runs tell each other: a sub-workflow begins, is not wanted any more, or ends. Any process carries it, perhaps two at a time.

use workflow::{
    id::RunId,
    run::{
        Command, State,
        command::ChildEnded,
        event::Tell,
        state::{NewVersion, Status, Work},
    },
    status::RunStatus,
    view::{StepOfRun, Usage},
};

use super::inside::Inside;
use crate::{
    answer::Error,
    ask::Ask,
    log::Log,
    memory::Rng,
    message::{Message, MessageKey},
};

pub(crate) async fn inbox(inside: &Inside, rng: &mut Rng) {
    let Ok(messages) = inside.connection.inbox(20).await else { return };
    for Message { key, tell } in messages {
        match tell {
            Tell::BeginChild { run, step, .. } => {
                begin(inside, rng, key, run, StepOfRun { run: key.from, step }).await;
            }
            Tell::CancelChild { run } => {
                let ask = Ask { message: Some(key), ..Ask::itself(run, Command::Abandoned) };
                if let Err(Error::Refused { .. }) = inside.world.ask(&inside.runs, ask).await {
                    // There is no such run, or it takes nothing any more. If it cannot be reached, it comes again.
                    let _ = inside.connection.discard(key).await;
                }
            }
            Tell::Parent { of, status, used } => end(inside, key, of, status, used).await,
        }
    }
}

/// Begins the run of a sub-workflow, if its step still waits for it.
async fn begin(inside: &Inside, rng: &mut Rng, key: MessageKey, child: RunId, of: StepOfRun) {
    let step = of.step.clone();
    let look = move |state: Option<&State>| {
        let state = state?;
        let step = state.step(&step)?;
        let waits = step.child_run == Some(child) && step.status == Status::Running(Work::Child {});
        waits.then_some(state.birth.depth)
    };
    match inside.runs.read_now(of.run, look).await {
        Ok(Some(depth)) => {
            let mut start = inside.world.new_run(rng, Some((of, depth)));
            start.run.id = child;
            let command = Command::Start(Box::new(start));
            let ask = Ask { message: Some(key), ..Ask::itself(child, command) };
            // What is not written is still in the inbox.
            let _ = inside.world.ask(&inside.runs, ask).await;
        }
        Ok(None) => {
            let _ = inside.connection.discard(key).await;
        }
        Err(_) => {}
    }
}

async fn end(inside: &Inside, key: MessageKey, of: StepOfRun, status: RunStatus, used: Usage) {
    let outputs = |state: Option<&State>| {
        let latest = state.into_iter().flat_map(|state| state.steps().flat_map(|step| state.latest(&step.key)));
        latest.last().cloned()
    };
    let Ok(output) = inside.runs.read_now(key.from, outputs).await else { return };
    let result = match (status, output) {
        (RunStatus::Completed, Some(version)) => Ok(vec![NewVersion {
            id: workflow::ArtifactId(inside.world.new_id()),
            name: "text".into(),
            media_type: version.media_type,
            content_hash: version.content_hash,
            value_hash: None,
            size: version.size,
            copy_of: Some(version.id),
        }]),
        _ => Err("it has no output".to_owned()),
    };
    let ended = ChildEnded { step: of.step, child: key.from, result, used };
    let ask = Ask { message: Some(key), ..Ask::itself(of.run, Command::ChildEnded(Box::new(ended))) };
    if let Err(Error::Refused { .. }) = inside.world.ask(&inside.runs, ask).await {
        let _ = inside.connection.discard(key).await;
    }
}
