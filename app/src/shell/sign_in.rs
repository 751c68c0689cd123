//! The dialog over a page whose session has ended: sign in again, and everything typed is still there.

use leptos::prelude::*;

use crate::{
    api,
    behind::LaterDialogs,
    components::{Button, ButtonType, Dialog, Field, Size, TextInput, Variant},
    error::AppError,
    form::{FormError, outcome},
    later::{View, later},
    session::{Session, use_session},
};

later! {
    more: question, View<Session>, |session| view! { <Question session/> }.into_any();
}

#[component]
pub(super) fn SignInDialog() -> impl IntoView {
    let session = use_session();
    let asks = session.asks();
    view! { <LaterDialogs part=question of=session wanted=asks on_failure=move |()| asks.set(false)/> }
}

#[component]
fn Question(session: Session) -> impl IntoView {
    view! {
        <Dialog
            id="sign-in-again"
            open=session.asks()
            size=Size::Sm
            title="Sign in again"
            description="Your session has ended. What you wrote on this page is kept."
        >
            <Again session/>
        </Dialog>
    }
}

#[component]
fn Again(session: Session) -> impl IntoView {
    let email = session.user_untracked().map(|user| user.email).unwrap_or_default();
    let password = RwSignal::new(String::new());
    let sign_in = Action::new({
        let email = email.clone();
        move |password: &String| sign_in(email.clone(), password.clone())
    });
    let error = outcome(sign_in, move |actor| match actor {
        Some(actor) => session.begin(actor),
        // Signed in, and out again at once: a browser that keeps no cookies.
        None => session.asks().set(true),
    });
    view! {
        <form
            class="form"
            novalidate
            on:submit=move |event| {
                event.prevent_default();
                sign_in.dispatch(password.get_untracked());
            }
        >
            <FormError error/>
            <input type="hidden" name="username" autocomplete="username" value=email.clone()/>
            <p>"Account: " <strong>{email.clone()}</strong></p>
            <Field id="again-password" label="Password" required=true>
                <TextInput value=password kind="password" autocomplete="current-password" autofocus=true/>
            </Field>
            <div class="form-actions">
                <a href="/login" rel="external" class="push">"Use another account"</a>
                <Button variant=Variant::Primary kind=ButtonType::Submit loading=sign_in.pending()>"Sign in"</Button>
            </div>
        </form>
    }
}

async fn sign_in(email: String, password: String) -> Result<Option<workflow::access::Actor>, AppError> {
    api::login(email, password, String::new()).await?;
    api::current_user().await
}
