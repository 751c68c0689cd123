//! A prompt is judged while it is typed, by what would refuse it when it is sent and in the words that the editor has for it.
//! The server judges: the checker of templates is no part of what this page loads. Must never stand in the way: who cannot be asked says nothing.

use std::time::Duration;

use leptos::{leptos_dom::helpers::TimeoutHandle, prelude::*, task::spawn_local};

use super::{one_step::OneStep, output_form::Ports};
use crate::{api, reactive::effect};

/// Somebody who types on has not written it yet.
const PAUSE: Duration = Duration::from_millis(600);

/// Puts what is wrong with the prompt into `fault`, which the caller empties when the prompt changes.
pub(super) fn judge(one: OneStep, known: Ports, prompt: RwSignal<String>, fault: RwSignal<Option<String>>) {
    let pause = StoredValue::new(None::<TimeoutHandle>);
    let clear = move || {
        if let Some(timer) = pause.try_update_value(Option::take).flatten() {
            timer.clear();
        }
    };
    effect(move || {
        let text = prompt.get();
        let has_prompt = known.known.with(|known| known.as_ref().is_some_and(|known| known.effective.is_some()));
        clear();
        if has_prompt && !text.trim().is_empty() {
            pause.set_value(set_timeout_with_handle(move || ask(one, text, prompt, fault), PAUSE).ok());
        }
    });
    on_cleanup(clear);
}

fn ask(one: OneStep, text: String, prompt: RwSignal<String>, fault: RwSignal<Option<String>>) {
    spawn_local(async move {
        let answer = api::prompt_fault(one.live.id, one.key(), text.clone()).await;
        // It may have been changed meanwhile, or its dialog be gone.
        let is_current = prompt.try_with_untracked(|now| *now == text) == Some(true);
        if let Ok(Some(found)) = answer
            && is_current
        {
            fault.try_set(Some(found));
        }
    });
}
