//! How an attempt's end is told: the same words until it is known that they are written, or that nobody wants them any more.
//! Must never leave a step running whose result cannot be stored.

use std::{sync::Arc, time::Duration};

use runs::{Ask, Content, Error};
use workflow::{
    RunId,
    id::WorkerId,
    run::{
        Command, Refused,
        command::{AttemptResult, Finished},
    },
    status::ErrorClass,
    view::ConsumedInput,
};

use crate::{
    bugs::{Bug, is_on},
    shared::Inside,
    slots::Begun,
    tasks,
};

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// Whether a run is set aside no more is a matter of people.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// The end of an attempt that made nothing.
pub(crate) fn without_result(begun: &Begun, worker: WorkerId, result: AttemptResult) -> Finished {
    Finished::new(begun.attempt.step.clone(), begun.attempt.number, worker, result)
}

pub(crate) async fn tell(inside: &Arc<Inside>, run: RunId, mut finished: Finished, mut contents: Vec<Content>) {
    loop {
        let command = Command::Finished(Box::new(finished.clone()));
        let ask = Ask { contents: contents.clone(), ..Ask::itself(run, command) };
        let Err(error) = until_known(inside, ask).await else { return };
        let (step, attempt) = (&finished.step, finished.attempt);
        let reason = &error as &dyn std::error::Error;
        // It cannot be stored, nor at any later time: the step fails, instead of running for ever.
        let result = match (&error, &finished.result) {
            (Error::Data(_), AttemptResult::Succeeded(_)) => could_not_be_stored(),
            (Error::Data(_), AttemptResult::Failed { error, .. }) if *error != NOT_STORED => could_not_be_stored(),
            (Error::Data(_), AttemptResult::Failed { .. }) => AttemptResult::Released,
            // What was made is gone with a database that is lost: it has to be made again.
            (Error::ContentGone, AttemptResult::Succeeded(_)) if !is_on(Bug::ToldBeforeKept) => {
                tracing::warn!(run.id = %run, step.key = %step, attempt, reason, "a result is gone; its step is given back");
                finished = bare(finished, AttemptResult::Released);
                continue;
            }
            (
                Error::Refused { refused: Refused::Fenced | Refused::NotFound, .. },
                AttemptResult::Released | AttemptResult::Lost,
            ) => return,
            (Error::Quarantined(_), _) => {
                tracing::warn!(run.id = %run, step.key = %step, attempt, reason, "a result was not taken; its step is given back later");
                let finished = bare(finished, AttemptResult::Released);
                tasks::spawn(give_back(Arc::clone(inside), run, finished));
                return;
            }
            _ => {
                tracing::warn!(run.id = %run, step.key = %step, attempt, reason, "a result came too late and was not taken");
                return;
            }
        };
        tracing::error!(run.id = %run, step.key = %step, attempt, reason, "a result cannot be stored");
        contents.clear();
        finished = bare(finished, result);
    }
}

fn bare(finished: Finished, result: AttemptResult) -> Finished {
    Finished::new(finished.step, finished.attempt, finished.worker, result)
}

/// In a run that is set aside a step stands as running although nothing does: its worker lives, so nobody else takes it for lost. It is
/// given back once somebody has lifted that, and takes no place until then.
async fn give_back(inside: Arc<Inside>, run: RunId, finished: Finished) {
    while inside.pause(LOOK_AGAIN).await.is_some() {
        let ask = Ask::itself(run, Command::Finished(Box::new(finished.clone())));
        if !matches!(until_known(&inside, ask).await, Err(Error::Quarantined(_))) {
            return;
        }
    }
}

const NOT_STORED: &str = "The result could not be stored";

fn could_not_be_stored() -> AttemptResult {
    AttemptResult::Failed { class: ErrorClass::InvalidOutput, error: NOT_STORED.to_owned(), retry_after_ms: None }
}

/// The attempt of a sub-workflow goes on as a run of its own.
pub(crate) async fn hand_over(inside: &Arc<Inside>, begun: &Begun, child: RunId, inputs: Vec<ConsumedInput>) {
    let (step, attempt, worker) = (begun.attempt.step.clone(), begun.attempt.number, inside.worker);
    let command = Command::HandedOver { step, attempt, worker, child, inputs };
    let (class, error) = match until_known(inside, Ask::itself(begun.run, command)).await {
        Ok(()) => return,
        Err(Error::Refused { refused: Refused::TooDeep, .. }) => {
            (ErrorClass::ChildFailed, "Sub-workflows are nested 16 deep, which is as deep as they may")
        }
        Err(Error::Data(_)) => (ErrorClass::InvalidOutput, NOT_STORED),
        Err(Error::Quarantined(_)) => {
            let released = without_result(begun, worker, AttemptResult::Released);
            return tell(inside, begun.run, released, Vec::new()).await;
        }
        Err(error) => {
            let (reason, attempt) = (&error as &dyn std::error::Error, begun.attempt.number);
            tracing::warn!(run.id = %begun.run, step.key = %begun.attempt.step, attempt, reason, "a sub-workflow came too late");
            return;
        }
    };
    let result = AttemptResult::Failed { class, error: error.to_owned(), retry_after_ms: None };
    tell(inside, begun.run, without_result(begun, worker, result), Vec::new()).await;
}

/// Asks again, however long the database is away; gives up only when this worker is over.
async fn until_known(inside: &Inside, ask: Ask) -> Result<(), Error> {
    let mut pause = FIRST_PAUSE;
    loop {
        match inside.ask(ask.clone()).await {
            Ok(_) => return Ok(()),
            Err(Error::Unavailable) if !is_on(Bug::TellsOnce) => {
                tracing::warn!(run.id = %ask.run, "the database is away; committing again soon");
                if inside.pause(pause).await.is_none() {
                    return Err(Error::Unavailable);
                }
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            Err(error) => return Err(error),
        }
    }
}
