//! What dialogs that make a token share: the password is given again, the token is shown once, and the dialog is not closed over it by accident.
//! Must never keep a token anywhere but on the screen.

use leptos::prelude::*;
use workflow::api::ErrorCode;

use crate::{
    api,
    components::{
        Banner, Button, ButtonType, CopyButton, Field, Kind, SelectOption, TextInput, Variant, focus_in_dialog,
    },
    error::AppError,
    form::{FormError, at_field, outcome},
    reactive::effect,
    session::use_session,
};

/// Whether a token is shown that nobody has copied, and whether somebody tried to close the dialog over it.
#[derive(Clone, Copy)]
pub(in crate::pages) struct Shown {
    pub is_uncopied: RwSignal<bool>,
    pub is_asked: RwSignal<bool>,
}

impl Shown {
    pub(in crate::pages) fn new() -> Self {
        Self { is_uncopied: RwSignal::new(false), is_asked: RwSignal::new(false) }
    }

    pub(in crate::pages) fn set(self, is_uncopied: bool) {
        self.is_uncopied.set(is_uncopied);
        self.is_asked.set(false);
    }
}

#[derive(Clone, PartialEq, Eq)]
enum Step {
    Choose,
    Confirm,
    Made(String),
}

/// The way through such a dialog: choose, give the password where it was given long ago, see the token. `choose` draws the first step with
/// the error to show; what it holds must belong to the caller, so that nothing chosen is lost on the way.
pub(in crate::pages) fn making<T: Clone + Send + Sync + 'static>(
    dialog: &'static str,
    open: RwSignal<bool>,
    shown: Shown,
    create: Action<(), Result<T, AppError>>,
    token_of: fn(T) -> String,
    on_done: Callback<()>,
    choose: impl Fn(Signal<Option<AppError>>) -> AnyView + Send + 'static,
) -> impl IntoView {
    let step = RwSignal::new(Step::Choose);
    let error = outcome(create, move |created: T| {
        step.set(Step::Made(token_of(created)));
        shown.set(true);
        on_done.run(());
        // The form that had the focus is gone; Esc would go past the dialog.
        focus_in_dialog(dialog);
    });
    let wants_password =
        move || error.with(|error| error.as_ref().is_some_and(|error| error.code() == ErrorCode::ConfirmPassword));
    effect(move || {
        if wants_password() {
            step.set(Step::Confirm);
            focus_in_dialog(dialog);
        } else if error.with(Option::is_some) {
            step.set(Step::Choose);
        }
    });
    let shown_error = Signal::derive(move || if wants_password() { None } else { error.get() });
    let retry = Callback::new(move |()| {
        create.dispatch(());
    });
    move || match step.get() {
        Step::Choose => choose(shown_error),
        Step::Confirm => {
            view! { <ConfirmPassword is_busy=create.pending() on_back=move |()| step.set(Step::Choose) on_done=retry/> }
                .into_any()
        }
        Step::Made(token) => view! { <Made token open shown/> }.into_any(),
    }
}

/// What was made, shown this once.
#[component]
pub(in crate::pages) fn Made(
    token: String,
    open: RwSignal<bool>,
    shown: Shown,
    #[prop(default = "token")] what: &'static str,
    /// Why it is never shown again.
    #[prop(default = "here it is kept only as a hash")]
    kept: &'static str,
    #[prop(default = "Copy the token")] copy: &'static str,
) -> impl IntoView {
    let done = move |()| {
        shown.set(false);
        open.set(false);
    };
    view! {
        <div class="form">
            <Banner kind=Kind::Warn title="Copy it now">{format!("It is shown only this once; {kept}.")}</Banner>
            <Show when=move || shown.is_asked.get()>
                <Banner kind=Kind::Error title=format!("The {what} is not copied yet")>
                    "Copy it first, or press Done to close this without it."
                </Banner>
            </Show>
            <div class="secret">
                <code>{token.clone()}</code>
                <CopyButton text=token label=copy on_copied=move |()| shown.set(false)/>
            </div>
            <div class="form-actions">
                <Button variant=Variant::Primary on_click=done>"Done"</Button>
            </div>
        </div>
    }
}

pub(in crate::pages) fn lifetimes() -> Vec<SelectOption> {
    [("7", "In 7 days"), ("30", "In 30 days"), ("90", "In 90 days"), ("365", "In a year")]
        .map(|(days, label)| SelectOption::new(days, label))
        .to_vec()
}

/// The password once more, because it was given long ago; then what was asked for goes on by itself.
#[component]
fn ConfirmPassword(
    is_busy: Memo<bool>,
    #[prop(into)] on_back: Callback<()>,
    #[prop(into)] on_done: Callback<()>,
) -> impl IntoView {
    let email = use_session().user_untracked().map(|user| user.email).unwrap_or_default();
    let password = RwSignal::new(String::new());
    let confirm = Action::new(|password: &String| api::confirm_password(password.clone()));
    let error = outcome(confirm, move |()| on_done.run(()));
    let is_busy = Signal::derive(move || is_busy.get() || confirm.pending().get());
    view! {
        <form
            class="form"
            novalidate
            on:submit=move |event| {
                event.prevent_default();
                confirm.dispatch(password.get_untracked());
            }
        >
            <p>"A token can act for you while you are away. Give your password again, so that nobody else makes one at your desk."</p>
            <FormError error fields=&["password"]/>
            <input type="hidden" name="username" autocomplete="username" value=email/>
            <Field id="confirm-password" label="Password" required=true error=at_field(error, "password")>
                <TextInput value=password kind="password" autocomplete="current-password" autofocus=true/>
            </Field>
            <div class="form-actions">
                <Button on_click=move |()| on_back.run(())>"Back"</Button>
                <Button variant=Variant::Primary kind=ButtonType::Submit loading=is_busy>"Confirm and create"</Button>
            </div>
        </form>
    }
}
