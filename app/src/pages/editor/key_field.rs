//! A key that can be changed: of a step, or of a run input. It is taken over by Enter, or when the field is left, with everything that
//! names it; Esc brings back the one it has. A key that cannot be given changes nothing, and says why.

use leptos::{ev::KeyboardEvent, prelude::*};

use super::draft::Draft;
use crate::components::{
    Field, TextInput,
    dom::{by_id, focus_if_lost, key_of},
};
use canvas::{Edit, KeyFault};
use workflow::{Definition, StepKey};

#[component]
pub(super) fn KeyField(
    #[prop(into)] id: String,
    #[prop(into)] key: String,
    #[prop(into)] help: Signal<String>,
    #[prop(optional, into)] error: Signal<Option<String>>,
    /// Gives the key, or says why that cannot be.
    rename: Callback<String, Result<(), String>>,
) -> impl IntoView {
    let text = RwSignal::new(key.clone());
    let fault = RwSignal::new(None::<String>);
    let stored = StoredValue::new(key);
    let is_as_it_was = move || stored.with_value(|key| text.with_untracked(|text| text.trim() == key));
    let take = move || {
        // Taken off the page with the focus in it, the field blurs when its signals are gone already.
        let Some(new) = text.try_get_untracked().map(|text| text.trim().to_owned()) else { return };
        let answer = if is_as_it_was() { Ok(()) } else { rename.run(new.clone()) };
        if answer.is_ok() {
            // It comes with the next frame; until then, leaving the field is no second wish.
            stored.set_value(new);
        }
        fault.set(answer.err());
    };
    let press = move |event: KeyboardEvent| match key_of(&event).as_str() {
        "Enter" => {
            event.prevent_default();
            take();
        }
        // Once it is as it was, Esc means what it means in every field.
        "Escape" if !is_as_it_was() => {
            event.prevent_default();
            event.stop_propagation();
            text.set(stored.get_value());
            fault.set(None);
        }
        _ => {}
    };
    let error = Signal::derive(move || fault.get().or_else(|| error.get()));
    view! {
        <div on:focusout=move |_| take() on:keydown=press>
            <Field id label="Key" help error>
                <TextInput value=text mono=true autocomplete="off"/>
            </Field>
        </div>
    }
}

/// Gives a step another key, or says why that cannot be.
pub(super) fn rename_step(draft: Draft, key: &StepKey, new: String) -> Result<(), String> {
    let key = key.clone();
    let edit = move |definition: &Definition| canvas::rename_step(definition, &key, &new);
    rename(draft, edit, str::to_owned, || {})
}

/// The same of a run input; `then` runs right before.
pub(super) fn rename_run_input(
    draft: Draft,
    old: &str,
    new: &str,
    then: impl FnOnce() + 'static,
) -> Result<(), String> {
    let (from, to) =
        (super::focus::field_id(&format!("inputs.{old}")), super::focus::field_id(&format!("inputs.{new}")));
    let (old, new) = (old.to_owned(), new.to_owned());
    let edit = move |definition: &Definition| canvas::rename_run_input(definition, &old, &new);
    let id_after = move |id: &str| match id.strip_prefix(&from) {
        Some(rest) => format!("{to}{rest}"),
        None => id.to_owned(),
    };
    rename(draft, edit, id_after, then)
}

/// Judges at once, and renames when nobody holds anything on the canvas any more. The fields are drawn anew for another key: the one that
/// has the keyboard by then gets it back.
fn rename(
    draft: Draft,
    edit: impl Fn(&Definition) -> Result<Edit, KeyFault> + 'static,
    id_after: impl Fn(&str) -> String + 'static,
    before: impl FnOnce() + 'static,
) -> Result<(), String> {
    draft.handle.with_definition_untracked(&edit).map_err(|fault| fault.to_string())?;
    when_let_go(
        draft,
        Box::new(move || {
            let focused = document().active_element().map(|element| element.id()).filter(|id| !id.is_empty());
            before();
            match draft.handle.with_definition_untracked(&edit) {
                Ok(edit) => {
                    draft.apply(edit, "Rename key");
                }
                Err(fault) => draft.toasts.error(fault.to_string()),
            }
            if let Some(id) = focused {
                // One that cannot take it leaves the keyboard where it is.
                focus_if_lost(move || by_id(&id_after(&id)));
            }
        }),
    );
    Ok(())
}

fn when_let_go(draft: Draft, run: Box<dyn FnOnce()>) {
    request_animation_frame(move || {
        // The page may have been left meanwhile.
        if draft.name.try_get_untracked().is_none() {
            return;
        }
        if draft.handle.is_held() { when_let_go(draft, run) } else { run() }
    });
}
