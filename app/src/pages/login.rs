//! Sign in, and on the first run create the admin. Works as a plain form before the WASM arrives.
//! Must never send anybody to another site, whatever `next` says.

use leptos::{form::ActionForm, prelude::*, server_fn::ServerFn};
use leptos_meta::Title;
use leptos_router::{
    NavigateOptions,
    components::Redirect,
    hooks::{use_navigate, use_query_map},
};
use workflow::api::SetupState;

use crate::reactive::{effect, memo};
use crate::{
    api::{self, CreateFirstAdmin, Login},
    components::{Button, ButtonType, Field, Size, Skeleton, SkeletonKind, TextInput, Variant},
    error::AppError,
    form::{FormError, at_field, error_of_address, local_error},
    load::PartFailed,
    return_path,
    session::use_session,
};

/// Those of the first run; signing in has the first two.
static FIELDS: [&str; 3] = ["email", "password", "token"];

#[component]
pub fn LoginPage() -> impl IntoView {
    let query = use_query_map();
    let next =
        memo(move || query.with(|query| return_path::safe_next(&query.get("next").unwrap_or_default()).to_owned()));
    if use_session().user_untracked().is_some() {
        return view! { <Redirect path=next.get_untracked()/> }.into_any();
    }
    let setup = Resource::new(|| (), |()| api::setup_state());
    view! {
        <main class="auth" id="main">
            <div class="auth-card">
                <div class="auth-brand">
                    <img src=crate::site::favicon() alt="" width="28" height="28"/>
                    <span>"Weft"</span>
                </div>
                <Transition fallback=|| view! { <FormSkeleton/> }>
                    {move || Suspend::new(async move {
                        match setup.await {
                            Ok(SetupState { needs_admin: true, needs_token }) => {
                                view! { <FirstRun needs_token/> }.into_any()
                            }
                            Ok(_) => view! { <SignIn next/> }.into_any(),
                            Err(error) => {
                                view! {
                                    <Title text="Sign in"/>
                                    <h1>"Sign in"</h1>
                                    <PartFailed error on_retry=move |()| setup.refetch()/>
                                }
                                    .into_any()
                            }
                        }
                    })}
                </Transition>
            </div>
        </main>
    }
    .into_any()
}

#[component]
fn FormSkeleton() -> impl IntoView {
    view! {
        <div class="form" aria-busy="true">
            <Skeleton kind=SkeletonKind::Control/>
            <Skeleton kind=SkeletonKind::Control/>
            <Skeleton kind=SkeletonKind::Control/>
        </div>
    }
}

#[component]
fn SignIn(next: Memo<String>) -> impl IntoView {
    let login = ServerAction::<Login>::new();
    let error = answer(login, next);
    let email = RwSignal::new(String::new());
    let password = RwSignal::new(String::new());
    view! {
        <Title text="Sign in"/>
        <h1>"Sign in"</h1>
        <ActionForm action=login attr:class="form" attr:novalidate=true>
            <FormError error fields=&FIELDS[..2]/>
            <input type="hidden" name="next" value=next/>
            <Field id="email" label="Email" error=at_field(error, "email")>
                <TextInput value=email name="email" kind="email" autocomplete="username" autofocus=true/>
            </Field>
            <Field id="password" label="Password" error=at_field(error, "password")>
                <TextInput value=password name="password" kind="password" autocomplete="current-password"/>
            </Field>
            <Button variant=Variant::Primary size=Size::Lg kind=ButtonType::Submit block=true loading=login.pending()>
                "Sign in"
            </Button>
        </ActionForm>
    }
}

#[component]
fn FirstRun(needs_token: bool) -> impl IntoView {
    let create = ServerAction::<CreateFirstAdmin>::new();
    let next = Memo::new(|_| "/dashboard".to_owned());
    let error = answer(create, next);
    let email = RwSignal::new(String::new());
    let password = RwSignal::new(String::new());
    let token = RwSignal::new(String::new());
    let token_field = needs_token.then(|| {
        view! {
            <Field
                id="token"
                label="Setup token"
                help="The server printed it when it started: whoever can read its log may create the admin"
                error=at_field(error, "token")
            >
                <TextInput value=token name="token" mono=true autocomplete="off"/>
            </Field>
        }
    });
    view! {
        <Title text="Create the admin account"/>
        <h1>"Create the admin account"</h1>
        <p>"This is a new Weft. The first account administers it: people, agents and workflows."</p>
        <ActionForm action=create attr:class="form" attr:novalidate=true>
            <FormError error fields=&FIELDS/>
            {token_field}
            <Field id="email" label="Email" error=at_field(error, "email")>
                <TextInput value=email name="email" kind="email" autocomplete="username" autofocus=true/>
            </Field>
            <Field id="password" label="Password" help="At least 12 characters" error=at_field(error, "password")>
                <TextInput value=password name="password" kind="password" autocomplete="new-password"/>
            </Field>
            <Button variant=Variant::Primary size=Size::Lg kind=ButtonType::Submit block=true loading=create.pending()>
                "Create account"
            </Button>
        </ActionForm>
    }
}

/// Goes on once signed in; otherwise gives the error to show, also the one that a plain form brought back in the address.
fn answer<S>(action: ServerAction<S>, next: Memo<String>) -> Signal<Option<AppError>>
where
    S: ServerFn<Output = (), Error = AppError> + Send + Sync + Clone + 'static,
{
    let session = use_session();
    let navigate = use_navigate();
    let value = action.value();
    let (pending, version) = (action.pending(), action.version());
    // Nothing was sent from here yet: whatever is there came with the address.
    let brought = value.with_untracked(|value| {
        let error = value.as_ref().and_then(|result| result.as_ref().err());
        error.map(|error| error_of_address(error, &FIELDS))
    });
    // What went wrong after the server had agreed.
    let later = RwSignal::new(None::<AppError>);
    effect(move || {
        if !value.with(|value| matches!(value, Some(Ok(())))) {
            return;
        }
        let navigate = navigate.clone();
        leptos::task::spawn_local(async move {
            match api::current_user().await {
                Ok(Some(actor)) => {
                    session.begin(actor);
                    let options = NavigateOptions { replace: true, ..NavigateOptions::default() };
                    navigate(&next.try_get_untracked().unwrap_or_default(), options);
                }
                Ok(None) => later.set(Some(local_error(
                    "You were signed in, but the browser did not keep the session. Allow cookies for this site and try again.",
                ))),
                Err(error) => later.set(Some(error)),
            }
        });
    });
    Signal::derive(move || {
        if pending.get() {
            return None;
        }
        if version.get() == 0 {
            return brought.clone();
        }
        let refused = value.with(|value| value.as_ref().and_then(|result| result.as_ref().err().cloned()));
        refused.or_else(|| later.get())
    })
}
