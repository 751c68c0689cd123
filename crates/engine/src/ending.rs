//! How an attempt's end is told: the same words until it is known that they are written, or that nobody wants them any more.
//! Must never leave a step running whose result cannot be stored.

use std::time::Duration;

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
};

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The end of an attempt that made nothing.
pub(crate) fn without_result(begun: &Begun, worker: WorkerId, result: AttemptResult) -> Finished {
    Finished {
        step: begun.attempt.step.clone(),
        attempt: begun.attempt.number,
        worker,
        result,
        inputs: Vec::new(),
        usage: None,
        message: None,
        item_basis: None,
    }
}

pub(crate) async fn tell(inside: &Inside, run: RunId, mut finished: Finished, mut contents: Vec<Content>) {
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
            (Error::Refused { refused: Refused::Fenced | Refused::NotFound, .. }, AttemptResult::Released) => return,
            _ => {
                tracing::warn!(run.id = %run, step.key = %step, attempt, reason, "a result came too late and was not taken");
                return;
            }
        };
        tracing::error!(run.id = %run, step.key = %step, attempt, reason, "a result cannot be stored");
        contents.clear();
        finished = Finished { result, inputs: Vec::new(), usage: None, message: None, item_basis: None, ..finished };
    }
}

const NOT_STORED: &str = "The result could not be stored";

fn could_not_be_stored() -> AttemptResult {
    AttemptResult::Failed { class: ErrorClass::InvalidOutput, error: NOT_STORED.to_owned(), retry_after_ms: None }
}

/// The attempt of a sub-workflow goes on as a run of its own.
pub(crate) async fn hand_over(inside: &Inside, begun: &Begun, child: RunId, inputs: Vec<ConsumedInput>) {
    let (step, attempt, worker) = (begun.attempt.step.clone(), begun.attempt.number, inside.worker);
    let command = Command::HandedOver { step, attempt, worker, child, inputs };
    let (class, error) = match until_known(inside, Ask::itself(begun.run, command)).await {
        Ok(()) => return,
        Err(Error::Refused { refused: Refused::TooDeep, .. }) => {
            (ErrorClass::ChildFailed, "Sub-workflows are nested 16 deep, which is as deep as they may")
        }
        Err(Error::Data(_)) => (ErrorClass::InvalidOutput, NOT_STORED),
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
