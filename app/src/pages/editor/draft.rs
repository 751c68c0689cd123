//! The draft on the page: what the panels read and change, and the findings of the validator about it.
//! Every change of it goes through `apply`, so that it can be undone; name and description are fields that are tied to it.

use std::{collections::BTreeSet, time::Duration};

use canvas::{Document, Edit};
use leptos::{leptos_dom::helpers::TimeoutHandle, prelude::*, task::spawn_local};
use workflow::{
    AgentCatalog, AgentSpec, Definition, Problem, Step, StepKey, TemplateId,
    api::TemplateView,
    merge::{Choices, Conflict, Merged, merge},
    people::{self, GroupStanding, Named, People, Standing},
};

use super::{content::Live, keep, saving::Saving};
use crate::{
    api,
    canvas_view::EditorHandle,
    components::{Toasts, dom::window_width, use_toasts},
    later::{later, once_drawn},
    reactive::{effect, effect_with, memo, tie},
    session::{Session, use_session},
};

/// Windows narrower than this show one part in place of the others, as the style sheet knows.
pub(super) const NARROW: f64 = 900.0;
/// Steps from which validating waits for a pause in the typing.
const MANY_STEPS: usize = 300;
const PAUSE: Duration = Duration::from_millis(300);

type Validate = fn(&Definition, &AgentCatalog) -> Vec<Problem>;
/// Makes one draft of what edits began from, of mine and of theirs, which few visits need.
pub(super) type Merge = fn(&Document, &Document, &Document, &Choices) -> Result<Merged, Vec<Conflict>>;

later! {
    more: validator, Validate, problems_in;
    more: merger, Merge, merge;
}

fn problems_in(definition: &Definition, agents: &AgentCatalog) -> Vec<Problem> {
    workflow::validate(definition, agents).1
}

#[derive(Clone, Copy)]
pub(super) struct Draft {
    pub id: TemplateId,
    /// Where what is not saved is kept, of whoever opened it; nowhere where nobody is known.
    pub kept_in: Option<keep::Place>,
    pub handle: EditorHandle,
    pub name: RwSignal<String>,
    pub description: RwSignal<String>,
    pub catalog: RwSignal<AgentCatalog>,
    /// Until the validator is there, those that came with the page.
    pub problems: RwSignal<Vec<Problem>>,
    validator: Signal<Option<Validate>>,
    /// What takes in what somebody else saved, once it is there.
    pub merger: Signal<Option<Merge>>,
    /// What only the server can find, as of the last save.
    of_server: RwSignal<Vec<Problem>>,
    /// What is known of those whom the gates ask.
    people: RwSignal<People>,
    pub live: RwSignal<Live>,
    pub saving: Saving,
    pub session: Session,
    pub toasts: Toasts,
    /// Which part is in front on narrow screens.
    pub shown: RwSignal<String>,
    /// The step of the list that a new one is asked for from: the list has the keyboard again afterwards.
    pub asked_from: StoredValue<Option<StepKey>>,
    pause: StoredValue<Option<TimeoutHandle>>,
    /// Something was to be validated before there was what does it.
    is_unvalidated: StoredValue<bool>,
    /// The steps that were there when the page was opened: a version may have them.
    loaded: StoredValue<BTreeSet<StepKey>>,
    /// The revision of the canvas for which its past was kept last.
    pub kept_at: StoredValue<Option<u64>>,
}

impl Draft {
    pub(super) fn open(template: TemplateView, agents: AgentCatalog) -> Self {
        let saving = Saving::new(&template);
        let problems = template.problems.clone();
        let live = Live::of(&template);
        let loaded = template.definition.steps.keys().cloned().collect();
        // Of thousands of steps a copy takes as long as a frame, and its room is never given back.
        let document = Document {
            name: template.name.clone(),
            description: template.description.clone(),
            definition: template.definition,
        };
        let handle = EditorHandle::new(document, agents.clone());
        handle.set_problems(problems.clone());
        let session = use_session();
        let kept_in = session.user_untracked().map(|owner| keep::Place { owner: owner.id, template: template.id });
        let draft = Self {
            id: template.id,
            kept_in,
            handle,
            name: RwSignal::new(template.name),
            description: RwSignal::new(template.description),
            catalog: RwSignal::new(agents),
            of_server: RwSignal::new(of_server(&problems)),
            people: RwSignal::new(People::default()),
            problems: RwSignal::new(problems),
            validator: once_drawn(validator),
            merger: once_drawn(merger),
            is_unvalidated: StoredValue::new(false),
            live: RwSignal::new(live),
            saving,
            session,
            toasts: use_toasts(),
            shown: RwSignal::new("canvas".to_owned()),
            asked_from: StoredValue::new(None),
            pause: StoredValue::new(None),
            loaded: StoredValue::new(loaded),
            kept_at: StoredValue::new(None),
        };
        draft.tie(draft.name, |document| document.name.clone(), Edit::SetName, "Rename workflow");
        draft.tie(
            draft.description,
            |document| document.description.clone(),
            Edit::SetDescription,
            "Change description",
        );
        draft
    }

