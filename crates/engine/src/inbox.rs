//! What runs tell each other: a sub-workflow begins, is not wanted any more, or ends. Any process carries it, perhaps two at a time;
//! each message is answered once, by the commit that takes it away.

use std::collections::BTreeMap;

use agents::AgentError;
use runs::{Ask, Error, Log, Message, MessageKey, Unavailable};
use workflow::{
    AgentSpec, ArtifactId, RunId, RunStatus,
    agent::{AgentConfig, WorkflowConfig},
    run::{
        Command, State,
        command::ChildEnded,
        event::Tell,
        state::{NewVersion, Status, Version, Work},
        task::Task,
    },
    view::{StepOfRun, Usage},
};

use crate::{
    bugs::{Bug, is_on},
    child, inputs,
    shared::{Inside, Shared},
    shelf,
};

/// Messages that one look carries.
const AT_ONCE: usize = 100;

/// True: there may be more.
pub(crate) async fn carry<L: Log>(inside: &Inside, log: &L) -> Result<bool, Unavailable> {
    let messages = log.inbox(AT_ONCE).await?;
    let is_full = messages.len() >= AT_ONCE;
    // Those to one run, in the order in which they were sent.
    let mut of_run: BTreeMap<RunId, Vec<Message>> = BTreeMap::new();
    for message in messages {
        of_run.entry(message.key.to).or_default().push(message);
    }
    let answers = of_run.into_values().map(|messages| async {
        for message in messages {
            if one(inside, log, message).await.is_none() {
                return false;
            }
        }
        true
    });
    let answered = futures::future::join_all(answers).await;
    Ok(is_full && answered.into_iter().any(|answered| answered))
}

/// None: it could not be answered now, nor what comes after it.
#[tracing::instrument(name = "message", level = "debug", skip_all, fields(run.id = %message.key.to, from = %message.key.from))]
async fn one<L: Log>(inside: &Inside, log: &L, message: Message) -> Option<()> {
    let Message { key, tell } = message;
    if is_on(Bug::MessageFirst) && log.discard(key).await.is_err() {
        return None;
    }
    let answer = match tell {
        Tell::BeginChild { run, step, attempt } => {
            begin(inside, key, run, StepOfRun { run: key.from, step }, attempt).await
        }
        Tell::CancelChild { run } => {
            let ask = Ask { message: Some(key), ..Ask::itself(run, Command::Abandoned) };
            inside.ask(ask).await.map(drop)
        }
        Tell::Parent { of, status, used } => end(inside, key, of, status, used).await,
    };
    match answer {
        Err(Error::Refused { .. } | Error::Data(_)) => log.discard(key).await.ok(),
        // The message of a run that is set aside waits with it.
        Ok(()) | Err(Error::Quarantined(_)) => Some(()),
        Err(_) => None,
    }
}

fn put_aside() -> Error {
    Error::Refused { seq: 0, refused: workflow::run::Refused::Outdated }
}

/// What the shelf did not give may be there at the next look.
fn unread(error: &shelf::Error) -> Error {
    tracing::warn!(error = error as &dyn std::error::Error, "what a message is about cannot be read");
    Error::Unavailable
}

// ---- begin

/// Begins the run of a sub-workflow, if its step still waits for it.
async fn begin(inside: &Inside, key: MessageKey, child: RunId, of: StepOfRun, attempt: i32) -> Result<(), Error> {
    let step = of.step.clone();
    let look = move |state: Option<&State>| {
        let state = state?;
        let waiting = state.step(&step).filter(|step| step.child_run == Some(child));
        waiting.filter(|step| step.status == Status::Running(Work::Child {}))?;
        Task::of(state, &step, attempt)
    };
    // As the log has it: what is known here may be of a history that was lost, in which the step went on without this.
    let Some(parent) = inside.runs().read_now(of.run, look).await? else { return Err(put_aside()) };
    match start(&inside.shared, &parent, child).await {
        Ok(Ok(start)) => {
            let again = is_on(Bug::BeginsChildTwice).then(|| start.clone());
            let command = Command::Start(Box::new(start));
            let answer = inside.ask(Ask { message: Some(key), ..Ask::itself(child, command) }).await;
            if let (Err(Error::Unavailable), Some(mut again)) = (&answer, again) {
                again.run.id = RunId(inside.shared.options.dice.any_id());
                let command = Command::Start(Box::new(again.clone()));
                return inside.ask(Ask::itself(again.run.id, command)).await.map(drop);
            }
            match answer {
                Err(Error::Data(_)) => {
                    fail(inside, of, child, "The sub-workflow could not be started: its run was refused").await
                }
                answer => answer.map(drop),
            }
        }
        Ok(Err(error)) => fail(inside, of, child, &error.message).await,
        Err(error) if error.is_unavailable() => Err(unread(&error)),
        Err(error) => fail(inside, of, child, &child::refused(&error).message).await,
    }
}

