//! What becomes of a workflow of a file: the one that it is about becomes a draft, those that others run become published versions.
//! Must never cover what somebody has not published yet without saying so.

use super::{Act, Action, GrantKind, Known, Mark, Note, Planner, Saved, Thing, change};
use crate::{
    agent::AgentConfig,
    definition::Definition,
    exchange::{
        bundle::Workflow,
        changes,
        grants::{self, AsWhat},
        secrets::leads_secrets,
    },
    problem::Problem,
    source::Source,
    validate,
    words::{QUOTED_CHARS, shortened},
};

/// Values of inputs that one message quotes.
const MOST_GIVEN: usize = 5;

impl<'a> Planner<'a> {
    /// The workflow that the file is about.
    pub(super) fn main(&mut self, slug: &'a str, n: usize) {
        let Some(workflow) = self.version(slug, n) else { return };
        let place = place(slug, n);
        let known = self.here.workflows.get(slug);
        let definition = self.as_here(workflow, slug, &place, false);
        let (_, problems) = validate(&definition, &self.catalog);
        for problem in problems {
            self.warnings.push(note(&place, problem));
        }
        let same = known.filter(|known| is_same(known, workflow, &definition));
        let Some(same) = same else {
            let act = if known.is_some() { Act::SaveDraft } else { Act::Create };
            let mut told = change(Thing::Workflow, slug, &workflow.name, act, known.map(|known| known.revision));
            if let Some(known) = known {
                told.fields = fields(known, workflow, &definition);
                self.covers(known, workflow, &definition, &place);
            }
            self.tell(told);
            self.led(known, &definition, &place);
            self.save(slug, workflow, definition, None, place);
            return;
        };
        self.tell(change(Thing::Workflow, slug, &workflow.name, Act::Nothing, Some(same.revision)));
    }

    /// A workflow that an agent runs.
    pub(super) fn inner(&mut self, slug: &'a str, n: usize) {
        let Some(workflow) = self.version(slug, n) else { return };
        let place = place(slug, n);
        let definition = self.as_here(workflow, slug, &place, true);
        let hash = definition.semantic_hash();
        let marks = self.marks.entry(slug).or_default();
        let is_same = |mark: &&Mark| {
            mark.semantic_hash == hash && mark.name == workflow.name && mark.description == workflow.description
        };
        // The last of a file is the live one here too, if any of them is published now: else an older one would be live.
        let is_last = self.bundle.workflows.get(slug).is_some_and(|versions| versions.len() == n + 1);
        let found = if is_last && self.made_workflows.contains(slug) {
            marks.last().filter(is_same)
        } else {
            marks.iter().rev().find(is_same)
        };
        let found = found.map(|mark| mark.version);
        let known = self.here.workflows.get(slug);
        let id = known.map(|known| known.id).or_else(|| self.here.ids.get(slug).copied());
        let Some(id) = id else { return };
        if known.is_some_and(|known| known.is_archived) {
            let message = format!("The workflow `{slug}` is archived here. Take it back from the archive first");
            self.problems.push(Note { place: place.clone(), message });
        }
        let version = if let Some(version) = found {
            self.tell(change(Thing::Workflow, slug, &workflow.name, Act::Nothing, Some(version.into())));
            version
        } else {
            let version = marks.last().map_or(1, |mark| mark.version + 1);
            let (name, description) = (workflow.name.clone(), workflow.description.clone());
            marks.push(Mark { version, name, description, semantic_hash: hash });
            self.made_workflows.insert(slug);
            let (_, problems) = validate(&definition, &self.catalog);
            for problem in problems {
                let list = if problem.is_error() { &mut self.problems } else { &mut self.warnings };
                list.push(note(&place, problem));
            }
            let act = if known.is_some() { Act::NewVersion } else { Act::Create };
            let mut told = change(Thing::Workflow, slug, &workflow.name, act, Some(version.into()));
            if let Some(known) = known {
                // Only the last of several is told.
                if is_last {
                    told.fields = fields(known, workflow, &definition);
                }
                self.covers(known, workflow, &definition, &place);
                if known.live.is_some() {
                    let name = shortened(&known.name, QUOTED_CHARS);
                    let message = format!(
                        "“{name}” is published here: what the file holds takes its place at once, for everybody who starts it"
                    );
                    self.conflicts.push_once(Note { place: place.clone(), message });
                }
            } else if is_last {
                // No file says whom a workflow is for: that is for who are here to say.
                let name = shortened(&workflow.name, QUOTED_CHARS);
                let message = format!(
                    "“{name}” is published at once, since an agent runs it, and is for everybody until you say whom it is for"
                );
                self.warnings.push(Note { place: place.clone(), message });
            }
            self.tell(told);
            self.led(known, &definition, &place);
            self.save(slug, workflow, definition.clone(), Some(version), place);
            version
        };
        self.published.insert((id, version), definition);
        self.workflows.insert((slug, n), (id, version));
    }

