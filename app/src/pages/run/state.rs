//! The live state of the page: the run as it is folded, the view of it, streamed text, and the chosen step. What changes is said aloud
//! by the canvas. Must never change the view but by events: those of the feed and those that a verb answers with are folded alike.

use std::{collections::BTreeMap, time::Duration};

use leptos::{prelude::*, task::spawn_local};
use workflow::{
    AgentId, RunId, RunView, StepKey, StepStatus,
    api::{ErrorCode, EventView, Follow, RunFrame, RunLabels, Staleness, Telling},
    graph::Graph,
    id::GroupId,
    replay,
    run::{
        RunEvent, State,
        glance::{first_look, with_all_steps},
        state::Emails,
    },
    staleness::staleness,
    title,
    view::{Applied, Feedback, StepView},
};

use super::{
    absences::{self, Absent, is_of},
    anew::Anew,
    drafts::Drafts,
    streams::Streams,
    tellings::Tellings,
    touched::Touched,
    verbs::is_shown_to,
    whole::{self, Whole},
};
use crate::reactive::{effect, effect_with, memo, renewed};
use crate::{
    api::{Done, LoadedRun},
    error::AppError,
    link::{Link, use_link},
    live::{Connection, follow_run},
    session::{Session, use_session},
    told::Told,
};

/// How often what is derived from the whole run is worked out anew, while it changes.
const PULSE: Duration = Duration::from_millis(150);
/// After a refetch that failed.
const REFETCH_AFTER: Duration = Duration::from_secs(3);
/// A feed that is lost alone is mostly open again by then; else it is asked what became of the run.
const ASK_AFTER: Duration = Duration::from_secs(2);
/// What came while the run was read is kept, up to so many events: then what is missing is read once more.
const MOST_HELD: usize = 10_000;
/// So long the feed has to bring what lies between what is shown and what a verb answered.
const CATCH_UP_WITHIN: Duration = Duration::from_secs(1);

/// What events are folded into. Nothing follows it: what is shown is the view.
struct Folded {
    state: State,
    /// Emails of everybody who was named so far.
    people: Emails,
}

/// What is kept until the run was read.
#[derive(Default)]
struct Meanwhile {
    /// The feed said that what is shown may never have been.
    anew: Anew,
    /// Events that are to be folded then.
    held: Vec<(RunEvent, Emails)>,
}

/// What is known of steps beside their events, as it comes: lossy, and gone with the page.
pub(super) struct Beside {
    pub tellings: Tellings,
    /// The steps that wait for a worker which is not there.
    pub absent: Absent,
}

