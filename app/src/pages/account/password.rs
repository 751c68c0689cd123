//! Change one's own password; the server ends all other sessions and all API tokens with it.

use leptos::prelude::*;

use crate::{
    api,
    components::{Button, ButtonType, Field, TextInput, use_toasts},
    form::{FormError, at_field, outcome},
    session::use_session,
};

#[component]
pub(super) fn Password(#[prop(into)] on_done: Callback<()>) -> impl IntoView {
    let toasts = use_toasts();
    let email = use_session().user_untracked().map(|user| user.email).unwrap_or_default();
    let current = RwSignal::new(String::new());
    let new = RwSignal::new(String::new());
    let change = Action::new(move |(): &()| api::change_password(current.get_untracked(), new.get_untracked()));
    let error = outcome(change, move |()| {
        current.set(String::new());
        new.set(String::new());
        toasts.success("Password changed. Your other sessions and all your API tokens have ended.");
        on_done.run(());
    });
    view! {
        <section class="card">
            <div class="card-head"><h2>"Password"</h2></div>
            <form
                class="card-body form"
                novalidate
                on:submit=move |event| {
                    event.prevent_default();
                    change.dispatch(());
                }
            >
                <p class="muted">"A new password signs you out everywhere else and ends all your tokens, those that you made for workers too: programs that use one need a new one."</p>
                <FormError error fields=&["current", "new", "password"]/>
                // Tells password managers whose password it is.
                <input type="email" class="visually-hidden" tabindex="-1" aria-hidden="true" autocomplete="username" readonly value=email/>
                <div class="form-row">
                    <Field id="current-password" label="Current password" error=at_field(error, "current")>
                        <TextInput value=current kind="password" autocomplete="current-password"/>
                    </Field>
                    <Field
                        id="new-password"
                        label="New password"
                        help="At least 12 characters"
                        error=Signal::derive(move || at_field(error, "new").get().or_else(|| at_field(error, "password").get()))
                    >
                        <TextInput value=new kind="password" autocomplete="new-password"/>
                    </Field>
                </div>
                <div class="form-actions">
                    <Button kind=ButtonType::Submit loading=change.pending()>"Change password"</Button>
                </div>
            </form>
        </section>
    }
}
