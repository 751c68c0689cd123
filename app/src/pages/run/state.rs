//! The live state of the page: the run as it is folded, the view of it, streamed text, and the chosen step. What changes is said aloud
//! by the canvas. Must never change the view but by events: those of the feed and those that a verb answers with are folded alike.

mod choosing;
mod derived;
mod feed;
mod folding;
mod held;
mod names;
mod pace;
mod refetch;

use std::collections::BTreeMap;

use leptos::prelude::*;
use workflow::{
    RunId, RunView, StepKey,
    api::{RunLabels, Staleness},
    replay,
    run::{State, state::Emails},
    title,
};

use self::{
    choosing::first_choice,
    derived::{order, stale_steps},
    folding::Folded,
    held::Meanwhile,
    names::Names,
};
pub(super) use self::{names::title_of, pace::pulse_of};
use super::{
    absences::{self, Absent},
    drafts::Drafts,
    streams::Streams,
    tellings::Tellings,
    touched::Touched,
    verbs::is_shown_to,
};
use crate::{
    api::LoadedRun,
    live::Connection,
    reactive::{memo, renewed},
    session::{Session, use_session},
    told::Told,
};

/// What is known of steps beside their events, as it comes: lossy, and gone with the page.
pub(super) struct Beside {
    pub tellings: Tellings,
    /// The steps that wait for a worker which is not there.
    pub absent: Absent,
}

#[derive(Clone, Copy)]
pub(in crate::pages) struct LiveRun {
    pub id: RunId,
    /// It is looked at as it was: nothing can be done about it.
    pub(super) is_past: bool,
    folded: StoredValue<Folded>,
    pub run: RwSignal<RunView>,
    /// All of the run is there. Of a large one the page comes with what is seen at first, and reads the rest.
    pub(super) is_whole: Memo<bool>,
    /// All steps of its definition are, so that it can be drawn.
    pub(super) has_graph: RwSignal<bool>,
    /// The step that it was opened on, of which all came with the page.
    opened_on: StoredValue<Option<StepKey>>,
    touched: Touched,
    pub selected: RwSignal<Option<StepKey>>,
    /// What a person chose last beside the graph, or by the address; told anew each time, also where it is the selected one already.
    pub chosen: RwSignal<Option<StepKey>>,
    /// The step that the page chose by itself: while it is the selected one, nobody has chosen another.
    pub(super) proposed: StoredValue<Option<StepKey>>,
    /// This person has decided at a gate of the run since the page was opened.
    pub(super) has_decided: RwSignal<bool>,
    pub streams: RwSignal<Streams>,
    /// What no event tells of steps.
    pub(super) beside: RwSignal<Beside>,
    /// As they were called when the run was read.
    names: StoredValue<Names>,
    /// Events since the timeline was opened, newest last; none while it is closed.
    pub news: RwSignal<Option<Vec<Told>>>,
    pub is_lost: Memo<bool>,
    /// What somebody called it and tagged it with, when it was read.
    pub(super) labels: RwSignal<RunLabels>,
    /// Who shared it with this person, when it was read.
    pub(super) shared_by: StoredValue<Option<String>>,
    /// It is somebody else's, and this person sees it by a group or a share, whether or not its gates ask them.
    looks_on: RwSignal<bool>,
    /// It is this person's to steer, whatever becomes of its gates.
    pub(super) is_theirs: bool,
    /// They do not see it any more: the share ended, they left the group, or it was deleted.
    pub(super) is_gone: RwSignal<bool>,
    /// What the run is called.
    pub name: Memo<String>,
    /// For the tab: what it is called and of which workflow it is, and whether it waits for a review.
    pub title: Signal<String>,
    /// The version of the workflow that is published now.
    published: RwSignal<Option<i32>>,
    /// False once nothing asks this person any more in a run of somebody else's, or it is gone: what it holds is not to be asked for then.
    pub is_shown: Memo<bool>,
    /// The stale steps and why they are; a moment behind the run. At first they are what the server found.
    pub stale: RwSignal<BTreeMap<StepKey, Staleness>>,
    /// The steps of the definition, each after what it waits for.
    pub order: Memo<Vec<StepKey>>,
    is_refetching: RwSignal<bool>,
    meanwhile: StoredValue<Meanwhile>,
    session: Session,
    /// Changes a few times a second while the run does.
    pulse: RwSignal<u32>,
    /// What was typed and not sent.
    pub(super) drafts: Drafts,
}