/// What people call those that the run names by their ids.
struct Names {
    groups: BTreeMap<GroupId, String>,
    agents: BTreeMap<AgentId, String>,
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
    /// The stale steps and why they are; a moment behind the run.
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
            // Each row of the list of steps follows it.
            stale: renewed(move || pulse.track(), move || run.with_untracked(stale_steps)),
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
        let feed = follow_run(id, move || live.known(), move |frame| live.take(frame));
        effect(move || connection.set(feed.get()));
        live.ask_when_lost();
        effect(move || {
            // What was refused since the session had ended is asked for again after a new sign-in.
            session.epoch();
            if live.is_part() == Some(true) || live.is_told_anew() {
                live.refetch();
            }
        });
        live
    }

    /// The last event that is folded.
    fn known(self) -> Follow {
        self.folded.with_value(|folded| Follow { after: folded.state.seq, told_at: Some(folded.state.at) })
    }

    /// A feed that is gone may say that the run is, or is not to be seen any more.
    fn ask_when_lost(self) {
        // The feed of somebody who only looks ends with their right to: whether it was that is asked at once.
        effect(move || {
            if self.looks_on.get() && self.is_lost.get() {
                self.refetch();
            }
        });
        // Of one's own run it ends when the run is deleted, or with all else when the server is away, which the shell says.
        let link = use_link();
        effect(move || {
            if self.is_theirs && self.is_lost.get() && !link.is_some_and(Link::is_lost) {
                let ask = move || {
                    if self.is_lost.try_get_untracked() == Some(true) {
                        self.refetch();
                    }
                };
                if let Ok(timer) = set_timeout_with_handle(ask, ASK_AFTER) {
                    on_cleanup(move || timer.clear());
                }
            }
        });
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

    /// A person wants to look at this step.
    pub(in crate::pages) fn choose(self, key: StepKey) {
        self.proposed.set_value(None);
        self.selected.set(Some(key.clone()));
        self.chosen.set(Some(key));
    }

    /// Goes where the page leads while nobody has chosen a step.
    pub(super) fn propose(self) {
        let first = self.run.with_untracked(first_choice);
        self.proposed.set_value(first.clone());
        self.selected.set(first);
    }

    /// The version of the workflow that is published now, where it is newer than the run's. Of a try there is none.
    pub(super) fn newer_version(self) -> Option<i32> {
        let published = self.published.get()?;
        self.run.with(|run| (!run.is_test && published > run.template_version).then_some(published))
    }

    fn take(self, frame: &RunFrame) {
        match frame {
            RunFrame::Event { event, people } => {
                if self.is_told_anew() {
                    self.hold(event, people);
                } else if self.fold(event, people) == Some(Applied::Gap) {
                    self.refetch();
                }
            }
            RunFrame::Delta(delta) => self.streams.update(|streams| streams.add(delta)),
            RunFrame::Resync => {
                // What was kept may be of what never was.
                self.meanwhile.try_update_value(|meanwhile| {
                    meanwhile.held.clear();
                    meanwhile.anew.begin();
                });
                self.refetch();
            }
            RunFrame::Telling(telling) => self.hear(telling),
            RunFrame::Absent { absent } => self.beside.update(|beside| beside.absent = absences::by_step(absent)),
            RunFrame::Beat(_) => {}
        }
    }

    /// Takes in what an attempt says, unless it is known to be over.
    fn hear(self, telling: &Telling) {
        let is_over = self.run.with_untracked(|run| {
            let last = run.step(&telling.step).and_then(|step| step.attempts.last());
            last.is_some_and(|last| {
                last.number > telling.attempt || (last.number == telling.attempt && last.outcome.is_some())
            })
        });
        if !is_over {
            self.beside.update(|beside| beside.tellings.add(telling));
        }
    }

    /// Whether it is not all there yet; none once the page is gone.
    fn is_part(self) -> Option<bool> {
        self.run.try_with_untracked(|run| run.left_out.is_some())
    }

    /// Whether what is shown may never have been, and is yet to be read again.
    fn is_told_anew(self) -> bool {
        self.meanwhile.try_with_value(|meanwhile| meanwhile.anew.is_told()) == Some(true)
    }

    /// Whether all of a step is there: what it did and made. Follows the run until it is.
    pub(super) fn has_all_of(self, key: &StepKey) -> bool {
        self.opened_on.with_value(|opened| opened.as_ref() == Some(key)) || self.is_whole.get()
    }

    /// Keeps an event until the run was read: what is there now cannot take it in.
    fn hold(self, event: &RunEvent, people: &Emails) {
        self.meanwhile.try_update_value(|Meanwhile { held, .. }| {
            if held.len() == MOST_HELD {
                held.clear();
            }
            held.push((event.clone(), people.clone()));
        });
    }

    /// Takes in an event. None once the page is gone.
    fn fold(self, event: &RunEvent, people: &Emails) -> Option<Applied> {
        if self.is_part()? {
            self.hold(event, people);
            return Some(Applied::AlreadyKnown);
        }
        let applied = self.folded.try_update_value(|folded| {
            let applied = folded.state.apply(event);
            if applied == Applied::Changed {
                folded.people.extend(people.clone());
            }
            applied
        })?;
        if applied == Applied::Gap {
            self.hold(event, people);
        }
        if applied == Applied::Changed {
            self.folded.try_with_value(|folded| {
                self.run.try_update(|run| run.refresh(&folded.state, event, &folded.people));
            })?;
            if event.data.started.is_some() || event.data.moved.is_some() {
                self.touched.tell_all();
            } else {
                self.touched.tell(event.data.touched());
            }
            self.news.try_update(|news| {
                if let Some(news) = news {
                    news.push(Told::of(&EventView::of(event, people)));
                }
            });
            self.forget_attempts(event);
            self.forget_absent(event);
            self.look_at(event);
        }
        Some(applied)
    }

    /// Goes to the step that begins to want a person, if nobody has chosen where to look and nothing there wants one.
    fn look_at(self, event: &RunEvent) {
        let wants = |status: StepStatus| matches!(status, StepStatus::AwaitingReview | StepStatus::Failed);
        let now = self.selected.get_untracked();
        if now.is_none() || now != self.proposed.get_value() || dialog_is_open() {
            return;
        }
        let is_needed = |key: &StepKey| self.run.with_untracked(|run| run.step(key).is_some_and(|it| wants(it.status)));
        let next = event.data.steps.iter().find(|step| wants(step.status.word())).map(|step| step.key.clone());
        if let Some(next) = next.filter(|_| !now.as_ref().is_some_and(is_needed)) {
            self.proposed.set_value(Some(next.clone()));
            self.selected.set(Some(next));
        }
    }

    /// Reads the whole run again: something was missed.
    pub(in crate::pages) fn refetch(self) {
        if self.is_refetching.try_get_untracked() != Some(false) {
            return;
        }
        self.is_refetching.set(true);
        let asked = self.meanwhile.try_with_value(|meanwhile| meanwhile.anew).unwrap_or_default();
        spawn_local(async move {
            let graph = self.has_graph.try_get_untracked() == Some(false);
            let is_behind = match whole::read(self.id, graph.then_some(move |all| self.draw(all))).await {
                Ok(run) => self.load(run, asked),
                Err(error) => {
                    self.session.note(&error);
                    if (self.is_theirs || self.looks_on.try_get_untracked() == Some(true))
                        && error.code() == ErrorCode::NotFound
                    {
                        self.is_gone.try_set(true);
                    }
                    if error.may_try_again() {
                        // What was missed is still missing.
                        set_timeout(move || self.refetch(), REFETCH_AFTER);
                    }
                    false
                }
            };
            self.is_refetching.try_set(false);
            if is_behind {
                self.refetch();
            }
        });
    }

    /// All steps are there to be drawn, while what they did and made is still being read.
    fn draw(self, all: RunView) {
        if self.is_part() == Some(true) {
            self.run.try_update(|run| *run = with_all_steps(run, all));
            self.touched.tell_all();
            self.show_graph();
        }
    }

    /// In a frame of its own: the list of steps is there before.
    fn show_graph(self) {
        if self.has_graph.try_get_untracked() == Some(false) {
            request_animation_frame(move || {
                self.has_graph.try_set(true);
            });
        }
    }

    /// The run as it was read again, asked for at `asked`; the feed may have brought more since. Whether it has to be read once more at
    /// once.
    fn load(self, whole: Whole, asked: Anew) -> bool {
        let Whole { run: loaded, state, view } = whole;
        self.session.take_groups(loaded.groups, loaded.acts_for);
        self.names.try_set_value(Names { groups: loaded.group_names, agents: loaded.agent_names });
        self.published.try_set(loaded.published_version);
        self.labels.try_set(loaded.labels);
        self.beside.try_update(|beside| beside.absent = absences::by_step(&loaded.absent));
        let was_part = self.is_part() == Some(true);
        let is_taken = self.folded.try_update_value(|folded| {
            let is_taken = was_part || asked.takes(state.seq, folded.state.seq);
            if is_taken {
                *folded = Folded { state, people: loaded.people };
            }
            is_taken
        });
        if is_taken == Some(true) {
            self.run.try_set(view);
            self.touched.tell_all();
        }
        if was_part {
            self.find_what_asks();
        }
        self.show_graph();
        if self.meanwhile.try_update_value(|meanwhile| meanwhile.anew.has_read(asked)) == Some(true) {
            return true;
        }
        let held = self.meanwhile.try_update_value(|meanwhile| std::mem::take(&mut meanwhile.held)).unwrap_or_default();
        let mut has_gap = false;
        for (event, people) in &held {
            has_gap |= self.fold(event, people) == Some(Applied::Gap);
        }
        if has_gap {
            // What lies before is missing still. It may never come by reading: then the feed says so.
            set_timeout(move || self.refetch(), CATCH_UP_WITHIN);
        }
        false
    }

    /// A gate that asks this person may have been among what was left out: then they see the run by it, and not as a group does.
    fn find_what_asks(self) {
        let me = self.session.user_untracked();
        let is_asked = self.run.try_with_untracked(|run| is_shown_to(run, me.as_ref())) == Some(true);
        if is_asked && self.shared_by.try_get_value().flatten().is_none() {
            self.looks_on.try_set(false);
        }
    }

    /// What a verb did; the feed may have brought it already.
    pub(super) fn done(self, done: &Done) {
        for event in &done.events {
            if self.fold(event, &done.people) == Some(Applied::Gap) {
                break;
            }
        }
        // What others did in between comes by the feed, where there is one.
        if !self.has(done.seq) {
            let (seq, wait) = (done.seq, if self.is_lost.get_untracked() { Duration::ZERO } else { CATCH_UP_WITHIN });
            let catch_up = move || {
                if !self.has(seq) {
                    self.refetch();
                }
            };
            set_timeout(catch_up, wait);
        }
    }

    /// Whether all up to there is folded, or nobody looks any more.
    fn has(self, seq: i64) -> bool {
        self.folded.try_with_value(|folded| folded.state.seq >= seq).unwrap_or(true)
    }

    /// Follows a verb's action: its answer is folded in, and its error is given to show.
    pub(in crate::pages) fn verb<I: Send + Sync + 'static>(
        self,
        action: Action<I, Result<Done, AppError>>,
        on_ok: impl Fn() + Send + Sync + 'static,
    ) -> Signal<Option<AppError>> {
        crate::form::outcome(action, move |answer| {
            self.done(&answer);
            on_ok();
        })
    }

    /// Reads the run again a few times a second: for what is derived from thousands of steps.
    pub(in crate::pages) fn slowly<R>(self, read: impl FnOnce(&RunView) -> R) -> R {
        self.pulse.track();
        self.run.with_untracked(read)
    }

    /// What people call a step; an unknown one by its key.
    pub(in crate::pages) fn title_of(self, key: &StepKey) -> String {
        self.run.with(|run| title_of(run, key))
    }

    /// What people call a group; an unknown one by its id.
    pub(super) fn group_name(self, id: &str) -> String {
        self.names.with_value(|names| names.groups.get(id).cloned()).unwrap_or_else(|| id.to_owned())
    }

    /// What people call an agent; an unknown one by its id.
    pub(super) fn agent_name(self, id: &AgentId) -> String {
        self.names.with_value(|names| names.agents.get(id).cloned()).unwrap_or_else(|| id.saved().to_owned())
    }

    /// The same of all of them, by their ids.
    pub(super) fn agent_names(self) -> BTreeMap<AgentId, String> {
        self.names.with_value(|names| names.agents.clone())
    }

    /// What was said when results of a step were sent back, by the generation that each began. Follows nothing.
    pub(super) fn sent_back(self, key: &StepKey) -> BTreeMap<i32, Feedback> {
        self.folded.with_value(|folded| {
            let sent_back = folded.state.rejections(key).iter().filter(|rejection| !rejection.is_last);
            sent_back.map(|rejection| (rejection.generation + 1, rejection.view(&folded.people))).collect()
        })
    }

    pub(in crate::pages) fn step(self, key: &StepKey) -> Option<StepView> {
        self.touched.follow(key);
        self.run.with_untracked(|run| run.step(key).cloned())
    }

    /// What is no longer ready waits for no worker, and what no longer runs has none; the feed says so only a moment later.
    fn forget_absent(self, event: &RunEvent) {
        for step in &event.data.steps {
            let is_over = self.beside.with_untracked(|beside| {
                beside.absent.get(&step.key).is_some_and(|absent| !is_of(absent, step.status.word(), false))
            });
            if is_over {
                self.beside.update(|beside| {
                    beside.absent.remove(&step.key);
                });
            }
        }
    }

    /// What is over says no more, and what it made and logged is kept elsewhere.
    fn forget_attempts(self, event: &RunEvent) {
        for attempt in event.data.attempts.iter().filter(|attempt| attempt.outcome.is_some()) {
            if self.streams.with_untracked(|streams| streams.text(&attempt.step, attempt.number).is_some()) {
                self.streams.update(|streams| streams.forget(&attempt.step, attempt.number));
            }
            if self.beside.with_untracked(|beside| beside.tellings.knows(&attempt.step, attempt.number)) {
                self.beside.update(|beside| beside.tellings.forget(&attempt.step, attempt.number));
            }
        }
    }
}

