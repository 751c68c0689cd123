//! Maps: the items of a list as they begin, and the lists that are collected of their outputs.

use std::collections::BTreeMap;

use agents::Output;
use runs::Content;
use serde_json::Value;
use workflow::{
    ArtifactId, Step, StepStatus,
    content::Unreadable,
    decide::map_items,
    definition::{MapOver, OnItemError},
    limits,
    resolve::{InputArtifacts, ItemRecorder, basis, effective_override, effective_prompt, item_basis, resolve_map},
    run::{
        command::{Judgement, NewItem},
        state::Version,
    },
    status::ErrorClass,
    words::{count, thousands},
};

use crate::{
    asking::Asking,
    outputs::Made,
    shared::{Inside, Shared, class_of, until_there},
    shelf,
};

/// Versions whose content one query reads.
const READ_AT_ONCE: usize = 1_000;

/// The items that a map begins with, or why its list is none.
pub(crate) async fn items(
    shared: &Shared,
    asking: &Asking,
    step: &Step,
    map: &MapOver,
    artifacts: &InputArtifacts,
) -> shelf::Result<Judgement> {
    let no_items = |error: &str| Ok(Judgement::NoItems { error: error.to_owned() });
    let (definition, run_inputs, key) = (&asking.design.definition, &asking.birth.inputs, &asking.step.key);
    let (list, consumed) = resolve_map(definition, map, run_inputs, artifacts);
    let items = match map_items(map, list.as_ref()) {
        Ok(items) => items,
        Err(error) => return no_items(&error.to_string()),
    };
    let Some(plan) = asking.design.plan(key) else { return no_items(GONE) };
    let Some(spec) = shared.agent(plan).await? else { return no_items(GONE) };
    let general = asking.overrides.get(key);
    let dependencies = || step.direct_dependencies();
    let of_map = basis(effective_prompt(step, &spec, general), spec.version, dependencies());
    let recorder = ItemRecorder::new(definition, step, &spec, general, run_inputs, artifacts);
    let new = items.into_iter().map(|item| {
        let item_key = key.item(&item.key);
        let own = asking.overrides.get(&item_key);
        let made_with = match effective_override(&asking.overrides, &item_key).filter(|_| own.is_some()) {
            Some(merged) => &basis(effective_prompt(step, &spec, Some(&merged)), spec.version, dependencies()),
            None => &of_map,
        };
        let basis = match recorder.of(&item.value, own) {
            Ok(consumed) => item_basis(&consumed, made_with),
            // Its attempt will fail with that; what a person supplied meanwhile stays.
            Err(missing) => missing.to_string(),
        };
        NewItem { key: item.key, basis }
    });
    Ok(Judgement::Items { list: consumed, items: new.collect() })
}

const GONE: &str = "The agent of this step is not in the library any more";

/// Makes one list of each output from the outputs of the items, in their order. None: this worker is over.
pub(crate) async fn collect(inside: &Inside, asking: &Asking) -> Option<shelf::Result<(Judgement, Vec<Content>)>> {
    let fails = |class, error| Some(Ok((Judgement::Collected(Err((class, error))), Vec::new())));
    let mode =
        asking.definition().and_then(|step| step.map.as_ref()).map_or(OnItemError::Fail, |map| map.on_item_error);
    let is_bad = |status: StepStatus| matches!(status, StepStatus::Failed | StepStatus::Cancelled);
    let n_failed = asking.items.iter().filter(|(_, status)| is_bad(*status)).count();
    if mode == OnItemError::Fail && n_failed > 0 {
        return fails(
            ErrorClass::ItemFailed,
            format!(
                "{} of {} failed",
                thousands(i64::try_from(n_failed).unwrap_or(i64::MAX)),
                count(asking.items.len(), "item")
            ),
        );
    }
    let bytes: i64 = asking.reads.iter().map(|version| version.size).sum();
    if usize::try_from(bytes).map_or(true, |bytes| bytes > limits::MAX_ARTIFACT_BYTES) {
        let mib = limits::MAX_ARTIFACT_BYTES / 1024 / 1024;
        let error = format!("The outputs of all items together are larger than {mib} MiB");
        return fails(ErrorClass::OutputTooLarge, error);
    }
    let shared = &inside.shared;
    let Some(plan) = asking.design.plan(&asking.step.key) else { return fails(ErrorClass::Permanent, GONE.to_owned()) };
    let spec = match until_there(&inside.dead, || shared.agent(plan)).await? {
        Ok(Some(spec)) => spec,
        Ok(None) => return fails(ErrorClass::Permanent, GONE.to_owned()),
        Err(error) => return Some(Err(error)),
    };
    let contents = match until_there(&inside.dead, || read(shared, &asking.reads)).await? {
        Ok(contents) => contents,
        Err(error) => return Some(Err(error)),
    };
    let made_by: BTreeMap<_, &Version> =
        asking.reads.iter().map(|version| ((&version.producing_step_id, version.name.as_str()), version)).collect();
    let mut collected = Made::default();
    for port in &spec.outputs {
        let mut list = b"[".to_vec();
        for (item, _) in &asking.items {
            let output = made_by
                .get(&(item, port.name.as_str()))
                .and_then(|version| Some((version.media_type.as_str(), contents.get(&version.id)?)));
            if output.is_none() && mode == OnItemError::Drop {
                continue;
            }
            if list.len() > 1 {
                list.push(b',');
            }
            match output {
                // Its bytes as they are: keys and digits stay.
                Some(("application/json", bytes)) => list.extend_from_slice(bytes),
                // As for whoever reads it alone: a list would have other characters in the place of its bytes.
                Some((media_type, bytes)) => {
                    let Ok(text) = std::str::from_utf8(bytes) else {
                        let (step, name, media_type) = (item.clone(), port.name.clone(), media_type.to_owned());
                        let error = Unreadable::NoText { step, name, media_type };
                        return fails(ErrorClass::InvalidOutput, error.to_string());
                    };
                    list.extend_from_slice(Value::from(text).to_string().as_bytes());
                }
                None => list.extend_from_slice(b"null"),
            }
        }
        list.push(b']');
        let output = Output { name: port.name.clone(), media_type: "application/json".to_owned(), bytes: list };
        if let Err(error) = collected.add(shared, asking.at, output, &inside.dead).await? {
            return fails(class_of(&error), error.message);
        }
    }
    Some(Ok((Judgement::Collected(Ok(collected.versions)), collected.contents)))
}

async fn read(shared: &Shared, versions: &[Version]) -> shelf::Result<BTreeMap<ArtifactId, Vec<u8>>> {
    let ids: Vec<ArtifactId> = versions.iter().map(|version| version.id).collect();
    let mut found = BTreeMap::new();
    for ids in ids.chunks(READ_AT_ONCE) {
        found.extend(shared.shelf.contents(ids).await?);
    }
    Ok(found)
}