    fn version(&self, slug: &str, n: usize) -> Option<&'a Workflow> {
        self.bundle.workflows.get(slug)?.get(n)
    }

    /// The definition with the versions that this Weft has, and without whom the file cannot let in.
    fn as_here(&mut self, workflow: &'a Workflow, slug: &str, place: &str, is_published: bool) -> Definition {
        let mut definition = workflow.definition.clone();
        for step in definition.steps.values_mut() {
            let Some((id, versions)) = self.bundle.agents.get_key_value(&step.agent_id) else { continue };
            let wanted = match step.agent_version {
                Some(n) => usize::try_from(n).ok(),
                // What is published names a version of everything.
                None => is_published.then_some(versions.len()),
            };
            let found = wanted.and_then(|n| n.checked_sub(1)).and_then(|n| self.agents.get(&(id, n)));
            let latest = || self.catalog.get(id, None).map(|spec| spec.version).filter(|_| is_published);
            step.agent_version = found.copied().flatten().or_else(latest);
        }
        let known = self.here.workflows.get(slug);
        let known: Vec<&Definition> =
            known.map(|known| &known.draft).into_iter().chain(known.and_then(|known| known.live.as_ref())).collect();
        for asked in grants::take_out(&mut definition, &known) {
            let title = definition.steps.get(&asked.step).map_or("", |step| step.title_or(&asked.step));
            let title = shortened(title, QUOTED_CHARS).into_owned();
            let who = &asked.who;
            let (kind, whom) = match asked.as_what {
                AsWhat::Role => (GrantKind::Group, format!("everybody with the role `{who}`: choose it")),
                AsWhat::Group => (GrantKind::Group, format!("the group `{who}`: choose it")),
                AsWhat::Person => (GrantKind::Person, format!("{who}: choose them")),
            };
            let message =
                format!("The step “{title}” asks {whom} in the step's review. Until then admins decide there");
            self.grant(kind, format!("{place}.definition.steps.{}.review.assignees", asked.step), who.clone(), message);
        }
        definition
    }

    /// Says what is lost from sight when this draft is saved over.
    fn covers(&mut self, known: &Known, workflow: &Workflow, definition: &Definition, place: &str) {
        let name = shortened(&known.name, QUOTED_CHARS);
        if known.is_archived {
            self.conflicts.push_once(Note {
                place: place.to_owned(),
                message: format!("“{name}” is archived here: it stays so"),
            });
        }
        if known.has_unpublished_changes && !is_same(known, workflow, definition) {
            let message = format!(
                "The draft of “{name}” (revision {}) has changes that were never published. They would be gone",
                known.revision
            );
            self.conflicts.push_once(Note { place: place.to_owned(), message });
        }
        for before in known.live.iter().chain([&known.draft]) {
            self.gates(before, definition, place);
        }
    }

    /// Says which gates that bind everybody here would be others, or gone.
    fn gates(&mut self, before: &Definition, after: &Definition, place: &str) {
        for (key, step) in &before.steps {
            let spec = self.catalog.get(&step.agent_id, step.agent_version);
            // Of an agent that no file names nothing is known: it may be a form.
            let is_form = spec.is_none_or(|spec| matches!(spec.config, AgentConfig::Human(_)));
            let new = after.steps.get(key);
            if !step.review.binds(is_form) || new.is_some_and(|new| new.review == step.review) {
                continue;
            }
            let title = shortened(step.title_or(key), QUOTED_CHARS);
            let message = match new {
                Some(_) => format!(
                    "The review of the step “{title}” would be another one than here, perhaps a weaker one: look at it"
                ),
                None => format!("The step “{title}” would be gone, and with it the review that it has here"),
            };
            let key = shortened(key.as_str(), QUOTED_CHARS);
            self.conflicts.push_once(Note { place: format!("{place}.definition.steps.{key}.review"), message });
        }
    }

    /// Says where steps send what agents of this Weft keep secret, if that is for inputs to say, and so for the file.
    fn led(&mut self, known: Option<&Known>, definition: &Definition, place: &str) {
        for (key, step) in &definition.steps {
            let is_here = |before: &Definition| before.steps.get(key) == Some(step);
            let is_known = known.is_some_and(|known| is_here(&known.draft) || known.live.as_ref().is_some_and(is_here));
            let spec = self.catalog.get(&step.agent_id, step.agent_version);
            if is_known || !spec.is_some_and(leads_secrets) {
                continue;
            }
            let given = step.inputs.iter().filter_map(|(name, source)| match source {
                Source::Const(value) => Some(format!(
                    ", `{}` is {}",
                    shortened(name, QUOTED_CHARS),
                    shortened(&value.to_string(), QUOTED_CHARS)
                )),
                _ => None,
            });
            let given: String = given.take(MOST_GIVEN).collect();
            let title = shortened(step.title_or(key), QUOTED_CHARS);
            let message = format!(
                "The step “{title}” says by its inputs where the agent `{}` sends its secret headers{given}",
                shortened(step.agent_id.as_str(), QUOTED_CHARS)
            );
            let key = shortened(key.as_str(), QUOTED_CHARS);
            self.conflicts.push_once(Note { place: format!("{place}.definition.steps.{key}.inputs"), message });
        }
    }

    fn save(
        &mut self,
        slug: &'a str,
        workflow: &Workflow,
        definition: Definition,
        publish: Option<i32>,
        place: String,
    ) {
        let known = self.here.workflows.get(slug);
        let Some(id) = known.map(|known| known.id).or_else(|| self.here.ids.get(slug).copied()) else { return };
        let base = self.revisions.get(slug).copied();
        self.revisions.insert(slug, base.map_or(1, |base| base + 1));
        let (name, description) = (workflow.name.clone(), workflow.description.clone());
        self.actions.push(Action::Workflow(Box::new(Saved {
            slug: slug.to_owned(),
            id,
            base,
            name,
            description,
            definition,
            publish,
            place,
        })));
    }
}

fn place(slug: &str, n: usize) -> String {
    format!("workflows.{slug}[{n}]")
}

/// Whether the draft says what the file says.
fn is_same(known: &Known, workflow: &Workflow, definition: &Definition) -> bool {
    known.name == workflow.name && known.description == workflow.description && known.draft == *definition
}

/// A problem of a definition, with its place in the file.
fn note(place: &str, problem: Problem) -> Note {
    let step = problem.step.map(|key| format!("steps.{key}"));
    let parts = [Some(format!("{place}.definition")), step, problem.field];
    Note { place: parts.into_iter().flatten().collect::<Vec<_>>().join("."), message: problem.message }
}

fn fields(known: &Known, workflow: &Workflow, definition: &Definition) -> Vec<String> {
    let mut fields = Vec::new();
    if known.name != workflow.name {
        fields.push("name".to_owned());
    }
    if known.description != workflow.description {
        fields.push("description".to_owned());
    }
    fields.extend(changes::paths(&known.draft.to_value(), &definition.to_value()));
    fields
}
