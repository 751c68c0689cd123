//! What is only drawn: colours, notes, and groups of steps. It belongs to the document and never to what runs.
//! Nothing here may be part of the semantic hash, nor read by anything but pictures and lists.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    id::StepKey,
    limits::{MAX_GROUPS, MAX_MARK_ID_BYTES, MAX_NAME_CHARS, MAX_NOTE_SIDE, MAX_NOTE_TEXT_CHARS, MAX_NOTES},
    words::{count, number},
};

/// One of few colours, which hold their contrast in every theme: what they look like is for the style sheet to say.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Colour {
    Red,
    Amber,
    Green,
    Teal,
    Blue,
    Violet,
}

impl Colour {
    pub const ALL: [Self; 6] = [Self::Red, Self::Amber, Self::Green, Self::Teal, Self::Blue, Self::Violet];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Red => "red",
            Self::Amber => "amber",
            Self::Green => "green",
            Self::Teal => "teal",
            Self::Blue => "blue",
            Self::Violet => "violet",
        }
    }

    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Red => "Red",
            Self::Amber => "Amber",
            Self::Green => "Green",
            Self::Teal => "Teal",
            Self::Blue => "Blue",
            Self::Violet => "Violet",
        }
    }
}

/// A note on the canvas, in Markdown.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Note {
    pub id: String,
    pub text: String,
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub colour: Option<Colour>,
}

/// A frame around steps. Which ones is theirs to say, so that a step is in one group at most and takes it along.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Group {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub title: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub colour: Option<Colour>,
}

/// Why a note or a group cannot be stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DrawingFault {
    #[error("{n} notes; a workflow has at most {MAX_NOTES}. Take some out")]
    TooManyNotes { n: usize },
    #[error("{n} groups; a workflow has at most {MAX_GROUPS}. Take some out")]
    TooManyGroups { n: usize },
    #[error(
        "the note has {}; at most {} are stored. Shorten it, or make two of it",
        count(*.chars, "character"),
        number(MAX_NOTE_TEXT_CHARS)
    )]
    NoteTooLong { chars: usize },
    #[error("a note is at least 0 and at most {MAX_NOTE_SIDE} wide and high, and its place is a finite number")]
    NoteOutOfBounds,
    #[error("the title of the group has {}; at most {MAX_NAME_CHARS} are stored. Shorten it", count(*.chars, "character"))]
    TitleTooLong { chars: usize },
    #[error(
        "an id has at least 1 and at most {MAX_MARK_ID_BYTES} letters from A to Z, digits, hyphens and underscores"
    )]
    BadId,
    #[error("another note has the same id. Give each its own")]
    IdTwice,
}

impl Note {
    /// What keeps it from being stored.
    pub fn fault(&self) -> Option<DrawingFault> {
        let chars = self.text.chars().count();
        let is_side = |side: f64| (0.0..=MAX_NOTE_SIDE).contains(&side);
        if !is_id(&self.id) {
            Some(DrawingFault::BadId)
        } else if chars > MAX_NOTE_TEXT_CHARS {
            Some(DrawingFault::NoteTooLong { chars })
        } else if !(is_side(self.width) && is_side(self.height) && self.x.is_finite() && self.y.is_finite()) {
            Some(DrawingFault::NoteOutOfBounds)
        } else {
            None
        }
    }

    /// What it is called in a list: its first words.
    pub fn title(&self) -> String {
        const MOST: usize = 60;
        let is_sign = |c: char| c.is_whitespace() || matches!(c, '#' | '>' | '*' | '-' | '_' | '`');
        let line = self.text.lines().map(|line| line.trim_matches(is_sign)).find(|line| !line.is_empty());
        let title: String = line.unwrap_or_default().chars().take(MOST).collect();
        if title.is_empty() { "Empty note".to_owned() } else { title }
    }
}

impl Group {
    /// What keeps it from being stored under this id.
    pub fn fault(&self, id: &str) -> Option<DrawingFault> {
        let chars = self.title.chars().count();
        if !is_id(id) {
            Some(DrawingFault::BadId)
        } else if chars > MAX_NAME_CHARS {
            Some(DrawingFault::TitleTooLong { chars })
        } else {
            None
        }
    }

    pub fn title_or(&self) -> &str {
        if self.title.trim().is_empty() { "Group" } else { &self.title }
    }
}

