//! Makes an API token: its name, what it may be used for and how long. Must never lose what was chosen while the password is asked for.

use leptos::prelude::*;
use workflow::{
    access::Scope,
    api::{CreatedToken, NewToken as Wanted},
};

use crate::{
    api,
    components::{Checkbox, DialogForm, Fault, Field, Select, TextInput},
    error::AppError,
    form::{FormError, at_field},
    pages::{
        new_secret::{Shown, lifetimes, making},
        token_row::label,
    },
    session::use_session,
};

/// What is chosen; it outlives the step that asks for the password.
#[derive(Clone, Copy)]
struct Choice {
    name: RwSignal<String>,
    run: RwSignal<bool>,
    review: RwSignal<bool>,
    admin: RwSignal<bool>,
    metrics: RwSignal<bool>,
    days: RwSignal<String>,
}

impl Choice {
    fn wanted(self) -> Wanted {
        let scopes = [
            (self.run, Scope::Run),
            (self.review, Scope::Review),
            (self.admin, Scope::Admin),
            (self.metrics, Scope::Metrics),
        ];
        let scopes = scopes.into_iter().filter(|(is_on, _)| is_on.get_untracked()).map(|(_, scope)| scope);
        Wanted {
            name: self.name.get_untracked(),
            scopes: scopes.collect(),
            expires_in_days: self.days.get_untracked().parse().ok(),
        }
    }
}

#[component]
pub(super) fn NewToken(open: RwSignal<bool>, shown: Shown, #[prop(into)] on_done: Callback<()>) -> impl IntoView {
    let choice = Choice {
        name: RwSignal::new(String::new()),
        run: RwSignal::new(false),
        review: RwSignal::new(false),
        admin: RwSignal::new(false),
        metrics: RwSignal::new(false),
        days: RwSignal::new("90".to_owned()),
    };
    let create = Action::new(move |(): &()| api::create_token(choice.wanted()));
    let choose = move |error: Signal<Option<AppError>>| {
        view! {
            <DialogForm
                open
                submit="Create token"
                pending=create.pending()
                on_submit=move |()| {
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
            </DialogForm>
        }
        .into_any()
    };
    making("new-token", open, shown, create, |created: CreatedToken| created.token, on_done, choose)
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
                            <Checkbox
                                checked=choice.metrics
                                label=label(Scope::Metrics)
                                help="Read figures about this Weft (/metrics) and its queues; chosen alone, the token reads nothing else"
                            />
                        }
                    })}
            </div>
            <Fault text=error/>
        </fieldset>
    }
}
