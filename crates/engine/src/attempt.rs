//! One attempt from start to result: read what it needs, resolve its inputs, run the agent under its time limit, shape the outputs.
//! Whatever an agent does, even panic, ends as a result with a class. A sub-workflow's attempt is handed over to its run.

use std::{sync::Arc, time::Duration};

use agents::{AgentContext, AgentError, Recorder, Room, StepInput, StepOutput};
use runs::{Content, Error};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use tracing::Instrument as _;
use workflow::{
    AgentSpec, RunId, Step,
    agent::AgentConfig,
    content::weight,
    resolve::{basis, effective_prompt, item_basis},
    run::{
        State,
        command::{AttemptResult, Finished},
        task::Task,
    },
    status::Reason,
    view::{Basis, ConsumedInput, Usage},
};

use crate::{
    bugs::{Bug, is_on},
    child, ending,
    held::Order,
    inputs::{self, gone},
    outputs::Made,
    shared::{Inside, Shared, class_of, until_there},
    slots::{Begun, Place},
    stream, tasks,
};

/// Before a transcript is written once more.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Before a run is looked at once more.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// How an attempt is over.
enum Ended {
    Finished(Box<Finished>, Vec<Content>),
    /// It was cancelled from outside, and has no result to tell.
    Cancelled {
        was_at_work: bool,
    },
    /// It goes on as a run of its own.
    HandedOver(RunId, Vec<ConsumedInput>),
}

/// Runs an attempt that began here, and tells how it ended.
#[tracing::instrument(
    name = "attempt",
    level = "debug",
    skip_all,
    fields(run.id = %begun.run, step.key = %begun.attempt.step, attempt = begun.attempt.number, worker.id = %inside.worker)
)]
pub(crate) async fn run(inside: Arc<Inside>, begun: Begun, order: Order, mut place: Place) {
    let task = know(&inside, &begun, &order).await;
    let ended = match &task {
        Some(task) => work(&inside, task, &order).await,
        None => Ended::Cancelled { was_at_work: false },
    };
    if inside.dead.is_cancelled() {
        // Others know that its worker is over, and what became of the step: whatever was made here is too late.
        return;
    }
    // Its step's next ones may have its place, in the commit that tells of it.
    place.ends();
    let run = begun.run;
    match ended {
        Ended::Finished(finished, contents) => ending::tell(&inside, run, *finished, contents).await,
        Ended::HandedOver(child, inputs) => ending::hand_over(&inside, &begun, child, inputs).await,
        Ended::Cancelled { was_at_work } if !order.is_lost() && !is_on(Bug::ReleasesInSilence) => {
            // What its agent did may have been paid for. Where that had not begun, nothing is lost.
            let is_loss = was_at_work && order.is_let_go();
            let result = if is_loss { AttemptResult::Lost } else { AttemptResult::Released };
            let ended = ending::without_result(&begun, inside.worker, result);
            ending::tell(&inside, run, ended, Vec::new()).await;
        }
        Ended::Cancelled { .. } => {}
    }
    if order.is_lost() && is_on(Bug::KeepsPlace) {
        std::mem::forget(place);
    }
    inside.attempts.remove(&begun);
    if task.as_ref().and_then(Task::plan).is_some_and(|plan| !plan.keys.is_empty()) {
        inside.shared.slots.freed.notify_one();
    }
}

/// What its run says about it. None: it is over already, or was cancelled.
async fn know(inside: &Inside, begun: &Begun, order: &Order) -> Option<Task> {
    loop {
        let (key, number) = (begun.attempt.step.clone(), begun.attempt.number);
        let worker = inside.worker;
        let look = move |state: Option<&State>| {
            // A step that runs again by now is another attempt's, in another generation.
            let state = state.filter(|state| state.has(&key, number, worker))?;
            Task::of(state, &key, number)
        };
        match inside.runs().read(begun.run, begun.seq, look).await {
            Ok(found) => return found,
            Err(Error::Unavailable) => {
                order.cancel.run_until_cancelled(tokio::time::sleep(LOOK_AGAIN)).await?;
            }
            Err(error) => {
                tracing::warn!(run.id = %begun.run, error = &error as &dyn std::error::Error, "a run cannot be looked at");
                return None;
            }
        }
    }
}

/// What is told of an attempt beside its outputs.
#[derive(Default)]
struct Told {
    inputs: Vec<ConsumedInput>,
    basis: Option<Basis>,
    recorder: Recorder,
    /// Its agent had begun.
    is_at_work: bool,
}

impl Told {
    fn cancelled(&self) -> Ended {
        Ended::Cancelled { was_at_work: self.is_at_work }
    }
}