/// As the attempt worked it out when it handed over.
async fn start(
    shared: &Shared,
    parent: &Task,
    id: RunId,
) -> shelf::Result<Result<workflow::run::command::Start, AgentError>> {
    let Some((spec, config)) = config(shared, parent).await? else { return Ok(Err(inputs::gone())) };
    let read = shared.cache.contents.read(&*shared.shelf, parent.metas()).await?;
    let item = inputs::item(parent, shared).await?;
    let resolved = match inputs::resolve(parent, &spec, &read, item.as_ref()) {
        Ok(resolved) => resolved,
        Err(error) => return Ok(Err(error)),
    };
    let ready = child::check(shared, &config, &resolved.values).await?;
    Ok(ready.map(|ready| child::start(&ready, &config, parent, id, resolved.values)))
}

async fn config(shared: &Shared, task: &Task) -> shelf::Result<Option<(AgentSpec, WorkflowConfig)>> {
    let Some(plan) = task.plan() else { return Ok(None) };
    let Some(spec) = shared.agent(plan).await? else { return Ok(None) };
    Ok(match &spec.config {
        AgentConfig::Workflow(config) => Some((AgentSpec::clone(&spec), config.clone())),
        _ => None,
    })
}

/// A run that does not begin ends for its parent, and the message with it.
async fn fail(inside: &Inside, of: StepOfRun, child: RunId, message: &str) -> Result<(), Error> {
    let result = Err(message.replace('\0', ""));
    let ended = ChildEnded { step: of.step, child, result, used: Usage::default() };
    inside.ask(Ask::itself(of.run, Command::ChildEnded(Box::new(ended)))).await?;
    Err(put_aside())
}

// ---- end

/// The sub-workflow's run is over: its named artifacts become the step's.
async fn end(inside: &Inside, key: MessageKey, of: StepOfRun, status: RunStatus, used: Usage) -> Result<(), Error> {
    let result = match status {
        RunStatus::Completed => match outputs(inside, key, &of).await? {
            Some(result) => result,
            None => return Err(put_aside()),
        },
        RunStatus::Failed => Err("The sub-workflow failed".to_owned()),
        RunStatus::Cancelled => Err("The sub-workflow was cancelled".to_owned()),
        RunStatus::Pending | RunStatus::Running | RunStatus::Paused => return Err(put_aside()),
    };
    let ended = ChildEnded { step: of.step.clone(), child: key.from, result, used };
    let ask = Ask { message: Some(key), ..Ask::itself(of.run, Command::ChildEnded(Box::new(ended))) };
    match inside.ask(ask).await {
        Err(Error::Data(_)) => fail(inside, of, key.from, "The outputs of the sub-workflow could not be stored").await,
        answer => answer.map(drop),
    }
}

/// None: nobody waits for them any more.
async fn outputs(
    inside: &Inside,
    key: MessageKey,
    of: &StepOfRun,
) -> Result<Option<Result<Vec<NewVersion>, String>>, Error> {
    let (step, child) = (of.step.clone(), key.from);
    let look = move |state: Option<&State>| {
        let state = state?;
        let known = state.step(&step).filter(|step| step.child_run == Some(child))?;
        Task::of(state, &step, known.child_attempt)
    };
    let Some(parent) = inside.runs().read_now(of.run, look).await? else { return Ok(None) };
    let shared = &inside.shared;
    let Some((_, config)) = config(shared, &parent).await.map_err(|error| unread(&error))? else { return Ok(None) };
    let wanted: Vec<_> = config.outputs.into_iter().collect();
    let look = move |state: Option<&State>| -> Vec<(String, Option<Version>)> {
        let found = wanted.into_iter().map(|(name, output)| {
            let latest = state.and_then(|state| state.latest(&output.step).find(|known| known.name == output.artifact));
            (name, latest.cloned())
        });
        found.collect()
    };
    // Of that history too, and not of one in which it made something else.
    let found = inside.runs().read_now(key.from, look).await?;
    let mut versions = Vec::new();
    for (name, version) in found {
        let Some(version) = version else {
            return Ok(Some(Err(format!("The sub-workflow completed without making the output `{name}`"))));
        };
        versions.push(NewVersion {
            id: ArtifactId(shared.options.dice.id(version.created_at)),
            name,
            media_type: version.media_type,
            content_hash: version.content_hash,
            value_hash: version.value_hash,
            size: version.size,
            copy_of: Some(version.id),
        });
    }
    Ok(Some(Ok(versions)))
}
