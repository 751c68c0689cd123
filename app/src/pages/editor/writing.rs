//! The text of a note, or the title of a group, written where it stands on the canvas. What is in it is fetched when it is first needed.

use leptos::prelude::*;

use super::{draft::Draft, parts};
use crate::behind::Later;

/// Goes beside the canvas; shows the field while something is written.
#[component]
pub(super) fn Writing(draft: Draft) -> impl IntoView {
    let writing = draft.handle.writing();
    move || {
        writing.get().map(|what| {
            let what = StoredValue::new(what);
            view! { <Later part=parts::writing of=(draft, what)/> }
        })
    }
}