    /// Ties a field to a text of the document: typing changes it, undo comes back into the field.
    fn tie(self, text: RwSignal<String>, read: fn(&Document) -> String, edit: fn(String) -> Edit, label: &'static str) {
        let known = memo(move || self.handle.with_document(read));
        tie(known, text, move |now| {
            self.apply(edit(now), label);
        });
    }

    /// Begins to validate what changes.
    pub(super) fn follow(self) {
        // What was kept of an earlier visit may be taken up before the first turn.
        let opened = self.handle.revision().get_untracked();
        effect_with(move |before: Option<(u64, bool)>| {
            let now = (self.handle.revision().get(), self.validator.with(Option::is_some));
            self.catalog.track();
            let (revision, could_validate) = before.unwrap_or((opened, false));
            // The page came with what the server found. As long as nothing was changed, all that is new is what validates.
            let has_only_come = before.is_none() || (now.1 && !could_validate);
            if has_only_come && now.0 == revision && !self.is_unvalidated.get_value() {
                return now;
            }
            self.clear_pause();
            let n_steps = self.handle.with_definition_untracked(|definition| definition.steps.len());
            if n_steps < MANY_STEPS {
                self.validate();
            } else {
                self.pause.set_value(set_timeout_with_handle(move || self.validate(), PAUSE).ok());
            }
            now
        });
        on_cleanup(move || self.clear_pause());
        self.follow_people();
    }

    /// Asks about those whom the gates name and of whom nothing is known yet.
    fn follow_people(self) {
        let asked = StoredValue::new(Named::default());
        effect(move || {
            self.handle.revision().track();
            let named = self.handle.with_definition_untracked(people::named);
            let new = asked.with_value(|asked| named.without(asked));
            if new.is_empty() {
                return;
            }
            asked.update_value(|asked| *asked = std::mem::take(asked).with(&new));
            spawn_local(async move {
                match api::people_standing(new.clone()).await {
                    Ok(known) => {
                        if self.people.try_update(|people| people.extend(known)).is_some() {
                            self.validate();
                        }
                    }
                    Err(error) => {
                        self.session.note(&error);
                        // Asked again with the next edit. Publishing judges in any case.
                        asked.try_update_value(|asked| *asked = asked.without(&new));
                    }
                }
            });
        });
    }

    /// Takes in what the server found with a save.
    pub(super) fn hear(self, problems: &[Problem]) {
        let new = of_server(problems);
        if self.of_server.try_with_untracked(|known| *known != new) == Some(true) {
            self.of_server.set(new);
            self.validate();
        }
    }

    pub(super) fn standing(self, email: &str) -> Option<Standing> {
        self.people.with(|people| people.standing(email))
    }

    /// Whoever was offered is known.
    pub(super) fn note_person(self, email: &str, standing: Standing) {
        self.people.update(|people| people.set(email, standing));
    }

    pub(super) fn group_standing(self, id: &str) -> Option<GroupStanding> {
        self.people.with(|people| people.group(id).cloned())
    }

    fn clear_pause(self) {
        if let Some(timer) = self.pause.try_update_value(Option::take).flatten() {
            timer.clear();
        }
    }

    fn validate(self) {
        // Once it has come, what changed meanwhile is validated by it.
        let Some(validate) = self.validator.try_get_untracked().flatten() else {
            self.is_unvalidated.try_set_value(true);
            return;
        };
        let problems = self.catalog.try_with_untracked(|agents| {
            self.handle.with_definition_untracked(|definition| {
                let mut problems = validate(definition, agents);
                let of_server = self.of_server.get_untracked();
                let is_there =
                    |problem: &Problem| problem.step.as_ref().is_none_or(|key| definition.steps.contains_key(key));
                problems.extend(of_server.into_iter().filter(is_there));
                problems.extend(self.people.with_untracked(|people| people::problems(definition, people)));
                problems.sort_by_key(|problem| problem.severity);
                problems
            })
        });
        if let Some(problems) = problems {
            self.handle.set_problems(problems.clone());
            self.problems.set(problems);
        }
    }

    pub(super) fn content(self) -> Document {
        self.handle.with_document_untracked(Clone::clone)
    }

    /// Shows another state of the whole workflow; nothing before it can be undone.
    pub(super) fn show(self, content: Document) {
        if self.handle.with_document_untracked(|document| *document != content) {
            self.handle.replace(content);
        }
    }

