//! A start form that is filled in: by its link (`?input.topic=…`), or with what the person started this workflow with last on this device.
//! Must never start anything, never cover what was typed, and never take a secret or a file.

use std::collections::BTreeMap;

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use serde_json::Value;
use workflow::TemplateId;

use crate::{
    components::{Banner, Button, Size, dom::focus_soon},
    device,
    pages::input_form::{
        field::InputField,
        value::{Control, choice_label},
    },
    reactive::effect,
    unsent::{Texts, left_at},
};

/// Characters of one value that a link brings.
const MOST_CHARS: usize = 10_000;
/// What the names of a link's values begin with.
const PREFIX: &str = "input.";

#[derive(Clone, Copy)]
pub(super) struct Filled {
    fields: StoredValue<Vec<InputField>>,
    place: StoredValue<Option<String>>,
    is_by_link: RwSignal<bool>,
    /// What was used last, while nothing of it is taken up.
    last: RwSignal<Option<Texts>>,
}

impl Filled {
    /// Before what was typed and not sent is taken up: a link that somebody opens is meant.
    /// Where an earlier run fills it in (`is_again`), nothing else is offered.
    pub(super) fn new(id: TemplateId, fields: StoredValue<Vec<InputField>>, is_again: bool) -> Self {
        let place = device::place(&format!("used:{id}"));
        let filled = Self {
            fields,
            place: StoredValue::new(place.clone()),
            is_by_link: RwSignal::new(false),
            last: RwSignal::new(None),
        };
        let query = use_query_map();
        effect(move || {
            let last = place.as_deref().filter(|_| !is_again).and_then(left_at).filter(|last| !last.is_empty());
            let given = query.with_untracked(|query| {
                let value = |field: &InputField| query.get(&format!("{PREFIX}{}", field.key));
                fields.with_value(|fields| fields.iter().map(value).collect::<Vec<_>>())
            });
            // After what was typed before the page was taken over, which is newer.
            request_animation_frame(move || {
                let n_taken = fields.try_with_value(|fields| {
                    let texts = fields.iter().zip(given).filter_map(|(field, text)| Some((field, text?)));
                    texts.filter(|(field, text)| text_for(field, text).is_some_and(|text| field.take_up(&text))).count()
                });
                filled.is_by_link.try_set(n_taken.is_some_and(|n| n > 0));
                filled.last.try_set(last);
            });
        });
        filled
    }

    /// The run was started: what it was started with is what was used last.
    pub(super) fn sent(self) {
        let typed = |field: &InputField| field.typed().map(|text| (field.key.clone(), text));
        let texts =
            untrack(|| self.fields.with_value(|fields| fields.iter().filter_map(typed).collect::<BTreeMap<_, _>>()));
        self.place.with_value(|place| {
            // Where it does not fit it is not remembered, which costs nobody anything.
            if let (Some(place), Ok(texts)) = (place, serde_json::to_string(&texts)) {
                let _is_kept = device::write(place, &texts);
            }
        });
    }

    fn take_last(self) {
        let Some(last) = self.last.get_untracked() else { return };
        self.fields.with_value(|fields| {
            for field in fields {
                if let Some(text) = last.get(&field.key) {
                    field.take_up(text);
                }
            }
        });
        self.last.set(None);
        // The button goes, and the focus with it.
        if let Some(first) = self.fields.with_value(|fields| fields.first().map(|field| field.id.clone())) {
            focus_soon(first);
        }
    }
}

/// The text that a control holds for what a link says; none for what it cannot be.
fn text_for(field: &InputField, text: &str) -> Option<String> {
    as_control(field.control, field.input.schema.choices(), text)
}

fn as_control(control: Control, choices: &[Value], text: &str) -> Option<String> {
    if text.chars().count() > MOST_CHARS {
        return None;
    }
    match control {
        Control::Choice => choices.iter().find(|choice| choice_label(choice) == text).map(Value::to_string),
        Control::Switch => match text {
            "true" | "yes" | "1" => Some("true".to_owned()),
            "false" | "no" | "0" => Some("false".to_owned()),
            _ => None,
        },
        _ => Some(text.to_owned()),
    }
}

#[component]
pub(super) fn FilledNote(filled: Filled) -> impl IntoView {
    let take = move || view! { <Button size=Size::Sm on_click=move |()| filled.take_last()>"Fill in"</Button> };
    view! {
        <Show when=move || filled.is_by_link.get()>
            <Banner>"The link filled in this form. Look at it before you start."</Banner>
        </Show>
        <Show when=move || filled.last.with(Option::is_some)>
            <Banner action=take>"Fill in what you used last? It was kept on this device only."</Banner>
        </Show>
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_link_brings_what_a_control_can_hold_and_nothing_else() {
        let choices = [json!("plain"), json!(7)];
        for (control, text, expected) in [
            (Control::Line, "<b>x</b>", Some("<b>x</b>")),
            (Control::Choice, "plain", Some("\"plain\"")),
            (Control::Choice, "7", Some("7")),
            (Control::Choice, "loud", None),
            (Control::Switch, "yes", Some("true")),
            (Control::Switch, "maybe", None),
            (Control::Json, "[1", Some("[1")),
        ] {
            assert_eq!(as_control(control, &choices, text).as_deref(), expected, "{text}");
        }
        assert_eq!(as_control(Control::Text, &[], &"x".repeat(MOST_CHARS + 1)), None);
        assert!(as_control(Control::Text, &[], &"x".repeat(MOST_CHARS)).is_some());
    }
}
