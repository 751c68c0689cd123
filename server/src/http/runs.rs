//! REST: runs, and the verbs on a whole run.

use std::collections::BTreeMap;

use axum::{
    Extension, Json,
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use service::{
    OpContext, audience,
    runs::{self, Started, Tried},
};
use workflow::{
    RunId, RunView, StepKey, TemplateId,
    api::{
        AdoptRun, ChangeRuns, ChangedRuns, Comparison, ForkRun, ListedRun, MoveAnswer, MoveRun, Page, PatchRun,
        ResumeRun, RunLabels, RunQuery, RunScope, RunSort, RunState, RunTotals, Staleness, StartRun, StuckGate,
        TotalsQuery,
    },
    id::GroupId,
};

use super::{
    after::{After, after},
    extract::{Body, Ids, Once, Prefer},
    params::{Both, OfQuery, Pages, Params},
    problem::Result,
    query::{Query, unless_empty},
};

/// Whose runs.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Whose {
    all: bool,
    shared: bool,
    with_me: bool,
}

/// Which of them.
#[derive(Deserialize)]
struct Which {
    #[serde(default)]
    sort: RunSort,
    search: Option<String>,
    status: Option<RunState>,
    workflow: Option<TemplateId>,
    person: Option<String>,
    group: Option<String>,
    tag: Option<String>,
    from: Option<DateTime<Utc>>,
    to: Option<DateTime<Utc>>,
    min_cost_micros: Option<i64>,
    #[serde(default)]
    stale: bool,
    #[serde(default)]
    archived: bool,
}

/// Totals of which runs, and over how many days.
#[derive(Deserialize)]
struct Over {
    days: Option<u32>,
    #[serde(default)]
    all: bool,
    #[serde(default)]
    shared: bool,
    workflow: Option<TemplateId>,
    person: Option<String>,
}

/// A page of runs.
#[derive(Serialize, utoipa::ToSchema)]
#[schema(as = RunPage)]
pub(super) struct Listed {
    runs: Vec<ListedRun>,
    /// Give it back as `after` for the next page.
    next: Option<String>,
}

#[derive(Deserialize, utoipa::ToSchema)]
pub(super) struct Other {
    with: RunId,
}

#[derive(Deserialize, utoipa::ToSchema)]
pub(super) struct Before {
    before: Option<i64>,
}

/// 201 for a new run, 200 when the same key and request were answered before.
pub(super) async fn start(
    Extension(ctx): Extension<OpContext>,
    Once { key, prefer }: Once,
    Body(start): Body<StartRun>,
) -> Result<(StatusCode, After)> {
    made(&ctx, prefer, runs::start(&ctx, start, key).await?).await
}

async fn made(ctx: &OpContext, prefer: Prefer, started: Started) -> Result<(StatusCode, After)> {
    let status = if started.is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, after(ctx, prefer, &started.done).await?))
}

pub(super) async fn list(Extension(ctx): Extension<OpContext>, query: Query) -> Result<Json<Listed>> {
    let Both(Params(whose), Both(Params(which), pages)) =
        Both::<Params<Whose>, Both<Params<Which>, Pages>>::all(&query)?;
    let Page { items, next } = runs::find(&ctx, &choice(&whose, which), &pages.wanted).await?;
    Ok(Json(Listed { runs: items, next }))
}

impl Whose {
    fn scope(&self) -> RunScope {
        match (self.all, self.shared, self.with_me) {
            (true, ..) => RunScope::All,
            (false, true, _) => RunScope::Shared,
            (false, false, true) => RunScope::WithMe,
            (false, false, false) => RunScope::Mine,
        }
    }
}

fn choice(whose: &Whose, which: Which) -> RunQuery {
    RunQuery {
        scope: whose.scope(),
        sort: which.sort,
        search: unless_empty(which.search),
        status: which.status,
        workflow: which.workflow,
        person: unless_empty(which.person),
        group: unless_empty(which.group).map(GroupId::new),
        tag: unless_empty(which.tag),
        from: which.from,
        to: which.to,
        min_cost_micros: which.min_cost_micros,
        stale: which.stale,
        archived: which.archived,
    }
}

/// What runs did, by day.
pub(super) async fn totals(Extension(ctx): Extension<OpContext>, query: Query) -> Result<Json<RunTotals>> {
    let Params(Over { days, all, shared, workflow, person }) = Params::all(&query)?;
    let scope = Whose { all, shared, with_me: false }.scope();
    let wanted = TotalsQuery { scope: Some(scope), days, workflow, person: unless_empty(person) };
    Ok(Json(runs::totals(&ctx, &wanted).await?))
}

/// Cancels many, or archives them or takes them back; dry: which of them.
pub(super) async fn change(
    Extension(ctx): Extension<OpContext>,
    Body(many): Body<ChangeRuns>,
) -> Result<Json<ChangedRuns>> {
    Ok(Json(runs::change(&ctx, &many).await?))
}