    /// Where something lies over the canvas, nobody sees what is said there: then it is a toast too. `covers` is asked which part is in front.
    pub(super) fn toast_refusals_while(self, covers: fn(&str) -> bool) {
        let refused = self.handle.refused();
        effect(move || {
            let is_covered = || {
                window_width().is_some_and(|width| width < NARROW) && self.shown.with_untracked(|shown| covers(shown))
            };
            if let Some(words) = refused.get().filter(|_| is_covered()) {
                self.toasts.error(words);
            }
        });
    }

    /// Changes the definition, or says why it cannot be.
    pub(super) fn apply(self, edit: Edit, label: &str) -> bool {
        match self.handle.dispatch(edit, label) {
            Ok(()) => true,
            Err(refused) => {
                self.toasts.error(self.handle.with_definition_untracked(|definition| refused.reason(definition)));
                false
            }
        }
    }

    pub(super) fn step(self, key: &StepKey) -> Option<Step> {
        self.handle.with_definition(|definition| definition.steps.get(key).cloned())
    }

    /// Changes one step.
    pub(super) fn change_step(self, key: &StepKey, label: &str, change: impl FnOnce(&mut Step)) {
        self.try_change_step(key, label, change);
    }

    /// Changes one step, and says whether it is as wanted now; a refusal has said why.
    pub(super) fn try_change_step(self, key: &StepKey, label: &str, change: impl FnOnce(&mut Step)) -> bool {
        let before = self.handle.with_definition_untracked(|definition| definition.steps.get(key).cloned());
        let Some(before) = before else { return false };
        let mut step = before.clone();
        change(&mut step);
        step == before || self.apply(Edit::set(key.clone(), step), label)
    }

    /// Whether something beside this draft may name the step by its key: a version that was published.
    pub(super) fn is_known_outside(self, key: &StepKey) -> bool {
        let is_published = self.live.with_untracked(|live| live.version.is_some());
        is_published && self.loaded.with_value(|keys| keys.contains(key))
    }

    /// Gives the step the key that its title makes. What shows it goes on showing it.
    pub(super) fn rename_key_for_title(self, key: &StepKey) {
        let edit = self.handle.with_definition_untracked(|definition| {
            let title = definition.steps.get(key)?.title_or(key).to_owned();
            let new = canvas::fresh_key(definition, &title);
            canvas::rename_step(definition, key, new.as_str()).ok()
        });
        if let Some(edit) = edit {
            self.apply(edit, "Rename key");
        }
    }

    pub(super) fn title_of(self, key: &StepKey) -> String {
        self.handle.with_definition(|definition| {
            definition.steps.get(key).map_or_else(|| key.to_string(), |step| step.title_or(key).to_owned())
        })
    }

    /// The agent that a step uses, at the version it would run with.
    pub(super) fn agent_of(self, step: &Step) -> Option<AgentSpec> {
        self.catalog.with(|catalog| catalog.get(&step.agent_id, step.agent_version).cloned())
    }

    /// A text of the definition and its control: typing changes the draft, undo comes back into the control.
    pub(super) fn bind(
        self,
        read: impl Fn(&Definition) -> String + Send + Sync + 'static,
        write: impl Fn(String) + Send + Sync + 'static,
    ) -> RwSignal<String> {
        let known = memo(move || self.handle.with_definition(&read));
        let text = RwSignal::new(known.get_untracked());
        tie(known, text, write);
        text
    }

    /// The first thing that is wrong with a field; of a step, or of the workflow itself.
    pub(super) fn problem_at(self, step: Option<StepKey>, field: String) -> Signal<Option<String>> {
        self.find_problem(step, move |of| of == field)
    }

    /// The first thing that is wrong with a field or with a part of it.
    pub(super) fn problem_under(self, step: Option<StepKey>, field: String) -> Signal<Option<String>> {
        self.find_problem(step, move |of| {
            of.strip_prefix(&field).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '/']))
        })
    }

    /// The first thing that is wrong with any of the fields that are meant, which may change.
    pub(super) fn find_problem(
        self,
        step: Option<StepKey>,
        is_it: impl Fn(&str) -> bool + Send + Sync + 'static,
    ) -> Signal<Option<String>> {
        let found = memo(move || {
            self.problems.with(|problems| {
                let mut errors = problems.iter().filter(|problem| problem.is_error() && problem.step == step);
                errors
                    .find(|problem| problem.field.as_deref().is_some_and(&is_it))
                    .map(|problem| problem.message.clone())
            })
        });
        found.into()
    }
}

fn of_server(problems: &[Problem]) -> Vec<Problem> {
    problems.iter().filter(|problem| problem.code.is_of_server()).cloned().collect()
}