async fn work(inside: &Inside, task: &Task, order: &Order) -> Ended {
    let (shared, cancel) = (&inside.shared, &order.cancel);
    let mut told = Told::default();
    let metas = task.metas();
    // Held to the end, in which all that was read and made is dropped.
    let Some(held) = cancel.run_until_cancelled(shared.memory.take(weight(&metas))).await.flatten() else {
        return told.cancelled();
    };
    let room = shared.memory.room();
    let outcome = match attempt(inside, task, &room, &mut told, cancel).await {
        Outcome::Output(outcome) => outcome,
        Outcome::Child(child) => return Ended::HandedOver(child, told.inputs),
        Outcome::Cancelled => return told.cancelled(),
    };
    if cancel.is_cancelled() && is_on(Bug::KeepsRoom) {
        std::mem::forget(held);
    }
    // Before the result: who is told that the attempt ended finds here what it wrote.
    keep_transcript(shared, task, &told.recorder).await;
    if cancel.is_cancelled() {
        return told.cancelled();
    }
    match outcome {
        Ok(mut output) => {
            let (usage, message) = (output.usage.take(), output.message.take());
            let n_bytes = output.outputs.iter().map(|output| output.bytes.len()).sum();
            if cancel.run_until_cancelled(room.hold(n_bytes)).await.is_none() {
                return told.cancelled();
            }
            match Made::of(shared, task.attempt.started_at, output, cancel).await {
                Some(Ok(made)) => {
                    let finished = finished(inside, task, &told, AttemptResult::Succeeded(made.versions), usage);
                    Ended::Finished(Box::new(Finished { message, ..finished }), made.contents)
                }
                Some(Err(error)) => failed(inside, task, &told, &error, usage),
                None => told.cancelled(),
            }
        }
        Err(mut error) => {
            // An answer that was refused is paid for all the same.
            let usage = error.usage.take().map(|usage| *usage).or_else(|| told.recorder.usage());
            failed(inside, task, &told, &error, usage)
        }
    }
}

fn failed(inside: &Inside, task: &Task, told: &Told, error: &AgentError, usage: Option<Usage>) -> Ended {
    let result = AttemptResult::Failed {
        class: class_of(error),
        error: error.message.replace('\0', ""),
        retry_after_ms: error.retry_after_ms,
    };
    Ended::Finished(Box::new(finished(inside, task, told, result, usage)), Vec::new())
}

fn finished(inside: &Inside, task: &Task, told: &Told, result: AttemptResult, usage: Option<Usage>) -> Finished {
    let basis = task.step.item.as_ref().and(told.basis.as_ref());
    Finished {
        inputs: told.inputs.clone(),
        usage,
        item_basis: basis.map(|basis| item_basis(&told.inputs, basis)),
        ..Finished::new(task.key().clone(), task.attempt.number, inside.worker, result)
    }
}

/// What running an agent came to.
enum Outcome {
    Output(Result<StepOutput, AgentError>),
    /// It goes on as this run.
    Child(RunId),
    Cancelled,
}

async fn attempt(inside: &Inside, task: &Task, room: &Room, told: &mut Told, cancel: &CancellationToken) -> Outcome {
    let shared = &inside.shared;
    let (Some(step), Some(plan)) = (task.definition(), task.plan()) else { return Outcome::Output(Err(gone())) };
    let spec = match until_there(cancel, || shared.agent(plan)).await {
        Some(Ok(Some(spec))) => spec,
        Some(Ok(None)) => return Outcome::Output(Err(gone())),
        Some(Err(error)) => return Outcome::Output(Err(unreadable(task, &error))),
        None => return Outcome::Cancelled,
    };
    let prompt = effective_prompt(step, &spec, task.overrides.as_ref()).map(str::to_owned);
    let basis = basis(prompt.as_deref(), spec.version, step.direct_dependencies());
    if let (Some(hash), Some(text)) = (&basis.prompt, &prompt) {
        shared.cache.keep_prompt(&*shared.shelf, hash, text).await;
    }
    told.basis = Some(basis);
    let contents = &shared.cache.contents;
    let read = until_there(cancel, || async {
        let read = contents.read(&*shared.shelf, task.metas()).await?;
        Ok((read, inputs::item(task, shared).await?))
    });
    let (read, item) = match read.await {
        Some(Ok(read)) => read,
        Some(Err(error)) => return Outcome::Output(Err(unreadable(task, &error))),
        None => return Outcome::Cancelled,
    };
    let resolved = match inputs::resolve(task, &spec, &read, item.as_ref()) {
        Ok(resolved) => resolved,
        Err(error) => return Outcome::Output(Err(error)),
    };
    told.inputs = resolved.consumed;
    if let AgentConfig::Workflow(config) = &spec.config {
        // Whoever begins its run looks again; but what cannot begin now is better told here.
        return match until_there(cancel, || child::check(shared, config, &resolved.values)).await {
            Some(Ok(Ok(_))) => {
                let id = shared.options.dice.id(task.attempt.started_at);
                Outcome::Child(RunId(shared.options.cell.mark(id)))
            }
            Some(Ok(Err(error))) => Outcome::Output(Err(error)),
            Some(Err(error)) => Outcome::Output(Err(child::refused(&error))),
            None => Outcome::Cancelled,
        };
    }
    let revision = inputs::revision(task, &spec, &read);
    let input = StepInput { spec, prompt, values: resolved.values, revision };
    // What it waited for may have come because all others were stopped as well.
    if cancel.is_cancelled() {
        return Outcome::Cancelled;
    }
    told.is_at_work = true;
    Outcome::Output(run_agent(shared, step, task, input, &told.recorder, room, cancel).await)
}

