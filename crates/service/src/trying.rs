//! Trying a draft, or a part of it: a hidden version is made out of the stored draft, and a run of it goes the way of every run.
//! Must never run a definition out of a request, publish anything, or act outside without somebody having agreed to it.

mod effects;
mod seen;
mod values;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use store::templates::{Draft, NewTemplate};
use workflow::{
    AgentCatalog, Definition, StepKey, TemplateId,
    api::{TryDraft, TryStarted},
    run::{command::Kept, state::Status},
    trying::{self, NoPart, Part},
};

pub(crate) use self::effects::agreed_agent;
pub use self::seen::seen;
use self::values::Values;
use crate::{
    Error, OpContext, Result, id,
    runs::{self, asking::Brings, values::check},
    steps::outputs,
    templates::{nesting, pin},
    validation, versions,
};

/// Runs the stored draft or a part of it, on what is given, pinned, seen earlier or made up, and names the run to watch.
pub async fn try_draft(ctx: &OpContext, template: TemplateId, wanted: TryDraft) -> Result<TryStarted> {
    let actor = ctx.admin()?;
    let _turn = runs::turn(ctx, actor).await?;
    let draft = stored(ctx, template, wanted.revision).await?;
    let extent = wanted.extent.at(wanted.step.as_ref());
    let extent = extent.ok_or_else(|| Error::invalid("step", "Name the step that is to be tried, or up to which."))?;
    let catalog = validation::catalog_for(ctx, &draft.definition).await?;
    let values = Values::of(ctx, template, &draft.definition, &catalog, &extent, &wanted).await?;
    let part = trying::part(&draft.definition, &catalog, &extent, &values.stand_ins).map_err(|none| match none {
        NoPart::UnknownStep(key) => {
            Error::invalid("step", format!("The stored draft has no step `{key}`. Save it first, or name another."))
        }
        NoPart::NothingToRun => {
            Error::invalid("use_pins", "The outputs of every step are pinned, so nothing would run. Take a pin away.")
        }
    })?;
    values.check_pins(&draft.definition, &catalog, &part)?;
    let Part { definition, inputs: fed, given } = part;
    let (definition, catalog) = valid(ctx, template, definition, catalog, &given).await?;
    let inputs = values.inputs(&definition, fed);
    check(&definition.inputs, &inputs)?;
    let acting = effects::acting(ctx, &definition, &catalog, &given).await?;
    let agreed: Vec<&StepKey> = acting.iter().filter_map(|problem| problem.step.as_ref()).collect();
    let said = json!({"extent": wanted.extent.as_str(), "step": wanted.step, "revision": draft.revision, "acts_outside": agreed});
    let refused: Vec<_> = acting
        .iter()
        .filter(|problem| !problem.step.as_ref().is_some_and(|key| wanted.confirm.contains(key)))
        .cloned()
        .collect();
    if !refused.is_empty() {
        return Err(Error::ConfirmSideEffects { problems: refused });
    }
    let new = NewTemplate {
        id: TemplateId(id::new_id()),
        name: &draft.name,
        description: &draft.description,
        definition: &definition,
        by: actor.id,
    };
    let version = ctx.store().try_version(template, draft.revision, new, said, ctx.author()).await?;
    let Some(version) = version else {
        // It was saved since it was read.
        let current = ctx.store().draft(template).await?.ok_or(Error::NotFound)?.revision;
        return Err(Error::Stale { current });
    };
    let (kept, brings) = kept(ctx, &definition, &catalog, &values, &given).await?;
    let version = versions::judge_but(ctx, version, &given).await?;
    let start =
        runs::Start { is_test: true, kept, brings, from: wanted.from_run, ..runs::Start::of(version, inputs, true) };
    let run_id = runs::begin(ctx, start).await?.done.run;
    Ok(TryStarted { run_id, given: given.into_iter().collect() })
}

/// The draft as it is stored, if it is the one that was looked at.
async fn stored(ctx: &OpContext, template: TemplateId, revision: Option<i64>) -> Result<Draft> {
    let Some(revision) = revision else {
        let detail = "Name the revision of the draft that is to be tried: the `draft_revision` you were given.";
        return Err(Error::invalid("revision", detail));
    };
    let draft = ctx.store().draft(template).await?.ok_or(Error::NotFound)?;
    if draft.revision != revision {
        return Err(Error::Stale { current: draft.revision });
    }
    if draft.archived_at.is_some() {
        let detail = "This workflow was archived, so it starts no more runs. Take it back from the archive first.";
        return Err(Error::Conflict(detail.to_owned()));
    }
    Ok(draft)
}

/// The part with its agents pinned, if what runs of it is without errors. What is wrong elsewhere in the draft is no matter.
async fn valid(
    ctx: &OpContext,
    template: TemplateId,
    definition: Definition,
    catalog: AgentCatalog,
    given: &BTreeSet<StepKey>,
) -> Result<(Definition, AgentCatalog)> {
    let (definition, plan, catalog, mut problems) = validation::validate(definition, catalog).await?;
    problems.extend(nesting::problems(ctx, template, &definition, &catalog).await?);
    if validation::keeps_from_running(&problems, given) {
        problems.retain(|problem| problem.is_error() && !problem.step.as_ref().is_some_and(|key| given.contains(key)));
        return Err(Error::InvalidDefinition { problems });
    }
    Ok((pin(definition, &plan), catalog))
}

/// The steps that are over from the beginning, with what is pinned as their outputs.
async fn kept(
    ctx: &OpContext,
    definition: &Definition,
    catalog: &AgentCatalog,
    values: &Values,
    given: &BTreeSet<StepKey>,
) -> Result<(Vec<Kept>, Brings)> {
    let (mut kept, mut all) = (Vec::new(), Brings::default());
    for key in given {
        let (Some(step), Some(outputs)) = (definition.steps.get(key), values.stand_ins.outputs.get(key)) else {
            continue;
        };
        let Some(spec) = catalog.get(&step.agent_id, step.agent_version) else { continue };
        let written = outputs::check(spec, step.map.is_some(), &format!("pins.{key}"), outputs)?;
        let (versions, brings) = outputs::store(ctx, written).await?;
        all.n_bytes += brings.n_bytes;
        all.contents.extend(brings.contents);
        // Whoever pinned it looked at it.
        let versions = versions.into_iter().map(|version| (version, true)).collect();
        kept.push(Kept { step: key.clone(), status: Status::Completed, versions });
    }
    Ok((kept, all))
}

/// Values by name, those that come first before those that come later.
fn filled<K: Ord + Clone, V: Clone>(into: &mut BTreeMap<K, V>, from: &BTreeMap<K, V>) {
    for (key, value) in from {
        into.entry(key.clone()).or_insert_with(|| value.clone());
    }
}
