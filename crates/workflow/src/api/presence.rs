//! Who else is here: what a page says of where it is, and what it hears of the others there.
//! Known while sockets are open and never kept: nothing of this may be stored, nor decide what anybody may do.

use serde::{Deserialize, Serialize};

use crate::id::{RunId, StepKey, TemplateId};

/// Steps that are told as selected by one person; of more, these are the first.
pub const MAX_SELECTED: usize = 8;
/// Bytes of a key that is told: the key of a step, with that of an item.
const MAX_KEY_BYTES: usize = 200;

/// Where people meet.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// The draft of a workflow, in the editor.
    Workflow(TemplateId),
    /// A run, and the gates in it.
    Run(RunId),
}

/// What a page says of where it is: with each change, and on each new socket.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Whereabouts {
    /// None: nowhere that others could be. It must be said, or any message would be one of these.
    #[serde(deserialize_with = "Option::deserialize")]
    pub at: Option<Place>,
    /// The steps that are selected there.
    #[serde(default)]
    pub selected: Vec<StepKey>,
}

impl Whereabouts {
    /// As much of it as others are told.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        self.selected.retain(|key| key.as_str().len() <= MAX_KEY_BYTES);
        self.selected.truncate(MAX_SELECTED);
        self
    }
}

/// What a page hears of the place where it is, all of it; told whenever that changes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Company {
    pub at: Place,
    /// Other people, by name.
    pub others: Vec<Visitor>,
    /// There are more than are told.
    #[serde(default)]
    pub and_more: bool,
    /// Tabs that the reader has open there beside this one.
    #[serde(default)]
    pub own_tabs: u32,
}

/// Somebody else who is there.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Visitor {
    /// By which people know them: their email.
    pub name: String,
    #[serde(default)]
    pub selected: Vec<StepKey>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::api::Follow;

    #[test]
    fn where_somebody_is_must_be_said_or_it_is_another_message() {
        let id = "00000000-0000-0000-0000-000000000001";
        let said: Whereabouts = serde_json::from_value(json!({"at": {"run": id}, "selected": ["a", "b[x]"]})).unwrap();
        assert_eq!(said.at, Some(Place::Run(id.parse().unwrap())));
        assert_eq!(serde_json::to_value(&said).unwrap(), json!({"at": {"run": id}, "selected": ["a", "b[x]"]}));
        let nowhere: Whereabouts = serde_json::from_value(json!({"at": null})).unwrap();
        assert_eq!(nowhere, Whereabouts::default());
        let follow = serde_json::to_value(Follow { after: 3, told_at: None }).unwrap();
        assert!(serde_json::from_value::<Whereabouts>(follow).is_err());
        for no_place in [json!({"run": "x"}), json!({"door": id}), json!("run"), json!(7)] {
            assert!(serde_json::from_value::<Whereabouts>(json!({"at": no_place})).is_err(), "{no_place}");
        }
    }

    #[test]
    fn what_is_told_of_a_selection_is_bounded() {
        let mut selected = vec![StepKey::new("x".repeat(MAX_KEY_BYTES + 1))];
        selected.extend((0..1_000).map(|n| StepKey::new(format!("s{n}"))));
        let told = Whereabouts { at: None, selected }.bounded().selected;
        let first: Vec<String> = (0..MAX_SELECTED).map(|n| format!("s{n}")).collect();
        assert_eq!(told.iter().map(StepKey::as_str).collect::<Vec<_>>(), first);
    }
}
