//! One attempt from claim to result: read what it needs, resolve its inputs, run the agent under its time limit, shape the outputs.
//! Whatever an agent does, even panic, ends as a result with a class. A sub-workflow's attempt is handed over to its run.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, SystemTime},
};

use agents::{AgentContext, AgentError, Recorder, Revision, Room, StepInput, StepOutput};
use rand::Rng;
use store::{
    Store,
    protocol::{AttemptResult, Claimed, Finished, LatestArtifact, RunContext, WorkerId},
};
use tokio_util::sync::CancellationToken;
use workflow::{
    AgentSpec, Step,
    agent::AgentConfig,
    hash::sha256_hex,
    resolve::{Resolved, basis, effective_prompt, item_basis, resolve},
    status::Reason,
    view::StepOverride,
};

use crate::{
    Agents, Memory,
    cache::Cache,
    child,
    content::{self, Read},
    memory::Held,
    outputs, retry, stream,
};

/// Before a transcript is written once more.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// Before content is read once more.
const READ_AGAIN: Duration = Duration::from_millis(200);

/// What all attempts of a worker share.
pub(crate) struct Shared {
    pub store: Store,
    pub agents: Arc<dyn Agents>,
    pub cache: Cache,
    pub watched: stream::Watched,
    pub memory: Memory,
}

/// A claimed attempt with everything it needs.
pub(crate) struct Prepared {
    pub claim: Claimed,
    run: Arc<RunContext>,
    spec: Option<Arc<AgentSpec>>,
    artifacts: Artifacts,
}

/// What an attempt reads. Large content is in memory only together with the room that it takes.
enum Artifacts {
    Read(Vec<Read>, Held),
    /// There was no room for it yet.
    Unread(Vec<LatestArtifact>),
}

/// Reads, for a whole batch of claims at once, the frozen runs, the agents and the latest artifacts their inputs name, as far as there
/// is room for them: nothing waits here, so that a large attempt delays no small one of the same batch.
/// Claims of a run that is gone are left out.
pub(crate) async fn prepare(shared: &Shared, claims: Vec<Claimed>) -> Result<Vec<Prepared>, store::Error> {
    let versions = claims.iter().map(|claim| (claim.run, claim.version)).collect();
    let runs = shared.cache.runs(&shared.store, versions).await?;
    let mut wanted_agents = BTreeSet::new();
    let mut wanted_artifacts = Vec::new();
    for claim in &claims {
        let Some(run) = runs.get(&claim.run) else { continue };
        wanted_agents.extend(run.agents.get(claim.definition_key()).cloned());
        if let Some(step) = run.definition.steps.get(claim.definition_key()) {
            // What its map goes over and its condition reads was read when that was decided.
            let names = content::names(step.inputs.values());
            wanted_artifacts.extend(names.into_iter().map(|(key, name)| (claim.step, key.clone(), name.clone())));
        }
    }
    let agents = shared.cache.agents(&shared.store, wanted_agents).await?;
    for claim in claims.iter().filter(|claim| claim.feedback.is_some()) {
        // A rejected step sees what it made last.
        let spec = runs.get(&claim.run).and_then(|run| agents.get(run.agents.get(claim.definition_key())?));
        let own = spec
            .into_iter()
            .flat_map(|spec| &spec.outputs)
            .map(|port| (claim.step, claim.key.clone(), port.name.clone()));
        wanted_artifacts.extend(own);
    }
    let mut metas = content::latest(&shared.store, &wanted_artifacts).await?;
    let mut held = BTreeMap::new();
    let mut to_read = Vec::new();
    for claim in claims.iter().filter(|claim| runs.contains_key(&claim.run)) {
        let weight = metas.get(&claim.step).map_or(0, |metas| content::weight(metas));
        if let Some(room) = shared.memory.try_take(weight) {
            held.insert(claim.step, room);
            to_read.extend(metas.remove(&claim.step).unwrap_or_default());
        }
    }
    let mut read = shared.cache.contents.read(&shared.store, to_read).await?;
    Ok(claims
        .into_iter()
        .filter_map(|claim| {
            let run = Arc::clone(runs.get(&claim.run)?);
            let spec = run.agents.get(claim.definition_key()).and_then(|agent| agents.get(agent)).cloned();
            let artifacts = match held.remove(&claim.step) {
                Some(held) => Artifacts::Read(read.remove(&claim.step).unwrap_or_default(), held),
                None => Artifacts::Unread(metas.remove(&claim.step).unwrap_or_default()),
            };
            Some(Prepared { claim, run, spec, artifacts })
        })
        .collect())
}

/// How an attempt's task ended.
pub(crate) enum Ended {
    /// With a result to commit.
    Finished(Box<Finished>),
    /// It was cancelled from outside, and has no result to tell.
    Cancelled,
    /// It goes on as a run of its own, without a lease.
    HandedOver,
}

