//! Trigger, retry and re-run: what runs again and what that costs, with another prompt or other inputs if wanted.
//! Both belong to this run; the template is never touched. What was typed stays until the server took it.

use std::collections::BTreeSet;

use leptos::prelude::*;
use workflow::{
    StepKey, StepStatus,
    api::{RerunMode, RerunStep, TriggerStep},
    rerun::closure,
};

use super::{
    blast::Blast,
    edits::Edits,
    failures::VerbError,
    one_step::{Ask, OneStep, Sender},
    restored::Restored,
    seen::{OvertakenGoOn, Seen},
    verbs::Verb,
};
use crate::reactive::{effect, memo};
use crate::{
    components::{Button, Dialog, RadioList, Size, Variant},
    form::focus_first_error,
};

const MODES: [(&str, &str, &str); 3] = [
    ("step", "This step only", "Later steps keep what they have, and turn stale if the result differs"),
    ("downstream", "With every later step", "Every later step runs again after it"),
    ("stale", "With later steps that are stale", "Only those run again after it"),
];

fn mode_of(text: &str) -> RerunMode {
    match text {
        "downstream" => RerunMode::Downstream,
        "stale" => RerunMode::StaleDownstream,
        _ => RerunMode::StepOnly,
    }
}

#[component]
pub(super) fn RerunDialog(one: OneStep, open: RwSignal<bool>) -> impl IntoView {
    let mode_text = RwSignal::new("step".to_owned());
    let mode = Signal::derive(move || mode_of(&mode_text.get()));
    let edits = Edits::new(one, "again", "retry-prompt");
    let sender = Sender::new(one, move || {
        open.set(false);
        edits.forget();
    });
    let seen = Seen::generation_of(one, open, sender);
    let owner = StoredValue::new(Owner::current());
    let load = move || edits.load(owner);
    // The prompt is read when the dialog opens, so that it is the one in force then.
    effect(move || {
        if !open.get() {
            return;
        }
        seen.look();
        sender.clear();
        mode_text.set("step".to_owned());
        load();
    });
    let (refused, elsewhere) = edits.refused(sender.error);
    let verb = move || Verb::Again.label(one.status.get());
    let is_ready = move || one.status.get() == StepStatus::Ready;
    let send = move || {
        let Ok(inputs) = edits.inputs() else { return focus_first_error() };
        let (prompt_override, expect_generation) = (edits.prompt_override(), seen.generation());
        sender.send(match mode.get_untracked() {
            RerunMode::StepOnly => Ask::Trigger(TriggerStep { prompt_override, inputs, expect_generation }),
            mode => Ask::Rerun(RerunStep { mode, dry_run: false, prompt_override, inputs, expect_generation }),
        });
    };
    let body = move || match edits.known.known.get() {
        None => edits.known.placeholder(),
        Some(known) => view! {
            <Restored of=one.subject() form="again" on_discard=move |()| load()/>
            {edits.view(known, refused)}
            <Show when=move || !is_ready()>
                <RadioList value=mode_text choices=MODES.to_vec() name="rerun-mode" label="What runs again"/>
                <Blast live=one.live keys=keys(one, mode)/>
            </Show>
        }
        .into_any(),
    };
    let actions = move || {
        view! {
            <Button on_click=move |()| open.set(false)>"Close"</Button>
            <Button
                variant=Variant::Primary
                icon="rotate-cw"
                loading=sender.pending()
                disabled=Signal::derive(move || edits.known.known.with(Option::is_none) || seen.is_overtaken.get())
                on_click=move |()| send()
            >
                {verb}
            </Button>
        }
    };
    let description = Signal::derive(move || {
        if is_ready() {
            "It is queued. What you change here is used when it starts, which it does at once.".to_owned()
        } else {
            "The step begins again. Earlier versions stay, and are the latest until a new one is there.".to_owned()
        }
    });
    view! {
        <Dialog
            id="retry"
            open
            title=Signal::derive(move || format!("{} “{}”", verb(), one.title()))
            size=Size::Lg
            description
            actions=actions
        >
            <div class="stack">
                <VerbError error=elsewhere/>
                <OvertakenGoOn seen text="What you typed is still here. Sent now, it would begin the step again after that."/>
                {body}
            </div>
        </Dialog>
    }
}

/// What runs again.
fn keys(one: OneStep, mode: Signal<RerunMode>) -> Memo<BTreeSet<StepKey>> {
    memo(move || {
        let (key, mode) = (one.key(), mode.get());
        one.live.slowly(|run| closure(run, &key, mode))
    })
}
