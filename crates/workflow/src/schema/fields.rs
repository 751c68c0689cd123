//! The fields of an object type, edited one by one: added, named, moved, taken away, required or not; at any depth.
//! What such an edit does not name stays as it is: a type says more than its fields can show.

use super::{Kind, Schema};

/// Objects and lists within each other that the fields offer; what is deeper is written as JSON.
pub const MAX_FIELD_LEVELS: usize = 12;
const MAX_NAME_CHARS: usize = 200;

/// A way into a type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Within {
    /// The field at this place.
    Field(usize),
    /// What each item of a list is.
    Items,
}

/// Why a field cannot have a name.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FieldFault {
    #[error("Give the field a name")]
    Empty,
    #[error("There is a field `{0}` already")]
    Taken(String),
    #[error("Keep the name under 200 characters, on one line")]
    Malformed,
}

impl Schema {
    /// The type at a place within this one.
    pub fn within(&self, place: &[Within]) -> Option<&Self> {
        place.iter().try_fold(self, |schema, step| match step {
            Within::Field(n) => schema.properties.get_index(*n).map(|(_, field)| field),
            Within::Items => schema.items.as_deref(),
        })
    }

    pub fn within_mut(&mut self, place: &[Within]) -> Option<&mut Self> {
        place.iter().try_fold(self, |schema, step| match step {
            Within::Field(n) => schema.properties.get_index_mut(*n).map(|(_, field)| field),
            Within::Items => schema.items.as_deref_mut(),
        })
    }

    /// The name of a field, by its place.
    pub fn field_name(&self, n: usize) -> Option<&str> {
        self.properties.get_index(n).map(|(name, _)| name.as_str())
    }

    /// Adds a field of text at the end, which must be there; answers with its place.
    pub fn add_field(&mut self) -> usize {
        let free = (1..=u32::MAX).map(|n| format!("field_{n}")).find(|name| !self.properties.contains_key(name));
        let name = free.unwrap_or_default();
        self.required.push(name.clone());
        self.properties.insert(name, Self::text());
        self.properties.len() - 1
    }

    /// Gives a field another name; it stays where it is, and required or not.
    pub fn rename_field(&mut self, n: usize, new: &str) -> Result<(), FieldFault> {
        let Some(old) = self.field_name(n).map(str::to_owned).filter(|old| old != new) else { return Ok(()) };
        if new.trim().is_empty() {
            return Err(FieldFault::Empty);
        }
        if new.chars().count() > MAX_NAME_CHARS || new.chars().any(char::is_control) {
            return Err(FieldFault::Malformed);
        }
        if self.properties.contains_key(new) {
            return Err(FieldFault::Taken(new.to_owned()));
        }
        // A name may be required that no field has; it would be named twice.
        self.required.retain(|name| name != new);
        for name in self.required.iter_mut().filter(|name| **name == old) {
            new.clone_into(name);
        }
        let renamed = std::mem::take(&mut *self.properties).into_iter();
        *self.properties =
            renamed.map(|(name, field)| (if name == old { new.to_owned() } else { name }, field)).collect();
        Ok(())
    }

    pub fn remove_field(&mut self, n: usize) {
        if let Some((name, _)) = self.properties.shift_remove_index(n) {
            self.required.retain(|required| *required != name);
        }
    }

    /// One place up or down.
    pub fn move_field(&mut self, n: usize, is_up: bool) {
        let other = if is_up { n.checked_sub(1) } else { n.checked_add(1) };
        if let Some(other) = other.filter(|other| (*other).max(n) < self.properties.len()) {
            self.properties.swap_indices(n, other);
        }
    }

    pub fn is_required_field(&self, n: usize) -> bool {
        self.field_name(n).is_some_and(|name| self.required.iter().any(|required| required == name))
    }

    pub fn require_field(&mut self, n: usize, is_required: bool) {
        let Some(name) = self.field_name(n).map(str::to_owned) else { return };
        if self.is_required_field(n) != is_required {
            self.required.retain(|required| *required != name);
            if is_required {
                self.required.push(name);
            }
        }
    }

    /// Names that are required and that no field has.
    pub fn required_elsewhere(&self) -> impl Iterator<Item = &String> {
        self.required.iter().filter(|name| !self.properties.contains_key(*name))
    }

