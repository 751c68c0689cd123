//! The one walk through all fields of three drafts: it makes the merged one, and notes what was taken and what is in conflict.
//! Every field that a definition has is named here, so a new one that nobody merges does not compile. Must not judge what the result means.

use std::{
    collections::{BTreeMap, BTreeSet},
    ptr,
    sync::Arc,
};

use serde_json::Value;

use super::{
    Change, Choices, Conflict, Side, Why,
    place::{InputField, Place, StepField, WorkflowField},
    told::{self, Titles},
};
use crate::{
    definition::{Definition, Group, Limits, Note, OnError, Retry, Review, RunInput, Step, Steps},
    document::Document,
    id::{AgentId, StepKey},
    source::Source,
};

/// One thing in the draft that both began from, in mine and in theirs.
struct Three<'a, T> {
    base: &'a T,
    mine: &'a T,
    theirs: &'a T,
}

impl<T> Clone for Three<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Three<'_, T> {}

impl<'a, T> Three<'a, T> {
    fn of<U>(self, field: impl Fn(&'a T) -> &'a U) -> Three<'a, U> {
        Three { base: field(self.base), mine: field(self.mine), theirs: field(self.theirs) }
    }
}

pub(super) struct Walk<'a> {
    choices: &'a Choices,
    titles: Titles<'a>,
    taken: Vec<Change>,
    conflicts: Vec<Conflict>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(choices: &'a Choices, mine: &'a Definition, theirs: &'a Definition) -> Self {
        let titles = Titles { before: mine, after: theirs };
        Self { choices, titles, taken: Vec::new(), conflicts: Vec::new() }
    }

    /// What of theirs was taken, and what is in conflict; each by the order of the walk.
    pub(super) fn end(self) -> (Vec<Change>, Vec<Conflict>) {
        (self.taken, self.conflicts)
    }

    pub(super) fn document(&mut self, base: &Document, mine: &Document, theirs: &Document) -> Document {
        let all = Three { base, mine, theirs };
        Document {
            name: self.workflow(WorkflowField::Name, all.of(|it| &it.name), |name| told::text(name)),
            description: self.workflow(WorkflowField::Description, all.of(|it| &it.description), |description| {
                told::text(description)
            }),
            definition: self.definition(all.of(|it| &it.definition)),
        }
    }

    fn definition(&mut self, all: Three<'_, Definition>) -> Definition {
        Definition {
            schema_version: self
                .workflow(WorkflowField::Format, all.of(|it| &it.schema_version), |version| Some(version.to_string())),
            inputs: self.inputs(all.of(|it| &it.inputs)),
            limits: self.limits(all.of(|it| &it.limits)),
            steps: self.steps(all.of(|it| &it.steps)),
            notes: self.notes(all.of(|it| &it.notes)),
            groups: groups(all.of(|it| &it.groups)),
        }
    }

    fn limits(&mut self, all: Three<'_, Limits>) -> Limits {
        Limits {
            max_parallel: self
                .workflow(WorkflowField::AtOnce, all.of(|it| &it.max_parallel), |n| n.map(|n| n.to_string())),
            budget: self.workflow(WorkflowField::Budget, all.of(|it| &it.budget), |budget| {
                budget.as_ref().and_then(|budget| told::settings(budget, None))
            }),
            timeout_s: self.workflow(WorkflowField::TimeLimit, all.of(|it| &it.timeout_s), |s| s.map(told::seconds)),
        }
    }

    fn inputs(&mut self, all: Three<'_, BTreeMap<String, RunInput>>) -> BTreeMap<String, RunInput> {
        let keys: BTreeSet<&String> = all.mine.keys().chain(all.theirs.keys()).collect();
        let mut merged = BTreeMap::new();
        for key in keys {
            let (base, mine, theirs) = (all.base.get(key), all.mine.get(key), all.theirs.get(key));
            let input = match (base, mine, theirs) {
                (Some(base), Some(mine), Some(theirs)) => Some(self.input(key, Three { base, mine, theirs })),
                _ => self.whole(
                    Place::input(key, InputField::Whole),
                    [base, mine, theirs],
                    |one, other| one == other,
                    told::input,
                ),
            };
            merged.extend(input.map(|input| (key.clone(), input)));
        }
        merged
    }

    fn input(&mut self, key: &str, all: Three<'_, RunInput>) -> RunInput {
        let at = |field| Place::input(key, field);
        RunInput {
            title: self.field(at(InputField::Title), all.of(|it| &it.title), |title| told::text(title)),
            schema: self.field(at(InputField::Type), all.of(|it| &it.schema), |schema| Some(told::schema(schema))),
            required: self.field(at(InputField::Required), all.of(|it| &it.required), |on| Some(yes_no(*on))),
            default: self
                .field(at(InputField::Default), all.of(|it| &it.default), |value| value.as_ref().map(told::literal)),
            order: self.field(at(InputField::Order), all.of(|it| &it.order), |rank| Some(rank.to_string())),
        }
    }

    fn steps(&mut self, all: Three<'_, Steps>) -> Steps {
        let keys: BTreeSet<&StepKey> = all.mine.keys().chain(all.theirs.keys()).collect();
        let mut merged = Steps::default();
        for key in keys {
            let (base, mine, theirs) = (all.base.get(key), all.mine.get(key), all.theirs.get(key));
            let step = match (base, mine, theirs) {
                // Most steps of a large workflow nobody has touched.
                (_, Some(mine), Some(theirs)) if ptr::eq(mine, theirs) || mine == theirs => {
                    all.mine.shared(key).cloned()
                }
                (Some(base), Some(mine), Some(theirs)) => Some(Arc::new(self.step(key, Three { base, mine, theirs }))),
                _ => self
                    .whole(Place::step(key, StepField::Whole), [base, mine, theirs], means_the_same, told::step)
                    .map(Arc::new),
            };
            merged.extend(step.map(|step| (key.clone(), step)));
        }
        merged
    }

    fn step(&mut self, key: &StepKey, all: Three<'_, Step>) -> Step {
        let titles = self.titles;
        let at = |field| Place::step(key, field);
        let (agent_id, agent_version) =
            self.group(at(StepField::Agent), all, agent_of, |(id, version)| Some(told::agent(id, *version)));
        let (on_error, default_output) = self.group(at(StepField::Failure), all, failure_of, |(on_error, values)| {
            let values = values.map(|values| format!(", with {}", told::literal(values))).unwrap_or_default();
            Some(format!("{}{values}", on_error.as_str()))
        });
        Step {
            title: self.field(at(StepField::Title), all.of(|it| &it.title), |title| told::text(title)),
            agent_id: agent_id.clone(),
            agent_version,
            depends_on: self.after(key, all.of(|it| &it.depends_on)),
            trigger_rule: self.field(at(StepField::Rule), all.of(|it| &it.trigger_rule), |rule| {
                Some(rule.as_str().replace('_', " "))
            }),
            when: self.field(at(StepField::Condition), all.of(|it| &it.when), |when| {
                when.as_ref().map(|when| titles.condition(when))
            }),
            inputs: self.ports(key, all.of(|it| &it.inputs)),
            map: self.field(at(StepField::List), all.of(|it| &it.map), |map| map.as_ref().map(|map| titles.map(map))),
            prompt: self.field(at(StepField::Prompt), all.of(|it| &it.prompt), Clone::clone),
            review: self.field(at(StepField::Review), all.of(|it| &it.review), |review| {
                told::settings(review, Some(&Review::default()))
            }),
            retry: self.field(at(StepField::Retries), all.of(|it| &it.retry), |retry| {
                told::settings(retry, Some(&Retry::default()))
            }),
            timeout_s: self.field(at(StepField::TimeLimit), all.of(|it| &it.timeout_s), |s| Some(told::seconds(*s))),
            queue_timeout_s: self
                .field(at(StepField::WaitsAtMost), all.of(|it| &it.queue_timeout_s), |s| s.map(told::seconds)),
            on_error,
            default_output: default_output.cloned(),
            side_effects: self
                .field(at(StepField::SideEffects), all.of(|it| &it.side_effects), |it| Some(it.as_str().to_owned())),
            cache: self.field(at(StepField::Cache), all.of(|it| &it.cache), |on| Some(yes_no(*on))),
            concurrency: self.field(at(StepField::SharedLimit), all.of(|it| &it.concurrency), |shared| {
                shared.as_ref().map(|shared| format!("{} at once, by {}", shared.limit, titles.source(&shared.key)))
            }),
            // Where a card stands and how it is drawn is nobody's loss.
            ui: *unasked(all.of(|it| &it.ui)),
            colour: *unasked(all.of(|it| &it.colour)),
            group: unasked(all.of(|it| &it.group)).clone(),
        }
    }

    /// Each step that it waits for is a thing of its own: added by one or removed by one, so two people never collide here.
    fn after(&mut self, key: &StepKey, all: Three<'_, BTreeSet<StepKey>>) -> BTreeSet<StepKey> {
        let known = all.mine.union(all.theirs);
        let merged: BTreeSet<StepKey> = known
            .filter(|on| {
                let (mine, theirs) = (all.mine.contains(*on), all.theirs.contains(*on));
                if mine == theirs { mine } else { !all.base.contains(*on) }
            })
            .cloned()
            .collect();
        if merged != *all.mine {
            let place = Place::step(key, StepField::After);
            self.take(place, self.titles.steps(all.mine), self.titles.steps(&merged));
        }
        merged
    }

    fn ports(&mut self, key: &StepKey, all: Three<'_, BTreeMap<String, Source>>) -> BTreeMap<String, Source> {
        let titles = self.titles;
        let ports: BTreeSet<&String> = all.mine.keys().chain(all.theirs.keys()).collect();
        let mut merged = BTreeMap::new();
        for port in ports {
            let (base, mine, theirs) = (all.base.get(port), all.mine.get(port), all.theirs.get(port));
            let place = Place::step(key, StepField::Input(port.clone()));
            let all = Three { base: &base, mine: &mine, theirs: &theirs };
            let source = self.field(place, all, |source| source.map(|source| titles.source(source)));
            merged.extend(source.map(|source| (port.clone(), source.clone())));
        }
        merged
    }

    /// By their ids, in the order of whoever changed it; those of the other come behind.
    fn notes(&mut self, all: Three<'_, Vec<Note>>) -> Vec<Note> {
        let told =
            |notes: &Vec<Note>| told::text(&notes.iter().map(|note| note.text.as_str()).collect::<Vec<_>>().join("; "));
        let have_ids = |notes: &[Note]| notes.iter().map(|note| &note.id).collect::<BTreeSet<_>>().len() == notes.len();
        if ![all.base, all.mine, all.theirs].into_iter().all(|notes| have_ids(notes)) {
            return self.workflow(WorkflowField::Notes, all, told);
        }
        let ids = |notes: &Vec<Note>| notes.iter().map(|note| note.id.clone()).collect::<Vec<_>>();
        let is_order_mine = ids(all.theirs) == ids(all.base);
        let (first, second) = if is_order_mine { (all.mine, all.theirs) } else { (all.theirs, all.mine) };
        let behind = second.iter().filter(|note| find(first, &note.id).is_none());
        let mut merged = Vec::new();
        for id in first.iter().chain(behind).map(|note| &note.id) {
            let (base, mine, theirs) = (find(all.base, id), find(all.mine, id), find(all.theirs, id));
            merged.extend(match (base, mine, theirs) {
                (Some(base), Some(mine), Some(theirs)) => Some(self.note(Three { base, mine, theirs })),
                _ => self.whole(
                    Place::Note(id.clone()),
                    [base, mine, theirs],
                    // Where it stands is nobody's loss.
                    |one, other| one.text == other.text,
                    |note| note.text.clone(),
                ),
            });
        }
        merged
    }

    fn note(&mut self, all: Three<'_, Note>) -> Note {
        let text = self.field(Place::Note(all.mine.id.clone()), all.of(|it| &it.text), |text| told::text(text));
        let (x, y) = unasked_of(all, |note| (note.x, note.y));
        let (width, height) = unasked_of(all, |note| (note.width, note.height));
        Note { id: all.mine.id.clone(), text, x, y, width, height, colour: *unasked(all.of(|it| &it.colour)) }
    }

    fn workflow<T: Clone + PartialEq>(
        &mut self,
        field: WorkflowField,
        all: Three<'_, T>,
        told: impl Fn(&T) -> Option<String>,
    ) -> T {
        self.field(Place::Workflow(field), all, told)
    }

    /// A field that is there in all three.
    fn field<T: Clone + PartialEq>(
        &mut self,
        place: Place,
        all: Three<'_, T>,
        told: impl Fn(&T) -> Option<String>,
    ) -> T {
        let Three { base, mine, theirs } = all;
        let side = if mine == theirs || theirs == base {
            Side::Mine
        } else if mine == base {
            Side::Theirs
        } else {
            self.decided(&place, Why::Both, || (told(mine), told(theirs)))
        };
        match side {
            Side::Mine => mine.clone(),
            Side::Theirs => {
                self.take(place, told(mine), told(theirs));
                theirs.clone()
            }
        }
    }

    /// Fields of a step that are one decision together.
    fn group<'s, T: Clone + PartialEq>(
        &mut self,
        place: Place,
        all: Three<'s, Step>,
        read: impl Fn(&'s Step) -> T,
        told: impl Fn(&T) -> Option<String>,
    ) -> T {
        let (base, mine, theirs) = (read(all.base), read(all.mine), read(all.theirs));
        self.field(place, Three { base: &base, mine: &mine, theirs: &theirs }, told)
    }

    /// Something that is not there in one of the three.
    fn whole<T: Clone + PartialEq>(
        &mut self,
        place: Place,
        [base, mine, theirs]: [Option<&T>; 3],
        is_same: fn(&T, &T) -> bool,
        told: fn(&T) -> String,
    ) -> Option<T> {
        let is_same = |one: Option<&T>, other: Option<&T>| match (one, other) {
            (Some(one), Some(other)) => is_same(one, other),
            (None, None) => true,
            _ => false,
        };
        // Whoever has decided meant all of it, also what nothing else would be asked about.
        let side = if let Some(side) = self.choices.get(&place) {
            *side
        } else if is_same(mine, theirs) || is_same(theirs, base) {
            Side::Mine
        } else if is_same(mine, base) {
            Side::Theirs
        } else {
            let why = if mine.is_some() && theirs.is_some() { Why::Both } else { Why::Removed };
            self.decided(&place, why, || (mine.map(told), theirs.map(told)))
        };
        match side {
            Side::Mine => mine.cloned(),
            Side::Theirs => {
                if mine != theirs {
                    self.take(place, mine.map(told), theirs.map(told));
                }
                theirs.cloned()
            }
        }
    }

    /// What a person has chosen. As long as nobody has, it is a conflict and mine stays.
    fn decided(&mut self, place: &Place, why: Why, told: impl FnOnce() -> (Option<String>, Option<String>)) -> Side {
        if let Some(side) = self.choices.get(place) {
            return *side;
        }
        let (before, after) = told();
        let change = self.change(place.clone(), before, after);
        self.conflicts.push(Conflict { why, change });
        Side::Mine
    }

    fn take(&mut self, place: Place, before: Option<String>, after: Option<String>) {
        let change = self.change(place, before, after);
        self.taken.push(change);
    }

    fn change(&self, place: Place, before: Option<String>, after: Option<String>) -> Change {
        let of = match &place {
            Place::Step { key, .. } => Some(self.titles.step(key)),
            Place::Input { key, .. } => Some(self.titles.input(key)),
            Place::Workflow(_) | Place::Note(_) | Place::Order(_) | Place::Size => None,
        };
        Change { place, of, before, after }
    }
}