/// Pages name their elements by it, where a space would end a name.
fn is_id(id: &str) -> bool {
    (1..=MAX_MARK_ID_BYTES).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// The first thing drawn that cannot be stored, with its place in the document. `members` are steps, each with the id of its group.
pub(super) fn fault<'a>(
    notes: &[Note],
    groups: &BTreeMap<String, Group>,
    mut members: impl Iterator<Item = (&'a StepKey, &'a str)>,
) -> Option<(String, DrawingFault)> {
    let (n_notes, n_groups) = (notes.len(), groups.len());
    if n_notes > MAX_NOTES {
        return Some(("notes".to_owned(), DrawingFault::TooManyNotes { n: n_notes }));
    }
    if n_groups > MAX_GROUPS {
        return Some(("groups".to_owned(), DrawingFault::TooManyGroups { n: n_groups }));
    }
    let mut ids = BTreeSet::new();
    for (n, note) in notes.iter().enumerate() {
        let twice = (!ids.insert(&note.id)).then_some(DrawingFault::IdTwice);
        if let Some(fault) = note.fault().or(twice) {
            return Some((format!("notes[{n}]"), fault));
        }
    }
    for (n, (id, group)) in groups.iter().enumerate() {
        if let Some(fault) = group.fault(id) {
            // An id that is too long is no good place to name.
            let place = if fault == DrawingFault::BadId { format!("groups[{n}]") } else { format!("groups.{id}") };
            return Some((place, fault));
        }
    }
    let bad = members.find(|(_, id)| !is_id(id));
    bad.map(|(key, _)| (format!("steps.{key}.group"), DrawingFault::BadId))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::definition::{Definition, Unstorable};

    fn document() -> Value {
        json!({
            "steps": {"a": {"agent_id": "x", "depends_on": [], "colour": "teal", "group": "g"}},
            "groups": {"g": {"title": "Intake", "colour": "blue"}},
            "notes": [{"id": "n", "text": "# Why\n\n- so", "x": 1.0, "y": 2.0, "width": 200.0, "height": 100.0, "colour": "amber"}]
        })
    }

    #[test]
    fn what_is_only_drawn_is_kept_and_means_nothing() {
        let drawn = Definition::from_value(&document()).unwrap();
        let again = drawn.to_value();
        for part in ["steps", "groups", "notes"] {
            assert_eq!(again[part], document()[part]);
        }
        let bare = Definition::from_value(&json!({"steps": {"a": {"agent_id": "x"}}})).unwrap();
        assert_ne!(drawn, bare);
        assert_eq!(drawn.semantic_hash(), bare.semantic_hash());
        assert_eq!(drawn.notes[0].title(), "Why");
        assert_eq!(Note::default().title(), "Empty note");
    }

    #[test]
    fn what_cannot_be_stored_is_named_with_its_place() {
        let note = |id: &str, text: &str, width: f64| json!({"id": id, "text": text, "width": width});
        let notes = |n: usize| Value::from((0..n).map(|n| note(&n.to_string(), "x", 10.0)).collect::<Vec<_>>());
        let groups = |n: usize| Value::Object((0..n).map(|n| (format!("g{n}"), json!({}))).collect());
        let long = "x".repeat(MAX_NOTE_TEXT_CHARS + 1);
        for (part, value, place, fault) in [
            ("notes", notes(MAX_NOTES + 1), "notes", DrawingFault::TooManyNotes { n: MAX_NOTES + 1 }),
            ("groups", groups(MAX_GROUPS + 1), "groups", DrawingFault::TooManyGroups { n: MAX_GROUPS + 1 }),
            ("notes", json!([note("n", &long, 1.0)]), "notes[0]", DrawingFault::NoteTooLong { chars: long.len() }),
            ("notes", json!([note("n", "", -1.0)]), "notes[0]", DrawingFault::NoteOutOfBounds),
            ("notes", json!([note("n", "", 1e300)]), "notes[0]", DrawingFault::NoteOutOfBounds),
            ("notes", json!([note("", "", 1.0)]), "notes[0]", DrawingFault::BadId),
            ("notes", json!([note("n", "", 1.0), note("n", "", 1.0)]), "notes[1]", DrawingFault::IdTwice),
            ("groups", json!({"g": {"title": "x".repeat(201)}}), "groups.g", DrawingFault::TitleTooLong { chars: 201 }),
            ("notes", json!([note("n 1", "", 1.0)]), "notes[0]", DrawingFault::BadId),
            ("groups", json!({"": {}}), "groups[0]", DrawingFault::BadId),
            ("groups", json!({"g\"1": {}}), "groups[0]", DrawingFault::BadId),
            ("steps", json!({"a": {"agent_id": "x", "group": ""}}), "steps.a.group", DrawingFault::BadId),
            ("steps", json!({"a": {"agent_id": "x", "group": "ä"}}), "steps.a.group", DrawingFault::BadId),
        ] {
            let mut document = document();
            document[part] = value;
            let refused = Definition::from_value(&document).unwrap_err();
            assert_eq!(refused, Unstorable::Drawing { path: place.to_owned(), fault });
            assert_eq!(refused.field(), format!("definition.{place}"));
        }
        let mut other = document();
        other["steps"]["a"]["colour"] = json!("mauve");
        assert_eq!(Definition::from_value(&other).unwrap_err().field(), "definition.steps.a.colour");
        assert!(Definition::from_value(&json!({"notes": notes(MAX_NOTES), "groups": groups(MAX_GROUPS)})).is_ok());
    }
}
