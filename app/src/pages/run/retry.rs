//! Retry and re-run with an edited prompt. The edit belongs to this run; the template is never touched.
//! What was typed stays until the server took it.

use leptos::{prelude::*, task::spawn_local};
use workflow::{
    RunView, StepKey, StepStatus,
    api::{StepPrompt, TriggerStep},
};

use super::{state::LiveRun, step_panel::VerbError};
use crate::{
    api,
    components::{Button, Dialog, Diff, Field, Size, Skeleton, SkeletonKind, TextArea, Variant, dom},
    error::AppError,
};

type Trigger = Action<TriggerStep, Result<RunView, AppError>>;

#[expect(clippy::too_many_lines, reason = "one dialog: its state, its body and its foot")]
#[component]
pub(super) fn RetryDialog(
    live: LiveRun,
    key: StepKey,
    status: Memo<StepStatus>,
    open: RwSignal<bool>,
    again: Trigger,
) -> impl IntoView {
    let stored = StoredValue::new(key);
    let text = RwSignal::new(String::new());
    let known = RwSignal::new(None::<StepPrompt>);
    let load_error = RwSignal::new(None::<AppError>);
    let error = live.verb(again, move || open.set(false));
    // The feed may tell of the new generation before the answer does, or instead of it.
    let generation =
        Memo::new(move |_| live.run.with(|run| stored.with_value(|key| run.step(key).map(|step| step.generation))));
    Effect::new(move |before: Option<Option<i32>>| {
        let now = generation.get();
        if before.is_some_and(|before| before != now) {
            open.set(false);
        }
        now
    });
    // The prompt is read when the dialog opens, so that it is the one in force then.
    Effect::new(move || {
        if !open.get() {
            return;
        }
        known.set(None);
        load_error.set(None);
        spawn_local(async move {
            match api::step_prompt(live.id, stored.get_value()).await {
                Ok(prompt) => {
                    text.set(prompt.effective.clone().unwrap_or_default());
                    known.set(Some(prompt));
                    // The dialog opened before there was a field to begin at.
                    request_animation_frame(|| {
                        if let Some(field) = dom::by_id("retry-prompt") {
                            dom::focus(&field);
                        }
                    });
                }
                Err(error) => load_error.set(Some(error)),
            }
        });
    });
    let verb = move || if status.get() == StepStatus::Failed { "Retry" } else { "Re-run" };
    let title = Signal::derive(move || {
        let title = live.run.with(|run| stored.with_value(|key| run.step(key).map(|step| step.title.clone())));
        format!("{} “{}”", verb(), title.unwrap_or_default())
    });
    let send = move || {
        let Some(prompt) = known.get_untracked() else { return };
        let text = text.get_untracked();
        let prompt_override = match (&prompt.effective, &prompt.of_template) {
            (Some(now), _) if *now == text => None,
            (_, Some(template)) if *template == text => Some(None),
            (Some(_), _) => Some(Some(text)),
            (None, _) => None,
        };
        let expect_generation =
            live.run.with_untracked(|run| stored.with_value(|key| run.step(key).map(|step| step.generation)));
        again.dispatch(TriggerStep { prompt_override, inputs: None, expect_generation });
    };
    let is_changed = move || {
        known.with(|known| {
            known.as_ref().and_then(|known| known.effective.as_ref()).is_some_and(|now| text.with(|text| text != now))
        })
    };
    let body = move || {
        known.get().map_or_else(
            || view! { <Skeleton kind=SkeletonKind::Row/> }.into_any(),
            |prompt| {
                let Some(effective) = prompt.effective else {
                    return view! { <p>"It runs again with the same settings and the newest inputs."</p> }.into_any();
                };
                let template = prompt.of_template.unwrap_or_default();
                let reset = template.clone();
                view! {
                    <Field id="retry-prompt" label="Prompt" help="A template over the step's inputs. The change stays in this run.">
                        <TextArea value=text rows=8 mono=true/>
                    </Field>
                    <Show when=move || text.with(|text| *text != template)>
                        <Button size=Size::Sm variant=Variant::Quiet icon="undo-2" on:click={
                            let reset = reset.clone();
                            move |_| text.set(reset.clone())
                        }>"Use the template's prompt"</Button>
                    </Show>
                    <Show when=is_changed>
                        <Diff before=effective.clone() after=text title="What changes"/>
                    </Show>
                }
                .into_any()
            },
        )
    };
    let actions = move || {
        view! {
            <Button on:click=move |_| open.set(false)>"Close"</Button>
            <Button
                variant=Variant::Primary
                icon="rotate-cw"
                loading=again.pending()
                disabled=Signal::derive(move || known.with(Option::is_none))
                on:click=move |_| send()
            >
                {verb}
            </Button>
        }
    };
    view! {
        <Dialog
            id="retry"
            open
            title
            size=Size::Lg
            description="A new generation of this step begins. Its earlier versions stay readable; steps that already used them are left alone."
            actions=actions
        >
            <div class="stack">
                <VerbError error=Signal::derive(move || load_error.get())/>
                <VerbError error/>
                {body}
            </div>
        </Dialog>
    }
}
