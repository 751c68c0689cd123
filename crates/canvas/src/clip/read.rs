//! Reads what a clipboard holds. It may come from anywhere, so nothing in it is believed: sizes, nesting, keys and names are judged
//! before anything is made of them, and a refusal says what is wrong and changes nothing.

use serde_json::{Map, Value};
use workflow::{
    Definition, TemplateId,
    definition::Unstorable,
    json::{self, Bounds},
    limits::{MAX_DEFINITION_BYTES, MAX_DEPENDENCIES, MAX_STEPS},
    words::{count, number},
};

use super::{Clip, MARKER, VERSION};
use crate::edit::mebibytes;

/// Why nothing can be pasted, in words for the person who tried.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unreadable {
    #[error("What you copied are no steps of a workflow: select steps and copy them first")]
    Foreign,
    #[error("The copied steps are too large: {} MiB, and at most {} MiB can be pasted", mebibytes(*.bytes), mebibytes(MAX_DEFINITION_BYTES))]
    TooLarge { bytes: usize },
    /// In the words of whoever found it, which may quote what was copied: they are cut before they fill a screen.
    #[error("The copied steps are damaged: {}", shortened(.0))]
    Damaged(String),
    #[error("The copied steps come from a newer Weft and cannot be read here")]
    Newer,
    #[error("The copied steps are damaged: `{}` is {wrong}", shortened(.field))]
    Wrong { field: String, wrong: &'static str },
    #[error("{} were copied; a workflow has at most {}", count(*.n, "step"), number(MAX_STEPS))]
    TooManySteps { n: usize },
    #[error("The copied steps wait for each other {}; a workflow may have at most {}", count(*.n, "time"), count(MAX_DEPENDENCIES, "line"))]
    TooManyLines { n: usize },
    #[error("No step is in what you copied, and no note")]
    Empty,
}

impl Clip {
    /// Reads the text of a clipboard.
    pub fn read(text: &str) -> Result<Self, Unreadable> {
        let is_ours = text.trim_start().starts_with('{') && text.contains(&format!("\"{MARKER}\""));
        if !is_ours {
            return Err(Unreadable::Foreign);
        }
        if text.len() > MAX_DEFINITION_BYTES {
            return Err(Unreadable::TooLarge { bytes: text.len() });
        }
        let parsed = json::parse(text, Bounds::VALUE).map_err(|refused| Unreadable::Damaged(refused.to_string()))?;
        let Value::Object(mut document) = parsed else {
            return Err(Unreadable::Foreign);
        };
        // The word may stand anywhere in the text of somebody else.
        let version = document.shift_remove(MARKER).ok_or(Unreadable::Foreign)?;
        match version.as_u64() {
            Some(VERSION) => {}
            Some(newer) if newer > VERSION => return Err(Unreadable::Newer),
            _ => return Err(wrong(MARKER, "no version of this shape")),
        }
        let workflow = document.shift_remove("workflow").map(|id| workflow_of(&id)).transpose()?;
        if let Some(field) =
            document.keys().find(|key| !matches!(key.as_str(), "inputs" | "steps" | "groups" | "notes"))
        {
            return Err(wrong(field, "not known"));
        }
        let definition = definition_of(document)?;
        Ok(Self { workflow, definition })
    }
}

fn wrong(field: &str, wrong: &'static str) -> Unreadable {
    Unreadable::Wrong { field: field.to_owned(), wrong }
}

fn workflow_of(id: &Value) -> Result<TemplateId, Unreadable> {
    id.as_str().and_then(|id| id.parse().ok()).ok_or_else(|| wrong("workflow", "no id of a workflow"))
}

fn definition_of(document: Map<String, Value>) -> Result<Definition, Unreadable> {
    let definition = Definition::from_value(&Value::Object(document)).map_err(|unstorable| match unstorable {
        Unstorable::TooLarge { bytes } => Unreadable::TooLarge { bytes },
        Unstorable::TooManySteps { steps } => Unreadable::TooManySteps { n: steps },
        Unstorable::TooManyDependencies { n, .. } => Unreadable::TooManyLines { n },
        other => Unreadable::Damaged(other.to_string()),
    })?;
    if definition.steps.is_empty() && definition.notes.is_empty() {
        return Err(Unreadable::Empty);
    }
    if let Some(key) = definition.steps.keys().find(|key| !key.is_well_formed()) {
        return Err(wrong(&format!("steps.{key}"), "no key of a step"));
    }
    let n_lines = definition.steps.values().map(|step| step.direct_dependencies().len()).sum();
    if n_lines > MAX_DEPENDENCIES {
        return Err(Unreadable::TooManyLines { n: n_lines });
    }
    Ok(definition)
}

/// The middle of a long text is its dullest part: a place ends where something is wrong, and what is wrong comes last.
fn shortened(text: &str) -> String {
    const HEAD: usize = 100;
    const TAIL: usize = 100;
    let n = text.chars().count();
    if n <= HEAD + TAIL {
        return text.to_owned();
    }
    let (head, tail): (String, String) = (text.chars().take(HEAD).collect(), text.chars().skip(n - TAIL).collect());
    format!("{head}…{tail}")
}
