//! Two drafts that began from one, as one draft again: by step and by field. What only one of them changed is as that one has it.
//! Must never choose between two people: where both changed one field to something else, or where what each did is sound alone and not
//! together, it answers with conflicts, and with a draft only once somebody has chosen.
//!
//! A field is what one decides as a whole: an agent with its version, a gate with whom it asks. The steps that a step waits for are merged
//! one by one. Two steps that were added under one key are two steps, and so are two notes or groups. Where a card stands on the canvas,
//! its colour and its group are nobody's loss: there mine stays.

mod apart;
mod place;
mod sound;
mod told;
mod walk;

use std::collections::BTreeMap;

pub use place::{InputField, Place, StepField, WorkflowField};

use self::{told::Titles, walk::Walk};
use crate::{
    difference::{Difference, excerpts},
    document::Document,
    id::StepKey,
};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    Mine,
    Theirs,
}

/// What a person has decided about places in conflict.
pub type Choices = BTreeMap<Place, Side>;

/// A place that is another one. Without a `before` it is new, without an `after` it is gone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    pub place: Place,
    /// What the step or the run input is called that the place belongs to.
    pub of: Option<String>,
    /// In words, however long they are.
    pub before: Option<String>,
    pub after: Option<String>,
}

impl Change {
    /// For a list: in few words.
    pub fn told(&self) -> Difference {
        let text = |side: &Option<String>| side.clone().unwrap_or_default();
        let (before, after) = excerpts(&text(&self.before), &text(&self.after));
        Difference { what: self.place.label(), before, after }
    }
}

/// Why a place is in conflict.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Why {
    /// Both changed it, to something else.
    Both,
    /// One removed it, and the other changed it.
    Removed,
    /// One removed it, and steps of the other read it or wait for it.
    Used { by: Vec<StepKey> },
    /// The connections of both together lead in a circle, as this path from a step back to it.
    Circle { path: Vec<StepKey> },
    /// Both together are more than a workflow holds. No side is to be chosen: something has to go.
    TooMuch { what: &'static str, n: usize, most: usize },
}

/// `before` is mine and `after` is theirs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Conflict {
    pub why: Why,
    pub change: Change,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Merged {
    pub document: Document,
    /// What of theirs is new to mine.
    pub taken: Vec<Change>,
    /// Which steps of mine have another key in it.
    pub renamed: Vec<(StepKey, StepKey)>,
}

/// Mine and theirs, which both began from `base`, as one; or what is to be decided first.
pub fn merge(base: &Document, mine: &Document, theirs: &Document, choices: &Choices) -> Result<Merged, Vec<Conflict>> {
    let apart = apart::apart(&base.definition, mine, &theirs.definition);
    let mine = apart.as_ref().map_or(mine, |apart| &apart.mine);
    let mut walk = Walk::new(choices, &mine.definition, &theirs.definition);
    let mut document = walk.document(base, mine, theirs);
    let (taken, mut conflicts) = walk.end();
    let titles = Titles { before: &mine.definition, after: &theirs.definition };
    sound::keep(&mut document.definition, titles, choices, &mut conflicts);
    if conflicts.is_empty() {
        // What is still to be decided may make it less.
        conflicts.extend(sound::too_much(&document.definition));
    }
    if !conflicts.is_empty() {
        return Err(conflicts);
    }
    let renamed = apart.as_ref().map_or_else(Vec::new, |apart| apart.renamed.clone());
    Ok(Merged { document, taken, renamed })
}

/// What is another one in `after`, by place. Where cards stand on the canvas is not told.
pub fn changes(before: &Document, after: &Document) -> Vec<Change> {
    let choices = Choices::new();
    let mut walk = Walk::new(&choices, &before.definition, &after.definition);
    walk.document(before, before, after);
    walk.end().0
}

/// "2 steps added, 1 step changed"; none where nothing differs.
pub fn summary(changes: &[Change]) -> Option<String> {
    let mut inputs: BTreeMap<&str, Fate> = BTreeMap::new();
    let mut of_workflow: Vec<String> = Vec::new();
    for change in changes {
        match &change.place {
            Place::Step { .. } => {}
            Place::Input { key, .. } => {
                inputs.insert(key, change.fate());
            }
            Place::Note(_) => of_workflow.push("notes".to_owned()),
            Place::Workflow(_) | Place::Order(_) | Place::Size => of_workflow.push(change.place.label().to_lowercase()),
        }
    }
    let counted = |all: Vec<Fate>, noun: &str| -> Vec<String> {
        let of = |fate: Fate| {
            let n = all.iter().filter(|known| **known == fate).count();
            (n > 0).then(|| format!("{} {}", crate::words::count(n, noun), fate.word()))
        };
        [Fate::Added, Fate::Removed, Fate::Changed].into_iter().filter_map(of).collect()
    };
    let mut parts = counted(fates(changes).into_values().collect(), "step");
    parts.extend(counted(inputs.into_values().collect(), "run input"));
    of_workflow.dedup();
    parts.extend(match of_workflow.split_last() {
        Some((last, [])) => Some(format!("{last} changed")),
        Some((last, first)) => Some(format!("{} and {last} changed", first.join(", "))),
        None => None,
    });
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// What became of each step that differs.
pub fn fates(changes: &[Change]) -> BTreeMap<StepKey, Fate> {
    let steps = changes.iter().filter_map(|change| Some((change.place.step_key()?.clone(), change.fate())));
    steps.collect()
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Fate {
    Added,
    Removed,
    Changed,
}

impl Fate {
    pub fn word(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed => "changed",
        }
    }
}

impl Change {
    /// What became of the step, or of whatever else it belongs to.
    pub fn fate(&self) -> Fate {
        match (self.place.is_whole(), &self.before, &self.after) {
            (true, None, Some(_)) => Fate::Added,
            (true, Some(_), None) => Fate::Removed,
            _ => Fate::Changed,
        }
    }
}

#[cfg(test)]
mod tests;
