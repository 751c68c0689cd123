//! The form of a dialog: what is filled in, and at its end what leaves it and what sends it.
//! Sending is its owner's, who closes the dialog when it is done; must never clear what was typed.

use leptos::prelude::*;

use super::button::{Button, ButtonType, Variant};

#[component]
pub fn DialogForm(
    /// The dialog that it is in.
    open: RwSignal<bool>,
    /// What sending it does, on its button.
    submit: &'static str,
    /// While true it is on its way.
    #[prop(into)]
    pending: Signal<bool>,
    #[prop(into)] on_submit: Callback<()>,
    children: Children,
) -> impl IntoView {
    view! {
        <form
            class="form"
            novalidate
            autocomplete="off"
            on:submit=move |event| {
                event.prevent_default();
                on_submit.run(());
            }
        >
            {children()}
            <div class="form-actions">
                <Button on_click=move |()| open.set(false)>"Close"</Button>
                <Button variant=Variant::Primary kind=ButtonType::Submit loading=pending>{submit}</Button>
            </div>
        </form>
    }
}
