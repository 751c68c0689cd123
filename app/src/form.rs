//! What forms share: where an error of the server belongs, and what follows when it is done.
//! Must never clear what was typed.

use leptos::prelude::*;
use workflow::api::{ApiError, ErrorCode};

use crate::reactive::effect;
use crate::{
    components::{Banner, Kind},
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
        value.with(|value| value.as_ref().and_then(|result| result.as_ref().err().cloned()))
    })
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

/// An error with everything that helps: what happened, and the id to quote.
#[component]
pub fn ErrorBanner(error: AppError, #[prop(optional, into)] action: ViewFn) -> impl IntoView {
    let id = error.0.id.clone().map(|id| view! { " Quote " <code>{id}</code> " when you ask for help." });
    view! {
        <Banner kind=Kind::Error action>
            <span>{error.0.detail.clone()}</span>
            {id}
        </Banner>
    }
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