/// Runs a prepared attempt.
pub(crate) async fn execute(
    worker: WorkerId,
    shared: Arc<Shared>,
    prepared: Prepared,
    cancel: CancellationToken,
) -> Ended {
    let Prepared { claim, run, spec, artifacts } = prepared;
    // Held to the end, in which all that was read and made is dropped.
    let (artifacts, _held) = match artifacts {
        Artifacts::Read(artifacts, held) => (artifacts, held),
        Artifacts::Unread(metas) => match read_in_turn(&shared, &claim, metas, &cancel).await {
            Some(Ok(read)) => read,
            Some(Err(error)) => {
                tracing::error!(error = &error as &dyn std::error::Error, "the inputs of a step cannot be read");
                return Ended::Finished(Box::new(unreadable(&claim)));
            }
            None => return Ended::Cancelled,
        },
    };
    let room = shared.memory.room();
    let step = run.definition.steps.get(claim.definition_key());
    let overrides = claim.effective_overrides();
    let mut made_with = None;
    let recorder = Recorder::default();
    let mut inputs = Vec::new();
    let outcome = match (step, spec) {
        (Some(step), Some(spec)) => {
            let prompt = effective_prompt(step, &spec, overrides.as_ref()).map(str::to_owned);
            let basis = basis(prompt.as_deref(), spec.version, step.direct_dependencies());
            if let (Some(hash), Some(text)) = (&basis.prompt, &prompt) {
                shared.cache.keep_prompt(&shared.store, hash, text).await;
            }
            let read = read_inputs(&run, step, &spec, &claim, overrides.as_ref(), &artifacts);
            let outcome = match read {
                Ok(resolved) => {
                    inputs = resolved.consumed;
                    if let AgentConfig::Workflow(config) = &spec.config {
                        let begun = child::start(
                            worker,
                            &shared,
                            config,
                            &claim,
                            &run,
                            resolved.values,
                            &inputs,
                            &basis,
                            &cancel,
                        );
                        match begun.await {
                            Ok(child::Begun::HandedOver) => return Ended::HandedOver,
                            Ok(child::Begun::Cancelled) => return Ended::Cancelled,
                            Err(error) => Err(error),
                        }
                    } else {
                        let revision = revision(&claim, &artifacts);
                        let input = StepInput { spec, prompt, values: resolved.values, revision };
                        run_agent(&shared, step, &claim, input, &recorder, &room, &cancel).await
                    }
                }
                Err(error) => Err(error),
            };
            made_with = Some(basis);
            outcome
        }
        _ => Err(AgentError::new(Reason::Permanent, "The agent of this step is not in the library any more")),
    };
    // Before the result: who is told that the attempt ended finds here what it wrote.
    keep_transcript(&shared.store, &claim, &recorder).await;
    if cancel.is_cancelled() {
        return Ended::Cancelled;
    }
    let (result, usage, message) = match outcome {
        Ok(mut output) => {
            let (usage, message) = (output.usage.take(), output.message.take());
            let n_bytes = output.outputs.iter().map(|output| output.bytes.len()).sum();
            if cancel.run_until_cancelled(room.hold(n_bytes)).await.is_none() {
                return Ended::Cancelled;
            }
            match outputs::artifacts(&shared.store, output, &cancel).await {
                Some(result) => (result, usage, message),
                None => return Ended::Cancelled,
            }
        }
        Err(mut error) => {
            // An answer that was refused is paid for all the same.
            let usage = error.usage.take().map(|usage| *usage).or_else(|| recorder.usage());
            (Err(error), usage, None)
        }
    };
    let result = match result {
        Ok(artifacts) => AttemptResult::Succeeded(artifacts),
        Err(error) => {
            let dice = rand::rng().random_range(0.0..1.0);
            let retry =
                step.and_then(|step| retry::pause(step, error.class, claim.fail_count, error.retry_after_ms, dice));
            let wait = step.and_then(|step| retry::too_long(step, error.retry_after_ms, SystemTime::now()));
            let error_words = wait.map_or_else(|| error.message.clone(), |wait| format!("{}; {wait}", error.message));
            AttemptResult::Failed { class: error.class, error: error_words.replace('\0', ""), retry }
        }
    };
    let (step, attempt, basis) = (claim.step, claim.attempt, made_with);
    let item_basis = claim.item.as_ref().and(basis.as_ref()).map(|basis| item_basis(&inputs, basis));
    Ended::Finished(Box::new(Finished { step, attempt, result, inputs, usage, basis, message, item_basis }))
}

