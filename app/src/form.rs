//! What forms share: where an error of the server belongs, and what follows when it is done.
//! Must never clear what was typed.

use leptos::prelude::*;
use workflow::api::{ApiError, ErrorCode};

use crate::reactive::effect;
use crate::{
    components::{Banner, Button, Kind, Size, quoted},
    error::AppError,
    session::Session,
};

/// Follows an action: runs `on_ok` with each success, opens the sign-in dialog when the session has ended, and gives the error to show.
pub fn outcome<I, O>(
    action: Action<I, Result<O, AppError>>,
    on_ok: impl Fn(O) + Send + Sync + 'static,
) -> Signal<Option<AppError>>
where
    I: Send + Sync + 'static,
    O: Clone + Send + Sync + 'static,
{
    let session = expect_context::<Session>();
    let value = action.value();
    effect(move || match value.get() {
        Some(Ok(done)) => untrack(|| on_ok(done)),
        Some(Err(error)) => session.note(&error),
        None => {}
    });
    let pending = action.pending();
    Signal::derive(move || {
        if pending.get() {
            return None;
        }
        let error = value.with(|value| value.as_ref().and_then(|result| result.as_ref().err().cloned()));
        // Once somebody has signed in again there is nothing left to say.
        error.filter(|error| !error.is_signed_out() || session.has_ended())
    })
}

/// The idempotency key of a request: sent again, because nobody knows what became of it, the same request keeps its key.
pub struct Once<I: Send + Sync + 'static>(StoredValue<Option<(I, Option<String>)>>);

impl<I: Send + Sync + 'static> Clone for Once<I> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<I: Send + Sync + 'static> Copy for Once<I> {}

impl<I: Clone + PartialEq + Send + Sync + 'static> Once<I> {
    pub fn new() -> Self {
        Self(StoredValue::new(None))
    }

    pub fn key(self, asked: &I) -> Option<String> {
        let known =
            self.0.with_value(|last| last.as_ref().filter(|(last, _)| last == asked).map(|(_, key)| key.clone()));
        known.unwrap_or_else(|| {
            let key = random_id();
            self.0.set_value(Some((asked.clone(), key.clone())));
            key
        })
    }

    /// What was sent last and is not known to be done.
    pub fn last(self) -> Option<I> {
        self.0.with_value(|last| last.as_ref().map(|(asked, _)| asked.clone()))
    }

    /// It is known what became of it: the same wish is another request from now on.
    pub fn forget(self) {
        self.0.try_set_value(None);
    }
}

impl<I: Clone + PartialEq + Send + Sync + 'static> Default for Once<I> {
    fn default() -> Self {
        Self::new()
    }
}

/// The words for one field, if the error is about it.
pub fn at_field(error: Signal<Option<AppError>>, field: &'static str) -> Signal<Option<String>> {
    Signal::derive(move || {
        error.with(|error| {
            error.as_ref().filter(|error| error.0.field.as_deref() == Some(field)).map(|error| error.0.detail.clone())
        })
    })
}

/// An error that belongs to none of the fields shown; one that asks to sign in again has its dialog.
#[component]
pub fn FormError(
    error: Signal<Option<AppError>>,
    /// The fields that show their own errors.
    #[prop(default = &[])]
    fields: &'static [&'static str],
) -> impl IntoView {
    move || {
        let error = error.get()?;
        let is_elsewhere = error.0.field.as_deref().is_some_and(|field| fields.contains(&field));
        (!is_elsewhere).then(|| view! { <ErrorBanner error/> })
    }
}

/// An error with the way to send the same again, where that may help.
#[component]
pub fn TryAgain(error: AppError, #[prop(into)] again: Callback<()>) -> impl IntoView {
    let may_help = error.may_try_again();
    let action = move || {
        may_help.then(
            || view! { <Button size=Size::Sm icon="refresh-cw" on_click=move |()| again.run(())>"Try again"</Button> },
        )
    };
    view! { <ErrorBanner error action/> }
}

/// An error with everything that helps: what happened, and the id to quote.
#[component]
pub fn ErrorBanner(error: AppError, #[prop(optional, into)] action: ViewFn) -> impl IntoView {
    let id = error.0.id.clone().map(|id| view! { " Quote " <code>{id}</code> " when you ask for help." });
    view! {
        <Banner kind=Kind::Error action>
            <span>{quoted(&error.0.detail)}</span>
            {id}
        </Banner>
    }
}

/// The error that a plain form brought back in the address, in words of our own: anybody can make such an address, so nothing of it
/// is believed but which kind of error it names, and which of these fields.
pub fn error_of_address(error: &AppError, fields: &[&str]) -> AppError {
    let detail = match error.code() {
        ErrorCode::WrongCredentials => "The email or the password is wrong. Check both and try again.",
        ErrorCode::TooManyRequests => "Too many attempts. Wait a little and try again.",
        ErrorCode::Conflict => "This server already has an admin. Sign in instead.",
        ErrorCode::Unavailable => "The server is not available at the moment. Try again soon.",
        ErrorCode::Invalid => "This was not accepted. Check it and try again.",
        _ => "That did not work. Try again.",
    };
    let field = error.0.field.clone().filter(|field| fields.contains(&field.as_str()));
    let api =
        ApiError { status: 422, code: error.code(), detail: detail.to_owned(), field, problems: Vec::new(), id: None };
    AppError(api)
}

/// Ids and hosts as people list them: with commas, spaces or lines between.
pub fn listed(text: &str) -> Vec<String> {
    text.split([',', ';']).flat_map(str::split_whitespace).map(str::to_owned).collect()
}

/// An error that the browser found itself.
pub fn local_error(detail: impl Into<String>) -> AppError {
    let code = ErrorCode::Invalid;
    AppError(ApiError { status: 422, code, detail: detail.into(), field: None, problems: Vec::new(), id: None })
}

/// Puts the keyboard on the first field that has an error, once it is drawn.
pub fn focus_first_error() {
    request_animation_frame(|| {
        if let Ok(Some(field)) = document().query_selector("main [aria-invalid=true]") {
            use wasm_bindgen::JsCast;
            if let Some(field) = field.dyn_ref::<web_sys::HtmlElement>() {
                drop(field.focus());
            }
        }
    });
}

/// 128 random bits, where the browser has them. `randomUUID` is missing on plain http, `getRandomValues` is not.
pub fn random_id() -> Option<String> {
    let mut bytes = [0_u8; 16];
    window().crypto().ok()?.get_random_values_with_u8_array(&mut bytes).ok()?;
    Some(uuid::Builder::from_random_bytes(bytes).into_uuid().to_string())
}

/// A password that can be read out: no letters that look alike.
pub fn random_password() -> Option<String> {
    const LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";
    let mut bytes = [0_u8; 20];
    window().crypto().ok()?.get_random_values_with_u8_array(&mut bytes).ok()?;
    // 32 letters divide 256, so each is equally likely.
    let letters: Vec<char> = bytes.iter().map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect();
    Some(letters.chunks(5).map(|part| part.iter().collect::<String>()).collect::<Vec<_>>().join("-"))
}