impl LiveRun {
    /// `wanted` is the step to look at first, if there is such a one.
    pub(in crate::pages) fn follow(loaded: LoadedRun, wanted: Option<StepKey>) -> Self {
        let LoadedRun {
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
            left_out,
            stale,
        } = loaded;
        let state = State::of(snapshot);
        let has_graph = left_out.as_ref().is_none_or(|left_out| left_out.has_all_steps);
        let view = RunView { left_out, ..state.view(&people) };
        let id = view.id;
        let wanted = wanted.filter(|key| view.step(key).is_some());
        let proposed = if wanted.is_some() { None } else { first_choice(&view) };
        let selected = RwSignal::new(wanted.clone().or_else(|| proposed.clone()));
        let run = RwSignal::new(view);
        let labels = RwSignal::new(labels);
        let in_tab =
            memo(move || labels.with(|labels| run.with(|run| title::with_workflow(run, labels.title.as_deref()))));
        let n_waiting = memo(move || run.with(RunView::n_waiting));
        let title = Signal::derive(move || match n_waiting.get() {
            0 => in_tab.get(),
            _ => format!("Review: {}", in_tab.get()),
        });
        let connection = RwSignal::new(Connection::Connecting);
        let pulse = pulse_of(move || run.track());
        let version = memo(move || run.with(|run| (run.template_version, run.run_definition.steps.len())));
        let session = use_session();
        session.take_groups(groups, acts_for);
        let me = session.user_untracked();
        // Whoever is shown a run that is not theirs sees it by a group or a share, and goes on seeing it until that ends.
        let looks_on = shared_by.is_some() || run.with_untracked(|run| !is_shown_to(run, me.as_ref()));
        let looks_on = RwSignal::new(looks_on);
        let is_theirs = me.is_some_and(|me| run.with_untracked(|run| me.may_run(run.user_id)));
        let is_gone = RwSignal::new(false);
        let live = Self {
            id,
            is_past: false,
            folded: StoredValue::new(Folded { state, people }),
            run,
            is_whole: memo(move || run.with(|run| run.left_out.is_none())),
            has_graph: RwSignal::new(has_graph),
            opened_on: StoredValue::new(selected.get_untracked()),
            touched: Touched::new(),
            selected,
            chosen: RwSignal::new(wanted),
            proposed: StoredValue::new(proposed),
            has_decided: RwSignal::new(false),
            streams: RwSignal::default(),
            beside: RwSignal::new(Beside { tellings: Tellings::default(), absent: absences::by_step(&absent) }),
            names: StoredValue::new(Names { groups: group_names, agents: agent_names }),
            news: RwSignal::default(),
            is_lost: memo(move || connection.get() == Connection::Lost),
            name: memo(move || labels.with(|labels| run.with(|run| title::title_of(run, labels.title.as_deref())))),
            labels,
            shared_by: StoredValue::new(shared_by),
            looks_on,
            is_theirs,
            is_gone,
            title,
            published: RwSignal::new(published_version),
            is_shown: memo(move || {
                !is_gone.get() && (looks_on.get() || session.with_user(|me| run.with(|run| is_shown_to(run, me))))
            }),
            stale: RwSignal::new(stale),
            order: memo(move || {
                // A memo that is only tracked, never read, would never look at the run.
                version.get();
                run.with_untracked(order)
            }),
            is_refetching: RwSignal::new(false),
            meanwhile: StoredValue::default(),
            session,
            pulse,
            drafts: Drafts::of(id),
        };
        live.begin(connection);
        live
    }

    /// The same run as it was, beside the live one: it follows no feed, and changes only by `show`. Which step is looked at is the same.
    pub(super) fn as_it_was(self, state: State, people: Emails) -> Self {
        let run = RwSignal::new(replay::as_it_was(&state, &people));
        let pulse = pulse_of(move || run.track());
        let version = memo(move || run.with(|run| run.template_version));
        Self {
            is_past: true,
            folded: StoredValue::new(Folded { state, people }),
            run,
            is_whole: memo(|| true),
            has_graph: RwSignal::new(true),
            touched: Touched::new(),
            streams: RwSignal::default(),
            beside: RwSignal::new(Beside { tellings: Tellings::default(), absent: Absent::default() }),
            news: RwSignal::default(),
            stale: renewed(move || pulse.track(), move || run.with_untracked(stale_steps)),
            order: memo(move || {
                version.get();
                run.with_untracked(order)
            }),
            // Never: what was does not change.
            is_refetching: RwSignal::new(true),
            pulse,
            ..self
        }
    }

    /// Another moment of it. For what `as_it_was` made alone.
    pub(super) fn show(self, state: State, people: Emails) {
        let view = replay::as_it_was(&state, &people);
        self.folded.set_value(Folded { state, people });
        self.run.set(view);
        self.touched.tell_all();
    }
}
