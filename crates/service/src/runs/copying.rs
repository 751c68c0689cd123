//! Runs from runs: fork one at a step, and take versions of another over.
//! Must never share an artifact with somebody who may not see where it comes from.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};
use workflow::{
    AgentCatalog, ArtifactId, RunId, StepKey, TemplateId,
    access::Scope,
    api::{AdoptRun, ForkRun},
    json, limits,
    run::{
        self, Command, Context, State, Voters,
        command::{Changes, Start},
        state::{NewVersion, Status, Step},
    },
    verbs::RunVerb,
};

use super::{
    Done, Started,
    asking::{Brings, Call, context, on_run},
    idempotency::Earlier,
    looking, overrides, start,
};
use crate::{Error, OpContext, Result, id};

/// A new run that begins at a step and shares what is upstream of it or beside it.
pub async fn fork(ctx: &OpContext, from: RunId, fork: ForkRun, key: Option<String>) -> Result<Started> {
    let _turn = start::turn(ctx, ctx.user_for(Scope::Run)?).await?;
    let (call, source) = on_run(ctx, from, RunVerb::Fork, &fork, key, State::clone).await?;
    if call.earlier() != Earlier::No {
        // The run that is forked is not written to, so what it knows the key from is another verb.
        return Err(Error::IdempotencyMismatch);
    }
    if source.design.step(&fork.step.split().0).is_none() {
        return Err(Error::invalid("step", "The run has no such step. Name one of its steps."));
    }
    let mut n_deleted = 0;
    let id = loop {
        let id = new_id(&call, n_deleted);
        if call.request.is_none() {
            break id;
        }
        if let Some(earlier) = start::existing(ctx, call.actor, id, call.request.as_ref()).await? {
            return Ok(earlier);
        }
        // The key of a run that was deleted is free again, and its id is not.
        if !ctx.store().was_deleted(id).await? {
            break id;
        }
        n_deleted += 1;
    };
    call.refuse_new_work().await?;
    let changes = overrides::changes(fork.prompt_override, fork.inputs);
    check_changes(&call, &source, &fork.step.split().0, &changes).await?;
    let (nobody, agents) = (Voters::default(), AgentCatalog::default());
    let decided = Context { random: id::new_id().as_u128(), ..context(&source, call.actor, &nobody, &agents) };
    let begin = run::fork(&source, &fork.step, id, fork.auto_run, &changes, &decided);
    let begin = begin.map_err(|refused| call.refused_on(&source, refused))?;
    begin_fork(&call, id, begin).await
}

/// Checks what is to be another than in the run that is forked.
async fn check_changes(call: &Call<'_>, source: &State, at: &StepKey, changes: &Changes) -> Result<()> {
    if overrides::is_nothing(changes) {
        return Ok(());
    }
    let plan = source.design.plan(at).ok_or(Error::NotFound)?;
    let agents = call.agents().await?;
    // A version that a run uses is never removed.
    let agent = agents.get(&plan.agent_id, Some(plan.agent_version)).ok_or(Error::NotFound)?;
    overrides::check(changes, agent, &source.overrides, at)?;
    Ok(())
}

/// Under a key the new run's id follows from it, and from how many that were made under it are deleted, so that the same request finds the
/// same run.
fn new_id(call: &Call<'_>, n_deleted: usize) -> RunId {
    call.ctx.run_id(match &call.request {
        Some(request) => {
            let mut source = format!("fork\n{}\n{}\n{}", call.actor.id, call.run, request.key);
            if n_deleted > 0 {
                source = format!("{source}\n{n_deleted}");
            }
            id::derived(&Sha256::digest(source.as_bytes()).into())
        }
        None => id::new_id(),
    })
}

