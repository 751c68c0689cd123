//! Runs: start, watch, and the verbs of a person on a whole run.
//! `key` makes a verb idempotent: a dialog draws it once, so that a second try after a lost answer has no second effect.
//! A verb answers with the events that it wrote: who follows the run folds them like any other.

use std::collections::{BTreeMap, BTreeSet};

use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use workflow::{
    AgentId, RunId, StepKey,
    access::Absent,
    api as wire,
    id::GroupId,
    run::{RunEvent, Snapshot, state::Emails},
    view::LeftOut,
};
#[cfg(feature = "ssr")]
use workflow::{
    run::{State, pieces::Pieces},
    staleness::staleness,
};

use super::{client::Limited, wire::Json};
use crate::{error::AppError, told::Told};

/// A run to follow: as it is, with the emails of those whom it names.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct LoadedRun {
    pub snapshot: Snapshot,
    pub people: Emails,
    /// The steps that wait for a worker which is not there.
    #[serde(default)]
    pub absent: Vec<wire::AbsentWorker>,
    /// Those that whoever looks is in by now: what they may do here goes by them.
    #[serde(default)]
    pub groups: BTreeSet<GroupId>,
    /// Those in whose place they decide by now.
    #[serde(default)]
    pub acts_for: Vec<Absent>,
    /// What those are called that its gates ask.
    #[serde(default)]
    pub group_names: BTreeMap<GroupId, String>,
    /// What the agents of its steps are called.
    #[serde(default)]
    pub agent_names: BTreeMap<AgentId, String>,
    /// The version of its workflow that whoever starts one now gets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published_version: Option<i32>,
    /// What somebody called it and tagged it with.
    #[serde(default)]
    pub labels: wire::RunLabels,
    /// The email of whoever shared it with whoever looks, who only looks then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared_by: Option<String>,
    /// What the snapshot leaves out of a large run that was opened; none where it is whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_out: Option<LeftOut>,
    /// The stale steps of a run that was opened: what finds them comes after its page. Of one that is not whole nobody says them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub stale: BTreeMap<StepKey, wire::Staleness>,
}

/// A whole run, to be put together in this order.
#[derive(Debug, Serialize, Deserialize)]
pub struct RunInPieces {
    /// Its snapshot has no steps yet, nor its definition.
    pub run: LoadedRun,
    /// Each is read by itself, as `Drawn`: so many steps at once would keep the page from everything else.
    pub drawn: Vec<Box<RawValue>>,
    /// Each as `Effects`.
    pub told: Vec<Box<RawValue>>,
}

/// So many steps, attempts or versions are in a piece: some milliseconds of a browser's time.
#[cfg(feature = "ssr")]
const PIECE: usize = 500;

/// A page of a run's log, for whoever folds it.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct LogPage {
    /// Oldest first.
    pub events: Vec<RunEvent>,
    /// Emails of those whom the events name.
    pub people: Emails,
}

/// What a verb did.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Done {
    /// The run was so far then.
    pub seq: i64,
    pub events: Vec<RunEvent>,
    /// Emails of those whom the events name.
    pub people: Emails,
}

#[cfg(feature = "ssr")]
pub(super) async fn done(ctx: &service::OpContext, done: service::runs::Done) -> Result<Done, AppError> {
    let (events, people) = service::runs::wire_after(ctx, &done).await?;
    Ok(Done { seq: done.seq, events, people })
}

/// The new run.
#[server(client = Limited, input = Json, output = Json)]
pub async fn start_run(start: wire::StartRun, key: Option<String>) -> Result<RunId, AppError> {
    Ok(service::runs::start(&expect_context(), start, key).await?.done.run)
}

/// My runs, newest first.
#[server(client = Limited, input = Json, output = Json)]
pub async fn my_runs(after: Option<String>) -> Result<wire::RunPage, AppError> {
    Ok(service::runs::list(&expect_context(), after, None).await?)
}

