//! Edits of a definition: the only way the editor changes a workflow, each with its exact inverse.
//! A cycle is refused here, in the model, so that no gesture, paste or panel can bypass it. Nothing here may know a screen.

mod between;
mod drawn;
mod fitting;
mod fixes;
mod joined;
mod key;
mod moved_end;
mod offer;
mod refused;
mod rename;
mod renaming;
#[cfg(test)]
pub(crate) mod testing;
mod title;
mod versions;

use std::{collections::BTreeSet, sync::Arc};

use serde::{Deserialize, Serialize};
use workflow::{
    Definition, Step, StepKey,
    definition::{Colour, Group, Limits, Note, Position, RunInput},
    graph::Graph,
    source::Source,
};

use crate::Document;

pub(crate) use between::put_between;
pub(crate) use drawn::{emptied, fresh_id};
pub(crate) use fitting::{map_what_fits, what_fits};
pub use fixes::{Fix, fixes, line_of};
pub(crate) use joined::{Rewired, add_joined};
pub(crate) use key::FreeKeys;
pub use key::fresh_key;
pub(crate) use moved_end::{held, moved_end};
pub(crate) use offer::takes;
pub use refused::Refused;
pub(crate) use refused::mebibytes;
pub use rename::reads_run_input;
pub use renaming::{KeyFault, rename_run_input, rename_step};
pub(crate) use title::FreeTitles;
pub use versions::{behind, new_problems, outdated, raised};

/// One change of a document.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Edit {
    AddSteps(Vec<(StepKey, Step)>),
    /// Also removes the edges from them and the input mappings that read them. Conditions and maps that read them stay, and the
    /// validator names them: dropping one unasked would lose an author's work.
    RemoveSteps(Vec<StepKey>),
    /// Replaces a whole step: what a panel does.
    SetStep {
        key: StepKey,
        step: Box<Step>,
    },
    /// `to` depends on `from`.
    Connect {
        from: StepKey,
        to: StepKey,
    },
    /// Also drops the input mappings of `to` that read `from`.
    Disconnect {
        from: StepKey,
        to: StepKey,
    },
    /// A step source brings its edge along; taking a source away leaves the edge.
    SetInput {
        step: StepKey,
        port: String,
        source: Option<Source>,
    },
    /// Where nodes stand; `None` leaves the place to the automatic layout.
    MoveSteps(Vec<(StepKey, Option<Position>)>),
    /// What they are coloured with, on the canvas alone.
    ColourSteps(Vec<(StepKey, Option<Colour>)>),
    /// The id of the group that each is drawn in.
    GroupSteps(Vec<(StepKey, Option<String>)>),
    SetRunInput {
        key: String,
        input: Option<Box<RunInput>>,
    },
    /// Gives a step another key, and with it everything that names the step.
    RenameStep {
        from: StepKey,
        to: StepKey,
    },
    RenameRunInput {
        from: String,
        to: String,
    },
    /// Replaces, adds (at the end) or removes the note with this id.
    SetNote {
        id: String,
        note: Option<Note>,
    },
    InsertNote {
        at: usize,
        note: Note,
    },
    /// Replaces, adds or removes the group with this id. Its steps keep naming it.
    SetGroup {
        id: String,
        group: Option<Group>,
    },
    SetLimits(Limits),
    /// Of the workflow.
    SetName(String),
    SetDescription(String),
    /// Another state of all of it: a version that is taken up again, or what `workflow::merge` made. It is not judged: it was stored, or
    /// the merge has judged it.
    SetDocument {
        document: Box<Document>,
        /// Which steps are there under another key, in order.
        #[serde(default)]
        renamed: Vec<(StepKey, StepKey)>,
    },
    /// All or nothing, in order.
    Batch(Vec<Edit>),
}

impl Edit {
    pub fn add(key: StepKey, step: Step) -> Self {
        Self::AddSteps(vec![(key, step)])
    }

    pub fn remove(key: StepKey) -> Self {
        Self::RemoveSteps(vec![key])
    }

    pub fn set(key: StepKey, step: Step) -> Self {
        Self::SetStep { key, step: Box::new(step) }
    }

    pub fn moves(places: impl IntoIterator<Item = (StepKey, Position)>) -> Self {
        Self::MoveSteps(places.into_iter().map(|(key, place)| (key, Some(place))).collect())
    }

    /// Whether it changes what stands on the canvas.
    pub(crate) fn is_drawn(&self) -> bool {
        match self {
            Self::SetName(_) | Self::SetDescription(_) => false,
            Self::Batch(edits) => edits.iter().any(Self::is_drawn),
            _ => true,
        }
    }

