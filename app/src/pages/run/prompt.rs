//! The prompt in force for the chosen step, beside the template's own where this run changed it, and under it what the last attempt sent and
//! got for it. Must read what was sent only when somebody opens it.

use leptos::prelude::*;

use super::{attempts::used_words, one_step::OneStep, transcript::TranscriptFolds};
use crate::reactive::memo;
use crate::{
    api,
    components::{CodeView, Diff, Empty, Skeleton, SkeletonKind},
    load::PartFailed,
};

#[component]
pub(super) fn Prompt(one: OneStep) -> impl IntoView {
    let generation = memo(move || one.read(|step| step.generation));
    let prompt = Resource::new(move || generation.get(), move |_| api::step_prompt(one.live.id, one.key()));
    view! {
        <Transition fallback=|| view! { <Skeleton kind=SkeletonKind::Row/> }>
            {move || Suspend::new(async move {
                match prompt.await {
                    Ok(prompt) => match (prompt.effective, prompt.of_template) {
                        (Some(now), Some(before)) if now != before => view! {
                            <p class="muted small">"Changed for this run only; the workflow keeps its own"</p>
                            <Diff before after=now title="From the prompt of the workflow to that of this run"/>
                        }
                        .into_any(),
                        (Some(now), _) => view! { <CodeView text=now title="Prompt" wrap=true/> }.into_any(),
                        _ => view! { <Empty icon="text" title="No prompt" text="Agents of this kind have no prompt"/> }.into_any(),
                    },
                    Err(error) => view! { <PartFailed error on_retry=move |()| prompt.refetch()/> }.into_any(),
                }
            })}
        </Transition>
        <SentPrompt one/>
    }
}

/// What the last attempt that is over told the model and what came back; nothing where no model is asked.
#[component]
fn SentPrompt(one: OneStep) -> impl IntoView {
    let last = memo(move || {
        one.read(|step| {
            let over = step.attempts.iter().rev().find(|attempt| attempt.outcome.is_some());
            over.filter(|_| step.kind == "llm").map(|attempt| attempt.number)
        })
    });
    move || {
        last.get().map(|attempt| {
            let used = memo(move || used_words(one, attempt));
            view! {
                <section class="sent-prompt" aria-label=format!("As it was sent, attempt {attempt}")>
                    <h3 class="muted small">{format!("As it was sent, attempt {attempt}")}</h3>
                    {move || used.get().map(|used| view! { <p class="muted small">{used}</p> })}
                    <TranscriptFolds one attempt/>
                </section>
            }
        })
    }
}
