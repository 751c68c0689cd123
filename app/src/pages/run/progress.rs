//! How far the running attempt of a step says that it is.

use leptos::prelude::*;

use super::{
    one_step::OneStep,
    tellings::{progress_words, share},
};
use crate::{components::ProgressBar, reactive::memo};

/// Nothing until the attempt has said something.
#[component]
pub(super) fn AttemptProgress(one: OneStep) -> impl IntoView {
    let progress = memo(move || {
        let running =
            one.read(|step| step.attempts.last().filter(|last| last.outcome.is_none()).map(|last| last.number));
        running.and_then(|number| one.live.beside.with(|beside| beside.tellings.progress(&one.key(), number).cloned()))
    });
    let read = move |read: fn(&workflow::api::TaskProgress) -> String| {
        Signal::derive(move || progress.with(|progress| progress.as_ref().map(read)).unwrap_or_default())
    };
    let part = Signal::derive(move || progress.with(|progress| progress.as_ref().and_then(share)));
    let label = Signal::derive(move || format!("Progress of {}", one.title()));
    view! {
        <Show when=move || progress.with(Option::is_some)>
            <ProgressBar label share=part words=read(progress_words) note=read(|progress| progress.note.clone())/>
        </Show>
    }
}

/// The same in one line, for lists.
pub(super) fn brief(one: OneStep) -> Option<String> {
    let running =
        one.read(|step| step.attempts.last().filter(|last| last.outcome.is_none()).map(|last| last.number))?;
    one.live.beside.with(|beside| beside.tellings.progress(&one.key(), running).map(progress_words))
}