    /// Which steps it gives another key, in order: whoever stands on one goes along.
    pub(crate) fn renamed_steps(&self) -> Vec<(StepKey, StepKey)> {
        match self {
            Self::RenameStep { from, to } => vec![(from.clone(), to.clone())],
            Self::SetDocument { renamed, .. } => renamed.clone(),
            Self::Batch(edits) => edits.iter().flat_map(Self::renamed_steps).collect(),
            _ => Vec::new(),
        }
    }

    /// What undo and redo call it when the caller has no better words.
    pub fn describe(&self) -> &'static str {
        match self {
            Self::AddSteps(_) => "Add step",
            Self::RemoveSteps(_) => "Delete step",
            Self::SetStep { .. } => "Change step",
            Self::Connect { .. } => "Connect",
            Self::Disconnect { .. } => "Disconnect",
            Self::SetInput { .. } => "Map input",
            Self::MoveSteps(_) => "Move",
            Self::ColourSteps(_) => "Colour",
            Self::GroupSteps(_) => "Group",
            Self::SetGroup { .. } => "Change group",
            Self::SetRunInput { .. } => "Change run input",
            Self::RenameStep { .. } | Self::RenameRunInput { .. } => "Rename key",
            Self::SetNote { .. } | Self::InsertNote { .. } => "Change note",
            Self::SetLimits(_) => "Change limits",
            Self::SetName(_) => "Rename workflow",
            Self::SetDescription(_) => "Change description",
            Self::SetDocument { .. } => "Change workflow",
            Self::Batch(edits) => edits.first().map_or("Change", Self::describe),
        }
    }
}

/// An edge that an edit brought in: `from`, and `to` that depends on it.
type Edge = (StepKey, StepKey);

/// Changes the document and answers with the edit that takes exactly this change back.
/// A refused edit leaves the document as it was.
pub fn apply(document: &mut Document, edit: &Edit) -> Result<Edit, Refused> {
    let mut added = Vec::new();
    let inverse = change(document, edit, &mut added)?;
    if let Some(path) = closed_cycle(&document.definition, &added) {
        replay(document, &inverse)?;
        return Err(Refused::Cycle { path });
    }
    Ok(inverse)
}

/// Takes back or repeats an accepted edit, without judging it again: history only ever returns to states that were accepted
/// or loaded, and a loaded draft may hold a cycle that an undo must be able to restore.
pub(crate) fn replay(document: &mut Document, edit: &Edit) -> Result<Edit, Refused> {
    change(document, edit, &mut Vec::new())
}

/// Why an edge cannot be drawn, if it cannot; for live validity while a connection is dragged.
pub fn refuse_edge(definition: &Definition, graph: &Graph<'_>, from: &StepKey, to: &StepKey) -> Option<Refused> {
    if from == to {
        return Some(Refused::SelfDependency(from.clone()));
    }
    for key in [from, to] {
        if !definition.steps.contains_key(key) {
            return Some(Refused::UnknownStep(key.clone()));
        }
    }
    if definition.steps[to].direct_dependencies().contains(from) {
        return Some(Refused::Duplicate { from: from.clone(), to: to.clone() });
    }
    let path = graph.cycle_with(from, to)?;
    Some(Refused::Cycle { path: path.into_iter().cloned().collect() })
}

fn closed_cycle(definition: &Definition, added: &[Edge]) -> Option<Vec<StepKey>> {
    if let Some((from, _)) = added.iter().find(|(from, to)| from == to) {
        return Some(vec![from.clone(), from.clone()]);
    }
    if added.is_empty() {
        return None;
    }
    let graph = Graph::of(definition);
    if graph.order().is_ok() {
        return None;
    }
    // A loaded draft may hold a cycle already: only one through a new edge is refused.
    added.iter().find_map(|(from, to)| Some(graph.cycle_with(from, to)?.into_iter().cloned().collect()))
}

