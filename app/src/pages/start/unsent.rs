//! What is typed into a start form and not sent: kept on this device for the person and the workflow, and offered again.

use std::collections::BTreeMap;

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;
use workflow::TemplateId;

use crate::components::{Banner, Button, ConfirmDialog, Kind, Size};
use crate::device;
use crate::pages::input_form::field::InputField;
use crate::reactive::effect;
use crate::unsent::{Keeper, left_at};

#[derive(Clone, Copy)]
pub(super) struct Unsent {
    keeper: StoredValue<Keeper>,
    fields: StoredValue<Vec<InputField>>,
    /// Something was taken up from an earlier visit.
    is_restored: RwSignal<bool>,
}

impl Unsent {
    pub(super) fn new(id: TemplateId, fields: StoredValue<Vec<InputField>>) -> Self {
        let place = device::place(&format!("start:{id}"));
        let is_restored = RwSignal::new(false);
        let from = place.clone();
        effect(move || {
            let Some(kept) = from.as_deref().and_then(left_at) else { return };
            // After what was typed before the page was taken over, which is newer.
            request_animation_frame(move || {
                let is_any = fields.try_with_value(|fields| {
                    let taken = fields.iter().filter_map(|field| kept.get(&field.key).map(|text| field.take_up(text)));
                    taken.filter(|is_taken| *is_taken).count() > 0
                });
                is_restored.try_set(is_any == Some(true));
            });
        });
        let keeper = Keeper::follow(place, move || {
            let typed = |field: &InputField| field.typed().map(|text| (field.key.clone(), text));
            fields.with_value(|fields| fields.iter().filter_map(typed).collect::<BTreeMap<_, _>>())
        });
        Self { keeper: StoredValue::new(keeper), fields, is_restored }
    }

    /// The run was started.
    pub(super) fn sent(self) {
        self.keeper.with_value(Keeper::forget);
    }

    fn discard(self) {
        // Two frames later the dialog is closed and the note is gone, which had the focus.
        let first = self.fields.with_value(|fields| fields.first().map(|field| field.id.clone()));
        request_animation_frame(move || request_animation_frame(move || focus_field(first.as_deref())));
        self.fields.with_value(|fields| fields.iter().for_each(InputField::begin_anew));
        self.keeper.with_value(Keeper::forget);
        self.is_restored.set(false);
    }
}

/// The first field of the form, by its id.
fn focus_field(id: Option<&str>) {
    let field =
        id.and_then(|id| document().get_element_by_id(id)).and_then(|field| field.dyn_into::<HtmlElement>().ok());
    if let Some(field) = field {
        // What cannot take the focus leaves it where it was.
        let _ = field.focus();
    }
}

#[component]
pub(super) fn UnsentNote(unsent: Unsent) -> impl IntoView {
    let is_refused = unsent.keeper.with_value(|keeper| keeper.is_refused);
    let is_asking = RwSignal::new(false);
    let discard = move || view! { <Button size=Size::Sm on_click=move |()| is_asking.set(true)>"Discard"</Button> };
    view! {
        <Show when=move || unsent.is_restored.get()>
            <Banner action=discard>"What you typed before is back. It was kept on this device only."</Banner>
        </Show>
        <ConfirmDialog
            id="discard"
            open=is_asking
            danger=true
            title="Discard what you typed?"
            text="The form is as it was at first. What you typed is gone then, on this device too."
            confirm="Discard"
            on_confirm=move |()| {
                is_asking.set(false);
                unsent.discard();
            }
        />
        <Show when=move || is_refused.get()>
            <Banner kind=Kind::Warn>
                "This is too long to be kept on this device: start the run before you leave the page, or keep the text yourself."
            </Banner>
        </Show>
    }
}
