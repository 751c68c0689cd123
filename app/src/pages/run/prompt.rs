//! The prompt in force for the chosen step, beside the template's own where this run changed it.

use leptos::prelude::*;

use super::one_step::OneStep;
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
                            <p class="muted small">"Changed for this run only; the template keeps its own"</p>
                            <Diff before after=now title="Template to this run"/>
                        }
                        .into_any(),
                        (Some(now), _) => view! { <CodeView text=now title="Prompt" wrap=true/> }.into_any(),
                        _ => view! { <Empty icon="text" title="No prompt" text="Agents of this kind have no prompt"/> }.into_any(),
                    },
                    Err(error) => view! { <PartFailed error on_retry=move |()| prompt.refetch()/> }.into_any(),
                }
            })}
        </Transition>
    }
}