/// Waits until there is room, then reads. None when the attempt was cancelled meanwhile, or nothing new is to begin here.
/// Only the wait is ever dropped: a query runs to its end.
async fn read_in_turn(
    shared: &Shared,
    claim: &Claimed,
    metas: Vec<LatestArtifact>,
    cancel: &CancellationToken,
) -> Option<Result<(Vec<Read>, Held), store::Error>> {
    let held = cancel.run_until_cancelled(shared.memory.take(content::weight(&metas))).await.flatten()?;
    loop {
        match shared.cache.contents.read(&shared.store, metas.clone()).await {
            Ok(mut read) => return Some(Ok((read.remove(&claim.step).unwrap_or_default(), held))),
            Err(error) if error.is_unavailable() => {
                tracing::warn!(error = &error as &dyn std::error::Error, "inputs were not read; trying again");
                cancel.run_until_cancelled(tokio::time::sleep(READ_AGAIN)).await?;
            }
            Err(error) => return Some(Err(error)),
        }
    }
}

/// The end of an attempt whose inputs are there and cannot be read.
pub(crate) fn unreadable(claim: &Claimed) -> Finished {
    Finished {
        step: claim.step,
        attempt: claim.attempt,
        result: AttemptResult::Failed {
            class: Reason::Permanent,
            error: "The stored inputs of this step cannot be read".to_owned(),
            retry: None,
        },
        inputs: Vec::new(),
        usage: None,
        basis: None,
        message: None,
        item_basis: None,
    }
}

/// What the agent made last and what a person wants changed, if this generation began with a rejection.
fn revision(claim: &Claimed, artifacts: &[Read]) -> Option<Revision> {
    let feedback = claim.feedback.as_ref()?;
    let previous = artifacts
        .iter()
        .filter(|artifact| artifact.meta.key == claim.key)
        .filter_map(|artifact| Some((artifact.meta.name.clone(), artifact.value.as_deref()?.clone())))
        .collect();
    Some(Revision { previous, feedback: feedback.text.clone() })
}

fn read_inputs(
    run: &RunContext,
    step: &Step,
    spec: &AgentSpec,
    claim: &Claimed,
    overrides: Option<&StepOverride>,
    artifacts: &[Read],
) -> Result<Resolved, AgentError> {
    let found = content::inputs(artifacts)?;
    let item = claim.item.as_ref().map(|item| &item.value);
    resolve(&run.definition, step, spec, overrides, &run.inputs, &found, item).map_err(|missing| {
        AgentError::new(
            Reason::MissingInput,
            format!(
                "The input `{}` has no value: the step it comes from made none, or it was left empty",
                missing.port
            ),
        )
    })
}

/// Keeps what the attempt said to a model and heard, however it ended. Best effort: a result never waits long for it.
async fn keep_transcript(store: &Store, claim: &Claimed, recorder: &Recorder) {
    let Some(transcript) = recorder.transcript() else { return };
    for pause in [Some(FIRST_PAUSE), Some(4 * FIRST_PAUSE), None] {
        match (store.keep_transcript(claim.step, claim.attempt, &transcript).await, pause) {
            (Ok(()), _) => return,
            (Err(_), Some(pause)) => tokio::time::sleep(pause).await,
            (Err(error), None) => tracing::warn!(
                run.id = %claim.run,
                step.key = %claim.key,
                error = &error as &dyn std::error::Error,
                "what an attempt wrote was not kept"
            ),
        }
    }
}

async fn run_agent(
    shared: &Arc<Shared>,
    step: &Step,
    claim: &Claimed,
    input: StepInput,
    recorder: &Recorder,
    room: &Room,
    cancel: &CancellationToken,
) -> Result<StepOutput, AgentError> {
    let Some(agent) = shared.agents.for_kind(input.spec.kind()) else {
        return Err(AgentError::new(
            Reason::Permanent,
            format!("This server runs no agents of kind `{}`", input.spec.kind()),
        ));
    };
    let deltas = matches!(input.spec.config, AgentConfig::Llm(_))
        .then(|| stream::open(shared.store.clone(), shared.watched.clone(), claim));
    let inner = cancel.child_token();
    let ctx = AgentContext {
        idempotency_key: sha256_hex(format!("{}/{}/{}", claim.run, claim.key, claim.generation).as_bytes()),
        cancel: inner.clone(),
        deltas,
        recorder: recorder.clone(),
        room: room.clone(),
        attempt: claim.attempt,
    };
    // A task of its own, so that a panic is a result and a time-out can end it.
    let mut task = tokio::spawn(async move { agent.run(input, &ctx).await });
    let limit = Duration::from_secs(step.timeout_s.into());
    let joined = tokio::select! {
        joined = &mut task => joined,
        () = tokio::time::sleep(limit) => {
            inner.cancel();
            task.abort();
            return Err(AgentError::new(Reason::Timeout, format!("It did not finish within {} s", step.timeout_s)));
        }
        () = cancel.cancelled() => {
            // The agent has seen the token too; it gets no time to argue.
            task.abort();
            return Err(AgentError::stopped());
        }
    };
    match joined {
        Ok(result) => result,
        Err(error) => {
            tracing::error!(run.id = %claim.run, step.key = %claim.key, error = &error as &dyn std::error::Error, "an agent panicked");
            Err(AgentError::new(Reason::Permanent, "The agent crashed on this input"))
        }
    }
}