/// What it is called and tagged with, in place of what it was.
pub(super) async fn label(
    Extension(ctx): Extension<OpContext>,
    Ids(id): Ids<RunId>,
    Body(labels): Body<RunLabels>,
) -> Result<Json<RunLabels>> {
    Ok(Json(runs::label(&ctx, id, &labels).await?))
}

pub(super) async fn waiting(Extension(ctx): Extension<OpContext>, pages: Pages) -> Result<Response> {
    Ok(pages.answer(runs::waiting_for_me(&ctx, &pages.wanted).await?))
}

/// Gates that nobody can decide any more.
pub(super) async fn stuck(Extension(ctx): Extension<OpContext>) -> Result<Json<Vec<StuckGate>>> {
    Ok(Json(audience::stuck(&ctx).await?))
}

pub(super) async fn get(Extension(ctx): Extension<OpContext>, Ids(id): Ids<RunId>) -> Result<Json<RunView>> {
    Ok(Json(runs::get(&ctx, id).await?))
}

pub(super) async fn patch(
    Extension(ctx): Extension<OpContext>,
    Ids(id): Ids<RunId>,
    Once { key, prefer }: Once,
    Body(patch): Body<PatchRun>,
) -> Result<After> {
    after(&ctx, prefer, &runs::set_auto_run(&ctx, id, patch.auto_run, key).await?).await
}

pub(super) async fn pause(
    Extension(ctx): Extension<OpContext>,
    Ids(id): Ids<RunId>,
    Once { key, prefer }: Once,
) -> Result<After> {
    after(&ctx, prefer, &runs::pause(&ctx, id, key).await?).await
}

pub(super) async fn resume(
    Extension(ctx): Extension<OpContext>,
    Ids(id): Ids<RunId>,
    Once { key, prefer }: Once,
    Body(resume): Body<ResumeRun>,
) -> Result<After> {
    after(&ctx, prefer, &runs::resume(&ctx, id, resume, key).await?).await
}

pub(super) async fn cancel(
    Extension(ctx): Extension<OpContext>,
    Ids(id): Ids<RunId>,
    Once { key, prefer }: Once,
) -> Result<After> {
    after(&ctx, prefer, &runs::cancel(&ctx, id, key).await?).await
}

/// For admins: a run that was set aside goes on.
pub(super) async fn release(Extension(ctx): Extension<OpContext>, Ids(id): Ids<RunId>) -> Result<Json<RunView>> {
    Ok(Json(runs::release(&ctx, id).await?))
}

/// 201 with the new run, 200 when the same key and request were answered before.
pub(super) async fn fork(
    Extension(ctx): Extension<OpContext>,
    Ids(id): Ids<RunId>,
    Once { key, prefer }: Once,
    Body(fork): Body<ForkRun>,
) -> Result<(StatusCode, After)> {
    made(&ctx, prefer, runs::fork(&ctx, id, fork, key).await?).await
}

pub(super) async fn adopt(
    Extension(ctx): Extension<OpContext>,
    Ids(id): Ids<RunId>,
    Once { key, prefer }: Once,
    Body(adopt): Body<AdoptRun>,
) -> Result<After> {
    after(&ctx, prefer, &runs::adopt(&ctx, id, adopt, key).await?).await
}

pub(super) async fn move_to(
    Extension(ctx): Extension<OpContext>,
    Ids(id): Ids<RunId>,
    Once { key, prefer }: Once,
    Body(to): Body<MoveRun>,
) -> Result<Response> {
    Ok(match runs::move_to(&ctx, id, to, key).await? {
        Tried::Dry(plan) => Json(MoveAnswer::Dry(plan)).into_response(),
        Tried::Done(done) => after(&ctx, prefer, &done).await?.into_response(),
    })
}

/// This run on the left, the named one on the right.
pub(super) async fn compare(
    Extension(ctx): Extension<OpContext>,
    Ids(id): Ids<RunId>,
    Params(other): Params<Other>,
) -> Result<Json<Comparison>> {
    Ok(Json(runs::compare(&ctx, id, other.with).await?))
}

pub(super) async fn stale(
    Extension(ctx): Extension<OpContext>,
    Ids(id): Ids<RunId>,
) -> Result<Json<BTreeMap<StepKey, Staleness>>> {
    Ok(Json(runs::stale(&ctx, id).await?))
}

/// The audit log of the run, newest first.
pub(super) async fn events(
    Extension(ctx): Extension<OpContext>,
    Ids(id): Ids<RunId>,
    Both(Params(page), pages): Both<Params<Before>, Pages>,
) -> Result<Response> {
    let events = runs::events(&ctx, id, page.before).await?;
    // The first event of all is number 1.
    let earlier = events.last().map(|event| event.seq).filter(|seq| *seq > 1);
    Ok(pages.answer_from("before", Page { items: events, next: earlier.map(|seq| seq.to_string()) }))
}
