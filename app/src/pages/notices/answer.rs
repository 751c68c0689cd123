//! What came of a test, in the words of the other side, and of a change that came too late.

use leptos::prelude::*;
use workflow::api::{ErrorCode, NoticeTest};

use crate::{
    components::{Banner, Button, Kind, Size},
    error::AppError,
    form::ErrorBanner,
};

#[component]
#[expect(clippy::needless_pass_by_value, reason = "a component takes its props by value")]
pub(super) fn Answer(
    /// Whom it was sent to.
    to: String,
    test: NoticeTest,
) -> impl IntoView {
    let (kind, title) = if test.is_sent {
        (Kind::Success, format!("The test reached {to}"))
    } else {
        (Kind::Error, format!("The test did not reach {to}"))
    };
    view! { <Banner kind title><span dir="auto">{test.said}</span></Banner> }
}

/// An error of a change of the settings that none of the fields shows. Where somebody else was faster, theirs can be had.
#[component]
pub(super) fn Refused(
    error: Signal<Option<AppError>>,
    #[prop(default = &[])] fields: &'static [&'static str],
    on_reload: Callback<()>,
) -> impl IntoView {
    move || {
        let error = error.get()?;
        if error.0.field.as_deref().is_some_and(|field| fields.contains(&field)) {
            return None;
        }
        let is_late = error.code() == ErrorCode::StaleRevision;
        let action = move || {
            is_late.then(|| {
                view! {
                    <Button size=Size::Sm icon="refresh-cw" on_click=move |()| on_reload.run(())>
                        "Show what is there now"
                    </Button>
                }
            })
        };
        Some(view! { <ErrorBanner error action/> })
    }
}
