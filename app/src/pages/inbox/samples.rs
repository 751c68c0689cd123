//! Gates for the tests of words about them.
//! Must never be seen by a person.

use serde_json::{Value, json};
use workflow::api::InboxItem;

/// A gate that needs no words, with what is told of it otherwise.
pub(in crate::pages::inbox) fn item(more: &Value) -> InboxItem {
    let mut item = json!({
        "run_id": uuid::Uuid::nil(), "step": "draft", "title": "Draft", "template_id": uuid::Uuid::nil(),
        "template_name": "T", "about": null, "owner": "a@b.c", "generation": 1, "number": 1, "is_form": false,
        "round": 0, "max_rounds": 3, "opened_at": "2026-01-01T00:00:00Z", "due_at": null, "on_timeout": "fail",
        "quorum": 1, "votes": [], "n_asked": null, "groups": []
    });
    for (name, value) in more.as_object().unwrap() {
        item[name] = value.clone();
    }
    serde_json::from_value(item).unwrap()
}
