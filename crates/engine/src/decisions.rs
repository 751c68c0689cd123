//! What the engine is asked to look at: steps whose rule, condition or map wants judging, maps whose items are over,
//! sub-workflows that ended or were left alone, and steps that a limit may now let go.
//! Judging is pure (`workflow::decide`); what is committed is checked again under the run's lock, so answering twice does no harm.

use std::collections::{BTreeMap, BTreeSet};

use agents::AgentError;
use serde_json::{Value, json};
use store::protocol::{Asked, Asking, Decided, Decision, NewItem, ParentEnd, RunContext};
use tokio_util::sync::CancellationToken;
use workflow::{
    AgentSpec, RunId, RunStatus, Step, StepKey, StepStatus,
    agent::AgentConfig,
    decide::{Verdict, judge, map_items},
    definition::OnItemError,
    hash::{canonical_json, sha256_hex},
    limits,
    resolve::{InputArtifacts, basis, effective_prompt, holds, resolve_map},
    status::Reason,
};

use crate::{attempt::Shared, content, outputs};

/// Answers askings; those that could not be answered are asked again a little later.
pub(crate) async fn answer(shared: &Shared, asked: &[Asked], dead: &CancellationToken) -> Result<(), store::Error> {
    let askings = shared.store.askings(asked).await?;
    let contexts = shared.cache.runs(&shared.store, askings.iter().map(|it| (it.run, it.version)).collect()).await?;
    let artifacts = read_artifacts(shared, &askings, &contexts).await?;
    let mut decided: BTreeMap<RunId, Vec<Decided>> = BTreeMap::new();
    let mut admit = BTreeSet::new();
    for asking in &askings {
        for child in &asking.abandoned {
            shared.store.cancel_abandoned(*child).await?;
        }
        let (definition_key, _) = asking.key.split();
        let Some(run) = contexts.get(&asking.run) else { continue };
        let Some(step) = run.definition.steps.get(&definition_key) else { continue };
        if asking.is_held {
            admit.insert(asking.run);
        } else if asking.undecided && asking.status == StepStatus::Pending {
            let empty = InputArtifacts::new();
            let found = artifacts.get(&asking.step).unwrap_or(&empty);
            let decision = match judge_step(asking, run, step, found) {
                Judged::Run if asking.is_map => match items(shared, asking, run, step, found).await? {
                    Ok(()) => continue,
                    Err(error) => Decision::Fail { class: Reason::InvalidMap, error },
                },
                Judged::Run => Decision::Run,
                Judged::Skip(reason) => Decision::Skip(reason),
            };
            decided.entry(asking.run).or_default().push(Decided { step: asking.step, mark: asking.mark, decision });
        } else if asking.undecided && asking.is_map {
            collect(shared, asking, run, step, dead).await?;
        } else if let Some((child, status)) = asking.child
            && matches!(asking.status, StepStatus::Running | StepStatus::Failed)
            && !asking.run_is_cancelled
        {
            end_child(shared, asking, run, child, status).await?;
        }
    }
    for (run, decided) in decided {
        shared.store.decide(run, &decided).await?;
    }
    for run in admit {
        shared.store.admit(run).await?;
    }
    shared.store.answered(asked).await
}

enum Judged {
    Run,
    Skip(Reason),
}

fn judge_step(asking: &Asking, run: &RunContext, step: &Step, artifacts: &InputArtifacts) -> Judged {
    if asking.forced {
        return Judged::Run;
    }
    match judge(step.trigger_rule, &asking.dependencies) {
        Verdict::Skip(reason) => Judged::Skip(reason),
        Verdict::Run => match &step.when {
            Some(condition) if !holds(&run.definition, condition, &run.inputs, artifacts) => {
                Judged::Skip(Reason::Condition)
            }
            _ => Judged::Run,
        },
    }
}

/// The latest artifacts that the conditions and maps of these steps read, and for maps what their items read.
async fn read_artifacts(
    shared: &Shared,
    askings: &[Asking],
    contexts: &BTreeMap<RunId, std::sync::Arc<RunContext>>,
) -> Result<BTreeMap<i64, InputArtifacts>, store::Error> {
    let mut wanted = Vec::new();
    for asking in askings.iter().filter(|asking| asking.undecided && asking.status == StepStatus::Pending) {
        let Some(step) = contexts.get(&asking.run).and_then(|run| run.definition.steps.get(&asking.key)) else {
            continue;
        };
        let names = content::names(step.sources());
        wanted.extend(names.into_iter().map(|(key, name)| (asking.step, key.clone(), name.clone())));
    }
    let found = shared.cache.contents.latest(&shared.store, &wanted).await?;
    // What cannot be read counts as absent here; an attempt that needs it fails with the reason.
    Ok(found.into_iter().map(|(step, read)| (step, content::inputs(&read).unwrap_or_default())).collect())
}

