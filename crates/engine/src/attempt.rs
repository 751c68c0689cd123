//! One attempt from claim to result: read what it needs, resolve its inputs, run the agent under its time limit, shape the outputs.
//! Whatever an agent does, even panic, ends as a result with a class.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use agents::{AgentContext, AgentError, StepInput, StepOutput};
use rand::Rng;
use serde_json::Value;
use store::{
    Store,
    protocol::{AttemptResult, Claimed, Finished, LatestArtifact, NewArtifact, RunContext},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use workflow::{
    AgentSpec, ArtifactId, Step, StepKey,
    hash::sha256_hex,
    limits,
    resolve::{InputArtifact, Resolved, resolve},
    source::Source,
    status::Reason,
};

use crate::{Agents, cache::Cache, retry, stream};

/// What all attempts of a worker share.
pub(crate) struct Shared {
    pub store: Store,
    pub agents: Arc<dyn Agents>,
    pub cache: Cache,
    pub watched: stream::Watched,
}

/// A claimed attempt with everything it needs.
pub(crate) struct Prepared {
    pub claim: Claimed,
    run: Arc<RunContext>,
    spec: Option<Arc<AgentSpec>>,
    artifacts: Vec<LatestArtifact>,
}

/// Reads, for a whole batch of claims at once, the frozen runs, the agents and the latest artifacts their inputs name.
/// Claims of a run that is gone are left out.
pub(crate) async fn prepare(shared: &Shared, claims: Vec<Claimed>) -> Result<Vec<Prepared>, store::Error> {
    let runs = shared.cache.runs(&shared.store, claims.iter().map(|claim| claim.run).collect()).await?;
    let mut wanted_agents = BTreeSet::new();
    let mut wanted_artifacts = Vec::new();
    for claim in &claims {
        let Some(run) = runs.get(&claim.run) else { continue };
        wanted_agents.extend(run.agents.get(&claim.key).cloned());
        if let Some(step) = run.definition.steps.get(&claim.key) {
            let names: BTreeSet<(&StepKey, &String)> = step
                .sources()
                .filter_map(|source| match source {
                    Source::Step { step, artifact, .. } => Some((step, artifact)),
                    Source::Const(_) | Source::Run { .. } | Source::Item { .. } => None,
                })
                .collect();
            wanted_artifacts.extend(names.into_iter().map(|(key, name)| (claim.step, key.clone(), name.clone())));
        }
    }
    let agents = shared.cache.agents(&shared.store, wanted_agents).await?;
    let mut artifacts: BTreeMap<i64, Vec<LatestArtifact>> = BTreeMap::new();
    if !wanted_artifacts.is_empty() {
        for artifact in shared.store.latest_artifacts(&wanted_artifacts).await? {
            artifacts.entry(artifact.step).or_default().push(artifact);
        }
    }
    Ok(claims
        .into_iter()
        .filter_map(|claim| {
            let run = Arc::clone(runs.get(&claim.run)?);
            let spec = run.agents.get(&claim.key).and_then(|agent| agents.get(agent)).cloned();
            let artifacts = artifacts.remove(&claim.step).unwrap_or_default();
            Some(Prepared { claim, run, spec, artifacts })
        })
        .collect())
}

/// Runs a prepared attempt; none when it was cancelled from outside and has no result to tell.
pub(crate) async fn execute(shared: Arc<Shared>, prepared: Prepared, cancel: CancellationToken) -> Option<Finished> {
    let Prepared { claim, run, spec, artifacts } = prepared;
    let mut inputs = Vec::new();
    let outcome = match (run.definition.steps.get(&claim.key), spec) {
        (Some(step), Some(spec)) => match read_inputs(&run, step, &spec, &claim, &artifacts) {
            Ok(resolved) => {
                inputs = resolved.consumed;
                run_agent(&shared, step, spec, &claim, resolved.values, &cancel).await
            }
            Err(error) => Err(error),
        },
        _ => Err(AgentError::new(Reason::Permanent, "The agent of this step is not in the library any more")),
    };
    if cancel.is_cancelled() {
        return None;
    }
    let mut usage = None;
    let result = match outcome {
        Ok(output) => {
            usage = output.usage.clone();
            store_outputs(&shared.store, output, &cancel).await?
        }
        Err(error) => Err(error),
    };
    let result = match result {
        Ok(artifacts) => AttemptResult::Succeeded(artifacts),
        Err(error) => {
            let dice = rand::rng().random_range(0.0..1.0);
            let retry = run
                .definition
                .steps
                .get(&claim.key)
                .and_then(|step| retry::pause(step, error.class, claim.fail_count, error.retry_after_ms, dice));
            AttemptResult::Failed { class: error.class, error: error.message.replace('\0', ""), retry }
        }
    };
    Some(Finished { step: claim.step, attempt: claim.attempt, result, inputs, usage })
}

fn read_inputs(
    run: &RunContext,
    step: &Step,
    spec: &AgentSpec,
    claim: &Claimed,
    artifacts: &[LatestArtifact],
) -> Result<Resolved, AgentError> {
    let mut found = BTreeMap::new();
    for artifact in artifacts {
        let value = read_value(artifact)?;
        let input =
            InputArtifact { id: artifact.id, version: artifact.version, content_hash: artifact.hash.clone(), value };
        found.insert((artifact.key.clone(), artifact.name.clone()), input);
    }
    resolve(&run.definition, step, spec, claim.overrides.as_ref(), &run.inputs, &found, None).map_err(|missing| {
        AgentError::new(
            Reason::MissingInput,
            format!(
                "The input `{}` has no value: the step it comes from made none, or it was left empty",
                missing.port
            ),
        )
    })
}

/// An artifact as a value: JSON as it is, everything else as text.
fn read_value(artifact: &LatestArtifact) -> Result<Value, AgentError> {
    let unreadable = |what: &str| {
        AgentError::new(
            Reason::InvalidOutput,
            format!("The artifact `{}` of `{}` is no {what}", artifact.name, artifact.key),
        )
    };
    if artifact.media_type == "application/json" {
        serde_json::from_slice(&artifact.bytes).map_err(|error| unreadable("JSON").with_source(error))
    } else {
        let text = std::str::from_utf8(&artifact.bytes).map_err(|error| unreadable("text").with_source(error))?;
        Ok(Value::String(text.to_owned()))
    }
}

async fn run_agent(
    shared: &Arc<Shared>,
    step: &Step,
    spec: Arc<AgentSpec>,
    claim: &Claimed,
    values: BTreeMap<String, Value>,
    cancel: &CancellationToken,
) -> Result<StepOutput, AgentError> {
    let Some(agent) = shared.agents.for_kind(spec.kind()) else {
        return Err(AgentError::new(
            Reason::Permanent,
            format!("This server runs no agents of kind `{}`", spec.kind()),
        ));
    };
    let prompt =
        claim.overrides.as_ref().and_then(|overrides| overrides.prompt.clone()).or_else(|| step.prompt.clone());
    let deltas = matches!(spec.config, workflow::agent::AgentConfig::Llm(_))
        .then(|| stream::open(shared.store.clone(), shared.watched.clone(), claim));
    let inner = cancel.child_token();
    let ctx = AgentContext {
        idempotency_key: sha256_hex(format!("{}/{}/{}", claim.run, claim.key, claim.generation).as_bytes()),
        cancel: inner.clone(),
        deltas,
        attempt: claim.attempt,
    };
    // A task of its own, so that a panic is a result and a time-out can end it.
    let mut task = tokio::spawn(async move { agent.run(StepInput { spec, prompt, values }, &ctx).await });
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

/// Hashes the outputs, and writes large ones ahead. None when the attempt was cancelled meanwhile.
async fn store_outputs(
    store: &Store,
    output: StepOutput,
    cancel: &CancellationToken,
) -> Option<Result<Vec<NewArtifact>, AgentError>> {
    let mut artifacts = Vec::with_capacity(output.outputs.len());
    for output in output.outputs {
        if output.bytes.len() > limits::MAX_ARTIFACT_BYTES {
            let mib = limits::MAX_ARTIFACT_BYTES / 1024 / 1024;
            let message = format!("The output `{}` is larger than {mib} MiB", output.name);
            return Some(Err(AgentError::new(Reason::OutputTooLarge, message)));
        }
        let hash = sha256_hex(&output.bytes);
        let size = i64::try_from(output.bytes.len()).unwrap_or(i64::MAX);
        let is_large = output.bytes.len() > limits::INLINE_ARTIFACT_BYTES;
        if is_large && let Err(error) = write_ahead(store, &hash, &output.bytes, cancel).await? {
            return Some(Err(error));
        }
        artifacts.push(NewArtifact {
            id: ArtifactId(Uuid::now_v7()),
            name: output.name,
            media_type: output.media_type,
            hash,
            size,
            content: (!is_large).then_some(output.bytes),
        });
    }
    Some(Ok(artifacts))
}

/// Content-addressed, so it is tried until it is there, however often the database goes away.
async fn write_ahead(
    store: &Store,
    hash: &str,
    bytes: &[u8],
    cancel: &CancellationToken,
) -> Option<Result<(), AgentError>> {
    loop {
        match store.put_blob(hash, bytes).await {
            Ok(()) => return Some(Ok(())),
            Err(error) if error.is_refused_value() => {
                return Some(Err(
                    AgentError::new(Reason::InvalidOutput, "The output could not be stored").with_source(error)
                ));
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "content was not written; trying again");
                cancel.run_until_cancelled(tokio::time::sleep(Duration::from_millis(500))).await?;
            }
        }
    }
}
