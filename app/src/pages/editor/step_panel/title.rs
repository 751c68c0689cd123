//! The title of the step, and its key: as long as nothing outside this draft knows the step, its key follows the title.
//! A key that somebody chose, or that a version has, stays.

use leptos::prelude::*;
use workflow::StepKey;

use super::{super::focus::field_id, one_step::OneStep};
use crate::components::{Field, TextInput};

#[component]
pub(super) fn Title(one: OneStep) -> impl IntoView {
    let draft = one.draft;
    let read = move || {
        one.key.with_value(|key| {
            draft.handle.with_definition_untracked(|definition| {
                definition.steps.get(key).map(|step| step.title_or(key).to_owned())
            })
        })
    };
    let title = draft.bind(
        move |definition| {
            one.key.with_value(|key| definition.steps.get(key).map(|step| step.title.clone())).unwrap_or_default()
        },
        move |title| one.change("Rename step", |step| step.title = title),
    );
    let placeholder = one.key().to_string();
    // What the key may have been made from.
    let before = StoredValue::new(None::<String>);
    let left = move || {
        // Taken off the page with the focus in it, the field loses it when its signals are gone already.
        let (Some(Some(old)), Some(key)) = (before.try_update_value(Option::take), one.key.try_get_value()) else {
            return;
        };
        if read().is_some_and(|now| now != old) && is_made_from(&key, &old) && !draft.is_known_outside(&key) {
            draft.rename_key_for_title(&key);
        }
    };
    view! {
        <div on:focusin=move |_| before.set_value(read()) on:focusout=move |_| left()>
            <Field id=field_id("title") label="Title" error=one.problem("title")>
                <TextInput value=title maxlength=200 placeholder autocomplete="off"/>
            </Field>
        </div>
    }
}

/// Whether the key is what a title gave, with or without a number that told it from others.
fn is_made_from(key: &StepKey, title: &str) -> bool {
    let plain = canvas::fresh_key(&workflow::Definition::default(), title);
    key.as_str().strip_prefix(plain.as_str()).is_some_and(|rest| {
        rest.is_empty()
            || rest.strip_prefix('_').is_some_and(|n| !n.is_empty() && n.bytes().all(|byte| byte.is_ascii_digit()))
    })
}

#[cfg(test)]
mod tests {
    use super::is_made_from;

    #[test]
    fn a_key_that_was_chosen_is_told_from_one_that_a_title_gave() {
        for (key, title, is_so) in [
            ("clean_text", "Clean text", true),
            ("clean_text_2", "Clean text", true),
            ("clean_text_2", "Clean text 2", true),
            ("clean_text_two", "Clean text", false),
            ("clean_text_", "Clean text", false),
            ("mine", "Clean text", false),
        ] {
            assert_eq!(is_made_from(&key.into(), title), is_so, "{key} of {title}");
        }
    }
}
