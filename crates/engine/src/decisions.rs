//! What the engine is asked to look at: steps whose rule, condition or map wants judging, maps whose items are over,
//! sub-workflows that ended or were left alone, and steps that a limit may now let go.
//! Judging is pure (`workflow::decide`); what is committed is checked again under the run's lock, so answering twice does no harm.

use std::collections::BTreeMap;

use agents::AgentError;
use serde_json::Value;
use store::protocol::{Asked, Asking, Decided, Decision, LatestArtifact, NewItem, ParentEnd, RunContext};
use tokio_util::sync::CancellationToken;
use workflow::{
    AgentSpec, RunId, RunStatus, Step, StepKey, StepStatus,
    agent::AgentConfig,
    decide::{Verdict, decide, map_items},
    definition::OnItemError,
    limits,
    resolve::{
        InputArtifacts, ItemRecorder, basis, effective_override, effective_prompt, item_basis, resolve_map, value_now,
    },
    status::Reason,
};

use crate::{attempt::Shared, content, outputs};

/// Bytes of memory that what a few askings read may take; one that reads more is looked at alone.
const READ_AT_ONCE: u64 = 64 * 1024 * 1024;

/// Answers askings; those that could not be answered are asked again a little later. One that cannot be is alone with that.
pub(crate) async fn answer(shared: &Shared, asked: &[Asked], dead: &CancellationToken) -> Result<(), store::Error> {
    match answer_all(shared, asked, dead).await {
        Err(error) if !error.is_unavailable() && asked.len() > 1 => {
            for one in asked {
                if let Err(error) = answer_all(shared, std::slice::from_ref(one), dead).await {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(step.id = one.step, error, "a step cannot be looked at; it is asked about again");
                }
            }
            Ok(())
        }
        result => result,
    }
}

