//! Starting a run of a published version, inputs checked, once under its key.
//! Must never run anything but a stored version that is valid by today's rules.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use ::runs::{Ask, By, Content, StartKey};
use serde_json::Value;
use store::{quotas::Spent, templates::Startable};
use workflow::{
    RunId, TemplateId, UserId,
    access::{Actor, Scope},
    api::StartRun,
    json,
    run::{
        Command,
        command::{Kept, NewRun, Start as Begin},
        event::Request,
    },
};

use super::{
    Done, Started,
    asking::Brings,
    idempotency::{self, Earlier},
    looking, values,
};
use crate::{
    Error, OpContext, Result, id,
    turns::Turn,
    versions::{self, Judged},
};

/// How long a start waits for its turn among others.
const WAIT_FOR_TURN: Duration = Duration::from_secs(5);
/// When to come back where that would be too long.
const START_AGAIN: Duration = Duration::from_secs(2);

/// The right to begin a run, among all who begin one, in whatever way. A crowd waits here and not for connections to the database: there
/// everybody else would wait behind it, and be told in the end that the database cannot be reached.
pub(crate) async fn turn(ctx: &OpContext, actor: &Actor) -> Result<Turn<UserId>> {
    let turn = ctx.starts().take(actor.id, WAIT_FOR_TURN).await;
    turn.ok_or(Error::TooManyRequests { retry_after: START_AGAIN })
}

/// Starts a run of a published version. Under a key, the same request has one effect however often it comes.
pub async fn start(ctx: &OpContext, start: StartRun, key: Option<String>) -> Result<Started> {
    let actor = ctx.user_for(Scope::Run)?;
    let request = idempotency::of_start(key, &start)?;
    let _turn = turn(ctx, actor).await?;
    // Before anything is judged: what was started once is answered alike, whatever became of the template since.
    if let Some(earlier) = earlier(ctx, actor, request.as_ref()).await? {
        return Ok(earlier);
    }
    let version = startable(ctx, actor, start.template_id, start.version).await?;
    values::check(&version.definition.inputs, &start.inputs)?;
    let run = Start { request, ..Start::of(version, start.inputs, start.auto_run) };
    begin(ctx, run).await
}

/// A row of a table: on the version that the table was judged by, for whoever may start the live one today.
pub(crate) async fn start_row(ctx: &OpContext, start: StartRun, version: i32, key: String) -> Result<Started> {
    let actor = ctx.user_for(Scope::Run)?;
    let request = idempotency::of_start(Some(key), &start)?;
    let _turn = turn(ctx, actor).await?;
    // Before anything is judged: a row that was started before a crash is found by its key, whatever became of the workflow since.
    if let Some(earlier) = earlier(ctx, actor, request.as_ref()).await? {
        return Ok(earlier);
    }
    startable(ctx, actor, start.template_id, None).await?;
    let version = versions::judged(ctx, start.template_id, version).await?;
    values::check(&version.definition.inputs, &start.inputs)?;
    let run = Start { request, ..Start::of(version, start.inputs, start.auto_run) };
    begin(ctx, run).await
}

/// The version that is asked for, or the live one. Users start that one only, admins any.
pub(crate) async fn startable(
    ctx: &OpContext,
    actor: &Actor,
    template: TemplateId,
    version: Option<i32>,
) -> Result<Arc<Judged>> {
    let is_admin = actor.may_administer();
    let live = if is_admin { version } else { None };
    let found = if is_admin {
        ctx.store().startable(template, live).await?
    } else {
        ctx.store().startable_by(template, live, &actor.groups).await?
    };
    let found = match found {
        Startable::Version(version) => version,
        Startable::NotPublished if is_admin => return Err(Error::NotPublished),
        Startable::Archived => {
            let detail = "This workflow was archived, so it starts no more runs. Ask an admin to take it back.";
            return Err(Error::Conflict(detail.to_owned()));
        }
        // To others, a template without a published version does not exist.
        Startable::NotPublished | Startable::NotFound => return Err(Error::NotFound),
    };
    match version {
        Some(version) if version != found => match ctx.store().startable(template, Some(version)).await? {
            Startable::Version(_) => Err(Error::NotYours(format!(
                "Version {version} is not the live one, and only admins start others. Look at version {found}, or ask an admin."
            ))),
            _ => Err(Error::NotFound),
        },
        _ => versions::judged(ctx, template, found).await,
    }
}

/// A run about to begin, its inputs checked.
pub(crate) struct Start {
    pub version: Arc<Judged>,
    pub inputs: BTreeMap<String, Value>,
    pub auto_run: bool,
    pub is_test: bool,
    pub request: Option<Request>,
    /// Steps that are over from the beginning, and the content of their outputs.
    pub kept: Vec<Kept>,
    pub brings: Brings,
    /// The run that values of it come from: files that they name may be read here too.
    pub from: Option<RunId>,
}