/// Runs that are asked for.
#[server(client = Limited, input = Json, output = Json)]
pub async fn list_runs(query: wire::RunQuery, after: Option<String>) -> Result<wire::Page<wire::ListedRun>, AppError> {
    Ok(service::runs::find(&expect_context(), &query, &service::Wanted::after(after)).await?)
}

/// What runs did, by day.
#[server(client = Limited, input = Json, output = Json)]
pub async fn run_totals(query: wire::TotalsQuery) -> Result<wire::RunTotals, AppError> {
    Ok(service::runs::totals(&expect_context(), &query).await?)
}

/// What a run was started with.
#[server(client = Limited, input = Json, output = Json)]
pub async fn run_inputs(id: RunId) -> Result<wire::RunInputs, AppError> {
    Ok(service::runs::inputs(&expect_context(), id).await?)
}

/// What a run is called and tagged with from now on.
#[server(client = Limited, input = Json, output = Json)]
pub async fn label_run(id: RunId, labels: wire::RunLabels) -> Result<wire::RunLabels, AppError> {
    Ok(service::runs::label(&expect_context(), id, &labels).await?)
}

/// Cancels many runs, or archives them or takes them back; dry: which of them.
#[server(client = Limited, input = Json, output = Json)]
pub async fn change_runs(many: wire::ChangeRuns) -> Result<wire::ChangedRuns, AppError> {
    Ok(service::runs::change(&expect_context(), &many).await?)
}

/// Of a large run what is seen of it at first, with the step that is to be looked at: the page has to bring it along.
#[server(client = Limited, input = Json, output = Json)]
pub async fn open_run(id: RunId, step: Option<StepKey>) -> Result<LoadedRun, AppError> {
    let mut run = loaded(&expect_context(), id).await?;
    if let Some((snapshot, left_out)) = run.snapshot.glance(step.as_ref()) {
        let kept: BTreeSet<&StepKey> = snapshot.data.steps.iter().map(|step| &step.key).collect();
        run.absent.retain(|absent| kept.contains(&absent.step));
        run.snapshot = snapshot;
        run.left_out = Some(left_out);
    } else {
        run.stale = staleness(&State::of(run.snapshot.clone()).view(&run.people));
    }
    Ok(run)
}

#[server(client = Limited, input = Json, output = Json)]
pub async fn get_run(id: RunId) -> Result<LoadedRun, AppError> {
    loaded(&expect_context(), id).await
}

/// The same for whoever reads it while a page is in use.
#[server(client = Limited, input = Json, output = Json)]
pub async fn whole_run(id: RunId) -> Result<RunInPieces, AppError> {
    let run = loaded(&expect_context(), id).await?;
    let Pieces { head: snapshot, drawn, told } = run.snapshot.into_pieces(PIECE);
    let (drawn, told) = (written(&drawn)?, written(&told)?);
    Ok(RunInPieces { run: LoadedRun { snapshot, ..run }, drawn, told })
}

#[cfg(feature = "ssr")]
fn written<T: Serialize>(pieces: &[T]) -> Result<Vec<Box<RawValue>>, AppError> {
    let written = pieces.iter().map(serde_json::value::to_raw_value).collect::<Result<Vec<_>, serde_json::Error>>();
    written.map_err(|error| AppError::from_server_fn_error(ServerFnErrorErr::Serialization(error.to_string())))
}

#[cfg(feature = "ssr")]
async fn loaded(ctx: &service::OpContext, id: RunId) -> Result<LoadedRun, AppError> {
    let (snapshot, people) = service::runs::snapshot(ctx, id).await?;
    let absent = service::workers::absent(ctx, id).await?;
    let (groups, acts_for) =
        ctx.actor().map(|actor| (actor.groups.clone(), actor.acts_for.clone())).unwrap_or_default();
    let group_names = service::runs::group_names(ctx, &snapshot).await?;
    let agent_names = service::runs::agent_names(ctx, &snapshot).await?;
    let published_version = service::runs::published_version(ctx, &snapshot).await?;
    let labels = service::runs::labels_of(ctx, id).await?;
    let shared_by = service::runs::shared_by(ctx, &snapshot).await?;
    Ok(LoadedRun {
        snapshot,
        people,
        absent,
        groups,
        acts_for,
        group_names,
        agent_names,
        published_version,
        labels,
        shared_by,
        left_out: None,
        stale: BTreeMap::new(),
    })
}

