//! The type that fields are edited of: read from its JSON, and written back into it.
//! It must never write a type that it could not read.

use std::collections::BTreeMap;

use leptos::prelude::*;
use workflow::schema::{Kind, Schema, Within};

use super::words::{field_word, inside, is_number, pretty, schema_of, words_of};
use crate::reactive::memo;

#[derive(Clone, Copy)]
pub(super) struct Editing {
    json: RwSignal<String>,
    /// None while the JSON is none.
    pub(super) schema: Memo<Option<Schema>>,
    kind: Kind,
    pub(super) disabled: Signal<bool>,
    /// What was there before another type was chosen, by place and word.
    left: StoredValue<BTreeMap<String, Schema>>,
}

impl Editing {
    pub(super) fn new(json: RwSignal<String>, kind: Kind, disabled: Signal<bool>) -> Self {
        let schema = memo(move || json.with(|json| inside(json, kind)).ok());
        Self { json, schema, kind, disabled, left: StoredValue::new(BTreeMap::new()) }
    }

    pub(super) fn read<R: Default>(self, place: &[Within], f: impl FnOnce(&Schema) -> R) -> R {
        self.schema.with(|schema| schema.as_ref().and_then(|schema| schema.within(place)).map(f)).unwrap_or_default()
    }

    /// Changes the part at a place; none where there is none.
    pub(super) fn change<R>(self, place: &[Within], f: impl FnOnce(&mut Schema) -> R) -> Option<R> {
        let before = self.schema.get_untracked()?;
        let mut after = before.clone();
        let answer = f(after.within_mut(place)?);
        if after != before {
            self.json.set(if after == Schema::of(self.kind) { String::new() } else { pretty(&after) });
        }
        Some(answer)
    }

    /// The same where fields come, go, move or get other names: a place is another one then, and what was left at it is of another field.
    pub(super) fn rearrange<R>(self, place: &[Within], f: impl FnOnce(&mut Schema) -> R) -> Option<R> {
        self.left.update_value(BTreeMap::clear);
        self.change(place, f)
    }

    /// Puts another type there. What a list holds may not have been said yet.
    pub(super) fn set(self, place: &[Within], schema: Schema) {
        match place.split_last() {
            Some((Within::Items, list)) => {
                self.change(list, |list| list.items = (schema != Schema::any()).then(|| Box::new(schema)));
            }
            _ => {
                self.change(place, |part| *part = schema);
            }
        }
    }

    /// Chooses another word for the type there; its description stays, and so does what was there under that word. A number keeps its bounds.
    pub(super) fn choose(self, place: &[Within], word: &str) {
        let now = untrack(|| self.read(place, Clone::clone));
        let was = field_word(&now);
        if was == word {
            return;
        }
        let description = now.description.clone();
        let is_number_still = is_number(was) && is_number(word);
        let bounds = if is_number_still {
            words_of(&Schema { description: String::new(), ..now.clone() }).1
        } else {
            String::new()
        };
        let key = |word: &str| format!("{place:?} {word}");
        let before = self.left.try_update_value(|left| {
            left.insert(key(was), now);
            left.get(&key(word)).cloned()
        });
        let next =
            before.flatten().filter(|_| !is_number_still).or_else(|| schema_of(word, &bounds).ok()).unwrap_or_default();
        self.set(place, Schema { description, ..next });
    }
}

/// The id of the first control of a place.
pub(super) fn place_id(id: &str, place: &[Within]) -> String {
    let mut text = id.to_owned();
    for step in place {
        match step {
            Within::Field(n) => {
                text.push('-');
                text.push_str(&n.to_string());
            }
            Within::Items => text.push_str("-item"),
        }
    }
    text
}