/// Frames by their ids, each as a whole: they are only drawn.
fn groups(all: Three<'_, BTreeMap<String, Group>>) -> BTreeMap<String, Group> {
    let ids: BTreeSet<&String> = all.mine.keys().chain(all.theirs.keys()).collect();
    let merged = ids.into_iter().filter_map(|id| {
        let (base, mine, theirs) = (all.base.get(id), all.mine.get(id), all.theirs.get(id));
        let group = *unasked(Three { base: &base, mine: &mine, theirs: &theirs });
        group.map(|group| (id.clone(), group.clone()))
    });
    merged.collect()
}

/// Mine, unless only they changed it.
fn unasked<T: PartialEq>(all: Three<'_, T>) -> &T {
    if all.mine == all.base { all.theirs } else { all.mine }
}

/// The same of what several fields are together.
fn unasked_of<S, T: PartialEq>(all: Three<'_, S>, read: impl Fn(&S) -> T) -> T {
    let (base, mine, theirs) = (read(all.base), read(all.mine), read(all.theirs));
    if mine == base { theirs } else { mine }
}

/// But for what is only drawn of them.
pub(super) fn means_the_same(one: &Step, other: &Step) -> bool {
    let bare = |step: &Step| {
        let mut step = step.clone();
        step.undraw();
        step
    };
    one == other || bare(one) == bare(other)
}

fn yes_no(is_on: bool) -> String {
    if is_on { "yes" } else { "no" }.to_owned()
}

fn agent_of(step: &Step) -> (&AgentId, Option<i32>) {
    (&step.agent_id, step.agent_version)
}

fn failure_of(step: &Step) -> (OnError, Option<&Value>) {
    (step.on_error, step.default_output.as_ref())
}

fn find<'n>(notes: &'n [Note], id: &str) -> Option<&'n Note> {
    notes.iter().find(|note| note.id == id)
}