impl Start {
    pub(crate) fn of(version: Arc<Judged>, inputs: BTreeMap<String, Value>, auto_run: bool) -> Self {
        let (kept, brings) = (Vec::new(), Brings::default());
        Self { version, inputs, auto_run, is_test: false, request: None, kept, brings, from: None }
    }
}

/// The run, and whether it is new.
pub(crate) async fn begin(ctx: &OpContext, start: Start) -> Result<Started> {
    let actor = ctx.user()?;
    let version = start.version;
    let mut begin = Begin::of(NewRun {
        id: ctx.run_id(id::new_id()),
        template_id: version.template_id,
        template_name: version.name.clone(),
        template_version: version.version,
        definition: Arc::clone(&version.definition),
        plan: &version.plan,
        agents: &version.agents,
        inputs: start.inputs,
        auto_run: start.auto_run,
        user_id: actor.id,
        is_test: start.is_test,
    });
    begin.kept = start.kept;
    let run = begin.run.id;
    let n_bytes = json::n_bytes(&begin.run) + start.brings.n_bytes;
    if let Some(earlier) = take_up(ctx, actor, run, n_bytes, start.request.as_ref()).await? {
        return Ok(earlier);
    }
    if let Some(from) = start.from {
        share_files(ctx, from, run).await?;
    }
    let key = start.request.as_ref().map(|request| StartKey { user: actor.id, key: request.key.clone() });
    let done = launch(ctx, actor, begin, start.brings.contents, start.request.clone(), key).await?;
    if done.run == run {
        return Ok(Started { done, is_new: true });
    }
    // Whoever asked the same at the same time was faster.
    ctx.store().leave_place(run).await?;
    let earlier = existing(ctx, actor, done.run, start.request.as_ref()).await?;
    earlier.ok_or(Error::NotFound)
}

/// A place among the person's runs, and what is stored. A run instead where the last place was just taken by the same request.
async fn take_up(
    ctx: &OpContext,
    actor: &Actor,
    run: RunId,
    n_bytes: usize,
    request: Option<&Request>,
) -> Result<Option<Started>> {
    match ctx.store().take_place(actor.id, run).await {
        Ok(()) => {}
        Err(store::Error::Quota(spent @ Spent::RunningRuns { .. })) => {
            return earlier(ctx, actor, request).await?.map(Some).ok_or(Error::Quota(spent));
        }
        Err(error) => return Err(error.into()),
    }
    if let Err(error) = ctx.store().charge(actor.id, n_bytes).await {
        ctx.store().leave_place(run).await?;
        return Err(error.into());
    }
    Ok(None)
}

/// What values of the new run name may be read in it too. Where that fails its place is free again.
pub(super) async fn share_files(ctx: &OpContext, from: RunId, run: RunId) -> Result<()> {
    if let Err(error) = ctx.store().share_files(from, run).await {
        ctx.store().leave_place(run).await?;
        return Err(error.into());
    }
    Ok(())
}

/// Lets a run begin. Another one is answered where the key was used before.
#[tracing::instrument(name = "start", skip_all, fields(run.id = %begin.run.id))]
pub(super) async fn launch(
    ctx: &OpContext,
    actor: &Actor,
    begin: Begin,
    contents: Vec<Content>,
    request: Option<Request>,
    start: Option<StartKey>,
) -> Result<Done> {
    let run = begin.run.id;
    let ask = Ask {
        run,
        command: Command::Start(Box::new(begin)),
        by: By::Person { actor: actor.clone(), was_asked: false, request },
        agents: Arc::default(),
        voters: Arc::default(),
        contents,
        message: None,
        start,
    };
    match ctx.runs().execute(ask).await {
        Ok(answer) => Ok(answer.into()),
        Err(error) => {
            ctx.store().leave_place(run).await?;
            Err(looking::failed(ctx, run, error).await)
        }
    }
}

/// The run that was started under the same key.
async fn earlier(ctx: &OpContext, actor: &Actor, request: Option<&Request>) -> Result<Option<Started>> {
    let Some(key) = request.map(|request| request.key.as_str()) else { return Ok(None) };
    match ctx.store().started_under(actor.id, key).await? {
        Some(run) => existing(ctx, actor, run, request).await,
        None => Ok(None),
    }
}

/// A run that is there already, if the same request began it. None: there is no such run.
pub(super) async fn existing(
    ctx: &OpContext,
    actor: &Actor,
    run: RunId,
    request: Option<&Request>,
) -> Result<Option<Started>> {
    let (by, asked) = (actor.id, request.cloned());
    let look = move |state: Option<&workflow::run::State>| {
        state.map(|state| (state.seq, idempotency::earlier(state, by, asked.as_ref())))
    };
    match ctx.runs().read_now(run, look).await {
        Ok(None) => Ok(None),
        Ok(Some((seq, Earlier::Same))) => {
            Ok(Some(Started { done: Done { run, seq, events: Vec::new() }, is_new: false }))
        }
        Ok(Some((_, Earlier::No | Earlier::Other))) => Err(Error::IdempotencyMismatch),
        Err(error) => Err(looking::failed(ctx, run, error).await),
    }
}