fn change(document: &mut Document, edit: &Edit, added: &mut Vec<Edge>) -> Result<Edit, Refused> {
    let definition = &mut document.definition;
    match edit {
        Edit::AddSteps(steps) => add_steps(definition, steps, added),
        Edit::RemoveSteps(keys) => remove_steps(definition, keys),
        Edit::SetStep { key, step } => set_step(definition, key, step, added),
        Edit::Connect { from, to } => connect(definition, from, to, added),
        Edit::Disconnect { from, to } => disconnect(definition, from, to),
        Edit::SetInput { step, port, source } => set_input(definition, step, port, source.as_ref(), added),
        Edit::MoveSteps(places) => move_steps(definition, places),
        Edit::ColourSteps(colours) => drawn::colour_steps(definition, colours),
        Edit::GroupSteps(groups) => drawn::group_steps(definition, groups),
        Edit::SetRunInput { key, input } => {
            let before = match input {
                Some(input) => definition.inputs.insert(key.clone(), RunInput::clone(input)),
                None => definition.inputs.remove(key),
            };
            Ok(Edit::SetRunInput { key: key.clone(), input: before.map(Box::new) })
        }
        Edit::RenameStep { from, to } => {
            rename::step(definition, from, to)?;
            // A line that was added before is judged by the name that it leads to now.
            for end in added.iter_mut().flat_map(|(from, to)| [from, to]).filter(|end| *end == from) {
                end.clone_from(to);
            }
            Ok(Edit::RenameStep { from: to.clone(), to: from.clone() })
        }
        Edit::RenameRunInput { from, to } => {
            rename::run_input(definition, from, to)?;
            Ok(Edit::RenameRunInput { from: to.clone(), to: from.clone() })
        }
        Edit::SetNote { id, note } => drawn::set_note(definition, id, note.as_ref()),
        Edit::SetGroup { id, group } => drawn::set_group(definition, id, group.as_ref()),
        Edit::InsertNote { at, note } => drawn::insert_note(definition, *at, note),
        Edit::SetLimits(limits) => Ok(Edit::SetLimits(std::mem::replace(&mut definition.limits, limits.clone()))),
        Edit::SetName(name) => Ok(Edit::SetName(std::mem::replace(&mut document.name, name.clone()))),
        Edit::SetDescription(text) => {
            Ok(Edit::SetDescription(std::mem::replace(&mut document.description, text.clone())))
        }
        Edit::SetDocument { document: new, renamed } => {
            if new.definition.steps.len() > workflow::limits::MAX_STEPS {
                return Err(Refused::TooManySteps);
            }
            let before = std::mem::replace(document, Document::clone(new));
            let renamed = renamed.iter().rev().map(|(from, to)| (to.clone(), from.clone())).collect();
            Ok(Edit::SetDocument { document: Box::new(before), renamed })
        }
        Edit::Batch(edits) => batch(document, edits, added),
    }
}

fn batch(document: &mut Document, edits: &[Edit], added: &mut Vec<Edge>) -> Result<Edit, Refused> {
    let mut inverses = Vec::with_capacity(edits.len());
    for edit in edits {
        match change(document, edit, added) {
            Ok(inverse) => inverses.push(inverse),
            Err(refused) => {
                for inverse in inverses.iter().rev() {
                    replay(document, inverse)?;
                }
                return Err(refused);
            }
        }
    }
    inverses.reverse();
    Ok(Edit::Batch(inverses))
}

fn step_mut<'a>(definition: &'a mut Definition, key: &StepKey) -> Result<&'a mut Step, Refused> {
    definition.steps.get_mut(key).ok_or_else(|| Refused::UnknownStep(key.clone()))
}

fn check_place(place: Option<Position>) -> Result<(), Refused> {
    match place {
        Some(place) if !(place.x.is_finite() && place.y.is_finite()) => Err(Refused::NotFinite),
        _ => Ok(()),
    }
}

fn add_steps(definition: &mut Definition, steps: &[(StepKey, Step)], added: &mut Vec<Edge>) -> Result<Edit, Refused> {
    let mut new = BTreeSet::new();
    for (key, step) in steps {
        if definition.steps.contains_key(key) || !new.insert(key) {
            return Err(Refused::StepExists(key.clone()));
        }
        check_place(step.ui)?;
    }
    if definition.steps.len() + steps.len() > workflow::limits::MAX_STEPS {
        return Err(Refused::TooManySteps);
    }
    // Others may name a key already. They must stay as they are, so the inverse puts them back after the removal.
    let dependents = definition.steps.iter().filter(|(_, step)| reads_any(step, |key| new.contains(key)));
    let dependents: Vec<Edit> = dependents.map(|(key, step)| Edit::set(key.clone(), step.clone())).collect();
    for (key, step) in steps {
        added.extend(step.direct_dependencies().into_iter().map(|from| (from.clone(), key.clone())));
        definition.steps.insert(key.clone(), step.clone());
    }
    Ok(followed_by(Edit::RemoveSteps(steps.iter().map(|(key, _)| key.clone()).collect()), dependents))
}

fn followed_by(edit: Edit, others: Vec<Edit>) -> Edit {
    if others.is_empty() { edit } else { Edit::Batch(std::iter::once(edit).chain(others).collect()) }
}

/// Whether removing such a step would change `step`.
fn reads_any(step: &Step, is_one: impl Fn(&StepKey) -> bool) -> bool {
    step.depends_on.iter().chain(step.inputs.values().filter_map(Source::step)).any(is_one)
}

