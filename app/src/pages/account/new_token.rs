//! Makes an API token: its name, what it may be used for and how long; the password, if it was given long ago; then the token, which only
//! this dialog ever shows. Must never lose what was chosen while the password is asked for.

use leptos::prelude::*;
use workflow::{
    access::Scope,
    api::{CreatedToken, ErrorCode, NewToken as Wanted},
};

use crate::reactive::effect;
use crate::{
    api,
    components::{
        Banner, Button, ButtonType, Checkbox, CopyButton, Fault, Field, Kind, Select, SelectOption, TextInput, Variant,
        focus_in_dialog,
    },
    form::{FormError, at_field, outcome},
    pages::token_row::label,
    session::use_session,
};

/// What is chosen; it outlives the step that asks for the password.
#[derive(Clone, Copy)]
struct Choice {
    name: RwSignal<String>,
    run: RwSignal<bool>,
    review: RwSignal<bool>,
    admin: RwSignal<bool>,
    days: RwSignal<String>,
}

impl Choice {
    fn wanted(self) -> Wanted {
        let scopes = [(self.run, Scope::Run), (self.review, Scope::Review), (self.admin, Scope::Admin)];
        let scopes = scopes.into_iter().filter(|(is_on, _)| is_on.get_untracked()).map(|(_, scope)| scope);
        Wanted {
            name: self.name.get_untracked(),
            scopes: scopes.collect(),
            expires_in_days: self.days.get_untracked().parse().ok(),
        }
    }
}

#[derive(Clone, PartialEq, Eq)]
enum Step {
    Choose,
    Confirm,
    Made(String),
}

/// Whether a token is shown that nobody has copied, and whether somebody tried to close the dialog over it.
#[derive(Clone, Copy)]
pub(super) struct Shown {
    pub(super) is_uncopied: RwSignal<bool>,
    pub(super) is_asked: RwSignal<bool>,
}

impl Shown {
    pub(super) fn new() -> Self {
        Self { is_uncopied: RwSignal::new(false), is_asked: RwSignal::new(false) }
    }

    pub(super) fn set(self, is_uncopied: bool) {
        self.is_uncopied.set(is_uncopied);
        self.is_asked.set(false);
    }
}

#[component]
pub(super) fn NewToken(open: RwSignal<bool>, shown: Shown, #[prop(into)] on_done: Callback<()>) -> impl IntoView {
    let choice = Choice {
        name: RwSignal::new(String::new()),
        run: RwSignal::new(false),
        review: RwSignal::new(false),
        admin: RwSignal::new(false),
        days: RwSignal::new("90".to_owned()),
    };
    let step = RwSignal::new(Step::Choose);
    let create = Action::new(move |(): &()| api::create_token(choice.wanted()));
    let error = outcome(create, move |created: CreatedToken| {
        step.set(Step::Made(created.token));
        shown.set(true);
        on_done.run(());
        // The form that had the focus is gone; Esc would go past the dialog.
        focus_in_dialog("new-token");
    });
    let wants_password =
        move || error.with(|error| error.as_ref().is_some_and(|error| error.code() == ErrorCode::ConfirmPassword));
    effect(move || {
        if wants_password() {
            step.set(Step::Confirm);
            focus_in_dialog("new-token");
        } else if error.with(Option::is_some) {
            step.set(Step::Choose);
        }
    });
    let error = Signal::derive(move || if wants_password() { None } else { error.get() });
    let retry = Callback::new(move |()| {
        create.dispatch(());
    });
    move || {
        match step.get() {
        Step::Choose => view! {
            <form
                class="form"
                novalidate
                on:submit=move |event| {
                    event.prevent_default();
                    create.dispatch(());
                }
            >
                <FormError error fields=&["name", "expires_in_days", "scopes"]/>
                <Field id="token-name" label="Name" required=true help="What will use it, such as “nightly import”" error=at_field(error, "name")>
                    <TextInput value=choice.name autocomplete="off" autofocus=true/>
                </Field>
                <Scopes choice error=at_field(error, "scopes")/>
                <Field id="token-days" label="Expires" error=at_field(error, "expires_in_days")>
                    <Select value=choice.days options=lifetimes()/>
                </Field>
                <div class="form-actions">
                    <Button on_click=move |()| open.set(false)>"Close"</Button>
                    <Button variant=Variant::Primary kind=ButtonType::Submit loading=create.pending()>"Create token"</Button>
                </div>
            </form>
        }
        .into_any(),
        Step::Confirm => view! { <ConfirmPassword is_busy=create.pending() on_back=move |()| step.set(Step::Choose) on_done=retry/> }.into_any(),
        Step::Made(token) => view! { <Made token open shown/> }
        .into_any(),
    }
    }
}

#[component]
fn Made(token: String, open: RwSignal<bool>, shown: Shown) -> impl IntoView {
    let done = move |()| {
        shown.set(false);
        open.set(false);
    };
    view! {
        <div class="form">
            <Banner kind=Kind::Warn title="Copy it now">"It is shown only this once; here it is kept only as a hash."</Banner>
            <Show when=move || shown.is_asked.get()>
                <Banner kind=Kind::Error title="The token is not copied yet">
                    "Copy it first, or press Done to close this without it."
                </Banner>
            </Show>
            <div class="secret">
                <code>{token.clone()}</code>
                <CopyButton text=token label="Copy the token" on_copied=move |()| shown.set(false)/>
            </div>
            <div class="form-actions">
                <Button variant=Variant::Primary on_click=done>"Done"</Button>
            </div>
        </div>
    }
}

fn lifetimes() -> Vec<SelectOption> {
    [("7", "In 7 days"), ("30", "In 30 days"), ("90", "In 90 days"), ("365", "In a year")]
        .map(|(days, label)| SelectOption::new(days, label))
        .to_vec()
}

#[component]
fn Scopes(choice: Choice, error: Signal<Option<String>>) -> impl IntoView {
    let is_admin = use_session().user_untracked().is_some_and(|user| user.is_admin());
    let always = RwSignal::new(true);
    view! {
        <fieldset class="field">
            <legend class="field-label">"May be used to"</legend>
            <div class="stack" data-gap="2">
                <Checkbox checked=always disabled=true label=label(Scope::Read) help="See what you see; every token may"/>
                <Checkbox checked=choice.run label=label(Scope::Run) help="Start runs and steer them"/>
                <Checkbox checked=choice.review label=label(Scope::Review) help="Approve, edit and reject, and answer forms"/>
                {is_admin
                    .then(|| {
                        view! {
                            <Checkbox checked=choice.admin label=label(Scope::Admin) help="Draw workflows, make agents, manage people"/>
                        }
                    })}
            </div>
            <Fault text=error/>
        </fieldset>
    }
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