async fn begin_fork(call: &Call<'_>, id: RunId, begin: Start) -> Result<Started> {
    let (ctx, actor) = (call.ctx, call.actor);
    let kept = begin.kept.iter().flat_map(|kept| &kept.versions).map(|(version, _)| version);
    let n_bytes = json::n_bytes(&begin.run) + inline_bytes(kept);
    ctx.store().take_place(actor.id, id).await?;
    if let Err(error) = ctx.store().charge(actor.id, n_bytes).await {
        ctx.store().leave_place(id).await?;
        return Err(error.into());
    }
    start::share_files(ctx, call.run, id).await?;
    let done = start::launch(ctx, actor, begin, Vec::new(), call.request.clone(), None).await?;
    if done.events.is_empty() {
        // Whoever asked at the same time was faster.
        return start::existing(ctx, actor, id, call.request.as_ref()).await?.ok_or(Error::NotFound);
    }
    Ok(Started { done, is_new: true })
}

/// Large content is shared, small content is copied.
fn inline_bytes<'v>(versions: impl Iterator<Item = &'v NewVersion>) -> usize {
    let sizes = versions.filter_map(|version| usize::try_from(version.size).ok());
    sizes.filter(|size| *size <= limits::INLINE_ARTIFACT_BYTES).sum()
}

type Versions = BTreeMap<StepKey, Vec<NewVersion>>;

/// A run to take versions from.
struct Source {
    template_id: TemplateId,
    steps: BTreeSet<StepKey>,
    versions: Versions,
}

/// Writes the versions of another run of the same template as the next versions of this one.
pub async fn adopt(ctx: &OpContext, id: RunId, adopt: AdoptRun, key: Option<String>) -> Result<Done> {
    let facts = |state: &State| (state.birth.template_id, keys(state));
    let (call, (template_id, steps)) = on_run(ctx, id, RunVerb::Adopt, &adopt, key, facts).await?;
    call.refuse_new_work().await?;
    let wanted = adopt.steps.clone();
    let from = looking::look(ctx, adopt.from, move |state, _| source(state, &wanted)).await;
    let from = match from {
        Ok(_) if adopt.from == id => {
            return Err(Error::invalid("from", "A run has nothing to take over from itself. Name another run."));
        }
        Ok(from) if from.template_id != template_id => {
            return Err(Error::invalid("from", "It is a run of another workflow. Name a run of the same one."));
        }
        Ok(from) => from,
        Err(Error::NotFound) => {
            return Err(Error::invalid("from", "There is no such run, or it is not yours to see. Name another."));
        }
        Err(error) => return Err(error),
    };
    for (n, key) in adopt.steps.iter().enumerate() {
        if !steps.contains(key) || !from.steps.contains(key) {
            let detail = format!("There is no step `{key}` in both runs. Compare the two first.");
            return Err(Error::invalid(format!("steps.{n}"), detail));
        }
    }
    let versions = from.versions;
    let (versions, n_bytes) = call.read(move |into| differing(into, versions)).await?;
    ctx.store().share_files(adopt.from, id).await?;
    call.execute(Command::Adopt { versions }, Brings::bytes(n_bytes)).await
}

fn keys(state: &State) -> BTreeSet<StepKey> {
    state.steps().map(|step| step.key.clone()).collect()
}

/// What can be taken over: the latest versions of completed steps, without the items of maps.
fn source(state: &State, wanted: &[StepKey]) -> Source {
    let is_wanted = |step: &&Step| {
        let is_named = wanted.is_empty() || wanted.contains(&step.key);
        step.status == Status::Completed && step.item.is_none() && is_named
    };
    let copies = |step: &Step| -> Vec<NewVersion> {
        state.latest(&step.key).map(|version| version.copied(ArtifactId(id::new_id()))).collect()
    };
    let versions = state.steps().filter(is_wanted).map(|step| (step.key.clone(), copies(step))).collect();
    Source { template_id: state.birth.template_id, steps: keys(state), versions }
}

/// Those that would be new here, and how much of their content is copied. Which of them are taken over is decided with the verb.
fn differing(into: &State, versions: Versions) -> (Versions, usize) {
    let is_known = |key: &StepKey, new: &NewVersion| {
        into.step(key).is_some_and(|step| step.status == Status::Completed)
            && into.latest(key).any(|known| known.name == new.name && known.content_hash == new.content_hash)
    };
    let new = |key: &StepKey| {
        let versions = versions.get(key).into_iter().flatten();
        inline_bytes(versions.filter(|new| !is_known(key, new)))
    };
    let n_bytes = versions.keys().map(new).sum();
    (versions, n_bytes)
}