/// The newest events up to `before`, newest first, for the timeline.
#[server(client = Limited, input = Json, output = Json)]
pub async fn run_events(id: RunId, before: Option<i64>) -> Result<Vec<Told>, AppError> {
    let events = service::runs::events(&expect_context(), id, before).await?;
    Ok(events.iter().map(Told::of).collect())
}

/// The events after `after`, oldest first, as they are folded.
#[server(client = Limited, input = Json, output = Json)]
pub async fn run_log(id: RunId, after: i64) -> Result<LogPage, AppError> {
    let (events, people) = service::runs::log(&expect_context(), id, after).await?;
    Ok(LogPage { events, people })
}

#[server(client = Limited, input = Json, output = Json)]
pub async fn set_auto_run(id: RunId, auto_run: bool, key: Option<String>) -> Result<Done, AppError> {
    let ctx = expect_context();
    done(&ctx, service::runs::set_auto_run(&ctx, id, auto_run, key).await?).await
}

#[server(client = Limited, input = Json, output = Json)]
pub async fn pause_run(id: RunId, key: Option<String>) -> Result<Done, AppError> {
    let ctx = expect_context();
    done(&ctx, service::runs::pause(&ctx, id, key).await?).await
}

#[server(client = Limited, input = Json, output = Json)]
pub async fn resume_run(id: RunId, resume: wire::ResumeRun, key: Option<String>) -> Result<Done, AppError> {
    let ctx = expect_context();
    done(&ctx, service::runs::resume(&ctx, id, resume, key).await?).await
}

#[server(client = Limited, input = Json, output = Json)]
pub async fn cancel_run(id: RunId, key: Option<String>) -> Result<Done, AppError> {
    let ctx = expect_context();
    done(&ctx, service::runs::cancel(&ctx, id, key).await?).await
}

/// The new run.
#[server(client = Limited, input = Json, output = Json)]
pub async fn fork_run(id: RunId, fork: wire::ForkRun, key: Option<String>) -> Result<RunId, AppError> {
    Ok(service::runs::fork(&expect_context(), id, fork, key).await?.done.run)
}

/// Takes versions of another run over into this one.
#[server(client = Limited, input = Json, output = Json)]
pub async fn adopt_run(id: RunId, adopt: wire::AdoptRun, key: Option<String>) -> Result<Done, AppError> {
    let ctx = expect_context();
    done(&ctx, service::runs::adopt(&ctx, id, adopt, key).await?).await
}

/// Goes on with another published version, or only says what that would mean.
#[server(client = Limited, input = Json, output = Json)]
pub async fn move_run(id: RunId, to: wire::MoveRun, key: Option<String>) -> Result<Moved, AppError> {
    let ctx = expect_context();
    Ok(match service::runs::move_to(&ctx, id, to, key).await? {
        service::runs::Tried::Dry(plan) => Moved { plan: Some(plan), done: None },
        service::runs::Tried::Done(moved) => Moved { plan: None, done: Some(done(&ctx, moved).await?) },
    })
}

/// What moving would mean, or what it did.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Moved {
    pub plan: Option<wire::MovePlan>,
    pub done: Option<Done>,
}

#[server(client = Limited, input = Json, output = Json)]
pub async fn compare_runs(left: RunId, right: RunId) -> Result<wire::Comparison, AppError> {
    Ok(service::runs::compare(&expect_context(), left, right).await?)
}