    /// How its parts are nested, whatever they are called or said to be: typing a name leaves it the same.
    pub fn shape(&self) -> String {
        let kind = self.kind.map_or("", Kind::as_str);
        let fields: String = self.properties.values().map(Self::shape).collect();
        let items = self.items.as_ref().map(|items| format!("[{}]", items.shape())).unwrap_or_default();
        let is_choice = self.choices.is_some();
        format!("({kind}{is_choice}{}{}{fields}{items})", self.format, self.required.len())
    }

    /// Whether a field stands at another place than before, at any depth. Typing a name leaves each where it is.
    pub fn is_reordered(&self, before: &Self) -> bool {
        let is_moved = |(n, name): (usize, &String)| before.properties.get_index_of(name).is_some_and(|was| was != n);
        let fields = || self.properties.values().zip(before.properties.values());
        let items = self.items.as_deref().zip(before.items.as_deref());
        self.properties.keys().enumerate().any(is_moved)
            || fields().chain(items).any(|(now, before)| now.is_reordered(before))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn schema(document: serde_json::Value) -> Schema {
        serde_json::from_value(document).unwrap()
    }

    #[test]
    fn a_field_is_added_named_moved_required_and_taken_away() {
        let mut object = Schema::of(Kind::Object);
        assert_eq!((object.add_field(), object.add_field()), (0, 1));
        object.rename_field(0, "title").unwrap();
        object.rename_field(1, "n").unwrap();
        object.require_field(1, false);
        object.move_field(1, true);
        object.move_field(1, false);
        object.move_field(0, true);
        let expected =
            r#"{"type":"object","properties":{"n":{"type":"string"},"title":{"type":"string"}},"required":["title"]}"#;
        assert_eq!(serde_json::to_string(&object).unwrap(), expected);
        assert_eq!(object.rename_field(0, "title"), Err(FieldFault::Taken("title".into())));
        assert_eq!(object.rename_field(0, " "), Err(FieldFault::Empty));
        assert_eq!(object.rename_field(0, "a\nb"), Err(FieldFault::Malformed));
        object.remove_field(1);
        assert_eq!(
            serde_json::to_string(&object).unwrap(),
            r#"{"type":"object","properties":{"n":{"type":"string"}}}"#
        );
    }

    #[test]
    fn what_lies_deeper_is_reached_and_the_rest_stays_as_it_is() {
        let document = json!({"type": "object", "format": "odd", "required": ["gone"], "properties": {
            "list": {"type": "array", "description": "D", "items": {"type": "object", "properties": {"a": {"type": "null"}}}}}});
        let mut object = schema(document.clone());
        let place = [Within::Field(0), Within::Items];
        object.within_mut(&place).unwrap().rename_field(0, "b").unwrap();
        assert_eq!(object.within(&place).unwrap().field_name(0), Some("b"));
        assert_eq!(object.required_elsewhere().collect::<Vec<_>>(), ["gone"]);
        object.within_mut(&place).unwrap().rename_field(0, "a").unwrap();
        assert_eq!(serde_json::to_value(&object).unwrap(), document);
        assert!(object.within(&[Within::Field(1)]).is_none() && object.within(&[Within::Items]).is_none());
    }

    fn any_object() -> impl Strategy<Value = Schema> {
        prop::collection::btree_map("[a-d]", prop::bool::ANY, 0..4).prop_map(|fields| {
            let mut object = Schema::of(Kind::Object);
            for (name, is_required) in fields {
                object.properties.insert(name.clone(), Schema::of(Kind::Number));
                object.required.extend(is_required.then_some(name));
            }
            object
        })
    }

    proptest! {
        #[test]
        fn no_edit_loses_a_field_or_requires_one_twice(
            mut object in any_object(), edits in prop::collection::vec((0_u8..5, 0_usize..5, "[a-f]", prop::bool::ANY), 0..12),
        ) {
            for (edit, n, name, flag) in edits {
                let before: Vec<String> = object.properties.keys().cloned().collect();
                let mut wanted = before.len();
                match edit {
                    0 => { object.add_field(); wanted += 1 }
                    1 => { let _ = object.rename_field(n, &name); }
                    2 => { object.remove_field(n); wanted -= usize::from(n < before.len()) }
                    3 => object.move_field(n, flag),
                    _ => object.require_field(n, flag),
                }
                prop_assert_eq!(object.properties.len(), wanted);
                let mut required = object.required.clone();
                required.sort();
                required.dedup();
                prop_assert_eq!(required.len(), object.required.len());
                prop_assert_eq!(object.required_elsewhere().count(), 0);
            }
        }
    }
}