async fn answer_all(shared: &Shared, asked: &[Asked], dead: &CancellationToken) -> Result<(), store::Error> {
    let askings = shared.store.askings(asked).await?;
    let contexts = shared.cache.runs(&shared.store, askings.iter().map(|it| (it.run, it.version)).collect()).await?;
    let mut metas = latest_artifacts(shared, &askings, &contexts).await?;
    let mut decided: BTreeMap<RunId, Vec<Decided>> = BTreeMap::new();
    let mut admit: BTreeMap<RunId, Vec<i64>> = BTreeMap::new();
    for group in groups(&askings, &metas) {
        let artifacts = read_artifacts(shared, group, &mut metas).await?;
        for asking in group {
            for child in &asking.abandoned {
                shared.store.cancel_abandoned(*child).await?;
            }
            let (definition_key, _) = asking.key.split();
            let Some(run) = contexts.get(&asking.run) else { continue };
            let Some(step) = run.definition.steps.get(&definition_key) else { continue };
            if asking.is_held {
                admit.entry(asking.run).or_default().push(asking.step);
            } else if asking.undecided && asking.status == StepStatus::Pending {
                let empty = InputArtifacts::new();
                let found = artifacts.get(&asking.step).unwrap_or(&empty);
                let decision = match judge(asking, run, step, found) {
                    Verdict::Run if asking.is_map => match items(shared, asking, run, step, found).await? {
                        Ok(()) => continue,
                        Err(error) => Decision::Fail { class: Reason::InvalidMap, error },
                    },
                    Verdict::Run => Decision::Run,
                    Verdict::Skip(reason) => Decision::Skip(reason),
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
    }
    for (run, decided) in decided {
        shared.store.decide(run, &decided).await?;
    }
    for (run, steps) in admit {
        shared.store.admit(run, &steps).await?;
    }
    shared.store.answered(asked).await
}

fn judge(asking: &Asking, run: &RunContext, step: &Step, artifacts: &InputArtifacts) -> Verdict {
    if asking.forced {
        return Verdict::Run;
    }
    decide(step, &asking.dependencies, &|source| value_now(&run.definition, &run.inputs, artifacts, source))
}

/// As many askings at a time as what they read has room.
fn groups<'a>(askings: &'a [Asking], metas: &BTreeMap<i64, Vec<LatestArtifact>>) -> Vec<&'a [Asking]> {
    let (mut groups, mut rest, mut n, mut bytes) = (Vec::new(), askings, 0, 0_u64);
    for asking in askings {
        let weight = metas.get(&asking.step).map_or(0, |metas| content::weight(metas));
        if n > 0 && bytes.saturating_add(weight) > READ_AT_ONCE {
            let (group, after) = rest.split_at(n);
            groups.push(group);
            (rest, n, bytes) = (after, 0, 0);
        }
        n += 1;
        bytes = bytes.saturating_add(weight);
    }
    groups.push(rest);
    groups
}

/// The latest artifacts that the conditions and maps of these steps read, and for maps what their items read.
async fn latest_artifacts(
    shared: &Shared,
    askings: &[Asking],
    contexts: &BTreeMap<RunId, std::sync::Arc<RunContext>>,
) -> Result<BTreeMap<i64, Vec<LatestArtifact>>, store::Error> {
    let mut wanted = Vec::new();
    for asking in askings.iter().filter(|asking| asking.undecided && asking.status == StepStatus::Pending) {
        let Some(step) = contexts.get(&asking.run).and_then(|run| run.definition.steps.get(&asking.key)) else {
            continue;
        };
        let names = content::names(step.sources());
        wanted.extend(names.into_iter().map(|(key, name)| (asking.step, key.clone(), name.clone())));
    }
    content::latest(&shared.store, &wanted).await
}

async fn read_artifacts(
    shared: &Shared,
    askings: &[Asking],
    metas: &mut BTreeMap<i64, Vec<LatestArtifact>>,
) -> Result<BTreeMap<i64, InputArtifacts>, store::Error> {
    let wanted = askings.iter().filter_map(|asking| metas.remove(&asking.step)).flatten().collect();
    let found = shared.cache.contents.read(&shared.store, wanted).await?;
    // What cannot be read counts as absent here; an attempt that needs it fails with the reason.
    let readable = |mut read: Vec<content::Read>| {
        read.retain(|read| read.value.is_some());
        content::inputs(&read).unwrap_or_default()
    };
    Ok(found.into_iter().map(|(step, read)| (step, readable(read))).collect())
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
    let Some(spec) = agent_of(shared, run, &asking.key).await? else {
        return Ok(Err("The agent of this step is not in the library any more".to_owned()));
    };
    let general = asking.overrides.get(&asking.key);
    let dependencies = || step.direct_dependencies();
    let of_map = basis(effective_prompt(step, &spec, general), spec.version, dependencies());
    let recorder = ItemRecorder::new(&run.definition, step, &spec, general, &run.inputs, artifacts);
    let new = items
        .into_iter()
        .map(|item| {
            let key = asking.key.item(&item.key);
            let own = asking.overrides.get(&key);
            let made_with = match effective_override(&asking.overrides, &key).filter(|_| own.is_some()) {
                Some(merged) => &basis(effective_prompt(step, &spec, Some(&merged)), spec.version, dependencies()),
                None => &of_map,
            };
            let basis = match recorder.of(&item.value, own) {
                Ok(consumed) => item_basis(&consumed, made_with),
                // Its attempt will fail with that; what a person supplied meanwhile stays.
                Err(missing) => missing.to_string(),
            };
            NewItem { key: item.key, value: item.value, basis }
        })
        .collect();
    shared.store.expand(asking, &[consumed], Some(&of_map), new).await?;
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
    let items = shared.store.items_at_end(asking.step).await?;
    if mode == OnItemError::Fail && items.n_failed > 0 {
        let error = (Reason::ItemFailed, format!("{} of {} items failed", items.n_failed, items.n));
        shared.store.end_parent(&end(Err(error))).await?;
        return Ok(());
    }
    if usize::try_from(items.bytes).map_or(true, |bytes| bytes > limits::MAX_ARTIFACT_BYTES) {
        let mib = limits::MAX_ARTIFACT_BYTES / 1024 / 1024;
        let error = (Reason::OutputTooLarge, format!("The outputs of all items together are larger than {mib} MiB"));
        shared.store.end_parent(&end(Err(error))).await?;
        return Ok(());
    }
    let items = shared.store.item_outputs(asking.step).await?;
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
                // Its bytes as they are: keys and digits stay.
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
