//! Steps on the system clipboard: one text of JSON, described in docs/clipboard.md, with the steps as a definition writes them, and
//! the notes and groups that were copied along.
//! It holds what the steps say and what of the run inputs they read, and never a secret: agents are named, not copied.

mod paste;
mod read;

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use workflow::{
    Definition, Step, StepKey, TemplateId,
    definition::{Note, Steps},
    references::each_source,
    source::Source,
    words::count,
};

pub use paste::{Outside, Pasted};
pub use read::Unreadable;

/// The field that tells such a text from every other; its value is the version of the shape.
const MARKER: &str = "weft_steps";
const VERSION: u64 = 1;

/// Copied steps.
#[derive(Clone, PartialEq, Debug)]
pub struct Clip {
    /// The workflow that they are from.
    pub workflow: Option<TemplateId>,
    /// The steps, and the run inputs that they read.
    definition: Definition,
}

impl Clip {
    /// Takes these steps; each with the place it is to have among them.
    pub(crate) fn of(definition: &Definition, steps: impl IntoIterator<Item = (StepKey, Step)>) -> Self {
        let mut steps: Steps = steps.into_iter().collect();
        let mut read = BTreeSet::new();
        for step in steps.values_mut() {
            each_source(step, &mut |source| {
                if let Source::Run { key, .. } = source {
                    read.insert(key.clone());
                }
            });
        }
        let inputs = definition.inputs.iter().filter(|(key, _)| read.contains(*key));
        let inputs = inputs.map(|(key, input)| (key.clone(), input.clone())).collect();
        // A group comes along whole or not at all.
        let is_inside = |id: &str| {
            let mut members = definition.steps.iter().filter(|(_, step)| step.group.as_deref() == Some(id)).peekable();
            members.peek().is_some() && members.all(|(key, _)| steps.contains_key(key))
        };
        let groups = definition.groups.iter().filter(|(id, _)| is_inside(id));
        let groups = groups.map(|(id, group)| (id.clone(), group.clone())).collect();
        Self { workflow: None, definition: Definition { inputs, steps, groups, ..Definition::default() } }
    }

    /// With these notes, too.
    pub(crate) fn with_notes(mut self, notes: impl IntoIterator<Item = Note>) -> Self {
        self.definition.notes.extend(notes);
        self
    }

    pub fn notes(&self) -> &[Note] {
        &self.definition.notes
    }

    pub fn steps(&self) -> &Steps {
        &self.definition.steps
    }

    /// How much of what is copied.
    pub fn words(&self) -> String {
        counted(self.steps().len(), self.notes().len())
    }

    #[must_use]
    pub fn from_workflow(self, workflow: TemplateId) -> Self {
        Self { workflow: Some(workflow), ..self }
    }

    /// What goes on the clipboard.
    pub fn to_text(&self) -> String {
        let mut document = Map::new();
        document.insert(MARKER.to_owned(), json!(VERSION));
        if let Some(workflow) = self.workflow {
            document.insert("workflow".to_owned(), json!(workflow.to_string()));
        }
        if let Value::Object(mut definition) = self.definition.to_value() {
            for part in ["inputs", "steps", "groups", "notes"] {
                document.extend(definition.shift_remove_entry(part));
            }
        }
        Value::Object(document).to_string()
    }
}

/// "3 steps and 1 note"
pub fn counted(n_steps: usize, n_notes: usize) -> String {
    match (n_steps, n_notes) {
        (_, 0) => count(n_steps, "step"),
        (0, _) => count(n_notes, "note"),
        _ => format!("{} and {}", count(n_steps, "step"), count(n_notes, "note")),
    }
}

#[cfg(test)]
mod tests;