fn remove_steps(definition: &mut Definition, keys: &[StepKey]) -> Result<Edit, Refused> {
    let mut gone = BTreeSet::new();
    for key in keys {
        if !definition.steps.contains_key(key) || !gone.insert(key) {
            return Err(Refused::UnknownStep(key.clone()));
        }
    }
    let removed = keys.iter().filter_map(|key| Some((key.clone(), definition.steps.remove(key)?)));
    let steps = removed.map(|(key, step)| (key, Arc::unwrap_or_clone(step))).collect();
    let mut changed = Vec::new();
    definition.steps.change_where(
        |_, step| reads_any(step, |key| gone.contains(key)),
        |other, step| {
            changed.push(Edit::set(other.clone(), step.clone()));
            step.depends_on.retain(|key| !gone.contains(key));
            step.inputs.retain(|_, source| source.step().is_none_or(|key| !gone.contains(key)));
        },
    );
    Ok(followed_by(Edit::AddSteps(steps), changed))
}

fn set_step(definition: &mut Definition, key: &StepKey, step: &Step, added: &mut Vec<Edge>) -> Result<Edit, Refused> {
    check_place(step.ui)?;
    let place = step_mut(definition, key)?;
    let known: BTreeSet<&StepKey> = place.direct_dependencies();
    let new = step.direct_dependencies();
    added.extend(new.difference(&known).map(|from| ((*from).clone(), key.clone())));
    Ok(Edit::set(key.clone(), std::mem::replace(place, step.clone())))
}

fn connect(definition: &mut Definition, from: &StepKey, to: &StepKey, added: &mut Vec<Edge>) -> Result<Edit, Refused> {
    if from == to {
        return Err(Refused::SelfDependency(from.clone()));
    }
    if !definition.steps.contains_key(from) {
        return Err(Refused::UnknownStep(from.clone()));
    }
    let step = step_mut(definition, to)?;
    if step.direct_dependencies().contains(from) {
        return Err(Refused::Duplicate { from: from.clone(), to: to.clone() });
    }
    step.depends_on.insert(from.clone());
    added.push((from.clone(), to.clone()));
    // Nothing of `to` reads `from`, or it would have been a duplicate: disconnecting takes back exactly this edge.
    Ok(Edit::Disconnect { from: from.clone(), to: to.clone() })
}

fn disconnect(definition: &mut Definition, from: &StepKey, to: &StepKey) -> Result<Edit, Refused> {
    let is_known = definition.steps.contains_key(from) && from != to;
    let step = step_mut(definition, to)?;
    if !step.direct_dependencies().contains(from) {
        return Err(Refused::NotConnected { from: from.clone(), to: to.clone() });
    }
    let reads_otherwise = step.when.iter().flat_map(workflow::condition::Condition::sources);
    if reads_otherwise.chain(step.map.iter().map(|map| &map.over)).any(|source| source.step() == Some(from)) {
        return Err(Refused::StillRead { from: from.clone(), to: to.clone() });
    }
    let maps_it = step.inputs.values().any(|source| source.step() == Some(from));
    // An edge from a step that is not there could not be drawn again, and a mapping without its edge not told apart.
    let inverse = if maps_it || !is_known {
        Edit::set(to.clone(), step.clone())
    } else {
        Edit::Connect { from: from.clone(), to: to.clone() }
    };
    step.depends_on.remove(from);
    step.inputs.retain(|_, source| source.step() != Some(from));
    Ok(inverse)
}

fn set_input(
    definition: &mut Definition,
    key: &StepKey,
    port: &str,
    source: Option<&Source>,
    added: &mut Vec<Edge>,
) -> Result<Edit, Refused> {
    let from = source.and_then(Source::step);
    if let Some(from) = from {
        if from == key {
            return Err(Refused::SelfDependency(from.clone()));
        }
        if !definition.steps.contains_key(from) {
            return Err(Refused::UnknownStep(from.clone()));
        }
    }
    let step = step_mut(definition, key)?;
    // Setting a step source also sets an edge, which only a whole step takes back exactly.
    let touches_edges = from.is_some() || step.inputs.get(port).is_some_and(|before| before.step().is_some());
    let whole = touches_edges.then(|| Edit::set(key.clone(), step.clone()));
    if let Some(from) = from
        && !step.direct_dependencies().contains(from)
    {
        added.push((from.clone(), key.clone()));
    }
    step.depends_on.extend(from.cloned());
    let before = match source {
        Some(source) => step.inputs.insert(port.to_owned(), source.clone()),
        None => step.inputs.remove(port),
    };
    Ok(whole.unwrap_or(Edit::SetInput { step: key.clone(), port: port.to_owned(), source: before }))
}

fn move_steps(definition: &mut Definition, places: &[(StepKey, Option<Position>)]) -> Result<Edit, Refused> {
    for (key, place) in places {
        check_place(*place)?;
        step_mut(definition, key)?;
    }
    let mut before = Vec::with_capacity(places.len());
    for (key, place) in places {
        let step = step_mut(definition, key)?;
        before.push((key.clone(), std::mem::replace(&mut step.ui, *place)));
    }
    // A key may be named twice; backwards, its first place is restored last.
    before.reverse();
    Ok(Edit::MoveSteps(before))
}