/// Gives a map its items; an error is why its list is none.
async fn items(
    shared: &Shared,
    asking: &Asking,
    run: &RunContext,
    step: &Step,
    artifacts: &InputArtifacts,
) -> Result<Result<(), String>, store::Error> {
    let Some(map) = &step.map else { return Ok(Err("The step has no list to map over".to_owned())) };
    let (list, consumed) = resolve_map(&run.definition, map, &run.inputs, artifacts);
    let items = match map_items(map, list.as_ref()) {
        Ok(items) => items,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let spec = agent_of(shared, run, &asking.key).await?;
    let general = asking.overrides.get(&asking.key);
    let prompt = spec.as_deref().and_then(|spec| effective_prompt(step, spec, general));
    let version = run.agents.get(&asking.key).map_or(0, |(_, version)| *version);
    let basis = basis(prompt, version, step.direct_dependencies());
    // Everything an item is run with beside its own value: equal means that it need not run again.
    let read: BTreeMap<String, &str> = content::names(step.inputs.values())
        .into_iter()
        .filter_map(|(key, name)| {
            let artifact = artifacts.get(&(key.clone(), name.clone()))?;
            Some((format!("{key}.{name}"), artifact.content_hash.as_str()))
        })
        .collect();
    let common =
        canonical_json(&json!({"inputs": step.inputs, "artifacts": read, "overrides": general, "basis": basis}));
    let new = items
        .into_iter()
        .map(|item| {
            let own = asking.overrides.get(&asking.key.item(&item.key));
            let all = format!("{common}\n{}\n{}", item.hash, json!(own));
            NewItem { key: item.key, value: item.value, basis: sha256_hex(all.as_bytes()) }
        })
        .collect();
    shared.store.expand(asking, &[consumed], Some(&basis), new).await?;
    Ok(Ok(()))
}

async fn agent_of(
    shared: &Shared,
    run: &RunContext,
    key: &StepKey,
) -> Result<Option<std::sync::Arc<AgentSpec>>, store::Error> {
    let Some(agent) = run.agents.get(key) else { return Ok(None) };
    Ok(shared.cache.agents(&shared.store, [agent.clone()].into()).await?.remove(agent))
}

/// Makes one list of each output from the outputs of the items, in their order.
async fn collect(
    shared: &Shared,
    asking: &Asking,
    run: &RunContext,
    step: &Step,
    dead: &CancellationToken,
) -> Result<(), store::Error> {
    let end = |result| ParentEnd { step: asking.step, run: asking.run, mark: asking.mark, child: None, result };
    let mode = step.map.as_ref().map_or(OnItemError::Fail, |map| map.on_item_error);
    let bytes = shared.store.item_bytes(asking.step).await?;
    if usize::try_from(bytes).map_or(true, |bytes| bytes > limits::MAX_ARTIFACT_BYTES) {
        let mib = limits::MAX_ARTIFACT_BYTES / 1024 / 1024;
        let error = (Reason::OutputTooLarge, format!("The outputs of all items together are larger than {mib} MiB"));
        shared.store.end_parent(&end(Err(error))).await?;
        return Ok(());
    }
    let items = shared.store.item_outputs(asking.step).await?;
    let n_failed =
        items.iter().filter(|item| matches!(item.status, StepStatus::Failed | StepStatus::Cancelled)).count();
    if mode == OnItemError::Fail && n_failed > 0 {
        let error = (Reason::ItemFailed, format!("{n_failed} of {} items failed", items.len()));
        shared.store.end_parent(&end(Err(error))).await?;
        return Ok(());
    }
    let Some(spec) = agent_of(shared, run, &asking.key).await? else { return Ok(()) };
    let mut artifacts = Vec::new();
    for port in &spec.outputs {
        let mut list = b"[".to_vec();
        for item in &items {
            let output = item.outputs.get(&port.name);
            if output.is_none() && mode == OnItemError::Drop {
                continue;
            }
            if list.len() > 1 {
                list.push(b',');
            }
            match output {
                // Canonical JSON, so that lists of equal items are equal bytes.
                Some((media, bytes)) if media == "application/json" => list.extend_from_slice(bytes),
                Some((_, bytes)) => {
                    let text = Value::String(String::from_utf8_lossy(bytes).into_owned());
                    list.extend_from_slice(text.to_string().as_bytes());
                }
                None => list.extend_from_slice(b"null"),
            }
        }
        list.push(b']');
        match outputs::artifact(&shared.store, port.name.clone(), "application/json".to_owned(), list, dead).await {
            None => return Ok(()),
            Some(Ok(artifact)) => artifacts.push(artifact),
            Some(Err(AgentError { class, message, .. })) => {
                shared.store.end_parent(&end(Err((class, message)))).await?;
                return Ok(());
            }
        }
    }
    shared.store.end_parent(&end(Ok(artifacts))).await?;
    Ok(())
}

/// The sub-workflow's run is over: its named artifacts become the step's.
async fn end_child(
    shared: &Shared,
    asking: &Asking,
    run: &RunContext,
    child: RunId,
    status: RunStatus,
) -> Result<(), store::Error> {
    let (definition_key, _) = asking.key.split();
    let result = match status {
        RunStatus::Completed => {
            let Some(spec) = agent_of(shared, run, &definition_key).await? else { return Ok(()) };
            let AgentConfig::Workflow(config) = &spec.config else { return Ok(()) };
            let mut artifacts = Vec::new();
            let mut missing = None;
            for (name, output) in &config.outputs {
                match shared.store.output_of(child, &output.step, &output.artifact, name).await? {
                    Some(artifact) => artifacts.push(artifact),
                    None => missing = Some(name),
                }
            }
            match missing {
                None => Ok(artifacts),
                Some(name) => {
                    Err((Reason::ChildFailed, format!("The sub-workflow completed without making the output `{name}`")))
                }
            }
        }
        RunStatus::Failed => Err((Reason::ChildFailed, "The sub-workflow failed".to_owned())),
        RunStatus::Cancelled => Err((Reason::ChildFailed, "The sub-workflow was cancelled".to_owned())),
        RunStatus::Pending | RunStatus::Running | RunStatus::Paused => return Ok(()),
    };
    if asking.status == StepStatus::Failed && result.is_err() {
        return Ok(());
    }
    let end = ParentEnd { step: asking.step, run: asking.run, mark: asking.mark, child: Some(child), result };
    shared.store.end_parent(&end).await?;
    Ok(())
}