/// Follows something at a bounded pace.
pub(super) fn pulse_of(track: impl Fn() + 'static) -> RwSignal<u32> {
    let pulse = RwSignal::new(0_u32);
    let is_due = StoredValue::new(false);
    effect_with(move |before: Option<()>| {
        track();
        if before.is_none() || is_due.get_value() {
            return;
        }
        is_due.set_value(true);
        set_timeout(
            move || {
                if is_due.try_update_value(|is_due| *is_due = false).is_some() {
                    pulse.update(|pulse| *pulse = pulse.wrapping_add(1));
                }
            },
            PULSE,
        );
    });
    pulse
}

/// What people call a step of a run.
pub(super) fn title_of(run: &RunView, key: &StepKey) -> String {
    run.step(key).map_or_else(|| key.to_string(), |step| step.title.clone())
}

/// Somebody is in the middle of something.
fn dialog_is_open() -> bool {
    document().query_selector("dialog[open]").ok().flatten().is_some()
}

/// Where to look first.
fn first_choice(run: &RunView) -> Option<StepKey> {
    if let Some(left_out) = &run.left_out {
        return left_out.first.clone();
    }
    let order = order(run);
    let statuses = run.steps.iter().map(|step| (&step.key, step.status));
    first_look(&order.iter().collect::<Vec<_>>(), run.status.is_terminal(), statuses)
}

/// None while not all is there that it follows from.
fn stale_steps(run: &RunView) -> BTreeMap<StepKey, Staleness> {
    if run.left_out.is_some() { BTreeMap::new() } else { staleness(run) }
}

fn order(run: &RunView) -> Vec<StepKey> {
    let order: Vec<StepKey> = match Graph::of(&run.run_definition).order() {
        Ok(order) => order.into_iter().cloned().collect(),
        // A published definition has no cycle; by key is still a list.
        Err(_) => run.steps.iter().map(|step| step.key.clone()).collect(),
    };
    if run.left_out.is_none() {
        return order;
    }
    // The step that is looked at may be there without what it waits for: it stands behind the first ones, as it does in the whole list.
    let steps = &run.run_definition.steps;
    let stands = |key: &StepKey| {
        let step = steps.get(key);
        step.is_none_or(|step| step.direct_dependencies().into_iter().all(|before| steps.contains_key(before)))
    };
    let (first, apart): (Vec<_>, Vec<_>) = order.into_iter().partition(stands);
    [first, apart].concat()
}