/// The end of an attempt whose inputs are there and cannot be read.
fn unreadable(task: &Task, error: &crate::shelf::Error) -> AgentError {
    tracing::error!(
        run.id = %task.run(),
        step.key = %task.key(),
        error = error as &dyn std::error::Error,
        "the inputs of a step cannot be read"
    );
    AgentError::new(Reason::Permanent, "The stored inputs of this step cannot be read")
}

/// Keeps what the attempt said to a model and heard, however it ended. Best effort: a result never waits long for it.
async fn keep_transcript(shared: &Shared, task: &Task, recorder: &Recorder) {
    let called = recorder.called();
    if !called.is_empty()
        && let Some(witness) = shared.runs.witness()
    {
        witness.called(task, &called);
    }
    let Some(transcript) = recorder.transcript() else { return };
    if let Some(witness) = shared.runs.witness() {
        witness.asked(task, &transcript, &recorder.timings());
    }
    let number = task.attempt.number;
    for pause in [Some(FIRST_PAUSE), Some(4 * FIRST_PAUSE), None] {
        match (shared.shelf.put_transcript(task.run(), task.key(), number, &transcript).await, pause) {
            (Ok(()), _) => return,
            (Err(_), Some(pause)) => tokio::time::sleep(pause).await,
            (Err(error), None) => tracing::warn!(
                run.id = %task.run(),
                step.key = %task.key(),
                error = &error as &dyn std::error::Error,
                "what an attempt wrote was not kept"
            ),
        }
    }
}

async fn run_agent(
    shared: &Shared,
    step: &Step,
    task: &Task,
    input: StepInput,
    recorder: &Recorder,
    room: &Room,
    cancel: &CancellationToken,
) -> Result<StepOutput, AgentError> {
    let kind = input.spec.kind();
    let Some(agent) = shared.agents.for_kind(kind) else {
        return Err(AgentError::new(Reason::Permanent, format!("This server runs no agents of kind `{kind}`")));
    };
    let (run, key, number) = (task.run(), task.key(), task.attempt.number);
    let inner = cancel.child_token();
    let ctx = AgentContext {
        idempotency_key: task.idempotency_key(),
        cancel: inner.clone(),
        deltas: streams(&input.spec)
            .then(|| stream::open(Arc::clone(&shared.shelf), shared.watched.clone(), run, key.clone(), number)),
        recorder: recorder.clone(),
        room: room.clone(),
        run,
        step: key.clone(),
        attempt: number,
    };
    // A task of its own, so that a panic is a result and a time-out can end it. It never outlives this attempt.
    let mut playing =
        AbortOnDropHandle::new(tasks::spawn(async move { agent.run(input, &ctx).await }.in_current_span()));
    let limit = Duration::from_secs(step.timeout_s.into());
    let joined = tokio::select! {
        biased;
        joined = &mut playing => joined,
        () = tokio::time::sleep(limit) => {
            if is_on(Bug::LeavesAgent) {
                drop(playing.detach());
            } else {
                inner.cancel();
            }
            return Err(AgentError::new(Reason::Timeout, format!("It did not finish within {} s", step.timeout_s)));
        }
        () = cancel.cancelled() => {
            // The agent has seen the token too; it gets no time to argue.
            return Err(AgentError::stopped());
        }
    };
    match joined {
        Ok(result) => result,
        Err(error) => {
            tracing::error!(run.id = %run, step.key = %key, error = &error as &dyn std::error::Error, "an agent panicked");
            Err(AgentError::new(Reason::Permanent, "The agent crashed on this input"))
        }
    }
}

fn streams(spec: &AgentSpec) -> bool {
    matches!(spec.config, AgentConfig::Llm(_))
}
